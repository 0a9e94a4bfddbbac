"""The only place that knows DuckDB, Spark and sqlglot: sessions, whole-table reads and writes, SQL rewriting."""

from fraudml.engine.base import Engine
from fraudml.engine.configured import configured_engine
from fraudml.engine.duck import identifier, literal, open_engine
from fraudml.engine.sql import columns_of, windowed

__all__ = ["Engine", "columns_of", "configured_engine", "identifier", "literal", "open_engine", "windowed"]
