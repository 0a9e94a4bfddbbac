"""Measures of every patient, doctor, institution and pharmacy in the graph.

One wide table: a measure that has no meaning for an entity type is null there. ``features/graph.yaml`` words them all.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import sparse

from fraudml.graph.edges import PAIRS, end_columns
from fraudml.graph.structure import GraphIndex, coreness, hubs_and_authorities, pagerank, shared_counterparts

KEYS = ("entity_type", "entity_id", "as_of")


def degrees(index: GraphIndex, edges: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Degree, strength and concentration towards every kind of counterpart.

    Returns
    -------
    one row per node of the index, in its order: ``<other>_degree_12m`` (how many counterparts), ``<other>_strength_12m`` (claims with
    them), ``<other>_concentration_12m`` (Herfindahl index of the claims over the counterparts, in (0, 1]), ``<other>_top_share_12m``
    (share of the one with most claims). A pharmacy's doctors are its prescribers.
    """
    out = pd.DataFrame(index=index.nodes.index)
    for pair, ((left, _), (right, _)) in PAIRS.items():
        left_column, right_column = end_columns(pair)
        other_of_right = "prescriber" if pair == "prescriber_pharmacy" else left
        for mine, column, other in ((left, left_column, right), (right, right_column, other_of_right)):
            claims = edges[pair]["n_12m"].astype(float)
            by_owner = edges[pair].assign(claims=claims, squared=claims**2).groupby(column, sort=False)
            total = by_owner["claims"].sum()
            table = pd.DataFrame(
                {
                    f"{other}_degree_12m": by_owner.size().astype(float),
                    f"{other}_strength_12m": total,
                    f"{other}_concentration_12m": by_owner["squared"].sum() / total**2,
                    f"{other}_top_share_12m": by_owner["claims"].max() / total,
                }
            )
            where = index.numbers(mine, table.index)
            for name in table.columns:
                if name not in out:
                    out[name] = np.nan
                out.loc[where, name] = table[name].to_numpy()
    return out


def centrality(index: GraphIndex) -> pd.DataFrame:
    """PageRank (as a multiple of the average), hub and authority (patients towards providers; multiples of their average), coreness."""
    n = len(index.nodes)
    out = pd.DataFrame(index=index.nodes.index)
    out["pagerank"] = pagerank(index.weights) * n if n else np.zeros(0)
    out["core_number"] = coreness(index.weights) if n else np.zeros(0)
    is_patient = (index.nodes["entity_type"] == "patient").to_numpy()
    links = index.weights[np.flatnonzero(is_patient)][:, np.flatnonzero(~is_patient)]
    hubs, authorities = hubs_and_authorities(sparse.csr_array(links))
    out["hub_score"] = np.nan
    out["authority_score"] = np.nan
    out.loc[is_patient, "hub_score"] = hubs * len(hubs)
    out.loc[~is_patient, "authority_score"] = authorities * len(authorities)
    return out


def overlap(index: GraphIndex) -> pd.DataFrame:
    """How far doctors, institutions and pharmacies share their patients with others of their kind."""
    out = pd.DataFrame(index=index.nodes.index, columns=["patient_overlap_mean", "patient_overlap_max"], dtype=float)
    kind = index.nodes["entity_type"].to_numpy()
    patients = np.flatnonzero(kind == "patient")
    for provider in ("doctor", "institution", "pharmacy"):
        columns = np.flatnonzero(kind == provider)
        if len(columns) == 0 or len(patients) == 0:
            continue
        mean, largest, _ = shared_counterparts(sparse.csr_array(index.weights[patients][:, columns]))
        out.iloc[columns, 0] = mean
        out.iloc[columns, 1] = largest
    return out
