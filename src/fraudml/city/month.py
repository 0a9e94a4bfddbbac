"""A month's bills while schemes change them, and what a planted encounter means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fraudml.city.bills import line_table
from fraudml.city.chance import keyed
from fraudml.city.world import World

Culprit = tuple[str, int, str]
"""(entity type, number, role): patient, doctor, institution (a pharmacy is named by its institution number)."""


@dataclass(frozen=True)
class Tag:
    """What a planted encounter means: who is behind it, or that it only looks so."""

    scheme: str
    culprits: tuple[Culprit, ...]
    ring: str
    is_lookalike: bool
    free: bool


class Month:
    """A month's bills while schemes change them. ``encounters`` rows are bills; ``lines`` and ``diagnoses`` point to them."""

    def __init__(self, world: World, number: int, encounters: pd.DataFrame, lines: pd.DataFrame, diagnoses: pd.DataFrame) -> None:
        self.world, self.number = world, number
        self.encounters, self.diagnoses = encounters, diagnoses
        self._lines, self._added = lines, list[pd.DataFrame]()
        self.marks: list[tuple[np.ndarray, Tag]] = []
        self.refunds: list[tuple[np.ndarray, int, bool]] = []

    def bills(self, tags: Iterable[int]) -> np.ndarray:
        """Bills of several plantings."""
        return np.flatnonzero(np.isin(self.encounters["tag"].to_numpy(), list(tags)))

    def on_diagnosis(self, prefix: str) -> np.ndarray:
        """Mask of bills that bear a diagnosis of this ICD-10 prefix."""
        fits = np.array([code.startswith(prefix) for code in self.world.medicine.codes])
        mask = np.zeros(len(self.encounters), dtype=bool)
        mask[self.diagnoses["bill"][fits[self.diagnoses["code"]]]] = True
        return mask

    def planted(self) -> np.ndarray:
        """Which bills belong to a planting already."""
        return self.encounters["tag"].to_numpy() >= 0

    def draw(self, bill: Any, *keys: Any) -> np.ndarray:
        """Uniform draws that belong to bills and further keys, whatever else happens in the month."""
        return keyed(self.world.options.seed, self.encounters["uid"].to_numpy()[bill], *keys, 41)

    def add_lines(self, **columns: Any) -> None:
        """Adds lines, see :func:`fraudml.city.bills.line_table`."""
        self._added.append(line_table(**{name: np.atleast_1d(value) for name, value in columns.items()}))

    @property
    def lines(self) -> pd.DataFrame:
        """The lines of all bills; added ones are gathered when somebody looks."""
        if self._added:
            self._lines = pd.concat([self._lines, *self._added], ignore_index=True)
            self._added = []
        return self._lines

    @lines.setter
    def lines(self, lines: pd.DataFrame) -> None:
        self._lines, self._added = lines, []

    def append(self, bills: np.ndarray, key: str, quantity: Any = 1.0, minutes: int = 15, **columns: Any) -> None:
        """Adds one line of an item to each of these bills, some minutes after their start."""
        if len(bills):
            item = np.full(len(bills), self.world.medicine.item[key])
            self.add_lines(bill=bills, item=item, time=self.encounters["start"].to_numpy()[bills] + minutes, quantity=quantity, **columns)

    @staticmethod
    def concat(parts: list[pd.DataFrame]) -> pd.DataFrame:
        """Lines of several tables as one."""
        return pd.concat(parts, ignore_index=True)

    def drop_lines(self, rows: np.ndarray) -> None:
        """Removes lines (a mask over ``lines``)."""
        if rows.any():
            self.lines = self.lines[~rows].reset_index(drop=True)

    def refund(self, bills: np.ndarray, after_days: int, whole: bool = True) -> None:
        """Takes these bills back some days later, whole or one line of each."""
        self.refunds.append((bills, after_days, whole))

    def mark(self, bills: np.ndarray, tag: Tag) -> None:
        """Records that these bills are guilty, or look-alikes, as ``tag`` says."""
        if len(bills):
            self.marks.append((np.unique(bills), tag))

    def mark_lookalike(self, bills: np.ndarray, tag: Tag, most: float = 1.0) -> None:
        """Marks a share of these bills as look-alikes."""
        bills = np.unique(bills)
        self.mark(bills[self.draw(bills, 77) < most] if len(bills) else bills, tag)
