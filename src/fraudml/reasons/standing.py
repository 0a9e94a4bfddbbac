"""Where a value stands among the others of its peer group, as a sentence may say it: who lies below, who above."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fraudml.vectors import Catalogue, PeerMembers

if TYPE_CHECKING:
    import pandas as pd


class Standings:
    """Shares of an entity's peers, itself left out, that lie below and above its value; peers who have the same lie on neither side.

    A percentile counts half of those: right for an order, and wrong in a sentence where a tenth of the peers have the same two visits.

    Parameters
    ----------
    table : the population with its peer attributes, one row per entity.
    group : label of each row's peer group (:class:`fraudml.vectors.peers.PeerStatistics`).
    """

    def __init__(self, table: pd.DataFrame, catalogue: Catalogue, group: pd.Series) -> None:
        self._table, self._group = table, group
        self._members = PeerMembers(table, catalogue.peers)
        self._sorted: dict[tuple[str, str], np.ndarray] = {}

    def of(self, entity: str, feature: str) -> tuple[float, float] | None:
        """Per cent below and above; None where the entity's value is not known or it has no peers."""
        value, peers = self._table.at[entity, feature], self.peers(entity, feature)  # noqa: PD008 - one cell
        if value != value or len(peers) < 2:
            return None
        below, upto = np.searchsorted(peers, value, side="left"), np.searchsorted(peers, value, side="right")
        others = len(peers) - 1
        return 100 * float(below) / others, 100 * float(len(peers) - upto) / others

    def peers(self, entity: str, feature: str) -> np.ndarray:
        """Known values of the entity's peer group, its own among them, ascending."""
        label = self._group[entity]
        if (feature, label) not in self._sorted:
            values = self._table[feature].to_numpy(dtype=float)[self._members.of(label)]
            self._sorted[feature, label] = np.sort(values[~np.isnan(values)])
        return self._sorted[feature, label]
