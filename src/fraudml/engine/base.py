"""What a session can do, whichever engine runs it: name relations, answer SQL, write whole tables.

SQL is written in the DuckDB dialect everywhere; who writes it knows no other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

BATCH = 100_000
"""Rows that :meth:`Engine.mapped` hands over at a time, about: models judge many at once faster, and so many fit any worker."""


class Engine(ABC):
    """One session on an engine.

    Views and tables that a session makes are its own (temporary); :meth:`session` opens another one beside it, so that two
    snapshots can both call their tables ``claims``.

    Attributes
    ----------
    shares_days : whether several days' vectors may share one session's tables; else each day is computed alone.
    reads_text : whether it reads text files (CSV); Parquet it reads always.
    """

    shares_days = True
    reads_text = True

    @abstractmethod
    def session(self) -> Engine:
        """A session of its own: it sees none of this one's relations."""

    @abstractmethod
    def close(self) -> None:
        """Gives up the session's relations."""

    # ------------------------------------------------------------------ reading
    @abstractmethod
    def query(self, sql: str, parameters: list[Any] | None = None) -> pd.DataFrame:
        """Rows as a pandas DataFrame."""

    @abstractmethod
    def arrow(self, sql: str, parameters: list[Any] | None = None) -> pa.Table:
        """Rows as an Arrow table."""

    @abstractmethod
    def rows(self, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """Rows as tuples."""

    def scalar(self, sql: str, parameters: list[Any] | None = None) -> Any:
        """The first value of the first row; None without rows."""
        rows = self.rows(sql, parameters)
        return rows[0][0] if rows else None

    @abstractmethod
    def columns(self, relation: str) -> dict[str, str]:
        """Column names and SQL types of a view, table or ``(subquery)``."""

    @abstractmethod
    def check(self, sql: str) -> dict[str, str]:
        """Column names and types that a query would yield, without running it.

        Raises
        ------
        FraudmlError
            ``sql.invalid`` when it cannot be read or names what is not there; the message ends with ``LINE n``, counted from the query's
            first line.
        """

    @abstractmethod
    def exists(self, name: str) -> bool:
        """Whether the session has a view or table of this name."""

    # ------------------------------------------------------------------ naming
    @abstractmethod
    def view(self, name: str, sql: str) -> None:
        """Names a query; it is computed anew at every use."""

    @abstractmethod
    def by_row(self, name: str, sql: str, of: str) -> None:
        """Names a query that reads the relation ``of`` alone and judges each of its rows by itself; it is computed anew at every use.

        However the rows are spread, the embedded engine computes it: how a day is read, a number written or a text trimmed is the same
        everywhere.
        """

    @abstractmethod
    def table(self, name: str, sql: str) -> None:
        """Computes a query once and keeps the rows for this session."""

    @abstractmethod
    def macro(self, name: str, definition: str) -> None:
        """Names an expression with parameters: ``macro("twice", "(n) as 2 * n")``."""

    @abstractmethod
    def register(self, name: str, data: pd.DataFrame | pa.Table | pa.RecordBatchReader) -> None:
        """Names a DataFrame, an Arrow table, or a stream of Arrow batches (which can be read once)."""

    @abstractmethod
    def mapped(self, name: str, sql: str, function: Callable[[pa.Table], pa.Table], columns: Mapping[str, str]) -> None:
        """Keeps what a function makes of a query's rows, some at a time, as a table of this session.

        Parameters
        ----------
        function : from an Arrow table of some of the rows to one of :data:`columns`. What it makes of a row must not depend on the others:
            how many come at once is the engine's affair. It is pickled where workers run it.
        columns : name -> SQL type of what it gives.
        """

    @abstractmethod
    def drop(self, name: str) -> None:
        """Forgets a view or table, if there is one of this name."""

    @abstractmethod
    def parquet(self, name: str, path: Path | str) -> None:
        """Names a Parquet file (or a glob of files)."""

    @abstractmethod
    def parquet_parts(self, name: str, paths: Sequence[Path]) -> None:
        """Names Parquet files of the same columns, with the types that they declare and whatever folders they lie in."""

    @abstractmethod
    def numbered(self, name: str, path: Path) -> None:
        """Names a Parquet file with a further column ``file_row_number``, which tells its rows apart."""

    @abstractmethod
    def json_lines(self, name: str, path: Path, columns: Sequence[str]) -> None:
        """Names a file of JSON objects, one a line, as columns of text; what is an object in one is JSON text."""

    # ------------------------------------------------------------------ writing
    @abstractmethod
    def write(self, sql: str, path: Path, note: str | None = None, compression: str = "zstd") -> int:
        """Writes a query's rows to one Parquet file, whole or not at all; returns their number.

        ``note`` is kept inside the file (key ``fraudml``) and read by :meth:`note_of`; ``compression="snappy"`` is for files that
        are read once and thrown away.
        """

    @abstractmethod
    def write_apart(self, sql: str, path: Path, apart: Path, columns: str, fault: str, told: str) -> int:
        """Writes rows to a Parquet file and sets others apart; returns the number of rows written.

        Parameters
        ----------
        columns : select list of what is written.
        fault : column that is not null for a row to be set apart.
        told : expression over such a row (:meth:`by_row`): the text that becomes a line of the file ``apart``.
        """

    def filled(self, path: Path) -> dict[str, int]:
        """Number of values (not null) per column of a Parquet file, from its metadata."""
        import pyarrow.parquet as pq

        about = pq.read_metadata(path)
        found: dict[str, int] = {}
        for group in range(about.num_row_groups):
            for number in range(about.num_columns):
                column = about.row_group(group).column(number)
                empty = column.statistics.null_count if column.statistics is not None and column.statistics.has_null_count else 0
                name = column.path_in_schema.split(".")[0]
                found[name] = found.get(name, 0) + column.num_values - empty
        return found

    def note_of(self, path: Path) -> str | None:
        """The note that :meth:`write` left in a Parquet file."""
        import pyarrow.parquet as pq

        found = (pq.read_metadata(path).metadata or {}).get(b"fraudml")
        return None if found is None else bytes(found).decode()
