"""How sure a lead's figures are: a probability that rests on one trace is less certain than the same on fifty."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

SEVERITY_WEIGHT = {"clear": 1.0, "suspicious": 0.5}
"""What one piece of evidence says about a matter: a clear violation is proof of itself, a suspicious trace half of it."""

LEAST, MOST = 2.0, 100.0
"""Pieces that a score alone is worth, and beyond which more of the same adds no certainty (they share their cause)."""

OUTSIDE = 0.1
"""Chance on either side of the interval: eight times in ten the truth lies inside."""


def pieces(found: pd.DataFrame, severity: Mapping[str, str] | pd.Series) -> pd.Series:
    """By lead how many independent pieces of evidence there are: each claim once, by its most serious trace.

    Parameters
    ----------
    found : ``lead`` (or any key under that name), ``rule``, ``claim_id``; rows without a claim count by themselves.
    severity : by rule.
    """
    if found.empty:
        return pd.Series(dtype=float)
    weight = found["rule"].map(severity).map(SEVERITY_WEIGHT).fillna(0.0)
    alone = pd.Series("\x1f" + found.index.astype(str), index=found.index)
    each = found["claim_id"].astype(object).where(found["claim_id"].notna(), alone)
    return weight.groupby([found["lead"], each]).max().groupby(level=0).sum()


def probability_range(risk: npt.ArrayLike, count: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The interval in which the probability lies, as if ``risk`` were the mean of what so many pieces of evidence say.

    A beta distribution of mean ``risk`` and size ``LEAST + count``; its tenth and ninetieth percentile, widened to contain the mean.

    >>> low, high = probability_range([0.9, 0.9], [0, 50])
    >>> low.round(2).tolist(), high.round(2).tolist()
    ([0.68, 0.84], [1.0, 0.95])
    """
    from scipy.special import betaincinv

    mean = np.asarray(risk, dtype=float)
    size = LEAST + np.minimum(np.nan_to_num(np.asarray(count, dtype=float)), MOST)
    first, second = np.maximum(mean * size, 1e-6), np.maximum((1 - mean) * size, 1e-6)
    low, high = betaincinv(first, second, OUTSIDE), betaincinv(first, second, 1 - OUTSIDE)
    return np.minimum(low, mean), np.maximum(high, mean)
