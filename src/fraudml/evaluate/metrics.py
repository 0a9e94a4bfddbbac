"""Figures that answer the bureau's question: of those we would inspect, how many are cases?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

DRAWN = 1_000_000  # rows drawn in all, to say what chance brings
CAPACITIES = (50, 100, 200, 500, 800)


def ranking_metrics(
    y: np.ndarray,
    score: np.ndarray,
    weight: np.ndarray | None = None,
    capacities: Iterable[int] = CAPACITIES,
    amount: np.ndarray | None = None,
) -> dict[str, float]:
    """Area under the ROC curve, average precision, precision, recall and amount found at capacities.

    Parameters
    ----------
    y : 0/1. score : higher = more suspicious; missing scores rank last. weight : how many entities each row stands for.
    capacities : list lengths; those longer than the table are left out.
    amount : yuan of each row, found where it is a case.

    Returns
    -------
    ``auc``, ``average_precision``, ``positives``, ``rows``, ``precision_at_<k>``, ``recall_at_<k>``, with amounts
    ``amount_per_inspection_at_<k>``; areas are NaN where one class is missing. Ties count by their expectation.
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
    weight = np.ones(len(y)) if weight is None else weight
    cases = float(weight @ y)
    first = np.array([capacity for capacity in capacities if capacity <= weight.sum()], dtype=int)
    if not len(first):
        return out
    for capacity, hits in zip(first, expected_sum(y, score, weight, first), strict=True):
        out[f"precision_at_{capacity}"] = float(hits / capacity)
        out[f"recall_at_{capacity}"] = float(hits / max(cases, 1.0))
    if amount is not None:
        for capacity, found in zip(first, expected_sum(y * amount, score, weight, first), strict=True):
            out[f"amount_per_inspection_at_{capacity}"] = float(found / capacity)
    return out


def expected_sum(value: np.ndarray, score: np.ndarray, weight: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Expected sum of ``value`` (of cases: 0/1, of money: yuan) over the first k entities of a ranking, ties in random order.

    Parameters
    ----------
    weight : how many entities each row stands for.
    first : list lengths k.
    """
    distinct, run = np.unique(-score, return_inverse=True)
    mass = np.concatenate([[0.0], np.cumsum(np.bincount(run, weight, minlength=len(distinct)))])
    total = np.concatenate([[0.0], np.cumsum(np.bincount(run, weight * value, minlength=len(distinct)))])
    return np.interp(first, mass, total)


def calibration(
    y: np.ndarray, probability: np.ndarray, bins: int = 10, weight: np.ndarray | None = None
) -> tuple[float, list[dict[str, float]]]:
    """Expected calibration error over equally filled bins, and the curve: mean probability, share of cases with its interval, rows.

    The interval of a bin is Wilson's at 95 %, for as many rows as its weights are worth (Kish's effective number).
    """
    weight = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=float)
    order = np.argsort(probability, kind="stable")
    order = order[weight[order] > 0]
    curve: list[dict[str, float]] = []
    error = 0.0
    if not len(order):
        return float("nan"), curve
    place = (np.cumsum(weight[order]) - weight[order] / 2) / weight[order].sum()
    for number in range(min(bins, len(order))):
        part = order[np.minimum((place * min(bins, len(order))).astype(int), min(bins, len(order)) - 1) == number]
        if len(part):
            mass = weight[part].sum()
            said, seen = float(np.average(probability[part], weights=weight[part])), float(np.average(y[part], weights=weight[part]))
            low, high = wilson(seen, mass**2 / float((weight[part] ** 2).sum()))
            curve.append({"said": said, "seen": seen, "low": low, "high": high, "rows": float(len(part))})
            error += abs(said - seen) * mass / weight[order].sum()
    return float(error), curve


def chance_error(probability: np.ndarray, bins: int = 10, weight: np.ndarray | None = None, seed: int = 0) -> float:
    """The calibration error that perfectly calibrated probabilities would show on the average: what so few rows bring by chance.

    Cases are drawn with just these probabilities (the consistency resampling of Bröcker and Smith 2007, Increasing the reliability of
    reliability diagrams). Ten institutions in ten bins err by far even where every risk is right: an error is to be held against this.
    """
    random = np.random.default_rng(seed)
    likely = np.clip(np.asarray(probability, dtype=float), 0.0, 1.0)
    rounds = int(np.clip(DRAWN // max(len(likely), 1), 5, 100))  # the error of many rows hardly differs from draw to draw
    return float(
        np.mean([calibration((random.random(len(likely)) < likely).astype(float), likely, bins, weight)[0] for _ in range(rounds)])
    )


def calibration_error(y: np.ndarray, probability: np.ndarray, weight: np.ndarray | None = None) -> dict[str, float]:
    """``ece`` and, beside it, ``ece_by_chance`` (:func:`chance_error`)."""
    return {"ece": calibration(y, probability, weight=weight)[0], "ece_by_chance": chance_error(probability, weight=weight)}


def wilson(share: float, rows: float, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval of a share seen in so many rows (1927)."""
    if rows <= 0:
        return 0.0, 1.0
    middle = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
    half = z / (1 + z**2 / rows) * math.sqrt(share * (1 - share) / rows + z**2 / (4 * rows**2))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def bootstrap(measure: Callable[[np.ndarray], float], groups: np.ndarray, rounds: int = 200, seed: int = 0) -> tuple[float, float]:
    """The middle 95 % of a measure when entities are drawn anew: ``measure`` gets how often each row was drawn."""
    _, member = np.unique(groups, return_inverse=True)
    random = np.random.default_rng(seed)
    count = int(member.max()) + 1 if len(member) else 0
    drawn = [measure(np.bincount(random.integers(count, size=count), minlength=count)[member].astype(float)) for _ in range(rounds)]
    known = [value for value in drawn if value == value]
    return (float(np.quantile(known, 0.025)), float(np.quantile(known, 0.975))) if known else (float("nan"), float("nan"))


def precision_recall_curve(
    y: np.ndarray, score: np.ndarray, points: int = 200, weight: np.ndarray | None = None
) -> list[tuple[float, float]]:
    """Recall and precision along the ranking, at most so many points."""
    y, score = np.asarray(y, float), np.asarray(score, float)
    weight = np.ones(len(y)) if weight is None else weight
    if not len(y):
        return []
    # closer together at the top of the ranking, which is what gets inspected
    first = np.unique(np.geomspace(1, weight.sum(), min(points, len(y))).round())
    hits = expected_sum(y, score, weight, first)
    return [(float(hit / max(weight @ y, 1.0)), float(hit / k)) for k, hit in zip(first, hits, strict=True)]
