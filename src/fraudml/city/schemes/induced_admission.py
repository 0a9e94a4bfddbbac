"""R04 诱导住院: people are fetched by the busload.

Copies the private hospital whose recruiters visit villages with free transport, meals and "free check-ups": a dozen neighbours are
admitted on one
or two days, again after some weeks, elsewhere next time; the patients pay next to nothing.
Look-alike: an epidemic that fills many hospitals with one neighbourhood's people, and a school accident whose victims are
taken to several hospitals on one date.
"""

from __future__ import annotations

import numpy as np

from fraudml.city.places import PRIVATE_HOSPITAL, SECONDARY, TERTIARY
from fraudml.city.planting import Ground

COMPLAINTS = ("back_pain", "dizziness", "hypertension", "gastritis")


def plant(ground: Ground) -> None:
    group_of = ground.world.person("group")
    for place in ground.choose_institutions(ground.perpetrators(3), PRIVATE_HOSPITAL):
        boldness, span = ground.boldness(), ground.span()
        near = np.unique(group_of[ground.patients_of(place) & (ground.age() > 45)])
        villages = ground.rng.permutation(near)[: max(2, round(2 + 3 * boldness))]
        for number, village in enumerate(villages):
            tag = ground.tag([("institution", place, "perpetrator")], ring=f"{ground.world.institution('code')[place]}-{number}")
            people = ground.choose_people(max(5, round(6 + 8 * boldness)), (group_of == village) & (ground.age() > 45))
            for _ in range(1 + int(ground.rng.integers(1, 3))):  # the bus comes again
                day = int(ground.days_in(span, 1, 20)[0])
                riders = people[ground.rng.random(len(people)) < 0.85]
                disease = np.array([ground.disease(key) for key in COMPLAINTS])[ground.rng.integers(0, 4, len(riders))]
                nights = ground.rng.integers(5, 9, len(riders))
                ground.admit(tag, riders, place, disease, day + (ground.rng.random(len(riders)) < 0.3), nights,
                             benefit=ground.rng.integers(930, 985, len(riders)), disease2=-1)  # fmt: skip
                span = (min(span[0] + 45, max(span[0], span[1] - 40)), span[1])
    for _ in range(ground.lookalikes(2)):
        village = int(ground.rng.integers(0, len(ground.world.people.groups)))
        day = int(ground.days_in((ground.first_day, ground.last_day), 1, 20)[0])
        sick = ground.choose_people(ground.amount(12), group_of == village)
        where = np.where(
            ground.rng.random(len(sick)) < 0.5, ground.world.person("usual_secondary")[sick], ground.world.person("usual_tertiary")[sick]
        )
        ground.admit(ground.tag(lookalike=True), sick, where, ground.disease("pneumonia"), day + ground.rng.integers(0, 6, len(sick)),
                     ground.rng.integers(5, 10, len(sick)))  # fmt: skip
        pupils = ground.choose_people(
            ground.amount(12), (ground.age() > 7) & (ground.age() < 16) & (group_of == (village + 1) % len(ground.world.people.groups))
        )
        houses = ground.world.places.of(SECONDARY, TERTIARY)
        ground.admit(ground.tag(lookalike=True), pupils, ground.rng.permutation(houses)[np.arange(len(pupils)) % min(4, len(houses))],
                     ground.disease("gastroenteritis"), day + 7, ground.rng.integers(3, 5, len(pupils)))  # fmt: skip
