"""A source as it is declared in ``conf/source/<name>.yaml``: which of its tables and columns fill which canonical ones.

One engine serves every source; a source is a YAML file alone (docs/sources.md is the guide).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fraudml.contracts import CANONICAL, VALUES
from fraudml.errors import FraudmlError

CONTROL = {"claims": {"is_valid": "BOOLEAN"}}
"""Columns that steer ingest and do not reach the canonical tables."""

SHORT_STAY = {("claims", "visit_type"): ("short_stay",)}
"""Words of a mapping beside the canonical ones: ingest tells by the nights what they are."""


@dataclass(frozen=True)
class Column:
    """Where one canonical column comes from.

    Attributes
    ----------
    names : source columns, the first with a value wins (aliases and fallbacks).
    sql : an expression over source columns in place of names.
    codes : code in the source -> canonical value; None: the value is taken as it is (never where `contracts.VALUES` names the words).
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
        return {name.lower() for name in (_columns_of(self.sql) if self.sql else self.names)}


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
    time_zone : whose clock tells times that bear a zone; others are taken as they stand. Left out: text as it stands, instants by UTC.
    separator : between the entries of a list inside a cell.
    """

    name: str
    tables: Mapping[str, tuple[Part, ...]]
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    relations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    nulls: tuple[str, ...] = ("", "NULL", "null", "(null)", "None", "NaT", "<NA>", "\\N")
    time_zone: str | None = None
    separator: str = "|"

    def source_tables(self) -> list[str]:
        """Names of the tables to look for in the input, in order of first mention."""
        named = [part.relation for parts in self.tables.values() for part in parts]
        of_relations = [name for relation in self.relations.values() for name in inputs_of(relation)]
        return list(dict.fromkeys(name for name in [*self.inputs, *of_relations, *named] if name not in self.relations))

    def reads(self, relation: str) -> set[str]:
        """Columns that the mapping reads of a source relation, lower case."""
        parts = [part for parts in self.tables.values() for part in parts if part.relation == relation]
        queries = [part.where for part in parts if part.where]
        found = {name for part in parts for column in part.columns.values() for name in column.reads()}
        return found | {name.lower() for sql in queries for name in _columns_of(sql)}


def _columns_of(sql: str, where: str = "expression") -> set[str]:
    from fraudml.engine import columns_of

    return columns_of(sql, where)


def inputs_of(relation: Mapping[str, Any]) -> list[str]:
    """Source tables that a derived relation is made of."""
    of = relation.get("union", relation.get("of", []))
    return [of] if isinstance(of, str) else list(of)


def load_source(content: Mapping[str, Any]) -> Source:
    """A source from its declaration, the content of ``conf/source/<name>.yaml``.

    Raises
    ------
    FraudmlError
        ``source.*`` when the declaration names a table or column that does not exist.
    """
    if not isinstance(content, Mapping):
        raise FraudmlError("source.empty", "the declaration of the source is a list.", "See docs/sources.md.")
    name = str(content.get("name", "of your own"))
    allowed = {"name", "tables", "inputs", "relations", "nulls", "separator", "time_zone"}
    unknown = set(content) - allowed
    if unknown:
        raise FraudmlError(
            "source.key", f"source {name}: unknown key {', '.join(sorted(unknown))}.", f"Keys: {', '.join(sorted(allowed))}."
        )
    if not content.get("tables") or not isinstance(content["tables"], Mapping):
        raise FraudmlError("source.empty", f"source {name} maps no tables.", "See docs/sources.md.")
    tables = {}
    for table, given in content["tables"].items():
        if table not in CANONICAL:
            raise FraudmlError("source.table", f"source {name}: “{table}” is no canonical table.", f"Known: {', '.join(CANONICAL)}.")
        tables[table] = tuple(_part(each, table, name) for each in (given if isinstance(given, list) else [given]))
    extra = {key: content[key] for key in ("inputs", "relations", "separator", "time_zone") if content.get(key)}
    _check_zone(extra.get("time_zone"), name)
    if content.get("nulls") is not None:
        nulls = content["nulls"] if isinstance(content["nulls"], Iterable) and not isinstance(content["nulls"], str) else [content["nulls"]]
        extra["nulls"] = ("", *(str(each) for each in nulls))
    return Source(name=name, tables=tables, **extra)


def _check_zone(zone: Any, source: str) -> None:
    from zoneinfo import available_timezones

    known = available_timezones()  # none on a machine without their database
    if zone is not None and known and zone not in known:
        raise FraudmlError("source.time_zone", f"source {source}: there is no time zone “{zone}”.", "Write e.g. Asia/Shanghai.")


def _part(given: Mapping[str, Any], table: str, source: str) -> Part:
    where = f"source {source}, table {table}"
    if not isinstance(given, Mapping) or "from" not in given or not isinstance(given.get("columns"), Mapping):
        raise FraudmlError("source.part", f"{where}: needs `from` and `columns`.", "See docs/sources.md.")
    if beside := sorted(map(str, set(given) - {"from", "columns", "where"})):
        raise FraudmlError("source.part", f"{where}: unknown key {', '.join(beside)}.", "Keys: from, columns, where.")
    known = CANONICAL[table].columns.keys() | CONTROL.get(table, {}).keys()
    unknown = given["columns"].keys() - known
    if unknown:
        raise FraudmlError(
            "source.column", f"{where}: no canonical column {', '.join(sorted(unknown))}.", f"Known: {', '.join(sorted(known))}."
        )
    columns = {name: _column(each, table, name, f"{where}, column {name}") for name, each in given["columns"].items()}
    if given.get("where"):
        _columns_of(given["where"], f"{where}, where")
    return Part(relation=str(given["from"]), columns=columns, where=given.get("where"))


def _column(given: Any, table: str, name: str, where: str) -> Column:
    words = VALUES.get(table, {}).get(name)
    # what no codes translate must bear the canonical words itself
    own = {word: word for word in words} if words else None
    if isinstance(given, (str, list)):
        names = (given,) if isinstance(given, str) else tuple(str(each) for each in given)
        if own and "other" in own and name not in CANONICAL[table].required:  # another word is told, and loses no row
            return Column(names=names, codes={word: word for word in own if word != "other"}, other="other")
        return Column(names=names, codes=own)
    allowed = {"of", "sql", "codes", "match", "other"}
    if not isinstance(given, Mapping) or set(given) - allowed or ("of" in given) == ("sql" in given):
        raise FraudmlError("source.column", f"{where}: give a name, a list of names, or `of` or `sql` with codes.", "See docs/sources.md.")
    if "sql" in given:
        _columns_of(given["sql"], where)  # a slip is told with its place
    of = given.get("of", ())
    codes = _codes(given.get("codes"), where)
    other = given.get("other")
    for value in [*(codes or {}).values(), other]:
        _check_value(value, table, name, where)
    return Column(
        names=(of,) if isinstance(of, str) else tuple(of),
        sql=given.get("sql"),
        codes=codes or own,
        prefix=given.get("match", "exact") == "prefix",
        other=other if other is None else str(other),
    )


def _codes(given: Any, where: str) -> dict[str, str | None] | None:
    if given is not None and not isinstance(given, Mapping):
        raise FraudmlError("source.codes", f"{where}: `codes` lists no translations.", "Write codes: {CODE: word, …}.")
    for code in given or {}:
        if isinstance(code, bool):
            raise FraudmlError("source.codes", f"{where}: YAML reads the code as {str(code).lower()}.", 'Put it in quotes, as "NO".')
    return {str(code): None if value is None else str(value) for code, value in given.items()} if given else None


def _check_value(value: Any, table: str, name: str, where: str) -> None:
    """Refuses what no canonical column may hold: whoever reads it would find nothing, and say nothing."""
    if value is None:
        return
    words = VALUES.get(table, {}).get(name)
    type_ = (CANONICAL[table].columns | CONTROL.get(table, {}))[name]
    if words and value not in (*words, *SHORT_STAY.get((table, name), ())):
        raise FraudmlError("source.value", f"{where}: “{value}” is no canonical value.", f"Known: {', '.join(words)}.")
    if type_ in ("INTEGER", "DOUBLE") and not re.fullmatch(r"-?\d+" + (r"(\.\d+)?" if type_ == "DOUBLE" else ""), str(value)):
        raise FraudmlError("source.value", f"{where}: “{value}” is no number.", f"The column holds {type_}.")
    if type_ == "BOOLEAN" and str(value).lower() not in ("true", "false", "1", "0"):
        raise FraudmlError("source.value", f"{where}: “{value}” is neither true nor false.", "Translate codes to true or false.")


def missing_required(part: Part, table: str, present: Iterable[str]) -> list[str]:
    """Required canonical columns for which the part's relation has no source column, as ``canonical (source names)``.

    An expression decides for itself what it makes of absent columns.
    """
    present = set(present)
    out = []
    for name in CANONICAL[table].required:
        column = part.columns.get(name)
        if column is None or (column.sql is None and not column.reads() & present):
            out.append(f"{name} ({', '.join(column.names) if column and column.names else 'not mapped'})")
    return out


def unsourced(part: Part, table: str, present: Iterable[str]) -> list[str]:
    """Canonical columns of a part that no column of the source fills."""
    present = set(present)
    mapped = {name for name, column in part.columns.items() if not column.reads() or column.reads() & present}
    return [name for name in CANONICAL[table].columns if name not in mapped]
