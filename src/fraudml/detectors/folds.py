"""Cross-fitting folds that depend on what rows contain, not on where they stand or how entities are called."""

from __future__ import annotations

import numpy as np

from fraudml.detectors.table import mix


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
