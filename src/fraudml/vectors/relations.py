"""What features aggregate: for each entity the rows that belong to it, and the pair relations grouped from them.

A relation has a column ``entity_id`` and either ``w`` (the newest window that contains the row, see
:mod:`fraudml.vectors.joined`), or is a grouped relation whose measures are kept once per window (``n_1``, ``n_3``, ``n_12``),
or bears no time at all (one row of the entity's own table).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

ENTITY_KEYS = {
    "patient": ("patient_id", "true"),
    # a pharmacist's sale is no doctor's visit
    "doctor": ("doctor_id", "kind <> 'pharmacy'"),
    "institution": ("institution_id", "kind = 'hospital'"),
    "pharmacy": ("institution_id", "kind = 'pharmacy'"),
    # those that an earlier snapshot has not judged yet
    "claim": ("claim_id", "settled_on > $since"),
}
"""Whose rows are whose: the column that names the entity, and which rows count."""


@dataclass(frozen=True)
class Relation:
    """Rows of an entity.

    Attributes
    ----------
    sql : query with ``entity_id``, and ``w`` where windowed.
    base : the joined table its columns come from; a column that is null throughout there is missing.
    tables : canonical tables it cannot do without.
    windowed : whether rows bear ``w``.
    single : one row per entity: features are plain expressions, not aggregates.
    derived : column made here -> the one of ``base`` without whose values it has none.
    """

    sql: str
    base: str = "joined_claims"
    tables: tuple[str, ...] = ()
    windowed: bool = True
    single: bool = False
    derived: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Grouping:
    """A pair relation declared in YAML: rows of ``of`` grouped by ``entity_id`` and ``by``; ``n`` counts them.

    ``oldest`` is the widest bucket of its rows: 1 = first seen in the last month (of twelve). ``where`` selects rows,
    ``where_declared`` is file and line.
    """

    name: str
    of: str
    by: tuple[str, ...]
    measures: Mapping[str, str] = field(default_factory=dict)
    where: str | None = None
    where_declared: str = ""


def relations_of(entity: str) -> dict[str, Relation]:
    """The relations that declarations of an entity may name, by name."""
    key, condition = ENTITY_KEYS[entity]
    found = {
        "claims": Relation(
            f"select {key} as entity_id, * from joined_claims where {key} is not null and {condition}", single=entity == "claim"
        ),
        "items": Relation(
            f"select {key} as entity_id, * from joined_items where {key} is not null and {condition}", "joined_items", ("items",)
        ),
        "diagnoses": Relation(
            f"""select claim.{key} as entity_id, claim.*, coded.diagnosis as code, substr(coded.diagnosis, 1, 3) as code_category
                from joined_claims as claim join diagnoses as coded on claim.claim_id = coded.claim_id
                where claim.{key} is not null and {condition}""",
            "joined_claims",
            ("diagnoses",),
        ),
        "stays": Relation(
            f"select {key} as entity_id, * from joined_stays where {key} is not null and {'true' if entity == 'claim' else condition}",
            "joined_stays",
            single=entity == "claim",
        ),
    }
    if entity != "claim":
        # ties in time carry a gap of nothing, whichever comes first; a day without a time of day is no midnight
        found["sequence"] = Relation(
            f"""
            select *, case when hour is not null and previous_hour is not null
                    then date_diff('second', previous_at, settled_at) / 60.0 end as gap_minutes,
                date_diff('day', previous_on, started_on) as gap_days,
                previous_place <> institution_id as has_moved
            from (select {key} as entity_id, *,
                    lag(settled_at) over by_time as previous_at, lag(hour) over by_time as previous_hour,
                    lag(institution_id) over by_time as previous_place,
                    lag(started_on) over (partition by {key} order by started_on, total_amount, claim_id) as previous_on
                from joined_claims where {key} is not null and {condition}
                window by_time as (partition by {key} order by settled_at, total_amount, claim_id)) as ordered""",
            derived={"gap_minutes": "hour"},
        )
    found |= _own(entity)
    return found


# what was billed against what was there, per item and month, in base units: a pack is opened into its pieces
_STOCK = """
    select stock.institution_id as entity_id, stock.item_code, stock.month, coalesce(sold.billed, 0) as billed,
        (coalesce(stock.opening, 0) + coalesce(stock.purchased, 0) - coalesce(stock.returned, 0) - coalesce(stock.closing, 0))
            * case when stock.unit = 'pack' then coalesce(pack.pack_size, 1) else 1 end as used,
        case when stock.month > $as_of - interval 1 month then 1 when stock.month > $as_of - interval 3 month then 3 else 12 end as w
    from inventory as stock
    join institutions as place on stock.institution_id = place.institution_id and place.{kind}
    left join (select item_code, max(pack_size) as pack_size from catalogue group by item_code) as pack on stock.item_code = pack.item_code
    left join sold_items as sold
        on stock.institution_id = sold.institution_id and stock.item_code = sold.item_code and stock.month = sold.month
    where stock.month > $as_of - interval 12 month"""


def _own(entity: str) -> dict[str, Relation]:
    own: dict[str, Relation] = {}
    if entity == "patient":
        own["patients"] = Relation(
            "select patient_id as entity_id, *, date_diff('day', birth_date, $as_of) / 365.25 as age from patients",
            "patients",
            ("patients",),
            windowed=False,
            single=True,
        )
        own["registered_diseases"] = Relation(
            "select patient_id as entity_id, * from registered_diseases", "registered_diseases", ("registered_diseases",), windowed=False
        )
        own["enrolments"] = Relation("select patient_id as entity_id, * from enrolments", "enrolments", ("enrolments",), windowed=False)
    if entity == "doctor":
        own["registrations"] = Relation(
            "select doctor_id as entity_id, * from registrations", "registrations", ("registrations",), windowed=False
        )
        own["prescriptions"] = Relation(
            "select prescribing_doctor_id as entity_id, * from joined_claims where prescribing_doctor_id is not null"
        )
    if entity == "institution":
        own["prescriptions"] = Relation(
            "select prescribing_institution_id as entity_id, * from joined_claims where prescribing_institution_id is not null"
        )
    if entity in ("institution", "pharmacy"):
        kind = ENTITY_KEYS[entity][1]
        own["institutions"] = Relation(
            f"select institution_id as entity_id, * from institutions where {kind}",
            "institutions",
            ("institutions",),
            windowed=False,
            single=True,
        )
        own["registrations"] = Relation(
            "select institution_id as entity_id, * from registrations where institution_id is not null",
            "registrations",
            ("registrations",),
            windowed=False,
        )
        own["stock"] = Relation(_STOCK.format(kind=kind), "inventory", ("inventory", "items", "catalogue"))
    if entity == "institution":
        own["occupied_beds"] = Relation(
            "select institution_id as entity_id, w, unnest(generate_series(started_on, ended_on - 1, interval 1 day)) as night"
            " from joined_stays where kind = 'hospital' and nights <= 400",
            "joined_stays",
        )
    if entity == "claim":
        # what came before, never what came after: a claim is judged as it stood on its day
        own["history"] = Relation(
            # nothing before the horizon lies within the 90 days that the earliest claim to be judged is held against
            """select * from (select claim_id as entity_id, w, settled_on,
                count(*) over month as month_claims,
                count(*) over quarter as quarter_claims,
                sum(total_amount) over month as month_amount,
                max(total_amount) over month as month_largest,
                count(*) over same_day as day_claims,
                date_diff('day', coalesce(lag(started_on) over (partition by patient_id order by started_on, total_amount, claim_id),
                    last_started_on), started_on) as previous_gap,
                count(*) over same_place as place_month_claims,
                case when started_on is not null then count(*) over here_before = 0 end as is_new_here,
                case when doctor_id is not null then count(*) over doctor_day end as doctor_day_claims,
                count(*) over same_bill as same_bill_claims,
                patient_id, institution_id, visit_type, total_amount, doctor_id
            from (
                select claim.*, earlier.last_started_on from joined_claims as claim
                left join (
                    select patient_id, max(started_on) as last_started_on from joined_claims where started_on < $horizon
                    group by patient_id) as earlier on claim.patient_id is not distinct from earlier.patient_id
                where claim.started_on is null or claim.started_on >= $horizon) as claim
            window month as (partition by patient_id order by started_on range between interval 30 days preceding and current row),
                quarter as (partition by patient_id order by started_on range between interval 90 days preceding and current row),
                same_day as (partition by patient_id, started_on),
                same_place as (partition by patient_id, institution_id order by started_on
                    range between interval 30 days preceding and current row),
                here_before as (partition by patient_id, institution_id order by started_on
                    range between interval 90 days preceding and interval 1 day preceding),
                doctor_day as (partition by doctor_id, started_on),
                same_bill as (partition by institution_id, visit_type, total_amount, diagnosis order by started_on
                    range between interval 30 days preceding and current row)) as judged
            where settled_on > $since""",
            single=True,
        )
    return own


def acting_relations(entity: str, read: Collection[str] | None = None) -> tuple[str, ...]:
    """Relations whose rows say that an entity was active: the claims, and for a doctor items ordered and prescriptions too.

    ``read`` names the relations that a selection of features reads: what it does not read does not add to its population either.
    """
    acting = ("claims", "items", "prescriptions") if entity == "doctor" else ("claims",)
    return tuple(name for name in acting if read is None or name == "claims" or name in read)


def population_sql(entity: str, acting: Iterable[str]) -> str:
    """Who was active in the last twelve months, each once: named on a row of one of the relations."""
    relations = relations_of(entity)
    return " union ".join(f"select distinct entity_id from ({relations[name].sql})" for name in acting)
