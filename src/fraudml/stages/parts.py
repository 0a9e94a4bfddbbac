"""What rules, graph and peers say of each entity on a day: the parts that scoring combines and training learns to weigh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fraudml.claims import Snapshot
from fraudml.stages.inputs import weighed

if TYPE_CHECKING:
    import pandas as pd

    from fraudml.detectors.peers import UsualAmongPeers
    from fraudml.vectors import Catalogue, PeerGroups


@dataclass(frozen=True)
class Parts:
    """Of the wanted entities of one type on one day.

    Attributes
    ----------
    values : rules, graph, outlier in [0, 1] by entity_id, and ``strangeness``.
    evidence : rule evidence by entity and rule (:func:`fraudml.detectors.evidence.rule_evidence`).
    hits : the pieces of evidence, with ``entity_id`` naming the entity judged.
    group : peer group by entity_id.
    """

    values: pd.DataFrame
    evidence: pd.DataFrame
    hits: pd.DataFrame
    group: pd.Series


@dataclass(frozen=True)
class Judge:
    """What the entities of one type are judged by on a day. Once learnt, it judges each by itself, wherever its row lies.

    Attributes
    ----------
    groups, usual : of the population.
    evidence, hits : of everyone, as :class:`Parts` has them.
    """

    groups: PeerGroups
    usual: UsualAmongPeers
    evidence: pd.DataFrame
    hits: pd.DataFrame

    @classmethod
    def learn(
        cls,
        catalogue: Catalogue,
        vectors: pd.DataFrame,
        hits: pd.DataFrame,
        snapshot: Snapshot,
        count: int,
        seed: int,
        wanted: np.ndarray | None = None,
    ) -> Judge:
        """From the vectors of a population, or of a part that stands for it.

        Parameters
        ----------
        hits : all rule evidence of the day.
        snapshot : claims of the evidence's window, for how many claims each entity has.
        count : entities of the population.
        wanted : ids of ``vectors`` that will be judged; anyone by default.
        """
        from fraudml.detectors.peers import UsualAmongPeers
        from fraudml.vectors import PeerGroups

        of_claims = catalogue.entity == "claim"
        mine = hits.assign(entity_id=hits["claim_id"]) if of_claims else hits[hits["entity_type"] == catalogue.entity]
        evidence = weighed(hits, snapshot, catalogue.entity, count)
        groups = PeerGroups(vectors, catalogue.peers)
        group = groups.of(vectors)
        labels = None if wanted is None else set(group.reindex(wanted))
        usual = UsualAmongPeers(vectors, catalogue.peers, vectors.select_dtypes("number"), group, labels, seed)
        return cls(groups, usual, evidence, mine)

    def judge(self, vectors: pd.DataFrame, measures: pd.DataFrame | None) -> Parts:
        """The parts of the entities of ``vectors``.

        Parameters
        ----------
        measures : graph measures of this entity type on that day (of these entities at least), or None.
        """
        import pandas as pd

        from fraudml.detectors.evidence import graph_score, together

        here = pd.Index(vectors.index, name="entity_id", dtype="object")
        evidence = self.evidence[self.evidence["entity_id"].isin(here)]
        group = self.groups.of(vectors)
        values = pd.DataFrame(index=here)
        values["rules"] = together(evidence["worth"], evidence["entity_id"]).reindex(here).fillna(0.0)
        values["graph"] = 0.0 if measures is None or measures.empty else graph_score(measures).reindex(here).fillna(0.0)
        unusual = self.usual.judge(vectors, group)
        return Parts(values.join(unusual), evidence, self.hits[self.hits["entity_id"].isin(here)], group)


def gather(
    catalogue: Catalogue,
    vectors: pd.DataFrame,
    measures: pd.DataFrame | None,
    hits: pd.DataFrame,
    snapshot: Snapshot,
    wanted: np.ndarray,
    seed: int,
) -> Parts:
    """Judges the entities ``wanted`` (ids, sorted, all in ``vectors``) against all of ``vectors``; parameters as for :class:`Judge`."""
    judge = Judge.learn(catalogue, vectors, hits, snapshot, len(vectors), seed, wanted)
    return judge.judge(vectors.loc[wanted], measures)
