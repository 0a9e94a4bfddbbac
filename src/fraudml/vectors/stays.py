"""Stays: a visit settled in parts is one stay, with the gap since the patient's stay before and what went on in it."""

from __future__ import annotations

from collections.abc import Collection

from fraudml.engine import columns_of

# what a patient in a bed receives when treated: a day without any of it is a day of bed only
_CARE = "charge_type in ('treatment', 'surgery', 'nursing', 'examination', 'laboratory', 'western_drug', 'herbal', 'chinese_patent_drug')"

_ROLES = ("drug", "exam", "laboratory", "treatment", "surgery", "nursing", "bed", "material")

_STAY = {
    "claim_id": "min(claim_id)",
    "doctor_id": "min(doctor_id)",
    "kind": "min(kind)",
    "address_group": "min(address_group)",
    "category": "min(category)",
    "chapter": "min(chapter)",
    "started_on": "min(started_on)",
    "ended_on": "max(ended_on)",
    "w": "min(w)",
    "nights": "date_diff('day', min(started_on), max(ended_on))",
    "total_amount": "sum(total_amount)",
    "fund_amount": "sum(fund_amount)",
    **{f"{role}_amount": f"sum({role}_amount)" for role in _ROLES},
    "case_ratio": "max(case_ratio)",
    "nights_ratio": "max(nights_ratio)",
    "drg_weight": "max(drg_weight)",
}
_ORDERED = {
    "previous_end": "lag(ended_on) over earlier",
    "previous_institution": "lag(institution_id) over earlier",
    "previous_category": "lag(category) over earlier",
}
_DERIVED = {
    "gap": "date_diff('day', stay.previous_end, stay.started_on)",
    "return_gap": """case when stay.previous_institution = stay.institution_id and stay.previous_end <= stay.started_on
        then date_diff('day', stay.previous_end, stay.started_on) end""",
    "is_same_disease": "stay.previous_institution = stay.institution_id and stay.previous_category = stay.category",
    "is_overlapping": "stay.started_on < stay.previous_end",
    "outside_claims": "coalesce(outside.outside_claims, 0)",
    "care_days": "coalesce(care.care_days, 0)",
}
_KEYS = ("stay_id", "patient_id", "institution_id")

STAY_COLUMNS = (*_KEYS, *_STAY, *_ORDERED, *_DERIVED)


def joined_stays(wanted: Collection[str], has_items: bool) -> tuple[str, set[str], set[str]]:
    """The query of ``joined_stays``, and the columns of ``joined_claims`` and of ``joined_items`` that it reads."""
    derived = {name: sql for name, sql in _DERIVED.items() if name in wanted}
    if not has_items:
        derived |= {name: "cast(null as bigint)" for name in derived if name == "care_days"}
    told = " ".join(derived.values())
    ordered = [name for name in _ORDERED if name in wanted or f"stay.{name}" in told]
    # the order among a patient's stays is by these, and so is the stay's place in time
    stays = {name for name in _STAY if name in wanted or f"stay.{name}" in told} | {
        "started_on",
        "ended_on",
        "total_amount",
        "w",
        "claim_id",
    }
    if "previous_category" in ordered:
        stays.add("category")
    claims = {"is_stay", "visit_id", "claim_id", "patient_id", "institution_id"}.union(*(columns_of(_STAY[name]) for name in stays))
    items: set[str] = set()
    outside = care = ""
    if "outside." in told:
        claims |= {"started_on"}
        outside = """left join (
            select stay.stay_id, count(*) as outside_claims from ordered as stay join joined_claims as claim
                on stay.patient_id = claim.patient_id
                and not claim.is_stay and claim.started_on > stay.started_on and claim.started_on < stay.ended_on
            group by stay.stay_id) as outside on stay.stay_id = outside.stay_id"""
    if "care." in told:
        items = {"claim_id", "occurred_on", "charge_type", "is_stay"}
        care = f"""left join (
            select coalesce(claim.visit_id, claim.claim_id) as stay_id, count(distinct line.occurred_on) as care_days
            from joined_items as line join joined_claims as claim on line.claim_id = claim.claim_id
            where claim.is_stay and line.is_stay and line.{_CARE}
            group by all) as care on stay.stay_id = care.stay_id"""
    grouped = ", ".join(f"{sql} as {name}" for name, sql in _STAY.items() if name in stays)
    lags = "".join(f", {_ORDERED[name]} as {name}" for name in ordered)
    window = " window earlier as (partition by patient_id order by started_on, ended_on, total_amount, stay_id)" if ordered else ""
    last = "".join(f", {sql} as {name}" for name, sql in derived.items())
    return (
        f"""
        with stay as (
            select coalesce(visit_id, claim_id) as stay_id, patient_id, institution_id, {grouped}
            from joined_claims where is_stay group by coalesce(visit_id, claim_id), patient_id, institution_id
        ), ordered as (
            select *{lags} from stay{window}
        )
        select stay.*{last} from ordered as stay {outside} {care}""",
        claims,
        items,
    )
