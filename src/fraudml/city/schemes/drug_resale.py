"""R16 倒买倒卖药品: drugs are collected to be sold.

Copies the small troop that goes from hospital to hospital together, each with several cards' worth of dear drugs, far beyond any dose.
Look-alike: one patient with several chronic diseases, and a caregiver who collects for a whole family in one trip.
"""

from __future__ import annotations

import numpy as np

from fraudml.city.encounters import CHRONIC
from fraudml.city.medicine import DRUGS_ONLY
from fraudml.city.month import Month
from fraudml.city.people import NEVER
from fraudml.city.places import PRIMARY, SECONDARY, TERTIARY
from fraudml.city.planting import Ground

DEAR = {"coronary": ("clopidogrel", "atorvastatin"), "diabetes": ("dapagliflozin", "insulin_glargine"), "copd": ("budesonide_formoterol",)}


def plant(ground: Ground) -> None:
    goods: dict[int, tuple[str, ...]] = {}
    bold: dict[int, float] = {}
    for troop in range(ground.perpetrators(3)):
        boldness, (first, last) = ground.boldness(), ground.span(8)
        disease = list(DEAR)[troop % len(DEAR)]
        people = ground.choose_people(max(3, round(3 + 4 * boldness)), ground.has(disease))
        culprits = [("patient", int(person), "perpetrator") for person in people]
        houses = ground.rng.permutation(ground.world.places.of(PRIMARY, SECONDARY, TERTIARY))[: 4 + round(5 * boldness)]
        trips = np.arange(first + 2, last, round(24 - 10 * boldness))
        for person, culprit in zip(people, culprits, strict=True):
            tag = ground.tag([culprit], ring=str(troop), free=True)
            goods[tag], bold[tag] = DEAR[disease], boldness
            comes = trips[ground.rng.random(len(trips)) < 0.9]
            house = houses[np.searchsorted(trips, comes) % len(houses)]
            ground.attend(tag, np.full(len(comes), person), house, ground.disease(disease), comes, setting=DRUGS_ONLY, supply=28)
    several = ground.tag(lookalike=True)
    pairs = ground.world.people.ailments
    many = np.bincount(pairs["person"], minlength=len(ground.world.people.persons)) >= 3
    for person in ground.choose_people(ground.amount(12), many):
        day = np.arange(ground.first_day + int(ground.rng.integers(0, 28)), ground.last_day, 31)
        own = pairs["disease"].to_numpy()[pairs["person"] == person][:3]
        own = own[own != ground.disease("renal_failure")]
        own = np.append(own, [-1, -1, -1])[:3]
        ground.attend(several, np.full(len(day), person), int(ground.world.person("usual_tertiary")[person]), own[0], day,
                      disease2=own[1], disease3=own[2], kind=CHRONIC if own[0] >= 0 else 0, supply=28)  # fmt: skip
    family = ground.tag(lookalike=True)
    household = ground.world.person("household")
    sick = ground.has("hypertension", "diabetes", "coronary")
    shared = np.bincount(household[sick], minlength=household.max() + 1)[household] >= 2
    for person in ground.choose_people(ground.amount(8), sick & shared):
        members = np.flatnonzero(sick & (household == household[person]) & (ground.world.person("death") == NEVER))
        first = ground.first_day + int(ground.rng.integers(0, 28))
        for member in members:
            day = np.arange(first, ground.last_day, 32)
            ground.attend(family, np.full(len(day), member), int(ground.world.person("usual_clinic")[person]),
                          ground.chronic(np.array([member])).repeat(len(day)), day, setting=DRUGS_ONLY, supply=28)  # fmt: skip

    def change(month: Month) -> None:
        medicine = month.world.medicine
        month.drop_lines(np.isin(month.lines["bill"], month.bills(goods)))
        for tag, keys in goods.items():
            bills = month.bills([tag])
            for key in keys:
                item = medicine.items[ground.item(key)]
                packs = max(1, round(28 / medicine.days_per_pack[item.number])) * (1 + round(bold[tag]))
                month.append(bills, key, quantity=float(item.pack * packs), days=int(packs * medicine.days_per_pack[item.number]))

    ground.each_month(change)
