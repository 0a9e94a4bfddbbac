"""SQL that judges a table's mapped rows: what is at fault with each, which of equal keys stays, what is odd but accepted.

What reads a row alone is apart from what looks into other tables (:meth:`fraudml.engine.Engine.by_row`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from fraudml.claims.checks import QUARANTINE, Check, checks_of
from fraudml.claims.mapping import SOURCE, select
from fraudml.claims.months import BY_CLAIM
from fraudml.claims.source import Part, Source
from fraudml.contracts import CANONICAL
from fraudml.engine import identifier, literal

MONTH = {"claims": "settled_on", "items": "occurred_at", "visits": "started_at", "inventory": "month", "labels": "decided_on"}
"""Column whose month a table is counted by."""

STANDING = frozenset(
    {"patients", "enrolments", "institutions", "registrations", "registered_diseases", "registrable_diseases", "catalogue"}
)
"""Tables of what stands, not of what happens: exports repeat them with every month, and say one thing in several codes of one meaning.
A row that repeats another in every column is folded into it; one that differs has a duplicate key."""

DERIVED = {
    "claims": """
        select * replace (
            coalesce(is_refund, false) as is_refund,
            coalesce(ended_on, started_on) as ended_on,
            cast(settled_at as date) as settled_on,
            case when visit_type = 'short_stay' then case when ended_on > started_on then 'inpatient' else 'other' end
                else visit_type end as visit_type,
            case when visit_type in ('inpatient', 'short_stay') then date_diff('day', started_on, ended_on) else 0 end as nights)
        from {rows}""",
}
"""Canonical columns that follow from others. A short stay (observation, delivery) is inpatient when it has nights."""

RELATED = {
    "claims": {
        "items": """left join (
            select claim_id, sum(amount) as items_total, count(*) as item_count from accepted_items group by claim_id) using (claim_id)""",
        "patients": "left join (select patient_id, death_date from whole_patients) using (patient_id)",
        "enrolments": """left join (
            select distinct claim_id, true as is_enrolled from accepted_claims join whole_enrolments as spell using (patient_id)
            where coalesce(spell.enrolled_on <= started_on, true) and coalesce(spell.suspended_on >= started_on, true)) using (claim_id)""",
    },
    "items": {
        # a refund's own dates may be the visit's or its own
        "claims": """left join (select claim_id, started_on as claim_started_on, ended_on as claim_ended_on
            from accepted_claims where not is_refund) using (claim_id)""",
    },
}
"""Table -> other table -> how its columns join in for the flags that read both."""


def key_of(table: str) -> str:
    """SQL of a row's key as one text, its parts joined by ``/``."""
    return "concat_ws('/', " + ", ".join(f"cast({identifier(name)} as varchar)" for name in CANONICAL[table].key) + ")"


def month_of(table: str) -> str:
    """SQL of the month a row is counted by, ``YYYY-MM``."""
    return f"strftime({MONTH[table]}, '%Y-%m')" if table in MONTH else "cast(null as varchar)"


def derived(part: Part, table: str, types: dict[str, str], source: Source, negative: str) -> str:
    """Canonical rows of one part, with ``_unread`` and the source row, before judgement."""
    rows = select(part, table, types, source.separator, source.time_zone)
    if table in DERIVED:
        rows = DERIVED[table].format(rows=f"({rows})")
    if table == "claims" and negative == "refund":
        rows = f"select * replace (is_refund or coalesce(total_amount < 0, false) as is_refund) from ({rows})"
    return rows


def judged(rows: str, table: str, relation: str, given: Collection[str], tables: Collection[str]) -> str:
    """Canonical columns of ``rows`` with ``_fault`` (reason codes, null where there is none), ``_relation`` and the source's columns.

    Parameters
    ----------
    relation : source table the rows come from.
    given : names of the source's columns in ``rows``.
    tables : canonical tables that this run reads; checks that need another one are left out.
    """
    checks = checks_of(table, QUARANTINE, tables)
    # each condition once: one that looks into another table would be joined twice
    found = "".join(f", {check.sql} as _found_{number}" for number, check in enumerate(checks))
    faults = [(f"{identifier(name)} is null", f"missing_value:{name}") for name in CANONICAL[table].required]
    faults += [(f"_found_{number}", check.code) for number, check in enumerate(checks)]
    details = ", ".join(f"case when {sql} then {literal(code)} end" for sql, code in faults)
    columns = ", ".join(f"cast({identifier(name)} as {type_}) as {identifier(name)}" for name, type_ in CANONICAL[table].columns.items())
    source = "".join(f", {identifier(name)}" for name in given)
    return f"""
        select {columns}, _fault, {literal(relation)} as _relation{source}
        from (
            select *, case when _unread is not null or {" or ".join(sql for sql, _ in faults)}
                then concat_ws('|', _unread, {details}) end as _fault
            from (select *{found} from ({rows})))"""


def told(table: str, given: Mapping[str, str]) -> str:
    """SQL of the JSON text that quarantine keeps of a judged row: source table, fault, its claim, key, month, and the row as it came.

    Parameters
    ----------
    given : names of the source's columns -> the type that each had in the source.
    """
    values = ", ".join(f"{literal(name.removeprefix(SOURCE))}: {_as_it_came(identifier(name), type_)}" for name, type_ in given.items())
    claim = "claim_id" if table in BY_CLAIM else "cast(null as varchar)"
    return f"""cast(to_json({{'table': _relation, 'fault': _fault, 'claim': {claim},
        'row_key': {key_of(table)}, 'month': {month_of(table)}, 'source': {{{values}}}}}) as varchar)"""


def _as_it_came(value: str, type_: str) -> str:
    if type_ == "VARCHAR":
        return value
    typed = f"cast({value} as {type_})"  # which not every engine carries as it came
    is_nested = type_.endswith("]") or type_.startswith(("STRUCT", "MAP", "UNION"))
    return typed if is_nested else f"cast({typed} as varchar)"


def fuller_first(table: str) -> str:
    """Order that puts the fuller of two rows with one key first (values before nulls, true before false): it stays."""
    return ", ".join(f"{identifier(name)} desc nulls last" for name in CANONICAL[table].columns)


def duplicates(table: str, written: str) -> str:
    """Numbers of the written rows whose key another row has already; ``is_repeated`` where it is the very row that stays."""
    key = ", ".join(identifier(name) for name in CANONICAL[table].key)
    return f"""
        select file_row_number, {_is_repeated(table)} as is_repeated from (
            select file_row_number, row_number() over fuller as place, dense_rank() over fuller as variant
            from {written}
            where hash({key}) in (select hash({key}) from {written} group by hash({key}) having count(*) > 1)
            window fuller as (partition by {key} order by {fuller_first(table)}))
        where place > 1"""


def _is_repeated(table: str) -> str:
    return "variant = 1" if table in STANDING else "false"


def has_key_of_duplicate(table: str, written: str) -> str:
    """Condition that a row has the key of one of :func:`duplicates`."""
    key = ", ".join(identifier(name) for name in CANONICAL[table].key)
    return f"hash({key}) in (select hash({key}) from {written} semi join duplicates_{table} using (file_row_number))"


def told_duplicates(table: str, rows: str) -> str:
    """``_told`` of those among the judged rows whose key a fuller one has already, without those that are only repeated."""
    key = ", ".join(identifier(name) for name in CANONICAL[table].key)
    return f"""
        select _told from (
            select _told, row_number() over (partition by {key} order by {fuller_first(table)}, _told) as place,
                dense_rank() over (partition by {key} order by {fuller_first(table)}) as variant
            from {rows} where _fault is null)
        where place > 1 and not ({_is_repeated(table)})"""


def flag_counts(table: str, checks: Sequence[Check]) -> str:
    """SQL that counts the accepted rows by month: month, rows, then the rows that each check flags."""
    counts = "".join(f", count(*) filter (where {check.sql}) as flag_{number}" for number, check in enumerate(checks))
    day = f"date_trunc('month', {MONTH[table]})" if table in MONTH else "cast(null as date)"
    by_month = f"select {day} as first_day, count(*){counts} from {_joined(table, checks)} group by all"
    return f"select strftime(first_day, '%Y-%m') as month, * exclude (first_day) from ({by_month})"  # written once a month, not once a row


def flag_keys(table: str, checks: Sequence[Check], first: int) -> str:
    """SQL that gives the first keys of the rows that each check flags."""
    keys = ", ".join(f"min({key_of(table)}, {first}) filter (where {check.sql}) as keys_{number}" for number, check in enumerate(checks))
    return f"select {keys} from {_joined(table, checks)}"


def _joined(table: str, checks: Sequence[Check]) -> str:
    needed = {need for check in checks for need in check.reads}
    return f"accepted_{table} " + " ".join(join for other, join in RELATED.get(table, {}).items() if other in needed)
