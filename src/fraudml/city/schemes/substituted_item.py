"""R09 串换药品、耗材、诊疗项目: something cheaper or not covered was given, something covered was billed.

Copies the eye ward that implants domestic lenses and bills imported ones, the massage parlour whose spa sessions appear as therapeutic
massage, and the pharmacy whose daily goods leave the till as patent medicine.
Look-alike: a specialised house whose patients need the item, and a house that changed its formulary on one day.
"""

from __future__ import annotations

import numpy as np

from fraudml.city.encounters import DAY
from fraudml.city.medicine import SELF_CARE
from fraudml.city.month import Month
from fraudml.city.places import CLINIC, PHARMACY, PRIVATE_HOSPITAL, SECONDARY, TERTIARY
from fraudml.city.planting import Ground

GOODS = ("Z_LWDH", "A12AX01", "Z_DANS")


def plant(ground: Ground) -> None:
    whole = (ground.first_day, ground.last_day)
    swaps = []
    for place in ground.choose_institutions(ground.perpetrators(2), SECONDARY, PRIVATE_HOSPITAL):
        boldness, span = ground.boldness(), ground.span()
        number = ground.tag([("institution", place, "perpetrator")])
        people = ground.choose_people(ground.amount(15 + 20 * boldness), ground.age() > 55)
        ground.admit(
            number, people, place, ground.disease("cataract"), ground.days_in(span, len(people), 6), np.full(len(people), 3), disease2=-1
        )
        swaps.append((place, span, 0.6 + 0.4 * boldness, number, {"lens_domestic": "lens", "nursing2": "nursing1"}))
    for place in ground.choose_institutions(ground.perpetrators(2), CLINIC):
        boldness, span = ground.boldness(), ground.span()
        number = ground.tag([("institution", place, "perpetrator")])
        for person in ground.choose_people(ground.amount(8 + 8 * boldness), ground.age() > 25):
            day = ground.days_in(span, int(4 + 5 * boldness))
            ground.attend(
                number,
                np.full(len(day), person),
                place,
                ground.disease("back_pain"),
                np.unique(day)[np.arange(len(day)) % len(np.unique(day))],
            )
        swaps.append((place, span, 0.25 + 0.3 * boldness, number, {"massage_spa": "massage", "acupuncture": "massage"}))
    till: dict[int, float] = {}
    for place in ground.choose_institutions(ground.perpetrators(2), PHARMACY):
        boldness, span = ground.boldness(), ground.span()
        number = ground.tag([("pharmacy", place, "perpetrator")], free=True)
        till[number] = boldness
        people = ground.choose_people(ground.amount(25 + 30 * boldness), ground.age() > 25)
        visits = np.repeat(people, ground.rng.integers(1, 4, len(people)))
        ground.attend(number, visits, place, ground.disease("fatigue"), ground.days_in(span, len(visits)), setting=SELF_CARE, coded=0)
    house = ground.quiet_institutions(ground.lookalikes(1), CLINIC)
    special = ground.tag(lookalike=True)
    for place in house:
        people = ground.choose_people(ground.amount(40), ground.has("stroke") | (ground.age() > 60))
        ground.attend(special, people, place, ground.disease("back_pain"), ground.days_in(whole, len(people)))
    formulary = [
        (place, int(ground.days_in(whole, 1)[0])) for place in ground.quiet_institutions(ground.lookalikes(2), SECONDARY, TERTIARY)
    ]
    changed = ground.tags[ground.tag(lookalike=True)]

    def change(month: Month) -> None:
        place_of = month.encounters["institution"].to_numpy()
        bill, item = month.lines["bill"].to_numpy(), month.lines["item"].to_numpy().copy()
        day = month.lines["time"].to_numpy() // DAY
        draw = month.draw(bill, item)
        for place, (first, last), share, number, pairs in swaps:
            for true, billed in pairs.items():
                hit = (place_of[bill] == place) & (day >= first) & (day <= last) & (item == ground.item(true)) & (draw < share)
                item[hit] = ground.item(billed)
                month.mark(bill[hit], ground.tags[number])
        for place, since in formulary:
            hit = (place_of[bill] == place) & (day >= since) & (item == ground.item("atorvastatin"))
            item[hit] = ground.item("rosuvastatin")
            month.mark(bill[hit], changed)
        month.lines["item"] = item
        # one item a day each: a swap into what was done anyway is one line
        stay_day = month.lines[["bill", "item", "time"]].assign(time=day)
        month.drop_lines(stay_day.duplicated().to_numpy() & np.isin(item, [ground.item("massage"), ground.item("nursing1")]))
        goods = month.bills(till)
        month.drop_lines(np.isin(month.lines["bill"], goods))
        which = (month.draw(goods, 5) * len(GOODS)).astype(int)
        for number, key in enumerate(GOODS):
            chosen = goods[which == number]
            pack = ground.world.medicine.items[ground.item(key)].pack
            month.append(chosen, key, quantity=pack * (1 + np.floor(month.draw(chosen, 6) * 3)), minutes=0, days=10)

    ground.each_month(change)
