"""Requirement A13: which rows of the requirements a bureau's data can serve today, and which columns the others lack."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fraudml.claims.quality import Report
from fraudml.claims.source import Source


@dataclass(frozen=True)
class Row:
    """One row of the requirements.

    Attributes
    ----------
    row, id, name : R01 …, scheme id, its name in both languages.
    missing : needs that the data cannot serve, ``table`` or ``table.column``; none: the rule runs.
    wanted : the same in the source's own names.
    """

    row: str
    id: str
    name: Mapping[str, str]
    missing: tuple[str, ...]
    wanted: tuple[str, ...]


def coverage(served: Callable[[str], bool], rules: Iterable[Mapping[str, Any]], source: Source | None) -> list[Row]:
    """One entry per declared rule, by row.

    Parameters
    ----------
    served : whether the data has a need: :func:`served_by` an ingest's report, or :meth:`fraudml.claims.Snapshot.has`.
    rules : contents of ``conf/rules/*.yaml``; each names its ``needs``.
    source : the mapping that knows the source's own names; without one, canonical names stand for them.
    """
    rows = []
    for rule in rules:
        missing = tuple(need for need in rule["needs"] if not any(served(each) for each in need.split(" or ")))
        wanted = tuple(" or ".join(_wanted(source, each) if source else each for each in need.split(" or ")) for need in missing)
        rows.append(Row(rule["row"], rule["id"], rule["name"], missing, wanted))
    return sorted(rows, key=lambda row: (row.row, row.id))


def served_by(report: Report) -> Callable[[str], bool]:
    """Whether what an ingest accepted has a table with rows, or a column with values."""

    def served(need: str) -> bool:
        table, _, column = need.partition(".")
        found = report.tables.get(table)
        return found is not None and found.accepted > 0 and (not column or column in found.filled)

    return served


def _wanted(source: Source, need: str) -> str:
    table, _, column = need.partition(".")
    parts = source.tables.get(table, ())
    if not parts:
        return need
    if not column:
        return parts[0].relation
    mapped = parts[0].columns.get(column)
    return f"{parts[0].relation}.{mapped.names[0]}" if mapped and mapped.names else need


def written_coverage(rows: Iterable[Row], lang: str) -> str:
    """The rows as lines of text."""
    zh = lang == "zh"
    rows = list(rows)
    able = sum(not row.missing for row in rows)
    lines = [f"A13 规则自查:{len(rows)} 条规则中 {able} 条可运行" if zh else f"A13: {able} of {len(rows)} rules can run on this data"]
    for row in rows:
        lacking = ("缺 " if zh else "lacks ") + ", ".join(
            need if need == wanted else f"{wanted} ({need})" for need, wanted in zip(row.missing, row.wanted, strict=True)
        )
        lines.append(f"  {row.row} {row.id} {row.name[lang]}: " + (lacking if row.missing else ("可运行" if zh else "can run")))
    return "\n".join(lines)
