"""R02 分解住院: one illness, two admissions.

Copies the ward that discharges patients shortly before the cost (or the days) that a case is paid for and admits them again within two
weeks for the same diagnosis: two cases are paid, often three.
Look-alike: staged surgery of the second eye or knee, another disease soon after, a transfer to a higher level; chemotherapy cycles.
"""

from __future__ import annotations

import numpy as np

from fraudml.city.month import Month
from fraudml.city.places import PRIMARY, PRIVATE_HOSPITAL, SECONDARY, TERTIARY
from fraudml.city.planting import Ground

CHRONIC = ("coronary", "stroke", "copd", "diabetes", "hypertension")


def plant(ground: Ground) -> None:
    for place in ground.choose_institutions(ground.perpetrators(3), SECONDARY, PRIVATE_HOSPITAL, PRIMARY):
        boldness, span = ground.boldness(), ground.span()
        tag = ground.tag([("institution", place, "perpetrator")])
        for disease in CHRONIC:
            people = ground.choose_people(
                ground.amount((16 + 34 * boldness) / len(CHRONIC)), ground.has(disease) & ground.patients_of(place)
            )
            day = ground.days_in(span, len(people), 45)
            for part in range(3):
                again = ground.rng.random(len(people)) < (1.0 if part < 2 else 0.35 * boldness)
                people, day = people[again], day[again]
                nights = ground.rng.integers(5, 10, len(people))
                ground.admit(tag, people, place, ground.disease(disease), day, nights)
                day = day + nights + ground.rng.integers(1, max(3, round(14 - 8 * boldness)), len(people))
    _benign(ground)


def _benign(ground: Ground) -> None:
    whole = (ground.first_day, ground.last_day)
    # the second eye a week after the first
    places = ground.quiet_institutions(ground.lookalikes(3), SECONDARY, TERTIARY)
    staged = ground.tag(lookalike=True)
    for place in places:
        people = ground.choose_people(ground.amount(6), ground.age() > 60)
        day = ground.days_in(whole, len(people), 30)
        for shift in (0, 9):
            ground.admit(staged, people, place, ground.disease("cataract"), day + shift, np.full(len(people), 3))
    # another disease
    other = ground.tag(lookalike=True)
    for place in places:
        people = ground.choose_people(ground.amount(5), ground.age() > 45)
        day = ground.days_in(whole, len(people), 30)
        ground.admit(other, people, place, ground.disease("haemorrhoids"), day, np.full(len(people), 5), disease2=-1)
        ground.admit(other, people, place, ground.disease("pneumonia"), day + 12, np.full(len(people), 7), disease2=-1)
    # up the ladder: transferred, not discharged
    transfer = ground.tag(lookalike=True)
    people = ground.choose_people(ground.amount(10), ground.age() > 55)
    day = ground.days_in(whole, len(people), 30)
    ground.admit(transfer, people, ground.world.person("usual_secondary")[people], ground.disease("stroke_acute"), day,
                 np.full(len(people), 3), discharge=2)  # fmt: skip
    ground.admit(transfer, people, ground.world.person("usual_tertiary")[people], ground.disease("stroke_acute"), day + 3,
                 np.full(len(people), 9), referred=1)  # fmt: skip
    cycles = ground.tags[ground.tag(lookalike=True)]
    chemotherapy = ground.disease("chemotherapy")

    def mark(month: Month) -> None:
        month.mark(np.flatnonzero((month.encounters["disease"] == chemotherapy) & ~month.planted()), cycles)

    ground.each_month(mark)
