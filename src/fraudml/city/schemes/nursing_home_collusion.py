"""R23 医养合谋: the nursing home's residents fall ill in step.

Copies the house with a nursing home whose doctor bills all residents of the address on the same days, with the same items, once or twice
a month.
Look-alike: the family doctor's visiting day in a village: one day, one doctor, but everybody with his own complaint.
"""

from __future__ import annotations

import numpy as np

from fraudml.city.encounters import DAY
from fraudml.city.month import Month
from fraudml.city.places import PRIMARY
from fraudml.city.planting import Ground


def plant(ground: Ground) -> None:
    group_of = ground.world.person("group")
    homes = ground.world.institution("has_nursing_home")
    packages: list[int] = []
    for place in ground.choose_institutions(ground.perpetrators(2), PRIMARY, where=homes if homes.any() else None):
        boldness, (first, last) = ground.boldness(), ground.span(8)
        doctor = int(ground.rng.choice(ground.doctors_of(place)))
        near = ground.patients_of(place) & (ground.age() > 62)
        home = int(np.bincount(group_of[near]).argmax())
        residents = ground.choose_people(round(8 + 10 * boldness), (group_of == home) & (ground.age() > 55))
        tag = ground.tag([("institution", place, "perpetrator"), ("doctor", doctor, "perpetrator")], ring=ground.code(place), free=True)
        packages.append(tag)
        for day in np.arange(first + 2, last - 1, round(32 - 14 * boldness)):
            comes = residents[ground.rng.random(len(residents)) < 0.75 + 0.2 * boldness]
            start = day * DAY + 9 * 60 + 4 * np.arange(len(comes))
            ground.visits(tag, patient=comes, institution=place, disease=ground.disease("fatigue"), start=start, doctor=doctor)
    visiting = ground.tag(lookalike=True)
    for place in ground.quiet_institutions(ground.lookalikes(2), PRIMARY):
        doctor = int(ground.doctors_of(place)[0])
        village = int(np.bincount(group_of[ground.patients_of(place)]).argmax())
        people = ground.choose_people(ground.amount(20), (group_of == village) & (ground.age() > 50))
        for day in np.arange(ground.first_day + 9, ground.last_day, 35):
            comes = people[ground.rng.random(len(people)) < 0.5]
            start = day * DAY + 8 * 60 + np.sort(ground.rng.integers(0, 420, len(comes)))
            ills = ground.any_of(("back_pain", "cold", "gastritis", "dizziness", "knee_arthritis", "dermatitis"), len(comes))
            ground.visits(visiting, patient=comes, institution=place, disease=ills, start=start, doctor=doctor, memo=9)

    def change(month: Month) -> None:
        bills = month.bills(packages)
        month.drop_lines(np.isin(month.lines["bill"], bills))
        month.append(bills, "consult", minutes=2)
        month.append(bills, "infrared", minutes=3)
        month.append(bills, "Z_LWDH", quantity=200.0, days=10, minutes=4)

    ground.each_month(change)
