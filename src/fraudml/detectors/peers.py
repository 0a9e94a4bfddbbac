"""Outliers among peers: each peer group has its own idea of what is usual.

Values are taken relative to the peer group's median and spread, one ensemble judges them all, and a score's p-value is its rank within the
peer group (Mondrian conformal prediction, Vovk et al. 2005): groups may be many and small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fraudml.detectors.outlier import OutlierEnsemble
from fraudml.detectors.table import row_keys
from fraudml.vectors.peers import EVERYBODY, SEPARATOR

if TYPE_CHECKING:
    import pandas as pd

LARGEST_REFERENCE = 8_000  # rows the ensemble learns from
LARGEST_GROUP = 3_000  # rows of a peer group that its members' p-values are taken from
LARGEST_COMPARISON = 30_000  # rows that peers' medians and percentiles are taken from
FEWEST = 10  # rows below which nothing can be called unusual


def outliers_among_peers(
    vectors: pd.DataFrame, peers: tuple[str, ...], values: pd.DataFrame, group: pd.Series, wanted: np.ndarray, seed: int = 0
) -> pd.DataFrame:
    """Outlier score of each wanted row within its peer group.

    Parameters
    ----------
    vectors : rows with the attributes ``peers``.
    peers : attributes that make a peer group, most important first.
    values : numeric features of the same rows.
    group : label of each row's peer group (:func:`fraudml.vectors.peer_groups`).
    wanted : bool, rows to score.
    seed : of the detectors.

    Returns
    -------
    DataFrame on the index of the wanted rows: ``outlier`` = 1 - conformal p-value in [0, 1), ``strangeness`` (the ensemble's score).
    Ranks are taken among the members of the group alone, all of them scored by one ensemble that treats them alike; a group of fewer
    than ten is ranked among all whose attributes begin as its own. Where that is fewer than ten as well, ``outlier`` is 0.5: nothing
    is known of what is usual there.
    """
    import pandas as pd

    table = values.to_numpy(dtype=float)
    whole, labels = _whole_labels(vectors, peers), group.to_numpy()
    outlier, strangeness = np.full(len(values), 0.5), np.zeros(len(values))
    if len(table) < FEWEST:
        return pd.DataFrame({"outlier": outlier, "strangeness": strangeness}, index=values.index)[wanted]
    relative = np.zeros(table.shape)
    references, borrowed = {}, {}
    for label in sorted(set(labels)):
        everyone, mine = np.flatnonzero(_begins(whole, label)), np.flatnonzero(labels == label)
        relative[mine] = _relative(table[mine], table[everyone])
        if not wanted[mine].any():
            continue
        if len(mine) >= FEWEST:
            references[label] = _limited(table, mine, LARGEST_GROUP)
        elif len(everyone) >= FEWEST:  # the others by this label's own measure: what is usual nearer by does not count here
            borrowed[label] = _relative(table[_limited(table, everyone, LARGEST_GROUP)], table[everyone])
    model = OutlierEnsemble(random_state=seed).fit(relative[_limited(relative, np.arange(len(table)), LARGEST_REFERENCE)])
    scored = wanted.copy()
    for reference in references.values():
        scored[reference] = True
    strangeness[scored] = model.decision_function(relative[scored])
    for label, reference in references.items():
        rows = np.flatnonzero(wanted & (labels == label))
        outlier[rows] = 1 - _p_values(strangeness[rows], strangeness[reference], np.isin(rows, reference))
    for label, others in borrowed.items():
        rows = np.flatnonzero(wanted & (labels == label))
        outlier[rows] = 1 - _p_values(strangeness[rows], model.decision_function(others), np.zeros(len(rows), dtype=bool))
    return pd.DataFrame({"outlier": outlier, "strangeness": strangeness}, index=values.index)[wanted]


def _p_values(scores: np.ndarray, reference: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Rank of each score in the reference and itself, by their number: no more than a share p of a group can get p or less."""
    at_least = len(reference) - np.searchsorted(np.sort(reference), scores, side="left")
    return np.where(inside, at_least / len(reference), (1 + at_least) / (len(reference) + 1))


def _relative(rows: np.ndarray, peers: np.ndarray) -> np.ndarray:
    """Values as multiples of the peers' spread from the peers' median, far ones on a logarithmic scale."""
    out = np.full(rows.shape, np.nan)
    known = ~np.isnan(peers).all(axis=0)
    low, middle, high = np.nanpercentile(peers[:, known], [25, 50, 75], axis=0)
    spread = (high - low) / 1.35
    spread = np.where(spread > 0, spread, np.nanstd(peers[:, known], axis=0))
    varies = spread > 1e-12 * (1 + np.abs(middle))
    out[:, known] = np.where(varies, np.arcsinh((rows[:, known] - middle) / np.where(varies, spread, 1.0)), np.nan)
    return out


def fewer_peers(vectors: pd.DataFrame, kept: pd.Index, most: int = LARGEST_COMPARISON) -> np.ndarray:
    """Places of the rows that peers' figures are taken from: all, or of a large table a part that depends on content only, and ``kept``."""
    table = vectors.select_dtypes("number").to_numpy(dtype=float)
    chosen = np.zeros(len(vectors), dtype=bool)
    chosen[_limited(table, np.arange(len(vectors)), most)] = True
    return np.flatnonzero(chosen | vectors.index.isin(kept))


def _limited(table: np.ndarray, rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many rows, chosen by content: no matter how rows are ordered or named."""
    if len(rows) <= most:
        return rows
    return np.sort(rows[np.argsort(row_keys(table[rows]), kind="stable")[:most]])


def _whole_labels(vectors: pd.DataFrame, peers: tuple[str, ...]) -> np.ndarray:
    names = [name for name in peers if name in vectors]
    if not names:
        return np.full(len(vectors), EVERYBODY)
    whole = vectors[names[0]].astype("str")
    for name in names[1:]:
        whole = whole + SEPARATOR + vectors[name].astype("str")
    return whole.to_numpy(dtype=str)


def _begins(whole: np.ndarray, label: str) -> np.ndarray:
    """Whom a peer group is compared with: all whose attributes begin with its label."""
    if label == EVERYBODY:
        return np.ones(len(whole), dtype=bool)
    return (whole == label) | np.char.startswith(whole, label + SEPARATOR)
