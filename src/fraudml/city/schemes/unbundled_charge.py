"""R08 分解收费: the package is billed, and its parts beside it.

Copies the laboratory that posts the full biochemistry and then liver, kidney and lipids again as single tests, and the wound care set
with its dressing.
Look-alike: a part on another body site, or on another day.
"""

from __future__ import annotations

import numpy as np

from fraudml.city.encounters import DAY
from fraudml.city.month import Month
from fraudml.city.places import PRIMARY, PRIVATE_HOSPITAL, SECONDARY, TERTIARY
from fraudml.city.planting import Ground


def plant(ground: Ground) -> None:
    medicine = ground.world.medicine
    packages = {
        item.number: [medicine.item[part] for part in item.options["contains"]] for item in medicine.items if "contains" in item.options
    }
    deals = []
    for place in ground.choose_institutions(ground.perpetrators(3), SECONDARY, PRIVATE_HOSPITAL, PRIMARY, where=ground.busy()):
        boldness = ground.boldness()
        deals.append((place, ground.span(), 0.25 + 0.6 * boldness, ground.tags[ground.tag([("institution", place, "perpetrator")])]))
    sites = ground.tag(lookalike=True)
    for place in ground.quiet_institutions(ground.lookalikes(3), SECONDARY, TERTIARY, PRIMARY):
        people = ground.choose_people(ground.amount(8))
        ground.attend(sites, people, place, ground.disease("wound"), ground.days_in((ground.first_day, ground.last_day), len(people)))
    later = ground.tags[ground.tag(lookalike=True)]

    def change(month: Month) -> None:
        place_of, kind = month.encounters["institution"].to_numpy(), month.encounters["kind"].to_numpy()
        bill, item = month.lines["bill"].to_numpy(), month.lines["item"].to_numpy()
        time = month.lines["time"].to_numpy()
        draw = month.draw(bill, item, 1)
        for place, (first, last), share, tag in deals:
            at = (place_of[bill] == place) & (time // DAY >= first) & (time // DAY <= last) & (draw < share)
            for package, components in packages.items():
                rows = np.flatnonzero(at & (item == package))
                for component in components[: 2 + len(rows) % 2]:
                    month.add_lines(bill=bill[rows], item=np.full(len(rows), component), time=time[rows])
                month.mark(bill[rows], tag)
        wounds = month.bills([sites])
        own = np.isin(month.lines["bill"], wounds) & np.isin(
            month.lines["item"], [ground.item("debridement"), ground.item("debridement_set")]
        )
        month.drop_lines(own)
        month.append(wounds, "debridement_set", site=3)
        month.append(wounds, "debridement", minutes=40, site=4)
        # salts are controlled some days after the full panel
        panel = np.flatnonzero((item == ground.item("biochemistry")) & (kind[bill] == 3) & (draw < 0.03))
        end = month.encounters["end"].to_numpy()[bill[panel]]
        panel = panel[time[panel] + 4 * DAY < end - DAY]
        month.add_lines(bill=bill[panel], item=np.full(len(panel), ground.item("electrolytes")), time=time[panel] + 4 * DAY)
        month.mark(bill[panel], later)

    ground.each_month(change)
