"""How numbers, days and lists are written for people, in Chinese and English, and the filling-in of declared wordings."""

from __future__ import annotations

import datetime as dt
import math
import re
import string
from collections.abc import Mapping
from typing import Any

LANGUAGES = ("zh", "en")
# canonical values that stand in sentences; English reads as stored
_VALUES = {"male": "男", "female": "女", "employee": "职工医保", "resident": "居民医保", "public": "公立", "private": "民营"}
# figures in a phrase that SQL put together (a placeholder named …_zh or …_en): 45.0元, 12345.6 CNY
_NOUGHTS = re.compile(r"(?<![A-Za-z0-9_.])(\d+)\.0+(?![A-Za-z0-9_])(?!\.\d)")
_MONEY = re.compile(r"(?<![A-Za-z0-9_.])\d+(?:\.\d+)?(?=元| CNY)")
# one of something, in English wordings that speak of several: 1 {settlements}, 1 {outpatient visits}
_ONE = re.compile(
    r"(?<![\w.,–/-])1 ((?:(?!(?:of|to|in|at|on|for|from|by|and|with) )[a-z][a-z-]* ){0,3}?)"
    r"(admission|bed-day|bed|bill|case|claim|customer|day|disease|doctor|drug|group|holder|home|hospital|hour|house|in-patient|institution"
    r"|insurance|item|lead|line|machine|member|minute|month|night|overlap|pack|patient|person|prescriber|prescription|purchase|record"
    r"|region|reimbursement|resident|sale|service|settlement|stay|visit|week|year|(?:pharmac|entit)(?=ies)|diagnos(?=es))"
    r"(?:s|ies|es)\b"
)
_ONCE = re.compile(r"(?<![\w.,–/-])1 times(?= a day| in its period|,|\)|$)")
_ENDINGS = {"pharmac": "y", "entit": "y", "diagnos": "is"}
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def number(value: float, digits: int = 2) -> str:
    """Thousands separators, at most ``digits`` decimals, none where they say nothing.

    >>> number(12345.0), number(0.12345), number(1234.5)
    ('12,345', '0.12', '1,234.5')
    """
    text = f"{value:,.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def percent(share: float) -> str:
    """A share of one as a percentage; what is not quite nothing or all does not read so.

    >>> percent(0.1234), percent(1.0), percent(0.00031), percent(0.99981)
    ('12.3%', '100%', '0.03%', '99.98%')
    """
    for digits in range(1, 6):
        text = number(100 * share, digits)
        if text not in ("0", "100") or share in (0, 1):
            break
    return text + "%"


def written_day(value: dt.date, lang: str) -> str:
    """A day as people write it.

    >>> written_day(dt.date(2024, 3, 5), "zh"), written_day(dt.date(2024, 3, 5), "en")
    ('2024年3月5日', '5 March 2024')
    """
    return f"{value.year}年{value.month}月{value.day}日" if lang == "zh" else f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def window(months: int, lang: str) -> str:
    """A look-back window in words."""
    if lang == "zh":
        return f"近{months}个月"
    return "the last month" if months == 1 else f"the last {months} months"


def written(value: Any, lang: str) -> str:
    """Any placeholder value in words."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "未知" if lang == "zh" else "unknown"
    if isinstance(value, bool):
        return {"zh": ("否", "是"), "en": ("no", "yes")}[lang][value]
    if isinstance(value, (int, float)):
        return number(value)
    if isinstance(value, dt.datetime):
        return f"{written_day(value.date(), lang)} {value:%H:%M}"
    if isinstance(value, dt.date):
        return written_day(value, lang)
    if isinstance(value, (list, tuple, set, frozenset)):
        return ("、" if lang == "zh" else ", ").join(written(each, lang) for each in value)
    text = str(value)
    if lang == "zh" and text in _VALUES:
        return _VALUES[text]
    if re.fullmatch(r"-?\d+\.0", text):  # a whole number that went through SQL text
        return number(float(text))
    if re.fullmatch(r"(19|20)\d\d-(0[1-9]|1[0-2])", text):
        year, month = int(text[:4]), int(text[5:])
        return f"{year}年{month}月" if lang == "zh" else f"{_MONTHS[month - 1]} {year}"
    try:  # days and times come out of JSON as text
        if len(text) == 10:
            return written_day(dt.date.fromisoformat(text), lang)
        if len(text) >= 16 and text[4] == "-":
            return written(dt.datetime.fromisoformat(text), lang)
    except ValueError:
        pass
    return text


class _Word(str):
    """A placeholder's words; ``{name:if so|if not}`` chooses between two wordings by a truth."""

    __slots__ = ("so",)
    so: bool

    def __format__(self, choice: str) -> str:
        if "|" not in choice:
            return format(str(self), choice)
        yes, no = choice.split("|", 1)
        return yes if self.so else no


def _word(name: str, value: Any, lang: str) -> _Word:
    text = written(value, lang)
    if name.endswith(("_zh", "_en")):
        text = _MONEY.sub(lambda found: number(float(found[0])), _NOUGHTS.sub(r"\1", text))
    word = _Word(text)
    word.so = value is not None and value == value and bool(value)
    return word


def render(template: str, values: Mapping[str, Any], lang: str) -> str:
    """Fills ``{placeholders}``; a missing one reads “unknown”, ``{same:here|elsewhere}`` reads the first where the value is true.

    >>> render("{n}次购药,共{amount}元", {"n": 31, "amount": 12345.6}, "zh")
    '31次购药,共12,345.6元'
    >>> render("在{same:同一|另一}机构", {"same": False}, "zh")
    '在另一机构'
    >>> render("{until:from {day} to {until}|on {day}}", {"day": "2024-03-05", "until": None}, "en")
    'on 5 March 2024'
    >>> render("{n} pharmacy purchases at {n} pharmacies, {m} days apart", {"n": 1, "m": 21}, "en")
    '1 pharmacy purchase at 1 pharmacy, 21 days apart'
    """
    parts = list(string.Formatter().parse(template))
    names = {name for _, name, _, _ in parts if name}
    # a choice may name placeholders of its own: {last_day:until {last_day}|on {first_day}}
    names |= {name for _, _, choice, _ in parts for _, name, _, _ in string.Formatter().parse(choice or "") if name}
    text = template.format_map({name: _word(name, values.get(name), lang) for name in names})
    return _singular(text) if lang == "en" else text


def _singular(text: str) -> str:
    text = _ONE.sub(lambda found: f"1 {found[1]}{found[2]}{_ENDINGS.get(found[2], '')}", text)
    return _ONCE.sub("once", text).replace(", 1 were ", ", 1 was ")
