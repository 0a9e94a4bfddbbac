"""Where a value stands among the others of its peer group, as a sentence may say it: who lies below, who above."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fraudml.vectors import Catalogue
from fraudml.vectors.peers import EVERYBODY, SEPARATOR

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
        self._labels = peer_labels(table, catalogue)
        self._alike: dict[str, np.ndarray] = {}
        self._sorted: dict[tuple[str, str], np.ndarray] = {}

    def of(self, entity: str, feature: str) -> tuple[float, float] | None:
        """Per cent below and above; None where the entity's value is not known or it has no peers."""
        value, label = self._table.at[entity, feature], self._group[entity]  # noqa: PD008 - one cell
        peers = self._peers(feature, label)
        if value != value or len(peers) < 2:
            return None
        below, upto = np.searchsorted(peers, value, side="left"), np.searchsorted(peers, value, side="right")
        others = len(peers) - 1
        return 100 * float(below) / others, 100 * float(len(peers) - upto) / others

    def _peers(self, feature: str, label: str) -> np.ndarray:
        if label not in self._alike:
            # a widened label names everyone whose attributes begin so
            depth = label.count(SEPARATOR) if label != EVERYBODY else -1
            self._alike[label] = np.flatnonzero(self._labels[depth] == label)
        if (feature, label) not in self._sorted:
            values = self._table[feature].to_numpy(dtype=float)[self._alike[label]]
            self._sorted[feature, label] = np.sort(values[~np.isnan(values)])
        return self._sorted[feature, label]


def peer_labels(table: pd.DataFrame, catalogue: Catalogue) -> list[pd.Series]:
    """Peer labels from the widest to the narrowest; the last one is everybody."""
    import pandas as pd

    labels: list[pd.Series] = []
    for name in [each for each in catalogue.peers if each in table]:
        text = table[name].astype("str")
        labels.append(text if not labels else labels[-1] + SEPARATOR + text)
    return [*labels, pd.Series(EVERYBODY, index=table.index)]
