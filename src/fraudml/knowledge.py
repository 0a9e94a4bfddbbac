"""What is known besides the data: versioned tables in ``conf/knowledge/<name>.yaml``, as relations ``knowledge_<name>``.

A table declares its columns (SQL types), key, source and version. Columns ``started_on`` and ``ended_on`` give an entry its validity; two
entries of one key may not hold on the same day (``key: []``: one entry a day). Every entry bears ``source`` and ``version``: the table's,
or its own where the table declares such columns. A bureau puts its own file of the same name into its conf folder; ``parquet: FILE``
(beside the YAML) takes the place of ``rows``.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fraudml.config import declarations, line_of, read_yaml
from fraudml.engine import Engine
from fraudml.errors import FraudmlError

CLAUSES = "clauses"
"""Not a table of rules: the text of the law that leads quote."""

_KEYS = {"name", "about", "source", "version", "columns", "key", "rows", "parquet"}
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


def expose_knowledge(engine: Engine, conf_dir: str | Path | None = None) -> dict[str, str]:
    """Makes every knowledge table a relation ``knowledge_<name>`` of the session; returns name -> version.

    Raises
    ------
    FraudmlError
        ``knowledge.*`` for a wrong value, an unknown column or overlapping validity, with file and line.
    """
    versions = {}
    for path in declarations("knowledge", conf_dir):
        if path.stem == CLAUSES:
            continue
        content = read_yaml(path)
        _check_head(path, content)
        name, columns = f"knowledge_{path.stem}", content["columns"]
        if content.get("parquet"):
            engine.parquet(f"{name}_file", path.parent / content["parquet"])
            cast = ", ".join(f'cast("{column}" as {kind}) as "{column}"' for column, kind in columns.items())
            engine.table(name, f"select {cast}{_origin(content)} from {name}_file")
            _check_parquet(engine, path, name, content)
        else:
            _check_rows(path, content)
            engine.table(name, _as_sql(content["rows"], columns, _origin(content)))
        versions[path.stem] = str(content["version"])
    return versions


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


def _row_lines(path: Path) -> list[int]:
    import yaml

    node = yaml.compose(path.read_text(encoding="utf-8"))
    for key, value in node.value if node else ():
        if key.value == "rows":
            return [each.start_mark.line + 1 for each in value.value] if isinstance(value.value, list) else []
    return []


def _check_parquet(engine: Engine, path: Path, name: str, content: Any) -> None:
    start, end = (
        f"coalesce({column}, date '{day}')" if column in content["columns"] else f"date '{day}'"
        for column, day in (("started_on", _FIRST), ("ended_on", _LAST))
    )
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
