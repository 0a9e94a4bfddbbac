"""The only place that knows DuckDB (and sqlglot): sessions, whole-table reads and writes, SQL rewriting."""

from fraudml.engine.duck import Engine, identifier, literal, open_engine
from fraudml.engine.sql import columns_of, windowed

__all__ = ["Engine", "columns_of", "identifier", "literal", "open_engine", "windowed"]
