"""R01 挂床住院: a bed is billed and nobody lies in it.

Copies the small private or township hospital that keeps cards of neighbours on its wards: bed fee day by day, no treatment or nursing on
most days, while the "patient" sees other doctors and buys drugs outside. More are lodged than there are beds.
Look-alike: a leave of absence of one day in an ordinary stay, and a purchase on the day of admission or discharge.
"""

from __future__ import annotations

import numpy as np

from fraudml.city.encounters import DAY
from fraudml.city.month import Month
from fraudml.city.places import PRIMARY, PRIVATE_HOSPITAL
from fraudml.city.planting import Ground

COMPLAINTS = ("back_pain", "dizziness", "gastritis", "bronchitis")


def plant(ground: Ground) -> None:
    empty: dict[int, float] = {}
    for place in ground.choose_institutions(ground.perpetrators(3), PRIVATE_HOSPITAL, PRIMARY):
        boldness, span = ground.boldness(), ground.span()
        tag = ground.tag([("institution", place, "perpetrator")])
        empty[tag] = 0.45 + 0.5 * boldness
        _lodge(ground, tag, place, span, ground.amount(25 + 50 * boldness), 0.3 + 0.5 * boldness)
    on_leave: list[int] = []
    for place in ground.quiet_institutions(ground.lookalikes(3), PRIVATE_HOSPITAL, PRIMARY):
        tag = ground.tag(lookalike=True)
        on_leave.append(tag)
        _lodge(ground, tag, place, ground.span(), ground.amount(8), 0.0)
        _lodge(ground, ground.tag(lookalike=True), place, ground.span(), ground.amount(8), 1.0, edges=True)
    ground.each_month(lambda month: _empty_days(month, empty, on_leave))


def _lodge(ground: Ground, tag: int, place: int, span: tuple[int, int], count: int, abroad: float, edges: bool = False) -> None:
    people = ground.choose_people(count, ground.patients_of(place) & (ground.age() > 35))
    day, nights = ground.days_in(span, len(people), 15), ground.rng.integers(6, 13, len(people))
    disease = np.array([ground.disease(key) for key in COMPLAINTS])[ground.rng.integers(0, len(COMPLAINTS), len(people))]
    ground.admit(tag, people, place, disease, day, nights)
    outside = ground.rng.random(len(people)) < abroad
    patient = people[outside]
    when = day[outside] + ground.rng.integers(2, np.maximum(3, nights[outside] - 1))
    pharmacy = ground.world.person("usual_pharmacy")[patient]
    if edges:
        start = (day + nights)[outside] * DAY + 15 * 60 + ground.rng.integers(0, 240, len(patient))
        ground.visits(tag, patient=patient, institution=pharmacy, disease=ground.disease("cold"), start=start, kind=5, setting=2)
    elif len(patient):
        clinic = ground.world.person("usual_clinic")[patient]
        ground.attend(tag, patient, np.where(ground.rng.random(len(patient)) < 0.6, pharmacy, clinic), ground.disease("cold"), when)


def _empty_days(month: Month, empty: dict[int, float], on_leave: list[int]) -> None:
    """Takes away what was never done: everything but the bed, on the empty days of a guilty stay or the one day of a leave."""
    tags = month.encounters["tag"].to_numpy()[month.lines["bill"]]
    bed = month.lines["item"].to_numpy() == month.world.medicine.item["bed"]
    bill = month.lines["bill"].to_numpy()
    day = month.lines["time"].to_numpy() // DAY
    since = day - month.encounters["start"].to_numpy()[bill] // DAY
    share = np.array([empty.get(tag, 0.0) for tag in tags])
    gone = (share > 0) & (since > 0) & (month.draw(bill, day) < share)
    gone |= np.isin(tags, on_leave) & (since == 3)
    month.drop_lines(gone & ~bed)
