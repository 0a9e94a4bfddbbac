"""Districts, institutions and who is registered to work there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fraudml.city.chance import generator
from fraudml.city.options import CityOptions

# code, longitude, latitude, share of the people, how far it spreads (degrees), is it countryside
DISTRICTS = (
    ("430102", 113.00, 28.20, 0.27, 0.035, False),
    ("430103", 112.94, 28.14, 0.22, 0.035, False),
    ("430112", 112.80, 28.32, 0.16, 0.06, False),
    ("430121", 113.20, 28.30, 0.14, 0.10, True),
    ("430181", 113.62, 28.16, 0.12, 0.12, True),
    ("430182", 112.55, 28.26, 0.09, 0.12, True),
)
DEPARTMENTS = ("A02", "A03.01", "A03.03", "A03.04", "A03.05", "A03.06", "A03.07", "A03.08", "A03.09", "A04", "A04.03", "A04.04", "A05",
               "A07", "A10", "A11", "A12", "A13", "A15", "A16", "A19", "A20", "A21", "A50")  # fmt: skip
"""National department codes (诊疗科目): general practice, internal medicine by organ, surgery … traditional medicine."""
NUMBER = {code: number for number, code in enumerate(DEPARTMENTS)}
GENERAL, EMERGENCY = NUMBER["A02"], NUMBER["A20"]
SECONDARY_LACKS = ("A03.07", "A03.09")

TERTIARY, SECONDARY, PRIVATE_HOSPITAL, PRIMARY, VILLAGE, CLINIC, PHARMACY, OUTSIDE = range(8)
"""Classes of institutions in the city; ``OUTSIDE`` ones are known from manual reimbursements only."""
# per 20 000 persons, exponent of growth, national levels, canonical level
CLASSES = {
    TERTIARY: (3, 0.6, ("01", "02", "03"), 3),
    SECONDARY: (12, 0.7, ("05", "06"), 2),
    PRIVATE_HOSPITAL: (30, 0.75, ("06", "08", "09"), None),
    PRIMARY: (32, 0.75, ("08", "09"), 1),
    VILLAGE: (40, 0.85, ("11",), 0),
    CLINIC: (30, 0.85, ("11",), 0),
    PHARMACY: (70, 0.85, ("11",), 0),
    OUTSIDE: (8, 0.3, ("03", "05"), 2),
}
FLOOR = {TERTIARY: 2, SECONDARY: 4, PRIVATE_HOSPITAL: 8, PRIMARY: 8, VILLAGE: 8, CLINIC: 6, PHARMACY: 16, OUTSIDE: 4}


@dataclass
class Places:
    """Institutions as columns (row = institution number) and doctors as columns, doctors sorted by institution and department.

    ``desk_start[institution, department]`` and ``desk_count`` give a department's doctors; a department that a house lacks points
    to the one that stands in for it (``desk_department``): general practice, or the largest one.
    """

    institutions: pd.DataFrame
    doctors: pd.DataFrame
    desk_start: np.ndarray
    desk_count: np.ndarray
    desk_department: np.ndarray

    def of(self, *classes: int) -> np.ndarray:
        """Institutions of these classes."""
        return np.flatnonzero(self.institutions["class"].isin(classes).to_numpy())


def make_places(options: CityOptions) -> Places:
    """Places of a city of that size."""
    rng = generator(options.seed, "places")
    institutions = _institutions(options, rng)
    doctors = _doctors(institutions, rng)
    return Places(institutions, doctors, *_desks(institutions, doctors))


def _institutions(options: CityOptions, rng: np.random.Generator) -> pd.DataFrame:
    shares = np.array([district[3] for district in DISTRICTS])
    rural = np.array([district[5] for district in DISTRICTS])
    rows = []
    for kind, (per_city, growth, levels, canonical) in CLASSES.items():
        count = max(FLOOR[kind], round(per_city * (options.persons / 20_000) ** growth))
        weights = shares * np.where(rural, 2.5 if kind == VILLAGE else 1.0, 0.25 if kind == VILLAGE else 1.0)
        if kind == TERTIARY:
            weights = shares * ~rural
        # every district gets its share, the rest by chance
        order = np.repeat(np.arange(len(DISTRICTS)), np.floor(count * weights / weights.sum()).astype(int))
        districts = np.concatenate([order, rng.choice(len(DISTRICTS), count - len(order), p=weights / weights.sum())])
        for district in districts:
            _, longitude, latitude, _, spread, _ = DISTRICTS[district]
            level = str(rng.choice(levels))
            rows.append(
                {
                    "class": kind,
                    "district": int(district),
                    "national_level": level,
                    "level": canonical if canonical is not None else (2 if level == "06" else 1),
                    "longitude": longitude + rng.normal(0, spread) + (3.0 if kind == OUTSIDE else 0.0),
                    "latitude": latitude + rng.normal(0, spread),
                    "appeal": float(rng.lognormal(0, 0.5)),
                    "price_factor": float(rng.uniform(0.93, 1.0)),
                }
            )
    frame = pd.DataFrame(rows).sample(frac=1, random_state=int(rng.integers(2**31))).reset_index(drop=True)
    kinds = frame["class"]
    serial = rng.permutation(90_000)[: len(frame)] + 10_000
    letter = np.where(kinds == PHARMACY, "P", "H")
    frame["code"] = [f"{a}{DISTRICTS[d][0]}{n}" for a, d, n in zip(letter, frame["district"], serial, strict=True)]
    frame["is_private"] = kinds.isin([PRIVATE_HOSPITAL, CLINIC, PHARMACY])
    frame["has_nursing_home"] = (kinds == PRIMARY) & (rng.random(len(frame)) < 0.2)
    frame["counts_packs"] = rng.random(len(frame)) < 0.3
    return frame


def _doctors(institutions: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    rows: list[tuple[int, int, bool]] = []
    staff: list[tuple[int, int]]
    for place, kind, level in zip(institutions.index, institutions["class"], institutions["level"], strict=True):
        if kind in (TERTIARY, SECONDARY):
            wards = [number for number, code in enumerate(DEPARTMENTS) if kind == TERTIARY or code not in SECONDARY_LACKS]
            staff = [(ward, int(rng.integers(2, 5 if kind == TERTIARY else 4))) for ward in wards]
        elif kind == PRIVATE_HOSPITAL:
            own = rng.choice(len(DEPARTMENTS) - 2, size=4 if level == 2 else 3, replace=False) + 1
            staff = [(GENERAL, int(rng.integers(2, 5)))] + [(int(ward), int(rng.integers(1, 3))) for ward in own if ward != EMERGENCY]
        elif kind == PRIMARY:
            staff = [(GENERAL, int(rng.integers(3, 7))), (NUMBER["A50"], 1), (NUMBER["A07"], 1)]
        elif kind == OUTSIDE:
            continue
        else:
            staff = [(GENERAL, int(rng.integers(1, 3)))]
        for ward, number in staff:
            rows += [(place, ward, kind == PHARMACY)] * number
    frame = pd.DataFrame(rows, columns=["institution", "department", "is_pharmacist"])
    frame = frame.sort_values(["institution", "department"], kind="stable").reset_index(drop=True)
    serial = rng.permutation(900_000)[: len(frame)] + 100_000
    frame["code"] = [f"{'Y' if pharmacist else 'D'}4301{number}" for pharmacist, number in zip(frame["is_pharmacist"], serial, strict=True)]
    frame["title"] = rng.choice(["231", "232", "233", "234"], len(frame), p=[0.12, 0.25, 0.4, 0.23])
    frame["since"] = _since(rng, len(frame))
    return frame


def _since(rng: np.random.Generator, count: int) -> np.ndarray:
    """First days of work, one to twenty years before 2023, in days since 1970-01-01."""
    return 19_358 - rng.integers(365, 20 * 365, count)


def _desks(institutions: pd.DataFrame, doctors: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    shape = (len(institutions), len(DEPARTMENTS))
    start, count = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    key = doctors["institution"].to_numpy() * len(DEPARTMENTS) + doctors["department"].to_numpy()
    found, first, size = np.unique(key, return_index=True, return_counts=True)
    start.flat[found], count.flat[found] = first, size
    fallback = np.where(count[:, GENERAL] > 0, GENERAL, count.argmax(axis=1))
    rows = np.arange(len(institutions))
    lacking = count == 0
    start = np.where(lacking, start[rows, fallback][:, None], start)
    count = np.where(lacking, count[rows, fallback][:, None], count)
    department = np.where(lacking, fallback[:, None], np.arange(len(DEPARTMENTS)))
    return start, count, department
