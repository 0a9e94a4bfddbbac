"""DuckDB behind a small surface: views, queries, and atomic writes of whole tables."""

from __future__ import annotations

import os
import re
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fraudml.engine.base import BATCH, Engine
from fraudml.errors import FraudmlError

DICTIONARY = "dictionary_size_limit 5000"
"""Of a column with more different values (keys) Parquet would build a dictionary only to throw it away; a large one is slow to build."""

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import pyarrow as pa


class DuckEngine(Engine):
    """One session on an embedded DuckDB, which spills to disk beyond its memory limit."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def session(self) -> DuckEngine:
        return DuckEngine(self._connection.cursor())

    def close(self) -> None:
        self._connection.close()

    # ------------------------------------------------------------------ reading
    def execute(self, sql: str, parameters: list[Any] | None = None) -> None:
        self._run(sql, parameters)

    def query(self, sql: str, parameters: list[Any] | None = None) -> pd.DataFrame:
        return self._run(sql, parameters).df()

    def arrow(self, sql: str, parameters: list[Any] | None = None) -> pa.Table:
        with warnings.catch_warnings():
            # it advises another call to save one copy; what comes to Python is small, and errors are told in one place
            warnings.filterwarnings("ignore", message="Arrow output on a DB-API result")
            return self._run(sql, parameters).to_arrow_table()

    def rows(self, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        return self._run(sql, parameters).fetchall()

    def columns(self, relation: str) -> dict[str, str]:
        return {name: type_ for name, type_, *_ in self.rows(f"describe select * from {relation}")}

    def check(self, sql: str) -> dict[str, str]:
        import duckdb

        try:
            return {name: type_ for name, type_, *_ in self._connection.execute(f"describe {sql}").fetchall()}
        except (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException) as error:
            text = " ".join(str(error).split())
            raise FraudmlError("sql.invalid", text[: text.find("^")] if "^" in text else text) from error

    # ------------------------------------------------------------------ naming
    def view(self, name: str, sql: str) -> None:
        self.execute(f'create or replace temp view "{name}" as {sql}')

    def by_row(self, name: str, sql: str, of: str) -> None:
        self.view(name, sql)

    def table(self, name: str, sql: str) -> None:
        self.execute(f'create or replace temp table "{name}" as {sql}')

    def macro(self, name: str, definition: str) -> None:
        self.execute(f"create or replace temp macro {name}{definition}")

    def exists(self, name: str) -> bool:
        return self.scalar("select 1 from information_schema.tables where table_name = ?", [name]) is not None

    def register(self, name: str, data: pd.DataFrame | pa.Table | pa.RecordBatchReader) -> None:
        self._connection.register(name, data)

    def mapped(self, name: str, sql: str, function: Callable[[pa.Table], pa.Table], columns: Mapping[str, str]) -> None:
        import pyarrow as pa

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Arrow output on a DB-API result")
            batches = self._run(sql).to_arrow_reader(BATCH)
        made = [function(pa.Table.from_batches([batch])) for batch in batches or ()]
        chosen = ", ".join(f"cast({identifier(column)} as {kind}) as {identifier(column)}" for column, kind in columns.items())
        if not made:
            nothing = ", ".join(f"cast(null as {kind}) as {identifier(column)}" for column, kind in columns.items())
            self.table(name, f"select {nothing} where false")
            return
        self.register("mapped_rows", pa.concat_tables(made))
        self.table(name, f"select {chosen} from mapped_rows")
        self._connection.unregister("mapped_rows")

    def drop(self, name: str) -> None:
        kind = self.scalar(
            "select case table_type when 'VIEW' then 'view' else 'table' end from information_schema.tables where table_name = ?",
            [name],
        )
        if kind is not None:
            self.execute(f'drop {kind} if exists "{name}"')

    def parquet(self, name: str, path: Path | str) -> None:
        self.view(name, f"select * from read_parquet({literal(str(path))}, union_by_name = true)")

    def parquet_parts(self, name: str, paths: Sequence[Path]) -> None:
        self.view(name, f"select * from {parquet_files(paths)}")

    def numbered(self, name: str, path: Path) -> None:
        self.view(name, f"select * from read_parquet({literal(str(path))}, file_row_number = true)")

    def json_lines(self, name: str, path: Path, columns: Sequence[str]) -> None:
        declared = ", ".join(f"{identifier(column)}: 'VARCHAR'" for column in columns)
        self.view(name, f"select * from read_json({literal(str(path))}, format = 'newline_delimited', columns = {{{declared}}})")

    # ------------------------------------------------------------------ writing
    def write(self, sql: str, path: Path, note: str | None = None, compression: str = "zstd") -> int:
        about = f", kv_metadata {{fraudml: {literal(note)}}}" if note is not None else ""
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}.part")
        level = ", compression_level 1" if compression == "zstd" else ""  # as Arrow's: level 3 makes files 2 % smaller and is slower
        try:
            how = f"format parquet, compression {compression}{level}, {DICTIONARY}{about}"
            count = self.scalar(f"copy ({sql}) to {literal(str(beside))} ({how})")
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        return int(count)

    def write_apart(self, sql: str, path: Path, apart: Path, columns: str, fault: str, told: str) -> int:
        import duckdb

        path.parent.mkdir(parents=True, exist_ok=True)
        apart.parent.mkdir(parents=True, exist_ok=True)
        with apart.open("w", encoding="utf-8") as lines:

            def set_apart(line: str) -> bool:
                lines.write(line + "\n")
                return False

            text, flag = duckdb.sqltypes.VARCHAR, duckdb.sqltypes.BOOLEAN
            self._connection.create_function("set_apart", set_apart, [text], flag, side_effects=True)
            try:
                # a case, so that only what is at fault is told
                kept = f"case when {fault} is null then true else set_apart({told}) end"
                return self.write(f"select {columns} from ({sql}) where {kept}", path)
            finally:
                self._connection.remove_function("set_apart")

    def _run(self, sql: str, parameters: list[Any] | None = None) -> duckdb.DuckDBPyConnection:
        import duckdb

        try:
            return self._connection.execute(sql, parameters or [])
        except duckdb.InternalException as error:
            # not repeated: a failure in the middle of a statement closes the database, and a stream that was read is half consumed
            raise FraudmlError(
                "engine.internal",
                f"DuckDB failed within itself: {_first_lines(str(error))[:200]}",
                "Run the stage again (what it had written before is whole), with engine.threads=1 if it fails again.",
            ) from error
        except duckdb.OutOfMemoryException as error:
            raise FraudmlError(
                "engine.memory",
                "the query does not fit the memory limit.",
                "Raise engine.memory_limit or free disk space for spilling.",
            ) from error
        except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.IOException) as error:
            if refused := _WRITING.search(str(error).replace('\\"', '"')):
                raise FraudmlError(
                    "engine.disk", f"{refused[0]}.", "Check rights and free disk space; what had been written before is whole."
                ) from error
            raise FraudmlError("engine.input", _first_lines(str(error)), "Correct the file or the value.") from error


_WRITING = re.compile(r'(Could not write|Could not fsync|Failed to write|Cannot open) file "[^"]*": [\w -]+')
"""What DuckDB says when a file cannot be written."""


def _first_lines(text: str) -> str:
    """What the engine says of a bad file, without its advice, the row itself and the settings it used."""
    told = text.split("Possible")[0].splitlines()
    said = " ".join(line for line in told if line.strip() and not line.startswith("Original Line"))[:400].rstrip(" .") + "."
    file = re.search(r"^ *file = (.+?)(?: \(|$)", text, re.MULTILINE)
    return f"{Path(file[1]).name}: {said}" if file else said


def identifier(name: str) -> str:
    """A SQL identifier, quoted.

    >>> identifier("setl_id")
    '"setl_id"'
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def parquet_files(paths: Sequence[Path]) -> str:
    """SQL of a relation over Parquet files, whose folders (``month=2024-01``) add no column."""
    return f"read_parquet([{', '.join(literal(str(path)) for path in paths)}], hive_partitioning = false)"


def open_engine(memory_limit: str = "6GB", threads: int | None = None, temp_dir: Path | str | None = None) -> DuckEngine:
    """Opens an embedded engine.

    Parameters
    ----------
    memory_limit : DuckDB's own limit; what exceeds it spills to ``temp_dir``.
    threads : number of worker threads, all cores by default.
    temp_dir : where to spill, the system's temporary folder by default.
    """
    import duckdb

    connection = duckdb.connect(":memory:")
    connection.execute(f"set memory_limit = {literal(memory_limit)}")
    connection.execute(f"set temp_directory = {literal(str(temp_dir or Path(tempfile.gettempdir()) / 'fraudml-spill'))}")
    connection.execute("set TimeZone = 'UTC'")
    # bounded row order buffers: results are ordered where order matters, by their queries
    connection.execute("set preserve_insertion_order = false")
    connection.execute("set enable_progress_bar = false")
    # DuckDB 2.0 keeps dictionaries of strings from Parquet through the caches between operators (its pull requests 23360 and 23447), and on
    # rare thread timings fails an assertion there ("dict-surviving cache … changed identity"); without these caches nothing is slower here
    connection.execute("set global enable_caching_operators = false")
    if threads:
        connection.execute(f"set threads = {int(threads)}")
    return DuckEngine(connection)
