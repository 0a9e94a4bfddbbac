"""What rules, graph and peers say of each entity on a day: the parts that scoring combines and training learns to weigh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fraudml.claims import Snapshot
from fraudml.stages.inputs import weighed

if TYPE_CHECKING:
    import pandas as pd

    from fraudml.vectors import Catalogue


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


def gather(
    entity: str,
    catalogue: Catalogue,
    vectors: pd.DataFrame,
    measures: pd.DataFrame | None,
    hits: pd.DataFrame,
    snapshot: Snapshot,
    wanted: np.ndarray,
    seed: int,
) -> Parts:
    """Judges the entities ``wanted`` (ids, sorted, all in ``vectors``) against all of ``vectors``.

    Parameters
    ----------
    measures : graph measures of this entity type on that day, or None.
    hits : all rule evidence of the day.
    snapshot : claims of the evidence's window, for how many claims each entity has.
    """
    import pandas as pd

    from fraudml.detectors.evidence import graph_score, together
    from fraudml.detectors.peers import outliers_among_peers
    from fraudml.vectors import peer_groups

    here = pd.Index(wanted, name="entity_id", dtype="object")
    mine = hits.assign(entity_id=hits["claim_id"]) if entity == "claim" else hits[hits["entity_type"] == entity]
    evidence = weighed(hits, snapshot, entity, len(vectors))
    evidence = evidence[evidence["entity_id"].isin(here)]
    group = peer_groups(vectors, catalogue)
    numeric = vectors.select_dtypes("number")
    values = pd.DataFrame(index=here)
    values["rules"] = together(evidence["worth"], evidence["entity_id"]).reindex(here).fillna(0.0)
    values["graph"] = 0.0 if measures is None or measures.empty else graph_score(measures).reindex(here).fillna(0.0)
    unusual = outliers_among_peers(vectors, catalogue.peers, numeric, group, vectors.index.isin(here), seed).reindex(here)
    return Parts(values.join(unusual), evidence, mine[mine["entity_id"].isin(here)], group.reindex(here))
