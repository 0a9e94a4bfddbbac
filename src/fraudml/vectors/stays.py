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
    "previous_end": "max(ended_on) over earlier",
    # a stay elsewhere in between does not undo the discharge from here
    "left_on": "max(ended_on) over earlier_here",
    "left_category": "lag(category) over here",
}
_DERIVED = {
    "gap": "date_diff('day', stay.previous_end, stay.started_on)",
    "return_gap": "case when stay.left_on <= stay.started_on then date_diff('day', stay.left_on, stay.started_on) end",
    # a first stay returns from nothing and overlaps nothing: it counts among the stays
    "is_same_disease": "case when stay.left_on is null then false else stay.left_category = stay.category end",
    "is_overlapping": "coalesce(stay.started_on < stay.previous_end, false)",
    "outside_claims": "coalesce(outside.outside_claims, 0)",
    # unknown where no line of the stay bears a day
    "care_days": "case when care.dated_lines > 0 then care.care_days end",
}
_IN_ORDER = "order by started_on, ended_on, total_amount, stay_id"
_BEFORE = "rows between unbounded preceding and 1 preceding"
_WINDOWS = (
    f"earlier as (partition by patient_id {_IN_ORDER} {_BEFORE})",
    f"earlier_here as (partition by patient_id, institution_id {_IN_ORDER} {_BEFORE})",
    f"here as (partition by patient_id, institution_id {_IN_ORDER})",
)
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
    if "left_category" in ordered:
        stays.add("category")
    claims = {"is_stay", "visit_id", "claim_id", "patient_id", "institution_id"}.union(*(columns_of(_STAY[name]) for name in stays))
    items: set[str] = set()
    outside = care = ""
    same = " and ".join(f"stay.{key} = {{0}}.{key}" for key in _KEYS)
    if "outside." in told:
        claims |= {"started_on"}
        # a part of the same bill is nothing that went on beside it
        outside = f"""left join (
            select stay.stay_id, stay.patient_id, stay.institution_id, count(*) as outside_claims
            from ordered as stay join joined_claims as claim on stay.patient_id = claim.patient_id
                and not claim.is_stay and claim.started_on > stay.started_on and claim.started_on < stay.ended_on
                and coalesce(claim.visit_id, claim.claim_id) <> stay.stay_id
            group by stay.stay_id, stay.patient_id, stay.institution_id) as outside on {same.format("outside")}"""
    if "care." in told:
        items = {"claim_id", "occurred_at", "occurred_on", "charge_type", "is_stay"}
        # by nights: what is done on the day of discharge fills none
        care = f"""left join (
            select stay.stay_id, stay.patient_id, stay.institution_id, count(line.occurred_at) as dated_lines,
                count(distinct case when line.{_CARE} and line.occurred_on >= stay.started_on and line.occurred_on < stay.ended_on
                    then line.occurred_on end) as care_days
            from joined_items as line join joined_claims as claim on line.claim_id = claim.claim_id
            join stay on coalesce(claim.visit_id, claim.claim_id) = stay.stay_id
                and claim.patient_id = stay.patient_id and claim.institution_id = stay.institution_id
            where claim.is_stay and line.is_stay
            group by stay.stay_id, stay.patient_id, stay.institution_id) as care on {same.format("care")}"""
    grouped = ", ".join(f"{sql} as {name}" for name, sql in _STAY.items() if name in stays)
    lags = "".join(f", {_ORDERED[name]} as {name}" for name in ordered)
    window = f" window {', '.join(_WINDOWS)}" if ordered else ""
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
