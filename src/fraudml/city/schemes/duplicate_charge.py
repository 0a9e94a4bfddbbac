"""R06 重复收费: the same item twice for the same patient at the same time.

Copies the ward whose order entry posts a charge again, above all nursing, infusion and laboratory items.
Look-alike: procedures on both sides, with the site written down, and items whose legal count a day is above one.
"""

from __future__ import annotations

import numpy as np

from fraudml.city.month import Month
from fraudml.city.places import PRIMARY, PRIVATE_HOSPITAL, SECONDARY, TERTIARY
from fraudml.city.planting import Ground


def plant(ground: Ground) -> None:
    deals = []
    for place in ground.choose_institutions(ground.perpetrators(3), SECONDARY, PRIVATE_HOSPITAL, PRIMARY, where=ground.busy()):
        boldness = ground.boldness()
        tag = ground.tags[ground.tag([("institution", place, "perpetrator")])]
        deals.append((place, ground.span(), 0.1 + 0.2 * boldness, tag))
    both_sides = ground.tag(lookalike=True)
    for place in ground.quiet_institutions(ground.lookalikes(3), SECONDARY, TERTIARY):
        people = ground.choose_people(ground.amount(8), ground.age() > 60)
        day = ground.days_in((ground.first_day, ground.last_day), len(people), 5)
        ground.admit(both_sides, people, place, ground.disease("cataract"), day, np.full(len(people), 3), disease2=-1)
    legal = ground.tags[ground.tag(lookalike=True)]
    single = np.array([item.options.get("per_day", 1) == 1 for item in ground.world.medicine.items])
    services = np.array([item.list_type == "201" for item in ground.world.medicine.items])

    def change(month: Month) -> None:
        place_of = month.encounters["institution"].to_numpy()
        bill, item = month.lines["bill"].to_numpy(), month.lines["item"].to_numpy()
        day = month.lines["time"].to_numpy() // (24 * 60)
        draw, parts = month.draw(bill, item, day), [month.lines]
        for place, (first, last), share, tag in deals:
            hit = (place_of[bill] == place) & services[item] & single[item] & (day >= first) & (day <= last) & (draw < share)
            parts.append(month.lines[hit])
            month.mark(bill[hit], tag)
        left = np.isin(bill, month.bills([both_sides])) & np.isin(
            item, [ground.item("phaco"), ground.item("lens"), ground.item("lens_domestic")]
        )
        month.lines.loc[left, "site"] = 1
        parts[0] = month.lines
        parts.append(month.lines[left].assign(site=2))
        # blood sugar before and after meals, a second infusion
        counted = np.isin(item, [ground.item("glucose_test"), ground.item("infusion")]) & (month.encounters["kind"].to_numpy()[bill] == 3)
        counted &= (draw < 0.04) & (month.encounters["manual"].to_numpy()[bill] == 0)
        parts.append(month.lines[counted].assign(time=month.lines["time"][counted] + 240))
        month.lines = month.concat(parts)
        month.mark(bill[counted], legal)

    ground.each_month(change)
