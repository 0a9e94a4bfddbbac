"""Upper tails of counts of meetings, in logarithms: what remains when chance is given its due."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def log_chance_of_meetings(meetings: ArrayLike, excess: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> np.ndarray:
    """log of the chance of so many meetings within a group, by two tests at half the error rate each.

    Parameters
    ----------
    meetings : pairs of the group that met, summed over the days.
    excess : members beyond the first, summed over the days: never more than the meetings.
    mean, variance : of the meetings under the null model.

    Notes
    -----
    Where meetings are rare, ``excess`` is about Poisson with at most this mean: sharp for few people. Where the group is often several on
    a day by chance, the pairs say more; they come in clumps, hence a gamma distribution of their mean and variance, whose tail is heavier.
    """
    from scipy.stats import gamma, poisson

    centre: np.ndarray = np.maximum(np.asarray(mean, dtype=float), 1e-9)
    spread: np.ndarray = np.maximum(np.asarray(variance, dtype=float), centre)
    rare = poisson.logsf(np.asarray(excess, dtype=float) - 1, centre)
    crowded = gamma.logsf(np.asarray(meetings, dtype=float), centre**2 / spread, scale=spread / centre)
    return np.minimum(0.0, np.log(2.0) + np.minimum(rare, crowded))
