"""How near an entity stands to confirmed cases: personalised PageRank from what was decided before ``as_of``."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fraudml.claims.store import Snapshot
from fraudml.contracts import NO, YES
from fraudml.errors import MissingInput
from fraudml.graph.structure import GraphIndex, pagerank

FOLDS = 5


def confirmed_entities(snapshot: Snapshot) -> pd.DataFrame:
    """Entities with a confirmed decision on or before ``as_of`` (undated decisions count as known): entity_type, entity_id.

    Read from the snapshot's ``labels`` and from ``labels.parquet`` in the data folder, where the ledger puts what inspectors found.

    Raises
    ------
    MissingInput
        When ``labels.parquet`` lacks a column, or has a decision that is neither yes nor no.
    """
    sources = ["select entity_type, entity_id, cast(is_fraud as boolean) as is_fraud from labels"] if "labels" in snapshot.tables else []
    decided = snapshot.data_dir / "labels.parquet"
    if decided.is_file():
        snapshot.engine.parquet("decided_labels", decided)
        present = snapshot.engine.columns("decided_labels")
        if missing := [name for name in ("entity_type", "entity_id", "is_fraud") if name not in present]:
            raise MissingInput(
                "labels.columns", f"{decided} has no column {', '.join(missing)}.", "See labels in the list of source tables."
            )
        if unclear := snapshot.engine.rows(f"""select distinct cast(is_fraud as varchar) from decided_labels
                where is_fraud is not null and lower(cast(is_fraud as varchar)) not in {YES + NO} order by 1 limit 5"""):
            found = ", ".join(str(value) for (value,) in unclear)
            raise MissingInput(
                "labels.is_fraud", f"{decided} has decisions that are neither yes nor no: {found}.", "Give 1 or 0 in is_fraud."
            )
        dated = "decided_on" in present
        known = f"where decided_on is null or cast(decided_on as date) <= date '{snapshot.as_of}'" if dated else ""
        sources.append(f"select entity_type, entity_id, lower(cast(is_fraud as varchar)) in {YES} as is_fraud from decided_labels {known}")
    if not sources:
        return pd.DataFrame({"entity_type": pd.Series(dtype="str"), "entity_id": pd.Series(dtype="str")})
    return snapshot.query(f"""
        select distinct entity_type, cast(entity_id as varchar) as entity_id from ({" union all ".join(sources)})
        where is_fraud and entity_type <> 'claim' order by entity_type, entity_id""")


def confirmed_proximity(index: GraphIndex, confirmed: pd.DataFrame, core: np.ndarray) -> pd.DataFrame:
    """Nearness to confirmed cases as a multiple of what the node's position gives anyway.

    Parameters
    ----------
    confirmed : entity_type, entity_id.
    core : (nodes,) coreness, which orders the confirmed into folds.

    Returns
    -------
    one row per node: ``confirmed_proximity``: personalised PageRank with restarts at the confirmed entities, divided by plain PageRank:
    1 is average, 0 unreachable, null where nothing was confirmed yet.

    Notes
    -----
    A confirmed entity is judged by the other ones only: the confirmed are dealt into five folds, and each walks from the seeds of the other
    four. Else the measure would give away the very label that a model is to learn.
    """
    n = len(index.nodes)
    out = pd.DataFrame({"confirmed_proximity": np.full(n, np.nan)}, index=index.nodes.index)
    seeds = pd.MultiIndex.from_frame(index.nodes).get_indexer(pd.MultiIndex.from_frame(confirmed))
    seeds = np.unique(seeds[seeds >= 0])
    if len(seeds) == 0:
        return out
    strength = np.asarray(index.weights.sum(axis=0)).ravel()
    seeds = seeds[np.lexsort((seeds, -strength[seeds], -core[seeds]))]
    fold = np.arange(len(seeds)) % FOLDS
    restart = np.zeros((n, FOLDS + 1))
    restart[seeds, FOLDS] = 1.0
    for each in range(FOLDS):
        restart[seeds[fold != each], each] = 1.0
    plain = pagerank(index.weights)
    usable = np.flatnonzero(restart.sum(axis=0) > 0)
    near = np.full((n, FOLDS + 1), np.nan)
    near[:, usable] = pagerank(index.weights, restart[:, usable])
    proximity = near[:, FOLDS] / plain
    proximity[seeds] = near[seeds, fold] / plain[seeds]
    return out.assign(confirmed_proximity=proximity)
