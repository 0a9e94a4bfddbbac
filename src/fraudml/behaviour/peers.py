"""Who is compared with whom: peer groups from attributes, and where each value stands among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fraudml.behaviour.declared import Catalogue

if TYPE_CHECKING:
    import pandas as pd

MINIMUM = 30
"""Members below which a group's percentiles say little: it is widened."""

SEPARATOR = " | "
EVERYBODY = "all"


@dataclass(frozen=True)
class PeerStatistics:
    """Where values stand among their peers: frames of the vectors' shape, without the attributes.

    Attributes
    ----------
    group : label of the peer group of each entity.
    size : number of peers that each entity is compared with (itself among them).
    median : median of the column in the group.
    percentile : share of the group's known values that lie below (ties count half), in [0, 100].
    """

    group: pd.Series
    size: pd.Series
    median: pd.DataFrame
    percentile: pd.DataFrame


def peer_groups(vectors: pd.DataFrame, catalogue: Catalogue, minimum: int = MINIMUM) -> pd.Series:
    """A label per entity: whom it is compared with.

    The label joins the catalogue's peer attributes (``employee | 40-59``). A group of fewer than ``minimum`` members is widened by
    dropping attributes from the right; what is still small is compared with all.

    Returns
    -------
    Series of str on the index of ``vectors``. A widened label (``employee``) names everyone whose attributes begin so.
    """
    import pandas as pd

    labels = pd.Series(EVERYBODY, index=vectors.index, dtype="str")
    for prefix in _prefixes(vectors, catalogue):
        size = prefix.map(prefix.value_counts())
        labels = prefix.where((size >= minimum) & (labels == EVERYBODY), labels)
    return labels.rename("peer_group")


def peer_statistics(vectors: pd.DataFrame, catalogue: Catalogue, minimum: int = MINIMUM) -> PeerStatistics:
    """Median and percentile of every feature within the entity's peer group.

    A widened group counts all whose attributes begin with its label, not only those that found no nearer peers.
    """
    import pandas as pd

    columns = [name for name in vectors if name in catalogue.features]
    values = vectors[columns]
    group = peer_groups(vectors, catalogue, minimum)
    median = pd.DataFrame(index=vectors.index, columns=columns, dtype="float64")
    percentile = median.copy()
    size = pd.Series(0, index=vectors.index, dtype="int64")
    everybody = pd.Series(EVERYBODY, index=vectors.index, dtype="str")
    for prefix in [*_prefixes(vectors, catalogue), everybody]:
        here = (group == prefix).to_numpy()
        if not here.any():
            continue
        within = values[prefix.isin(group[here]).to_numpy()]
        label = prefix[within.index] if prefix.index.is_unique else prefix[prefix.isin(group[here]).to_numpy()]
        grouped = within.groupby(label.to_numpy())
        rank = (grouped.rank(method="average") - 0.5) / grouped.transform("count") * 100
        inside = here[prefix.isin(group[here]).to_numpy()]
        median.loc[here] = grouped.transform("median").to_numpy()[inside]
        percentile.loc[here] = rank.to_numpy()[inside]
        size.loc[here] = prefix.map(prefix.value_counts()).to_numpy()[here]
    return PeerStatistics(group, size, median, percentile)


def _prefixes(vectors: pd.DataFrame, catalogue: Catalogue) -> list[pd.Series]:
    """Labels of the attributes from the narrowest to the widest combination."""
    names = [name for name in catalogue.peers if name in vectors]
    labels: list[pd.Series] = []
    for name in names:
        text = vectors[name].astype("str")
        labels.append(text if not labels else labels[-1] + SEPARATOR + text)
    return labels[::-1]
