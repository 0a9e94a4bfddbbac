"""R10 进销存不符: more is billed than was ever bought.

Copies the pharmacy or clinic that bills dear drugs and hands out other goods, or nothing: purchases stay behind sales month after month.
Look-alike: houses that count stock in packs while bills count tablets, and sales of a month's last days that are billed in the next.
"""

from __future__ import annotations

import numpy as np

from fraudml.city.encounters import DAY
from fraudml.city.month import Month
from fraudml.city.places import CLINIC, PHARMACY, PRIMARY, VILLAGE
from fraudml.city.planting import Ground
from fraudml.city.stock import NOT_FROM_STOCK


def plant(ground: Ground) -> None:
    deals = []
    for place in ground.choose_institutions(ground.perpetrators(3), PHARMACY, PRIMARY, VILLAGE, CLINIC, where=ground.busy()):
        kind = "pharmacy" if ground.world.institution("class")[place] == PHARMACY else "institution"
        deals.append((place, ground.span(9), 0.08 + 0.15 * ground.boldness(), ground.tags[ground.tag([(kind, place, "perpetrator")])]))
    packs = ground.tags[ground.tag(lookalike=True)]
    late = ground.tags[ground.tag(lookalike=True)]
    counted = ground.world.institution("counts_packs")
    lagging = ground.quiet_institutions(ground.lookalikes(3), PHARMACY, PRIMARY)

    def change(month: Month) -> None:
        place_of = month.encounters["institution"].to_numpy()
        bill, item = month.lines["bill"].to_numpy(), month.lines["item"].to_numpy()
        time = month.lines["time"].to_numpy()
        draw = month.draw(bill, item, 3)
        sold = month.world.medicine.is_drug[item] & (month.lines["days"].to_numpy() > 0)
        guilty = np.zeros(len(month.lines), dtype=bool)
        for place, (first, last), share, tag in deals:
            hit = sold & (place_of[bill] == place) & (time // DAY >= first) & (time // DAY <= last) & (draw < share)
            guilty |= hit
            month.lines.loc[hit, "trace"] = NOT_FROM_STOCK
            month.mark(bill[hit], tag)
        theirs = np.isin(place_of[bill], [deal[0] for deal in deals])
        month.mark(bill[sold & ~theirs & counted[place_of[bill]] & (draw < 0.01)], packs)
        # billed on the first morning of the month, handed out the evening before
        start = month.world.options.month_starts[month.number]
        hit = sold & np.isin(place_of[bill], lagging) & ~theirs & (time // DAY <= start + 1) & (draw < 0.5) & (month.number > 0)
        month.lines.loc[hit, "time"] = start * DAY - 4 * 60
        month.mark(bill[hit], late)

    ground.each_month(change)
