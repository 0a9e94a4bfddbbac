"""R29 量价不符: the amount is not quantity times price.

Copies the till whose sums were "corrected" by hand: an amount above the product, or a fraction of a pack that cannot be sold.
Look-alike: rounding of prices with four decimals, and a discount that is marked as one.
"""

from __future__ import annotations

import numpy as np

from fraudml.city.bills import usual_price
from fraudml.city.encounters import DAY
from fraudml.city.month import Month
from fraudml.city.places import CLINIC, PHARMACY, PRIMARY, PRIVATE_HOSPITAL
from fraudml.city.planting import Ground


def plant(ground: Ground) -> None:
    deals = []
    for place in ground.choose_institutions(ground.perpetrators(3), CLINIC, PRIMARY, PRIVATE_HOSPITAL, PHARMACY, where=ground.busy()):
        boldness = ground.boldness()
        kind = "pharmacy" if ground.world.institution("class")[place] == PHARMACY else "institution"
        tag = ground.tags[ground.tag([(kind, place, "perpetrator")])]
        deals.append((place, ground.span(), 0.005 + 0.02 * boldness, 1.1 + 0.9 * boldness, tag))
    rounding = ground.tags[ground.tag(lookalike=True)]
    discount = ground.tags[ground.tag(lookalike=True)]
    shops = ground.quiet_institutions(ground.lookalikes(3), PHARMACY)

    def change(month: Month) -> None:
        place_of = month.encounters["institution"].to_numpy()
        bill, item = month.lines["bill"].to_numpy(), month.lines["item"].to_numpy()
        day, quantity = month.lines["time"].to_numpy() // DAY, month.lines["quantity"].to_numpy()
        own = month.lines["price"].to_numpy()
        price = np.where(np.isnan(own), usual_price(month.world, place_of[bill], item, day), own)
        draw = month.draw(bill, item, 7)
        plain = month.lines["amount"].isna().to_numpy()
        for place, (first, last), share, factor, tag in deals:
            hit = plain & (place_of[bill] == place) & (day >= first) & (day <= last) & (draw < share)
            month.lines.loc[hit, "amount"] = np.round(quantity[hit] * price[hit] * factor + 0.5, 1)
            month.mark(bill[hit], tag)
        # a pack price broken down to the tablet has four decimals; the sum is the pack's
        drugs = plain & np.isin(place_of[bill], shops) & month.world.medicine.is_drug[item] & (quantity >= 6)
        broken = drugs & (draw < 0.15)
        exact = np.round(price[broken] * 0.97 * quantity[broken], 2)
        month.lines.loc[broken, "price"] = np.round(exact / quantity[broken], 4)
        month.lines.loc[broken, "amount"] = exact
        month.mark(bill[broken], rounding)
        cheap = drugs & (draw > 0.93)
        month.lines.loc[cheap, "amount"] = np.round(price[cheap] * quantity[cheap] * 0.88, 2)
        month.lines.loc[cheap, "discounted"] = 1
        month.mark(bill[cheap], discount)

    ground.each_month(change)
