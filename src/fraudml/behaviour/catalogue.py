"""The catalogue of features: ``features/<entity>.yaml`` read, checked and unfolded into columns."""

from __future__ import annotations

import difflib
import string
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fraudml import wording
from fraudml.behaviour.relations import Grouping, relations_of
from fraudml.config import read_yaml
from fraudml.contracts import ENTITY_TYPES
from fraudml.engine import columns_of
from fraudml.engine.sql import inlined
from fraudml.errors import FraudmlError
from fraudml.resources import resource

WINDOWS = (1, 3, 12)
DIRECTIONS = ("high", "low", "both")
PLACEHOLDERS = {"value", "window", "peer_median", "peer_percentile"}
UNITS: dict[str, tuple[str, str]] = {
    "claims": ("次", "claims"),
    "persons": ("人", "persons"),
    "doctors": ("名", "doctors"),
    "institutions": ("家", "institutions"),
    "pharmacies": ("家", "pharmacies"),
    "lines": ("条", "lines"),
    "codes": ("种", "codes"),
    "stays": ("次", "stays"),
    "days": ("天", "days"),
    "minutes": ("分钟", "minutes"),
    "hours": ("小时", "hours"),
    "years": ("岁", "years"),
    "CNY": ("元", "CNY"),
    "km": ("公里", "km"),
    "share": ("", ""),
    "times": ("倍", "times"),
    "index": ("", ""),
}
"""Units that a feature may have, in Chinese and English; a ``share`` is written as a percentage."""

_FEATURE_KEYS = {"of", "sql", "expr", "windows", "unit", "direction", "zh", "en", "serves", "benign", "needs"}
_FILE_KEYS = {"entity", "peers", "attributes", "relations", "features"}


@dataclass(frozen=True)
class Feature:
    """One column of a behaviour vector.

    Attributes
    ----------
    name : the column, e.g. ``pharmacy_count_3m``.
    base : the declared name, e.g. ``pharmacy_count``.
    window : months looked back, None where the feature has no window.
    of : the relation aggregated; None for an expression over other features.
    sql : the aggregate (or, with ``of`` None, the expression over columns of the vector).
    unit, direction : a key of :data:`UNITS`; ``high``, ``low`` or ``both``: which side is suspicious.
    wording, benign : language -> text; wording has the placeholders value, window, peer_median, peer_percentile.
    peers : attributes of the peer group.
    serves : rows of REQUIREMENTS.md.
    needs : tables or table.column that must be there.
    where : file and line of the declaration.
    """

    name: str
    base: str
    window: int | None
    of: str | None
    sql: str
    unit: str
    direction: str
    wording: Mapping[str, str]
    benign: Mapping[str, str]
    peers: tuple[str, ...]
    serves: tuple[str, ...]
    needs: tuple[str, ...]
    where: str

    def written(self, value: float | None, lang: str) -> str:
        """A value of this feature as people write it: shares as percentages."""
        if value is None or value != value:
            return wording.written(None, lang)
        return wording.percent(value) if self.unit == "share" else wording.number(value)

    def sentence(self, lang: str, value: float | None, peer_median: float | None = None, peer_percentile: float | None = None) -> str:
        """The feature's wording with its figures filled in.

        Parameters
        ----------
        lang : ``zh`` or ``en``.
        value, peer_median : in the feature's unit.
        peer_percentile : in [0, 100].
        """
        values = {
            "value": self.written(value, lang),
            "peer_median": self.written(peer_median, lang),
            "peer_percentile": wording.written(None if peer_percentile is None else round(peer_percentile, 1), lang),
            "window": wording.window(self.window, lang) if self.window else "",
        }
        return wording.render(self.wording[lang], values, lang)


@dataclass(frozen=True)
class Attribute:
    """One peer attribute: text, one value per entity (NULL reads ``unknown``)."""

    name: str
    of: str
    sql: str
    where: str


@dataclass(frozen=True)
class Catalogue:
    """All that ``features/<entity>.yaml`` declares.

    Attributes
    ----------
    entity : patient, doctor, institution, pharmacy or claim.
    peers : attributes whose values together make a peer group, most important first.
    attributes, groupings, features : by name; features by column.
    """

    entity: str
    peers: tuple[str, ...]
    attributes: Mapping[str, Attribute]
    groupings: Mapping[str, Grouping] = field(default_factory=dict)
    features: Mapping[str, Feature] = field(default_factory=dict)


def load_catalogue(entity: str, conf_dir: str | Path | None = None) -> Catalogue:
    """The declared features of an entity.

    Parameters
    ----------
    entity : one of :data:`fraudml.contracts.ENTITY_TYPES`.
    conf_dir : a bureau's own folder; its ``features/<entity>.yaml`` adds to the shipped features, and a feature
        of the same name wins over the shipped one.

    Raises
    ------
    FraudmlError
        ``features.*`` with file, line and remedy for a wrong declaration.

    Examples
    --------
    >>> load_catalogue("patient").features["pharmacy_count_3m"].window
    3
    """
    if entity not in ENTITY_TYPES:
        raise FraudmlError("features.entity", f"“{entity}” has no behaviour vectors.", f"Entities: {', '.join(ENTITY_TYPES)}.")
    catalogue = _read(entity, resource("features") / f"{entity}.yaml", None)
    own = Path(conf_dir) / "features" / f"{entity}.yaml" if conf_dir else None
    if own is not None and own.is_file():
        catalogue = _read(entity, own, catalogue)
    return catalogue


def _read(entity: str, path: Path, shipped: Catalogue | None) -> Catalogue:
    content = read_yaml(path) or {}
    lines = _lines(path)
    _only(content, _FILE_KEYS, path.name, lines, ())
    peers = tuple(content.get("peers") or (shipped.peers if shipped else ()))
    groupings = dict(shipped.groupings) if shipped else {}
    attributes = dict(shipped.attributes) if shipped else {}
    features = dict(shipped.features) if shipped else {}
    for name, entry in (content.get("relations") or {}).items():
        where = f"{path.name}:{lines.get(('relations', name), 1)}"
        groupings[name] = Grouping(
            name, entry.get("of", "claims"), tuple(entry["by"]), dict(entry.get("measures") or {}), entry.get("where")
        )
        if groupings[name].of not in relations_of(entity):
            _fail("relation", where, f"there is no relation {groupings[name].of}", relations_of(entity), groupings[name].of)
    for name, entry in (content.get("attributes") or {}).items():
        attributes[name] = Attribute(name, entry.get("of", "claims"), str(entry["sql"]), f"{path.name}:{lines[('attributes', name)]}")
    for name in peers:
        if name not in attributes:
            _fail("peers", f"{path.name}:{lines.get(('peers',), 1)}", f"peers names no attribute {name}", attributes, name)
    known = set(relations_of(entity)) | set(groupings)
    declared = content.get("features") or {}
    for name in declared:  # a bureau's own wording of a feature replaces all its windows
        features = {column: feature for column, feature in features.items() if feature.base != name}
    for name, entry in declared.items():
        where = f"{path.name}:{lines[('features', name)]}: {name}"
        for feature in _unfold(name, entry, where, peers, known, set(declared)):
            if feature.name in features:
                raise FraudmlError(
                    "features.duplicate", f"{where}: the column {feature.name} is declared twice.", "Rename one of the features."
                )
            features[feature.name] = feature
    features = _ordered(features)
    return Catalogue(entity, peers, attributes, groupings, features)


def _unfold(name: str, entry: Any, where: str, peers: tuple[str, ...], known: set[str], bases: set[str]) -> list[Feature]:
    """The columns of one declaration: one per window."""
    if not isinstance(entry, dict):
        _fail("entry", where, "a feature is a mapping of sql, unit, zh, en …")
    _only(entry, _FEATURE_KEYS, where, {}, ())
    if ("sql" in entry) == ("expr" in entry):
        _fail("sql", where, "a feature has either sql (an aggregate) or expr (of other features)")
    for key in ("unit", "zh", "en", "direction"):
        if not entry.get(key):
            _fail("wording" if key in wording.LANGUAGES else key, where, f"{key} is missing")
    if entry["unit"] not in UNITS:
        _fail("unit", where, f"there is no unit {entry['unit']}", UNITS, entry["unit"])
    if entry["direction"] not in DIRECTIONS:
        _fail("direction", where, f"direction is high, low or both, not {entry['direction']}")
    windows = entry.get("windows") or [None]
    if any(window not in (None, *WINDOWS) for window in windows):
        _fail("windows", where, f"windows are of {', '.join(map(str, WINDOWS))} months")
    for lang in wording.LANGUAGES:
        try:
            used = {field for _, field, _, _ in string.Formatter().parse(entry[lang]) if field is not None}
        except ValueError as error:
            _fail("wording", where, f"{lang}: {error}")
        if not used <= PLACEHOLDERS:
            _fail("wording", where, f"{lang} has an unknown placeholder {{{min(used - PLACEHOLDERS)}}}", PLACEHOLDERS)
        if "value" not in used:
            _fail("wording", where, f"{lang} does not say {{value}}")
    relation = None if "expr" in entry else entry.get("of", "claims")
    if relation is not None and relation not in known:
        _fail("relation", where, f"there is no relation {relation}", known, relation)
    sql = str(entry.get("sql", entry.get("expr")))
    feature = Feature(
        name=name,
        base=name,
        window=None,
        of=relation,
        sql=sql,
        unit=entry["unit"],
        direction=entry["direction"],
        wording={lang: entry[lang] for lang in wording.LANGUAGES},
        benign=dict(entry.get("benign") or {}),
        peers=peers,
        serves=tuple(entry.get("serves") or ()),
        needs=tuple(entry.get("needs") or ()),
        where=where,
    )
    columns_of(sql.replace("$window", "1"), where)  # bad SQL fails here
    unfolded = []
    for window in windows:
        if window is None:
            unfolded.append(feature)
            continue
        of_window = sql.replace("$window", str(window))
        if relation is None:  # an expression over features is written with their declared names
            of_window = inlined(of_window, {base: f"{base}_{window}m" for base in columns_of(of_window, where) & bases}, where)
        unfolded.append(replace(feature, name=f"{name}_{window}m", window=window, sql=of_window))
    return unfolded


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

    root = yaml.compose(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
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


def _only(entry: Mapping[str, Any], allowed: set[str], where: str, lines: Mapping[tuple[str, ...], int], above: tuple[str, ...]) -> None:
    for key in entry:
        if key not in allowed:
            line = lines.get((*above, key))
            _fail("key", f"{where}:{line}" if line else where, f"there is no key {key}", allowed, str(key))


def _fail(reason: str, where: str, message: str, known: Any = (), given: str = "") -> None:
    near = difflib.get_close_matches(given, list(known), 1) if given else []
    remedy = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(sorted(known))}." if known else "Correct the declaration."
    raise FraudmlError(f"features.{reason}", f"{where}: {message}.", remedy)
