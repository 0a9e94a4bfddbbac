"""DuckDB behind a small surface: views, queries, and atomic writes of whole tables."""

from __future__ import annotations

import os
import re
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fraudml.errors import FraudmlError

DICTIONARY = "dictionary_size_limit 20000"
"""Of a column with more different values (keys) Parquet would build a dictionary only to throw it away."""

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import pyarrow as pa


class Engine:
    """One session on an embedded database.

    Views and tables that a session makes are its own (temporary); :meth:`session` opens another one on the same
    database, so that two snapshots can both call their tables ``claims``.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def session(self) -> Engine:
        """A session of its own: it sees none of this one's temporary views."""
        return Engine(self._connection.cursor())

    def close(self) -> None:
        self._connection.close()

    # ------------------------------------------------------------------ reading
    def execute(self, sql: str, parameters: list[Any] | None = None) -> None:
        self._run(sql, parameters)

    def query(self, sql: str, parameters: list[Any] | None = None) -> pd.DataFrame:
        """Rows as a pandas DataFrame."""
        return self._run(sql, parameters).df()

    def arrow(self, sql: str, parameters: list[Any] | None = None) -> pa.Table:
        """Rows as an Arrow table."""
        with warnings.catch_warnings():
            # it advises another call to save one copy; what comes to Python is small, and errors are told in one place
            warnings.filterwarnings("ignore", message="Arrow output on a DB-API result")
            return self._run(sql, parameters).to_arrow_table()

    def rows(self, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        return self._run(sql, parameters).fetchall()

    def scalar(self, sql: str, parameters: list[Any] | None = None) -> Any:
        rows = self._run(sql, parameters).fetchall()  # all: an unfinished result would block the session's next register()
        return rows[0][0] if rows else None

    def columns(self, relation: str) -> dict[str, str]:
        """Column names and SQL types of a view, table or ``(subquery)``."""
        return {name: type_ for name, type_, *_ in self.rows(f"describe select * from {relation}")}

    def check(self, sql: str) -> dict[str, str]:
        """Column names and types that a query would yield, without running it.

        Raises
        ------
        FraudmlError
            ``sql.invalid`` when it cannot be read or names what is not there; the message ends with the engine's ``LINE n``,
            counted from the query's first line.
        """
        import duckdb

        try:
            return {name: type_ for name, type_, *_ in self._connection.execute(f"describe {sql}").fetchall()}
        except (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException) as error:
            text = " ".join(str(error).split())
            raise FraudmlError("sql.invalid", text[: text.find("^")] if "^" in text else text) from error

    # ------------------------------------------------------------------ naming
    def view(self, name: str, sql: str) -> None:
        """Names a query; it is computed anew at every use."""
        self.execute(f'create or replace temp view "{name}" as {sql}')

    def table(self, name: str, sql: str) -> None:
        """Computes a query once and keeps the rows for this session (spills to disk under the memory limit)."""
        self.execute(f'create or replace temp table "{name}" as {sql}')

    def register(self, name: str, data: pd.DataFrame | pa.Table | pa.RecordBatchReader) -> None:
        """Names a DataFrame, an Arrow table, or a stream of Arrow batches (which can be read once)."""
        self._connection.register(name, data)

    def drop(self, name: str) -> None:
        kind = self.scalar(
            "select case table_type when 'VIEW' then 'view' else 'table' end from information_schema.tables where table_name = ?",
            [name],
        )
        if kind is not None:
            self.execute(f'drop {kind} if exists "{name}"')

    def parquet(self, name: str, path: Path | str) -> None:
        """Names a Parquet file (or a glob of files)."""
        self.view(name, f"select * from read_parquet({literal(str(path))}, union_by_name = true)")

    # ------------------------------------------------------------------ writing
    def write(self, sql: str, path: Path, note: str | None = None, compression: str = "zstd") -> int:
        """Writes a query's rows to one Parquet file, whole or not at all; returns their number.

        ``note`` is kept inside the file (key ``fraudml``) and read by :meth:`note_of`; ``compression="snappy"`` is for files that
        are read once and thrown away.
        """
        about = f", kv_metadata {{fraudml: {literal(note)}}}" if note is not None else ""
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            count = self.scalar(f"copy ({sql}) to {literal(str(beside))} (format parquet, compression {compression}, {DICTIONARY}{about})")
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        return int(count)

    def write_apart(self, sql: str, path: Path, apart: Path, columns: str, told: str) -> int:
        """Writes rows to a Parquet file and sets others apart, both in one pass over the query; returns the number of rows written.

        Parameters
        ----------
        columns : select list of what is written.
        told : column (JSON text) that is not null for a row to be set apart; it becomes a line of the file ``apart``.
        """
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
                return self.write(
                    f"select {columns} from ({sql}) where case when {told} is null then true else set_apart({told}) end", path
                )
            finally:
                self._connection.remove_function("set_apart")

    def filled(self, path: Path) -> dict[str, int]:
        """Number of values (not null) per column of a Parquet file, from its metadata."""
        rows = self.rows(
            f"""select split_part(path_in_schema, ', ', 1), sum(num_values) - sum(coalesce(stats_null_count, 0))
            from parquet_metadata({literal(str(path))}) group by 1"""
        )
        return {name: int(count) for name, count in rows}

    def note_of(self, path: Path) -> str | None:
        """The note that :meth:`write` left in a Parquet file."""
        found = self.scalar(f"select value from parquet_kv_metadata({literal(str(path))}) where key = 'fraudml'")
        return None if found is None else bytes(found).decode()

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
            raise FraudmlError("engine.input", _first_lines(str(error)), "Correct the file or the value.") from error


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


def open_engine(memory_limit: str = "6GB", threads: int | None = None, temp_dir: Path | str | None = None) -> Engine:
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
    return Engine(connection)
