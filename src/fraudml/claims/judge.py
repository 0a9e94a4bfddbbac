"""SQL that judges a table's mapped rows: what is at fault with each, which of equal keys stays, what is odd but accepted."""

from __future__ import annotations

from collections.abc import Collection

from fraudml.claims.checks import FLAG, QUARANTINE, checks_of
from fraudml.claims.mapping import select
from fraudml.claims.source import Part, Source
from fraudml.contracts import CANONICAL
from fraudml.engine import identifier, literal

MONTH = {"claims": "settled_on", "items": "occurred_at", "visits": "started_at", "inventory": "month", "labels": "decided_on"}
"""Column whose month a table is counted by."""

DERIVED = {
    "claims": """
        select * replace (
            coalesce(is_refund, false) as is_refund,
            coalesce(ended_on, started_on) as ended_on,
            cast(settled_at as date) as settled_on,
            case when visit_type <> 'short_stay' then visit_type when ended_on > started_on then 'inpatient' else 'other' end as visit_type,
            case when visit_type in ('inpatient', 'short_stay') then date_diff('day', started_on, ended_on) else 0 end as nights)
        from {rows}""",
}
"""Canonical columns that follow from others. A short stay (observation, delivery) is inpatient when it has nights."""

RELATED = {
    "claims": {
        "items": "left join (select claim_id, sum(amount) as items_total from accepted_items group by claim_id) using (claim_id)",
        "patients": "left join (select patient_id, death_date from whole_patients) using (patient_id)",
        "enrolments": """left join (
            select distinct claim_id, true as is_enrolled from accepted_claims join whole_enrolments as spell using (patient_id)
            where coalesce(spell.enrolled_on <= started_on, true) and coalesce(spell.suspended_on >= started_on, true)) using (claim_id)""",
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
    """Canonical rows of one part, with ``_unread``, ``_noted`` and ``_source``, before judgement."""
    rows = select(part, table, types, source.separator)
    if table in DERIVED:
        rows = DERIVED[table].format(rows=f"({rows})")
    if table == "claims" and negative == "refund":
        rows = f"select * replace (is_refund or coalesce(total_amount < 0, false) as is_refund) from ({rows})"
    return rows


def judged(rows: str, table: str, relation: str, tables: Collection[str], keep: str = "_fault is not null") -> str:
    """Canonical columns of ``rows`` with ``_table``, ``_fault`` (reason codes, null where there is none), ``_noted`` and ``_source``.

    Parameters
    ----------
    relation : source table the rows come from.
    tables : canonical tables that this run reads; checks that need another one are left out.
    keep : condition under which the source row is kept (as JSON text).
    """
    faults = [(f"{identifier(name)} is null", f"missing_value:{name}") for name in CANONICAL[table].required]
    faults += [(f"({check.sql})", check.code) for check in checks_of(table, QUARANTINE, tables)]
    details = ", ".join(f"case when {sql} then {literal(code)} end" for sql, code in faults)
    columns = ", ".join(identifier(name) for name in CANONICAL[table].columns)
    return f"""
        select {columns}, {literal(relation)} as _table, _fault, _noted,
            case when {keep} then cast(to_json(_source) as varchar) end as _source
        from (
            select *, case when _unread is not null or {" or ".join(sql for sql, _ in faults)}
                then concat_ws('|', _unread, {details}) end as _fault
            from ({rows}))"""


def fuller_first(table: str) -> str:
    """Order that puts the fuller of two rows with one key first (values before nulls, true before false): it stays."""
    return ", ".join(f"{identifier(name)} desc nulls last" for name in CANONICAL[table].columns)


def duplicates(table: str, staged: str) -> str:
    """Numbers of the staged rows whose key another faultless row has already."""
    key = ", ".join(identifier(name) for name in CANONICAL[table].key)
    return f"""
        select file_row_number from (
            select file_row_number, row_number() over (partition by {key} order by {fuller_first(table)}) as place
            from {staged}
            where _fault is null and hash({key}) in (
                select hash({key}) from {staged} where _fault is null group by hash({key}) having count(*) > 1))
        where place > 1"""


def duplicates_again(table: str, staged: str, rows: str) -> str:
    """The rows of :func:`duplicates` with their source rows, from a second reading (``rows``: judged, source kept)."""
    key = ", ".join(identifier(name) for name in CANONICAL[table].key)
    return f"""
        select * exclude (place) replace ('duplicate_key' as _fault) from (
            select *, row_number() over (partition by {key} order by {fuller_first(table)}, _source) as place
            from ({rows}) where _fault is null
                and hash({key}) in (select hash({key}) from {staged} semi join duplicates_{table} using (file_row_number)))
        where place > 1"""


def flags(table: str, tables: Collection[str], first_keys: int) -> tuple[list[str], str]:
    """Codes of the flags of a table and SQL that counts them by month.

    Columns of a row: month, rows, checksum, then per flag its count and first keys, then the count of filled values per column.
    """
    checks = checks_of(table, FLAG, tables)
    key, every = key_of(table), ", ".join(identifier(name) for name in CANONICAL[table].columns)
    counts = "".join(f", count(*) filter (where {check.sql}), min({key}, {first_keys}) filter (where {check.sql})" for check in checks)
    filled = "".join(f", count({identifier(name)})" for name in CANONICAL[table].columns)
    needed = {need for check in checks for need in check.reads}
    joins = " ".join(join for other, join in RELATED.get(table, {}).items() if other in needed)
    return [check.code for check in checks], (
        f"select {month_of(table)} as month, count(*), sum(hash({every})){counts}{filled} from accepted_{table} {joins} group by month"
    )
