"""The relations that rules share, prepared once per run in the snapshot's session; declared here and nowhere else.

Only those that a run's rules name (directly or through one another) are prepared. All joins onto item lines are one-to-one:
the catalogue has validity and level, and exactly one of its entries is picked, so sums over lines are never inflated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Relation:
    """A shared relation. ``kept`` relations are computed once and stored for the run, others are views."""

    grain: str
    sql: str
    kept: bool = True


MACROS = {
    # -ln of Chernoff's bound on the chance of at least k events where `expected` were due (Poisson): 4.6 is 1 in 100, 9.2 is 1 in 10,000
    "poisson_surprise": "(k, expected) as case when k > expected then k * ln(k / greatest(expected, 1e-9)) - (k - expected) else 0 end",
    # the same for k successes in n trials of chance p
    "binomial_surprise": """(k, n, p) as case when n > 0 and k > n * p then
        k * ln(k / (n * greatest(p, 1e-9)))
        + case when k < n then (n - k) * ln((n - k) / (n * greatest(1 - p, 1e-9))) else 0 end else 0 end""",
    # great-circle distance
    # (least() passes over a null, so a missing coordinate is asked for first)
    "kilometres": """(lon1, lat1, lon2, lat2) as case when lon1 + lat1 + lon2 + lat2 is not null then
        6371.0 * 2 * asin(sqrt(least(1.0, power(sin(radians(lat2 - lat1) / 2), 2)
        + cos(radians(lat1)) * cos(radians(lat2)) * power(sin(radians(lon2 - lon1) / 2), 2)))) end""",
    # an ICD code falls under a prefix; a code coarser than the prefix (E11 against E11.9) is given the benefit of the doubt
    "falls_under": "(code, prefix) as starts_with(code, prefix) or (length(code) >= 3 and starts_with(prefix, code))",
}

RELATIONS: dict[str, Relation] = {
    "silent_columns": Relation(
        "one row: which kinds of knowledge the catalogue gives for no item at all; defaults by name fill these and no others",
        """
        select count(covered_diagnoses) = 0 as covered_diagnoses, count(restricted_diagnoses) = 0 as restricted_diagnoses,
            count(sex_limit) = 0 as sex_limit, count(age_min) + count(age_max) = 0 as age, count(level_min) = 0 as level_min,
            count(departments) = 0 as departments, count(max_count) = 0 as max_count, count(max_count_per_day) = 0 as max_count_per_day,
            count(max_daily_dose) = 0 as dose, count(valid_days) = 0 as valid_days, count(contains) = 0 as contains
        from catalogue""",
        kept=False,
    ),
    "known_items": Relation(
        "item x knowledge table x entry: what the knowledge tables say of it by its code, or by its name where the catalogue is silent",
        """
        with named as (select distinct item_code, name from catalogue where name is not null),
        said as (
            select 'indications' as about, item_code, name_like, started_on, ended_on, icd_prefix as text, null as amount,
                null as further from knowledge_indications
            union all select 'dose', item_code, name_like, started_on, ended_on, null, max_daily_dose, dose_per_unit
            from knowledge_dose_limits
            union all select 'valid_days', item_code, name_like, started_on, ended_on, null, valid_days, null
            from knowledge_examination_validity
            union all select 'contains', item_code, name_like, started_on, ended_on, component_code, null, null
            from knowledge_composites where component_code is not null
            union all select 'contains', whole.item_code, whole.name_like, whole.started_on, whole.ended_on, named.item_code, null, null
            from knowledge_composites as whole join named on named.name like whole.component_like where whole.component_code is null
            union all select 'restricted', item_code, name_like, started_on, ended_on, diagnoses, null, null
            from knowledge_restrictions where diagnoses is not null
            union all select 'sex', item_code, name_like, started_on, ended_on, sex_limit, null, null
            from knowledge_restrictions where sex_limit is not null
            union all select 'age', item_code, name_like, started_on, ended_on, null, age_min, age_max
            from knowledge_restrictions where age_min is not null or age_max is not null
            union all select 'level', item_code, name_like, started_on, ended_on, null, level_min, null
            from knowledge_restrictions where level_min is not null
            union all select 'departments', item_code, name_like, started_on, ended_on, departments, null, null
            from knowledge_restrictions where departments is not null
            union all select 'count', item_code, name_like, started_on, ended_on, null, max_count, count_period_days
            from knowledge_restrictions where max_count is not null
            union all select 'daily_count', item_code, name_like, started_on, ended_on, null, max_count_per_day, null
            from knowledge_restrictions where max_count_per_day is not null
        )
        select about, item_code, 0 as place, coalesce(started_on, date '1900-01-01') as started_on,
            coalesce(ended_on, date '9999-01-01') as ended_on, text, cast(amount as double) as amount, cast(further as double) as further
        from said where item_code is not null
        union all
        select said.about, named.item_code, 1000 - length(said.name_like), coalesce(said.started_on, date '1900-01-01'),
            coalesce(said.ended_on, date '9999-01-01'), said.text, cast(said.amount as double), cast(said.further as double)
        from said join named on named.name like said.name_like cross join silent_columns as silent
        where said.item_code is null and case said.about when 'indications' then silent.covered_diagnoses when 'dose' then silent.dose
            when 'valid_days' then silent.valid_days when 'contains' then silent.contains
            when 'restricted' then silent.restricted_diagnoses when 'sex' then silent.sex_limit when 'age' then silent.age
            when 'level' then silent.level_min when 'departments' then silent.departments when 'count' then silent.max_count
            else silent.max_count_per_day end""",
    ),
    "catalogue_entries": Relation(
        "item_code x level x [from_day, until_day): the one catalogue entry that holds, with the bureau's knowledge in its place "
        "where it speaks; level -1 stands for an unknown level",
        """
        with entry as (
            select *, coalesce(started_on, date '1900-01-01') as entry_start, coalesce(ended_on, date '9999-01-01') as entry_end
            from catalogue
        ), edge as (
            select item_code, entry_start as from_day from entry
            union select item_code, entry_end + 1 from entry where ended_on is not null
            union select item_code, started_on from known_items where started_on > date '1900-01-01'
            union select item_code, ended_on + 1 from known_items where ended_on < date '9999-01-01'
        ), period as (
            select item_code, from_day, lead(from_day, 1, date '9999-12-31') over (partition by item_code order by from_day) as until_day
            from edge
        ), placed as (
            select period.from_day, period.until_day, grade.level, entry.*,
                row_number() over (partition by period.item_code, period.from_day, grade.level
                    order by case when entry.cap_level = grade.level then 0 when entry.cap_level is null then 1 else 2 end,
                        entry.entry_start desc, entry.entry_end, entry.cap_level, entry.price_cap) as place
            from period cross join (select unnest([-1, 0, 1, 2, 3]) as level) as grade
            join entry on entry.item_code = period.item_code and entry.entry_start <= period.from_day and entry.entry_end >= period.from_day
        ), said as (
            -- of several entries of one kind the most definite: by code, then by the longest name
            select period.item_code, period.from_day, known.about, known.text, known.amount, known.further,
                rank() over (partition by period.item_code, period.from_day, known.about order by known.place) as place,
                row_number() over (partition by period.item_code, period.from_day, known.about
                    order by known.place, known.text, known.amount, known.further) as first_place
            from period join known_items as known on period.item_code = known.item_code
                and known.started_on <= period.from_day and known.ended_on >= period.from_day
        ), known as (
            select item_code, from_day,
                list(text order by text) filter (where about = 'indications') as covered_diagnoses,
                list(text order by text) filter (where about = 'contains') as contains,
                string_split(min(text) filter (where about = 'restricted' and first_place = 1), '|') as restricted_diagnoses,
                string_split(min(text) filter (where about = 'departments' and first_place = 1), '|') as departments,
                min(text) filter (where about = 'sex') as sex_limit,
                min(amount) filter (where about = 'age' and first_place = 1) as age_min,
                min(further) filter (where about = 'age' and first_place = 1) as age_max,
                bool_or(about = 'age') as says_age,
                min(amount) filter (where about = 'level') as level_min,
                min(amount) filter (where about = 'count' and first_place = 1) as max_count,
                min(further) filter (where about = 'count' and first_place = 1) as count_period_days,
                bool_or(about = 'count') as says_count,
                min(amount) filter (where about = 'daily_count') as max_count_per_day,
                min(amount) filter (where about = 'dose' and first_place = 1) as max_daily_dose,
                min(further) filter (where about = 'dose' and first_place = 1) as dose_per_unit,
                min(amount) filter (where about = 'valid_days') as valid_days
            from said where place = 1 group by item_code, from_day
        )
        select row_number() over (order by item_code, placed.from_day, level) as entry_id, item_code, level, placed.from_day, until_day,
            name, list_type, coalesce(generic_code, item_code) as generic, generic_code,
            case when cap_level is null or cap_level = level then price_cap end as price_cap,
            coalesce(known.covered_diagnoses, placed.covered_diagnoses) as covered_diagnoses,
            coalesce(known.restricted_diagnoses, placed.restricted_diagnoses) as restricted_diagnoses,
            coalesce(known.sex_limit, placed.sex_limit) as sex_limit,
            case when known.says_age then known.age_min else placed.age_min end as age_min,
            case when known.says_age then known.age_max else placed.age_max end as age_max,
            cast(coalesce(known.level_min, placed.level_min) as integer) as level_min,
            coalesce(known.departments, placed.departments) as departments,
            case when known.says_count then known.max_count else placed.max_count end as max_count,
            cast(case when known.says_count then known.count_period_days else placed.count_period_days end as integer) as count_period_days,
            coalesce(known.max_count_per_day, placed.max_count_per_day) as max_count_per_day,
            coalesce(known.max_daily_dose, placed.max_daily_dose) as max_daily_dose,
            coalesce(known.dose_per_unit, placed.dose_per_unit) as dose_per_unit, pack_size,
            cast(coalesce(known.valid_days, placed.valid_days) as integer) as valid_days, minutes,
            case when known.contains is null then placed.contains
                else list_distinct(list_concat(coalesce(placed.contains, []), known.contains)) end as contains
        from placed left join known using (item_code, from_day) where placed.place = 1""",
    ),
    "places": Relation(
        "one institution: its attributes and where it lies; without coordinates, its region's point and how far off (slack_km) it may be",
        """
        select place.institution_id, place.kind, place.level, place.ownership, place.region,
            case when area.institution_id is null then place.longitude else area.longitude end as longitude,
            case when area.institution_id is null then place.latitude else area.latitude end as latitude,
            coalesce(area.radius_km, 0.0) as slack_km
        from institutions as place left join (
            select house.institution_id, region.longitude, region.latitude, region.radius_km,
                row_number() over (partition by house.institution_id order by length(region.region) desc) as place
            from institutions as house join knowledge_regions as region on starts_with(house.region, region.region)
            where house.longitude is null or house.latitude is null
        ) as area on place.institution_id = area.institution_id and area.place = 1""",
    ),
    "cases": Relation(
        "one claim, refunds netted, with its institution's and patient's attributes and its main diagnosis",
        """
        select claim.claim_id, coalesce(claim.visit_id, claim.claim_id) as visit_id,
            claim.patient_id, claim.institution_id, claim.doctor_id,
            claim.visit_type, claim.is_stay, claim.insurance_type, claim.registered_disease, claim.started_on,
            coalesce(claim.ended_on, claim.started_on) as ended_on, claim.settled_at, claim.settled_on, claim.nights,
            claim.total_amount, claim.in_scope_amount, claim.fund_amount, claim.account_amount, claim.cash_amount,
            claim.prescribing_institution_id, claim.prescribing_doctor_id, coalesce(claim.is_manual, false) as is_manual,
            coalesce(claim.is_online, false) as is_online, claim.credential_type, claim.memo,
            place.kind, place.level, place.ownership, place.region as institution_region, coalesce(place.is_village, false) as is_village,
            person.sex, person.birth_date, person.address_group, person.region as patient_region,
            case when person.birth_date <= claim.started_on then (claim.started_on - person.birth_date) / 365.25 end as age,
            coalesce(visit.department, post.department) as department, coalesce(visit.is_referred, false) as is_referred,
            diagnosis.diagnosis as main_diagnosis, substr(diagnosis.diagnosis, 1, 3) as diagnosis_category
        from claims as claim
        left join institutions as place on claim.institution_id = place.institution_id
        left join patients as person on claim.patient_id = person.patient_id
        left join (
            select visit_id, max(department) as department, bool_or(is_referred) as is_referred from visits group by visit_id
        ) as visit on claim.visit_id = visit.visit_id
        left join (
            select doctor_id, institution_id, min(department) as department from registrations group by doctor_id, institution_id
        ) as post
            on claim.doctor_id = post.doctor_id and claim.institution_id = post.institution_id
        left join main_diagnosis as diagnosis on claim.claim_id = diagnosis.claim_id""",
    ),
    "main_diagnosis": Relation(
        "one claim that has a diagnosis: the one flagged main, the first by code where none or several are",
        """
        select claim_id, coalesce(min(diagnosis) filter (where is_main), min(diagnosis)) as diagnosis
        from diagnoses group by claim_id""",
    ),
    "lines": Relation(
        "one item line after refunds, settled in the window or the six months before, with its one catalogue entry",
        """
        select line.line_id, line.claim_id, line.patient_id, line.institution_id,
            line.doctor_id, line.executing_doctor_id, line.pharmacist_id, line.visit_type, line.insurance_type,
            line.settled_on, line.occurred_at, coalesce(line.occurred_on, line.started_on) as occurred_on,
            line.item_code, line.charge_type, line.quantity, line.unit_price, line.amount, line.in_scope_amount, line.days_supply,
            line.body_site, line.department, coalesce(line.is_discounted, false) as is_discounted, line.memo,
            len(line.trace_codes) as pack_count,
            coalesce(place.level, -1) as level, entry.entry_id, coalesce(entry.generic, line.item_code) as generic,
            coalesce(entry.name, line.item_code) as name, coalesce(line.price_cap, entry.price_cap) as price_cap,
            coalesce(entry.list_type, case
                when line.charge_type in ('western_drug', 'chinese_patent_drug') then 'drug'
                when line.charge_type = 'herbal' then 'herbal'
                when line.charge_type = 'material' then 'consumable'
                else 'service' end) as list_type
        from items as line
        left join institutions as place on line.institution_id = place.institution_id
        left join catalogue_entries as entry on line.item_code = entry.item_code and coalesce(place.level, -1) = entry.level
            and coalesce(line.occurred_on, line.started_on) >= entry.from_day
            and coalesce(line.occurred_on, line.started_on) < entry.until_day
        where line.settled_on > $context""",
    ),
    "drug_lines": Relation(
        "one drug line (western or Chinese patent drug), with label, doses and a daily dose where the catalogue and the line allow one",
        """
        select line.*, entry.covered_diagnoses, entry.max_daily_dose, entry.dose_per_unit, entry.pack_size,
            case when line.days_supply > 0 then line.quantity * entry.dose_per_unit / line.days_supply end as daily_dose,
            -- units that the label's highest dose needs for these days, in whole packs: nobody breaks one
            case when line.days_supply > 0 and entry.max_daily_dose > 0 and entry.dose_per_unit > 0
                then case when entry.pack_size > 1
                    then ceil(entry.max_daily_dose * line.days_supply / entry.dose_per_unit / entry.pack_size - 0.000001) * entry.pack_size
                    else entry.max_daily_dose * line.days_supply / entry.dose_per_unit end end as full_dose_units,
            -- days that the quantity lasts at the highest dose of the label
            case when entry.max_daily_dose > 0 then line.quantity * entry.dose_per_unit / entry.max_daily_dose end as days_at_full_dose
        from lines as line left join catalogue_entries as entry on line.entry_id = entry.entry_id
        where line.list_type = 'drug'""",
        kept=False,
    ),
    "claim_charges": Relation(
        "one claim that has item lines: amounts by kind of charge",
        """
        select claim_id, count(*) as line_count, sum(amount) as item_amount,
            coalesce(sum(amount) filter (where charge_type = 'bed'), 0) as bed_amount,
            coalesce(sum(amount) filter (where charge_type in ('examination', 'laboratory')), 0) as exam_amount,
            coalesce(sum(amount) filter (where charge_type in ('treatment', 'material')), 0) as treatment_amount,
            coalesce(sum(amount) filter (where charge_type = 'surgery'), 0) as surgery_amount,
            coalesce(sum(amount) filter (where charge_type = 'nursing'), 0) as nursing_amount,
            coalesce(sum(amount) filter (where list_type in ('drug', 'herbal')), 0) as drug_amount
        from lines group by claim_id""",
    ),
    "stays": Relation(
        "one stay: the inpatient claims of one visit of one patient at one institution, merged",
        """
        with placed as (
            select *, row_number() over (partition by visit_id, patient_id, institution_id order by total_amount desc, claim_id) as place
            from cases where visit_type = 'inpatient' or is_stay
        )
        select visit_id as stay_id, patient_id, institution_id,
            min(claim_id) filter (where place = 1) as claim_id, list(claim_id order by claim_id) as claim_ids,
            min(doctor_id) filter (where place = 1) as doctor_id, min(started_on) as started_on, max(ended_on) as ended_on,
            max(ended_on) - min(started_on) as nights, max(settled_on) as settled_on, sum(total_amount) as total_amount,
            sum(fund_amount) as fund_amount, sum(cash_amount) as cash_amount, min(insurance_type) as insurance_type,
            min(main_diagnosis) filter (where place = 1) as main_diagnosis,
            min(diagnosis_category) filter (where place = 1) as diagnosis_category,
            min(department) filter (where place = 1) as department, any_value(level) as level, any_value(ownership) as ownership,
            any_value(sex) as sex, min(age) as age, any_value(address_group) as address_group, bool_or(is_referred) as is_referred,
            bool_or(is_manual) as is_manual, min(ways.discharge_way) as discharge_way,
            coalesce(sum(line_count), 0) as line_count, sum(item_amount) as item_amount,
            sum(bed_amount) as bed_amount, sum(exam_amount) as exam_amount,
            sum(treatment_amount) as treatment_amount, sum(surgery_amount) as surgery_amount, sum(nursing_amount) as nursing_amount,
            sum(drug_amount) as drug_amount
        from placed
        left join claim_charges using (claim_id)
        left join (select visit_id, max(discharge_way) as discharge_way from visits group by visit_id) as ways using (visit_id)
        group by visit_id, patient_id, institution_id""",
    ),
    "fullest_days": Relation(
        "hospital with approved beds x month: the day with the most in-patients at once, and what is usual (median of in-patients per bed)",
        """
        with change as (  -- one sweep over admissions and discharges; a bed that is left is free on that day
            select institution_id, started_on as day, 1 as step from stays where nights >= 1 and not is_manual
            union all
            select institution_id, ended_on, -1 from stays where nights >= 1 and not is_manual
        ), daily as (
            select institution_id, day, sum(sum(step)) over (partition by institution_id order by day) as occupied
            from change group by institution_id, day
        ), fullest as (
            select daily.institution_id, daily.day, daily.occupied, place.beds,
                row_number() over (partition by daily.institution_id, last_day(daily.day) order by daily.occupied desc, daily.day) as nth
            from daily join institutions as place on daily.institution_id = place.institution_id
            where place.beds > 0 and place.kind = 'hospital'
        ), usual as (
            select median(occupied / cast(beds as double)) as usual_use, count(distinct institution_id) as houses
            from fullest where nth = 1
        )
        select fullest.institution_id, fullest.day, fullest.occupied, fullest.beds, usual.usual_use, usual.houses
        from fullest cross join usual where fullest.nth = 1""",
    ),
    "patient_diseases": Relation(
        "patient x registered disease x ICD prefix, with its validity; prefix null where the list of diseases does not say",
        """
        select known.patient_id, known.registered_disease, disease.icd_prefix, coalesce(known.started_on, date '1900-01-01') as started_on,
            coalesce(known.ended_on, date '9999-12-31') as ended_on, coalesce(known.disease_type, disease.disease_type) as disease_type
        from registered_diseases as known
        left join (select registered_disease, disease_type, unnest(icd_prefixes) as icd_prefix from registrable_diseases) as disease
            on known.registered_disease = disease.registered_disease""",
    ),
    "claim_diagnoses": Relation(
        "claim x ICD code or prefix that speaks for it: its diagnoses, its registered disease, the patient's that were then valid",
        """
        select distinct claim_id, diagnosis from (
            select claim_id, diagnosis from diagnoses
            union all
            select claim.claim_id, unnest(disease.icd_prefixes) from claims as claim
            join registrable_diseases as disease on claim.registered_disease = disease.registered_disease
            union all
            select claim.claim_id, known.icd_prefix
            from claims as claim join patient_diseases as known on claim.patient_id = known.patient_id
                and known.started_on <= coalesce(claim.ended_on, claim.started_on) and known.ended_on >= claim.started_on
            where known.icd_prefix is not null)""",
    ),
    "covered_by": Relation(
        "catalogue entry x ICD code that its label (covered) or payment restriction (permitted) names; absent where there is no list",
        """
        with code as (select distinct diagnosis from claim_diagnoses),
        named as (
            select entry_id, 'covered' as list, unnest(covered_diagnoses) as prefix from catalogue_entries
            union all select entry_id, 'permitted', unnest(restricted_diagnoses) from catalogue_entries
        ), pair as (
            select distinct prefix, code.diagnosis from (select distinct prefix from named) as wanted
            join code on falls_under(code.diagnosis, wanted.prefix)
        )
        select distinct entry_id, list, diagnosis from named join pair using (prefix)""",
    ),
    "distances": Relation(
        "institution x other institution, with coordinates: kilometres",
        """
        select one.institution_id, other.institution_id as other_id,
            kilometres(one.longitude, one.latitude, other.longitude, other.latitude) as km
        from institutions as one join institutions as other on one.institution_id <> other.institution_id
        where one.longitude is not null and one.latitude is not null and other.longitude is not null and other.latitude is not null""",
        kept=False,
    ),
}


def named_in(sql: str, names: Iterable[str]) -> set[str]:
    """Those of ``names`` that stand as words in a query."""
    return set(re.findall(r"\w+", sql)) & set(names)


def all_read(queries: Iterable[str]) -> list[str]:
    """The queries and those of the shared relations that they read."""
    queries = list(queries)
    return [*queries, *(RELATIONS[name].sql for name in needed(queries))]


def needed(queries: Iterable[str]) -> list[str]:
    """Shared relations that the queries read, those they are built from first."""
    ordered: list[str] = []

    def visit(sql: str) -> None:
        for name in sorted(named_in(sql, RELATIONS)):
            if name not in ordered:
                visit(RELATIONS[name].sql)
                if name not in ordered:
                    ordered.append(name)

    for query in queries:
        visit(query)
    return ordered
