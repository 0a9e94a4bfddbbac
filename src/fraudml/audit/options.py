"""The entries of a list's file, checked one by one: a wrong one is refused with file, line and what may stand there."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fraudml.audit.declaration import _EVERY as EVERY
from fraudml.audit.declaration import BASES, KINDS, MEASURED, TIES, UNITS, AuditList, Figure, complaint, is_need
from fraudml.wording import LANGUAGES

Fail = Callable[..., Exception]
GRADES = ("A", "B", "C", "D")


def checked_list(content: Mapping[str, Any], path: Path) -> AuditList:
    """A list from a file's content.

    Raises
    ------
    FraudmlError
        ``audit.declaration``.
    """
    fail = complaint(path)
    kind = content.get("kind")
    if kind not in KINDS:
        raise fail("kind", f"kind “{kind}” is none of {', '.join(KINDS)}")
    for key in content:
        if key not in EVERY | KINDS[kind]:
            raise fail(key, f"a list of kind {kind} has no key “{key}”", f"Known: {', '.join(sorted(EVERY | KINDS[kind]))}.")
    identity = content.get("id")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", str(identity)):
        raise fail("id", f"id “{identity}” must be lower-case letters, digits and _")
    if not re.fullmatch(r"[ARL]\d\d", str(content.get("row"))):
        raise fail("row", f"“{content.get('row')}” is no row of the form A02")
    for key in ("name", "about", "check"):
        if key in content or key == "name":
            _in_both(content.get(key), key, fail)
    options: dict[str, Any] = {}
    for key, value in content.items():
        if key in KINDS[kind]:
            check = _CHECKS.get(key)
            options[key] = check(value, key, fail) if check else value
    _complete(kind, options, fail)
    return AuditList(
        str(identity),
        content["row"],
        kind,
        content["name"],
        content.get("about", dict.fromkeys(LANGUAGES, "")),
        content.get("check", {lang: [] for lang in LANGUAGES}),
        bool(content.get("crosses", kind in ("top", "sample", "high_cost_patients", "suppliers"))),
        options,
        path,
    )


def _complete(kind: str, options: dict[str, Any], fail: Fail) -> None:
    """What a kind cannot do without."""
    needed = {
        "top": ("unit", "measure"),
        "sample": ("unit",),
        "suppliers": ("lists", "measures"),
        "high_cost_patients": ("lists", "groups", "measure", "size"),
        "past_items": ("size",),
        "schedule": ("weeks",),
        "grades": ("grades", "parts", "months"),
        "points": ("units", "points", "expire_months"),
        "blacklist": ("units", "enter", "leave", "points"),
    }
    for key in needed.get(kind, ()):
        if key not in options:
            raise fail("kind", f"a list of kind {kind} needs “{key}”")
    if kind in ("top", "sample") and ("size" in options) == ("share" in options):
        raise fail("size", "give either “size” or “share”")
    if "beyond" in options and not {"size", "least"} <= options.keys():
        raise fail("beyond", "“beyond” needs size (at most) and least (in any case)")
    if "tiebreak" in options and options.get("ties") != "drawn":
        raise fail("tiebreak", "“tiebreak” needs “ties: drawn”; ties that stay together are not broken")
    if "exchange" in options and options["exchange"] not in options.get("strata", ()):
        raise fail("exchange", f"“{options['exchange']}” must be one of the strata")
    if kind == "sample" and "among" in options and "measure" not in options:
        raise fail("among", "“among” needs a “measure” to order by")
    if options.get("of") == "institutions" and options.get("unit", "institution") != "institution":
        raise fail("unit", "of institutions, the unit is institution")


def _in_both(value: Any, key: str, fail: Fail) -> Any:
    if not isinstance(value, dict) or set(value) != set(LANGUAGES):
        raise fail(key, f"“{key}” must be given in {' and '.join(LANGUAGES)}")
    return value


def _one_of(*allowed: str) -> Callable[..., Any]:
    def check(value: Any, key: str, fail: Fail) -> Any:
        if value not in allowed:
            raise fail(key, f"{key} “{value}” is none of {', '.join(allowed)}")
        return value

    return check


def _number(low: float, high: float | None = None, whole: bool = False) -> Callable[..., Any]:
    def check(value: Any, key: str, fail: Fail) -> Any:
        wrong = isinstance(value, bool) or not isinstance(value, int if whole else (int, float))
        if wrong or value < low or (high is not None and value > high):
            kind = "a whole number" if whole else "a number"
            raise fail(key, f"“{key}” is {value}", f"Write {kind}, {low:g} or more{'' if high is None else f', at most {high:g}'}.")
        return value

    return check


def _texts(value: Any, key: str, fail: Fail) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise fail(key, f"“{key}” must be a list of texts")
    if len(set(value)) < len(value):
        raise fail(key, f"“{key}” names something twice")
    return tuple(value)


def _sql(value: Any, key: str, fail: Fail) -> str:
    if not isinstance(value, str) or not value.strip() or ";" in value:
        raise fail(key, f"“{key}” must be one SQL expression")
    return value.strip()


def _figure(value: Any, key: str, fail: Fail) -> Figure:
    if not isinstance(value, dict) or set(value) - {"sql", "unit", *LANGUAGES} or not {"sql", *LANGUAGES} <= set(value):
        raise fail(key, f"“{key}” needs sql, zh and en (and unit)")
    unit = _one_of(*MEASURED)(value.get("unit", "number"), "unit", fail)
    return Figure(_sql(value["sql"], key, fail), unit, {lang: str(value[lang]) for lang in LANGUAGES})


def _figures(value: Any, key: str, fail: Fail) -> dict[str, Figure]:
    if not isinstance(value, dict) or not value:
        raise fail(key, f"“{key}” must map names to figures")
    for name in value:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", str(name)):
            raise fail(key, f"“{name}” in “{key}” must be lower-case letters, digits and _")
    return {name: _figure(entry, name, fail) for name, entry in value.items()}


def _groups(value: Any, key: str, fail: Fail) -> dict[str, dict[str, Any]]:
    if not isinstance(value, dict) or not value:
        raise fail(key, "“groups” must map names to where, zh and en")
    for name, entry in value.items():
        if not isinstance(entry, dict) or set(entry) != {"where", *LANGUAGES}:
            raise fail(str(name), f"group “{name}” needs where, zh and en")
        _sql(entry["where"], str(name), fail)
    return value


def _needs(value: Any, key: str, fail: Fail) -> tuple[str, ...]:
    for need in _texts(value, key, fail):
        if not is_need(need):
            raise fail(key, f"needs “{need}”, which is no canonical table or column")
    return tuple(value)


def _among(value: Any, key: str, fail: Fail) -> dict[str, Any]:
    if not isinstance(value, dict) or not value or set(value) - {"size", "share", "least"}:
        raise fail(key, "“among” takes size, or share and least: the top of the stratum that is drawn from")
    return _parts(value, key, fail, size=_number(1, whole=True), share=_number(0, 1), least=_number(1, whole=True))


def _include(value: Any, key: str, fail: Fail) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) - {"where", "least", "by"} or not {"where", "least"} <= set(value):
        raise fail(key, "“include” needs where and least (and by: extend or replace)")
    return {"by": "extend"} | _parts(value, key, fail, where=_sql, least=_number(1, whole=True), by=_one_of("extend", "replace"))


def _precision(value: Any, key: str, fail: Fail) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) - {"confidence", "margin", "expected"}:
        raise fail(key, "“precision” takes confidence, margin and expected")
    return _parts(value, key, fail, confidence=_number(0.5, 0.9999), margin=_number(0.0001, 0.5), expected=_number(0, 1))


def _grades(value: Any, key: str, fail: Fail) -> dict[str, float]:
    if not isinstance(value, dict) or len(value) < 2 or not all(isinstance(each, (int, float)) and each > 0 for each in value.values()):
        raise fail(key, "“grades” maps grades, best first, to their parts of the whole, as in {A: 3, B: 4, C: 2, D: 1}")
    return {str(grade): float(part) for grade, part in value.items()}


def _weights(value: Any, key: str, fail: Fail) -> dict[str, dict[str, Any]]:
    if not isinstance(value, dict) or not value:
        raise fail(key, "“parts” maps names to sql, weight, zh and en")
    for name, entry in value.items():
        if not isinstance(entry, dict) or set(entry) != {"sql", "weight", *LANGUAGES}:
            raise fail(str(name), f"part “{name}” needs sql, weight, zh and en")
        _sql(entry["sql"], str(name), fail)
        _number(0)(entry["weight"], "weight", fail)
    return value


def _points(value: Any, key: str, fail: Fail) -> Any:
    if isinstance(value, str):  # a blacklist names the list that holds the points
        return value
    if not isinstance(value, dict) or set(value) - {"severity", "schemes", "repeated"} or "severity" not in value:
        raise fail(key, "“points” takes severity (points by clear and suspicious), schemes (by scheme id) and repeated (a factor)")
    for part in ("severity", "schemes"):
        for name, points in (value.get(part) or {}).items():
            _number(0)(points, str(name), fail)
    _number(1)(value.get("repeated", 1), "repeated", fail)
    return {"schemes": {}, "repeated": 1} | value


def _entry(value: Any, key: str, fail: Fail) -> dict[str, Any]:
    if not isinstance(value, dict) or not value or set(value) - {"points", "decisions", "months", "schemes"}:
        raise fail(key, "“enter” takes points, decisions (with months) and schemes: any of them suffices")
    return _parts(value, key, fail, points=_number(0), decisions=_number(1, whole=True), months=_number(1, whole=True), schemes=_texts)


def _exit(value: Any, key: str, fail: Fail) -> dict[str, Any]:
    if not isinstance(value, dict) or "months" not in value or set(value) - {"months", "points"}:
        raise fail(key, "“leave” takes months (without a new decision) and points (below which)")
    return _parts(value, key, fail, months=_number(1, whole=True), points=_number(0))


def _parts(value: Mapping[str, Any], _key: str, fail: Fail, **checks: Callable[..., Any]) -> dict[str, Any]:
    return {name: checks[name](each, name, fail) for name, each in value.items()}


def _of_types(value: Any, key: str, fail: Fail) -> tuple[str, ...]:
    for each in _texts(value, key, fail):
        _one_of("institution", "pharmacy", "doctor", "patient")(each, key, fail)
    return tuple(value)


_CHECKS: dict[str, Callable[..., Any]] = {
    "of": _one_of(*BASES),
    "unit": _one_of(*UNITS),
    "where": _sql,
    "having": _sql,
    "groups": _groups,
    "strata": _texts,
    "measure": _figure,
    "show": _figures,
    "measures": _figures,
    "needs": _needs,
    "size": _number(1, whole=True),
    "share": _number(0, 1),
    "least": _number(1, whole=True),
    "beyond": _sql,
    "tiebreak": _sql,
    "exchange": _one_of("region"),
    "ties": _one_of(*TIES),
    "include": _include,
    "among": _among,
    "precision": _precision,
    "lists": _texts,
    "high_share": _number(0, 1),
    "high_least": _number(1, whole=True),
    "most_of_one": _number(0, 1),
    "origins": _texts,
    "weeks": _number(1, 53, whole=True),
    "by": _texts,
    "grades": _grades,
    "parts": _weights,
    "months": _number(1, 36, whole=True),
    "fresh_months": _number(1, 36, whole=True),
    "peers": _texts,
    "least_peers": _number(2, whole=True),
    "replicates": _number(50, 5000, whole=True),
    "units": _of_types,
    "points": _points,
    "expire_months": _number(1, 120, whole=True),
    "overturned_by": _one_of("later_decision"),
    "enter": _entry,
    "leave": _exit,
}
