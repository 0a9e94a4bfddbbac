"""R15 跨院重复开药: the same drug from several houses within thirty days.

Copies the patient who collects one prescription here and the same there, each within its limit, all together far beyond it.
Look-alike: a lost drug that is replaced (noted as such), and a changed dose.
"""

from __future__ import annotations

import numpy as np

from fraudml.city.medicine import DRUGS_ONLY
from fraudml.city.planting import Ground

ILLS = ("hypertension", "coronary", "diabetes", "copd", "hepatitis_b")


def plant(ground: Ground) -> None:
    whole = (ground.first_day, ground.last_day)
    for person in ground.choose_people(ground.perpetrators(12), ground.has(*ILLS)):
        boldness, (first, last) = ground.boldness(), ground.span()
        tag = ground.tag([("patient", int(person), "perpetrator")], free=True)
        houses = np.unique([ground.world.person(f"usual_{name}")[person] for name in ("clinic", "primary", "secondary", "tertiary")])
        houses = houses[: 2 + round(2 * boldness)] if len(houses) > 1 else np.append(houses, ground.world.places.of(2)[0])
        for number, house in enumerate(houses):
            day = np.arange(first + 3 + 5 * number, last, 30 + int((1 - boldness) * 30))
            ground.attend(tag, np.full(len(day), person), int(house), ground.chronic(np.array([person])).repeat(len(day)), day,
                          setting=DRUGS_ONLY, supply=28)  # fmt: skip
    for memo in (3, 5):
        tag = ground.tag(lookalike=True, free=True)
        people = ground.choose_people(ground.amount(12), ground.has("hypertension", "coronary"))
        day = ground.days_in(whole, len(people), 20)
        disease = ground.chronic(people)
        ground.attend(tag, people, ground.world.person("usual_clinic")[people], disease, day, setting=DRUGS_ONLY, supply=28)
        ground.attend(
            tag, people, ground.world.person("usual_tertiary")[people], disease, day + 9, setting=DRUGS_ONLY, supply=28, memo=memo
        )
