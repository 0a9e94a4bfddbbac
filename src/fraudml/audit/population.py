"""What lists are drawn from: one row per settlement with everything a list may ask of it, and one row per institution."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from fraudml.audit.periods import Period
from fraudml.claims import Snapshot
from fraudml.contracts import CANONICAL
from fraudml.engine import Engine

DRUGS = ("western_drug", "chinese_patent_drug", "herbal")

COLUMNS = {
    "claims": "every column of claims (refunds netted), period, disease (name), disease_type (chronic, special), kind, level, ownership, "
    "region, is_village, is_primary (hospital of level 1 or 0), drug_amount, has_negotiated_drug, has_dual_channel_drug, risk, "
    "amount_in_question, rules",
    "institutions": "every column of institutions, is_primary, claim_count, total_amount, patient_count (last 12 months), "
    "evidence_claims, amount_in_question, doubt (share of claims with evidence, shrunk towards the peers'), peer_doubt",
}
"""What the SQL of a list may name."""

_ITEM_EXTRAS = ("patient_id", "institution_id", "visit_type", "insurance_type")


def fill_missing(snapshot: Snapshot) -> None:
    """Gives the session an empty table for every canonical one that the source lacks."""
    for table, declared in CANONICAL.items():
        if table not in snapshot.tables:
            columns = declared.columns | (dict.fromkeys(_ITEM_EXTRAS, "VARCHAR") if table == "items" else {})
            snapshot.engine.view(
                table, "select " + ", ".join(f'cast(null as {kind}) as "{name}"' for name, kind in columns.items()) + " where false"
            )


def prepare_claims(snapshot: Snapshot, periods: Sequence[Period], by: str) -> None:
    """Makes ``audited_claims``: the settlements of the periods, after refunds.

    A settlement without a registered disease takes its patient's only one. Amounts of drugs are those of lines charged as western,
    Chinese patent or herbal drugs.
    """
    engine = snapshot.engine
    fill_missing(snapshot)
    spans = ", ".join(f"('{each.name}', date '{each.start}', date '{each.end}')" for each in periods)
    drugs = ", ".join(f"'{each}'" for each in DRUGS)
    engine.table("audited_periods", f"select * from (values {spans}) as span(period, first_day, last_day)")
    engine.table(
        "audited_lines",
        f"""select claim_id, sum(amount) filter (where charge_type in ({drugs})) as drug_amount,
            bool_or(coalesce(is_negotiated_drug, false)) as has_negotiated_drug,
            bool_or(coalesce(is_dual_channel, false)) as has_dual_channel_drug
        from items group by claim_id""",
    )
    engine.table(
        "audited_claims",
        f"""
        with only_disease as (
            select patient_id, min(registered_disease) as registered_disease from registered_diseases
            group by patient_id having count(distinct registered_disease) = 1
        ), disease_types as (
            select registered_disease, max(disease_type) as disease_type, max(name) as name from (
                select registered_disease, disease_type, name from registrable_diseases
                union all select registered_disease, disease_type, null from registered_diseases) group by registered_disease
        ), claim as (
            select claims.* replace (case when claims.visit_type = 'chronic'
                    then coalesce(claims.registered_disease, only_disease.registered_disease) else claims.registered_disease end
                    as registered_disease,
                coalesce(claims.visit_id, claims.claim_id) as visit_id), span.period
            from claims join audited_periods as span on claims.{by} between span.first_day and span.last_day
            left join only_disease on claims.patient_id = only_disease.patient_id
        )
        select claim.*, coalesce(disease_types.name, claim.registered_disease) as disease, disease_types.disease_type,
            place.kind, place.level, place.ownership, place.region, coalesce(place.is_village, false) as is_village,
            coalesce(place.kind = 'hospital' and place.level <= 1, false) as is_primary,
            round(coalesce(line.drug_amount, 0), 2) as drug_amount,
            coalesce(line.has_negotiated_drug, false) as has_negotiated_drug,
            coalesce(line.has_dual_channel_drug, false) as has_dual_channel_drug,
            score.risk, proof.amount_in_question, proof.rules
        from claim
        left join institutions as place on claim.institution_id = place.institution_id
        left join disease_types on claim.registered_disease = disease_types.registered_disease
        left join audited_lines as line on claim.claim_id = line.claim_id
        left join claim_scores as score on claim.claim_id = score.entity_id
        left join claim_evidence as proof on claim.claim_id = proof.claim_id""",
    )


def prepare_evidence(engine: Engine, evidence: Any, scores: Any) -> None:
    """Makes ``claim_scores`` and ``claim_evidence`` from claim scores and rule evidence; empty where none is given.

    Parameters
    ----------
    evidence : rows of :data:`fraudml.contracts.EVIDENCE`; screens are left out, they accuse nobody.
    scores : claims' ``entity_id`` and ``risk``.
    """
    import pandas as pd

    from fraudml.rules.amounts import deduplicate_amounts

    columns = ("rule", "severity", "entity_type", "entity_id", "claim_id", "line_id", "occurred_on", "amount_in_question")
    found = pd.DataFrame({name: pd.Series(dtype="str") for name in columns}) if evidence is None else evidence[list(columns)]
    found = deduplicate_amounts(found[found["severity"] != "screen"])
    packed = found[["rule", "claim_id", "amount_in_question"]].dropna(subset="claim_id")
    engine.register("evidence_given", packed.astype({"rule": "str", "claim_id": "str", "amount_in_question": "float64"}))
    engine.table(
        "claim_evidence",
        """select cast(claim_id as varchar) as claim_id, round(sum(amount_in_question), 2) as amount_in_question,
            list_sort(list(distinct cast(rule as varchar))) as rules
        from evidence_given group by claim_id""",
    )
    given = pd.DataFrame({"entity_id": pd.Series(dtype="str"), "risk": pd.Series(dtype="float64")}) if scores is None else scores
    engine.register("scores_given", given[["entity_id", "risk"]])
    engine.table("claim_scores", "select cast(entity_id as varchar) as entity_id, cast(risk as double) as risk from scores_given")


def prepare_institutions(snapshot: Snapshot, since: dt.date) -> None:
    """Makes ``audited_institutions``: every institution, with its activity and evidence since a day.

    ``doubt`` is the share of an institution's claims with evidence, shrunk towards that of its kind and level with the weight of 30 claims:
    a clinic with one claim and one hit is not the most doubtful of all.
    """
    snapshot.engine.table(
        "audited_institutions",
        f"""
        with active as (
            select claim.institution_id, count(*) as claim_count, count(distinct claim.patient_id) as patient_count,
                round(sum(claim.total_amount), 2) as total_amount, count(proof.claim_id) as evidence_claims,
                round(coalesce(sum(least(proof.amount_in_question, claim.total_amount)) filter (where proof.claim_id is not null), 0), 2)
                    as amount_in_question
            from claims as claim left join claim_evidence as proof on claim.claim_id = proof.claim_id
            where claim.settled_on > date '{since}' group by claim.institution_id
        ), place as (
            select institutions.* replace (coalesce(is_village, false) as is_village),
                coalesce(kind = 'hospital' and level <= 1, false) as is_primary,
                coalesce(claim_count, 0) as claim_count, coalesce(patient_count, 0) as patient_count,
                coalesce(total_amount, 0) as total_amount, coalesce(evidence_claims, 0) as evidence_claims,
                coalesce(amount_in_question, 0) as amount_in_question
            from institutions left join active on institutions.institution_id = active.institution_id
        )
        select *, round((evidence_claims + 30 * peer_doubt) / (claim_count + 30), 6) as doubt
        from (select *, coalesce(sum(evidence_claims) over peers / nullif(cast(sum(claim_count) over peers as double), 0), 0) as peer_doubt
            from place window peers as (partition by kind, level))""",
    )
