"""Decisions that may be wrong: a few cases are cleared by mistake, a few of the innocent are not."""

from __future__ import annotations

import numpy as np

DOUBTED_WEIGHT = 0.3
MOST_DOUBTED = 0.05  # share of a class
FEWEST = 50  # decisions of either kind below which nobody can tell a mistake from a rare case


def enough(y: np.ndarray, decided: np.ndarray) -> bool:
    """Whether there are decisions enough to tell a mistake from a rare case."""
    return bool(min((decided & (y == 1)).sum(), (decided & (y == 0)).sum()) >= FEWEST)


def trusted(held_out: np.ndarray, y: np.ndarray, decided: np.ndarray) -> np.ndarray:
    """Trust in each row's label, 1 or less.

    A decision is doubted when models that have not seen it find it more like the other class than the other class's own members are on
    the average (the thresholds of confident learning: Northcutt, Jiang and Chuang 2021). At most one in twenty of a class is doubted, the
    clearest contradictions first, and what is doubted still counts with a third of its weight: a new scheme looks like a mistake at first.

    Parameters
    ----------
    held_out : probability of being a case, by models that did not see the row.
    y, decided : 0/1, and whether anybody looked.
    """
    trust = np.ones(len(y))
    if not enough(y, decided):
        return trust
    cases, cleared = np.flatnonzero(decided & (y == 1)), np.flatnonzero(decided & (y == 0))
    typical_case, typical_other = held_out[cases].mean(), held_out[cleared].mean()
    for members, apart in ((cleared, held_out[cleared] - typical_case), (cases, typical_other - held_out[cases])):
        worst = np.argsort(-apart, kind="stable")[: int(MOST_DOUBTED * len(members))]
        trust[members[worst[apart[worst] > 0]]] = DOUBTED_WEIGHT
    return trust
