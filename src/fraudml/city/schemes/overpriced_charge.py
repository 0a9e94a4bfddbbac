"""R07 超标准收费: items are charged above the cap of that date and level.

Copies the hospital whose price list was never lowered after a tariff change, or that "rounds up" nursing and tests.
Look-alike: a price that is right at its own (higher) level, and bills of the last days before a lower cap took effect.
"""

from __future__ import annotations

import numpy as np

from fraudml.city.bills import cap_change, cap_price, usual_price
from fraudml.city.encounters import DAY
from fraudml.city.month import Month
from fraudml.city.places import PRIMARY, PRIVATE_HOSPITAL, SECONDARY, TERTIARY
from fraudml.city.planting import Ground


def plant(ground: Ground) -> None:
    services = [item.number for item in ground.world.medicine.items if item.list_type == "201"]
    deals = []
    for place in ground.choose_institutions(ground.perpetrators(3), SECONDARY, PRIVATE_HOSPITAL, PRIMARY, where=ground.busy()):
        boldness = ground.boldness()
        items = ground.rng.permutation(services)[: int(8 + 25 * boldness)]
        tag = ground.tags[ground.tag([("institution", place, "perpetrator")])]
        deals.append((place, ground.span(), items, 1.05 + 0.4 * boldness, 0.06 + 0.12 * boldness, tag))
    alike = ground.tags[ground.tag(lookalike=True)]

    def change(month: Month) -> None:
        place_of = month.encounters["institution"].to_numpy()
        bill, item = month.lines["bill"].to_numpy(), month.lines["item"].to_numpy()
        day = month.lines["time"].to_numpy() // DAY
        draw = month.draw(bill, item)
        for place, (first, last), items, factor, share, tag in deals:
            hit = (place_of[bill] == place) & (day >= first) & (day <= last) & np.isin(item, items) & (draw < share)
            usual = usual_price(month.world, place_of[bill[hit]], item[hit], day[hit])
            cap = cap_price(month.world, month.world.institution("level")[place_of[bill[hit]]], item[hit], day[hit])
            month.lines.loc[hit, "price"] = np.maximum(np.ceil(usual * factor * 10) / 10, cap + 0.1).round(2)
            month.mark(bill[hit], tag)
        since, factors = cap_change(month.world)
        high = month.world.institution("class")[place_of[bill]] == TERTIARY
        old = (factors[item] < 1) & (day < since) & (day >= since - 5)
        month.mark(bill[(high & (draw < 0.002)) | (old & (draw < 0.2))], alike)

    ground.each_month(change)
