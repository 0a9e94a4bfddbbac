"""A rule as it is declared in ``conf/rules/<scheme id>.yaml``: read, checked with file and line, and frozen."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fraudml.config import WHOLE, line_of, read_yaml
from fraudml.contracts import CANONICAL, ENTITY_TYPES
from fraudml.errors import FraudmlError
from fraudml.resources import resource
from fraudml.wording import LANGUAGES, render

KINDS = ("policy", "management", "medical")
SEVERITIES = ("clear", "suspicious", "screen")
STAGES = ("before", "during", "after")
GIVEN = ("as_of", "since", "months", "context")
"""What SQL may use as ``$name`` besides the rule's parameters: the day, the day before the window, its length, the day before ``lines``."""

_BILINGUAL = ("name", "exempt", "benign", "check", "documents")
_KEYS = {"id", "row", "kind", "severity", "stage", "suspect", "clause", "needs", "parameters", "sql", "one_doctor", *_BILINGUAL, *LANGUAGES}
_PARAMETER_KEYS = {"default", "unit", "min", "max", "zh", "en"}


@dataclass(frozen=True)
class Parameter:
    """A threshold that a bureau may move: its default, unit and the range it may be moved in."""

    default: Any
    unit: str
    min: float | None = None
    max: float | None = None

    def refuses(self, value: Any) -> str:
        """Why a value is not acceptable; empty when it is."""
        if isinstance(self.default, list):
            return "" if isinstance(value, list) and all(isinstance(each, str) for each in value) else "must be a list of texts"
        if isinstance(self.default, str):
            return "" if isinstance(value, str) else "must be text"
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return "must be a number"
        if self.min is not None and value < self.min:
            return f"is below the minimum {self.min}"
        if self.max is not None and value > self.max:
            return f"is above the maximum {self.max}"
        return ""


@dataclass(frozen=True)
class Rule:
    """One scheme's rule: what the bureau, the engine, the inspector and the lawyer need to know of it.

    Attributes
    ----------
    id : scheme id of REQUIREMENTS.md.
    clauses : articles of Decree 735, keys of ``conf/knowledge/clauses.yaml``.
    one_doctor : what the rule finds is a doctor's decision: where one doctor holds nearly all that speaks against a house, it speaks
        against the doctor as well.
    needs : tables (``items``) or columns (``items.days_supply``) without which the rule is skipped; ``a.x or a.y``: one of them is enough.
    facts : columns of the SQL that fill the wording's placeholders.
    name, wording, exempt, benign, check, documents : by language. A wording is one template, or one per ``sign`` where the SQL
        yields a column of that name (what kind of trace a piece of evidence is).
    """

    id: str
    row: str
    kind: str
    severity: str
    stage: str
    suspect: str
    clauses: tuple[str, ...]
    needs: tuple[str, ...]
    sql: str
    name: Mapping[str, str]
    wording: Mapping[str, str | Mapping[str, str]]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    exempt: Mapping[str, Any] = field(default_factory=dict)
    benign: Mapping[str, str] = field(default_factory=dict)
    check: Mapping[str, list[str]] = field(default_factory=dict)
    documents: Mapping[str, list[str]] = field(default_factory=dict)
    one_doctor: bool = False
    facts: tuple[str, ...] = ()
    path: Path = field(default=Path(), repr=False, compare=False)

    def text(self, facts: Mapping[str, Any] | str, lang: str = "zh") -> str:
        """A piece of evidence in words.

        Parameters
        ----------
        facts : the ``facts`` of an evidence row, as JSON text or mapping.
        lang : ``zh`` or ``en``.
        """
        values = json.loads(facts) if isinstance(facts, str) else facts
        template = self.wording[lang]
        return render(template if isinstance(template, str) else template[values["sign"]], values, lang)

    def bound(self, given: Mapping[str, Any], own: Mapping[str, Any]) -> str:
        """The SQL with ``$name`` filled in: ``given`` by the runner, ``own`` parameters in place of the defaults.

        Raises
        ------
        FraudmlError
            ``rules.parameter`` for an unknown name or a value out of range.
        """
        for name, value in own.items():
            why = self.parameters[name].refuses(value) if name in self.parameters else "is no parameter of this rule"
            if why:
                known = ", ".join(self.parameters) or "none"
                raise FraudmlError("rules.parameter", f"{self.id}.{name}={value} {why}.", f"Its parameters: {known}.")
        values = {name: parameter.default for name, parameter in self.parameters.items()} | dict(own) | dict(given)
        return re.sub(r"\$(\w+)", lambda match: literal(values[match.group(1)]), self.sql)


def literal(value: Any) -> str:
    """A parameter's value in SQL; days are given as ``datetime.date``."""
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(literal(each) for each in value) + "]::varchar[]"
    if isinstance(value, (int, float)):
        return f"cast({value!r} as double)" if isinstance(value, float) else repr(value)
    text = str(value).replace("'", "''")
    return f"'{text}'" if isinstance(value, str) else f"date '{text}'"


def placeholders(wording: str | Mapping[str, str]) -> set[str]:
    """Names that a wording fills in."""
    if not isinstance(wording, str):
        return {"sign"}.union(*(placeholders(template) for template in wording.values()))
    return {name for _, name, _, _ in string.Formatter().parse(wording) if name}


def declared(path: Path, shipped: Path | None = None) -> dict[str, Any]:
    """A rule file's content; a bureau's own file changes only the keys it names, parameters one by one unless it brings its own SQL."""
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise FraudmlError("rules.format", f"{path.name}:1: a rule is a mapping of keys.", "See ARCHITECTURE.md, conf/rules.")
    if shipped is None or shipped == path:
        return content
    base = read_yaml(shipped)
    if "sql" in content:  # another query has parameters of its own
        return base | {"parameters": {}} | content
    for name, change in (content.get("parameters") or {}).items():
        content["parameters"][name] = base.get("parameters", {}).get(name, {}) | change
    return {**base, **content, "parameters": {**base.get("parameters", {}), **(content.get("parameters") or {})}}


def shipped_of(path: Path) -> Path | None:
    """The shipped rule of the same name, which a bureau's file may change; none for a file of a saved version."""
    shipped = resource("conf") / "rules" / path.name
    return shipped if shipped.is_file() and not (path.parents[1] / WHOLE).is_file() else None


def parsed(path: Path) -> Rule:
    """The rule of a file, checked in everything but its SQL (:func:`fraudml.rules.load_rules` checks that)."""
    content = declared(path, shipped_of(path))
    fail = _complaint(path)
    for key in content:
        if key not in _KEYS:
            raise fail(key, f"unknown key “{key}”", f"Known: {', '.join(sorted(_KEYS))}.")
    for key in ("id", "row", "kind", "severity", "suspect", "sql", "name", *LANGUAGES):
        if not content.get(key):
            raise fail("id", f"“{key}” is missing")
    if content["id"] != path.stem:
        raise fail("id", f"id “{content['id']}” is not the file's name")
    if not re.fullmatch(r"R\d\d", str(content["row"])):
        raise fail("row", f"“{content['row']}” is no row of the form R01")
    for key, allowed in (("kind", KINDS), ("severity", SEVERITIES), ("stage", STAGES), ("suspect", ENTITY_TYPES)):
        if content.get(key, STAGES[2]) not in allowed and (key != "stage" or "stage" in content):
            raise fail(key, f"{key} “{content[key]}” is none of {', '.join(allowed)}")
    for key in _BILINGUAL:
        if key in content and set(content[key]) != set(LANGUAGES):
            raise fail(key, f"“{key}” must be given in {' and '.join(LANGUAGES)}")
    if not isinstance(content.get("one_doctor", False), bool):
        raise fail("one_doctor", "“one_doctor” must be true or false")
    needs = tuple(content.get("needs") or ("claims",))
    for need in (each for entry in needs for each in str(entry).split(" or ")):
        table, _, column = need.partition(".")
        if table not in CANONICAL or (column and column not in CANONICAL[table].columns):
            raise fail("needs", f"needs “{need}”, which is no canonical table or column")
    parameters = {name: _parameter(name, entry, fail) for name, entry in (content.get("parameters") or {}).items()}
    for name in set(re.findall(r"\$(\w+)", content["sql"])) - parameters.keys() - set(GIVEN):
        raise fail("sql", f"${name} is no parameter of the rule", f"Given besides: {', '.join('$' + each for each in GIVEN)}.")
    for name in parameters:
        if f"${name}" not in content["sql"]:
            raise fail(name, f"parameter “{name}” is not used by the SQL")
    wording = {lang: content[lang] for lang in LANGUAGES}
    if len({tuple(sorted(each)) if isinstance(each, dict) else "" for each in wording.values()}) > 1:
        raise fail(LANGUAGES[1], "the languages word different signs")
    clause = content.get("clause") or ()
    return Rule(
        id=content["id"],
        row=content["row"],
        kind=content["kind"],
        severity=content["severity"],
        stage=content.get("stage", "after"),
        suspect=content["suspect"],
        clauses=(str(clause),) if isinstance(clause, (str, int)) else tuple(str(each) for each in clause),
        needs=needs,
        sql=content["sql"],
        name=content["name"],
        wording=wording,
        parameters=parameters,
        **{key: content.get(key, {}) for key in _BILINGUAL if key != "name"},
        one_doctor=content.get("one_doctor", False),
        path=path,
    )


def _parameter(name: str, entry: Any, fail: Any) -> Parameter:
    if not isinstance(entry, dict) or "default" not in entry or "unit" not in entry:
        raise fail(name, f"parameter “{name}” needs default and unit")
    if unknown := entry.keys() - _PARAMETER_KEYS:
        raise fail(name, f"parameter “{name}” has unknown keys {', '.join(sorted(unknown))}")
    if name in GIVEN:
        raise fail(name, f"parameter “{name}” has a name that the runner gives")
    parameter = Parameter(entry["default"], str(entry["unit"]), entry.get("min"), entry.get("max"))
    if why := parameter.refuses(parameter.default):
        raise fail(name, f"parameter “{name}”: default {parameter.default} {why}")
    return parameter


def _complaint(path: Path) -> Any:
    def fail(key: str, message: str, hint: str = "Correct the rule file.") -> FraudmlError:
        return FraudmlError("rules.declaration", f"{path.name}:{line_of(path, key)}: {message}.", hint)

    return fail


def where_in_sql(rule: Rule, message: str, offset: int) -> str:
    """``file:line`` of an engine's ``LINE n``; ``offset`` lines stood before the rule's SQL."""
    found = re.search(r"LINE (\d+)", message)
    line = line_of(rule.path, "sql") + (max(1, int(found.group(1)) - offset) if found else 0)
    return f"{rule.path.name}:{line}"
