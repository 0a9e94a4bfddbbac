"""What claims and lines are held against: the catalogue of the day, the same kind of case elsewhere, the patient's other claims."""

from __future__ import annotations

# One entry per level, item and day: validities are cut where one begins or ends. What holds for the level goes before what holds for all,
# a later beginning before an earlier one (careless sources leave the old entry open).
CATALOGUE_AT = """
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

CLAIM_DIAGNOSES = """
    select coded.claim_id, coalesce(min(diagnosis) filter (where is_main), min(diagnosis)) as diagnosis,
        count(distinct diagnosis) as diagnosis_count,
        md5(array_to_string(list_sort(list(distinct diagnosis)), '|')) as diagnosis_set
    from all_diagnoses as coded join window_claims as claim on coded.claim_id = claim.claim_id group by coded.claim_id"""

PERSON = """
    select patient_id, count(*) as patient_claims, count(distinct institution_id) as patient_institutions,
        cast(count(*) filter (where is_stay) as double) as patient_stays
    from window_claims group by patient_id"""


def case_means(case_group: str, join: str = "") -> str:
    """Mean amount and nights of a case's like: its DRG, else its main diagnosis, of the same kind of visit."""
    return f"""
        select {case_group} as case_group,
            avg(total_amount) as case_amount, avg(nights) as case_nights, count(*) as case_count
        from window_claims as claim {join} group by 1"""
