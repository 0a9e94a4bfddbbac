"""R26 药品耗材超常预警: one item, one house, suddenly everywhere.

Copies the ward that a sales representative has visited: within a month an item goes from seldom to every second bill.
Look-alike: the flu wave, that lifts antivirals in all houses at once, and a newly listed item.
"""

from __future__ import annotations

import numpy as np

from fraudml.city.encounters import DAY
from fraudml.city.month import Month
from fraudml.city.places import PRIVATE_HOSPITAL, SECONDARY, TERTIARY
from fraudml.city.planting import Ground

PUSHED = ("infrared", "nebuliser", "oxygen", "cupping")


def plant(ground: Ground) -> None:
    deals = []
    starts = ground.world.options.month_starts
    for number, place in enumerate(ground.choose_institutions(ground.perpetrators(2), SECONDARY, PRIVATE_HOSPITAL, where=ground.busy())):
        boldness = ground.boldness()
        since = int(starts[max(0, len(starts) - 1 - int(ground.rng.integers(1, 4)))])
        tag = ground.tags[ground.tag([("institution", place, "perpetrator")])]
        deals.append((place, since, PUSHED[number % len(PUSHED)], 0.25 + 0.4 * boldness, tag))
    flu, listed = ground.tags[ground.tag(lookalike=True)], ground.tags[ground.tag(lookalike=True)]
    new = int(starts[max(0, (len(starts) - 1) * 2 // 3)])
    houses = ground.quiet_institutions(ground.lookalikes(3), TERTIARY, SECONDARY)

    def change(month: Month) -> None:
        place_of, start = month.encounters["institution"].to_numpy(), month.encounters["start"].to_numpy() // DAY
        free = ~month.planted() & (month.encounters["kind"].to_numpy() == 0)
        draw = month.draw(np.arange(len(place_of)), 6)
        for place, since, key, share, tag in deals:
            bills = np.flatnonzero(free & (place_of == place) & (start >= since) & (draw < share))
            month.append(bills, key)
            month.mark(bills, tag)
        bills = np.flatnonzero(free & np.isin(place_of, houses) & (start >= new) & (draw > 0.9) & month.on_diagnosis("E11"))
        month.mark(bills, listed)
        item = month.lines["item"].to_numpy() == ground.item("oseltamivir")
        month.mark_lookalike(month.lines["bill"].to_numpy()[item], flu, 0.05)

    ground.each_month(change)
