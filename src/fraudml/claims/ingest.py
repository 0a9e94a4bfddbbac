"""From a source's tables to canonical claims: map, check, keep apart what cannot be read, write whole.

Every table is read once: its rows are mapped and judged in one pass into a staging file. What needs whole tables (duplicate keys, the
refunds' originals, sums) is decided on the staging files' columns. Then the accepted rows are written, the quarantined ones beside, and
both are put in place at the end.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fraudml.claims.checks import QUARANTINE
from fraudml.claims.judge import derived, duplicates, duplicates_again, flags, judged, key_of, month_of
from fraudml.claims.months import Existing
from fraudml.claims.pseudonyms import Pseudonyms
from fraudml.claims.quality import Report, TableReport, write_report
from fraudml.claims.refunds import match_refunds
from fraudml.claims.relations import Relations
from fraudml.claims.source import Source
from fraudml.claims.swap import put_in_place
from fraudml.contracts import CANONICAL, REQUIRED_TABLES
from fraudml.engine import Engine, identifier, literal
from fraudml.errors import FraudmlError

log = logging.getLogger("fraudml")

FIRST_KEYS = 5
FIRST = ("institutions", "patients", "catalogue", "claims")
ORDER = (*FIRST, *(name for name in CANONICAL if name not in FIRST))


@dataclass(frozen=True)
class Options:
    """How to ingest.

    Attributes
    ----------
    negative : what a negative amount without a refund flag is: ``quarantine`` (a fault) or ``refund``.
    month : ``YYYY-MM``: add or replace the claims settled in this month, keep the others.
    key_file : file with the key of the pseudonyms of persons and doctors; None: identifiers stay as they are.
    check : report only, write nothing.
    lang : language of ``ingest.html``.
    """

    negative: str = "quarantine"
    month: str | None = None
    key_file: Path | None = None
    check: bool = False
    lang: str = "zh"


def ingest(engine: Engine, given: Path | str, data_dir: Path, source: Source, options: Options | None = None) -> Report:
    """Reads a source and writes ``claims/``, ``quarantine/``, ``ingest.json`` and ``ingest.html`` below ``data_dir``.

    Parameters
    ----------
    given : folder of the source's tables, or a database URL.

    Raises
    ------
    FraudmlError
        Before anything is written: for a missing required table or column, an unreadable file, an empty required table.
    """
    options = options or Options()
    with _staging(data_dir, options.check) as staging:
        run = Run(engine, given, data_dir, staging, source, options)
        report = run.run()
        if not options.check:
            run.write(report)
            write_report(report, staging, options.lang)
            run.pseudonyms.keep(data_dir)  # first: without it the new claims could not be traced back
            for name in ("quarantine", "claims", "ingest.html", "ingest.json"):
                put_in_place(staging / name, data_dir / name)
    for table, each in report.tables.items():
        log.info("%s: %s rows read from %s, %s accepted, %s quarantined", table, each.read, each.source, each.accepted, each.quarantined)
    return report


@contextmanager
def _staging(data_dir: Path, check: bool) -> Iterator[Path]:
    """A folder beside the target, so that finished files can be renamed into place; elsewhere where nothing is to be written."""
    if not check:
        data_dir.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="fraudml-check-")) if check else data_dir / ".ingest.part"
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("stage", "claims", "quarantine", "text"):
        (folder / name).mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Run:
    """One ingest: the tables of a source on their way into a staging folder."""

    def __init__(self, engine: Engine, given: Path | str, data_dir: Path, staging: Path, source: Source, options: Options) -> None:
        self.engine, self.source, self.staging, self.options = engine, source, staging, options
        self.existing = Existing(engine, data_dir, options.month)
        self.pseudonyms = Pseudonyms(engine, options.key_file)
        self.relations = Relations(engine, given, source, staging / "text")
        self.relations.refuse_incomplete(self.existing.tables)
        self.tables = [table for table in ORDER if self.relations.parts(table)]
        self.staged: set[str] = set()
        for table in self.existing.tables - {"claims"}:
            self._remember_keys(table)

    def run(self) -> Report:
        """Stages every table and counts; nothing is written outside the staging folder."""
        reports = {table: self._stage(table) for table in self.tables}
        for table in {*self.tables, *self.existing.tables}:
            self.engine.view(f"whole_{table}", self._final(table))
        for table, report in reports.items():
            self._count_flags(table, report)
        return Report(
            source=self.source.name,
            given=self.relations.told,
            month=self.options.month,
            tables={table: reports[table] for table in CANONICAL if table in reports},
            absent_tables=[table for table in CANONICAL if table not in reports and table not in self.existing.tables],
            dataset=self.existing.dataset,
        )

    def write(self, report: Report) -> None:
        """Writes the accepted and the quarantined rows into the staging folder, ready to be put in place."""
        for table, each in report.tables.items():
            self._quarantine(table)
            each.rows = self.engine.write(self._final(table), self.staging / "claims" / f"{table}.parquet")
            (self.staging / "stage" / f"{table}.parquet").unlink()
        self.existing.carry_over(self.staging, set(report.tables))
        claims = literal(str(self.staging / "claims" / "claims.parquet"))
        months = self.engine.rows(f"select distinct strftime(settled_on, '%Y-%m') as month from read_parquet({claims}) order by month")
        report.months = [month for (month,) in months]

    # ------------------------------------------------------------------ one table
    def _stage(self, table: str) -> TableReport:
        parts = self.relations.parts(table)
        report = TableReport(
            source=", ".join(part.relation for part in parts),
            files=sum(self.relations.file_count(part.relation) for part in parts),
            columns_without_source=self.relations.unsourced(table),
        )
        self._write_stage(table)
        staged = self._staged(table)
        self.engine.table(f"duplicates_{table}", duplicates(table, staged))
        self.engine.view(f"accepted_{table}", self._accepted_rows(table))
        self.staged.add(table)
        if table == "claims":
            self._match_refunds()
        self._count_faults(table, report)
        if table in REQUIRED_TABLES and report.read and not report.accepted:
            worst = max(report.reasons, key=lambda code: report.reasons[code]["count"])
            raise FraudmlError(
                "claims.none_accepted",
                f"all {report.read} rows of {report.source} would be quarantined, most of them for {worst}.",
                f"Check the export and conf/source/{self.source.name}.yaml.",
            )
        self._remember_keys(table)
        return report

    def _write_stage(self, table: str, keep: str = "_fault is not null") -> None:
        path = self.staging / "stage" / f"{table}.parquet"
        try:
            self.engine.write(self._judged(table, keep), path, compression="snappy")
        except FraudmlError as error:
            if error.code != "engine.input":
                raise
            names = ", ".join(part.relation for part in self.relations.parts(table))
            raise FraudmlError("claims.unreadable", f"{names}: {error.message}", "Export the table again.") from error

    def _judged(self, table: str, keep: str) -> str:
        pieces = []
        for part in self.relations.parts(table):
            rows = derived(part, table, self.relations.types[part.relation], self.source, self.options.negative)
            rows = self.pseudonyms.applied(rows, table, part, self.relations.types[part.relation])
            rows = self.existing.only_this_month(rows, table)
            tables = {*self.tables, *self.existing.tables, *self.existing.marks}
            pieces.append(judged(rows, table, part.relation, tables, keep))
        return "\nunion all by name\n".join(pieces)

    def _staged(self, table: str) -> str:
        return f"read_parquet({literal(str(self.staging / 'stage' / f'{table}.parquet'))}, file_row_number = true)"

    def _remember_keys(self, table: str) -> None:
        """Keeps the keys that other tables may refer to.

        A person whose own row is faulty is still a known person; the lines of a faulty settlement go with it.
        """
        if table not in FIRST:
            return
        key = CANONICAL[table].key[0]
        known = [f"accepted_{table}" if table == "claims" else self._staged(table)] if table in self.staged else []
        if table in self.existing.tables and table != "claims":
            known.append(f"kept_{table}")
        rows = " union all ".join(f"select {key} from {each}" for each in known)
        self.engine.table(f"known_{table}", f"select distinct {key} from ({rows}) where {key} is not null")

    def _match_refunds(self) -> None:
        columns = "claim_id, visit_id, patient_id, settled_at, total_amount, is_refund, refund_of"
        kept = ["kept_claims"] if "claims" in self.existing.tables else []
        self.engine.view("all_settlements", " union all ".join(f"select {columns} from {each}" for each in ["accepted_claims", *kept]))
        match_refunds(self.engine, "all_settlements")
        self.engine.view("accepted_claims", _with_refunds(self._accepted_rows("claims")))

    # ------------------------------------------------------------------ counting
    def _count_faults(self, table: str, report: TableReport) -> None:
        staged, month = self._staged(table), month_of(table)
        fault = f"""coalesce(regexp_extract(_fault, '^[a-z_]+'),
            case when file_row_number in (select file_row_number from duplicates_{table}) then 'duplicate_key' end)"""
        rows = self.engine.rows(f"""
            select month, code, count(*), min(row_key, {FIRST_KEYS}), list(distinct detail order by detail) filter (where detail <> '')
            from (
                select {month} as month, {fault} as code, case when {fault} is not null then {key_of(table)} end as row_key,
                    regexp_extract(_fault, '^[a-z_]+:([a-z_]+)', 1) as detail
                from {staged})
            group by month, code""")
        for name, code, count, keys, columns in sorted(rows, key=lambda row: (row[0] or "", row[1] or "")):
            report.read += count
            if code is None:
                report.accepted += count
            else:
                report.quarantined += count
            report.add(code, QUARANTINE, count, keys or [], name, columns or [])
        noted = self.engine.rows(f"""
            select {month} as month, unnest(string_split(_noted, '|')) as code, count(*), min({key_of(table)}, {FIRST_KEYS})
            from accepted_{table} where _noted is not null group by month, code""")
        for name, code, count, keys in sorted(noted, key=lambda row: (row[0] or "", row[1])):
            report.add(code.partition(":")[0], "flag", count, keys, name, [code.partition(":")[2]])

    def _count_flags(self, table: str, report: TableReport) -> None:
        # the lines of earlier months say nothing about this month's settlements
        codes, sql = flags(table, {*self.tables, *(self.existing.tables - {"items"})}, FIRST_KEYS)
        filled: dict[str, int] = dict.fromkeys(CANONICAL[table].columns, 0)
        for month, _, checksum, *rest in sorted(self.engine.rows(sql), key=lambda row: row[0] or ""):
            report.checksum += int(checksum)
            found, values = rest[: 2 * len(codes)], rest[2 * len(codes) :]
            for code, count, keys in zip(codes, found[::2], found[1::2], strict=True):
                if count:
                    report.add(code, "flag", count, keys, month, [])
            filled = {name: filled[name] + count for name, count in zip(filled, values, strict=True)}
        report.filled = [name for name, count in filled.items() if count]

    # ------------------------------------------------------------------ writing
    def _accepted_rows(self, table: str) -> str:
        staged = self._staged(table)
        return f"select * from {staged} where _fault is null and file_row_number not in (select file_row_number from duplicates_{table})"

    def _final(self, table: str) -> str:
        """The rows of a table after this run: what is new and what stays."""
        columns = ", ".join(identifier(name) for name in CANONICAL[table].columns)
        pieces = [f"select {columns} from accepted_{table}"] if table in self.staged else []
        if table in self.existing.tables:
            kept = f"select {columns} from kept_{table}" + (self.existing.without_new(table) if table in self.staged else "")
            pieces.append(_with_refunds(kept) if table == "claims" else kept)
        return "\nunion all by name\n".join(pieces)

    def _quarantine(self, table: str) -> None:
        faulty = f"select * exclude (file_row_number) from {self._staged(table)} where _fault is not null"
        if self.engine.scalar(f"select 1 from duplicates_{table} limit 1"):
            # the source rows of duplicates were not kept: they are read again
            faulty += f" union all by name {duplicates_again(table, self._staged(table), self._judged(table, keep='true'))}"
        self.engine.table(
            "faulty", f"select _table, _fault, _source, {month_of(table)} as settled_month, {key_of(table)} as row_key from ({faulty})"
        )
        names = sorted({name for part in self.relations.parts(table) for name in self.relations.types[part.relation]})
        columns = ", ".join(f"json_extract_string(_source, {literal(f'$.{identifier(name)}')}) as {identifier(name)}" for name in names)
        month = literal(self.options.month) if self.options.month else "cast(null as varchar)"
        rows = f"""
            select {columns}, _table as "table", regexp_extract(_fault, '^[a-z_]+') as reason, _fault as faults,
                coalesce(settled_month, {month}) as quarantine_month
            from faulty"""
        rows = self.existing.with_quarantine(rows, table)
        if self.engine.scalar(f"select 1 from ({rows}) limit 1"):
            self.engine.write(f"select * from ({rows}) order by all", self.staging / "quarantine" / f"{table}.parquet")


def _with_refunds(claims: str) -> str:
    return f"""
        select row.* replace (coalesce(row.refund_of, match.claim_id) as refund_of)
        from ({claims}) as row left join refund_matches as match on row.claim_id = match.refund_id"""
