"""Who is compared with whom: peer groups from attributes, and where each value stands among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fraudml.vectors.declared import Catalogue

if TYPE_CHECKING:
    import numpy as np
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
    robust_z : distance from the group's median in robust standard deviations, see :func:`peer_statistics`.
    """

    group: pd.Series
    size: pd.Series
    median: pd.DataFrame
    percentile: pd.DataFrame
    robust_z: pd.DataFrame


class PeerGroups:
    """Whom the members of a population are compared with: a label for anyone, also for who was not among those it was learnt from.

    A label joins the peer attributes (``employee | 40-59``). A group of fewer than ``minimum`` members is widened by dropping attributes
    from the right; what is still small is compared with all. A widened label (``employee``) names everyone whose attributes begin so.

    Parameters
    ----------
    vectors : the population.
    peers : attributes that make a peer group, most important first.
    """

    def __init__(self, vectors: pd.DataFrame, peers: tuple[str, ...], minimum: int = MINIMUM) -> None:
        self._peers = tuple(name for name in peers if name in vectors)
        self._large = []
        for prefix in _prefixes(vectors, self._peers):
            size = prefix.value_counts()
            self._large.append(frozenset(size.index[size >= minimum]))

    def of(self, vectors: pd.DataFrame) -> pd.Series:
        """The label of each row, on the index of ``vectors``."""
        import pandas as pd

        labels = pd.Series(EVERYBODY, index=vectors.index, dtype="str")
        for prefix, large in zip(_prefixes(vectors, self._peers), self._large, strict=True):
            labels = prefix.where(prefix.isin(large) & (labels == EVERYBODY), labels)
        return labels.rename("peer_group")


class PeerMembers:
    """Whom a label of :class:`PeerGroups` names in a population: a widened one everyone whose attributes begin so.

    Parameters
    ----------
    vectors : the population.
    peers : attributes that make a peer group, most important first.
    """

    def __init__(self, vectors: pd.DataFrame, peers: tuple[str, ...]) -> None:
        import numpy as np

        self._prefixes = _prefixes(vectors, peers)
        self._everyone = np.arange(len(vectors))
        self._found: dict[str, np.ndarray] = {}

    def of(self, label: str) -> np.ndarray:
        """Places of the rows, ascending."""
        import numpy as np

        if label == EVERYBODY:
            return self._everyone
        if label not in self._found:
            self._found[label] = np.flatnonzero(np.logical_or.reduce([prefix == label for prefix in self._prefixes]))
        return self._found[label]


def peer_groups(vectors: pd.DataFrame, catalogue: Catalogue, minimum: int = MINIMUM) -> pd.Series:
    """Labels of :class:`PeerGroups` of a whole population, on the index of ``vectors``."""
    return PeerGroups(vectors, catalogue.peers, minimum).of(vectors)


def peer_statistics(vectors: pd.DataFrame, catalogue: Catalogue, minimum: int = MINIMUM) -> PeerStatistics:
    """Median, percentile and robust z-score of every feature within the entity's peer group.

    A widened group counts all whose attributes begin with its label, not only those that found no nearer peers. The robust z-score
    (Iglewicz and Hoaglin 1993) is ``(value - median) / (1.4826 MAD)``, with the median absolute deviation from the median. Where more than
    half of the group have the same value, the mean absolute deviation stands in, ``/ (1.2533 mean |value - median|)``; where all have it,
    the score is 0.
    """
    import numpy as np
    import pandas as pd

    columns = [name for name in vectors if name in catalogue.features]
    group = peer_groups(vectors, catalogue, minimum)
    median = np.full((len(vectors), len(columns)), np.nan)
    percentile, robust_z = median.copy(), median.copy()
    size = np.zeros(len(vectors), dtype="int64")
    for prefix in [*_prefixes(vectors, catalogue.peers), pd.Series(EVERYBODY, index=vectors.index, dtype="str")]:
        mine = (group == prefix).to_numpy()
        if not mine.any():
            continue
        alike = prefix.isin(group[mine].unique()).to_numpy()
        labels, values = prefix[alike].to_numpy(), vectors.loc[alike, columns]
        grouped = values.groupby(labels)
        rank = (grouped.rank(method="average") - 0.5) / grouped.transform("count") * 100
        asked = mine[alike]
        middle = grouped.transform("median")
        median[mine] = middle.to_numpy()[asked]
        robust_z[mine] = _in_deviations(values - middle, labels).to_numpy()[asked]
        percentile[mine] = rank.to_numpy()[asked]
        size[mine] = prefix.map(prefix.value_counts()).to_numpy()[mine]
    return PeerStatistics(
        group,
        pd.Series(size, index=vectors.index, name="peers"),
        pd.DataFrame(median, index=vectors.index, columns=columns),
        pd.DataFrame(percentile, index=vectors.index, columns=columns),
        pd.DataFrame(robust_z, index=vectors.index, columns=columns),
    )


def beside_peers(vectors: pd.DataFrame, catalogue: Catalogue) -> pd.DataFrame:
    """Columns ``peer_z:<feature>`` and ``peer_percentile:<feature>`` of :func:`peer_statistics`, on the index of ``vectors``."""
    import pandas as pd

    there = peer_statistics(vectors, catalogue)
    return pd.concat([there.robust_z.add_prefix("peer_z:"), there.percentile.add_prefix("peer_percentile:")], axis=1)


def _in_deviations(distance: pd.DataFrame, labels: np.ndarray) -> pd.DataFrame:
    """Distances from the median by what is usual in their group."""
    apart = distance.abs().groupby(labels)
    typical = 1.4826 * apart.transform("median")
    typical = typical.where(typical > 0, 1.2533 * apart.transform("mean"))
    return (distance / typical).where((typical > 0) | distance.isna(), 0.0)


def _prefixes(vectors: pd.DataFrame, peers: tuple[str, ...]) -> list[pd.Series]:
    """Labels of the attributes from the narrowest to the widest combination."""
    names = [name for name in peers if name in vectors]
    labels: list[pd.Series] = []
    for name in names:
        text = vectors[name].astype("str")
        labels.append(text if not labels else labels[-1] + SEPARATOR + text)
    return labels[::-1]
