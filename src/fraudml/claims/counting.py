"""What a run found, counted by month and reason: quarantined rows, and accepted ones that a check flags."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from fraudml.claims.checks import FLAG, QUARANTINE, Check, checks_of
from fraudml.claims.judge import flag_counts, flag_keys
from fraudml.claims.quality import FIRST_KEYS, TableReport
from fraudml.claims.source import Part
from fraudml.engine import Engine, identifier, literal


def count_faults(engine: Engine, table: str, report: TableReport) -> None:
    """Counts the rows of ``faulty_<table>``."""
    rows = engine.rows(f"""
        select month, regexp_extract(fault, '^[a-z_]+') as code, count(*), min(row_key, {FIRST_KEYS}),
            list(distinct regexp_extract(fault, '^[a-z_]+:([a-z_]+)', 1))
        from faulty_{table} group by all""")
    for month, code, count, keys, columns in sorted(rows, key=lambda row: (row[0] or "", row[1])):
        report.quarantined += count
        report.add(code, QUARANTINE, count, keys or [], month, [each for each in columns if each])


def count_flags(engine: Engine, table: str, parts: Sequence[Part], tables: Collection[str], report: TableReport) -> None:
    """Counts the rows of ``accepted_<table>`` by month, and those that each check flags.

    Parameters
    ----------
    tables : canonical tables that checks may read.
    """
    checks = [*checks_of(table, FLAG, tables), *_other_codes(table, parts)]
    found: dict[Check, dict[str | None, int]] = {}
    for month, count, *counts in sorted(engine.rows(flag_counts(table, checks)), key=lambda row: row[0] or ""):
        report.add(None, FLAG, count, [], month, [])
        for check, times in zip(checks, counts, strict=True):
            if times:
                found.setdefault(check, {})[month] = times
    if not found:
        return
    keys = engine.rows(flag_keys(table, list(found), FIRST_KEYS))[0]
    for (check, by_month), first in zip(found.items(), keys, strict=True):
        for month, times in by_month.items():
            report.add(check.code, FLAG, times, first, month, list(check.columns))


def _other_codes(table: str, parts: Sequence[Part]) -> list[Check]:
    """A flag for each translated column, where a code that is not listed reads as other."""
    return [
        Check(table, "unlisted_code", FLAG, f"{identifier(name)} = {literal(column.other)}", "", "", columns=(name,))
        for part in parts
        for name, column in part.columns.items()
        if column.other is not None and column.codes is not None and column.other not in column.codes.values()
    ]
