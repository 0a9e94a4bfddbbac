"""Programmes and lists as they are declared in ``conf/audit/``: read, checked with file and line, and frozen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fraudml.audit.periods import parse_periods
from fraudml.config import declarations, read_yaml
from fraudml.contracts import CANONICAL
from fraudml.errors import FraudmlError
from fraudml.resources import resource
from fraudml.rules.declaration import line_of
from fraudml.wording import LANGUAGES

UNITS = {"patient": "patient_id", "doctor": "doctor_id", "institution": "institution_id", "claim": "claim_id"}
"""Whom a list names, and the column that identifies it."""

BASES = ("claims", "institutions")
TIES = ("together", "drawn")
MEASURED = ("count", "yuan", "share", "number", "text", "day")
"""How a figure is written."""

_EVERY = {"id", "row", "kind", "name", "about", "check", "crosses"}
_QUERY = {"of", "unit", "where", "groups", "strata", "measure", "having", "show", "needs"}
KINDS: dict[str, set[str]] = {
    "top": _QUERY | {"size", "share", "least", "beyond", "ties", "tiebreak", "include", "exchange"},
    "sample": _QUERY | {"size", "share", "least", "among", "precision"},
    "suppliers": {"lists", "measures", "share", "needs"},
    "high_cost_patients": {"lists", "groups", "measure", "size", "high_share", "high_least", "most_of_one", "needs"},
    "past_items": {"size", "origins"},
    "rule_check": set(),
    "schedule": {"where", "weeks", "by"},
    "grades": {"where", "grades", "parts", "months", "fresh_months", "peers", "least_peers", "replicates"},
    "points": {"units", "points", "expire_months", "overturned_by"},
    "blacklist": {"units", "enter", "leave", "points"},
}
"""Kinds of lists, and the keys that each may have besides those that every list has."""


@dataclass(frozen=True)
class Figure:
    """A measure: its SQL (an aggregate over the unit's rows), how it is written and what it is called."""

    sql: str
    unit: str
    name: Mapping[str, str]


@dataclass(frozen=True)
class AuditList:
    """One list of a programme.

    Attributes
    ----------
    kind : one of :data:`KINDS`.
    name, about : by language.
    options : the checked content of the file besides the above.
    """

    id: str
    row: str
    kind: str
    name: Mapping[str, str]
    about: Mapping[str, str]
    check: Mapping[str, list[str]]
    crosses: bool
    options: Mapping[str, Any]
    path: Path = field(repr=False, compare=False, default=Path())

    def __getitem__(self, key: str) -> Any:
        return self.options[key]

    def get(self, key: str, otherwise: Any = None) -> Any:
        return self.options.get(key, otherwise)

    @property
    def measure(self) -> Figure | None:
        return self.options.get("measure")

    @property
    def show(self) -> Mapping[str, Figure]:
        return self.options.get("show", {})

    @property
    def strata(self) -> tuple[str, ...]:
        return self.options.get("strata", ())

    @property
    def needs(self) -> tuple[str, ...]:
        return self.options.get("needs", ())


@dataclass(frozen=True)
class Programme:
    """A programme: lists, periods, and how lists are crossed.

    Attributes
    ----------
    periods : as declared; empty: the latest ``years`` calendar years that the data cover.
    by : column of claims whose day puts a claim into a period (``started_on``, ``settled_on``).
    crossing : on how many lists an entity must stand to be a key target; 0: lists are not crossed.
    """

    id: str
    name: Mapping[str, str]
    source: Mapping[str, str]
    periods: tuple[str, ...]
    years: int
    by: str
    crossing: int
    lists: tuple[AuditList, ...]

    @property
    def uses_periods(self) -> bool:
        """Whether a list looks at the claims of the periods; others look at the last twelve months, or at decisions."""
        own = ("suppliers", "high_cost_patients")
        return any(each.kind in own or (each.kind in ("top", "sample") and each.get("of", "claims") == "claims") for each in self.lists)


def programmes(conf_dir: str | Path | None = None) -> list[str]:
    """Names of the programmes, the shipped ones and a bureau's own."""
    return [path.stem for path in declarations("audit", conf_dir)]


def load_programme(name: str, conf_dir: str | Path | None = None, changes: Mapping[str, Mapping[str, Any]] | None = None) -> Programme:
    """A programme with its lists, checked.

    Parameters
    ----------
    name : of a file in ``conf/audit/`` or in a bureau's ``conf_dir/audit/``.
    changes : list id -> key -> value, in place of what its file says.

    Raises
    ------
    FraudmlError
        ``audit.unknown`` for a programme that does not exist; ``audit.declaration`` with file and line for a wrong entry.
    """
    found = {path.stem: path for path in declarations("audit", conf_dir)}
    if name not in found:
        raise FraudmlError("audit.unknown", f"there is no programme “{name}”.", f"Known: {', '.join(found)}.")
    path = found[name]
    content = read_yaml(path)
    fail = complaint(path)
    if not isinstance(content, dict):
        raise fail("", "a programme is a mapping of keys")
    _known_keys(content, {"id", "name", "source", "periods", "years", "by", "crossing", "lists"}, fail)
    if content.get("id") != path.stem:
        raise fail("id", f"id “{content.get('id')}” is not the file's name")
    _bilingual(content, "name", fail)
    if "source" in content:
        _bilingual(content, "source", fail)
    periods = tuple(str(each) for each in content.get("periods") or ())
    if periods:
        _placed(lambda: parse_periods(periods), "periods", fail)
    by = content.get("by", "started_on")
    if by not in ("started_on", "ended_on", "settled_on"):
        raise fail("by", f"by “{by}” is no day of a claim", "Write started_on, ended_on or settled_on.")
    entries = content.get("lists")
    if not isinstance(entries, list) or not entries:
        raise fail("lists", "“lists” must name at least one list")
    lists = _lists(entries, fail, conf_dir, changes or {}, path)
    return Programme(
        name,
        content["name"],
        content.get("source", dict.fromkeys(LANGUAGES, "")),
        periods,
        _whole(content, "years", 3, 1, fail),
        by,
        _whole(content, "crossing", 0, 0, fail),
        lists,
    )


def _lists(
    entries: list[Any], fail: Any, conf_dir: str | Path | None, changes: Mapping[str, Mapping[str, Any]], path: Path
) -> tuple[AuditList, ...]:
    from fraudml.audit.options import checked_list

    files = {each.stem: each for each in declarations("audit/lists", conf_dir)}
    lists: list[AuditList] = []
    for entry in entries:
        use = entry if isinstance(entry, str) else entry.get("use") if isinstance(entry, dict) else None
        if use is None and isinstance(entry, dict) and "kind" in entry:  # declared in the programme itself
            content, at = dict(entry), path
            use = content.get("id")
        elif use not in files:
            raise fail(str(use), f"there is no list “{use}”", f"Known: {', '.join(files)}.")
        else:
            at = files[use]
            content = _declared(at)
            if isinstance(entry, dict):
                content |= {key: value for key, value in entry.items() if key != "use"}
        content |= {"id": entry["id"]} if isinstance(entry, dict) and "id" in entry else {}
        content |= dict(changes.get(str(content.get("id")), {}))
        lists.append(checked_list(content, at))
    ids = [each.id for each in lists]
    for identity in ids:
        if ids.count(identity) > 1:
            raise fail(identity, f"the list “{identity}” stands twice", "Give the second one an id of its own.")
    if unknown := sorted(set(changes) - set(ids)):
        raise FraudmlError("audit.list", f"this programme has no list {', '.join(unknown)}.", f"Its lists: {', '.join(ids)}.")
    for each in lists:
        for other in each.get("lists", ()):
            if other not in ids[: ids.index(each.id)]:
                raise complaint(each.path)("lists", f"“{other}” is no list that stands before “{each.id}” in {path.name}")
        if each.kind == "blacklist" and each["points"] not in ids[: ids.index(each.id)]:
            raise complaint(each.path)("points", f"“{each['points']}” is no list that stands before “{each.id}” in {path.name}")
    return tuple(lists)


def _declared(path: Path) -> dict[str, Any]:
    """A list file's content; a bureau's own file of a shipped name changes only the keys it names."""
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise complaint(path)("", "a list is a mapping of keys")
    shipped = resource("conf") / "audit" / "lists" / path.name
    return content if shipped == path or not shipped.is_file() else read_yaml(shipped) | content


def complaint(path: Path) -> Any:
    """A function that makes the error of a wrong entry, with file and line."""

    def fail(key: str, message: str, hint: str = "Correct the file.") -> FraudmlError:
        return FraudmlError("audit.declaration", f"{path.name}:{_line(path, key)}: {message}.", hint)

    return fail


def _line(path: Path, key: str) -> int:
    """Line of ``key:`` or of the word itself."""
    line = line_of(path, key) if key else 1
    if line > 1 or not key:
        return line
    for number, each in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if re.search(rf"(?<!\w){re.escape(key)}(?!\w)", each):
            return number
    return 1


def _known_keys(content: Mapping[str, Any], known: set[str], fail: Any) -> None:
    for key in content:
        if key not in known:
            raise fail(str(key), f"unknown key “{key}”", f"Known: {', '.join(sorted(known))}.")


def _bilingual(content: Mapping[str, Any], key: str, fail: Any) -> None:
    entry = content.get(key)
    if not isinstance(entry, dict) or set(entry) != set(LANGUAGES):
        raise fail(key, f"“{key}” must be given in {' and '.join(LANGUAGES)}")


def _whole(content: Mapping[str, Any], key: str, otherwise: int, least: int, fail: Any) -> int:
    value = content.get(key, otherwise)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise fail(key, f"“{key}” is {value}", f"Write a whole number, {least} or more.")
    return value


def _placed(check: Any, key: str, fail: Any) -> Any:
    try:
        return check()
    except FraudmlError as error:
        raise fail(key, error.message.rstrip("."), error.hint) from error


def is_need(need: str) -> bool:
    """Whether a text names a canonical table or column."""
    table, _, column = need.partition(".")
    return table in CANONICAL and (not column or column in CANONICAL[table].columns)
