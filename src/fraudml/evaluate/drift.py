"""Have the data moved away from what a model learnt on: features, missing values, scores and volume."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

BINS = 10
WATCHED, SHIFTED = 0.1, 0.25  # Siddiqi 2006: a small and a large change of a population
CHANCE = 0.001  # of calling any feature shifted where nothing changed
LEVELS = 20  # values of a text column that are counted by themselves


@dataclass(frozen=True)
class Drift:
    """What changed since training.

    Attributes
    ----------
    features : one row per feature, heaviest change first: ``feature``, ``psi`` (population stability index; null where either side has no
        values), ``chance`` (the index that chance alone exceeds once in a thousand tables), ``missing_before``, ``missing_now``,
        ``importance`` (share of the model's gain), ``state`` (steady, watched, shifted).
    score : the same for the model's output, a dict.
    volume : claims of the newest month, the median of the training months, their lower and upper bounds.
    alarms : code -> figures, empty where nothing calls for a new model.
    """

    features: pd.DataFrame
    score: dict[str, Any]
    volume: dict[str, float]
    alarms: dict[str, dict[str, Any]] = field(default_factory=dict)


def reference(table: pd.DataFrame, score: np.ndarray, monthly: Mapping[str, int]) -> dict[str, Any]:
    """What later months are held against: counts of every feature by bins, of the score, and claims by month. Fit for JSON.

    Parameters
    ----------
    table : features of the population on the day of training, numbers or text.
    score : the model's output for the same rows.
    monthly : claims settled in each of the training months (YYYY-MM).
    """
    return {
        "rows": len(table),
        "features": {str(name): _counted(table[name]) for name in table},
        "score": _counted_numbers(np.asarray(score, dtype=float)),
        "monthly": dict(monthly),
    }


def drift(
    before: Mapping[str, Any],
    table: pd.DataFrame,
    score: np.ndarray,
    newest: int,
    importance: Mapping[str, float],
    *,
    weight: float = 0.2,
    missing: float = 0.1,
    volume: float = 0.3,
) -> Drift:
    """Compares a population with a model's :func:`reference`.

    Parameters
    ----------
    before : the reference.
    table, score : features and output now.
    newest : claims settled in the newest month.
    importance : share of the model's gain by feature.
    weight : share of the model's gain whose features must have shifted for an alarm.
    missing : change of the share of missing values that counts as a shift.
    volume : relative distance from the median month that is never an alarm.

    Notes
    -----
    The index of samples of n and m rows over b bins is by chance about (1/n + 1/m) times a chi-square variable with b - 1 degrees of
    freedom: a change counts only beyond what chance gives, corrected for the number of features, so that fifty institutions do not
    raise an alarm every month.

    References
    ----------
    Siddiqi 2006, Credit Risk Scorecards; Yurdakul and Naranjo 2020, Statistical properties of the population stability index.
    """
    import pandas as pd

    known = before["features"]
    rows = []
    for name, counted in known.items():
        now = table[name] if name in table else pd.Series(np.nan, index=table.index, dtype=float)
        rows.append({"feature": name} | _compared(counted, now, len(known), missing) | {"importance": float(importance.get(name, 0.0))})
    columns = ["feature", "psi", "chance", "missing_before", "missing_now", "state", "importance"]
    features = pd.DataFrame(rows, columns=columns)
    rank = features["state"].map({"shifted": 0, "watched": 1, "steady": 2})
    order = np.lexsort((features["feature"], -features["psi"].fillna(-1.0), -features["importance"], rank))
    features = features.iloc[order].reset_index(drop=True)
    found = Drift(
        features,
        _compared(before["score"], pd.Series(np.asarray(score, dtype=float)), 1, missing),
        _bounds(before["monthly"], newest, volume),
    )
    if found.score["state"] == "shifted":
        found.alarms["score"] = {"psi": found.score["psi"]}
    if not found.volume["low"] <= found.volume["newest"] <= found.volume["high"]:
        found.alarms["volume"] = found.volume
    moved = features[features["state"] == "shifted"]
    if moved["importance"].sum() >= weight:
        found.alarms["features"] = {"count": len(moved), "weight": float(moved["importance"].sum()), "first": list(moved["feature"][:5])}
    return found


def _counted(values: pd.Series) -> dict[str, Any]:
    from pandas.api.types import is_numeric_dtype

    if is_numeric_dtype(values):
        return _counted_numbers(values.to_numpy(dtype=float))
    present = values.dropna().astype(str)
    counts = present.value_counts()
    named = sorted(sorted(counts.index), key=lambda level: -counts[level])[:LEVELS]
    return {
        "levels": named,
        "counts": [*(int(counts[level]) for level in named), int(len(present) - sum(counts[level] for level in named))],
        "missing": int(values.isna().sum()),
    }


def _counted_numbers(values: np.ndarray) -> dict[str, Any]:
    present = values[np.isfinite(values)]
    edges = np.unique(np.quantile(present, np.linspace(0, 1, BINS + 1)[1:-1], method="lower")) if len(present) else np.array([])
    edges = edges[edges < present.max()] if len(present) else edges  # above the largest value there is no bin
    return {"edges": edges.tolist(), "counts": _binned(present, edges), "missing": int(len(values) - len(present))}


def _binned(present: np.ndarray, edges: np.ndarray) -> list[int]:
    """Counts per bin; a value on an edge belongs to the bin below, so that a mass of equal values stays together."""
    return np.bincount(np.searchsorted(edges, present, side="left"), minlength=len(edges) + 1).tolist()


def _compared(before: Mapping[str, Any], values: pd.Series, features: int, missing: float) -> dict[str, Any]:
    from scipy.stats import chi2

    if "levels" in before:
        present = values.dropna().astype(str)
        place = {level: number for number, level in enumerate(before["levels"])}
        counts = np.bincount(present.map(lambda level: place.get(level, len(place))).to_numpy(dtype=int), minlength=len(place) + 1)
    else:
        numbers = values.to_numpy(dtype=float)
        present = numbers[np.isfinite(numbers)]
        counts = np.array(_binned(present, np.array(before["edges"])))
    then = np.array(before["counts"], dtype=float)
    n, m = then.sum(), float(counts.sum())
    missing_before = before["missing"] / (n + before["missing"]) if n + before["missing"] else 0.0
    missing_now = (len(values) - m) / len(values) if len(values) else 0.0
    psi = chance = float("nan")
    if n and m and len(then) > 1:
        p, q = (then + 0.5) / (n + 0.5 * len(then)), (counts + 0.5) / (m + 0.5 * len(then))
        psi = float(((p - q) * np.log(p / q)).sum())
        chance = float((1 / n + 1 / m) * chi2.isf(CHANCE / features, len(then) - 1))
    beyond = psi > chance
    gone = abs(missing_now - missing_before) >= max(missing, _by_chance(missing_before, n + before["missing"], len(values), features))
    state = "shifted" if gone or (beyond and psi >= SHIFTED) else "watched" if beyond and psi >= WATCHED else "steady"
    return {"psi": psi, "chance": chance, "missing_before": missing_before, "missing_now": missing_now, "state": state}


def _by_chance(share: float, n: float, m: float, features: int) -> float:
    """How far the share of missing values of two samples of one population may lie apart."""
    from scipy.stats import norm

    if not n or not m:
        return float("inf")
    pooled = min(max(share, 1 / n), 1 - 1 / n)
    return float(norm.isf(CHANCE / features / 2) * np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m)))


def _bounds(monthly: Mapping[str, int], newest: int, least: float) -> dict[str, float]:
    """The range of usual months: the median ± three robust standard deviations, and never narrower than ± ``least`` of the median."""
    counts = np.array(list(monthly.values()), dtype=float)
    if not len(counts):
        return {"newest": newest, "median": float("nan"), "low": float("-inf"), "high": float("inf")}
    median = float(np.median(counts))
    width = max(3 * 1.4826 * float(np.median(np.abs(counts - median))), least * median)
    return {"newest": newest, "median": median, "low": median - width, "high": median + width}
