"""How a source's tables become canonical ones: the declarations of ``conf/source/<name>.yaml`` turned into SQL.

One engine serves every source; a source is a YAML file alone (docs/sources.md is the guide).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fraudml.contracts import CANONICAL
from fraudml.engine import columns_of
from fraudml.errors import FraudmlError

CONTROL = {"claims": {"is_valid": "BOOLEAN"}}
"""Columns that steer ingest and do not reach the canonical tables."""

UNREAD = {
    "DATE": "not_a_date",
    "TIMESTAMP": "not_a_date",
    "DOUBLE": "not_a_number",
    "INTEGER": "not_a_number",
    "BOOLEAN": "not_a_flag",
    "VARCHAR": "unknown_code",
    "VARCHAR[]": "not_a_list",
}
"""Canonical type -> reason code of a value that has no reading as that type."""

DATE_FORMATS = ("%Y%m%d", "%Y%m%d%H%M%S", "%Y%m%d %H:%M:%S", "%Y.%m.%d", "%Y年%m月%d日", "%Y%m%d%H%M", "%Y.%m.%d %H:%M:%S")
"""Shapes beside the ISO ones that DuckDB reads by itself (``2024-01-05``, ``2024/1/5``, with or without a time)."""

MONTH_FORMATS = ("%Y-%m", "%Y%m", "%Y/%m")
NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
FRACTIONS = ("FLOAT", "DOUBLE", "DECIMAL")


@dataclass(frozen=True)
class Column:
    """Where one canonical column comes from.

    Attributes
    ----------
    names : source columns, the first with a value wins (aliases and fallbacks).
    sql : an expression over source columns in place of names.
    codes : code in the source -> canonical value; None: the value is taken as it is.
    prefix : whether a code matches by its beginning, the longest first.
    other : canonical value of a code that is not listed; None: null, and reported as unknown.
    """

    names: tuple[str, ...] = ()
    sql: str | None = None
    codes: Mapping[str, str | None] | None = None
    prefix: bool = False
    other: str | None = None

    def reads(self) -> set[str]:
        """Source columns that it reads, lower case."""
        return {name.lower() for name in (columns_of(self.sql) if self.sql else self.names)}


@dataclass(frozen=True)
class Part:
    """Rows of one canonical table that come from one source relation."""

    relation: str
    columns: Mapping[str, Column]
    where: str | None = None


@dataclass(frozen=True)
class Source:
    """A mapped source.

    Attributes
    ----------
    tables : canonical table -> its parts.
    inputs : source table -> how to recognise its files: a glob, or columns that only it has; others go by their name.
    relations : derived source table -> the union of others, or a query over them.
    nulls : text that stands for nothing.
    separator : between the entries of a list inside a cell.
    """

    name: str
    tables: Mapping[str, tuple[Part, ...]]
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    relations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    nulls: tuple[str, ...] = ("", "NULL", "\\N")
    separator: str = "|"

    def source_tables(self) -> list[str]:
        """Names of the tables to look for in the input, in order of first mention."""
        named = [part.relation for parts in self.tables.values() for part in parts]
        of_relations = [name for relation in self.relations.values() for name in relation.get("union", [])]
        return list(dict.fromkeys(name for name in [*self.inputs, *of_relations, *named] if name not in self.relations))

    def reads(self, relation: str) -> set[str]:
        """Columns that the mapping reads of a source relation, lower case."""
        parts = [part for parts in self.tables.values() for part in parts if part.relation == relation]
        queries = [part.where for part in parts if part.where]
        queries += [how["query"] for how in self.relations.values() if how.get("of") == relation]
        found = {name for part in parts for column in part.columns.values() for name in column.reads()}
        return found | {name.lower() for sql in queries for name in columns_of(sql)}


def load_source(content: Mapping[str, Any]) -> Source:
    """A source from its declaration, the content of ``conf/source/<name>.yaml``.

    Raises
    ------
    FraudmlError
        ``source.*`` when the declaration names a table or column that does not exist.
    """
    name = str(content.get("name", "of your own"))
    allowed = {"name", "tables", "inputs", "relations", "nulls", "separator"}
    unknown = set(content) - allowed
    if unknown:
        raise FraudmlError(
            "source.key", f"source {name}: unknown key {', '.join(sorted(unknown))}.", f"Keys: {', '.join(sorted(allowed))}."
        )
    if not content.get("tables"):
        raise FraudmlError("source.empty", f"source {name} maps no tables.", "See docs/sources.md.")
    tables = {}
    for table, given in content["tables"].items():
        if table not in CANONICAL:
            raise FraudmlError("source.table", f"source {name}: “{table}” is no canonical table.", f"Known: {', '.join(CANONICAL)}.")
        tables[table] = tuple(_part(each, table, name) for each in (given if isinstance(given, list) else [given]))
    extra = {key: content[key] for key in ("inputs", "relations", "separator") if content.get(key)}
    if content.get("nulls") is not None:
        extra["nulls"] = ("", *(str(each) for each in content["nulls"]))
    return Source(name=name, tables=tables, **extra)


def _part(given: Mapping[str, Any], table: str, source: str) -> Part:
    where = f"source {source}, table {table}"
    if not isinstance(given, Mapping) or "from" not in given or not given.get("columns"):
        raise FraudmlError("source.part", f"{where}: needs `from` and `columns`.", "See docs/sources.md.")
    known = CANONICAL[table].columns.keys() | CONTROL.get(table, {}).keys()
    unknown = given["columns"].keys() - known
    if unknown:
        raise FraudmlError("source.column", f"{where}: no canonical column {', '.join(sorted(unknown))}.", f"Known: {', '.join(known)}.")
    columns = {name: _column(each, f"{where}, column {name}") for name, each in given["columns"].items()}
    return Part(relation=str(given["from"]), columns=columns, where=given.get("where"))


def _column(given: Any, where: str) -> Column:
    if isinstance(given, str):
        return Column(names=(given,))
    if isinstance(given, list):
        return Column(names=tuple(str(each) for each in given))
    allowed = {"of", "sql", "codes", "match", "other"}
    if not isinstance(given, Mapping) or set(given) - allowed or ("of" in given) == ("sql" in given):
        raise FraudmlError("source.column", f"{where}: give a name, a list of names, or `of` or `sql` with codes.", "See docs/sources.md.")
    of = given.get("of", ())
    codes = given.get("codes")
    return Column(
        names=(of,) if isinstance(of, str) else tuple(of),
        sql=given.get("sql"),
        codes={str(code): None if value is None else str(value) for code, value in codes.items()} if codes else None,
        prefix=given.get("match", "exact") == "prefix",
        other=given.get("other"),
    )


def quoted(name: str) -> str:
    """A SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def text_literal(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def select(part: Part, table: str, types: Mapping[str, str], separator: str) -> str:
    """SQL that gives a part's rows canonical columns, what could not be read (``_unread``), and the source row as JSON (``_source``).

    Parameters
    ----------
    types : lower-case source columns that the relation really has -> SQL type.
    """
    wanted = CANONICAL[table].columns | CONTROL.get(table, {})
    values, failures = [], []
    for name, type_ in wanted.items():
        column = part.columns.get(name)
        value, failed = _value(column, name, type_, types, separator) if column else (f"cast(null as {type_})", None)
        values.append(f"{value} as {quoted(name)}")
        if failed:
            failures.append((failed, f"{UNREAD[type_]}:{name}"))
    unread = "null"
    if failures:
        details = ", ".join(f"case when {failed} then {text_literal(detail)} end" for failed, detail in failures)
        unread = f"case when {' or '.join(failed for failed, _ in failures)} then concat_ws('|', {details}) end"
    source = ", ".join(f"{text_literal(name)}: {quoted(name)}" for name in types)
    where = f" where {part.where}" if part.where else ""
    columns = ",\n    ".join(values)
    return f"select {columns},\n    cast({unread} as varchar) as _unread,\n    {{{source}}} as _source\nfrom {quoted(part.relation)}{where}"


def missing_required(part: Part, table: str, present: Iterable[str]) -> list[str]:
    """Required canonical columns for which the part's relation has no source column, as ``canonical (source names)``."""
    present = set(present)
    out = []
    for name in CANONICAL[table].required:
        column = part.columns.get(name)
        if column is None or (column.reads() and not column.reads() & present):
            out.append(f"{name} ({', '.join(column.names) if column and column.names else 'not mapped'})")
    return out


def unsourced(part: Part, table: str, present: Iterable[str]) -> list[str]:
    """Canonical columns of a part that no column of the source fills."""
    present = set(present)
    mapped = {name for name, column in part.columns.items() if not column.reads() or column.reads() & present}
    return [name for name in CANONICAL[table].columns if name not in mapped]


def _value(column: Column, name: str, type_: str, types: Mapping[str, str], separator: str) -> tuple[str, str | None]:
    """SQL of a canonical value and of “there was something, but it could not be read” (None where that cannot be)."""
    if column.sql is not None:
        given, of_type = f"({column.sql})", "ANY"
        typed = f"cast({given} as varchar)" if column.codes else given
    else:
        present = [each.lower() for each in column.names if each.lower() in types]
        if not present:
            return f"cast(null as {type_})", None
        if len({types[each] for each in present}) > 1:  # parts of one table may differ: read all as text
            given, of_type = f"coalesce({', '.join(_text(quoted(each), types[each]) for each in present)})", "VARCHAR"
        else:
            given = quoted(present[0]) if len(present) == 1 else f"coalesce({', '.join(quoted(each) for each in present)})"
            of_type = types[present[0]]
        typed = _text(given, of_type)
    if column.codes is not None:
        value = _coded(typed, column, padded=of_type in NUMBERS or of_type.startswith(FRACTIONS))
        value = f"cast({value} as {type_})"
        known_null = [code for code, canonical in column.codes.items() if canonical is None]
        excuse = f" and {typed} not in ({', '.join(text_literal(each) for each in known_null)})" if known_null else ""
        return value, f"({typed} is not null and {value} is null{excuse})" if column.other is None else None
    if type_ == "VARCHAR":
        return f"nullif(trim({_text(given, of_type)}), '')", None
    if of_type == type_ and type_ in ("DATE", "BOOLEAN", "INTEGER", "VARCHAR[]"):
        return given, None
    if column.sql is not None:
        return f"try_cast({given} as {type_})", f"({given} is not null and try_cast({given} as {type_}) is null)"
    value = _read(given, of_type, name, type_, separator)
    return value, f"({_text(given, of_type)} is not null and {value} is null)"


def _text(given: str, of_type: str) -> str:
    if of_type == "VARCHAR":
        return f"nullif(trim({given}), '')"
    if of_type.startswith(FRACTIONS):  # pandas writes codes with gaps as 310.0
        return f"case when {given} = floor({given}) then cast(cast({given} as hugeint) as varchar) else cast({given} as varchar) end"
    return f"cast({given} as varchar)"


def _coded(typed: str, column: Column, padded: bool) -> str:
    codes = dict(sorted((column.codes or {}).items(), key=lambda each: (-len(each[0]), each[0])))
    if padded and codes:  # numbers lose a code's leading zeros
        typed = f"lpad({typed}, greatest(length({typed}), {min(len(code) for code in codes)}), '0')"
    cases = []
    for code, value in codes.items():
        matches = f"starts_with({typed}, {text_literal(code)})" if column.prefix else f"{typed} = {text_literal(code)}"
        cases.append(f"when {matches} then {'null' if value is None else text_literal(value)}")
    other = "null" if column.other is None else text_literal(column.other)
    return f"case {' '.join(cases)} when {typed} is not null then {other} end"


def _read(given: str, of_type: str, name: str, type_: str, separator: str) -> str:
    """SQL that reads a value of another type as ``type_``, null where it cannot be read."""
    text = _text(given, of_type)
    if type_ in ("DATE", "TIMESTAMP"):
        if of_type in ("DATE", "TIMESTAMP") or of_type.startswith("TIMESTAMP"):
            value = f"cast({given} as {type_})"
        else:
            formats = ", ".join(text_literal(each) for each in (MONTH_FORMATS if name == "month" else ()) + DATE_FORMATS)
            value = f"coalesce(try_cast({text} as {type_}), cast(try_strptime({text}, [{formats}]) as {type_}))"
        return f"cast(date_trunc('month', {value}) as date)" if name == "month" else value
    if type_ == "BOOLEAN":
        return (
            f"case lower({text}) when '1' then true when '0' then false when 'true' then true when 'false' then false when 'y' then true "
            "when 'n' then false when 'yes' then true when 'no' then false when 't' then true when 'f' then false "
            "when '是' then true when '否' then false end"
        )
    if type_ == "VARCHAR[]":
        if of_type.endswith("[]"):
            return f"cast({given} as varchar[])"
        return (
            f"case when {text} is not null then list_filter(list_transform(string_split({text}, {text_literal(separator)}), "
            "lambda each: trim(each)), lambda each: each <> '') end"
        )
    if of_type in NUMBERS or of_type.startswith(FRACTIONS):
        number = f"cast({given} as double)"
    else:
        number = f"coalesce(try_cast({text} as double), try_cast(replace(ltrim({text}, '¥¥￥ '), ',', '') as double))"
    if type_ == "INTEGER":
        return f"case when {number} = floor({number}) then try_cast({number} as integer) end"
    return f"case when isfinite({number}) then {number} end"
