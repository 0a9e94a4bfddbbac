"""The ledger's own words (``wording.yaml`` of this package): shown in the workbook and in lists, understood when they come back."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from fraudml.config import read_yaml
from fraudml.wording import render

TRANSFERRED = "transferred"

_AROUND = " .。!;,:()"  # what may stand around a word; full-width signs were made narrow before


@cache
def words() -> Mapping[str, Any]:
    content: Mapping[str, Any] = read_yaml(Path(__file__).with_name("wording.yaml"))
    return content


def say(key: str, lang: str, **values: Any) -> str:
    """A wording, filled in."""
    return render(words()[key][lang], values, lang)


def name_of(kind: str, key: str, lang: str) -> str:
    """The shown name of a state, outcome, recipient, origin, entity type or column; an unknown key as it is.

    >>> name_of("states", "not_confirmed", "zh"), name_of("recipients", "police", "en")
    ('不属实', 'police')
    """
    entry = words()[kind].get(key)
    if entry is None:
        return key
    shown = entry[lang]
    return str(shown[0] if isinstance(shown, list) else shown)


def outcome_name(outcome: str, recipient: str, lang: str) -> str:
    """An outcome in words, with whom it went to.

    >>> outcome_name("transferred", "police", "zh"), outcome_name("fined", "", "en")
    ('移送公安机关', 'fined')
    """
    name = name_of("outcomes", outcome, lang)
    if not recipient:
        return name
    return name + ("" if lang == "zh" else " to ") + name_of("recipients", recipient, lang)


def state_choices(lang: str) -> list[str]:
    """What the workbook offers as state."""
    return [name_of("states", each, lang) for each in words()["states"]]


def outcome_choices(lang: str) -> list[str]:
    """What the workbook offers as outcome; a transfer says to whom."""
    offered = []
    for each in words()["outcomes"]:
        offered += (
            [outcome_name(each, whom, lang) for whom in words()["recipients"]] if each == TRANSFERRED else [name_of("outcomes", each, lang)]
        )
    return offered


def plain(text: Any) -> str:
    """Text as it is compared: full-width letters narrow, small letters, single spaces.

    >>> plain(" Not_Confirmed "), plain("属实。")
    ('not confirmed', '属实')
    """
    folded = unicodedata.normalize("NFKC", str(text)).lower().replace("_", " ").replace("-", " ")
    return re.sub(r"\s+", " ", folded).strip(_AROUND)


def _word(text: Any) -> str:
    """A word of a list as it is looked up: Chinese characters may be set apart to fill a cell."""
    return re.sub(r"(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])", "", plain(text))


@cache
def _understood(kind: str) -> Mapping[str, str]:
    found = {}
    for key, entry in words()[kind].items():
        for spelling in (key, *entry["zh"], *entry["en"]):
            found[plain(spelling)] = key
    return found


def state_of(text: Any) -> str | None:
    """The state that a cell names, in either language; None where it names none.

    >>> state_of("已销号"), state_of("属 实"), state_of("Not confirmed"), state_of("maybe")
    ('closed', 'confirmed', 'not_confirmed', None)
    """
    return _understood("states").get(_word(text))


def origin_of(text: Any) -> str | None:
    """Why a case was looked at (lead, random, report, self), in either language."""
    return _understood("origins").get(_word(text))


def outcome_of(text: Any) -> tuple[str, str] | None:
    """The outcome that a text names and to whom it went; None where it names none.

    >>> outcome_of("移送公安局"), outcome_of("transferred to police"), outcome_of("移送县林业局"), outcome_of("追回")
    (('transferred', 'police'), ('transferred', 'police'), ('transferred', '县林业局'), ('recovered', ''))
    """
    said = _word(text)
    if (outcome := _understood("outcomes").get(said)) is not None:
        return outcome, ""
    entry = words()["outcomes"][TRANSFERRED]
    for start in sorted((plain(each) for each in (*entry["zh"], *entry["en"])), key=len, reverse=True):
        if said.startswith(start):
            whom = re.sub(r"^(to|至|给|:|:)\s*(the )?", "", said[len(start) :].strip(_AROUND))
            return TRANSFERRED, recipient_of(whom) or whom
    return None


def recipient_of(text: Any) -> str | None:
    """The body that a text names, the longest name first; None where it names none that is known."""
    said = plain(text)
    known = _understood("recipients")
    named = [spelling for spelling in known if spelling in said and known[spelling] != "other"]
    if named:
        return known[max(named, key=lambda each: (len(each), each))]
    return known.get(said)
