"""What Spark's workers do with rows: functions for ``mapInArrow`` that judge rows by an embedded DuckDB, or write them to a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fraudml.engine.base import BATCH
from fraudml.engine.duck import DuckEngine, identifier, open_engine
from fraudml.engine.spark_types import carried_type

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Step:
    """A query over one relation that makes of each row what it makes whatever the others are."""

    name: str
    sql: str


@dataclass(frozen=True)
class ByRow:
    """Queries over a relation, one after another, on whoever holds its rows (pickled to the workers).

    Attributes
    ----------
    of : name of the relation that the first step reads.
    declared : its columns with their types in DuckDB, where Spark carries some as others.
    steps : each reads the one before; the last one's rows are the result.
    made : columns of the result with their types in DuckDB.
    macros : name -> definition, of what the steps may call.
    """

    of: str
    declared: Mapping[str, str]
    steps: Sequence[Step]
    made: Mapping[str, str]
    macros: Mapping[str, str]

    def __call__(self, rows: pa.Table) -> pa.Table:
        engine = _embedded()
        for name, definition in self.macros.items():
            engine.macro(name, definition)
        engine.register("rows_at_hand", rows)
        given = ", ".join(f"cast({identifier(name)} as {kind}) as {identifier(name)}" for name, kind in self.declared.items())
        before = [Step(self.of, f"select {given} from rows_at_hand"), *self.steps[:-1]]
        named = ", ".join(f"{identifier(step.name)} as ({step.sql})" for step in before)
        result = ", ".join(f"cast({identifier(name)} as {carried_type(kind)}) as {identifier(name)}" for name, kind in self.made.items())
        return engine.arrow(f"with {named} select {result} from ({self.steps[-1].sql})")


@lru_cache(maxsize=1)
def _embedded() -> DuckEngine:
    """The worker's own engine: some rows at a time need little memory."""
    return open_engine(memory_limit="1GB", threads=1)


def batched(function: Callable[[pa.Table], pa.Table], names: Sequence[str], schema: pa.Schema) -> Any:
    """A function for ``mapInArrow`` that hands over about :data:`BATCH` rows at a time, their columns under ``names``."""

    def made(batches: Sequence[Any]) -> Any:
        import pyarrow

        return function(pyarrow.Table.from_batches(batches).rename_columns(names)).cast(schema).to_batches()

    def apply(batches: Iterator[Any]) -> Iterator[Any]:
        waiting: list[Any] = []
        for batch in batches:
            waiting.append(batch)
            if sum(each.num_rows for each in waiting) >= BATCH:
                yield from made(waiting)
                waiting = []
        if any(each.num_rows for each in waiting):
            yield from made(waiting)

    return apply


def file_writer(path: str, schema: pa.Schema, compression: str) -> Any:
    """A function for ``mapInArrow`` that writes the batches of a partition to one Parquet file and yields their number of rows."""

    def write(batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow
        import pyarrow.parquet

        rows = 0
        with pyarrow.parquet.ParquetWriter(path, schema, compression=compression) as writer:
            for batch in batches:
                writer.write_batch(batch.cast(schema))
                rows += batch.num_rows
        yield pyarrow.RecordBatch.from_pydict({"rows": [rows]})

    return write
