"""From a source's tables to canonical claims: map, check, keep apart what cannot be read, write whole.

Every table is read once: its rows are mapped and judged in one pass into a staging file. What needs whole tables (duplicate keys, the
refunds' originals, sums) is decided on the staging files' columns. Then the accepted rows are written, the quarantined ones beside, and
both are put in place at the end.
"""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from fraudml.claims.checks import FLAG
from fraudml.claims.counting import count_faults, count_flags
from fraudml.claims.judge import derived, duplicates, has_key_of_duplicate, judged, key_of, told, told_duplicates
from fraudml.claims.mapping import SOURCE, source_column
from fraudml.claims.months import BY_CLAIM, Existing, by_month_of_claim, written_months
from fraudml.claims.pseudonyms import Pseudonyms
from fraudml.claims.quality import FIRST_KEYS, Report, TableReport, write_report
from fraudml.claims.refunds import match_refunds
from fraudml.claims.relations import Relations
from fraudml.claims.source import Part, Source
from fraudml.claims.source_files import blaming
from fraudml.claims.swap import PART, alone, change_over, finish
from fraudml.contracts import CANONICAL, REQUIRED_TABLES
from fraudml.engine import Engine, identifier, literal
from fraudml.errors import FraudmlError

log = logging.getLogger("fraudml")

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
            change_over(data_dir, ("quarantine", "claims", "ingest.html", "ingest.json"))
    for table, each in report.tables.items():
        log.info("%s: %s rows read from %s, %s accepted, %s quarantined", table, each.read, each.source, each.accepted, each.quarantined)
        if each.other_months:
            left = sum(each.other_months.values())
            log.info("%s: %s settlements of other months are left alone (%s)", table, left, written_months(each.other_months))
    return report


@contextmanager
def _staging(data_dir: Path, check: bool) -> Iterator[Path]:
    """A folder beside the target, so that finished files can be renamed into place; elsewhere where nothing is to be written."""
    with ExitStack() as held:
        if not check:
            data_dir.mkdir(parents=True, exist_ok=True)
            held.enter_context(alone(data_dir))
            finish(data_dir)
        folder = Path(tempfile.mkdtemp(prefix="fraudml-check-")) if check else data_dir / PART
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
        self.existing.refuse_other_key(self.pseudonyms.mark)
        self.relations = Relations(engine, given, source, staging / "text")
        self.relations.refuse_incomplete(self.existing.tables)
        for table, lacking in self.relations.absent_parts().items():
            log.warning("%s: the input has no %s, a part of it", table, ", ".join(lacking))
        self.tables = [table for table in ORDER if self.relations.parts(table)]
        self.staged: set[str] = set()
        self.rows: dict[str, int] = {}
        self.changed: set[str] = set()
        for table in self.existing.tables - {"claims"}:
            self._remember_keys(table)

    def run(self) -> Report:
        """Stages every table and counts; nothing is written outside the staging folder."""
        reports = {table: self._stage(table) for table in self.tables}
        for table in {*self.tables, *self.existing.tables}:
            self.engine.view(f"whole_{table}", self._final(table))
        for table, report in reports.items():
            # the lines of earlier months say nothing about this month's settlements, and an empty table nothing at all
            tables = {*(each for each in self.tables if self.rows[each]), *(self.existing.tables - {"items"})}
            count_flags(self.engine, table, self.relations.parts(table), tables, report)
        return Report(
            source=self.source.name,
            given=self.relations.told,
            month=self.options.month,
            tables={table: reports[table] for table in CANONICAL if table in reports},
            absent_tables=[table for table in CANONICAL if table not in reports and table not in self.existing.tables],
            pseudonyms=self.pseudonyms.mark,
            dataset=self.existing.dataset or self.relations.fingerprint(str(self.options)),
        )

    def write(self, report: Report) -> None:
        """Brings the staged tables into their final form: without duplicates, with refunds matched and earlier months beside."""
        for table, each in report.tables.items():  # before any staged file is moved: claims tell the month of what belongs to them
            self._quarantine(table, each.quarantined)
        for table, each in report.tables.items():
            each.rows = self.rows[table]
            if table in self.existing.tables or table in self.changed:
                each.rows = self.engine.write(self._final(table), self.staging / "claims" / f"{table}.parquet")
            else:
                self._path(table).replace(self.staging / "claims" / f"{table}.parquet")
        gone = [table for table in BY_CLAIM if table in self.existing.tables and table not in report.tables]
        for table in gone:  # the month is replaced, what belonged to its claims of before goes with them
            if count := self.existing.replaced(table):
                log.warning("%s: none came with %s; the %s rows that were there for it are gone", table, self.options.month, count)
            self.engine.write(self._final(table), self.staging / "claims" / f"{table}.parquet")
            self._write_quarantine(self.existing.with_quarantine("", table), table)
        self.existing.carry_over(self.staging, {*report.tables, *gone})
        self.engine.parquet("written_claims", self.staging / "claims" / "claims.parquet")
        months = self.engine.rows("select distinct strftime(settled_on, '%Y-%m') as month from written_claims order by month")
        report.months = [month for (month,) in months]

    # ------------------------------------------------------------------ one table
    def _stage(self, table: str) -> TableReport:
        parts = self.relations.parts(table)
        report = TableReport(
            source=", ".join(part.relation for part in parts),
            files=sum(self.relations.file_count(part.relation) for part in parts),
            columns_without_source=self.relations.unsourced(table),
        )
        columns = ", ".join(map(identifier, CANONICAL[table].columns))
        with blaming(report.source):
            read = self._read(table)
            as_it_came = told(table, {name: type_ for _, rows in read for name, type_ in self._as_they_came(rows).items()})
            rows = self._judged(table, read)
            written = self.engine.write_apart(rows, self._path(table), self._apart(table), columns, "_fault", as_it_came)
            self.engine.numbered(f"written_{table}", self._path(table))
            self.engine.table(f"duplicates_{table}", duplicates(table, f"written_{table}"))
        twice, repeated = self.engine.rows(f"select count(*), count(*) filter (where is_repeated) from duplicates_{table}")[0]
        if twice:
            self.changed.add(table)
        if twice > repeated:
            self._tell_duplicates(table, read, as_it_came)
        self.engine.json_lines(f"faulty_{table}", self._apart(table), ("table", "fault", "claim", "row_key", "month", "source"))
        self.engine.view(f"accepted_{table}", self._accepted_rows(table))
        self.staged.add(table)
        self.rows[table] = written - twice
        report.accepted = written - twice + repeated  # a row that repeats another is the other
        if repeated:
            report.add(None, FLAG, repeated, [], None, [])
            report.add("repeated_row", FLAG, repeated, self._first_repeated(table), None, [])
        if self._apart(table).stat().st_size:
            count_faults(self.engine, table, report)
        report.read = report.accepted + report.quarantined
        if table == "claims":
            self.existing.refuse_empty(report.read, report.source)
            report.other_months = self.existing.left_out
            self._match_refunds()
        if table in REQUIRED_TABLES and report.read and not report.accepted:
            worst = max(report.reasons, key=lambda code: report.reasons[code]["count"])
            worst += "".join(f" in {each}" for each in report.reasons[worst]["columns"][:1])
            raise FraudmlError(
                "claims.none_accepted",
                f"all {report.read} rows of {report.source} would be quarantined, most of them for {worst}.",
                f"Check the export and conf/source/{self.source.name}.yaml.",
            )
        self._remember_keys(table)
        report.filled = [name for name, count in self.engine.filled(self._path(table)).items() if count]
        return report

    def _judged(self, table: str, read: Sequence[tuple[Part, str]], only: str | None = None) -> str:
        """SQL of the judged rows that are read, or of those that meet a condition."""
        tables = {*self.tables, *self.existing.tables, *self.existing.marks}
        pieces = []
        for part, rows in read:
            chosen = f"select * from {rows} where {only}" if only else f"select * from {rows}"
            pieces.append(judged(chosen, table, part.relation, self._as_they_came(rows), tables))
        return "\nunion all by name\n".join(pieces)

    def _read(self, table: str) -> list[tuple[Part, str]]:
        """Each part of a table, and the name of its rows of the month as canonical ones with the source's columns beside."""
        read = []
        parts = self.relations.parts(table)
        for number, part in enumerate(parts):
            types = self.relations.types[part.relation]
            name = f"read_{table}_{number}"
            self.engine.by_row(name, derived(part, table, types, self.source, self.options.negative), of=part.relation)
            rows = self.pseudonyms.applied(name, table, part, types)
            if len(parts) > 1:  # of one name in two tables, a column may be of two types
                columns = ", ".join(f"cast({source_column(each)} as varchar) as {source_column(each)}" for each in types)
                self.engine.by_row(f"{name}_text", f"select * replace ({columns}) from {rows}", of=rows)
                rows = f"{name}_text"
            read.append((part, self.existing.only_this_month(rows, table)))
        return read

    def _as_they_came(self, rows: str) -> dict[str, str]:
        return {name: type_ for name, type_ in self.engine.columns(rows).items() if name.startswith(SOURCE)}

    def _tell_duplicates(self, table: str, read: Sequence[tuple[Part, str]], as_it_came: str) -> None:
        """Sets apart what the file of written rows holds twice: the rows as they came were not kept, and are read again."""
        again = f"again_{table}"
        self.engine.table(again, self._judged(table, read, only=has_key_of_duplicate(table, f"written_{table}")))
        self.engine.by_row(f"told_{again}", f"select *, {as_it_came} as _told from {again}", of=again)
        with self._apart(table).open("a", encoding="utf-8") as lines:
            for (line,) in self.engine.rows(told_duplicates(table, f"told_{again}")):
                lines.write(json.dumps(json.loads(line) | {"fault": "duplicate_key"}, ensure_ascii=False) + "\n")

    def _first_repeated(self, table: str) -> list[str]:
        return self.engine.scalar(f"""
            select min({key_of(table)}, {FIRST_KEYS}) from written_{table}
            where file_row_number in (select file_row_number from duplicates_{table} where is_repeated)""")

    def _path(self, table: str) -> Path:
        return self.staging / "stage" / f"{table}.parquet"

    def _apart(self, table: str) -> Path:
        return self.staging / "stage" / f"{table}.apart.json"

    def _accepted_rows(self, table: str) -> str:
        rows = f"select * exclude (file_row_number) from written_{table}"
        if table in self.changed:
            rows += f" where file_row_number not in (select file_row_number from duplicates_{table})"
        return rows

    def _remember_keys(self, table: str) -> None:
        """Keeps the keys that other tables may refer to.

        A person whose own row is faulty is still a known person; the lines of a faulty settlement go with it.
        """
        if table not in FIRST:
            return
        key = CANONICAL[table].key[0]
        known = []
        if table in self.staged:
            known.append(f"select {key} from accepted_{table}")
            if table != "claims":
                known.append(f"select split_part(row_key, '/', 1) as {key} from faulty_{table}")
        if table in self.existing.tables and table != "claims":
            known.append(f"select {key} from kept_{table}")
        rows = " union all by name ".join(known)
        if known and table == "claims":  # each key once, and many: read where it is written
            self.engine.view("known_claims", rows)
            return
        self.engine.table(f"known_{table}", f"select distinct {key} from ({rows}) where {key} is not null")

    def _match_refunds(self) -> None:
        columns = "claim_id, visit_id, patient_id, settled_at, total_amount, is_refund, refund_of"
        kept = ["kept_claims"] if "claims" in self.existing.tables else []
        self.engine.view("all_settlements", " union all ".join(f"select {columns} from {each}" for each in ["accepted_claims", *kept]))
        match_refunds(self.engine, "all_settlements")
        if self.engine.scalar("select 1 from refund_matches limit 1"):
            self.changed.add("claims")
            self.engine.view("accepted_claims", _with_refunds(self._accepted_rows("claims")))

    # ------------------------------------------------------------------ writing
    def _final(self, table: str) -> str:
        """The rows of a table after this run: what is new and what stays."""
        columns = ", ".join(map(identifier, CANONICAL[table].columns))
        pieces = [f"select {columns} from accepted_{table}"] if table in self.staged else []
        if table in self.existing.tables:
            kept = f"select {columns} from kept_{table}" + (self.existing.without_new(table) if table in self.staged else "")
            pieces.append(_with_refunds(kept) if table == "claims" else kept)
        return "\nunion all by name\n".join(pieces)

    def _quarantine(self, table: str, quarantined: int) -> None:
        names = sorted({name for part in self.relations.parts(table) for name in self.relations.types[part.relation]})
        columns = ", ".join(f"json_extract_string(source, {literal(f'$.{identifier(name)}')}) as {identifier(name)}" for name in names)
        month = literal(self.options.month) if self.options.month else "month"
        rows = f"""
            select {columns}, "table", regexp_extract(fault, '^[a-z_]+') as reason, fault as faults,
                {month} as quarantine_month, claim as _claim
            from faulty_{table}"""
        self.engine.by_row(f"quarantined_{table}", rows, of=f"faulty_{table}")
        new = f"select * exclude (_claim) from quarantined_{table}"
        if table in BY_CLAIM and not self.options.month:
            new = by_month_of_claim(f"quarantined_{table}")
        rows = self.existing.with_quarantine(new, table)
        if quarantined or rows != new:
            self._write_quarantine(rows, table)

    def _write_quarantine(self, rows: str, table: str) -> None:
        if rows and self.engine.scalar(f"select 1 from ({rows}) limit 1"):
            self.engine.write(f"select * from ({rows}) order by all", self.staging / "quarantine" / f"{table}.parquet")


def _with_refunds(claims: str) -> str:
    return f"""
        select row.* replace (coalesce(match.claim_id, row.refund_of) as refund_of)
        from ({claims}) as row left join refund_matches as match on row.claim_id = match.refund_id"""
