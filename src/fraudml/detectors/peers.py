"""Outliers among peers: each peer group has its own idea of what is usual.

Values are taken relative to the peer group's median and spread, one ensemble judges them all, and a score's p-value is its rank within the
peer group (Mondrian conformal prediction, Vovk et al. 2005): groups may be many and small.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np

from fraudml.detectors.ensemble import Ensemble
from fraudml.detectors.table import bounded, row_keys
from fraudml.vectors import PeerMembers

if TYPE_CHECKING:
    import pandas as pd

LARGEST_REFERENCE = 8_000  # rows the ensemble learns from
LARGEST_GROUP = 3_000  # rows of a peer group that its members' p-values are taken from
LARGEST_COMPARISON = 30_000  # rows that peers' medians and percentiles are taken from
BLOCK = 20_000  # rows scored together
DECIMALS = 10  # of the ensemble's score
FEWEST = 10  # rows below which nothing can be called unusual


class UsualAmongPeers:
    """What is usual in each peer group of a population; judges its members, and others of their kind.

    Ranks are taken among the members of a group alone, all of them scored by one ensemble that treats them alike; a group of fewer than
    ten is ranked among all whose attributes begin as its own. Where that is fewer than ten as well, or nobody of the group was in the
    population, nothing is known of what is usual there.

    Parameters
    ----------
    vectors : the population (or a part of it that stands for it), with the attributes ``peers``.
    peers : attributes that make a peer group, most important first.
    values : numeric features of the same rows.
    group : label of each row's peer group (:class:`fraudml.vectors.PeerGroups`).
    labels : groups whose members will be judged; all by default.
    seed : of the detectors.
    """

    def __init__(
        self,
        vectors: pd.DataFrame,
        peers: tuple[str, ...],
        values: pd.DataFrame,
        group: pd.Series,
        labels: Collection[str] | None = None,
        seed: int = 0,
    ) -> None:
        table, of = values.to_numpy(dtype=float), group.to_numpy()
        self._columns = list(values)
        self._scales: dict[str, Scale] = {}
        self._reference: dict[str, tuple[np.ndarray, frozenset[Any]]] = {}
        if len(table) < FEWEST:
            return
        members = PeerMembers(vectors, peers)
        relative = np.zeros(table.shape)
        compared = {}
        for label in sorted(set(of)):
            everyone, mine = members.of(label), np.flatnonzero(of == label)
            self._scales[label] = Scale(table[everyone])
            relative[mine] = self._scales[label].relative(table[mine])
            if labels is not None and label not in labels:
                continue
            if len(mine) >= FEWEST:
                reference = _limited(table, mine, LARGEST_GROUP)
                compared[label] = relative[reference], frozenset(values.index[reference])
            elif len(everyone) >= FEWEST:  # the others by this label's own measure: what is usual nearer by does not count here
                others = _limited(table, everyone, LARGEST_GROUP)
                compared[label] = self._scales[label].relative(table[others]), frozenset()
        taught = bounded(relative[_limited(relative, np.arange(len(table)), LARGEST_REFERENCE)])
        self._model = Ensemble(taught[np.argsort(row_keys(taught), kind="stable")], seed)
        if compared:  # all groups at once: each call of the ensemble has its price, and groups may be many and small
            ends = np.cumsum([len(rows) for rows, _ in compared.values()])
            scores = np.split(self._strangeness(np.concatenate([rows for rows, _ in compared.values()])), ends[:-1])
            self._reference = {label: (np.sort(mine), names) for (label, (_, names)), mine in zip(compared.items(), scores, strict=True)}

    def judge(self, values: pd.DataFrame, group: pd.Series) -> pd.DataFrame:
        """Outlier score of each row within its peer group; a row's score does not depend on the others.

        Returns
        -------
        DataFrame on the index of the rows: ``outlier`` = 1 - conformal p-value in [0, 1), 0.5 where nothing is known; ``strangeness`` (the
        ensemble's score, 0 where nothing is known).
        """
        import pandas as pd

        table, of = values.reindex(columns=self._columns).to_numpy(dtype=float), group.to_numpy()
        outlier, strangeness = np.full(len(table), 0.5), np.zeros(len(table))
        places = {label: np.flatnonzero(of == label) for label in sorted(set(of)) if label in self._scales}
        if places:
            rows = np.concatenate(list(places.values()))
            strangeness[rows] = self._strangeness(
                np.concatenate([self._scales[label].relative(table[mine]) for label, mine in places.items()])
            )
        for label, mine in places.items():
            if label in self._reference:
                reference, names = self._reference[label]
                outlier[mine] = 1 - _p_values(strangeness[mine], reference, values.index[mine].isin(names))
        return pd.DataFrame({"outlier": outlier, "strangeness": strangeness}, index=values.index)

    def _strangeness(self, relative: np.ndarray) -> np.ndarray:
        """The ensemble's score without its last digits, which differ with the rows scored together: a row must not outrank itself."""
        blocks = (relative[start : start + BLOCK] for start in range(0, len(relative), BLOCK))
        return np.round(np.concatenate([self._model.score(bounded(block)) for block in blocks]), DECIMALS)


class Scale:
    """The peers' median and spread of each feature: values as multiples of it, far ones on a logarithmic scale."""

    def __init__(self, peers: np.ndarray) -> None:
        self._known = known = ~np.isnan(peers).all(axis=0)
        low, self._middle, high = np.nanpercentile(peers[:, known], [25, 50, 75], axis=0)
        spread = (high - low) / 1.35
        spread = np.where(spread > 0, spread, np.nanstd(peers[:, known], axis=0))
        self._varies = spread > 1e-12 * (1 + np.abs(self._middle))
        self._spread = np.where(self._varies, spread, 1.0)

    def relative(self, rows: np.ndarray) -> np.ndarray:
        """The rows on this scale; what does not vary among the peers says nothing."""
        out = np.full(rows.shape, np.nan)
        out[:, self._known] = np.where(self._varies, np.arcsinh((rows[:, self._known] - self._middle) / self._spread), np.nan)
        return out


def _p_values(scores: np.ndarray, reference: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Rank of each score in the reference (sorted) and itself, by their number: no more than a share p of a group can get p or less."""
    at_least = len(reference) - np.searchsorted(reference, scores, side="left")
    return np.where(inside, at_least / len(reference), (1 + at_least) / (len(reference) + 1))


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
