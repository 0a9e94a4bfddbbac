"""What is known besides the data: versioned tables in ``conf/knowledge/<name>.yaml``, as relations ``knowledge_<name>``.

A table declares its columns (SQL types), key, source and version. Columns ``started_on`` and ``ended_on`` give an entry its validity; two
entries of one key may not hold on the same day (``key: []``: one entry a day). Every entry bears ``source`` and ``version``: the table's,
or its own where the table declares such columns. A bureau puts its own file of the same name into its conf folder; ``parquet: FILE``
(beside the YAML) takes the place of ``rows``. Of a table that ships, the bureau's file needs only ``source``, ``version`` and the entries:
columns, key and checks are those that rules read.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fraudml.config import declarations, line_of, read_yaml, yaml_nodes
from fraudml.engine import Engine
from fraudml.errors import FraudmlError
from fraudml.resources import resource

CLAUSES = "clauses"
"""Not a table of rules: the text of the law that leads quote."""

_KEYS = {"name", "about", "source", "version", "columns", "key", "one_of", "checks", "rows", "parquet"}
_HEAD = ("name", "about", "columns", "key", "one_of", "checks")
_PYTHON = {"VARCHAR": str, "INTEGER": int, "DOUBLE": (int, float), "BOOLEAN": bool, "DATE": dt.date}
_FIRST, _LAST = dt.date(1900, 1, 1), dt.date(9999, 12, 31)


@dataclass(frozen=True)
class Clause:
    """An article of the law: its number as rules cite it, its text and whose conduct it is about."""

    id: str
    text: dict[str, str]

    def quoted(self, lang: str) -> str:
        """Number and text in one line."""
        return self.text[lang]


def load_clauses(conf_dir: str | Path | None = None) -> dict[str, Clause]:
    """Clauses by the number that rules cite (``38(1)``), from ``conf/knowledge/clauses.yaml``."""
    path = next(each for each in declarations("knowledge", conf_dir) if each.stem == CLAUSES)
    content = read_yaml(path)
    return {str(number): Clause(str(number), text) for number, text in content["clauses"].items()}


def expose_knowledge(engine: Engine, conf_dir: str | Path | None = None, read_by: Iterable[str] | None = None) -> dict[str, str]:
    """Makes knowledge tables relations ``knowledge_<name>`` of the session; returns name -> version.

    Parameters
    ----------
    read_by : queries; only what they name is made. All tables by default.

    Raises
    ------
    FraudmlError
        ``knowledge.*`` for a wrong value, an unknown column or overlapping validity, with file and line.
    """
    versions = {}
    named = None if read_by is None else set().union(*(re.findall(r"\bknowledge_(\w+)", sql) for sql in read_by))
    for path in declarations("knowledge", conf_dir):
        if path.stem == CLAUSES or (named is not None and path.stem not in named):
            continue
        content = read_table(path)
        name, columns = f"knowledge_{path.stem}", content["columns"]
        if content.get("parquet"):
            engine.parquet(f"{name}_file", path.parent / content["parquet"])
            cast = ", ".join(f'cast("{column}" as {kind}) as "{column}"' for column, kind in columns.items())
            engine.view(f"{name}_cast", f"select {cast} from {name}_file")
            engine.table(name, f"select *{_origin(content)} from {name}_cast")
            _check_parquet(engine, path, name, content)
        else:
            _check_rows(path, content)
            engine.table(name, _as_sql(content["rows"], columns, _origin(content)))
        versions[path.stem] = str(content["version"])
    return versions


def read_table(path: Path) -> dict[str, Any]:
    """A knowledge file's content; what a bureau's file of a shipped table leaves out of the head is the shipped one's.

    Raises
    ------
    FraudmlError
        ``knowledge.format`` for unknown or missing keys, types and columns, with file and line.
    """
    content = read_yaml(path)
    shipped = resource("conf") / "knowledge" / path.name
    if isinstance(content, dict) and shipped.is_file() and shipped != path:
        head = read_yaml(shipped)
        content = {key: head[key] for key in _HEAD if key in head} | content
        if isinstance(content["columns"], dict) and (lacking := [each for each in head["columns"] if each not in content["columns"]]):
            line = line_of(path, "columns")
            raise FraudmlError("knowledge.format", f"{path.name}:{line}: columns {', '.join(lacking)} are missing, which rules read.")
    _check_head(path, content)
    return dict(content)


def _origin(content: Any) -> str:
    """Where an entry comes from, as columns, unless the table says it entry by entry."""
    known = {name: str(content[name]).replace("'", "''") for name in ("source", "version")}
    return "".join(f", '{text}' as {name}" for name, text in known.items() if name not in content["columns"])


def _check_head(path: Path, content: Any) -> None:
    if not isinstance(content, dict) or not {"source", "version", "columns", "key"} <= content.keys():
        raise FraudmlError("knowledge.format", f"{path.name}:1: a knowledge table names source, version, columns and key.")
    for key in content.keys() - _KEYS:
        raise FraudmlError(
            "knowledge.format", f"{path.name}:{line_of(path, key)}: unknown key “{key}”.", f"Known: {', '.join(sorted(_KEYS))}."
        )
    for column, kind in content["columns"].items():
        if kind not in _PYTHON:
            raise FraudmlError("knowledge.format", f"{path.name}:{line_of(path, column)}: type {kind} is none of {', '.join(_PYTHON)}.")
    for key in ("key", "one_of", "checks"):
        if unknown := [each for each in content.get(key) or () if each not in content["columns"]]:
            raise FraudmlError(
                "knowledge.format", f"{path.name}:{line_of(path, key)}: {key} names {', '.join(unknown)}, which is no column."
            )
    if ("rows" in content) == bool(content.get("parquet")):
        raise FraudmlError("knowledge.format", f"{path.name}:1: give either rows or parquet.")


def _check_rows(path: Path, content: Any) -> None:
    columns: dict[str, str] = content["columns"]
    lines = _row_lines(path)
    held: dict[tuple[Any, ...], list[tuple[dt.date, dt.date, int]]] = {}
    for row, line in zip(content["rows"] or [], lines, strict=True):
        where = f"{path.name}:{line}"
        if len(row) != len(columns):
            raise FraudmlError("knowledge.row", f"{where}: {len(row)} values for {len(columns)} columns ({', '.join(columns)}).")
        entry = dict(zip(columns, row, strict=True))
        for column, value in entry.items():
            if value is not None and (
                not isinstance(value, _PYTHON[columns[column]]) or (isinstance(value, bool) and columns[column] != "BOOLEAN")  # type: ignore[arg-type]
            ):
                raise FraudmlError("knowledge.value", f"{where}: {column}={value} is no {columns[column]}.")
        if why := _refused(content, entry):
            raise FraudmlError("knowledge.value", f"{where}: {why}.")
        key = tuple(entry[each] for each in content["key"])
        start, end = entry.get("started_on") or _FIRST, entry.get("ended_on") or _LAST
        for other_start, other_end, other_line in held.get(key, []):
            if start <= other_end and other_start <= end:
                raise FraudmlError(
                    "knowledge.overlap",
                    f"{where}: {', '.join(str(each) for each in key) or 'the entry'} holds on days that line {other_line} already covers.",
                    "End the earlier entry the day before.",
                )
        held.setdefault(key, []).append((start, end, line))


def _refused(content: Any, entry: dict[str, Any]) -> str:
    """Why an entry cannot hold; empty where it can."""
    if content.get("one_of") and all(entry[each] is None for each in content["one_of"]):
        return f"gives none of {', '.join(content['one_of'])}"
    if entry.get("started_on") and entry.get("ended_on") and entry["ended_on"] < entry["started_on"]:
        return f"ends on {entry['ended_on']}, before it begins"
    for column, check in (content.get("checks") or {}).items():
        value = entry[column]
        if value is None:
            continue
        if isinstance(check, list) and value not in check:
            return f"{column}={value} is none of {', '.join(str(each) for each in check)}"
        if isinstance(check, dict) and not check.get("min", value) <= value <= check.get("max", value):
            return f"{column}={value} is outside {check.get('min', '')}…{check.get('max', '')}"
    return ""


def _row_lines(path: Path) -> list[int]:
    node = yaml_nodes(path)
    for key, value in node.value if node else ():
        if key.value == "rows":
            return [each.start_mark.line + 1 for each in value.value] if isinstance(value.value, list) else []
    return []


def _check_parquet(engine: Engine, path: Path, name: str, content: Any) -> None:
    start, end = (
        f"coalesce({column}, date '{day}')" if column in content["columns"] else f"date '{day}'"
        for column, day in (("started_on", _FIRST), ("ended_on", _LAST))
    )
    columns = ", ".join(f'"{each}"' for each in content["columns"])
    for number, row in enumerate(engine.rows(f"select {columns} from {name}_cast"), 1):
        if why := _refused(content, dict(zip(content["columns"], row, strict=True))):
            raise FraudmlError("knowledge.value", f"{content['parquet']}: row {number}: {why}.", f"Read by {path.name}.")
    key = ", ".join(f'"{each}"' for each in content["key"]) or "'any'"
    following = f"lead({start}) over (partition by {key} order by {start}, {end})"
    twice = engine.rows(f"select {key} from (select *, {following} <= {end} as twice from {name}) where twice order by all limit 5")
    if twice:
        message = f"{content['parquet']}: entries hold on the same days, first keys: {twice}."
        raise FraudmlError("knowledge.overlap", message, "End the earlier entry the day before.")


def _as_sql(rows: list[list[Any]] | None, columns: dict[str, str], origin: str) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    if not rows:
        return "select " + ", ".join(f'cast(null as {kind}) as "{name}"' for name, kind in columns.items()) + f"{origin} where false"
    values = ", ".join("(" + ", ".join(_literal(value) for value in row) + ")" for row in rows)
    cast = ", ".join(f'cast("{name}" as {kind}) as "{name}"' for name, kind in columns.items())
    return f"select {cast}{origin} from (values {values}) as entry({names})"


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, (bool, int, float)):
        return repr(value).lower()
    return "'" + str(value).replace("'", "''") + "'"
