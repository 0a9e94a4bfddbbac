"""The reports' own words in both languages (``wording.yaml`` of this package)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from fraudml.config import read_yaml
from fraudml.wording import number, render, written_day


@cache
def words() -> Mapping[str, Mapping[str, Any]]:
    content: Mapping[str, Mapping[str, Any]] = read_yaml(Path(__file__).with_name("wording.yaml"))
    return content


def say(key: str, lang: str, **values: Any) -> str:
    """A wording, filled in."""
    return render(words()[key][lang], values, lang)


def short_number(value: float, lang: str) -> str:
    """A figure for an axis or a label: 12,345 or, from a hundred thousand, 12.3万 and 123K.

    >>> short_number(31, "zh"), short_number(123456, "zh"), short_number(0.25, "en"), short_number(1234567, "en")
    ('31', '12.3万', '0.25', '1.2M')
    """
    size = abs(value)
    if lang == "zh":
        if size >= 1e8:
            return number(value / 1e8, 1) + "亿"
        if size >= 1e5:
            return number(value / 1e4, 1) + "万"
    else:
        if size >= 1e6:
            return number(value / 1e6, 1) + "M"
        if size >= 1e5:
            return number(value / 1e3, 0) + "K"
    return number(value, 0 if size >= 100 else 1 if size >= 10 else 2)


def short_day(day: dt.date, lang: str) -> str:
    """A day where there is little room.

    >>> short_day(dt.date(2024, 3, 5), "zh"), short_day(dt.date(2024, 3, 5), "en")
    ('2024年3月5日', '5 Mar 2024')
    """
    if lang == "zh":
        return written_day(day, lang)
    number_, month, year = written_day(day, lang).split()
    return f"{number_} {month[:3]} {year}"


def certainty(risk: float, lang: str) -> str:
    """High, medium or low: a probability in words."""
    return say("certainty_high" if risk >= 0.7 else "certainty_medium" if risk >= 0.4 else "certainty_low", lang)


def subtitle(dossiers: Sequence[Mapping[str, Any]], start: dt.date, as_of: dt.date, lang: str) -> str:
    """The list in one line; what was drawn at random is no suspicion, so its estimates are not money in question."""
    ranked = [each for each in dossiers if each["drawn"] == "ranked"]
    amount = short_number(sum(each["amount"] for each in ranked), lang)
    return say("subtitle", lang, start=start, end=as_of, count=len(dossiers), random=len(dossiers) - len(ranked), amount=amount)


def period(lead: Mapping[str, Any], lang: str) -> str:
    """From when to when; one day where both are the same."""
    days = [written_day(dt.date.fromisoformat(lead[name]), lang) for name in ("start", "end")]
    return " – ".join(dict.fromkeys(days))


def recovery_range(lead: Mapping[str, Any], lang: str) -> str:
    """Between which amounts the recovery mostly lies, in whole yuan."""
    return say("range_of", lang, low=number(lead["low"], 0), high=number(lead["high"], 0))
