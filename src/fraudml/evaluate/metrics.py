"""Figures that answer the bureau's question: of those we would inspect, how many are cases?"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

CAPACITIES = (50, 100, 200, 500, 800)


def ranking_metrics(
    y: np.ndarray, score: np.ndarray, weight: np.ndarray | None = None, capacities: Iterable[int] = CAPACITIES
) -> dict[str, float]:
    """Area under the ROC curve, average precision, precision and recall at capacities.

    Parameters
    ----------
    y : 0/1. score : higher = more suspicious; missing scores rank last. weight : of rows, for the areas.
    capacities : list lengths; those longer than the table are left out.

    Returns
    -------
    ``auc``, ``average_precision``, ``positives``, ``rows``, ``precision_at_<k>``, ``recall_at_<k>``; areas are NaN where one class is
    missing. Ties count by their expectation.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    y = np.asarray(y, dtype=float)
    score = np.where(np.isnan(score), -np.inf, score).astype(float)
    finite = score[np.isfinite(score)]
    score = np.where(np.isinf(score), (finite.min() - 1) if len(finite) else 0.0, score)
    both = 0 < y.sum() < len(y)
    out = {
        "auc": float(roc_auc_score(y, score, sample_weight=weight)) if both else float("nan"),
        "average_precision": float(average_precision_score(y, score, sample_weight=weight)) if both else float("nan"),
        "positives": float(y.sum()),
        "rows": float(len(y)),
    }
    expected = _expected_hits(y, score)
    for capacity in capacities:
        if capacity <= len(y):
            out[f"precision_at_{capacity}"] = expected[capacity - 1] / capacity
            out[f"recall_at_{capacity}"] = expected[capacity - 1] / max(y.sum(), 1.0)
    return out


def _expected_hits(y: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Expected number of cases among the first k, for every k, ties in random order."""
    order = np.argsort(-score, kind="stable")
    _, run, length = np.unique(-score[order], return_inverse=True, return_counts=True)
    return np.cumsum((np.bincount(run, y[order]) / length)[run])


def calibration(y: np.ndarray, probability: np.ndarray, bins: int = 10) -> tuple[float, list[dict[str, float]]]:
    """Expected calibration error over equally filled bins, and the curve: mean probability, share of cases, rows."""
    order = np.argsort(probability, kind="stable")
    curve = []
    error = 0.0
    for part in np.array_split(order, min(bins, max(len(order), 1))):
        if len(part):
            said, seen = float(probability[part].mean()), float(np.mean(y[part]))
            curve.append({"said": said, "seen": seen, "rows": float(len(part))})
            error += abs(said - seen) * len(part) / len(order)
    return error, curve


def precision_recall_curve(y: np.ndarray, score: np.ndarray, points: int = 200) -> list[tuple[float, float]]:
    """Recall and precision along the ranking, at most so many points."""
    expected = _expected_hits(np.asarray(y, float), np.asarray(score, float))
    # closer together at the top of the ranking, which is what gets inspected
    at = np.unique(np.geomspace(1, len(expected), min(points, len(expected))).astype(int) - 1) if len(expected) else np.array([], int)
    total = max(float(np.sum(y)), 1.0)
    return [(float(expected[k] / total), float(expected[k] / (k + 1))) for k in at]
