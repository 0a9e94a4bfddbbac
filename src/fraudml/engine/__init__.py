"""The only place that knows DuckDB, Spark and sqlglot: sessions, whole-table reads and writes, SQL rewriting."""

from typing import TYPE_CHECKING, Any

from fraudml.engine.base import Engine
from fraudml.engine.configured import configured_engine
from fraudml.engine.duck import identifier, literal, open_engine, parquet_files

if TYPE_CHECKING:
    from fraudml.engine.sql import columns_of, windowed

__all__ = ["Engine", "columns_of", "configured_engine", "identifier", "literal", "open_engine", "parquet_files", "windowed"]


def __getattr__(name: str) -> Any:
    if name in ("columns_of", "windowed"):  # sqlglot takes a second to load: only for those who rewrite SQL
        from fraudml.engine import sql

        return getattr(sql, name)
    raise AttributeError(name)
