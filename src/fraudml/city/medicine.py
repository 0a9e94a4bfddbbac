"""What is ill, what is given and what it costs: ``medicine.yaml`` as arrays that a month's bills are drawn from."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from fraudml.config import read_yaml

CHARGES = {  # medicine.yaml's letters -> national med_chrgitm_type
    "B": "01", "D": "02", "E": "03", "L": "04", "T": "05", "S": "06", "N": "07", "M": "08", "W": "09", "H": "10", "C": "11",
    "G": "12", "R": "13",
}  # fmt: skip
OUTPATIENT, STAY, SELF_CARE, DRUGS_ONLY, TESTS_ONLY = range(5)
"""Settings: a visit with everything, a stay, a purchase without prescription, a refill at a pharmacy, a visit with external
prescription."""
ONCE, DAILY, SUPPLY = range(3)
"""How a slot recurs: once, every day of a stay, as a supply to carry home."""
COMMON_OUTPATIENT, COMMON_EMERGENCY, COMMON_STAY = range(3)
PHASE = 28
"""A refill lasts four weeks unless the pack says otherwise."""


@dataclass(frozen=True)
class Item:
    """One item of the catalogue. ``prices`` and caps by canonical level 0–3 (none, primary, secondary, tertiary), CNY."""

    number: int
    key: str
    code: str
    name: str
    charge: str
    list_type: str
    prices: tuple[float, float, float, float]
    generic: str = ""
    covers: tuple[str, ...] = ()
    dose: float = 0.0
    max_dose: float = 0.0
    pack: int = 1
    units_per_day: float = 1.0
    days: int = 0
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def is_drug(self) -> bool:
        return self.list_type in ("101", "102")


@dataclass(frozen=True)
class Disease:
    """One disease. Rates by age band (0–14, 15–44, 45–64, 65 and over)."""

    number: int
    key: str
    name: str
    codes: tuple[str, ...]
    department: str
    is_chronic: bool
    rates: tuple[float, ...]
    admissions: tuple[float, ...]
    nights: float
    where: tuple[float, ...]
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class Slots:
    """What an encounter may bring, flat: template ``t`` owns rows ``start[t]:start[t+1]``.

    A slot is taken when its group's draw (one per encounter and group; per person where ``stable``) falls in [low, high).
    """

    start: np.ndarray
    item: np.ndarray
    low: np.ndarray
    high: np.ndarray
    group: np.ndarray
    mode: np.ndarray
    stable: np.ndarray


class Medicine:
    """Items, diseases and slots. Templates are numbered ``disease * 5 + setting``; common ones follow after the last disease."""

    def __init__(self, path: Path) -> None:
        raw = read_yaml(path)
        self.items = _items(raw)
        self.item = {each.key: each.number for each in self.items} | {each.generic: each.number for each in self.items if each.generic}
        self.diseases = [_disease(number, key, row) for number, (key, row) in enumerate(raw["diseases"].items())]
        self.disease = {each.key: each.number for each in self.diseases}
        self.codes = sorted({code for each in self.diseases for code in each.codes})
        self.slots = self._slots(raw)
        self.prices = np.array([item.prices for item in self.items])
        self.is_drug = np.array([item.is_drug for item in self.items])
        self.charge = np.array([item.charge for item in self.items])
        self.dose = np.array([item.dose for item in self.items])
        self.pack = np.array([item.pack for item in self.items])
        self.units_per_day = np.array([item.units_per_day for item in self.items])
        self.valid_days = np.array([item.options.get("valid", 0) for item in self.items])
        self.minutes = np.array([item.options.get("minutes", 0) for item in self.items])
        self.level_min = np.array([item.options.get("level_min", 0) for item in self.items])
        self.sex_limit = np.array([item.options.get("sex", 0) for item in self.items])
        self.age_min = np.array([item.options.get("age_min", 0) for item in self.items])
        self.uncovered = np.array([item.options.get("uncovered", False) for item in self.items])
        self.generic = np.array([item.generic for item in self.items], dtype=object)
        # one pack, or as many as four weeks take
        self.days_per_pack = np.array([item.days or max(1, round(item.pack / item.units_per_day)) for item in self.items])

    def template(self, disease: int, setting: int) -> int:
        return disease * 5 + setting

    def _slots(self, raw: dict[str, Any]) -> Slots:
        rows: list[tuple[int, float, float, int, int, bool]] = []
        start = [0]
        groups: dict[tuple[str, str, int], int] = {}

        def add(owner: str, source: str, entries: list[str], setting: int, chronic: bool = False) -> None:
            for position, entry in enumerate(entries):
                # a visit, its external prescription and a refill draw from one source: one group, one choice
                group = groups.setdefault((owner, source, position), len(groups))
                for key, low, high in _alternatives(entry):
                    item = self.items[self.item[key]]
                    carried = item.is_drug and not item.options.get("iv")
                    if (setting == DRUGS_ONLY and not carried) or (setting == TESTS_ONLY and carried):
                        continue
                    rows.append((item.number, low, high, group, _mode(item, setting), chronic and carried))
            start.append(len(rows))

        for disease in self.diseases:
            row = raw["diseases"][disease.key]
            for setting in range(5):
                source = {STAY: "in", SELF_CARE: "otc"}.get(setting, "out")
                add(disease.key, source, row.get(source, []), setting, disease.is_chronic)
        for setting, source in ((OUTPATIENT, "outpatient"), (OUTPATIENT, "emergency"), (STAY, "stay")):
            add("common", source, raw["common"][source], setting)
        columns = list(zip(*rows, strict=True))
        return Slots(np.array(start), *(np.array(column) for column in columns))


@cache
def load_medicine() -> Medicine:
    """The city's medicine, read once."""
    return Medicine(Path(__file__).with_name("medicine.yaml"))


def _items(raw: dict[str, Any]) -> list[Item]:
    items: list[Item] = []
    for key, (name, generic, charge, price, dose, most, pack, per_day, covers, options) in raw["drugs"].items():
        number = len(items)
        code = f"X{key.replace('_', '')}E{number + 1:04d}" if charge == "W" else f"{'Z' if charge == 'C' else 'T'}{number + 1:06d}"
        items.append(
            Item(number, key, code, name, CHARGES[charge], "102" if charge == "H" else "101", (price,) * 4, generic, tuple(covers),
                 dose, most, pack, per_day, options.get("days", 0), options)
        )  # fmt: skip
    for key, (name, charge, prices, options) in raw["services"].items():
        number = len(items)
        consumable = options.get("consumable", False)
        code = f"C{number + 1:08d}" if consumable else f"0{number + 1:08d}"
        tertiary, secondary, primary, none = prices
        items.append(
            Item(
                number,
                key,
                code,
                name,
                CHARGES[charge],
                "301" if consumable else "201",
                (none, primary, secondary, tertiary),
                options=options,
            )
        )
    return items


def _disease(number: int, key: str, row: dict[str, Any]) -> Disease:
    chronic = "chronic" in row
    admissions = row["admissions"] if isinstance(row["admissions"], list) else [row["admissions"]] * 4
    return Disease(number, key, row["name"], tuple(row["icd"]), row["dept"], chronic, tuple(row["chronic"] if chronic else row["rate"]),
                   tuple(admissions), row["nights"], tuple(row["where"]), row)  # fmt: skip


def _alternatives(entry: str) -> list[tuple[str, float, float]]:
    """``"a 0.6 | b 0.3"`` -> [(a, 0, 0.6), (b, 0.6, 0.9)]."""
    out, low = [], 0.0
    for part in entry.split("|"):
        match = re.fullmatch(r"\s*(\w+)(?:\s+([\d.]+))?\s*", part)
        assert match, entry  # noqa: S101 - the package's own file
        chance = float(match[2]) if match[2] else 1.0
        out.append((match[1], low, min(1.0, low + chance)))
        low += chance
    return out


def _mode(item: Item, setting: int) -> int:
    if setting == STAY:
        return DAILY if item.is_drug or item.options.get("daily") else ONCE
    return SUPPLY if item.is_drug and not item.options.get("iv") else ONCE
