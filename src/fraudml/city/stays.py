"""Honest stays of the whole period: who lies where, when and why."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fraudml.city.encounters import DAY, INPATIENT, companions, encounter_table, season
from fraudml.city.medicine import STAY
from fraudml.city.people import NEVER, band
from fraudml.city.world import World, rng_of


def plan_stays(world: World) -> pd.DataFrame:
    """All honest stays of the whole period: few enough to be planned at once, so that nobody is in two places."""
    rng = rng_of(world, "stays")
    options, diseases = world.options, world.medicine.diseases
    years = (options.last_day - options.first_day + 1) / 365
    parts = []
    persons = world.people.persons
    bands = band(world.people.age(np.arange(len(persons)), options.first_day + 180))
    sex = persons["sex"].to_numpy()
    for disease in diseases:
        if disease.is_chronic:
            pairs = world.people.ailments
            who = pairs["person"].to_numpy()[pairs["disease"] == disease.number]
            rate = np.full(len(who), disease.admissions[0] / 1000)
        else:
            who = np.arange(len(persons))
            rate = np.array(disease.admissions)[bands] / 1000
            rate[(disease.options.get("sex", 0) != 0) & (sex != disease.options.get("sex", 0))] = 0
        times = rng.poisson(rate * years)
        patient = np.repeat(who, times)
        parts.append((patient, np.full(len(patient), disease.number), _stay_days(world, disease.options.get("season"), len(patient), rng)))
    patient, illness, day = (np.concatenate(column) for column in zip(*parts, strict=True))
    nights = np.array([each.nights for each in diseases])[illness]
    nights = np.maximum(3, np.round(nights * rng.lognormal(-0.04, 0.28, len(nights)))).astype(np.int64)
    stays = _stay_table(world, patient, illness, day, nights, rng)
    return _consistent(
        world, pd.concat([stays, _births(world, rng), _chemotherapy(world, rng), _last_stays(world, rng)], ignore_index=True)
    )


def _stay_days(world: World, name: str | None, count: int, rng: np.random.Generator) -> np.ndarray:
    starts = world.options.month_starts
    weight = np.array([season(world, name, month) for month in range(world.options.months)]) * np.diff(starts)
    month = rng.choice(world.options.months, count, p=weight / weight.sum())
    return starts[month] + (rng.random(count) * np.diff(starts)[month]).astype(np.int64)


def _stay_table(world: World, patient: np.ndarray, disease: np.ndarray, day: np.ndarray, nights: np.ndarray, rng: np.random.Generator,
                institution: np.ndarray | None = None) -> pd.DataFrame:  # fmt: skip
    count = len(patient)
    if institution is None:
        where = np.array([each.where for each in world.medicine.diseases])[disease].astype(float)
        where[:, 0] *= 0.6
        below = np.cumsum(where / where.sum(axis=1, keepdims=True), axis=1)
        level = (rng.random(count)[:, None] > below).sum(axis=1)
        usual = np.stack([world.person(f"usual_{name}")[patient] for name in ("primary", "secondary", "tertiary")])
        institution = usual[np.minimum(level, 2), np.arange(count)]
    department = world.department_of[disease]
    start = day * DAY + 8 * 60 + (rng.beta(1.5, 2, count) * 480).astype(np.int64)
    end = (day + nights) * DAY + 9 * 60 + rng.integers(0, 300, count)
    second, third = companions(world, patient, disease)
    return encounter_table(
        count, patient=patient, institution=institution, department=department, kind=INPATIENT, setting=STAY, disease=disease,
        disease2=second, disease3=third, start=start, end=end, settled=end + rng.integers(10, 90, count),
        doctor=world.doctor_for(patient, institution, department, rng.random(count)), referred=(rng.random(count) < 0.15),
    )  # fmt: skip


def _births(world: World, rng: np.random.Generator) -> pd.DataFrame:
    """Deliveries, and newborns who stay for jaundice."""
    babies = np.flatnonzero(world.person("mother") >= 0)
    mother, birth = world.person("mother")[babies], world.person("birth")[babies]
    normal, caesarean = (world.medicine.disease[key] for key in ("delivery_normal", "delivery_caesarean"))
    kind = np.where(rng.random(len(babies)) < 0.6, normal, caesarean)
    stays = _stay_table(world, mother, kind, birth, np.where(kind == normal, 3, 5) + rng.integers(0, 2, len(babies)), rng)
    stays["disease2"] = stays["disease3"] = -1
    ill = rng.random(len(babies)) < 0.1
    again = _stay_table(world, babies[ill], np.full(ill.sum(), world.medicine.disease["newborn_jaundice"]), birth[ill] + 6,
                        rng.integers(4, 7, ill.sum()), rng, stays["institution"].to_numpy()[ill])  # fmt: skip
    return pd.concat([stays, again], ignore_index=True)


def _chemotherapy(world: World, rng: np.random.Generator) -> pd.DataFrame:
    """Cycles of three weeks: readmissions that nobody should wonder about."""
    options, diseases = world.options, world.medicine.diseases
    treated = np.array([disease.options.get("therapy") == "chemotherapy" for disease in diseases])
    pairs = world.people.ailments[treated[world.people.ailments["disease"]]]
    who, cancer = pairs["person"].to_numpy(), pairs["disease"].to_numpy()
    cycles = rng.integers(4, 9, len(who))
    first = options.first_day + rng.integers(-100, max(1, options.last_day - options.first_day - 60), len(who))
    patient, cancer = np.repeat(who, cycles), np.repeat(cancer, cycles)
    number = np.arange(len(patient)) - np.repeat(np.cumsum(cycles) - cycles, cycles)
    day = np.repeat(first, cycles) + number * 21
    institution = np.repeat(world.person("usual_tertiary")[who], cycles)
    stays = _stay_table(world, patient, np.full(len(patient), world.medicine.disease["chemotherapy"]), day,
                        rng.integers(3, 6, len(patient)), rng, institution)  # fmt: skip
    stays["disease2"], stays["disease3"] = cancer, -1
    return stays


def _last_stays(world: World, rng: np.random.Generator) -> pd.DataFrame:
    """Some die in hospital: the stay ends on the day of death."""
    dying = np.flatnonzero((world.person("death") != NEVER) & (rng.random(len(world.people.persons)) < 0.45))
    death = world.person("death")[dying]
    cause = companions(world, dying, np.full(len(dying), -1))[0]
    cause = np.where(cause < 0, world.medicine.disease["pneumonia"], cause)
    nights = rng.integers(3, 14, len(dying))
    stays = _stay_table(world, dying, cause, death - nights, nights, rng)
    stays["discharge"] = 5
    return stays


def _consistent(world: World, stays: pd.DataFrame) -> pd.DataFrame:
    """Drops stays outside of life and period, and those of one person too near to the one before (five weeks, chemotherapy one)."""
    options = world.options
    chemotherapy = world.medicine.disease["chemotherapy"]
    start, end = stays["start"] // DAY, stays["end"] // DAY
    patient = stays["patient"].to_numpy()
    alive = (start > world.person("birth")[patient]) | (stays["disease"] == world.medicine.disease["newborn_jaundice"])
    alive |= world.person("mother")[patient] < 0
    alive &= (end < world.person("death")[patient]) | (stays["discharge"] == 5)
    # a change of insurance type inside a stay would split its settlement
    change = world.person("insurance_until")[patient]
    inside = alive & (start >= options.first_day) & (end <= options.last_day) & ~((start <= change) & (change <= end))
    stays = stays[inside].sort_values(["patient", "start", "end"], kind="stable").reset_index(drop=True)
    while True:
        same = stays["patient"].eq(stays["patient"].shift())
        both = stays["disease"].eq(chemotherapy) & stays["disease"].shift().eq(chemotherapy)
        gap = stays["start"] // DAY - stays["end"].shift() // DAY
        clash = same & (gap < np.where(both, 7, 35))
        drop = clash & ~clash.shift(fill_value=False)
        if not drop.any():
            return stays
        stays = stays[~drop].reset_index(drop=True)
