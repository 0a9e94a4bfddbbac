"""R11 不合理重复检查检验: the same examination again while the last one is still valid.

Copies the house that repeats scans and panels at every visit, whatever the neighbour found a week ago.
Look-alike: emergencies, where nobody waits for old pictures, and monitoring at exactly the legal interval.
"""

from __future__ import annotations

import numpy as np

from fraudml.city.encounters import DAY, EMERGENCY_VISIT
from fraudml.city.month import Month
from fraudml.city.places import EMERGENCY, PRIVATE_HOSPITAL, SECONDARY, TERTIARY
from fraudml.city.planting import Ground

REPEATED = ("us_abdomen", "ct_chest", "us_heart", "tumour_markers", "thyroid", "us_carotid")


def plant(ground: Ground) -> None:
    whole = (ground.first_day, ground.last_day)
    wanted: dict[int, str] = {}
    for place in ground.choose_institutions(ground.perpetrators(3), SECONDARY, PRIVATE_HOSPITAL):
        boldness, span = ground.boldness(), ground.span()
        people = ground.choose_people(ground.amount(15 + 30 * boldness), ground.patients_of(place) & (ground.age() > 30))
        kind = ground.rng.integers(0, len(REPEATED), len(people))
        for number, key in enumerate(REPEATED):
            tag = ground.tag([("institution", place, "perpetrator")], free=True)
            wanted[tag] = key
            mine = people[kind == number]
            day = ground.days_in(span, len(mine), 40)
            for _ in range(2 + round(2 * boldness)):
                ground.attend(tag, mine, place, ground.disease("gastritis"), day)
                day = day + ground.rng.integers(4, 13, len(mine))
    urgent = ground.tag(lookalike=True, free=True)
    for place in ground.quiet_institutions(ground.lookalikes(2), TERTIARY, SECONDARY):
        people = ground.choose_people(ground.amount(8), ground.age() > 40)
        day = ground.days_in(whole, len(people), 5)
        for shift in (0, 1):
            start = (day + shift) * DAY + ground.rng.integers(0, 1400, len(people))
            ground.visits(
                urgent,
                patient=people,
                institution=place,
                disease=ground.disease("migraine"),
                start=start,
                kind=EMERGENCY_VISIT,
                department=EMERGENCY,
            )
    regular = ground.tag(lookalike=True, free=True)
    for person in ground.choose_people(ground.amount(12), ground.has("hypertension", "diabetes", "coronary")):
        place = int(ground.world.person("usual_secondary")[person])
        day = np.arange(ground.first_day + int(ground.rng.integers(0, 25)), ground.last_day, 31)
        ground.attend(regular, np.full(len(day), person), place, ground.chronic(np.array([person])).repeat(len(day)), day, supply=28)

    def change(month: Month) -> None:
        repeated = np.isin(month.lines["item"], [ground.item(key) for key in REPEATED])
        month.drop_lines(np.isin(month.lines["bill"], month.bills(wanted)) & repeated)
        for tag, key in wanted.items():
            month.append(month.bills([tag]), key)
        for tag, key in ((urgent, "ct_head"), (regular, "lipids")):
            month.drop_lines(np.isin(month.lines["bill"], month.bills([tag])) & (month.world.medicine.valid_days[month.lines["item"]] > 0))
            month.append(month.bills([tag]), key)

    ground.each_month(change)
