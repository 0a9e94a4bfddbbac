"""How near an entity stands to confirmed cases: personalised PageRank from what was decided before ``as_of``."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fraudml.claims.decisions import read_decisions
from fraudml.claims.store import Snapshot
from fraudml.graph.structure import GraphIndex, pagerank

FOLDS = 5


def confirmed_entities(snapshot: Snapshot) -> pd.DataFrame:
    """Entities with a confirmed decision on or before ``as_of`` (undated decisions count as known): entity_type, entity_id.

    Read from the snapshot's ``labels`` and from ``labels.parquet`` in the data folder, where the ledger puts what inspectors found.

    Raises
    ------
    MissingInput
        When ``labels.parquet`` cannot be read (:func:`fraudml.claims.decisions.read_decisions`).
    """
    sources = ["select entity_type, entity_id, cast(is_fraud as boolean) as is_fraud from labels"] if "labels" in snapshot.tables else []
    decided = snapshot.data_dir / "labels.parquet"
    if decided.is_file():
        rows = read_decisions(snapshot.engine, decided, snapshot.as_of)
        snapshot.engine.register("decided", rows[["entity_type", "entity_id", "is_fraud"]])
        sources.append("select entity_type, entity_id, is_fraud from decided")
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
