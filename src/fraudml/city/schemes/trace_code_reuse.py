"""R32 药品追溯码重复、回流药: one pack, sold twice.

Copies the pharmacy that buys packs back (or never hands them out) and scans them again, its own ones or another's.
Look-alike: a pack that is split and sold in two parts, and a pack that was returned, refunded and sold again by the same house.
"""

from __future__ import annotations

import numpy as np

from fraudml.city.encounters import DAY
from fraudml.city.medicine import DRUGS_ONLY
from fraudml.city.month import Month
from fraudml.city.places import PHARMACY
from fraudml.city.planting import Ground

FIRST_SERIAL = 5_000_000


def plant(ground: Ground) -> None:
    serial: dict[int, int] = {}
    parts: set[int] = set()
    returned: set[int] = set()
    number = FIRST_SERIAL
    chronic = ground.has("hypertension", "coronary", "diabetes")
    for shop in ground.choose_institutions(ground.perpetrators(4), PHARMACY):
        boldness, span = ground.boldness(), ground.span()
        people = ground.choose_people(ground.amount(20 + 30 * boldness), chronic)
        other = ground.choose_institutions(1, PHARMACY)[0]
        day = ground.days_in(span, len(people), 30)
        for turn, person in enumerate(people):
            tag = ground.tag([("pharmacy", shop, "perpetrator")], free=True)
            serial[tag] = number
            again = np.arange(2 + (boldness > 0.8)) * int(ground.rng.integers(3, 15)) + day[turn]
            who = ground.rng.permutation(people)[: len(again)]
            who[0] = person
            ground.attend(tag, who, shop, ground.disease("hypertension"), again, setting=DRUGS_ONLY, kind=5, supply=28)
            if ground.rng.random() < 0.3:
                first = ground.tag(lookalike=True, free=True)  # the first sale of a pack that comes back is honest
                serial[first] = number
                ground.attend(
                    first,
                    np.array([person]),
                    other,
                    ground.disease("hypertension"),
                    day[turn : turn + 1] - 12,
                    setting=DRUGS_ONLY,
                    kind=5,
                    supply=28,
                )
            number += 40
    for shop in ground.quiet_institutions(ground.lookalikes(2), PHARMACY):
        for kind in (parts, returned):
            for person in ground.choose_people(ground.amount(8), chronic):
                tag = ground.tag(lookalike=True, free=True)
                kind.add(tag)
                serial[tag] = number
                number += 40
                day = ground.days_in((ground.first_day, ground.last_day), 1, 12)
                two = np.append(day, day + 6)
                other = int(ground.choose_people(1, chronic)[0])
                ground.attend(
                    tag, np.array([person, other]), shop, ground.disease("hypertension"), two, setting=DRUGS_ONLY, kind=5, supply=28
                )

    def change(month: Month) -> None:
        tags = month.encounters["tag"].to_numpy()
        bills = month.bills(serial)
        if not len(bills):
            return
        month.drop_lines(np.isin(month.lines["bill"], bills))
        trace = np.array([serial[tag] for tag in tags[bills]])
        split = np.isin(tags[bills], list(parts))
        month.append(bills, "amlodipine", quantity=np.where(split, 14.0, 28.0), days=np.where(split, 14, 28), trace=trace, minutes=0)
        back = bills[np.isin(tags[bills], list(returned))]
        first = month.encounters.iloc[back].duplicated("tag", keep=False).to_numpy()
        early = ~month.encounters.iloc[back].sort_values("start").duplicated("tag").reindex(month.encounters.iloc[back].index).to_numpy()
        month.refund(
            back[
                early & (first | (month.encounters["start"].to_numpy()[back] // DAY < month.world.options.month_starts[month.number + 1]))
            ],
            2,
        )

    ground.each_month(change)
