"""What a lead may say about its schemes: name, clauses, checks, documents, benign explanations, in one language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fraudml.config import read_yaml

UNEXPLAINED = "unexplained"


@dataclass(frozen=True)
class Scheme:
    """A scheme as the inspector reads it.

    Attributes
    ----------
    rule : the declared rule, None for what no rule finds (a ring, an unexplained pattern).
    """

    id: str
    row: str
    name: str
    severity: str
    clauses: tuple[str, ...]
    check: tuple[str, ...]
    documents: tuple[str, ...]
    benign: tuple[str, ...]
    rule: Any = None


@cache
def wordings() -> Mapping[str, Any]:
    """The leads' own wordings (``wording.yaml`` of this package)."""
    content: Mapping[str, Any] = read_yaml(Path(__file__).with_name("wording.yaml"))
    return content


def schemes(lang: str, conf_dir: str | Path | None = None) -> dict[str, Scheme]:
    """All schemes by id: those of ``conf/rules/`` and those that only leads know."""
    from fraudml.rules import load_rules

    own = {
        name: Scheme(
            id=name,
            row=entry["row"],
            name=entry["name"][lang],
            severity="suspicious",
            clauses=tuple(entry["clauses"]),
            check=listed(entry["check"][lang]),
            documents=listed(entry["documents"][lang]),
            benign=listed(entry["benign"][lang]),
        )
        for name, entry in wordings()["schemes"].items()
    }
    declared = {
        rule.id: Scheme(
            id=rule.id,
            row=rule.row,
            name=rule.name[lang],
            severity=rule.severity,
            clauses=rule.clauses,
            check=listed(rule.check.get(lang)),
            documents=listed(rule.documents.get(lang)),
            benign=listed(rule.benign.get(lang)),
            rule=rule,
        )
        for rule in load_rules(conf_dir).values()
    }
    return own | declared


def listed(entry: Any) -> tuple[str, ...]:
    """A declared text or list of texts as a tuple."""
    if not entry:
        return ()
    return (entry,) if isinstance(entry, str) else tuple(str(each) for each in entry)
