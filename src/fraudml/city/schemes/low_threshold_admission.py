"""R03 低标入院: admitted without need, for a round of examinations.

Copies the house that admits people with complaints of the consulting room for two or three nights, sends them through every machine,
gives hardly any treatment and bills a case.
Look-alike: day surgery, and observation after an emergency.
"""

from __future__ import annotations

import numpy as np

from fraudml.city.encounters import DAY, DAY_SURGERY, EMERGENCY_VISIT
from fraudml.city.medicine import STAY
from fraudml.city.month import Month
from fraudml.city.places import EMERGENCY, PRIMARY, PRIVATE_HOSPITAL, SECONDARY, TERTIARY
from fraudml.city.planting import Ground

COMPLAINTS = ("gastritis", "dizziness", "back_pain", "hypertension", "migraine", "fatigue")
MACHINES = ("us_abdomen", "us_heart", "us_carotid", "ct_chest", "ct_head", "bone_density", "spirometry", "tumour_markers", "thyroid")


def plant(ground: Ground) -> None:
    bold: dict[int, float] = {}
    for place in ground.choose_institutions(ground.perpetrators(3), PRIVATE_HOSPITAL, PRIMARY, SECONDARY):
        boldness, span = ground.boldness(), ground.span()
        tag = ground.tag([("institution", place, "perpetrator")])
        bold[tag] = boldness
        people = ground.choose_people(ground.amount(30 + 50 * boldness), ground.patients_of(place) & (ground.age() > 30))
        day = ground.days_in(span, len(people), 5)
        ground.admit(tag, people, place, ground.any_of(COMPLAINTS, len(people)), day, ground.rng.integers(2, 4, len(people)), disease2=-1)
    surgery, observed = ground.tag(lookalike=True), ground.tag(lookalike=True)
    whole = (ground.first_day, ground.last_day)
    for place in ground.quiet_institutions(ground.lookalikes(3), SECONDARY, TERTIARY):
        people = ground.choose_people(ground.amount(10), ground.age() > 55)
        day = ground.days_in(whole, len(people), 3)
        ground.admit(surgery, people, place, ground.disease("cataract"), day, np.ones(len(people), int), kind=DAY_SURGERY, disease2=-1)
        people = ground.choose_people(ground.amount(8), ground.age() > 40)
        day = ground.days_in(whole, len(people), 3)
        start = day * DAY + 20 * 60 + ground.rng.integers(0, 180, len(people))
        common = {"patient": people, "institution": place, "disease": ground.disease("dizziness"), "department": EMERGENCY}
        ground.visits(observed, start=start, kind=EMERGENCY_VISIT, **common)
        ground.visits(observed, start=start + 60, end=(day + 2) * DAY + 10 * 60, kind=3, setting=STAY, memo=8, disease2=-1, **common)
    ground.each_month(lambda month: _machines(month, bold))


def _machines(month: Month, bold: dict[int, float]) -> None:
    """Through every machine, and out: the drugs of a real stay are missing."""
    bills = month.bills(bold)
    treated = np.isin(month.lines["bill"], bills) & np.isin(month.world.medicine.charge[month.lines["item"]], ("05", "08", "09", "11"))
    month.drop_lines(treated & (month.draw(month.lines["bill"].to_numpy(), 2) < 0.9))
    share = np.array([0.35 + 0.4 * bold[tag] for tag in month.encounters["tag"].to_numpy()[bills]])
    for number, key in enumerate(MACHINES):
        month.append(bills[month.draw(bills, number) < share], key, minutes=60 + 20 * number)
