"""What a city is made from: ``conf/city/default.yaml`` with the overrides of the command line, checked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fraudml.errors import UsageError

SUBTLETIES = {"low": (0.75, 1.0), "default": (0.4, 1.0), "high": (0.2, 0.5)}
"""Range that a perpetrator's boldness is drawn from: 1 is the crudest way to do it."""


@dataclass(frozen=True)
class CityOptions:
    """A city's size, time, seed and crime.

    Attributes
    ----------
    persons : insured persons at the start.
    months : months of settlements, from ``start`` (a first day of a month).
    schemes : ids to plant, ``None`` for all.
    prevalence : multiplies the number of perpetrators; 0 gives an honest city with look-alikes. At 0.75 and 20 000 persons about
        three claims in a hundred are guilty of something: two or more perpetrators of each of the 33 schemes, so that each can be learned
        and tested. Perpetrators grow with persons to the power of 0.6, so that the share falls in larger cities.
    subtlety : low, default or high.
    """

    persons: int = 20_000
    months: int = 18
    start: dt.date = dt.date(2023, 1, 1)
    schemes: tuple[str, ...] | None = None
    prevalence: float = 0.75
    subtlety: str = "default"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.persons < 200:
            raise UsageError("city.persons", f"city.persons={self.persons}: a city needs at least 200 persons.")
        if self.months < 1:
            raise UsageError("city.months", f"city.months={self.months}: at least one month.")
        if self.subtlety not in SUBTLETIES:
            raise UsageError("city.subtlety", f"city.subtlety={self.subtlety}: it is {', '.join(SUBTLETIES)}.")
        if self.prevalence < 0:
            raise UsageError("city.prevalence", f"city.prevalence={self.prevalence}: not below 0.")
        if self.start.day != 1:
            raise UsageError("city.start", f"city.start={self.start}: the first day of a month.")

    @property
    def first_day(self) -> int:
        """Days since 1970-01-01."""
        return (self.start - dt.date(1970, 1, 1)).days

    @property
    def month_starts(self) -> np.ndarray:
        """First days of the months and of the one after the last, in days since 1970-01-01."""
        first = np.datetime64(self.start, "M")
        return (first + np.arange(self.months + 1)).astype("datetime64[D]").astype(np.int64)

    @property
    def last_day(self) -> int:
        """The last day, inclusive, in days since 1970-01-01."""
        return int(self.month_starts[-1]) - 1


def city_options(city: Any, seed: int) -> CityOptions:
    """Options from the configuration's ``city`` node.

    Raises
    ------
    UsageError
        For a value out of range.
    """
    schemes: Sequence[str] | None = city.schemes
    try:
        start = dt.date.fromisoformat(str(city.start))
    except ValueError as error:
        raise UsageError("city.start", f"city.start={city.start}: {error}.", "Write YYYY-MM-DD.") from error
    return CityOptions(int(city.persons), int(city.months), start, None if schemes is None else tuple(schemes), float(city.prevalence),
                       str(city.subtlety), int(seed))  # fmt: skip
