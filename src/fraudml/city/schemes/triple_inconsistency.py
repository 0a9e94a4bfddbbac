"""R30 “三个不一致”: person, certificate and face; diagnosis, drug and quantity; bill, record and stock do not agree.

Copies the clinic that makes up its bills: numbers typed in by hand, a drug that fits no diagnosis in a quantity no pack explains, and
nothing that
left the shelf.
Look-alike: fields that are simply missing.
"""

from __future__ import annotations

import numpy as np

from fraudml.city.month import Month
from fraudml.city.places import CLINIC, PRIMARY, VILLAGE
from fraudml.city.planting import Ground
from fraudml.city.stock import NOT_FROM_STOCK

TYPED = 3
DRUGS = ("entecavir", "levothyroxine", "finasteride", "leflunomide")


def plant(ground: Ground) -> None:
    guilty: list[int] = []
    for place in ground.choose_institutions(ground.perpetrators(3), CLINIC, VILLAGE, PRIMARY):
        boldness, span = ground.boldness(), ground.span()
        tag = ground.tag([("institution", place, "perpetrator")], free=True)
        guilty.append(tag)
        healthy = ~ground.has("hepatitis_b", "hypothyroid", "prostate", "rheumatoid") & ground.patients_of(place) & (ground.age() > 25)
        people = ground.choose_people(ground.amount(20 + 40 * boldness), healthy)
        ground.attend(tag, people, place, ground.any_of(("cold", "back_pain", "gastritis"), len(people)), ground.days_in(span, len(people)),
                      credential=TYPED)  # fmt: skip
    blank = ground.tag(lookalike=True)
    for place in ground.quiet_institutions(ground.lookalikes(2), CLINIC, VILLAGE):
        people = ground.choose_people(ground.amount(12), ground.patients_of(place))
        ground.attend(
            blank, people, place, ground.disease("cold"), ground.days_in((ground.first_day, ground.last_day), len(people)), coded=0
        )

    def change(month: Month) -> None:
        bills = month.bills(guilty)
        which = (month.draw(bills, 3) * len(DRUGS)).astype(int)
        for number, key in enumerate(DRUGS):
            item = month.world.medicine.items[ground.item(key)]
            odd = np.floor(item.pack * (1.3 + 2 * month.draw(bills[which == number], 4))) + 1
            month.append(bills[which == number], key, quantity=odd, days=7, trace=NOT_FROM_STOCK)
        empty = np.isin(month.lines["bill"], month.bills([blank]))
        month.lines.loc[empty, "days"] = 0

    ground.each_month(change)
