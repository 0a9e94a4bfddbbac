"""What belonging to a ring, or having a companion, means for one entity: scores and counts that go into ``measures``."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from fraudml.claims.store import Snapshot
from fraudml.graph.covisits import CoVisits
from fraudml.graph.structure import GraphIndex

HALF_EVIDENCE = 5.0
"""A ring of p = 1e-5 (after correction) gives half of the full score."""


def ring_scores(rings: pd.DataFrame, index: GraphIndex, snapshot: Snapshot) -> pd.DataFrame:
    """How strongly each node belongs to a ring.

    Returns
    -------
    one row per node of the index, 0 for who is in none: ``ring_score`` in [0, 1]: strength of the ring's evidence, ``L / (L + 5)`` with
    ``L = -log10(p_value)``, times the root of the share of the entity's claims that are the ring's joint claims, of the best of its rings;
    ``ring_share_12m``: that share; ``ring_amount_12m``: CNY of these claims.
    """
    out = pd.DataFrame(0.0, index=index.nodes.index, columns=["ring_score", "ring_share_12m", "ring_amount_12m"])
    if rings.empty:
        return out
    members = ring_members(rings)
    listed = rings[["ring_id", "claim_ids"]].explode("claim_ids").rename(columns={"claim_ids": "claim_id"}).astype("str")
    snapshot.engine.register("listed_ring_claims", listed)
    sides = " union all ".join(
        f"""select ring.ring_id, '{kind}' as entity_type, claim.{column} as entity_id, count(*) as joint, sum(claim.amount) as amount
        from listed_ring_claims as ring join encounters as claim on ring.claim_id = claim.claim_id
        where claim.{column} is not null group by ring.ring_id, claim.{column}"""
        for kind, column in (
            ("patient", "patient_id"),
            ("doctor", "doctor_id"),
            ("doctor", "prescriber_id"),
            ("institution", "institution_id"),
            ("pharmacy", "pharmacy_id"),
        )
    )
    totals = " union all ".join(
        f"""select '{kind}' as entity_type, {column} as entity_id, count(*) as claims
        from encounters where {column} is not null group by {column}"""
        for kind, column in (("patient", "patient_id"), ("institution", "institution_id"), ("pharmacy", "pharmacy_id"))
    )
    own = snapshot.query(f"""
        with joint as (
            select ring_id, entity_type, entity_id, sum(joint) as joint, sum(amount) as amount from ({sides}) group by all
        ), total as (
            {totals} union all select 'doctor', doctor_id, count(*) from (
                select doctor_id from encounters union all select prescriber_id from encounters where prescriber_id is not null)
            where doctor_id is not null group by doctor_id
        )
        select joint.*, least(1.0, joint.joint / cast(total.claims as double)) as share
        from joint join total on joint.entity_type = total.entity_type and joint.entity_id = total.entity_id""")
    members = members.merge(own, on=["ring_id", "entity_type", "entity_id"])
    evidence = -np.log10(members["p_value"].clip(lower=1e-300))
    members["score"] = evidence / (evidence + HALF_EVIDENCE) * np.sqrt(members["share"])
    best = members.groupby(["entity_type", "entity_id"]).agg(
        ring_score=("score", "max"), ring_share_12m=("share", "max"), ring_amount_12m=("amount", "max")
    )
    found = best.reindex(pd.MultiIndex.from_frame(index.nodes)).fillna(0.0)
    return found.reset_index(drop=True)


def ring_members(rings: pd.DataFrame) -> pd.DataFrame:
    """One row per ring and member: ring_id, p_value, entity_type, entity_id, role."""
    long = rings[["ring_id", "p_value", "members"]].explode("members", ignore_index=True)
    return pd.concat([long[["ring_id", "p_value"]], pd.DataFrame(long["members"].tolist())], axis=1)


def companions(covisits: CoVisits, index: GraphIndex) -> pd.DataFrame:
    """Patients that keep turning up with a patient, beyond chance.

    Returns
    -------
    one row per node, null for who is no patient: ``companion_count_12m``, ``companion_days_12m`` (most days shared with one of them),
    ``companion_evidence_12m`` (largest ``-log10(q_value)``, at most 30).
    """
    pairs = covisits.significant()
    both = pd.DataFrame(
        {
            "entity_id": pd.concat([pairs["patient_a"], pairs["patient_b"]], ignore_index=True),
            "days": np.tile(pairs["days"].to_numpy(dtype=float), 2),
            "evidence": np.tile(np.minimum(-np.log10(pairs["q_value"].clip(lower=1e-300).to_numpy(dtype=float)), 30.0), 2),
        }
    )
    table = both.groupby("entity_id").agg(
        companion_count_12m=("days", "size"), companion_days_12m=("days", "max"), companion_evidence_12m=("evidence", "max")
    )
    is_patient = (index.nodes["entity_type"] == "patient").to_numpy()
    out = pd.DataFrame(np.nan, index=index.nodes.index, columns=table.columns)
    out.loc[is_patient] = 0.0
    out.loc[index.numbers("patient", table.index), :] = table.to_numpy(dtype=float)
    return out


def prescription_lift(pairs: pd.DataFrame, index: GraphIndex) -> pd.DataFrame:
    """The most improbable partner in external prescriptions, seen from either side.

    Returns
    -------
    one row per node: for doctors ``pharmacy_lift_12m`` (patients at that pharmacy / expected) and ``pharmacy_lift_evidence_12m`` (-log10
    of the corrected p-value, at most 30); for pharmacies ``prescriber_lift_12m`` and ``prescriber_lift_evidence_12m``. Null for who has
    no external prescriptions.
    """
    names = [f"{other}_{what}_12m" for other in ("pharmacy", "prescriber") for what in ("lift", "lift_evidence")]
    out = pd.DataFrame(np.nan, index=index.nodes.index, columns=names)
    worst = pairs.assign(evidence=np.minimum(-np.log10(pairs["p_value"].clip(lower=1e-300).astype(float)), 30.0)).sort_values(
        ["evidence", "lift"], ascending=False, kind="stable"
    )
    for mine, column, other in (("doctor", "prescriber_id", "pharmacy"), ("pharmacy", "pharmacy_id", "prescriber")):
        seen = worst if mine == "pharmacy" else worst[worst["level"] == "doctor"]
        first = seen.drop_duplicates(column)
        where = index.numbers(mine, first[column])
        out.loc[where, [f"{other}_lift_12m", f"{other}_lift_evidence_12m"]] = first[["lift", "evidence"]].to_numpy(dtype=float)
    return out


def patients_of_providers(index: GraphIndex, companions_of: pd.DataFrame, snapshot: Snapshot) -> pd.DataFrame:
    """What the patients of a doctor, institution or pharmacy have in common.

    Returns
    -------
    one row per node, null for patients: ``companion_patient_share_12m`` (share of the patients who keep turning up with another one
    beyond chance), ``address_top_share_12m`` (share of the patients with a known address group that live in the largest one).
    """
    out = pd.DataFrame(np.nan, index=index.nodes.index, columns=["companion_patient_share_12m", "address_top_share_12m"])
    kinds = index.nodes["entity_type"].to_numpy()
    patients, providers = np.flatnonzero(kinds == "patient"), np.flatnonzero(kinds != "patient")
    if len(patients) == 0 or len(providers) == 0:
        return out
    meets = index.weights[providers][:, patients].tocsr()
    meets.data = np.ones_like(meets.data)
    total = np.asarray(meets.sum(axis=1)).ravel()
    accompanied = (companions_of["companion_count_12m"].to_numpy(dtype=float)[patients] > 0).astype(float)
    out.iloc[providers, 0] = np.divide(meets @ accompanied, total, out=np.full(len(providers), np.nan), where=total > 0)
    address = snapshot.query("select patient_id, address_group from patients where address_group is not null").set_index("patient_id")
    groups = pd.Categorical(address["address_group"].reindex(index.nodes["entity_id"].to_numpy()[patients]))
    known = np.flatnonzero(groups.codes >= 0)
    if len(known):
        lives = sparse.csr_array((np.ones(len(known)), (known, groups.codes[known])), shape=(len(patients), len(groups.categories)))
        by_group = (meets @ lives).tocsr()
        largest, with_address = by_group.max(axis=1).toarray().ravel(), np.asarray(by_group.sum(axis=1)).ravel()
        out.iloc[providers, 1] = np.divide(largest, with_address, out=np.full(len(providers), np.nan), where=with_address > 0)
    return out
