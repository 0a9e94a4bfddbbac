"""How good a model is on entities that it has not seen, beside what needs no model."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fraudml.evaluate.baselines import isolation_forest, total_amount
from fraudml.evaluate.metrics import CAPACITIES, bootstrap, calibration, precision_recall_curve, ranking_metrics
from fraudml.evaluate.pictures import curves, png

if TYPE_CHECKING:
    import pandas as pd

WITHOUT_MODEL = ("rules_by_amount", "total_amount", "random")
FEWEST_DRAWN = 20  # decided at random, below which nothing is said of them


@dataclass(frozen=True)
class Assessment:
    """Held-out figures of one target.

    Attributes
    ----------
    metrics : name -> value; baselines as ``<baseline>.<metric>``.
    lines : ranking -> precision–recall curve.
    calibrated : the calibration curve of the risk over decided entities, weighed to stand for the population.
    intervals : name -> (low, high), the middle 95 % under bootstrap of entities.
    """

    metrics: dict[str, float]
    lines: dict[str, list[tuple[float, float]]]
    calibrated: list[dict[str, float]]
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)

    def picture(self, title: str, path: Path) -> Path:
        """Writes both curves as PNG."""
        return png(curves(title, self.lines, self.calibrated), path)


def assess(rows: Any, parts: pd.DataFrame, risk: np.ndarray, seed: int = 0) -> Assessment:
    """Figures of out-of-fold risk, of its parts and of the baselines, one row per entity (its latest snapshot).

    Parameters
    ----------
    rows : a learning set (``fraudml.stages.learning_set.LearningSet``): table, y, groups, decided, population, cases.
    parts : rules, graph, outlier and out-of-fold supervised; risk : combined.

    Notes
    -----
    In the rankings, entities that nobody looked at count as no case: precision is a lower bound. Their rows stand for as many entities
    as they were drawn from. Where some were looked at because they were drawn at random, ``random_draws.*`` says what those show, which
    no choice of the inspectors bends. Calibration is measured on decided entities, see :func:`as_population`.
    """
    last = latest(rows.groups)
    table, y, parts, risk, decided = rows.table[last], rows.y[last], parts[last], risk[last], rows.decided[last]
    weight = np.where(rows.population[last] > 0, rows.population[last], 1.0)
    rankings = {
        "risk": risk,
        "supervised": parts["supervised"].to_numpy(dtype=float),
        "rules": parts["rules"].to_numpy(dtype=float),
        "outlier": parts["outlier"].to_numpy(dtype=float),
        "isolation_forest": isolation_forest(table, seed),
        "random": np.zeros(len(y)),
    }
    amount = total_amount(table)
    if amount is not None:
        rankings["total_amount"] = amount
        rankings["rules_by_amount"] = np.where(rankings["rules"] > 0, 1.0 + _share(amount), 0.0)
    metrics = ranking_metrics(y, risk, weight, amount=amount)
    for name, score in rankings.items():
        if name != "risk":
            found = ranking_metrics(y, score, weight, amount=amount)
            metrics |= {f"{name}.{key}": value for key, value in found.items() if key not in ("rows", "positives")}
    metrics |= _lifts(metrics)
    among = ranking_metrics(y[decided], risk[decided], capacities=())
    metrics |= {f"decided.{name}": among[name] for name in ("auc", "average_precision")}
    standing = as_population(y, decided, weight, risk)
    error, calibrated = calibration(y[decided], risk[decided], weight=standing[decided])
    metrics["ece"] = error
    metrics |= _random_draws(rows.cases["origin"].to_numpy()[last] == "random", y, risk, decided)
    drawn = {name: precision_recall_curve(y, score, weight=weight) for name, score in rankings.items() if name not in ("random", "outlier")}
    groups = rows.groups[last]
    intervals = {
        "average_precision": bootstrap(lambda times: ranking_metrics(y, risk, weight * times, ())["average_precision"], groups, 50, seed),
        "ece": bootstrap(lambda times: calibration(y[decided], risk[decided], weight=(standing * times)[decided])[0], groups, 50, seed),
    }
    return Assessment(metrics, drawn, calibrated, intervals)


def as_population(y: np.ndarray, decided: np.ndarray, weight: np.ndarray, risk: np.ndarray) -> np.ndarray:
    """Weights with which decided entities stand for all: cases for as many as the risk expects, the others for the rest.

    Inspectors find the guilty far more often than they look at the innocent. Whoever is decided is therefore weighed by how many of its
    own class it stands for (a shift of the class frequencies, Elkan 2001); where all are decided, nothing changes.
    """
    if decided.all() or not decided.any():
        return decided * weight
    cases, others = decided & (y == 1), decided & (y == 0)
    expected = float(np.clip(weight @ risk, cases.sum(), weight.sum() - others.sum()))
    each_case, each_other = expected / max(cases.sum(), 1), (weight.sum() - expected) / max(others.sum(), 1)
    return np.where(cases, each_case, np.where(others, each_other, 0.0))


def _lifts(metrics: dict[str, float]) -> dict[str, float]:
    """How many times as much an inspection finds by risk as by what needs no model, at every capacity."""
    lifts = {}
    for name in WITHOUT_MODEL:
        for capacity in CAPACITIES:
            each = f"amount_per_inspection_at_{capacity}"
            if metrics.get(f"{name}.{each}"):
                lifts[f"lift_over_{name}_at_{capacity}"] = metrics[each] / metrics[f"{name}.{each}"]
    return lifts


def _random_draws(drawn: np.ndarray, y: np.ndarray, risk: np.ndarray, decided: np.ndarray) -> dict[str, float]:
    chosen = drawn & decided
    if chosen.sum() < FEWEST_DRAWN:
        return {}
    figures = ranking_metrics(y[chosen], risk[chosen], capacities=())
    return {
        "random_draws.entities": float(chosen.sum()),
        "random_draws.cases": float(y[chosen].sum()),
        "random_draws.auc": figures["auc"],
        "random_draws.average_precision": figures["average_precision"],
        "random_draws.mean_risk": float(risk[chosen].mean()),
    }


def _share(amount: np.ndarray) -> np.ndarray:
    most = float(np.abs(amount).max()) if len(amount) else 0.0
    return amount / most if most > 0 else np.zeros(len(amount))


def latest(groups: np.ndarray) -> np.ndarray:
    """Bool: the last row of each entity."""
    last = np.zeros(len(groups), dtype=bool)
    last[len(groups) - 1 - np.unique(groups[::-1], return_index=True)[1]] = True
    return last
