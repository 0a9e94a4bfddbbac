"""Who lives in the city: families in neighbourhoods, two insurance types, what they live with, where they usually go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fraudml.city.chance import generator
from fraudml.city.medicine import Medicine
from fraudml.city.options import CityOptions
from fraudml.city.places import CLINIC, DISTRICTS, PHARMACY, PRIMARY, PRIVATE_HOSPITAL, SECONDARY, TERTIARY, VILLAGE, Places

AGE_WEIGHTS = ((0, 15, 0.16), (15, 30, 0.17), (30, 45, 0.22), (45, 60, 0.23), (60, 75, 0.16), (75, 96, 0.06))
EMPLOYEE, RESIDENT = 310, 390
NEVER = np.int64(10**6)
GROUP_SIZE = 80


@dataclass
class People:
    """Persons as columns (row = person number), and their chronic diseases as pairs.

    Days are counted since 1970-01-01; ``death`` and ``insurance_until`` are ``NEVER`` where nothing ends.
    ``usual_*`` are institution numbers.
    """

    persons: pd.DataFrame
    ailments: pd.DataFrame
    groups: pd.DataFrame

    def age(self, person: np.ndarray, day: np.ndarray | int) -> np.ndarray:
        """Age in years."""
        return (day - self.persons["birth"].to_numpy()[person]) / 365.25


def band(age: np.ndarray) -> np.ndarray:
    """Age band 0–3 of the disease tables."""
    return np.searchsorted([15, 45, 65], age, side="right")


def make_people(options: CityOptions, medicine: Medicine, places: Places) -> People:
    """People of a city."""
    rng = generator(options.seed, "people")
    groups = _groups(options, places, rng)
    persons = _persons(options, groups, rng)
    ailments = _ailments(options, medicine, persons, rng)
    return People(persons, ailments, groups)


def _groups(options: CityOptions, places: Places, rng: np.random.Generator) -> pd.DataFrame:
    """Neighbourhoods and villages with a place on the map and the institutions near by (k nearest, by class)."""
    count = max(len(DISTRICTS) * 2, round(options.persons / GROUP_SIZE))
    shares = np.array([district[3] for district in DISTRICTS])
    district = np.sort(np.concatenate([np.arange(len(DISTRICTS)), rng.choice(len(DISTRICTS), count - len(DISTRICTS), p=shares)]))
    centre = np.array([district_row[1:3] for district_row in DISTRICTS])[district]
    spread = np.array([district_row[4] for district_row in DISTRICTS])[district][:, None]
    where = centre + rng.normal(0, 1, centre.shape) * spread
    frame = pd.DataFrame({"district": district, "longitude": where[:, 0], "latitude": where[:, 1]})
    frame["code"] = [f"{DISTRICTS[d][0]}{n:05d}" for d, n in zip(district, rng.permutation(99_999)[:count], strict=True)]
    frame["is_rural"] = np.array([row[5] for row in DISTRICTS])[district]
    return frame


def _persons(options: CityOptions, groups: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    count = options.persons
    weights = np.array([weight for *_, weight in AGE_WEIGHTS])
    pick = rng.choice(len(weights), count, p=weights / weights.sum())
    low, high = np.array([row[0] for row in AGE_WEIGHTS])[pick], np.array([row[1] for row in AGE_WEIGHTS])[pick]
    age = low + rng.random(count) * (high - low)
    frame = pd.DataFrame({"birth": (options.first_day - age * 365.25).astype(np.int64)})
    frame["sex"] = np.where(rng.random(count) < 0.515 - 0.0008 * np.maximum(0, age - 60) * 5, 1, 2)
    # families are neighbours in number: one to five persons of one address
    size = rng.choice([1, 2, 3, 4, 5], count, p=[0.2, 0.3, 0.28, 0.15, 0.07])
    frame["household"] = np.repeat(np.arange(count), size)[:count]
    households = int(frame["household"].max()) + 1
    group_of = np.sort(rng.integers(0, len(groups), households))
    frame["group"] = group_of[frame["household"]]
    jitter = rng.normal(0, 0.004, (households, 2))
    place = groups[["longitude", "latitude"]].to_numpy()[group_of] + jitter
    frame["longitude"], frame["latitude"] = place[frame["household"], 0], place[frame["household"], 1]
    frame["district"] = groups["district"].to_numpy()[frame["group"]]
    rural = groups["is_rural"].to_numpy()[frame["group"]]
    employed = (age >= 20) & (rng.random(count) < np.where(rural, 0.25, 0.62))
    frame["insurance"] = np.where(employed, EMPLOYEE, RESIDENT)
    frame["employer"] = np.where(employed, rng.zipf(1.5, count) % max(8, count // 60), -1)
    death_rate = 0.0004 * np.exp(0.088 * np.maximum(0, age - 25))
    years = rng.exponential(1 / np.minimum(0.6, death_rate))
    day = options.first_day + (years * 365.25).astype(np.int64)
    frame["death"] = np.where(day <= options.last_day, day, NEVER)
    # some change from one insurance type to the other within the period, without overlap
    moves = (age >= 20) & (age < 60) & (rng.random(count) < 0.02)
    when = options.first_day + rng.integers(30, max(31, options.months * 30 - 30), count)
    frame["insurance_until"] = np.where(moves & (when < frame["death"]), when, NEVER)
    frame["insurance_after"] = np.where(frame["insurance"] == EMPLOYEE, RESIDENT, EMPLOYEE)
    frame["enrolled"] = options.first_day - rng.integers(0, 3000, count)
    frame["enrolled"] = np.maximum(frame["enrolled"], frame["birth"])
    frame["mother"] = -1
    frame["balance"] = rng.gamma(2.0, 400, count)
    frame["code"] = [f"4301{n:010d}" for n in rng.choice(9_000_000_000, count, replace=False) + 1_000_000_000]
    return frame


def choose_usual(options: CityOptions, people: People, places: Places) -> None:
    """Adds each person's usual institutions: near ones first, popular ones more, some loyal to a far one."""
    rng = generator(options.seed, "usual")
    wanted = {"clinic": (VILLAGE, CLINIC, PRIMARY), "primary": (PRIMARY,), "secondary": (SECONDARY, PRIVATE_HOSPITAL),
              "tertiary": (TERTIARY,), "pharmacy": (PHARMACY,), "pharmacy_other": (PHARMACY,)}  # fmt: skip
    group = people.persons["group"].to_numpy()
    for name, classes in wanted.items():
        candidates = places.of(*classes)
        rows = places.institutions.loc[candidates]
        gap = np.hypot(
            (people.groups["longitude"].to_numpy()[:, None] - rows["longitude"].to_numpy()) * 0.88,
            people.groups["latitude"].to_numpy()[:, None] - rows["latitude"].to_numpy(),
        )
        reach = 0.12 if name in ("secondary", "tertiary") else 0.02
        weight = rows["appeal"].to_numpy() * np.exp(-gap / reach) + 1e-9
        weight[:, :] = np.where(rows["class"].to_numpy() == PRIVATE_HOSPITAL, weight * 0.45, weight)
        below = np.cumsum(weight / weight.sum(axis=1, keepdims=True), axis=1)
        below[:, -1] = 1.0
        draw = rng.random(len(group))
        chosen = np.empty(len(group), dtype=np.int64)
        bounds = np.searchsorted(group, np.arange(len(people.groups) + 1))  # persons stand sorted by group
        for number in range(len(people.groups)):
            part = slice(bounds[number], bounds[number + 1])
            chosen[part] = np.searchsorted(below[number], draw[part], side="right")
        people.persons[f"usual_{name}"] = candidates[np.minimum(chosen, len(candidates) - 1)]


def _ailments(options: CityOptions, medicine: Medicine, persons: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    age = (options.first_day - persons["birth"].to_numpy()) / 365.25
    bands, sex = band(age), persons["sex"].to_numpy()
    frailty = rng.gamma(3, 1 / 3, len(persons))
    parts = []
    for disease in medicine.diseases:
        if not disease.is_chronic:
            continue
        chance = np.array(disease.rates)[bands] / 1000 * frailty
        chance[(disease.options.get("sex", 0) != 0) & (sex != disease.options.get("sex", 0))] = 0
        who = np.flatnonzero(rng.random(len(persons)) < np.minimum(0.9, chance))
        parts.append(pd.DataFrame({"person": who, "disease": disease.number}))
    frame = pd.concat(parts, ignore_index=True)
    register = [disease.options.get("register") for disease in medicine.diseases]
    registrable = np.array([each is not None for each in register])[frame["disease"]]
    special = np.array([each is not None and each[1] == 1402 for each in register])[frame["disease"]]
    frame["is_registered"] = registrable & (rng.random(len(frame)) < np.where(special, 0.97, 0.7))
    since = options.first_day - rng.integers(10, 8 * 365, len(frame))
    frame["since"] = np.maximum(since, persons["birth"].to_numpy()[frame["person"]] + 1)
    frame["is_special"] = special
    return frame.sort_values(["person", "is_special", "disease"], ascending=[True, False, True], kind="stable").reset_index(drop=True)


def add_newborns(options: CityOptions, people: People) -> None:
    """Births of the period: a newborn joins its mother's household, insured as a resident from birth."""
    rng = generator(options.seed, "births")
    persons = people.persons
    age = (options.first_day - persons["birth"]) / 365.25
    fertile = np.flatnonzero((persons["sex"] == 2) & (age > 20) & (age < 40) & (persons["death"] == NEVER))
    days = options.last_day - options.first_day + 1
    mothers = fertile[rng.random(len(fertile)) < 0.055 * days / 365]
    babies = persons.iloc[mothers].reset_index(drop=True)
    babies["birth"] = options.first_day + rng.integers(0, days, len(mothers))
    babies["sex"] = rng.choice([1, 2], len(mothers), p=[0.52, 0.48])
    babies["insurance"], babies["insurance_after"], babies["insurance_until"] = RESIDENT, RESIDENT, NEVER
    babies["employer"], babies["death"], babies["balance"] = -1, NEVER, 0.0
    babies["enrolled"] = babies["birth"]
    babies["mother"] = mothers
    babies["code"] = [f"4302{n:010d}" for n in rng.choice(9_000_000_000, len(mothers), replace=False) + 1_000_000_000]
    people.persons = pd.concat([persons, babies], ignore_index=True)
