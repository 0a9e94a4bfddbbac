"""One risk from rules, graph, outlier and model, and the share of each in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fraudml.detectors.calibration import log_odds, monotone_logistic, probability

if TYPE_CHECKING:
    import pandas as pd

PARTS = ("rules", "graph", "outlier", "supervised")

OUTLIER_CEILING = 0.25
"""What being unusual is worth at most: most of the unusual is legitimate."""

GRAPH_CEILING = 0.8
"""What the graph is worth at most without a label to confirm it."""

PRIOR_STRENGTH = 3.0
"""Rows that the belief in the model's own log-odds (coefficient 1) and in some rule and graph evidence is worth against the labels."""

LABELLED_PRIOR = {"rules": 0.5, "graph": 0.3, "outlier": 0.1, "supervised": 0.8}


def without_labels(parts: pd.DataFrame) -> pd.Series:
    """Risk where nothing was ever confirmed: noisy-or of the evidence under stated ceilings.

    Parameters
    ----------
    parts : columns rules, graph, outlier in [0, 1].
    """
    return 1 - np.exp(-evidence_of(parts).sum(axis=1))


def evidence_of(parts: pd.DataFrame) -> pd.DataFrame:
    """``-ln(1 - worth)`` of rules, graph and outlier: it adds up where evidence is independent."""
    import pandas as pd

    unusual = parts["outlier"] ** 6  # only the far end counts, but everybody has a rank
    worth = pd.DataFrame(
        {"rules": parts["rules"], "graph": GRAPH_CEILING * parts["graph"], "outlier": OUTLIER_CEILING * unusual}, index=parts.index
    )
    return -np.log1p(-worth.clip(0.0, 1 - 1e-9))


class Combiner:
    """Calibrated stacking with coefficients that are not negative; more of any part never lowers the risk.

    Attributes
    ----------
    intercept, coefficients : log-odds, one coefficient per name of :data:`PARTS`.
    usual : mean of the transformed parts; shares are counted from here.
    """

    def __init__(self, intercept: float, coefficients: dict[str, float], usual: dict[str, float], labelled_share: float = 1.0) -> None:
        self.intercept, self.coefficients, self.usual, self.labelled_share = intercept, coefficients, usual, labelled_share

    @classmethod
    def fit(cls, parts: pd.DataFrame, y: np.ndarray, weight: np.ndarray, pu: bool = False) -> Combiner:
        """Learns from parts of which ``supervised`` is out of fold.

        Parameters
        ----------
        parts : columns of :data:`PARTS`, in [0, 1].
        y, weight : 0/1 and weights.
        pu : 0 means "not known": risks are divided by the share of positives that are labelled (Elkan and Noto 2008).
        """
        table = transformed(parts)
        values = table.to_numpy()
        prior = np.array([LABELLED_PRIOR[name] for name in PARTS])
        intercept, coefficients = monotone_logistic(values, y, weight, ridge=PRIOR_STRENGTH, prior=prior)
        share = 1.0
        if pu:
            fitted = probability(intercept + values @ coefficients)
            share = float(np.clip(np.average(fitted[y == 1], weights=weight[y == 1]), 0.02, 1.0))
        return cls(
            intercept,
            dict(zip(PARTS, coefficients.tolist(), strict=True)),
            dict(zip(PARTS, (weight @ values / weight.sum()).tolist(), strict=True)),
            share,
        )

    def risk(self, parts: pd.DataFrame) -> pd.Series:
        """Calibrated probability, on the index of ``parts``."""
        import pandas as pd

        table = transformed(parts)
        raw = probability(self.intercept + table.to_numpy() @ np.array([self.coefficients[name] for name in PARTS]))
        # saturates smoothly, so that ranks survive where a probability above one would be cut
        odds = raw / self.labelled_share
        return pd.Series(np.where(odds < 0.9, odds, 1 - 0.1 * np.exp(-(odds - 0.9) / 0.1)), index=parts.index)

    def pushes(self, parts: pd.DataFrame) -> pd.DataFrame:
        """What each part adds to the log-odds above a usual entity, rows x parts."""
        import pandas as pd

        table = transformed(parts)
        return pd.DataFrame({name: self.coefficients[name] * (table[name] - self.usual[name]) for name in PARTS}, index=parts.index)

    def as_dict(self) -> dict[str, Any]:
        return {
            "intercept": self.intercept,
            "coefficients": self.coefficients,
            "usual": self.usual,
            "labelled_share": self.labelled_share,
        }


def transformed(parts: pd.DataFrame) -> pd.DataFrame:
    """The parts on scales that add up: evidence as ``-ln(1 - worth)``, the model as log-odds."""
    import pandas as pd

    evidence = evidence_of(parts)
    model = pd.Series(np.clip(log_odds(parts["supervised"].to_numpy(dtype=float)), -8, 8), index=parts.index)
    return pd.DataFrame(
        {"rules": evidence["rules"], "graph": evidence["graph"], "outlier": evidence["outlier"] / OUTLIER_CEILING, "supervised": model}
    )


def shares(pushes: pd.DataFrame) -> pd.DataFrame:
    """Share of each part in what raises an entity's risk, ``share_<part>`` in [0, 1]; zeros where nothing raises it."""
    up = pushes.clip(lower=0.0)
    total = up.sum(axis=1)
    return up.div(total.where(total > 0, 1.0), axis=0).add_prefix("share_")
