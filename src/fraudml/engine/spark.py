"""Spark behind the same surface as DuckDB: views, kept tables and whole-table writes, by SQL of the DuckDB dialect.

Beside every session stands an embedded DuckDB session with the same relations and no rows, *the blank*. It tells what a query means
before Spark sees it: whether it can be bound (the errors are the same as with DuckDB), and the names and types of its columns, which
Spark's are cast to. So a table has the same columns and types whichever engine made it.
"""

from __future__ import annotations

import itertools
import logging
import os
import re
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fraudml.engine.base import Engine
from fraudml.engine.duck import DuckEngine, identifier, parquet_files
from fraudml.engine.spark_rows import ByRow, Step, batched, file_writer
from fraudml.engine.spark_sql import translated, with_parameters
from fraudml.engine.spark_types import carried_type, duck_type, spark_type
from fraudml.errors import FraudmlError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_sessions = itertools.count(1)


class SparkEngine(Engine):
    """One session of relations on a Spark session.

    Parameters
    ----------
    spark : an open SparkSession (classic or Connect).
    blank : an embedded engine for the blank relations.
    """

    shares_days = False  # held against single days on DuckDB only
    reads_text = False

    def __init__(self, spark: Any, blank: DuckEngine) -> None:
        self._spark, self._blank = spark, blank
        self._number = next(_sessions)
        self._names: dict[str, str] = {}
        self._schema: dict[str, dict[str, str]] = {}
        self._macros: dict[str, tuple[tuple[str, ...], str]] = {}
        self._definitions: dict[str, str] = {}
        self._by_row: dict[str, tuple[str, tuple[Step, ...]]] = {}
        self._parts: list[str] = []

    def session(self) -> SparkEngine:
        return SparkEngine(self._spark, self._blank.session())

    def close(self) -> None:
        for name in list(self._names):
            self.drop(name)
        self._drop_parts()
        self._blank.close()

    # ------------------------------------------------------------------ reading
    def query(self, sql: str, parameters: list[Any] | None = None) -> pd.DataFrame:
        return self._fetched(sql, parameters, "query")

    def arrow(self, sql: str, parameters: list[Any] | None = None) -> pa.Table:
        return self._fetched(sql, parameters, "arrow")

    def rows(self, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        return list(self._fetched(sql, parameters, "rows"))

    def columns(self, relation: str) -> dict[str, str]:
        return self._blank.columns(relation)

    def check(self, sql: str) -> dict[str, str]:
        return self._blank.check(sql)

    def exists(self, name: str) -> bool:
        return name in self._names

    # ------------------------------------------------------------------ naming
    def view(self, name: str, sql: str) -> None:
        frame, types, declared = self._frame(sql, once=False)
        self._name(name, frame, types, declared)

    def by_row(self, name: str, sql: str, of: str) -> None:
        made = self._blank.check(sql)
        # what reads rows that are judged by row themselves is judged with them, in one pass
        base, before = self._by_row.get(of, (of, ()))
        steps = (*before, Step(name, sql))
        function = ByRow(base, self._blank.columns(identifier(base)), steps, made, dict(self._definitions))
        carried = {column: carried_type(kind) for column, kind in made.items()}
        self._name(name, self._mapped(self._spark.table(self._names[base]), function, carried), carried, made)
        self._by_row[name] = (base, steps)

    def table(self, name: str, sql: str) -> None:
        frame, types, declared = self._frame(sql)
        self._name(name, self._ran(lambda: frame.localCheckpoint(eager=True)), types, declared)

    def macro(self, name: str, definition: str) -> None:
        self._blank.macro(name, definition)
        self._definitions[name] = definition
        parameters, _, expression = definition.partition(" as ")
        self._macros[name] = (tuple(each.strip() for each in parameters.strip(" ()").split(",")), expression)

    def register(self, name: str, data: pd.DataFrame | pa.Table | pa.RecordBatchReader) -> None:
        self._blank.register("registered_rows", data)
        types = {column: _plain(kind) for column, kind in self._blank.columns("registered_rows").items()}
        chosen = ", ".join(f'cast("{column}" as {kind}) as "{column}"' for column, kind in types.items())
        self._name(name, self._spark.createDataFrame(self._blank.arrow(f"select {chosen} from registered_rows")), types)

    def mapped(self, name: str, sql: str, function: Callable[[pa.Table], pa.Table], columns: Mapping[str, str]) -> None:
        frame, *_ = self._frame(sql)
        made = self._mapped(frame, function, columns)
        self._name(name, self._ran(lambda: made.localCheckpoint(eager=True)), columns)

    def drop(self, name: str) -> None:
        if name in self._names:
            self._spark.catalog.dropTempView(self._names.pop(name))
            self._schema.pop(name)
            self._by_row.pop(name, None)
            self._blank.drop(name)

    def parquet(self, name: str, path: Path | str) -> None:
        reader = self._spark.read
        text = str(path)
        if "*" in text:
            # a table in parts below a folder, whatever the folders are called
            text = text.split("*", 1)[0]
            reader = reader.option("recursiveFileLookup", "true").option("mergeSchema", "true")
        frame = self._ran(lambda: reader.parquet(_address(Path(text))))
        self._name(name, frame, {field.name: duck_type(field.dataType) for field in frame.schema})

    def parquet_parts(self, name: str, paths: Sequence[Path]) -> None:
        from pyspark.sql import functions as f

        declared = self._blank.columns(parquet_files(paths[:1]))
        frame = self._ran(lambda: self._spark.read.option("recursiveFileLookup", "true").parquet(*(_address(path) for path in paths)))
        held = {field.name: field.dataType.simpleString() for field in frame.schema}
        columns = []
        for column, kind in declared.items():
            given = f.col(f"`{column}`")
            if kind.startswith("TIMESTAMP"):
                if held[column] == "bigint":  # nanoseconds (nanosAsLong, below)
                    given = f.timestamp_micros(f.expr(f"(`{column}` - pmod(`{column}`, 1000)) div 1000"))
                given = given.cast("timestamp_ntz")
            columns.append(given.alias(column))
        self._name(name, frame.select(*columns), {column: carried_type(kind) for column, kind in declared.items()}, declared)

    def numbered(self, name: str, path: Path) -> None:
        from pyspark.sql import functions as f

        frame = self._ran(lambda: self._spark.read.parquet(_address(path)))
        types = {field.name: duck_type(field.dataType) for field in frame.schema} | {"file_row_number": "BIGINT"}
        self._name(name, frame.select("*", f.col("_metadata.row_index").alias("file_row_number")), types)

    def json_lines(self, name: str, path: Path, columns: Sequence[str]) -> None:
        self._name(f"lines_of_{name}", self._ran(lambda: self._spark.read.text(_address(path))), {"value": "VARCHAR"})
        texts = ", ".join(f"json_extract_string(value, '$.{identifier(column)}') as {identifier(column)}" for column in columns)
        self.by_row(name, f"select {texts} from {identifier(f'lines_of_{name}')}", of=f"lines_of_{name}")

    # ------------------------------------------------------------------ writing
    def write(self, sql: str, path: Path, note: str | None = None, compression: str = "zstd") -> int:
        frame, *_ = self._frame(sql)
        # all tasks compute; one of them then writes, in their order
        return self._written(self._ran(lambda: frame.localCheckpoint(eager=True)), path, note, compression)

    def _written(self, rows: Any, path: Path, note: str | None = None, compression: str = "zstd") -> int:
        """Writes a frame that is computed already, by one task."""
        from pyspark.sql.pandas.types import to_arrow_schema

        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}.part")
        schema = to_arrow_schema(rows.schema)
        if note is not None:
            schema = schema.with_metadata({"fraudml": note})
        try:
            written = self._ran(
                lambda: rows.coalesce(1).mapInArrow(file_writer(str(beside.resolve()), schema, compression), "rows long").collect()
            )
            if not written:
                import pyarrow.parquet as pq

                pq.write_table(schema.empty_table(), beside, compression=compression)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        return int(sum(row.rows for row in written))

    def write_apart(self, sql: str, path: Path, apart: Path, columns: str, fault: str, told: str) -> int:
        self.table("judged_rows", sql)
        faultless, *_ = self._frame(f"select {columns} from judged_rows where {fault} is null")
        count = self._written(faultless, path)
        self.view("faulty_rows", f"select * from judged_rows where {fault} is not null")
        self.by_row("told_rows", f"select {told} as line from faulty_rows", of="faulty_rows")
        frame = self._spark.table(self._names["told_rows"])
        with apart.open("w", encoding="utf-8") as lines:
            lines.writelines(row[0] + "\n" for row in self._ran(frame.toLocalIterator))
        for name in ("told_rows", "faulty_rows", "judged_rows"):
            self.drop(name)
        return count

    # ------------------------------------------------------------------ how
    def _frame(self, sql: str, parameters: list[Any] | None = None, once: bool = True) -> tuple[Any, dict[str, str], dict[str, str]]:
        """A lazy Spark DataFrame with the names and types that DuckDB gives the query's columns; the types as kept, and as declared.

        A source's column that Spark carries as another type (:func:`carried_type`) stays as it is, and what it was declared as is known.
        ``once`` computes what the query names several times beforehand; a view, which may never be asked, does not.
        """
        from pyspark.sql import functions as f

        if parameters:
            sql = with_parameters(sql, parameters)
        bound = self._blank.check(sql)
        types = {column: _plain(kind) for column, kind in bound.items()}
        declared = dict(types)
        self._drop_parts()

        def keep(query: str) -> str:
            part = f"fraudml_{self._number}_part{len(self._parts)}"
            self._ran(lambda: self._spark.sql(query).localCheckpoint(eager=True)).createOrReplaceTempView(part)
            self._parts.append(part)
            return part

        text = translated(
            sql, self._schema, names=self._names, macros=self._macros, describe=self._blank.check, keep=keep if once else None
        )
        frame = self._ran(lambda: self._spark.sql(text)).toDF(*types)
        casts = []
        for field, (column, kind) in zip(frame.schema, bound.items(), strict=True):
            plain = f.col(f"`{column}`")
            carried = carried_type(kind)
            if kind not in ("HUGEINT", "JSON", '"NULL"') and field.dataType.simpleString() == spark_type(carried):
                types[column], declared[column] = carried, kind
            wanted = spark_type(types[column])
            casts.append(plain if field.dataType.simpleString() == wanted else plain.cast(wanted).alias(column))
        return frame.select(*casts), types, declared

    def _drop_parts(self) -> None:
        """Forgets what the query before had computed beforehand: it has been asked by now, and Spark Connect looks names up only then."""
        while self._parts:
            self._spark.catalog.dropTempView(self._parts.pop())

    def _mapped(self, frame: Any, function: Callable[[pa.Table], pa.Table], columns: Mapping[str, str]) -> Any:
        from pyspark.sql.pandas.types import to_arrow_schema

        schema = ", ".join(f"`{column}` {spark_type(kind)}" for column, kind in columns.items())
        names = list(frame.columns)
        plain = frame.toDF(*(f"column{number}" for number in range(len(names))))  # mapInArrow takes a point in a name for a field's
        # Spark sends the function to each worker once: what is large in it (a model) goes as a broadcast
        return plain.mapInArrow(batched(function, names, to_arrow_schema(self._spark.createDataFrame([], schema).schema)), schema)

    def _name(self, name: str, frame: Any, types: Mapping[str, str], declared: Mapping[str, str] | None = None) -> None:
        """Gives a frame a name, with the types of its columns as Spark carries them, and as DuckDB has them where that differs."""
        physical = f"fraudml_{self._number}_{name}"
        frame.createOrReplaceTempView(physical)
        self._names[name], self._schema[name] = physical, dict(types)
        self._by_row.pop(name, None)
        blank = ", ".join(f"cast(null as {kind}) as {identifier(column)}" for column, kind in (declared or types).items())
        self._blank.table(name, f"select {blank} where false")

    def _fetched(self, sql: str, parameters: list[Any] | None, how: str) -> Any:
        frame, types, _ = self._frame(sql, parameters)
        self._blank.register("fetched_rows", self._ran(frame.toArrow))
        chosen = ", ".join(f"cast({identifier(column)} as {kind}) as {identifier(column)}" for column, kind in types.items())
        return getattr(self._blank, how)(f"select {chosen} from fetched_rows")

    def _ran(self, action: Any) -> Any:
        from pyspark.errors import PySparkException

        try:
            return action()
        except Exception as error:
            if "maxResultSize" in str(error):
                raise FraudmlError(
                    "engine.driver_limit",
                    "a result is larger than what may come to the driver.",
                    "Raise engine.driver_limit as far as the driver's memory allows, or narrow the month or region.",
                ) from error
            if not isinstance(error, PySparkException):
                raise
            told = " ".join(str(error).split("JVM stacktrace")[0].split())[:500]
            raise FraudmlError("engine.spark", told, "Run the stage with engine=duckdb if the data fit one machine.") from error


def _plain(kind: str) -> str:
    """The type that a column is kept in: what Spark has no name for becomes what it is computed in."""
    if kind.startswith("DECIMAL") or kind == "FLOAT":
        return "DOUBLE"
    if kind.startswith("ENUM") or kind in ("JSON", "UUID"):
        return "VARCHAR"
    return {"HUGEINT": "HUGEINT", '"NULL"': "INTEGER", "TIME": "BIGINT", "TIMESTAMP WITH TIME ZONE": "TIMESTAMP"}.get(kind, kind)


def _address(path: Path) -> str:
    """A local path as Spark's readers take it: as it is (``as_of=…``, Chinese letters), but with what would be a glob escaped."""
    return "file://" + re.sub(r"([\\\[\]{}*?])", r"\\\1", str(path.resolve()))


def open_spark(
    master: str = "local[*]",
    remote: str | None = None,
    driver_limit: str = "2g",
    settings: Mapping[str, Any] | None = None,
    memory_limit: str = "1GB",
) -> SparkEngine:
    """Opens, or joins, a Spark session.

    Parameters
    ----------
    master : of a classic session (``local[2]``, ``yarn``, ``spark://…``, ``k8s://…``).
    remote : Spark Connect URL (``sc://…``), in place of a master.
    driver_limit : size of the largest result that may come to the driver (``spark.driver.maxResultSize``).
    settings : further Spark settings (``spark.executor.memory`` …).
    memory_limit : of the embedded DuckDB through which results come.

    Raises
    ------
    MissingInput
        Without pyspark or Java.
    """
    from fraudml.engine.duck import open_engine
    from fraudml.errors import MissingInput

    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise MissingInput("engine.pyspark", "engine=spark needs an extra.", "pip install 'fraudml[spark]'.") from error
    builder = SparkSession.builder.appName("fraudml")
    builder = builder.remote(remote) if remote else builder.master(master)
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)  # errors are told once, by whoever meets them
    start = {}
    if not remote:
        start = {
            "spark.ui.showConsoleProgress": "false",
            "spark.log.level": "ERROR",
            "spark.driver.maxResultSize": driver_limit,
            # a vector joins some thirty groupings of one key, which one task holds open together: each takes a page at least
            "spark.buffer.pageSize": "2m",
        }
    if (remote or master).startswith("local"):  # the workers are this machine's: this very Python
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    # said of every function that takes DataFrames; what is used here takes Arrow
    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)
    for key, value in (start | dict(settings or {})).items():
        builder = builder.config(key, str(value))
    try:
        spark = builder.getOrCreate()
    except PySparkException as error:
        told = " ".join(str(error).split())[:300]
        raise MissingInput(
            "engine.java", f"Spark does not start: {told}", "Spark 4 needs Java 17 (JAVA_HOME), or give engine.remote."
        ) from error
    for key, value in MEANING.items():
        spark.conf.set(key, value)
    blank = open_engine(memory_limit=memory_limit, threads=1)
    blank.execute("set preserve_insertion_order = true")  # what comes from Spark keeps its order
    return SparkEngine(spark, blank)


MEANING = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.caseSensitive": "false",
    "spark.sql.legacy.parquet.nanosAsLong": "true",  # pandas writes nanoseconds, which Spark has no type for
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # Spark 4.3: where a query asks whether its row is in a relation made of the same table, this rule breaks the plan
    "spark.sql.optimizer.excludedRules": "org.apache.spark.sql.catalyst.optimizer.RemoveRedundantAliases",
}
"""Settings that the results depend on: the same in every session, whatever the cluster's defaults are."""
