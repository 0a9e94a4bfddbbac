"""Types of columns under their names in DuckDB and in Spark."""

from __future__ import annotations

from typing import Any

_SPARK = {
    "BOOLEAN": "boolean",
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "INTEGER": "int",
    "BIGINT": "bigint",
    "UTINYINT": "smallint",
    "USMALLINT": "int",
    "UINTEGER": "bigint",
    "UBIGINT": "decimal(20,0)",
    "HUGEINT": "bigint",  # sums of whole numbers; Spark adds them up as 64 bits, and fails rather than wrap
    "DOUBLE": "double",
    "VARCHAR": "string",
    "DATE": "date",
    "TIMESTAMP": "timestamp_ntz",
    "BLOB": "binary",
}
_DUCK = {
    "boolean": "BOOLEAN",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "float": "DOUBLE",
    "double": "DOUBLE",
    "string": "VARCHAR",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamp_ntz": "TIMESTAMP",
    "binary": "BLOB",
}


def spark_type(kind: str) -> str:
    """Spark's name (``simpleString``) of a DuckDB type.

    >>> spark_type("VARCHAR[]"), spark_type('STRUCT(entity_id VARCHAR, "role" VARCHAR)[]')
    ('array<string>', 'array<struct<entity_id:string,role:string>>')
    """
    if kind.endswith("[]"):
        return f"array<{spark_type(kind[:-2])}>"
    if kind.startswith("STRUCT("):
        fields = [_named(each) for each in _split(kind[len("STRUCT(") : -1])]
        return "struct<" + ",".join(f"{name}:{spark_type(type_)}" for name, type_ in fields) + ">"
    if kind.startswith("DECIMAL("):
        return kind.lower()
    return _SPARK[kind]


def carried_type(kind: str) -> str:
    """The DuckDB type as which Spark carries a source's column of any type: what it has no name for is text.

    >>> carried_type("DECIMAL(18,2)"), carried_type("TIMESTAMP_NS"), carried_type("UBIGINT"), carried_type("TIME"), carried_type("DATE[]")
    ('DECIMAL(18,2)', 'TIMESTAMP', 'DECIMAL(20,0)', 'VARCHAR', 'DATE[]')
    """
    if kind.endswith("[]"):
        of = carried_type(kind[:-2])
        return "VARCHAR" if of == "VARCHAR" and kind != "VARCHAR[]" else f"{of}[]"
    if kind.startswith("TIMESTAMP"):
        return "TIMESTAMP"
    if kind.startswith("DECIMAL("):
        return kind
    wider = {"UTINYINT": "SMALLINT", "USMALLINT": "INTEGER", "UINTEGER": "BIGINT", "UBIGINT": "DECIMAL(20,0)", "FLOAT": "DOUBLE"}
    return wider.get(kind, kind if kind in _SPARK and kind != "HUGEINT" else "VARCHAR")


def duck_type(kind: Any) -> str:
    """DuckDB's name of a Spark type (a ``pyspark.sql.types.DataType``)."""
    text = kind.simpleString()
    if text.startswith("array<"):
        return duck_type(kind.elementType) + "[]"
    if text.startswith("struct<"):
        return "STRUCT(" + ", ".join(f'"{field.name}" {duck_type(field.dataType)}' for field in kind) + ")"
    if text.startswith("decimal"):
        return "DOUBLE"
    return _DUCK[text]


def _split(text: str) -> list[str]:
    """Fields of a struct: at the commas that no bracket encloses."""
    parts, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append(text[start:place].strip())
            start = place + 1
    return [*parts, text[start:].strip()]


def _named(field: str) -> tuple[str, str]:
    if field.startswith('"'):
        name, _, type_ = field[1:].partition('" ')
    else:
        name, _, type_ = field.partition(" ")
    return name, type_
