"""Upper tails of counts of meetings, in logarithms: what remains when chance is given its due."""

from __future__ import annotations

import numpy as np

TILTS = np.geomspace(1e-4, 20.0, 120)
"""Exponents at which Chernoff's bound is tried; each of them gives a valid one."""


def log_chance_of_meetings(meetings: float, excess: float, days: int, mean: float, variance: float, size: int) -> float:
    """log of an upper bound on the chance of so many meetings within a group, by two statistics at half the error rate each.

    Parameters
    ----------
    meetings : pairs of the group that met, summed over the days.
    excess : members beyond the first, summed over the days: never more than the meetings.
    days : on which two or more of the group met.
    mean, variance : of the meetings under the null model, the number present on a day being about Poisson: mean ``m^2 / 2``, variance
        ``m^2 / 2 (1 + 2 m)`` a day.
    size : of the group.

    Notes
    -----
    Mean and variance say how many of the group are there on how many days: *m* on ``mean / (m^2 / 2)``. The number present is then taken
    as binomial (of people who come with different frequencies it is less spread than that, Hoeffding 1956), and the sums over the days
    are bounded by Chernoff's inequality. Meetings weigh large gatherings, which chance hardly ever brings about among few people who come
    seldom; the excess is sharper where they come often.
    """
    from scipy.special import gammaln, logsumexp

    if size < 2 or meetings <= 0:
        return 0.0
    mean = max(mean, 1e-9)
    pairs = size * (size - 1) / 2
    present = max((variance / mean - 1) / 2, 1e-9)
    # never so few days that what was seen could not have happened at all
    open_days = max(mean / pairs / min(present / size, 1.0) ** 2, days + 1.0)
    chance = min(np.sqrt(mean / (pairs * open_days)), 1 - 1e-9)
    k = np.arange(size + 1)
    log_present = gammaln(size + 1) - gammaln(k + 1) - gammaln(size - k + 1) + k * np.log(chance) + (size - k) * np.log1p(-chance)

    def bound(statistic: np.ndarray, seen: float) -> float:
        moments = logsumexp(log_present + TILTS[:, None] * statistic, axis=1)
        return float((open_days * moments - TILTS * seen).min())

    return min(0.0, float(np.log(2.0)) + min(bound(k * (k - 1) / 2, meetings), bound(np.maximum(k - 1, 0), excess)))
