"""The wide tables that every vector reads: claims, items and stays of the last twelve months with their attributes joined.

They are computed once per snapshot. No join multiplies rows: every right side is unique on its key.
``w`` is the newest of the windows 1, 3, 12 (months before the snapshot's day) that contains the settlement; windows nest,
so ``w <= 3`` selects the last three months.
"""

from __future__ import annotations

from fraudml.claims import Snapshot
from fraudml.claims.store import months_before

WINDOWS = (1, 3, 12)
JOINED = ("joined_claims", "joined_items", "joined_stays")

_ROLES = {  # share of a bill by what the item is
    "drug": "charge_type in ('western_drug', 'herbal', 'chinese_patent_drug')",
    "herbal": "charge_type = 'herbal'",
    "exam": "charge_type = 'examination'",
    "laboratory": "charge_type = 'laboratory'",
    "treatment": "charge_type = 'treatment'",
    "surgery": "charge_type = 'surgery'",
    "nursing": "charge_type = 'nursing'",
    "bed": "charge_type = 'bed'",
    "material": "charge_type = 'material'",
    "negotiated": "is_negotiated_drug",
    "over_cap": "over_cap",
}
# what a patient in a bed receives when treated: a day without any of it is a day of bed only
_CARE = "charge_type in ('treatment', 'surgery', 'nursing', 'examination', 'laboratory', 'western_drug', 'herbal', 'chinese_patent_drug')"


# how common an item is in houses of a kind and level, and its price there: a table of its own, because a query that reads all lines
# twice would keep a copy of them
_USUAL_ITEMS = """
    select claim.kind, claim.level, line.item_code, avg(line.unit_price) as usual_price,
        min(claim.institution_id) <> max(claim.institution_id) as has_peers,
        cast(count(*) as double) / sum(count(*)) over (partition by claim.kind, claim.level) as item_share
    from items as line join window_claims as claim on line.claim_id = claim.claim_id
    group by claim.kind, claim.level, line.item_code"""

# One entry per level, item and day: validities are cut where one begins or ends. What holds for the level goes before what holds for all,
# a later beginning before an earlier one (careless sources leave the old entry open).
_CATALOGUE_AT = """
    with entry as (
        select level.level, catalogue.item_code, catalogue.cap_level, generic_code, list_type, price_cap, max_daily_dose, dose_per_unit,
            valid_days, minutes, coalesce(catalogue.started_on, date '0001-01-01') as starts,
            coalesce(catalogue.ended_on + 1, date '9999-12-31') as ends
        from catalogue, (select unnest([-1, 0, 1, 2, 3]) as level) as level
        where catalogue.cap_level is null or catalogue.cap_level = level.level
    ), cut as (
        select level, item_code, starts as valid_from from entry union select level, item_code, ends from entry
    ), span as (
        select *, coalesce(lead(valid_from) over (partition by level, item_code order by valid_from), date '9999-12-31') as valid_until
        from cut
    )
    select span.valid_from, span.valid_until, entry.* exclude (starts, ends)
    from span join entry on span.level = entry.level and span.item_code = entry.item_code
        and entry.starts <= span.valid_from and span.valid_from < entry.ends
    qualify row_number() over (partition by span.level, span.item_code, span.valid_from
        order by entry.cap_level nulls last, entry.starts desc, entry.ends, entry.price_cap) = 1"""


def join_claims(snapshot: Snapshot) -> None:
    """Makes the tables ``joined_claims``, ``joined_items`` and ``joined_stays`` in the snapshot's session, once."""
    engine = snapshot.engine
    if engine.scalar("select count(*) from information_schema.tables where table_name = 'joined_claims'"):
        return
    engine.table("window_claims", _window_claims(snapshot))
    if "items" in snapshot.tables:
        engine.table("usual_items", _USUAL_ITEMS)
        engine.table("joined_items", _joined_items(snapshot))
    if "diagnoses" in snapshot.tables:
        engine.table("claim_diagnoses", _claim_diagnoses())
    engine.table("joined_claims", _joined_claims(snapshot))
    engine.table("joined_stays", _joined_stays(snapshot))
    engine.drop("window_claims")
    if "diagnoses" in snapshot.tables:
        engine.drop("claim_diagnoses")


def _window_claims(snapshot: Snapshot) -> str:
    """Claims of the window, each with its patient's and institution's attributes."""
    one, three, twelve = (f"date '{months_before(snapshot.as_of, w)}'" for w in WINDOWS)
    registered = "null"
    join = ""
    if "registered_diseases" in snapshot.tables:
        registered = "coalesce(registered.disease_count, 0)"
        join = """
        left join (select patient_id, count(distinct registered_disease) as disease_count from registered_diseases group by patient_id)
            as registered            on claim.patient_id = registered.patient_id"""
    return f"""
        select claim.* exclude (memo),
            case when claim.settled_on > {one} then 1 when claim.settled_on > {three} then 3 else 12 end as w,
            patient.sex, patient.birth_date, patient.death_date, patient.region as patient_region, patient.address_group, patient.mother_id,
            date_diff('day', patient.birth_date, claim.started_on) / 365.25 as age,
            coalesce(institution.kind, case when claim.visit_type = 'pharmacy' then 'pharmacy' else 'unlisted' end) as kind,
            institution.level, institution.ownership, institution.region, institution.beds, institution.is_village,
            institution.has_nursing_home,
            coalesce(claim.insured_region, patient.region) <> institution.region as is_away,
            2 * 6371 * asin(sqrt(power(sin(radians(institution.latitude - patient.latitude) / 2), 2)
                + cos(radians(patient.latitude)) * cos(radians(institution.latitude))
                * power(sin(radians(institution.longitude - patient.longitude) / 2), 2))) as distance_km,
            cast({registered} as double) as registered_count
        from claims as claim
        left join patients as patient on claim.patient_id = patient.patient_id
        left join institutions as institution on claim.institution_id = institution.institution_id{join}
        where claim.settled_on > {twelve}"""


def _joined_items(snapshot: Snapshot) -> str:
    """Lines of those claims with the catalogue entry that was valid on the day (at the institution's level)."""
    entry = "cast(null as varchar) as generic_code, cast(null as varchar) as list_type, " + ", ".join(
        f"cast(null as double) as {name}" for name in ("catalogue_cap", "max_daily_dose", "dose_per_unit", "valid_days", "minutes")
    )
    join = ""
    if "catalogue" in snapshot.tables:
        snapshot.engine.table("catalogue_at", _CATALOGUE_AT)
        entry = """entry.generic_code, entry.list_type, entry.price_cap as catalogue_cap, entry.max_daily_dose, entry.dose_per_unit,
            cast(entry.valid_days as double) as valid_days, entry.minutes"""
        join = """
            left join catalogue_at as entry on line.item_code = entry.item_code and coalesce(claim.level, -1) = entry.level
                and line.occurred_on >= entry.valid_from and line.occurred_on < entry.valid_until"""
    return f"""
        with line as (
            select line.* exclude (line_id, memo, trace_codes, body_site), {entry},
                claim.w, claim.doctor_id as claim_doctor_id, claim.sex, claim.age, claim.kind, claim.level, claim.is_stay,
                claim.prescribing_doctor_id
            from items as line join window_claims as claim on line.claim_id = claim.claim_id{join}
        )
        select line.*, coalesce(generic_code, line.item_code) as substance,
            {_ROLES["drug"]} as is_drug,
            usual.item_share,
            case when usual.has_peers and usual.usual_price > 0 then unit_price / usual.usual_price end as price_against_peers,
            coalesce(price_cap, catalogue_cap) as cap,
            case when coalesce(price_cap, catalogue_cap) > 0 then unit_price / coalesce(price_cap, catalogue_cap) end as price_ratio,
            -- half a cent of rounding is no overcharge
            unit_price > coalesce(price_cap, catalogue_cap) + 0.005 as over_cap,
            case when unit_price is not null and amount is not null and not coalesce(is_discounted, false)
                then abs(amount - quantity * unit_price) > 0.01 * greatest(1, abs(quantity)) end as is_mismatched,
            case when days_supply > 0 and max_daily_dose > 0 then quantity * dose_per_unit / days_supply / max_daily_dose end as dose_ratio,
            case when cast(occurred_at as time) <> time '00:00:00' then hour(occurred_at) end as hour
        from line join usual_items as usual on line.item_code = usual.item_code and line.kind = usual.kind
            and line.level is not distinct from usual.level"""


def _claim_diagnoses() -> str:
    return """
        select claim_id, coalesce(min(diagnosis) filter (where is_main), min(diagnosis)) as diagnosis,
            count(distinct diagnosis) as diagnosis_count,
            md5(array_to_string(list_sort(list(distinct diagnosis)), '|')) as diagnosis_set
        from diagnoses where claim_id in (select claim_id from window_claims) group by claim_id"""


def _joined_claims(snapshot: Snapshot) -> str:
    """One row per claim with its diagnoses, the roll-up of its items, and its amount against the same kind of case elsewhere."""
    diagnosis = """cast(null as varchar) as diagnosis, cast(null as bigint) as diagnosis_count, cast(null as varchar) as diagnosis_set"""
    joins = ""
    if "diagnoses" in snapshot.tables:
        diagnosis = "coded.diagnosis, coded.diagnosis_count, coded.diagnosis_set"
        joins += " left join claim_diagnoses as coded on claim.claim_id = coded.claim_id"
    names = [f"{role}_amount" for role in _ROLES] + [
        "item_count",
        "substance_count",
        "days_supply",
        "dose_ratio",
        "minutes",
        "mismatched_count",
    ]
    items = ", ".join(f"cast(null as double) as {name}" for name in names)
    if "items" in snapshot.tables:
        items = ", ".join(f"item.{name}" for name in names)
        sums = ", ".join(
            f"sum(case when {test} then {'(unit_price - cap) * quantity' if role == 'over_cap' else 'amount'} else 0 end)"
            + (" filter (where cap is not null)" if role == "over_cap" else "")
            + f" as {role}_amount"
            for role, test in _ROLES.items()
        )
        joins += f""" left join (
            select claim_id, {sums}, cast(count(*) as double) as item_count, cast(count(distinct substance) as double) as substance_count,
                max(days_supply) filter (where is_drug) as days_supply, max(dose_ratio) as dose_ratio,
                sum(minutes * quantity) as minutes, cast(count(*) filter (where is_mismatched) as double) as mismatched_count
            from joined_items group by claim_id) as item on claim.claim_id = item.claim_id"""
    return f"""
        with claim as (
            select claim.*, {diagnosis}, {items} from window_claims as claim{joins}
        ), described as (
            select *,
                kind = 'pharmacy' as is_pharmacy,
                substr(diagnosis, 1, 1) as chapter, substr(diagnosis, 1, 3) as category,
                -- a source without times of day writes midnight
                case when cast(settled_at as time) <> time '00:00:00' then hour(settled_at) end as hour,
                isodow(started_on) >= 6 as is_weekend,
                credential_type = 'typed' as is_typed,
                date_diff('day', started_on, settled_on) as settling_days,
                death_date < started_on as is_after_death,
                -- a case's like: its DRG, else its main diagnosis, of the same kind of visit
                concat_ws(' ', visit_type, coalesce(drg_code, substr(diagnosis, 1, 3), '')) as case_group
            from claim
        ), case_mean as (
            select case_group, avg(total_amount) as case_amount, avg(nights) as case_nights, count(*) as case_count
            from described group by case_group
        ), person as (
            select patient_id, count(*) as patient_claims, count(distinct institution_id) as patient_institutions,
                cast(count(*) filter (where is_stay) as double) as patient_stays
            from described group by patient_id
        )
        select described.*, hour >= 22 or hour < 6 as is_night,
            case when case_count >= 5 and case_amount > 0 then total_amount / case_amount end as case_ratio,
            case when case_count >= 5 and case_nights > 0 then nights / case_nights end as nights_ratio,
            person.patient_claims, person.patient_institutions, person.patient_stays
        from described
        join case_mean on described.case_group = case_mean.case_group
        join person on described.patient_id = person.patient_id"""


def _joined_stays(snapshot: Snapshot) -> str:
    """One row per stay (a visit settled in parts is one stay), with the gap since the patient's stay before."""
    care, join = "cast(null as bigint) as care_days", ""
    if "items" in snapshot.tables:
        care = "coalesce(care.care_days, 0) as care_days"
        join = f"""left join (
            select coalesce(claim.visit_id, claim.claim_id) as stay_id, count(distinct line.occurred_on) as care_days
            from joined_items as line join joined_claims as claim on line.claim_id = claim.claim_id
            where claim.is_stay and line.{_CARE}
            group by all) as care on stay.stay_id = care.stay_id"""
    return f"""
        with stay as (
            select coalesce(visit_id, claim_id) as stay_id, min(claim_id) as claim_id, patient_id, institution_id,
                min(doctor_id) as doctor_id, min(kind) as kind, min(address_group) as address_group,
                min(category) as category, min(chapter) as chapter,
                min(started_on) as started_on, max(ended_on) as ended_on, min(w) as w,
                date_diff('day', min(started_on), max(ended_on)) as nights,
                sum(total_amount) as total_amount, sum(fund_amount) as fund_amount,
                sum(drug_amount) as drug_amount, sum(exam_amount) as exam_amount, sum(laboratory_amount) as laboratory_amount,
                sum(treatment_amount) as treatment_amount, sum(surgery_amount) as surgery_amount, sum(nursing_amount) as nursing_amount,
                sum(bed_amount) as bed_amount, max(case_ratio) as case_ratio, max(nights_ratio) as nights_ratio,
                max(drg_weight) as drg_weight
            from joined_claims where is_stay group by coalesce(visit_id, claim_id), patient_id, institution_id
        ), ordered as (
            select *,
                lag(ended_on) over earlier as previous_end,
                lag(institution_id) over earlier as previous_institution,
                lag(category) over earlier as previous_category
            from stay window earlier as (partition by patient_id order by started_on, ended_on, total_amount, stay_id)
        ), outside as (
            select stay.stay_id, count(*) as outside_claims
            from stay join joined_claims as claim on stay.patient_id = claim.patient_id
                and not claim.is_stay and claim.started_on > stay.started_on and claim.started_on < stay.ended_on
            group by stay.stay_id
        )
        select stay.*, {care},
            date_diff('day', previous_end, stay.started_on) as gap,
            case when previous_institution = stay.institution_id and previous_end <= stay.started_on
                then date_diff('day', previous_end, stay.started_on) end as return_gap,
            previous_institution = stay.institution_id and previous_category = stay.category as is_same_disease,
            stay.started_on < previous_end as is_overlapping,
            coalesce(outside.outside_claims, 0) as outside_claims
        from ordered as stay left join outside on stay.stay_id = outside.stay_id {join}"""
