"""The relations of one source in a session: its tables, opened, completed with the columns they lack, and what is derived from them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from fraudml.claims.database import fetch_tables, is_url, without_password
from fraudml.claims.source import Part, Source, inputs_of, missing_required, unsourced
from fraudml.claims.source_files import TEXT_ENDINGS, blaming, find_files, open_files
from fraudml.contracts import REQUIRED_TABLES
from fraudml.engine import Engine, identifier
from fraudml.errors import FraudmlError, MissingInput, UsageError


class Relations:
    """Views of the session under the source's own table names.

    Attributes
    ----------
    types : relation -> its real columns (lower case) -> SQL type.
    told : the input as it may be shown (a database URL without its password).
    """

    def __init__(self, engine: Engine, given: Path | str, source: Source, scratch: Path) -> None:
        if not engine.reads_text:
            refuse_text(given, source)
        self.engine, self.source = engine, source
        self.types: dict[str, dict[str, str]] = {}
        self._wanted: dict[str, set[str]] = {}
        self.from_database = is_url(given)
        self.told = without_password(str(given)) if self.from_database else str(given)
        self.files = fetch_tables(engine, str(given), source, scratch) if self.from_database else find_files(Path(given), source)
        for table, files in self.files.items():
            with blaming(table):
                self._name(table, open_files(engine, f"file_{table}", files, source, scratch))
        for name, how in source.relations.items():
            self._derive(name, how)
        for table, parts in source.tables.items():
            for part in parts:
                if part.relation in self.types:
                    self._check_expressions(part, table)

    def _name(self, name: str, types: Mapping[str, str], wanted: Iterable[str] = ()) -> None:
        self.types[name] = dict(types)
        self._wanted.setdefault(name, set()).update(self.source.reads(name), wanted)
        lacking = sorted(self._wanted[name] - types.keys())
        columns = ", ".join(["*", *(f"cast(null as varchar) as {identifier(each)}" for each in lacking)])
        self.engine.by_row(name, f"select {columns} from {identifier(f'file_{name}')}", of=f"file_{name}")

    def _derive(self, name: str, how: Mapping[str, Any]) -> None:
        of = [each for each in inputs_of(how) if each in self.types]
        if not of or ("query" in how and len(of) < len(inputs_of(how))):
            return
        if "query" in how:
            from fraudml.engine import columns_of

            sql = how["query"]
            there = {column for each in of for column in self.types[each]}
            self._name(
                of[0],
                self.types[of[0]],
                {column.lower() for column in columns_of(sql, f"source {self.source.name}, relation {name}")} - there,
            )
            self._check(sql, f"relation {name}")
        else:
            sql = " union all by name ".join(f"select * from {identifier(f'file_{each}')}" for each in of)
        self.engine.view(f"file_{name}", sql)
        self._name(name, {column.lower(): type_ for column, type_ in self.engine.columns(identifier(f"file_{name}")).items()})

    def _check_expressions(self, part: Part, table: str) -> None:
        relation = identifier(part.relation)
        for name, column in part.columns.items():
            if column.sql is not None:
                self._check(f"select {column.sql} from {relation}", f"table {table}, column {name}")
        if part.where:
            self._check(f"select 1 from {relation} where {part.where}", f"table {table}, where")

    def _check(self, sql: str, where: str) -> None:
        """Fails with the place in the declaration for SQL that the engine cannot read."""
        try:
            self.engine.check(sql)
        except FraudmlError as error:
            told = f"source {self.source.name}, {where}: {error.message}"
            raise FraudmlError("source.sql", told, "Correct the declaration; columns of text files are text.") from error

    def absent_parts(self) -> dict[str, list[str]]:
        """Canonical tables of which the input has some parts and lacks others -> the relations that it lacks."""
        lacking = {
            table: sorted({part.relation for part in parts if part.relation not in self.types})
            for table, parts in self.source.tables.items()
            if self.parts(table)
        }
        return {table: relations for table, relations in lacking.items() if relations}

    def parts(self, table: str) -> list[Part]:
        """Parts of a canonical table whose relation is there."""
        return [part for part in self.source.tables.get(table, ()) if part.relation in self.types]

    def file_count(self, relation: str) -> int:
        """Files that a relation was read from."""
        how = self.source.relations.get(relation, {})
        return len(self.files.get(relation, ())) + sum(self.file_count(each) for each in inputs_of(how))

    def fingerprint(self, options: str) -> str:
        """Id of what is read and how: it changes when a file, a row of a database, the mapping or an option does.

        Files are told by name, size and time of change, not by their content: to hash all bytes would cost a second reading, and a sample
        would overlook a corrected value. So a copy with new times counts as other data (what follows is computed anew, never mixed).
        """
        if self.from_database:  # copies bear the time of copying: their rows count, in whatever order they came
            given = [self._content(table) for table in sorted(self.files)]
        else:
            given = sorted((path.name, path.stat().st_size, path.stat().st_mtime_ns) for paths in self.files.values() for path in paths)
        return hashlib.sha256(repr((given, self.source, options)).encode()).hexdigest()[:16]

    def _content(self, table: str) -> tuple[Any, ...]:
        columns = ", ".join(map(identifier, sorted(self.types[table])))
        return (table, columns, *self.engine.rows(f"select count(*), sum(hash({columns})) from {identifier(f'file_{table}')}")[0])

    def unsourced(self, table: str) -> list[str]:
        """Canonical columns that nothing in the source fills."""
        lacking = [set(unsourced(part, table, self.types[part.relation])) for part in self.parts(table)]
        return sorted(set.intersection(*lacking) - {"nights", "settled_on"}) if lacking else []  # these follow from others

    def refuse_incomplete(self, there_already: Collection[str]) -> None:
        """Fails for a required table that is missing or empty, and for a table without a required column.

        Parameters
        ----------
        there_already : canonical tables of earlier months, which need not come again (claims must).
        """
        needed = [table for table in REQUIRED_TABLES if table == "claims" or table not in there_already]
        named = {table: " or ".join(part.relation for part in self.source.tables.get(table, ())) or table for table in needed}
        missing = [named[table] for table in needed if not self.parts(table)]
        if missing:
            raise MissingInput(
                "claims.missing_table",
                f"the source has no {', '.join(missing)}.",
                "Add the files, or check input= and source=.",
            )
        for table in self.source.tables:
            for part in self.parts(table):
                lacking = missing_required(part, table, self.types[part.relation])
                if lacking:
                    raise MissingInput(
                        "claims.missing_column",
                        f"{part.relation} has no column for {', '.join(lacking)}.",
                        f"Add it, or map it in conf/source/{self.source.name}.yaml.",
                    )
        for table in needed:
            with blaming(named[table]):
                self._refuse_empty(table, named[table])

    def _refuse_empty(self, table: str, named: str) -> None:
        if all(self.engine.scalar(f"select 1 from {identifier(part.relation)} limit 1") is None for part in self.parts(table)):
            raise MissingInput("claims.empty_table", f"{named} has no rows.", "Export the table again.")


def refuse_text(given: Path | str, source: Source) -> None:
    """Fails where a source is anything but Parquet files: for an engine that reads nothing else, before it is started.

    Raises
    ------
    UsageError
        ``ingest.engine``, naming what it would have to read.
    """
    if is_url(given):
        told = "a database"
    else:
        files = [path.name for paths in find_files(Path(given), source).values() for path in paths]
        text = [name for name in files if name.lower().endswith(TEXT_ENDINGS)]
        told = ", ".join(text[:3]) + (" …" if len(text) > 3 else "")
    if told:
        raise UsageError(
            "ingest.engine",
            f"engine=spark ingests Parquet files, and not {told}.",
            "Hand over the tables as Parquet, or ingest them with engine=duckdb (a month at a time with ingest.month=YYYY-MM).",
        )
