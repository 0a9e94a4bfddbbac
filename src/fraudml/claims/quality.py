"""What became of a source's rows, as ``ingest.json`` for programs and ``ingest.html`` for people."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fraudml.claims.checks import wording

FIRST_KEYS = 5


@dataclass
class TableReport:
    """One table's rows: ``read = accepted + quarantined``, always.

    Attributes
    ----------
    source : source table(s) the rows come from.
    reasons : code -> severity, count, first keys, columns (where the fault lies in one), months (count by month).
    filled : canonical columns with at least one value.
    other_months : where one month was asked for, rows of the source that were settled in others and were not read.
    rows : rows of the table after this run (more than ``accepted`` where a month was added to others).
    """

    source: str
    files: int
    read: int = 0
    accepted: int = 0
    quarantined: int = 0
    rows: int = 0
    other_months: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, dict[str, Any]] = field(default_factory=dict)
    months: dict[str, int] = field(default_factory=dict)
    columns_without_source: list[str] = field(default_factory=list)
    filled: list[str] = field(default_factory=list)

    def add(self, code: str | None, severity: str, count: int, keys: list[str], month: str | None, columns: list[str]) -> None:
        """Counts rows of a month: read (``code`` None) or caught by a check."""
        month = month or ""
        if severity == "quarantine" or code is None:
            self.months[month] = self.months.get(month, 0) + count
        if code is None:
            return
        entry = self.reasons.setdefault(code, {"severity": severity, "count": 0, "first_keys": [], "columns": [], "months": {}})
        entry["count"] += count
        entry["first_keys"] = sorted({*entry["first_keys"], *keys})[:FIRST_KEYS]
        entry["columns"] = sorted({*entry["columns"], *columns})
        entry["months"][month] = entry["months"].get(month, 0) + count


@dataclass
class Report:
    """One ingest.

    Attributes
    ----------
    given : the input as named by the user.
    month : the month that was added or replaced, None where everything was read anew.
    dataset : id that changes when a source is read anew; kept where a later month is added.
    months : months that the claims cover after this run.
    pseudonyms : what tells the key of the pseudonyms from others; None where identifiers stand as they came.
    """

    source: str
    given: str
    month: str | None
    tables: dict[str, TableReport]
    absent_tables: list[str]
    dataset: str
    months: list[str] = field(default_factory=list)
    pseudonyms: str | None = None

    def content(self) -> dict[str, Any]:
        """What ``ingest.json`` holds."""
        return {
            "dataset": self.dataset,
            "source": self.source,
            "input": self.given,
            "month": self.month,
            "months": self.months,
            "pseudonyms": self.pseudonyms,
            "tables": {table: vars(each) for table, each in self.tables.items()},
            "absent_tables": self.absent_tables,
        }


def write_report(report: Report, folder: Path, lang: str) -> None:
    """Writes ``ingest.json`` and ``ingest.html`` into a folder."""
    content = report.content()
    (folder / "ingest.json").write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    (folder / "ingest.html").write_text(page(content, lang), encoding="utf-8")


def page(content: dict[str, Any], lang: str) -> str:
    """A self-contained page: per table the counts, per check one bar a month."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("quality.html.j2").render(
        lang=lang,
        content=content,
        tables=[_table(name, each, lang) for name, each in content["tables"].items()],
    )


def _table(name: str, each: dict[str, Any], lang: str) -> dict[str, Any]:
    months = sorted(month for month in each["months"] if month)
    checks = []
    for code, entry in sorted(each["reasons"].items(), key=lambda item: (item[1]["severity"] != "quarantine", -item[1]["count"], item[0])):
        shares = [entry["months"].get(month, 0) / max(each["months"][month], 1) for month in months]
        highest = max([*shares, 0.0])
        checks.append(
            {
                "code": code,
                "says": wording(code, lang),
                "severity": entry["severity"],
                "count": entry["count"],
                "share": entry["count"] / max(each["read"], 1),
                "columns": entry["columns"],
                "keys": entry["first_keys"],
                "bars": [
                    {"month": month, "count": entry["months"].get(month, 0), "share": share, "height": 28 * share / highest}
                    for month, share in zip(months, shares, strict=True)
                ]
                if highest > 0
                else [],
            }
        )
    return each | {"name": name, "checks": checks, "span": (months[0], months[-1]) if months else None}


def written_counts(report: Report, lang: str) -> str:
    """The counts as lines of text."""
    zh = lang == "zh"
    lines = []
    for table, each in report.tables.items():
        counts = (
            f"读取 {each.read},接收 {each.accepted},隔离 {each.quarantined}"
            if zh
            else f"{each.read} read, {each.accepted} accepted, {each.quarantined} quarantined"
        )
        lines.append(f"{table} ({each.source}): {counts}")
        for code, entry in sorted(each.reasons.items(), key=lambda item: (item[1]["severity"] != "quarantine", item[0])):
            severity = {"quarantine": "隔离" if zh else "quarantined", "flag": "提示" if zh else "flagged"}[entry["severity"]]
            columns = f" [{', '.join(entry['columns'])}]" if entry["columns"] else ""
            lines.append(f"  {code}{columns} {severity} {entry['count']}: {wording(code, lang)} ({', '.join(entry['first_keys'])})")
    return "\n".join(lines)
