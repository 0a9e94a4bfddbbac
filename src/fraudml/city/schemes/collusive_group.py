"""R31 团伙: doctors, patients and a pharmacy who only know each other.

Copies the ring that passes a set of cards round: the same patients, the same two or three doctors, the same till, on the same days.
Look-alike: a village with one clinic and one pharmacy, and a family that goes together.
"""

from __future__ import annotations

import numpy as np

from fraudml.city.encounters import DAY
from fraudml.city.medicine import DRUGS_ONLY, TESTS_ONLY
from fraudml.city.places import CLINIC, PHARMACY, PRIMARY, PRIVATE_HOSPITAL, VILLAGE
from fraudml.city.planting import Ground


def plant(ground: Ground) -> None:
    doctors = ground.world.places.doctors
    classes = ground.world.institution("class")[doctors["institution"]]
    group_of = ground.world.person("group")
    for ring in range(ground.perpetrators(4)):
        boldness, (first, last) = ground.boldness(), ground.span(8)
        staff = ground.choose_doctors(2 + (boldness > 0.7), np.isin(classes, (PRIMARY, CLINIC, PRIVATE_HOSPITAL)))
        shop = ground.choose_institutions(1, PHARMACY, where=ground.busy())[0]
        cards = ground.choose_people(max(6, round(6 + 6 * boldness)), ground.has("hypertension", "diabetes", "coronary", "lipids_high"))
        name = str(ring)
        for day in np.arange(first + 2, last - 2, round(40 - 16 * boldness)):
            doctor = int(ground.rng.choice(staff))
            house = int(doctors["institution"][doctor])
            crew = cards[ground.rng.random(len(cards)) < 0.7]
            disease = ground.chronic(crew)
            start = day * DAY + 9 * 60 + 6 * np.arange(len(crew)) + ground.rng.integers(0, 5, len(crew))
            for place, at, columns in (
                (house, start, {"doctor": doctor, "setting": TESTS_ONLY, "department": int(doctors["department"][doctor])}),
                (
                    shop,
                    start + 70,
                    {"setting": DRUGS_ONLY, "kind": 5, "rx_institution": house, "rx_doctor": doctor, "supply": 28, "department": 0},
                ),
            ):
                for number, person in enumerate(crew):
                    culprits = [
                        ("doctor", doctor, "perpetrator"),
                        ("pharmacy", shop, "perpetrator"),
                        ("patient", int(person), "accomplice"),
                    ]
                    tag = ground.tag_of(culprits, ring=name, free=True)
                    ground.visits(tag, patient=np.array([person]), institution=place, disease=disease[number : number + 1],
                                  start=at[number : number + 1], **columns)  # fmt: skip
    village = ground.tag(lookalike=True)
    for clinic in ground.quiet_institutions(ground.lookalikes(2), VILLAGE):
        shop = ground.quiet_institutions(1, PHARMACY)[0]
        home = int(np.bincount(group_of[ground.patients_of(clinic)]).argmax())
        people = ground.choose_people(ground.amount(14), group_of == home)
        for _ in range(5):
            when = ground.days_in((ground.first_day, ground.last_day), len(people))
            ills = ground.any_of(("cold", "back_pain", "gastritis"), len(people))
            ground.attend(village, people, clinic, ills, when, setting=TESTS_ONLY)
            ground.attend(village, people, shop, ground.any_of(("cold", "dermatitis"), len(people)), when + 1)
    family = ground.tag(lookalike=True)
    household = ground.world.person("household")
    size = np.bincount(household)[household]
    for person in ground.choose_people(ground.lookalikes(4), size >= 3):
        members = np.flatnonzero(household == household[person])
        for outing in ground.days_in((ground.first_day, ground.last_day), 4):
            start = outing * DAY + 10 * 60 + 10 * np.arange(len(members))
            alive = ground.world.person("death")[members] > outing
            clinic = int(ground.world.person("usual_clinic")[person])
            ground.visits(family, patient=members[alive], institution=clinic, disease=ground.disease("cold"), start=start[alive])
