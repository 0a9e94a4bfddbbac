"""The tables that every vector reads: claims, items and stays of the last twelve months with their attributes joined.

They are computed once per snapshot and hold only the columns that the wanted features read (all of them by default): a column that
nobody asks for costs nothing, and neither does the join that would bring it. No join multiplies rows: every right side is unique on
its key. ``w`` is the newest of the windows 1, 3, 12 (months before the snapshot's day) that contains the settlement; windows nest,
so ``w <= 3`` selects the last three months.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from fraudml.claims import Snapshot
from fraudml.claims.store import months_before
from fraudml.contracts import CANONICAL
from fraudml.engine import Engine, columns_of
from fraudml.knowledge import expose_knowledge
from fraudml.vectors.cases import CATALOGUE_AT, CLAIM_DIAGNOSES, PERSON, case_means
from fraudml.vectors.stays import STAY_COLUMNS, joined_stays

WINDOWS = (1, 3, 12)
JOINED = ("joined_claims", "joined_items", "joined_stays", "sold_items")

_OWN_CLAIM = tuple(name for name in CANONICAL["claims"].columns if name != "memo")
_OWN_ITEM = tuple(name for name in CANONICAL["items"].columns if name not in ("line_id", "memo", "trace_codes", "body_site", "doctor_id"))

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
}

# a source without times of day writes midnight
_HOUR = "case when cast({0} as time) <> time '00:00:00' then hour({0}) end"
_KIND = "coalesce(institution.kind, case when claim.visit_type = 'pharmacy' then 'pharmacy' else 'unlisted' end)"

_WINDOW: dict[str, str] = {  # columns of a claim that need its patient and institution at most
    **{name: f"claim.{name}" for name in _OWN_CLAIM},
    "refunded_amount": "claim.refunded_amount",
    "is_stay": "claim.is_stay",
    "w": "case when claim.settled_on > $one then 1 when claim.settled_on > $three then 3 else 12 end",
    "sex": "patient.sex",
    "birth_date": "patient.birth_date",
    "death_date": "patient.death_date",
    "patient_region": "patient.region",
    "address_group": "patient.address_group",
    "mother_id": "patient.mother_id",
    "age": "date_diff('day', patient.birth_date, claim.started_on) / cast(365.25 as double)",
    "kind": _KIND,
    "is_pharmacy": f"{_KIND} = 'pharmacy'",
    "level": "institution.level",
    "ownership": "institution.ownership",
    "region": "institution.region",
    "beds": "institution.beds",
    "is_village": "institution.is_village",
    "has_nursing_home": "institution.has_nursing_home",
    "is_away": "coalesce(claim.insured_region, patient.region) <> institution.region",
    "distance_km": """2 * 6371 * asin(sqrt(power(sin(radians(institution.latitude - patient.latitude) / 2), 2)
        + cos(radians(patient.latitude)) * cos(radians(institution.latitude))
        * power(sin(radians(institution.longitude - patient.longitude) / 2), 2)))""",
    "registered_count": "cast(coalesce(registered.disease_count, 0) as double)",
    "hour": _HOUR.format("claim.settled_at"),
    "is_night": f"{_HOUR.format('claim.settled_at')} >= 22 or {_HOUR.format('claim.settled_at')} < 6",
    "is_weekend": "isodow(claim.started_on) >= 6",
    # null in the years that the table of holidays does not cover
    "is_holiday": """case when year(claim.started_on) between (select min(year(day)) from holidays)
            and (select max(year(day)) from holidays)
        then coalesce(not holiday.is_workday, false) end""",
    "is_typed": "claim.credential_type = 'typed'",
    "settling_days": "date_diff('day', claim.started_on, claim.settled_on)",
    "is_after_death": "patient.death_date < claim.started_on",
}

_CLAIM: dict[str, str] = {  # columns of a claim that need its diagnoses, its items, its like, or the patient's other claims
    "diagnosis": "coded.diagnosis",
    "diagnosis_count": "coded.diagnosis_count",
    "diagnosis_set": "coded.diagnosis_set",
    "chapter": "substr(coded.diagnosis, 1, 1)",
    "category": "substr(coded.diagnosis, 1, 3)",
    "case_ratio": "case when cases.case_count >= 5 and cases.case_amount > 0 then claim.total_amount / cases.case_amount end",
    "nights_ratio": "case when cases.case_count >= 5 and cases.case_nights > 0 then claim.nights / cases.case_nights end",
    "patient_claims": "person.patient_claims",
    "patient_institutions": "person.patient_institutions",
    "patient_stays": "person.patient_stays",
}

_ROLLED: dict[str, str] = {  # of a claim's items
    **{f"{role}_amount": f"sum(case when {test} then amount else 0 end)" for role, test in _ROLES.items()},
    "over_cap_amount": "sum(case when over_cap then (unit_price - cap) * quantity else 0 end) filter (where cap is not null)",
    "item_count": "cast(count(*) as double)",
    "substance_count": "cast(count(distinct substance) as double)",
    "days_supply": "max(days_supply) filter (where is_drug)",
    "dose_ratio": "max(dose_ratio)",
    "minutes": "sum(minutes * quantity)",
    "mismatched_count": "cast(count(*) filter (where is_mismatched) as double)",
}

_CAP = "coalesce(line.price_cap, entry.price_cap)"
_ITEM: dict[str, str] = {
    **{name: f"line.{name}" for name in _OWN_ITEM},
    **{
        name: f"claim.{name}"
        for name in (
            *("patient_id", "institution_id", "visit_type", "insurance_type", "started_on", "ended_on", "settled_on", "w"),
            *("sex", "age", "kind", "level", "is_stay", "prescribing_doctor_id"),
        )
    },
    "doctor_id": "coalesce(line.doctor_id, claim.doctor_id)",
    "claim_doctor_id": "claim.doctor_id",
    "occurred_on": "coalesce(cast(line.occurred_at as date), claim.started_on)",
    "hour": _HOUR.format("line.occurred_at"),
    "is_drug": f"line.{_ROLES['drug']}",
    # half a cent of rounding is no overcharge
    "over_cap": f"line.unit_price > {_CAP} + 0.005",
    "cap": _CAP,
    "price_ratio": f"case when {_CAP} > 0 then line.unit_price / {_CAP} end",
    "is_mismatched": """case when line.unit_price is not null and line.amount is not null and not coalesce(line.is_discounted, false)
        then abs(line.amount - line.quantity * line.unit_price) > 0.01 * greatest(1, abs(line.quantity)) end""",
    "substance": "coalesce(entry.generic_code, line.item_code)",
    "generic_code": "entry.generic_code",
    "list_type": "entry.list_type",
    "catalogue_cap": "entry.price_cap",
    "max_daily_dose": "entry.max_daily_dose",
    "dose_per_unit": "entry.dose_per_unit",
    "valid_days": "cast(entry.valid_days as double)",
    "minutes": "entry.minutes",
    "dose_ratio": """case when line.days_supply > 0 and entry.max_daily_dose > 0
        then line.quantity * entry.dose_per_unit / line.days_supply / entry.max_daily_dose end""",
}
VALUED = frozenset({"item_share", "price_against_peers"})
"""Columns of the view ``valued_items``, which holds every line against the other houses of its kind and level."""

# how common an item is in houses of a kind and level, and its price there
_USUAL_ITEMS = """
    select kind, level, item_code, avg(unit_price) as usual_price, min(institution_id) <> max(institution_id) as has_peers,
        cast(count(*) as double) / sum(count(*)) over (partition by kind, level) as item_share
    from joined_items group by kind, level, item_code"""
_VALUED_ITEMS = """
    select line.*, usual.item_share,
        case when usual.has_peers and usual.usual_price > 0 then line.unit_price / usual.usual_price end as price_against_peers
    from joined_items as line join usual_items as usual
        on line.item_code = usual.item_code and line.kind = usual.kind and line.level is not distinct from usual.level"""
USUAL_KEYS = ("kind", "level", "item_code")
"""What an item's ``item_share`` hangs on, on a day."""
VALUING = ("kind", "level", "item_code", "unit_price", "institution_id")

COLUMNS: Mapping[str, frozenset[str]] = {
    "joined_claims": frozenset(_WINDOW.keys() | _CLAIM.keys() | _ROLLED.keys()),
    "joined_items": frozenset(_ITEM.keys() | VALUED),
    "joined_stays": frozenset(STAY_COLUMNS),
    "sold_items": frozenset(("institution_id", "item_code", "month", "billed")),
}
"""All columns of the joined tables."""

SOLD = """
    select institution_id, item_code, cast(date_trunc('month', settled_on) as date) as month, {settled}sum(quantity) as billed
    from {rows} group by all"""
"""What an institution billed of an item in a month."""
_SOLD_FROM = frozenset(("institution_id", "item_code", "settled_on", "quantity"))

_HOLIDAYS = """
    select cast(unnest(generate_series(started_on, ended_on, interval 1 day)) as date) as day, is_workday from knowledge_holidays"""


def join_claims(
    snapshot: Snapshot,
    wanted: Mapping[str, Collection[str]] = COLUMNS,
    made: Mapping[str, Collection[str]] | None = None,
    conf_dir: str | Path | None = None,
) -> None:
    """Makes the tables of :data:`JOINED` in the snapshot's session, with the wanted columns at least.

    Parameters
    ----------
    wanted : table -> columns; all by default. Tables that have them stay as they are.
    made : further columns to make where the tables have to be made (anew).
    conf_dir : a bureau's own conf folder, whose holidays win over the shipped ones.
    """
    engine = snapshot.engine
    there = {name: _columns_there(engine, name) for name in (*JOINED, "valued_items")}
    there["joined_items"] |= there.pop("valued_items")
    if there["joined_claims"] and all(set(wanted.get(name, ())) <= there[name] for name in JOINED if _serves(snapshot, name)):
        return
    columns = {name: (set(wanted.get(name, ())) | set((made or {}).get(name, ())) | there[name]) & COLUMNS[name] for name in JOINED}
    make_joined(snapshot, columns, conf_dir)


def _serves(snapshot: Snapshot, name: str) -> bool:
    return name not in ("joined_items", "sold_items") or "items" in snapshot.tables


def _columns_there(engine: Engine, name: str) -> set[str]:
    if not engine.exists(name):
        return set()
    return set(engine.columns(name))


def make_joined(
    snapshot: Snapshot,
    columns: Mapping[str, set[str]],
    conf_dir: str | Path | None,
    since: dt.date | None = None,
    named: str = "joined",
) -> None:
    """Makes the tables with these columns, whatever is there.

    Parameters
    ----------
    since : claims settled after this day, twelve months before the snapshot's by default.
    named : beginning of the names of the tables of claims and items, where they are a step towards the joined ones.
    """
    engine = snapshot.engine
    has_items, has_diagnoses = "items" in snapshot.tables, "diagnoses" in snapshot.tables
    stays, stay_claims, stay_items = joined_stays(columns["joined_stays"], has_items) if columns["joined_stays"] else ("", set(), set())
    claims = columns["joined_claims"] | stay_claims | {"w"}
    rolled = [name for name in _ROLLED if name in claims] if has_items else []
    items = (columns["joined_items"] | stay_items | (_SOLD_FROM if columns["sold_items"] else set())) if has_items else set()
    rolled_from = set().union(*(columns_of(_ROLLED[name]) for name in rolled))
    if rolled and not items and all(_of_line(_ITEM[name]) for name in rolled_from):
        straight = True  # nothing but the lines themselves is asked: they are added up as they are stored, and only the sums are joined
    else:
        straight = False
        items |= rolled_from | ({"claim_id"} if rolled else set())
    if items & VALUED:
        items |= set(VALUING)
    narrow = (claims & _WINDOW.keys()) | {"claim_id", "refunded_amount"}
    for name in items - VALUED:
        narrow |= columns_of(_ITEM[name]) & _WINDOW.keys()
    if items:
        narrow |= {"w", "level", "doctor_id", "started_on"}
    needed = " ".join(_CLAIM[name] for name in claims & _CLAIM.keys())
    if "cases." in needed:
        narrow |= {"visit_type", "drg_code", "total_amount", "nights"}
    if "person." in needed:
        narrow |= {"patient_id", "institution_id", "is_stay"}

    once = not items and not needed
    (engine.view if once else engine.table)("window_claims", _window_claims(snapshot, narrow, conf_dir, since))
    if items:
        engine.table(f"{named}_items", _joined_items(snapshot, items - VALUED))
        if items & VALUED:
            value_items(engine)
        if columns["sold_items"]:
            engine.table("sold_items", SOLD.format(settled="", rows="joined_items"))
    if has_diagnoses and ("coded." in needed or "cases." in needed):
        engine.table("claim_diagnoses", CLAIM_DIAGNOSES)
    if "cases." in needed:
        disease = "left join claim_diagnoses as coded on claim.claim_id = coded.claim_id" if has_diagnoses else ""
        engine.table("case_means", case_means(_case_group("substr(coded.diagnosis, 1, 3), " if has_diagnoses else ""), disease))
    if "person." in needed:
        engine.table("person_totals", PERSON)
    engine.table(f"{named}_claims", _joined_claims(claims, _rolled_up(snapshot, rolled, straight, f"{named}_items"), has_diagnoses))
    if columns["joined_stays"]:
        engine.table("joined_stays", stays)
    for name in ("window_claims", "claim_diagnoses", "case_means", "person_totals", "item_sums", "part_sums"):
        engine.drop(name)


def value_items(engine: Engine) -> None:
    """Names the joined items with their place among all houses (:data:`VALUED`)."""
    engine.table("usual_items", _USUAL_ITEMS)
    engine.view("valued_items", _VALUED_ITEMS)


def _of_line(sql: str) -> bool:
    return "claim." not in sql and "entry." not in sql


def _rolled_up(snapshot: Snapshot, rolled: list[str], straight: bool, items: str) -> tuple[dict[str, str], str]:
    """Columns of the items' roll-up, and the join that brings them to ``claim``.

    The sums are a table of their own: a grouping of all lines and the joins of all claims in one query would not fit the memory together.
    """
    if not rolled:
        return dict.fromkeys(_ROLLED, "cast(null as double)"), ""
    sums = ", ".join(f"{_ROLLED[name]} as {name}" for name in rolled)
    join = " left join item_sums as item on claim.claim_id = item.claim_id"
    if not straight:
        snapshot.engine.table("item_sums", f"select claim_id, {sums} from {items} group by claim_id")
        return {name: f"item.{name}" for name in _ROLLED}, join
    lines = {name: _ITEM[name] for name in sorted(set().union(*(columns_of(_ROLLED[each]) for each in rolled)))}
    columns = ", ".join(f"{sql} as {name}" for name, sql in ({"claim_id": "line.claim_id"} | lines).items())

    def added_up(source: str) -> str:
        return f"select claim_id, {sums} from (select {columns} from {source} as line) as line group by claim_id"

    snapshot.engine.table("item_sums", added_up("all_items"))
    if not has_part_refunds(snapshot):
        return {name: f"item.{name}" for name in _ROLLED}, join
    snapshot.engine.table("part_sums", added_up("partly_refunded_lines"))
    return (
        {name: f"case when claim.refunded_amount > 0 then part.{name} else item.{name} end" for name in _ROLLED},
        f"{join} left join part_sums as part on claim.claim_id = part.claim_id",
    )


def has_part_refunds(snapshot: Snapshot) -> bool:
    """Whether any claim was refunded in part, which only then costs a look at its lines."""
    return snapshot.engine.scalar("select 1 from partly_refunded limit 1") is not None


def _select(expressions: Mapping[str, str], names: Iterable[str]) -> str:
    return ", ".join(f"{expressions[name]} as {name}" for name in expressions if name in set(names))


def window_of(as_of: dt.date) -> str:
    """The newest of a day's windows that holds ``claim``."""
    one, three, _ = (f"date '{months_before(as_of, w)}'" for w in WINDOWS)
    return _WINDOW["w"].replace("$one", one).replace("$three", three)


def _window_claims(snapshot: Snapshot, names: set[str], conf_dir: str | Path | None, since: dt.date | None) -> str:
    """Claims of the window, each with its patient's and institution's attributes."""
    expressions = _WINDOW | {"w": window_of(snapshot.as_of)}
    since = since or months_before(snapshot.as_of, WINDOWS[-1])
    if "registered_diseases" not in snapshot.tables:
        expressions["registered_count"] = "cast(null as double)"
    columns = _select(expressions, names)
    if "holiday." in columns:
        expose_knowledge(snapshot.engine, conf_dir, read_by=[_HOLIDAYS])
        snapshot.engine.table("holidays", _HOLIDAYS)
    joins = {
        "patient": "left join patients as patient on claim.patient_id = patient.patient_id",
        "institution": "left join institutions as institution on claim.institution_id = institution.institution_id",
        "registered": """left join (
            select patient_id, count(distinct registered_disease) as disease_count from registered_diseases group by patient_id)
            as registered on claim.patient_id = registered.patient_id""",
        "holiday": "left join holidays as holiday on claim.started_on = holiday.day",
    }
    needed = " ".join(join for alias, join in joins.items() if f"{alias}." in columns)
    return f"select {columns} from claims as claim {needed} where claim.settled_on > date '{since}'"


def _joined_items(snapshot: Snapshot, names: set[str]) -> str:
    """Lines of those claims with the catalogue entry that was valid on the day (at the institution's level).

    The lines are read as they are stored, and join claims that were known: what is hidden from the claims is hidden here. Of claims
    that were refunded in part they come from the view that takes the refunds off.
    """
    columns, join = _select(_ITEM, names), ""
    if "entry." in columns:
        snapshot.engine.table(
            "catalogue_at", CATALOGUE_AT if "catalogue" in snapshot.tables else CATALOGUE_AT.replace("from catalogue,", _NO_CATALOGUE)
        )
        join = """left join catalogue_at as entry on line.item_code = entry.item_code and coalesce(claim.level, -1) = entry.level
                and coalesce(cast(line.occurred_at as date), claim.started_on) >= entry.valid_from
                and coalesce(cast(line.occurred_at as date), claim.started_on) < entry.valid_until"""
    known = "join window_claims as claim on line.claim_id = claim.claim_id"
    sql = f"select {columns} from all_items as line {known} and claim.refunded_amount <= 0 {join}"
    if has_part_refunds(snapshot):
        sql += f" union all select {columns} from partly_refunded_lines as line {known} {join}"
    return sql


_NO_CATALOGUE = (
    "from (select "
    + ", ".join(f"cast(null as {type_}) as {name}" for name, type_ in CANONICAL["catalogue"].columns.items())
    + " where false) as catalogue,"
)


def _joined_claims(names: set[str], rolled: tuple[dict[str, str], str], has_diagnoses: bool) -> str:
    """One row per claim with its diagnoses, the roll-up of its items, and its amount against the same kind of case elsewhere."""
    expressions = {name: f"claim.{name}" for name in _WINDOW} | _CLAIM | rolled[0]
    if not has_diagnoses:
        nothing = {"diagnosis_count": "cast(null as bigint)"}
        expressions |= {name: nothing.get(name, "cast(null as varchar)") for name, sql in _CLAIM.items() if "coded." in sql}
    columns = _select(expressions, names)
    joins = rolled[1]
    if has_diagnoses and ("coded." in columns or "cases." in columns):
        joins += " left join claim_diagnoses as coded on claim.claim_id = coded.claim_id"
    joins += _compared(columns, "substr(coded.diagnosis, 1, 3), " if has_diagnoses else "")
    return f"select {columns} from window_claims as claim {joins}"


def _case_group(disease: str) -> str:
    return f"concat_ws(' ', claim.visit_type, coalesce(claim.drg_code, {disease}''))"


def _compared(columns: str, disease: str) -> str:
    """The joins of what the window says of a claim's like, and of its patient's other claims."""
    joins = ""
    if "cases." in columns:
        joins += f" left join case_means as cases on {_case_group(disease)} = cases.case_group"
    if "person." in columns:
        joins += " left join person_totals as person on claim.patient_id = person.patient_id"
    return joins


COMPARED = frozenset(name for name, sql in _CLAIM.items() if "cases." in sql or "person." in sql)
"""Columns of a claim that depend on all other claims of the window."""


def same_every_day(columns: Mapping[str, set[str]], has_items: bool) -> dict[str, set[str]]:
    """Those columns, and what the others are made of, that a claim and its lines have whatever the window is."""
    _, stay_claims, stay_items = joined_stays(columns["joined_stays"], has_items)
    claims = columns["joined_claims"] | (stay_claims if columns["joined_stays"] else set())
    if claims & COMPARED:
        claims |= {"visit_type", "drg_code", "category", "total_amount", "nights", "patient_id", "institution_id", "is_stay"}
    items = columns["joined_items"] | (stay_items if columns["joined_stays"] else set())
    items |= _SOLD_FROM if columns["sold_items"] else set()
    if items:
        items |= {"settled_on", "w"} | (set(VALUING) if items & VALUED else set())
    return {
        "joined_claims": (claims - COMPARED) | {"settled_on"},
        "joined_items": items - VALUED,
        "joined_stays": set(),
        "sold_items": set(),
    }


def compare(engine: Engine, columns: Mapping[str, set[str]], has_items: bool) -> None:
    """Makes the joined tables of a day from the views ``window_claims`` and ``joined_items``, which hold the rest of the columns."""
    stays, stay_claims, _ = joined_stays(columns["joined_stays"], has_items)
    names = columns["joined_claims"] | (stay_claims if columns["joined_stays"] else set())
    compared = _select(_CLAIM, names & COMPARED)
    if "cases." in compared:
        engine.table("case_means", case_means(_case_group("claim.category, ")))
    if "person." in compared:
        engine.table("person_totals", PERSON)
    more = (
        f", {compared} from window_claims as claim {_compared(compared, 'claim.category, ')}"
        if compared
        else " from window_claims as claim"
    )
    engine.table("joined_claims", f"select claim.*{more}")
    if columns["joined_items"] & VALUED and has_items:
        value_items(engine)
    if columns["joined_stays"]:
        engine.table("joined_stays", stays)
    for name in ("window_claims", "case_means", "person_totals"):
        engine.drop(name)
