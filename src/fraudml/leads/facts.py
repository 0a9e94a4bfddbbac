"""What leads need to know of the claims: whose they are, what they are worth, where an entity mostly goes, what its peers cost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import pandas as pd

from fraudml.claims import Claims, Snapshot

COLUMN = {
    "patient": "patient_id",
    "doctor": "doctor_id",
    "institution": "institution_id",
    "pharmacy": "institution_id",
    "claim": "claim_id",
}
"""The column of ``claims`` that names an entity."""


def opened(claims: Claims | Snapshot, as_of: dt.date, months: int) -> Snapshot:
    """The claims of the last months as they were known on the day."""
    return claims if isinstance(claims, Snapshot) else claims.at(as_of, months=months)


def pharmacy_ids(snapshot: Snapshot) -> set[str]:
    return set(snapshot.query("select institution_id from institutions where kind = 'pharmacy'")["institution_id"])


def claim_facts(snapshot: Snapshot, claim_ids: Iterable[str]) -> pd.DataFrame:
    """Claims by id: patient_id, doctor_id, institution_id, visit_type, started_on, settled_on, total_amount (net of refunds, yuan)."""
    snapshot.engine.register("asked_claims", pd.DataFrame({"claim_id": pd.Series(sorted(set(claim_ids)), dtype="str")}))
    return snapshot.query("""
        select claim_id, patient_id, doctor_id, institution_id, visit_type, started_on, settled_on, total_amount
        from claims semi join asked_claims using (claim_id)""").set_index("claim_id")


def main_institutions(snapshot: Snapshot, entities: pd.DataFrame) -> pd.DataFrame:
    """Where the money of doctors and patients goes: entity_type, entity_id, institution_id, share of their amount there.

    Rounded, because the last digits of a sum depend on the order of its rows, and half of the money is a threshold.
    """
    parts = []
    for kind in ("doctor", "patient"):
        ids = entities.loc[entities["entity_type"] == kind, ["entity_id"]]
        if ids.empty:
            continue
        snapshot.engine.register("asked", ids.astype("str"))
        parts.append(
            snapshot.query(f"""
                with spent as (
                    select {COLUMN[kind]} as entity_id, institution_id, round(sum(total_amount), 2) as amount
                    from claims where {COLUMN[kind]} in (select entity_id from asked) group by all
                )
                select '{kind}' as entity_type, entity_id, arg_max(institution_id, (amount, institution_id)) as institution_id,
                    round(max(amount) / nullif(sum(amount), 0), 9) as share
                from spent group by entity_id""")
        )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["entity_type", "entity_id", "institution_id", "share"])


def institution_shares(snapshot: Snapshot) -> pd.Series:
    """Share of all claims that each institution settled."""
    return snapshot.query("""
        select institution_id, count(*) / (sum(count(*)) over ()) as share from claims group by institution_id
        """).set_index("institution_id")["share"]


def excess_over_peers(snapshot: Snapshot, entities: pd.DataFrame) -> pd.Series:
    """An estimate of what is at risk where no rule says it, yuan by (entity_type, entity_id).

    What lies above the peers' median: for a claim, its amount against claims of its visit type; for a patient, the year's
    amount against those of the same insurance type; for doctors, institutions and pharmacies, the amount per patient
    against peers of the same kind and level, times their patients, because size alone is no fault.
    """
    queries = {
        "claim": """
            select claim_id as entity_id, total_amount - median(total_amount) over (partition by visit_type) as excess from claims""",
        "patient": """
            with spent as (select patient_id as entity_id, any_value(insurance_type order by insurance_type) as peer,
                sum(total_amount) as amount from claims group by patient_id)
            select entity_id, amount - median(amount) over (partition by peer) as excess from spent""",
    }
    for kind in ("doctor", "institution", "pharmacy"):
        queries[kind] = f"""
            with spent as (
                select {COLUMN[kind]} as entity_id, count(distinct patient_id) as people, sum(total_amount) as amount,
                    arg_max(place.level, total_amount) as level
                from claims join institutions as place using (institution_id)
                where {COLUMN[kind]} is not null and (place.kind = 'pharmacy') = {str(kind == "pharmacy").lower()}
                group by 1
            )
            select entity_id, amount - people * median(amount / people) over (partition by level) as excess from spent"""
    parts = []
    for kind, sql in queries.items():
        ids = entities.loc[entities["entity_type"] == kind, ["entity_id"]]
        if len(ids):
            snapshot.engine.register("asked", ids.astype("str"))
            parts.append(snapshot.query(f"select * from ({sql}) where entity_id in (select entity_id from asked)").assign(entity_type=kind))
    if not parts:
        return pd.Series(dtype=float)
    table = pd.concat(parts, ignore_index=True)
    return table.set_index(["entity_type", "entity_id"])["excess"].clip(lower=0.0).round(2)


def heaviest_claims(snapshot: Snapshot, entities: pd.DataFrame, claim_risk: pd.DataFrame, limit: int) -> pd.DataFrame:
    """The claims to look at first where no rule names any: lead, claim_id, total_amount, settled_on, started_on.

    Those with the highest risk of their own, then the largest, at most ``limit`` for a lead.

    Parameters
    ----------
    entities : lead, entity_type, entity_id.
    claim_risk : claim_id, risk (may be empty).
    """
    snapshot.engine.register("claim_risk", claim_risk.astype({"claim_id": "str", "risk": "float"}))
    parts = []
    for column, kinds in (
        ("claim_id", ["claim"]),
        ("patient_id", ["patient"]),
        ("doctor_id", ["doctor"]),
        ("institution_id", ["institution", "pharmacy"]),
    ):
        asked = entities.loc[entities["entity_type"].isin(kinds), ["lead", "entity_id"]]
        if len(asked):
            snapshot.engine.register("asked", asked.astype({"entity_id": "str"}))
            parts.append(
                snapshot.query(f"""
                    select asked.lead, claim.claim_id, claim.total_amount, claim.settled_on, claim.started_on
                    from claims as claim join asked on claim.{column} = asked.entity_id left join claim_risk as scored using (claim_id)
                    qualify row_number() over (partition by asked.lead
                        order by coalesce(scored.risk, 0) desc, claim.total_amount desc, claim.claim_id) <= {int(limit)}
                    order by asked.lead, coalesce(scored.risk, 0) desc, claim.total_amount desc, claim.claim_id""")
            )
    if not parts:
        return pd.DataFrame(columns=["lead", "claim_id", "total_amount", "settled_on", "started_on"])
    return pd.concat(parts, ignore_index=True)
