"""Who meets whom, when and why: encounters, the rows that bills are made of. Here only honest ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from fraudml.city.chance import keyed
from fraudml.city.medicine import DRUGS_ONLY, OUTPATIENT, PHASE, SELF_CARE, STAY, TESTS_ONLY
from fraudml.city.people import EMPLOYEE, NEVER, band
from fraudml.city.places import CLINIC, EMERGENCY, GENERAL, OUTSIDE, PHARMACY, PRIMARY, SECONDARY, TERTIARY, VILLAGE
from fraudml.city.world import World, rng_of

VISIT, EMERGENCY_VISIT, CHRONIC, INPATIENT, DAY_SURGERY, SHOP = range(6)
"""Kinds of encounters; national med_type 11, 13, 14, 21, 28, 41."""
DAY = 24 * 60
DEFAULTS: dict[str, Any] = {
    "patient": -1, "institution": -1, "doctor": -1, "department": -1, "kind": VISIT, "setting": OUTPATIENT,
    "disease": -1, "disease2": -1, "disease3": -1, "start": 0, "end": -1, "settled": -1, "tag": -1, "registered": -1, "supply": -1,
    "rx_institution": -1, "rx_doctor": -1, "credential": -1, "online": 0, "manual": 0, "invoice": -1, "referred": 0, "discharge": 1,
    "memo": 0, "coded": 1, "uid": -1, "benefit": -1, "severity": -1, "insurance": -1,
}  # fmt: skip
"""Columns of an encounter: numbers of the world's rows, minutes since 1970-01-01, -1 where nothing is known yet.

``setting`` is the template's; ``benefit`` what the fund pays in thousandths of the total; ``severity`` 0–2 of the case group;
``supply`` days to carry home; ``coded`` 0: no diagnosis was written down; ``memo`` numbers a text of
:data:`fraudml.city.bills.MEMOS`; ``uid`` decides what the encounter brings; ``tag`` is the planting it belongs to.
"""
SEASONS = {
    None: [1.0] * 12,
    "winter": [1.55, 1.4, 1.15, 0.95, 0.8, 0.7, 0.65, 0.65, 0.8, 0.95, 1.15, 1.25],
    "summer": [0.65, 0.65, 0.8, 0.95, 1.15, 1.35, 1.5, 1.45, 1.15, 0.9, 0.75, 0.7],
    "spring": [0.8, 0.95, 1.35, 1.45, 1.15, 0.9, 0.8, 0.85, 1.1, 1.05, 0.85, 0.75],
    "flu": [2.0, 1.5, 1.3, 0.5, 0.25, 0.2, 0.2, 0.25, 0.4, 0.7, 1.7, 3.0],
}


def encounter_table(rows: int | None = None, **columns: Any) -> pd.DataFrame:
    """Encounters from some columns, the others as :data:`DEFAULTS`."""
    size = rows if rows is not None else max((len(value) for value in columns.values() if np.ndim(value)), default=1)
    data = {name: np.full(size, default, dtype=np.int64) for name, default in DEFAULTS.items()}
    for name, value in columns.items():
        assert name in data, name  # noqa: S101
        data[name] = np.broadcast_to(np.asarray(value, dtype=np.int64), size).copy()
    frame = pd.DataFrame(data)
    frame["end"] = np.where(frame["end"] < 0, frame["start"], frame["end"])
    return frame


def season(world: World, name: str | None, month: int) -> float:
    """Factor of a season in the city's ``month`` (0 = first). Each winter's flu wave has its own height."""
    calendar = (world.options.start.month - 1 + month) % 12
    factor = SEASONS[name][calendar]
    if name == "flu":
        winter = world.options.start.year * 12 + world.options.start.month + month + 5
        factor *= 0.75 + 0.6 * ((winter // 12 * 7919) % 10) / 10
    return factor


def opening(world: World, institution: np.ndarray, day: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same day or a near one on which the house is open: outpatient care rests on Sundays in small houses, and mostly elsewhere."""
    weekday = (day + 3) % 7  # 1970-01-01 was a Thursday; 0 = Monday
    kind = world.institution("class")[institution]
    small = np.isin(kind, (VILLAGE, CLINIC, PRIMARY))
    stays_home = (kind != PHARMACY) & (rng.random(len(day)) < 0.6)
    day = np.where((weekday == 6) & (small | stays_home), day + rng.integers(1, 5, len(day)), day)
    return np.where((weekday == 5) & stays_home & ~small, day - 1, day)


def hour(institution_class: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Minute of the day of an outpatient visit or purchase."""
    n = len(institution_class)
    morning = rng.random(n) < 0.62
    clinic = np.where(morning, 8 * 60 + rng.beta(1.5, 2, n) * 220, 14 * 60 + rng.beta(1.4, 2, n) * 200)
    shop = 8 * 60 + rng.beta(1.6, 1.5, n) * 780
    return np.where(institution_class == PHARMACY, shop, clinic).astype(np.int64)


def companions(world: World, patient: np.ndarray, disease: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Up to two chronic diseases that a patient brings along, -1 for none (the main one excepted)."""
    pairs = world.people.ailments
    who, what = pairs["person"].to_numpy(), pairs["disease"].to_numpy()
    first = np.searchsorted(who, np.arange(len(world.people.persons) + 1))
    out = []
    for offset in range(2):
        row = first[patient] + offset
        found = row < first[patient + 1]
        other = np.where(found, what[np.minimum(row, len(what) - 1)] if len(what) else -1, -1)
        out.append(np.where(other == disease, -1, other))
    return out[0], out[1]


class Refills:
    """Chronic patients come back when the supply runs out: the state of who is due when."""

    def __init__(self, world: World) -> None:
        rng = rng_of(world, "refills")
        self.world = world
        therapy = np.array([disease.options.get("therapy") == "dialysis" for disease in world.medicine.diseases])
        pairs = world.people.ailments[~therapy[world.people.ailments["disease"]]]
        rank = pairs.groupby("person").cumcount()
        people = pairs[rank == 0]
        self.patient = people["person"].to_numpy()
        self.diseases = np.full((3, len(people)), -1)
        self.registered = np.full(len(people), -1)
        place = np.searchsorted(self.patient, pairs["person"].to_numpy())
        for number in range(3):
            part = (rank == number).to_numpy()
            self.diseases[number, place[part]] = pairs["disease"].to_numpy()[part]
            known = part & pairs["is_registered"].to_numpy()
            empty = self.registered[place[known]] < 0
            self.registered[place[known][empty]] = pairs["disease"].to_numpy()[known][empty]
        count = len(people)
        where = np.array([each.where for each in world.medicine.diseases])[self.diseases[0]].astype(float)
        below = np.cumsum(where / where.sum(axis=1, keepdims=True), axis=1)
        level = np.minimum(2, (rng.random(count)[:, None] > below).sum(axis=1))
        usual = np.stack([world.person(f"usual_{name}")[self.patient] for name in ("clinic", "secondary", "tertiary")])
        self.institution = usual[level, np.arange(count)]
        special = np.array([each.options.get("register", [0, 0])[1] == 1402 for each in world.medicine.diseases])[self.diseases[0]]
        at_pharmacy = (rng.random(count) < 0.2) & ~special
        self.institution = np.where(at_pharmacy, world.person("usual_pharmacy")[self.patient], self.institution)
        self.due = world.options.first_day + rng.integers(0, 34, count)
        self.steadiness = rng.gamma(2, 3, count)

    def month(self, first: int, last: int, rng: np.random.Generator) -> pd.DataFrame:
        """Encounters of those who are due in [first, last]."""
        parts = []
        while (rows := np.flatnonzero((self.due >= first) & (self.due <= last))).size:
            day = np.clip(opening(self.world, self.institution[rows], self.due[rows], rng), first, None)
            rows, day = rows[day <= last], day[day <= last]
            gone = self.due <= last
            parts.append((rows, day))
            wait = 30 + np.minimum(60, rng.exponential(self.steadiness[rows])).astype(np.int64)
            self.due[rows] = day + wait
            gone[rows] = False
            self.due[gone & (self.due >= first)] = last + 1
        rows, day = (np.concatenate(column) for column in zip(*parts, strict=True)) if parts else (np.array([], int), np.array([], int))
        institution, patient = self.institution[rows], self.patient[rows]
        kind = self.world.institution("class")[institution]
        shop = kind == PHARMACY
        department = self.world.department_of[self.diseases[0, rows]]
        registered = self.registered[rows]
        return encounter_table(
            len(rows), patient=patient, institution=institution, department=np.where(shop, GENERAL, department),
            kind=np.where(shop, SHOP, np.where(registered >= 0, CHRONIC, VISIT)), setting=np.where(shop, DRUGS_ONLY, OUTPATIENT),
            disease=self.diseases[0, rows], disease2=self.diseases[1, rows], disease3=self.diseases[2, rows],
            start=day * DAY + hour(kind, rng), supply=PHASE, registered=registered,
            doctor=np.where(shop, -1, self.world.doctor_for(patient, institution, department, rng.random(len(rows)), 0.9)),
        )  # fmt: skip


def month_visits(world: World, month: int, refills: Refills) -> pd.DataFrame:
    """All honest outpatient encounters of one month, before anything is known of stays and plantings."""
    rng = rng_of(world, "month", month)
    first, last = int(world.options.month_starts[month]), int(world.options.month_starts[month + 1]) - 1
    parts = [refills.month(first, last, rng), _acute(world, month, first, last, rng), _dialysis(world, first, last, rng)]
    visits = pd.concat(parts, ignore_index=True)
    return pd.concat([visits, _external(world, visits, rng)], ignore_index=True)


def _acute(world: World, month: int, first: int, last: int, rng: np.random.Generator) -> pd.DataFrame:
    persons = world.people.persons
    everyone = np.arange(len(persons))
    age = world.people.age(everyone, first)
    bands, sex = band(np.maximum(age, 0)), persons["sex"].to_numpy()
    frailty = 0.4 + 1.2 * world_frailty(world, everyone)
    parts = []
    for disease in world.medicine.diseases:
        if disease.is_chronic or not any(disease.rates):
            continue
        rate = np.array(disease.rates)[bands] / 1000 * frailty
        low, high = disease.options.get("age", (0, 200))
        wanted = disease.options.get("sex", 0)
        rate[(age < low) | (age > high) | (age < 0) | ((wanted != 0) & (sex != wanted))] = 0
        rate *= season(world, disease.options.get("season"), month) * (last - first + 1) / 365
        total = rate.sum()
        if total <= 0:
            continue
        below = np.cumsum(rate)
        patient = np.minimum(np.searchsorted(below, rng.random(rng.poisson(total)) * below[-1], side="right"), len(persons) - 1)
        parts.append((patient, np.full(len(patient), disease.number)))
    patient, disease_of = (np.concatenate(column) for column in zip(*parts, strict=True))
    count = len(patient)
    day = rng.integers(first, last + 1, count)
    where = np.array([each.where for each in world.medicine.diseases])[disease_of].astype(float)
    below = np.cumsum(where / where.sum(axis=1, keepdims=True), axis=1)
    level = np.minimum(2, (rng.random(count)[:, None] > below).sum(axis=1))
    usual = np.stack([world.person(f"usual_{name}")[patient] for name in ("clinic", "secondary", "tertiary", "pharmacy", "pharmacy_other")])
    sold = np.array([bool(each.options.get("otc")) for each in world.medicine.diseases])[disease_of]
    employee = world.person("insurance")[patient] == EMPLOYEE
    shop = sold & (rng.random(count) < np.where(employee, 0.42, 0.15))
    level = np.where(shop, np.where(rng.random(count) < 0.8, 3, 4), level)
    institution = usual[level, np.arange(count)]
    kind = world.institution("class")[institution]
    urgent = np.array([each.options.get("emergency", 0.02) for each in world.medicine.diseases])[disease_of]
    urgent = (rng.random(count) < urgent) & np.isin(kind, (SECONDARY, TERTIARY)) & ~shop
    day = np.where(urgent, day, np.clip(opening(world, institution, day, rng), first, last))
    department = np.where(shop, GENERAL, np.where(urgent, EMERGENCY, world.department_of[disease_of]))
    start = day * DAY + np.where(urgent, rng.integers(0, DAY - 60, count), hour(kind, rng))
    closed = np.isin(kind, (VILLAGE, CLINIC, PRIMARY)) & ((day + 3) % 7 == 6)
    return encounter_table(
        count, patient=patient, institution=institution, department=department, disease=disease_of, start=start,
        kind=np.where(shop, SHOP, np.where(urgent, EMERGENCY_VISIT, VISIT)), setting=np.where(shop, SELF_CARE, OUTPATIENT),
        coded=np.where(shop, rng.random(count) < 0.45, 1), online=~shop & (rng.random(count) < 0.01),
        doctor=np.where(shop, -1, world.doctor_for(patient, institution, department, rng.random(count))),
    )[~closed].reset_index(drop=True)  # fmt: skip


def world_frailty(world: World, person: np.ndarray) -> np.ndarray:
    """How often somebody falls ill beside others, mean about one half, a property of the person."""
    return -0.5 * np.log1p(-keyed(world.options.seed, person, 11))


def _dialysis(world: World, first: int, last: int, rng: np.random.Generator) -> pd.DataFrame:
    """Three times a week, always the same house."""
    number = world.medicine.disease["renal_failure"]
    pairs = world.people.ailments
    who = pairs["person"].to_numpy()[pairs["disease"] == number]
    days = np.arange(first, last + 1)
    weekday = (days + 3) % 7
    even = who % 2 == 0
    patient, day = np.meshgrid(who, days, indexing="ij")
    comes = np.where(even[:, None], np.isin(weekday, (0, 2, 4)), np.isin(weekday, (1, 3, 5)))
    patient, day = patient[comes], day[comes]
    institution = world.person("usual_secondary")[patient]
    institution = np.where(world.institution("level")[institution] >= 2, institution, world.person("usual_tertiary")[patient])
    department = np.full(len(patient), world.department_of[number])
    return encounter_table(
        len(patient), patient=patient, institution=institution, department=department, kind=CHRONIC, disease=number,
        start=day * DAY + 7 * 60 + 30 + rng.integers(0, 60, len(patient)), registered=number,
        doctor=world.doctor_for(patient, institution, department, rng.random(len(patient)), 0.98),
    )  # fmt: skip


def _external(world: World, visits: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Some hospital visits end with a prescription for a pharmacy: the visit keeps its tests, the pharmacy sells the drugs."""
    hospital = np.isin(world.institution("class")[visits["institution"]], (SECONDARY, TERTIARY))
    kinds = visits["kind"].isin((VISIT, CHRONIC)).to_numpy() & (visits["setting"] == OUTPATIENT).to_numpy()
    renal = world.medicine.disease["renal_failure"]
    chosen = hospital & kinds & (rng.random(len(visits)) < 0.09) & (visits["disease"] != renal).to_numpy()
    visits.loc[chosen, "setting"] = TESTS_ONLY
    sales = visits[chosen].copy()
    sales["rx_institution"], sales["rx_doctor"] = sales["institution"], sales["doctor"]
    usual = np.where(rng.random(len(sales)) < 0.7, world.person("usual_pharmacy")[sales["patient"]],
                     world.person("usual_pharmacy_other")[sales["patient"]])  # fmt: skip
    sales["institution"], sales["doctor"], sales["department"] = usual, -1, GENERAL
    sales["setting"], sales["kind"], sales["online"] = DRUGS_ONLY, SHOP, 0
    sales["start"] += rng.integers(90, 240, len(sales))
    sales["end"] = sales["start"]
    return sales


def plan_manual(world: World) -> pd.DataFrame:
    """Care away from home, paid in cash and reimbursed by hand weeks later, with the invoice that the house there printed."""
    rng = rng_of(world, "manual")
    options = world.options
    days = options.last_day - options.first_day + 1
    count = rng.poisson(len(world.people.persons) * 0.012 * days / 365)
    pool = np.flatnonzero((world.person("death") == NEVER) & (world.person("mother") < 0) & (world.person("insurance_until") == NEVER))
    patient = rng.permutation(pool)[:count]
    houses = world.places.of(OUTSIDE)
    house = houses[rng.integers(0, len(houses), len(patient))]
    day = options.first_day + rng.integers(0, days, len(patient))
    keys = ("cold", "gastroenteritis", "bronchitis", "back_pain", "gastritis", "fracture")
    disease = np.array([world.medicine.disease[key] for key in keys])[rng.integers(0, len(keys), len(patient))]
    stay = disease == world.medicine.disease["fracture"]
    start = day * DAY + 8 * 60 + rng.integers(0, 500, len(patient))
    end = np.where(stay, (day + rng.integers(5, 10, len(patient))) * DAY + 600, start)
    return encounter_table(
        len(patient), patient=patient, institution=house, disease=disease, start=start, end=end, department=world.department_of[disease],
        kind=np.where(stay, INPATIENT, VISIT), setting=np.where(stay, STAY, OUTPATIENT), manual=1,
        settled=(end // DAY + rng.integers(12, 90, len(patient))) * DAY + 9 * 60 + rng.integers(0, 420, len(patient)),
        invoice=invoice_number(world, house, end),
    )  # fmt: skip


def invoice_number(world: World, institution: np.ndarray, minute: np.ndarray) -> np.ndarray:
    """Number of the invoice that a house prints at that minute: its own series, rising with time."""
    first = 10_000_000 * (11 + keyed(world.options.seed, institution, 71) * 80).astype(np.int64)
    return first + institution * 500_000 + (np.asarray(minute) - world.options.first_day * DAY) // 3 + 1000
