"""How good a model is on entities that it has not seen, beside what needs no model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fraudml.evaluate.baselines import isolation_forest, total_amount
from fraudml.evaluate.metrics import calibration, precision_recall_curve, ranking_metrics
from fraudml.evaluate.pictures import curves, png

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Assessment:
    """Held-out figures of one target.

    Attributes
    ----------
    metrics : name -> value; baselines as ``<baseline>.<metric>``.
    lines : ranking -> precision–recall curve.
    calibrated : the calibration curve of the risk over decided entities.
    """

    metrics: dict[str, float]
    lines: dict[str, list[tuple[float, float]]]
    calibrated: list[dict[str, float]]

    def picture(self, title: str, path: Path) -> Path:
        """Writes both curves as PNG."""
        return png(curves(title, self.lines, self.calibrated), path)


def assess(
    table: pd.DataFrame, y: np.ndarray, parts: pd.DataFrame, risk: np.ndarray, groups: np.ndarray, decided: np.ndarray, seed: int = 0
) -> Assessment:
    """Figures of out-of-fold risk, of its parts and of the baselines, one row per entity (its latest snapshot).

    Parameters
    ----------
    table : features; y : 0/1; parts : rules, graph, outlier and out-of-fold supervised; risk : combined.
    groups : entity of each row; the last row of an entity is its latest.
    decided : rows that somebody looked at. Undecided rows count as no case in the rankings, and not at all in the calibration.
    """
    last = latest(groups)
    table, y, parts, risk, decided = table[last], y[last], parts[last], risk[last], decided[last]
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
    metrics = ranking_metrics(y, risk)
    for name, score in rankings.items():
        if name != "risk":
            metrics |= {f"{name}.{key}": value for key, value in ranking_metrics(y, score).items() if key not in ("rows", "positives")}
    error, calibrated = calibration(y[decided], risk[decided]) if decided.any() else (float("nan"), [])
    everyone, _ = calibration(y, risk)
    metrics |= {"ece_decided": error, "ece": everyone}
    drawn = {name: precision_recall_curve(y, score) for name, score in rankings.items() if name not in ("random", "outlier")}
    return Assessment(metrics, drawn, calibrated)


def latest(groups: np.ndarray) -> np.ndarray:
    """Bool: the last row of each entity."""
    last = np.zeros(len(groups), dtype=bool)
    last[len(groups) - 1 - np.unique(groups[::-1], return_index=True)[1]] = True
    return last
