"""Cross-fitting folds that depend on what rows contain, not on where they stand or how entities are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fraudml.detectors.table import mix

if TYPE_CHECKING:
    import pandas as pd

FEWEST_BLOCKS, MOST_OF_CASES = 10, 0.5
"""Institutions that cases must come from, and share of the cases that one may hold, for folds to keep institutions whole."""


def assign_folds(rows: np.ndarray, groups: np.ndarray, positive: np.ndarray, folds: int, repeat: int = 0) -> np.ndarray:
    """The fold of each row: whole groups, both classes spread evenly.

    Parameters
    ----------
    rows : uint64 keys of the rows' contents (:func:`fraudml.detectors.table.row_keys`).
    groups : uint64 keys of the rows' groups (entities); rows of one group share a fold.
    positive : bool, a group counts as positive when one of its rows is.
    folds : number of folds.
    repeat : another number, another partition.

    Returns
    -------
    int array in ``[0, folds)``.
    """
    _, member = np.unique(groups, return_inverse=True)
    count = int(member.max()) + 1 if len(member) else 0
    # a group is ordered by what its rows contain, so that renaming entities changes nothing
    content = np.zeros(count, dtype=np.uint64)
    np.add.at(content, member, mix(rows + np.uint64(repeat * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF)))
    holds_positive = np.zeros(count, dtype=bool)
    np.logical_or.at(holds_positive, member, positive)
    fold = np.empty(count, dtype=np.int64)
    start = 0
    for side in (True, False):
        chosen = np.flatnonzero(holds_positive == side)
        chosen = chosen[np.argsort(content[chosen], kind="stable")]
        fold[chosen] = (start + np.arange(len(chosen))) % folds
        start = len(chosen) % folds  # the second class goes on where the first ended: fold sizes differ by one at most
    return fold[member]


def blocks_of(institutions: pd.Series, y: np.ndarray) -> np.ndarray | None:
    """Blocks of claims: their institutions, and each claim without one by itself; None where folds by institution would not be fair.

    Claims confirmed at one institution come of one scheme, one team, one way of writing bills: with some of them learnt, the others are
    recognised without anything being learnt about fraud. Where the cases come from few institutions, or most of them from one, folds
    without it would have nothing to learn from.

    Parameters
    ----------
    institutions : institution of each claim, by claim_id; y : 1 for cases.
    """
    cases = institutions[y == 1].value_counts()
    if len(cases) < FEWEST_BLOCKS or cases.iloc[0] > MOST_OF_CASES * y.sum():
        return None
    alone = institutions.isna().to_numpy()
    return np.where(alone, "claim:" + institutions.index.astype(str), "institution:" + institutions.fillna("").astype(str))
