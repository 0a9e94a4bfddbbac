"""R24 虚假外配处方: one doctor's prescriptions all end at one till.

Copies the doctor who sends everybody to a befriended pharmacy at the other end of town, past nearer ones, and the pharmacy that lives
on him.
Look-alike: the only pharmacy beside a hospital, where all its doctors' patients go.
"""

from __future__ import annotations

import numpy as np

from fraudml.city.encounters import DAY
from fraudml.city.medicine import DRUGS_ONLY, TESTS_ONLY
from fraudml.city.places import PHARMACY, SECONDARY, TERTIARY
from fraudml.city.planting import Ground


def plant(ground: Ground) -> None:
    doctors, district = ground.world.places.doctors, ground.world.institution("district")
    classes = ground.world.institution("class")[doctors["institution"]]
    for doctor in ground.choose_doctors(ground.perpetrators(4), np.isin(classes, (SECONDARY, TERTIARY))):
        boldness, span = ground.boldness(), ground.span()
        house = int(doctors["institution"][doctor])
        far = ground.choose_institutions(1, PHARMACY, where=(district != district[house]) & ground.busy())[0]
        tag = ground.tag([("doctor", doctor, "perpetrator"), ("pharmacy", far, "perpetrator")], ring=ground.code(far), free=True)
        people = ground.choose_people(ground.amount(16 + 20 * boldness), ground.has("hypertension", "diabetes", "coronary", "lipids_high"))
        people = np.repeat(people, ground.rng.integers(1, 4, len(people)))
        _pairs(ground, tag, people, ground.days_in(span, len(people)), house, doctor, far)
    longitude, latitude = ground.world.institution("longitude"), ground.world.institution("latitude")
    shops = ground.world.places.of(PHARMACY)
    for house in ground.quiet_institutions(ground.lookalikes(2), SECONDARY, TERTIARY):
        near = int(shops[np.hypot(longitude[shops] - longitude[house], latitude[shops] - latitude[house]).argmin()])
        people = ground.choose_people(
            ground.amount(50), ground.has("hypertension", "diabetes", "coronary", "lipids_high") & ground.patients_of(house)
        )
        day = ground.days_in((ground.first_day, ground.last_day), len(people))
        _pairs(ground, ground.tag(lookalike=True), people, day, house, None, near)


def _pairs(ground: Ground, tag: int, people: np.ndarray, day: np.ndarray, house: int, doctor: int | None, shop: int) -> None:
    """A visit with a prescription, and the sale an hour or more later."""
    disease = ground.chronic(people)
    start = day * DAY + 8 * 60 + ground.rng.integers(0, 400, len(people))
    department = ground.world.department_of[disease]
    doctors = ground.world.doctor_for(people, np.full(len(people), house), department, ground.rng.random(len(people)))
    doctors = doctors if doctor is None else np.full(len(people), doctor)
    ground.visits(tag, patient=people, institution=house, disease=disease, start=start, doctor=doctors, setting=TESTS_ONLY)
    ground.visits(tag, patient=people, institution=shop, disease=disease, start=start + ground.rng.integers(60, 200, len(people)),
                  setting=DRUGS_ONLY, kind=5, rx_institution=house, rx_doctor=doctors, supply=28, department=0)  # fmt: skip
