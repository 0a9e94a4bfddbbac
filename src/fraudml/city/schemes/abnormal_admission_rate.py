"""R05 住院率显著异常: a house that admits far more of its district's people than its peers do.

Copies the hospital that fills its beds: nothing is wrong with any one stay, there are only too many, of people like everybody's.
Look-alike: a referral centre (patients sent by others), and a house in an ageing neighbourhood.
"""

from __future__ import annotations

from fraudml.city.places import PRIMARY, PRIVATE_HOSPITAL, TERTIARY
from fraudml.city.planting import Ground

ILLS = ("back_pain", "dizziness", "gastritis", "bronchitis", "urinary_infection")


def plant(ground: Ground) -> None:
    whole = (ground.first_day, ground.last_day)
    for place in ground.choose_institutions(ground.perpetrators(2), PRIVATE_HOSPITAL, PRIMARY):
        boldness, span = ground.boldness(), ground.span(9)
        tag = ground.tag([("institution", place, "perpetrator")])
        people = ground.choose_people(ground.amount(50 + 100 * boldness), ground.patients_of(place) & (ground.age() > 20))
        ground.admit(
            tag,
            people,
            place,
            ground.any_of(ILLS, len(people)),
            ground.days_in(span, len(people), 12),
            ground.rng.integers(4, 9, len(people)),
        )
    for place in ground.quiet_institutions(ground.lookalikes(1), TERTIARY):
        people = ground.choose_people(ground.amount(60), ground.age() > 20)
        ground.admit(ground.tag(lookalike=True), people, place, ground.any_of(("pneumonia", "gallstones", "angina"), len(people)),
                     ground.days_in(whole, len(people), 12), ground.rng.integers(5, 11, len(people)), referred=1)  # fmt: skip
    for place in ground.quiet_institutions(ground.lookalikes(1), PRIMARY):
        people = ground.choose_people(ground.amount(40), (ground.age() > 72) & ground.patients_of(place))
        ground.admit(ground.tag(lookalike=True), people, place, ground.any_of(("pneumonia", "copd", "stroke"), len(people)),
                     ground.days_in(whole, len(people), 12), ground.rng.integers(6, 11, len(people)))  # fmt: skip
