"""One risk from rules, graph, outlier and model, and the share of each in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fraudml.detectors.calibration import log_odds, monotone_logistic, probability

if TYPE_CHECKING:
    import pandas as pd

PARTS = ("rules", "graph", "outlier", "supervised")

RULES_WEIGHT, GRAPH_WEIGHT, OUTLIER_WEIGHT = 3.0, 3.0, 1.2
"""What each part moves the log-odds by where no label says more: rules per unit of ``-ln(1 - worth)`` (full clear evidence: 7), a place
in the graph as bad as can be, and being the strangest of all. Being unusual is mostly legitimate, and a place in the graph is shared with
the innocent: without other evidence neither brings anybody near the top."""

PRIOR_STRENGTH = 3.0
"""Rows that the belief in :data:`LABELLED_PRIOR` is worth against the labels."""

LABELLED_PRIOR = {"rules": RULES_WEIGHT, "graph": GRAPH_WEIGHT, "outlier": OUTLIER_WEIGHT, "supervised": 0.5}
"""Where the weights start before labels speak: evidence as without any label, and half trust in the model's own log-odds. With few labels
the risk is nearly the unlabelled one, with many it is what they say."""

SAERENS_ROUNDS = 500

USUAL_PRIOR = 0.02
"""Share of entities believed guilty where nothing else is said."""

FARTHEST = 20.0
"""Log-odds beyond which no frequency lies."""

FEWEST_OF_A_KIND = 10
"""Decided rows of either class from which decided rows alone tell what evidence is worth."""


def without_labels(parts: pd.DataFrame, prior: float) -> pd.Series:
    """Risk where nothing was ever confirmed: the prior, moved by the evidence.

    Parameters
    ----------
    parts : columns rules, graph, outlier in [0, 1].
    prior : share of entities of this type that are believed to be guilty before anything is seen.
    """
    import pandas as pd

    return pd.Series(probability(np.log(prior / (1 - prior)) + pushes_without_labels(parts).sum(axis=1).to_numpy()), index=parts.index)


def pushes_without_labels(parts: pd.DataFrame) -> pd.DataFrame:
    """What each of :data:`PARTS` adds to the log-odds, rows x parts; the model adds nothing."""
    evidence = evidence_of(parts)
    return evidence.mul({"rules": RULES_WEIGHT, "graph": GRAPH_WEIGHT, "outlier": OUTLIER_WEIGHT}).assign(supervised=0.0)[list(PARTS)]


def evidence_of(parts: pd.DataFrame) -> pd.DataFrame:
    """Rules, graph and outlier on scales that add up: ``-ln(1 - worth)`` of rules, and of the unusual the far end, which few reach."""
    import pandas as pd

    rules = -np.log1p(-parts["rules"].clip(0.0, 1 - 1e-9))
    return pd.DataFrame({"rules": rules, "graph": parts["graph"], "outlier": parts["outlier"] ** 6}, index=parts.index)


class Combiner:
    """Calibrated stacking with coefficients that are not negative; more of any part never lowers the risk.

    Attributes
    ----------
    intercept, coefficients : log-odds, one coefficient per name of :data:`PARTS`.
    usual : mean of the transformed parts; shares are counted from here.
    labelled_share : share of the guilty believed to be confirmed, where the confirmed alone were learnt from; 1 otherwise.
    """

    def __init__(self, intercept: float, coefficients: dict[str, float], usual: dict[str, float], labelled_share: float = 1.0) -> None:
        self.intercept, self.coefficients, self.usual, self.labelled_share = intercept, coefficients, usual, labelled_share

    @classmethod
    def fit(
        cls,
        parts: pd.DataFrame,
        y: np.ndarray,
        weight: np.ndarray,
        decided: np.ndarray | None = None,
        population: np.ndarray | None = None,
        prior: float = USUAL_PRIOR,
    ) -> Combiner:
        """Learns from parts of which ``supervised`` is out of fold.

        What evidence is worth is learnt from decided rows alone: among those whom nobody looked at stand many of the guilty, with just the
        evidence that speaks against them. How frequent guilt is, is not: the decided are a selection. It is the frequency at which the mean
        risk of the population agrees with itself (Saerens, Latinne and Decaestecker 2002, Adjusting the outputs of a classifier to new a
        priori probabilities), and never less than what is confirmed already. Where hardly anybody was cleared, the confirmed are told apart
        from the others, and how often that succeeds depends on what each was made to weigh and on which cases came to light, not on how
        frequent guilt is: its frequency is then the mean of what prior and evidence say without any label, and the share of the guilty
        that is confirmed (Elkan and Noto 2008) follows from it.

        Parameters
        ----------
        parts : columns of :data:`PARTS`, in [0, 1].
        y, weight : 0/1 and weights.
        decided : bool, rows that were looked at; all by default. With fewer than ten of either kind, the others count as negatives by
            their weight.
        population : how many entities each row stands for, to judge how frequent guilt is; without it, as frequent as among the decided,
            and where hardly anybody was cleared each row is one.
        prior : as :func:`without_labels` takes it.
        """
        table = transformed(parts)
        values = table.to_numpy()
        decided = np.ones(len(y), dtype=bool) if decided is None else decided
        selected = not decided.all()
        known = decided & (weight > 0)
        blind = selected and min((y[known] == 1).sum(), (y[known] == 0).sum()) < FEWEST_OF_A_KIND
        rows = weight > 0 if blind else known
        believed = np.array([LABELLED_PRIOR[name] for name in PARTS])
        intercept, coefficients = monotone_logistic(values[rows], y[rows], weight[rows], ridge=PRIOR_STRENGTH, prior=believed)
        margin = intercept + values @ coefficients
        share = 1.0
        if blind:
            each = population if population is not None and population.sum() > 0 else np.ones(len(y))
            confirmed = max(float(each @ (y * decided) / each.sum()), 1e-5)
            frequency = min(max(float(each @ without_labels(parts, prior).to_numpy() / each.sum()), confirmed), 0.999)
            intercept += shift_to(margin, each, frequency)
            share = min(confirmed / frequency, 1.0)
        elif selected and population is not None and population.sum() > 0:
            among_decided = float(np.average(y[rows], weights=weight[rows]))
            confirmed = float(population @ (y * decided) / population.sum())
            intercept += frequency_shift(margin, population, among_decided, max(confirmed, 1e-5))
        usual = population if population is not None and population.sum() > 0 else weight
        return cls(
            intercept,
            dict(zip(PARTS, coefficients.tolist(), strict=True)),
            dict(zip(PARTS, (usual @ values / usual.sum()).tolist(), strict=True)),
            share,
        )

    def risk(self, parts: pd.DataFrame) -> pd.Series:
        """Calibrated probability, on the index of ``parts``."""
        import pandas as pd

        table = transformed(parts)
        margin = np.full(len(table), self.intercept)
        for name in PARTS:  # one after the other: a product of matrices differs in its last bits with the rows that come together
            margin += self.coefficients[name] * table[name].to_numpy()
        return pd.Series(probability(margin), index=parts.index)

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


def frequency_shift(margin: np.ndarray, population: np.ndarray, among_decided: float, least: float) -> float:
    """What to add to log-odds learnt where cases are ``among_decided`` frequent, so that the mean risk is how frequent they are.

    Parameters
    ----------
    margin, population : log-odds of each row, and how many entities it stands for.
    least : frequency below which it cannot be.
    """
    from_odds = np.log(among_decided / (1 - among_decided)) if 0 < among_decided < 1 else 0.0
    frequency = max(min(among_decided, 0.5), least)
    for _ in range(SAERENS_ROUNDS):
        shift = np.log(frequency / (1 - frequency)) - from_odds
        again = float(np.clip(population @ probability(margin + shift) / population.sum(), least, 0.5))
        if abs(again - frequency) < 1e-9:
            break
        frequency = again
    return float(np.log(frequency / (1 - frequency)) - from_odds)


def shift_to(margin: np.ndarray, population: np.ndarray, frequency: float) -> float:
    """What to add to log-odds so that the mean risk of the population is ``frequency``."""
    from scipy.optimize import brentq

    far = float(np.abs(margin).max()) + FARTHEST
    return float(brentq(lambda shift: population @ probability(margin + shift) / population.sum() - frequency, -far, far))


def transformed(parts: pd.DataFrame) -> pd.DataFrame:
    """The parts on scales that add up: evidence as ``-ln(1 - worth)``, the model as log-odds."""
    import pandas as pd

    model = pd.Series(np.clip(log_odds(parts["supervised"].to_numpy(dtype=float)), -8, 8), index=parts.index)
    return evidence_of(parts).assign(supervised=model)[list(PARTS)]


def shares(pushes: pd.DataFrame) -> pd.DataFrame:
    """Share of each part in what raises an entity's risk, ``share_<part>`` in [0, 1]; zeros where nothing raises it."""
    up = pushes.clip(lower=0.0)
    total = up.sum(axis=1)
    return up.div(total.where(total > 0, 1.0), axis=0).add_prefix("share_")
