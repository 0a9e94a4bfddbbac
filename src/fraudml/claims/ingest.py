"""From a source's tables to canonical claims: map, check, keep apart what cannot be read, write whole.

Every table is read once: its rows are mapped and judged in one pass into a staging file; what needs the whole table (duplicate keys, the
refunds' originals) is decided on the staging file's key columns; then the accepted rows are written, and the quarantined ones beside.
"""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fraudml.claims.checks import FLAG, QUARANTINE, row_checks
from fraudml.claims.mapping import Source, missing_required, quoted, select, text_literal, unsourced
from fraudml.claims.refunds import match_refunds
from fraudml.claims.source_files import complete, find_files, open_files
from fraudml.claims.swap import put_in_place
from fraudml.contracts import CANONICAL, REQUIRED_TABLES
from fraudml.engine import Engine
from fraudml.errors import FraudmlError, MissingInput

log = logging.getLogger("fraudml")

FIRST_KEYS = 5
ORDER = ("institutions", "patients", "claims", *(name for name in CANONICAL if name not in REQUIRED_TABLES))
MONTH = {
    "claims": "settled_on",
    "items": "occurred_at",
    "visits": "started_at",
    "inventory": "month",
    "labels": "decided_on",
}
"""Column whose month the report counts by."""

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
"""Canonical columns that follow from others."""


@dataclass
class TableReport:
    """What became of one table's rows; ``read = accepted + quarantined``."""

    source: str
    files: int
    read: int = 0
    accepted: int = 0
    quarantined: int = 0
    checksum: int = 0
    reasons: dict[str, dict[str, Any]] = field(default_factory=dict)
    months: dict[str, dict[str, int]] = field(default_factory=dict)
    columns_without_source: list[str] = field(default_factory=list)


def ingest(engine: Engine, folder: Path, data_dir: Path, source: Source, *, negative: str = "quarantine") -> dict[str, Any]:
    """Reads a source folder and writes ``claims/``, ``quarantine/`` and ``ingest.json`` below ``data_dir``.

    Parameters
    ----------
    negative : what a negative amount without a refund flag is: ``quarantine`` (a fault) or ``refund``.

    Returns
    -------
    dict
        The content of ``ingest.json``.

    Raises
    ------
    FraudmlError
        Before anything is written, for a missing required table or column, an unreadable file or an empty required table.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    staging = data_dir / ".ingest.part"
    shutil.rmtree(staging, ignore_errors=True)
    for name in ("stage", "claims", "quarantine", "text"):
        (staging / name).mkdir(parents=True)
    try:
        reports = _Run(engine, folder, staging, source, negative).run()
        summary = _summary(reports, source, folder, engine, staging)
        (staging / "ingest.json").write_text(json.dumps(summary, ensure_ascii=False, indent=1, default=str), encoding="utf-8")
        for name in ("quarantine", "claims", "ingest.json"):
            put_in_place(staging / name, data_dir / name)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    for table, report in reports.items():
        log.info("claims/%s.parquet: %s rows of %s, %s quarantined", table, report.accepted, report.read, report.quarantined)
    return summary


class _Run:
    def __init__(self, engine: Engine, folder: Path, staging: Path, source: Source, negative: str) -> None:
        self.engine, self.source, self.staging, self.negative = engine, source, staging, negative
        self.files = find_files(folder, source)
        self.types: dict[str, dict[str, str]] = {}
        for table, files in self.files.items():
            self._open(table, files)
        for name, how in source.relations.items():
            self._derive_relation(name, how)
        self.tables = [table for table in ORDER if any(part.relation in self.types for part in source.tables.get(table, ()))]
        self._refuse_incomplete()

    def _open(self, table: str, files: list[Path]) -> None:
        types = open_files(self.engine, f"file_{table}", files, self.source, self.staging / "text")
        self.types[table] = types
        self.engine.view(table, f"select {complete(types, self.source.reads(table))} from {quoted(f'file_{table}')}")

    def _derive_relation(self, name: str, how: dict[str, Any]) -> None:
        of = [each for each in how.get("union", [how.get("of")]) if each in self.types]
        if not of:
            return
        sql = how["query"] if "query" in how else " union all by name ".join(f"select * from {quoted(f'file_{each}')}" for each in of)
        self.engine.view(f"file_{name}", sql)
        self.types[name] = {column.lower(): type_ for column, type_ in self.engine.columns(quoted(f"file_{name}")).items()}
        self.engine.view(name, f"select {complete(self.types[name], self.source.reads(name))} from {quoted(f'file_{name}')}")

    def _refuse_incomplete(self) -> None:
        names = {table: " or ".join(part.relation for part in self.source.tables.get(table, ())) for table in REQUIRED_TABLES}
        missing = [names[table] or table for table in REQUIRED_TABLES if table not in self.tables]
        if missing:
            raise MissingInput(
                "claims.missing_table", f"the source has no {', '.join(missing)}.", "Add the files, or check input= and source=."
            )
        for table in self.tables:
            for part in self._parts(table):
                lacking = missing_required(part, table, self.types[part.relation])
                if lacking:
                    raise MissingInput(
                        "claims.missing_column",
                        f"{part.relation} has no column for {', '.join(lacking)}.",
                        f"Add it, or map it in conf/source/{self.source.name}.yaml.",
                    )
        for table in REQUIRED_TABLES:
            if all(self.engine.scalar(f"select 1 from {quoted(part.relation)} limit 1") is None for part in self._parts(table)):
                raise MissingInput("claims.empty_table", f"{names[table]} has no rows.", "Export the table again.")

    def _parts(self, table: str) -> list[Any]:
        return [part for part in self.source.tables[table] if part.relation in self.types]

    def run(self) -> dict[str, TableReport]:
        reports: dict[str, TableReport] = {}
        for table in self.tables:
            reports[table] = self._table(table)
            if table in REQUIRED_TABLES:
                if not reports[table].accepted:
                    worst = max(reports[table].reasons, key=lambda code: reports[table].reasons[code]["count"])
                    raise FraudmlError(
                        "claims.none_accepted",
                        f"all {reports[table].read} rows of {reports[table].source} would be quarantined, most of them for {worst}.",
                        f"Check the export and conf/source/{self.source.name}.yaml.",
                    )
                self._remember_keys(table)
        return reports

    def _remember_keys(self, table: str) -> None:
        key = CANONICAL[table].key[0]
        # a person whose own row is faulty is still a known person; the lines of a faulty settlement go with it
        rows = self._final(table) if table == "claims" else self._staged(table)
        self.engine.table(f"known_{table}", f"select distinct {key} from {rows} where {key} is not null")

    def _staged(self, table: str) -> str:
        return f"read_parquet({text_literal(str(self.staging / 'stage' / f'{table}.parquet'))}, file_row_number = true)"

    def _final(self, table: str) -> str:
        return f"read_parquet({text_literal(str(self.staging / 'claims' / f'{table}.parquet'))})"

    def _table(self, table: str) -> TableReport:
        parts = self._parts(table)
        report = TableReport(
            source=", ".join(part.relation for part in parts),
            files=sum(len(self.files.get(part.relation, [])) for part in parts),
            columns_without_source=sorted(set.intersection(*(set(unsourced(part, table, self.types[part.relation])) for part in parts))),
        )
        staged = "\nunion all by name\n".join(self._judged(part, table) for part in parts)
        self.engine.write(staged, self.staging / "stage" / f"{table}.parquet")
        self._reject_duplicates(table)
        report.read = self.engine.scalar(f"select count(*) from {self._staged(table)}")
        report.accepted = self.engine.write(self._accepted(table), self.staging / "claims" / f"{table}.parquet")
        report.quarantined = self._quarantine(table, report)
        self._flags(table, report)
        return report

    def _judged(self, part: Any, table: str, keep: str = "_fault is not null") -> str:
        rows = f"({select(part, table, self.types[part.relation], self.source.separator)})"
        if table in DERIVED:
            rows = f"({DERIVED[table].format(rows=rows)})"
        if table == "claims" and self.negative == "refund":
            rows = f"(select * replace (is_refund or coalesce(total_amount < 0, false) as is_refund) from {rows})"
        faults = [(f"{quoted(name)} is null", f"missing_value:{name}") for name in CANONICAL[table].required]
        faults += [(f"({check.sql})", check.code) for check in row_checks(table, QUARANTINE)]
        details = ", ".join(f"case when {sql} then {text_literal(code)} end" for sql, code in faults)
        columns = ", ".join(quoted(name) for name in CANONICAL[table].columns)
        return f"""
            select {columns}, {text_literal(part.relation)} as _table, _fault,
                case when {keep} then cast(to_json(_source) as varchar) end as _source
            from (
                select *, case when _unread is not null or {" or ".join(sql for sql, _ in faults)}
                    then concat_ws('|', _unread, {details}) end as _fault
                from {rows})"""

    def _reject_duplicates(self, table: str) -> None:
        key = ", ".join(quoted(name) for name in CANONICAL[table].key)
        # values before nulls, true before false: of two rows the fuller one stays
        order = ", ".join(f"{quoted(name)} desc nulls last" for name in CANONICAL[table].columns)
        staged = self._staged(table)
        self.engine.table(
            f"duplicates_{table}",
            f"""
            select file_row_number from (
                select file_row_number, row_number() over (partition by {key} order by {order}) as place
                from {staged}
                where _fault is null and hash({key}) in (
                    select hash({key}) from {staged} where _fault is null group by hash({key}) having count(*) > 1))
            where place > 1""",
        )

    def _accepted(self, table: str) -> str:
        columns = ", ".join(quoted(name) for name in CANONICAL[table].columns)
        good = f"select * from {self._staged(table)} where _fault is null and file_row_number not in (select * from duplicates_{table})"
        if table != "claims":
            return f"select {columns} from ({good})"
        match_refunds(self.engine, good)
        return f"""
            select {columns} from (
                select row.* replace (coalesce(row.refund_of, match.claim_id) as refund_of)
                from ({good}) as row left join refund_matches as match on row.claim_id = match.refund_id)"""

    def _quarantine(self, table: str, report: TableReport) -> int:
        key = ", ".join(quoted(name) for name in CANONICAL[table].key)
        order = ", ".join(f"{quoted(name)} desc nulls last" for name in CANONICAL[table].columns)
        faulty = f"select * from {self._staged(table)} where _fault is not null"
        if self.engine.scalar(f"select 1 from duplicates_{table} limit 1"):
            # their source rows were not kept: they are read again
            twice = f"select hash({key}) from {self._staged(table)} semi join duplicates_{table} using (file_row_number)"
            again = "\nunion all by name\n".join(self._judged(part, table, keep="true") for part in self._parts(table))
            faulty += f"""
                union all by name
                select * replace ('duplicate_key' as _fault) from (
                    select *, row_number() over (partition by {key} order by {order}, _source) as place
                    from ({again}) where _fault is null and hash({key}) in ({twice}))
                where place > 1"""
        row_key = ", ".join(f"cast({quoted(name)} as varchar)" for name in CANONICAL[table].key)
        self.engine.table("faulty", f"select _table, _fault, _source, concat_ws('/', {row_key}) as row_key from ({faulty})")
        count = int(self.engine.scalar("select count(*) from faulty"))
        if not count:
            return 0
        names = sorted({name for part in self._parts(table) for name in self.types[part.relation]})
        columns = ", ".join(f"json_extract_string(_source, {text_literal(f'$.{quoted(name)}')}) as {quoted(name)}" for name in names)
        written = self.engine.write(
            f"""select {columns}, _table as "table", regexp_extract(_fault, '^[a-z_]+') as reason, _fault as faults
            from faulty order by reason, row_key""",
            self.staging / "quarantine" / f"{table}.parquet",
        )
        rows = self.engine.rows(
            f"""select regexp_extract(_fault, '^[a-z_]+') as reason, count(*), min(row_key, {FIRST_KEYS}) from faulty group by reason"""
        )
        for code, number, keys in sorted(rows):
            report.reasons[code] = {"severity": QUARANTINE, "count": number, "first_keys": keys or []}
        return written

    def _flags(self, table: str, report: TableReport) -> None:
        checks = row_checks(table, FLAG)
        key = "concat_ws('/', " + ", ".join(f"cast({quoted(name)} as varchar)" for name in CANONICAL[table].key) + ")"
        month = f"strftime({MONTH[table]}, '%Y-%m')" if table in MONTH else "cast(null as varchar)"
        every = ", ".join(quoted(name) for name in CANONICAL[table].columns)
        counts = "".join(f", count(*) filter (where {check.sql}), min({key}, {FIRST_KEYS}) filter (where {check.sql})" for check in checks)
        rows = self.engine.rows(f"select {month} as month, count(*), sum(hash({every})){counts} from {self._final(table)} group by month")
        for name, number, checksum, *found in sorted(rows, key=lambda row: row[0] or ""):
            report.checksum += int(checksum)
            counted = {"accepted": number}
            for check, times, keys in zip(checks, found[::2], found[1::2], strict=True):
                if times:
                    entry = report.reasons.setdefault(check.code, {"severity": FLAG, "count": 0, "first_keys": []})
                    entry["count"] += times
                    entry["first_keys"] = sorted([*entry["first_keys"], *keys])[:FIRST_KEYS]
                    counted[check.code] = times
            if name:
                report.months[name] = counted


def _summary(reports: dict[str, TableReport], source: Source, folder: Path, engine: Engine, staging: Path) -> dict[str, Any]:
    import hashlib

    contents = json.dumps({table: [report.checksum, report.accepted] for table, report in sorted(reports.items())})
    return {
        "dataset": hashlib.sha256(contents.encode()).hexdigest()[:16],
        "source": source.name,
        "input": str(folder),
        "months": list(reports["claims"].months),
        "tables": {table: {name: value for name, value in vars(report).items() if name != "checksum"} for table, report in reports.items()},
        "absent_tables": [table for table in CANONICAL if table not in reports],
    }
