"""Reading of ``features/<entity>.yaml``: keys, wording and names are checked, each error tells file and line."""

from __future__ import annotations

import difflib
import re
import string
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from fraudml import wording
from fraudml.config import read_yaml, yaml_nodes
from fraudml.contracts import CANONICAL, ENTITY_TYPES
from fraudml.engine import columns_of
from fraudml.engine.sql import has_query, inlined
from fraudml.errors import FraudmlError
from fraudml.vectors.declared import UNITS, Attribute, Catalogue, Feature
from fraudml.vectors.relations import Grouping, relations_of

WINDOWS = (1, 3, 12)
DIRECTIONS = ("high", "low", "both")
ROWS = re.compile(r"R(0[1-9]|[12]\d|3[0-3])")
PLACEHOLDERS = {"value", "window", "peer_median", "peer_percentile"}

_FILE_KEYS = {"entity", "peers", "attributes", "relations", "features"}
_FEATURE_KEYS = {"of", "sql", "expr", "windows", "unit", "direction", "zh", "en", "serves", "benign", "needs"}
_RELATION_KEYS = {"of", "by", "measures", "where"}
_ATTRIBUTE_KEYS = {"of", "sql"}
_MEASURE_KEYS = _FEATURE_KEYS - {"of", "sql", "expr", "needs"}


def read_declarations(entity: str, path: Path, shipped: Catalogue | None = None) -> Catalogue:
    """The catalogue that a file declares, on top of the shipped one where that is given.

    Raises
    ------
    FraudmlError
        ``features.*`` or ``sql.syntax`` with file, line and what to do.
    """
    content = read_yaml(path) or {}
    lines = _lines(path)

    def where(*keys: str) -> str:
        return f"{path.name}:{lines.get(keys, 1)}" + (f": {keys[-1]}" if len(keys) > 1 else "")

    _only(content, _FILE_KEYS, where(), where)
    for section in ("attributes", "relations", "features"):
        _mapping(content, section, where(section))
    if content.get("entity", entity) != entity:
        _fail("entity", where("entity"), f"the file declares {content['entity']}, its name says {entity}")
    base = shipped or Catalogue(entity, (), {})
    relations = set(relations_of(entity))

    groupings = dict(base.groupings)
    for name, entry in (content.get("relations") or {}).items():
        _only(entry, _RELATION_KEYS, where("relations", name))
        if name in relations:
            _fail("duplicate", where("relations", name), f"{name} is a relation already")
        if entry.get("of", "claims") not in relations:
            _fail("relation", where("relations", name), f"there is no relation {entry['of']}", relations, entry["of"])
        if not _list(entry, "by", where("relations", name)):
            _fail("relation", where("relations", name), "by is missing: the columns that make the counterpart")
        measures = {str(measure): str(sql) for measure, sql in _mapping(entry, "measures", where("relations", name)).items()}
        condition = entry.get("where")
        for text in [*entry["by"], *measures.values(), *([condition] if condition else [])]:
            _check_expression(str(text), where("relations", name))
        groupings[name] = Grouping(
            name, entry.get("of", "claims"), tuple(map(str, entry["by"])), measures, condition, where("relations", name)
        )
    known = relations | set(groupings)

    attributes = dict(base.attributes)
    for name, entry in (content.get("attributes") or {}).items():
        _only(entry, _ATTRIBUTE_KEYS, where("attributes", name))
        if "sql" not in entry:
            _fail("sql", where("attributes", name), "sql is missing")
        if entry.get("of", "claims") not in known:
            _fail("relation", where("attributes", name), f"there is no relation {entry['of']}", known, entry["of"])
        _check_expression(str(entry["sql"]), where("attributes", name))
        attributes[name] = Attribute(name, entry.get("of", "claims"), str(entry["sql"]), where("attributes", name))
    peers = tuple(content.get("peers") or base.peers)
    for name in peers:
        if name not in attributes:
            _fail("peers", where("peers"), f"there is no attribute {name}", attributes, name)

    declared = content.get("features") or {}
    # a feature of the same name wins over the shipped one, with all its windows
    features = {column: feature for column, feature in base.features.items() if feature.base not in declared}
    bases = set(declared) | {feature.base for feature in features.values()}
    for name, entry in declared.items():
        for feature in _unfolded(name, entry, where("features", name), peers, known, bases):
            if feature.name in features or feature.name in attributes:
                _fail(
                    "duplicate", feature.where, f"there is a column {feature.name} already ({_place(features, attributes, feature.name)})"
                )
            features[feature.name] = feature
    return Catalogue(entity, peers, attributes, groupings, _ordered(features))


def read_measures(entity: str, path: Path, peers: tuple[str, ...]) -> dict[str, Feature]:
    """The wordings that a ``graph.yaml`` declares of an entity's graph measures, by column; what computes them is code.

    Raises
    ------
    FraudmlError
        ``features.*`` with file, line and what to do.
    """
    content = read_yaml(path) or {}
    lines = _lines(path)

    def where(*keys: str) -> str:
        return f"{path.name}:{lines.get(keys, 1)}" + (f": {keys[-1]}" if len(keys) > 1 else "")

    _only(content, set(ENTITY_TYPES), where(), where)
    measures: dict[str, Feature] = {}
    for name, entry in (content.get(entity) or {}).items():
        _only(entry, _MEASURE_KEYS, where(entity, name))
        for feature in _by_window(_feature(name, entry, where(entity, name), peers), entry):
            measures[feature.name] = feature
    return measures


def _place(features: Mapping[str, Feature], attributes: Mapping[str, Attribute], name: str) -> str:
    return (features.get(name) or attributes[name]).where


def _unfolded(name: str, entry: Any, where: str, peers: tuple[str, ...], known: set[str], bases: set[str]) -> list[Feature]:
    """The columns of one declaration: one per window."""
    if not isinstance(entry, dict):
        _fail("entry", where, "a feature is a mapping of sql, unit, zh, en …")
    _only(entry, _FEATURE_KEYS, where)
    if ("sql" in entry) == ("expr" in entry):
        _fail("sql", where, "a feature has either sql (an aggregate) or expr (of other features)")
    if entry.get("sql", entry.get("expr")) is None:
        _fail("sql", where, "sql is empty")
    relation = None if "expr" in entry else entry.get("of", "claims")
    if relation is not None and relation not in known:
        _fail("relation", where, f"there is no relation {relation}", known, relation)
    sql = str(entry.get("sql", entry.get("expr")))
    feature = replace(_feature(name, entry, where, peers), of=relation, sql=sql)
    _check_expression(sql.replace("$window", "1"), where)
    unfolded = []
    for each in _by_window(feature, entry):
        if each.window is not None:
            of_window = sql.replace("$window", str(each.window))
            if relation is None:  # an expression over features is written with their declared names
                of_window = inlined(of_window, {base: f"{base}_{each.window}m" for base in columns_of(of_window, where) & bases}, where)
            each = replace(each, sql=of_window)
        unfolded.append(each)
    return unfolded


def _feature(name: str, entry: Mapping[str, Any], where: str, peers: tuple[str, ...]) -> Feature:
    """What every declaration says of its column: unit, direction, wording, rows, benign causes."""
    for key in ("unit", "zh", "en", "direction"):
        if not entry.get(key):
            _fail("wording" if key in wording.LANGUAGES else key, where, f"{key} is missing")
        if not isinstance(entry[key], str):
            _fail("wording" if key in wording.LANGUAGES else key, where, f"{key} is a text, not {entry[key]}")
    if entry["unit"] not in UNITS:
        _fail("unit", where, f"there is no unit {entry['unit']}", UNITS, entry["unit"])
    if entry["direction"] not in DIRECTIONS:
        _fail("direction", where, f"direction is high, low or both, not {entry['direction']}")
    if any(type(window) is not int or window not in WINDOWS for window in _list(entry, "windows", where, "windows")):
        _fail("windows", where, f"windows are of {', '.join(map(str, WINDOWS))} months")
    for row in _list(entry, "serves", where):
        if not ROWS.fullmatch(str(row)):
            _fail("serves", where, f"there is no row {row}, rows are R01 to R33")
    for need in _list(entry, "needs", where):
        _check_need(str(need), where)
    _check_wording(entry, where)
    return Feature(
        name=name,
        base=name,
        window=None,
        of=None,
        sql="",
        unit=entry["unit"],
        direction=entry["direction"],
        wording={lang: entry[lang] for lang in wording.LANGUAGES},
        benign=dict(entry.get("benign") or {}),
        peers=peers,
        serves=tuple(entry.get("serves") or ()),
        needs=tuple(entry.get("needs") or ()),
        where=where,
    )


def _list(entry: Mapping[str, Any], key: str, where: str, code: str = "entry") -> list[Any]:
    value = entry.get(key)
    if value is not None and not isinstance(value, list):
        _fail(code, where, f"{key} is a list: {key}: [{value}]")
    return value or []


def _mapping(entry: Mapping[str, Any], key: str, where: str, code: str = "entry") -> Mapping[str, Any]:
    value = entry.get(key) or {}
    if not isinstance(value, dict):
        _fail(code, where, f"{key} is a mapping, {key}: {{name: …}}")
    return value


def _check_expression(sql: str, where: str) -> None:
    """Bad SQL fails here, and a query of its own: it could read what was not known on the day."""
    columns_of(sql, where)
    if has_query(sql, where):
        _fail("sql", where, "an expression reads the columns of its relation and holds no query")


def _check_need(need: str, where: str) -> None:
    """A table or column that is none would leave the feature out for ever."""
    for each in need.split(" or "):
        table, _, column = each.partition(".")
        if table not in CANONICAL:
            _fail("needs", where, f"there is no table {table}", CANONICAL, table)
        if column and column not in CANONICAL[table].columns:
            _fail("needs", where, f"{table} has no column {column}", CANONICAL[table].columns, column)


def _by_window(feature: Feature, entry: Mapping[str, Any]) -> list[Feature]:
    """The declared column, once per window."""
    windows = entry.get("windows") or [None]
    return [feature if window is None else replace(feature, name=f"{feature.name}_{window}m", window=window) for window in windows]


def _check_wording(entry: Mapping[str, Any], where: str) -> None:
    benign = _mapping(entry, "benign", where, "wording")
    for lang in wording.LANGUAGES:
        try:
            used = {field for _, field, _, _ in string.Formatter().parse(entry[lang]) if field is not None}
        except ValueError as error:
            _fail("wording", where, f"{lang}: {error}")
        if not used <= PLACEHOLDERS:
            _fail("wording", where, f"{lang} has an unknown placeholder {{{min(used - PLACEHOLDERS)}}}", PLACEHOLDERS)
        if "value" not in used:
            _fail("wording", where, f"{lang} does not say {{value}}")
        if "window" in used and not entry.get("windows"):
            _fail("wording", where, f"{lang} says {{window}}, which a feature without windows has not")
        if not benign.get(lang):
            _fail("wording", where, f"benign.{lang} is missing: what else could explain the value")


def _ordered(features: dict[str, Feature]) -> dict[str, Feature]:
    """Aggregates first, then expressions after what they read."""
    done = {name: feature for name, feature in features.items() if feature.of is not None}
    waiting = {name: feature for name, feature in features.items() if feature.of is None}
    while waiting:
        ready = {name: f for name, f in waiting.items() if columns_of(f.sql, f.where) <= done.keys()}
        if not ready:
            first = next(iter(waiting.values()))
            unknown = sorted(columns_of(first.sql, first.where) - done.keys())
            _fail("column", first.where, f"expr reads {', '.join(unknown)}, which no feature gives (or in a circle)", features, unknown[0])
        done |= ready
        waiting = {name: f for name, f in waiting.items() if name not in ready}
    return done


def _lines(path: Path) -> dict[tuple[str, ...], int]:
    """Line of each key of the two upper levels; a key given twice is an error."""
    import yaml

    root = yaml_nodes(path)
    lines: dict[tuple[str, ...], int] = {}

    def note(node: Any, above: tuple[str, ...]) -> None:
        if not isinstance(node, yaml.MappingNode):
            return
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in seen:
                raise FraudmlError(
                    "features.duplicate", f"{path.name}:{line}: {'.'.join((*above, key.value))} stands there twice.", "Keep one."
                )
            seen.add(key.value)
            lines[(*above, key.value)] = line
            note(value, (*above, key.value))

    note(root, ())
    return lines


def _only(entry: Any, allowed: set[str], where: str, line_of: Any = None) -> None:
    if not isinstance(entry, dict):
        _fail("entry", where, "a mapping of keys is wanted here")
    for key in entry:
        if key not in allowed:
            _fail("key", line_of(key) if line_of else where, f"there is no key {key}", allowed, str(key))


def _fail(reason: str, where: str, message: str, known: Iterable[str] = (), given: str = "") -> NoReturn:
    near = difflib.get_close_matches(given, list(known), 1) if given else []
    remedy = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(sorted(known))}." if known else "Correct the declaration."
    raise FraudmlError(f"features.{reason}", f"{where}: {message}.", remedy)
