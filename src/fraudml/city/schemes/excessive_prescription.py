"""R14 大处方、超量开药: months of drugs at once, or doses that nobody takes.

Copies the doctor who empties the annual quota in a few visits, and the one who doubles doses on paper.
Look-alike: the long prescription (up to twelve weeks) for a registered chronic disease.
"""

from __future__ import annotations

import numpy as np

from fraudml.city.encounters import CHRONIC
from fraudml.city.medicine import DRUGS_ONLY
from fraudml.city.month import Month
from fraudml.city.places import PRIMARY, SECONDARY
from fraudml.city.planting import Ground


def plant(ground: Ground) -> None:
    doctors = ground.world.places.doctors
    classes = ground.world.institution("class")[doctors["institution"]]
    factor: dict[int, tuple[float, bool]] = {}
    for number, doctor in enumerate(ground.choose_doctors(ground.perpetrators(4), np.isin(classes, (PRIMARY, SECONDARY)))):
        boldness, span = ground.boldness(), ground.span()
        place = int(doctors["institution"][doctor])
        tag = ground.tag([("doctor", doctor, "perpetrator")], free=True)
        factor[tag] = (3.5 + 4 * boldness, number % 2 == 0)
        people = ground.choose_people(
            ground.amount(20 + 30 * boldness), ground.has("hypertension", "coronary", "diabetes") & ground.patients_of(place)
        )
        day = ground.days_in(span, len(people), 0)
        ground.attend(tag, people, place, ground.chronic(people), day, doctor=doctor, department=int(doctors["department"][doctor]),
                      setting=DRUGS_ONLY, supply=28)  # fmt: skip
    long = ground.tag(lookalike=True, free=True)
    for person in ground.choose_people(ground.amount(20), ground.registered("hypertension")):
        day = np.arange(ground.first_day + int(ground.rng.integers(0, 60)), ground.last_day, 86)
        house = ground.world.person(str(ground.rng.choice(["usual_primary", "usual_secondary", "usual_tertiary"])))[person]
        ground.attend(long, np.full(len(day), person), house, ground.disease("hypertension"), day, kind=CHRONIC,
                      registered=ground.disease("hypertension"), supply=84, memo=4, setting=DRUGS_ONLY)  # fmt: skip

    def change(month: Month) -> None:
        tags = month.encounters["tag"].to_numpy()[month.lines["bill"]]
        for tag, (times, as_supply) in factor.items():
            hit = (tags == tag) & (month.lines["days"] > 0).to_numpy()
            more = np.ceil(times) if as_supply else 2.0 + np.floor(times / 2)
            month.lines.loc[hit, "quantity"] *= more
            if as_supply:
                month.lines.loc[hit, "days"] *= more

    ground.each_month(change)
