"""The periods that a programme audits (A01): years, parts of years, quarters; and which of them the data cover."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fraudml.claims.store import month_end
from fraudml.errors import FraudmlError

SPARSE = 0.05
"""A month with fewer claims than this share of the median month is not covered: stray dates do not make a year."""


@dataclass(frozen=True)
class Period:
    """A span of days, by its name as written (``2019``, ``2021-01..2021-09``, ``2024Q1``)."""

    name: str
    start: dt.date
    end: dt.date

    @property
    def months(self) -> float:
        """Length in months; a part of a month counts by its days."""
        whole = (self.end.year - self.start.year) * 12 + self.end.month - self.start.month
        return round(whole - (self.start.day - 1) / month_end(self.start).day + self.end.day / month_end(self.end).day, 4)


def parse_period(text: str | int) -> Period:
    """A period from ``YYYY``, ``YYYYQn``, ``YYYY-MM``, ``YYYY-MM-DD``, or two of them joined by ``..``.

    Raises
    ------
    FraudmlError
        ``audit.period`` for anything else, or an end before the start.

    Examples
    --------
    >>> parse_period("2021-01..2021-09").months
    9.0
    >>> parse_period("2024Q1").end
    datetime.date(2024, 3, 31)
    """
    name = str(text).strip()
    first, _, last = name.partition("..")
    try:
        start, end = _span(first)[0], _span(last or first)[1]
    except ValueError as error:
        raise FraudmlError(
            "audit.period", f"“{name}” is no period ({error}).", "Write 2019, 2024Q1, 2024-03 or 2021-01..2021-09."
        ) from error
    if end < start:
        raise FraudmlError("audit.period", f"the period “{name}” ends before it begins.", "Write the earlier month first.")
    return Period(name, start, end)


def _span(text: str) -> tuple[dt.date, dt.date]:
    text = text.strip()
    if re.fullmatch(r"\d{4}", text):
        return dt.date(int(text), 1, 1), dt.date(int(text), 12, 31)
    if quarter := re.fullmatch(r"(\d{4})Q([1-4])", text):
        first = dt.date(int(quarter[1]), 3 * int(quarter[2]) - 2, 1)
        return first, month_end(first.replace(month=first.month + 2))
    if re.fullmatch(r"\d{4}-\d{2}", text):
        first = dt.date.fromisoformat(f"{text}-01")
        return first, month_end(first)
    day = dt.date.fromisoformat(text)
    return day, day


def parse_periods(given: str | int | Sequence[str | int]) -> tuple[Period, ...]:
    """Periods from a list, or from text with commas; two may not share a day, else one visit would count twice.

    Raises
    ------
    FraudmlError
        ``audit.period``.
    """
    texts = given.split(",") if isinstance(given, str) else [given] if isinstance(given, int) else list(given)
    periods = tuple(parse_period(each) for each in texts)
    ordered = sorted(periods, key=lambda each: each.start)
    for one, other in itertools.pairwise(ordered):
        if other.start <= one.end:
            raise FraudmlError("audit.period", f"the periods {one.name} and {other.name} overlap.", "Give periods that share no day.")
    return periods


def covered_months(counts: Mapping[dt.date, int], as_of: dt.date) -> list[dt.date]:
    """First days of the months whose claims the data hold, oldest first.

    Parameters
    ----------
    counts : claims by the first day of the month in which their service began.
    """
    known = {month: count for month, count in counts.items() if count > 0 and month_end(month) <= as_of}
    if not known:
        return []
    middle = sorted(known.values())[len(known) // 2]
    return sorted(month for month, count in known.items() if count >= SPARSE * middle)


def covers(months: Sequence[dt.date], period: Period) -> bool:
    """Whether every month of a period is covered."""
    month, have = period.start.replace(day=1), set(months)
    while month <= period.end:
        if month not in have:
            return False
        month = (month + dt.timedelta(days=32)).replace(day=1)
    return True


def latest_years(months: Sequence[dt.date], count: int) -> tuple[Period, ...]:
    """The latest calendar years that the data cover, oldest first; the first and the last may be parts of a year."""
    years = sorted({month.year for month in months})[-count:]
    periods = []
    for year in years:
        own = [month for month in months if month.year == year]
        whole = own[0].month == 1 and own[-1].month == 12
        periods.append(parse_period(str(year) if whole else f"{own[0]:%Y-%m}..{own[-1]:%Y-%m}"))
    return tuple(periods)
