"""R27 高频次: more visits than anybody needs.

Copies the person who sees a doctor or a till almost every day, for little things.
Look-alike: dialysis three times a week, and rehabilitation after a stroke.
"""

from __future__ import annotations

import numpy as np

from fraudml.city.month import Month
from fraudml.city.planting import Ground


def plant(ground: Ground) -> None:
    ills = ("cold", "gastritis", "dermatitis", "dizziness", "back_pain", "conjunctivitis")
    for person in ground.choose_people(ground.perpetrators(6), ground.age() > 30):
        boldness, (first, last) = ground.boldness(), ground.span(9)
        tag = ground.tag([("patient", int(person), "perpetrator")])
        day = np.unique(ground.days_in((first, last), round((last - first) / 30 * (4 + 7 * boldness))))
        houses = [int(ground.world.person(f"usual_{name}")[person]) for name in ("clinic", "primary", "secondary", "pharmacy")]
        ground.attend(tag, np.full(len(day), person), ground.rng.choice(houses, len(day)), ground.any_of(ills, len(day)), day)
    rehab = ground.tag(lookalike=True)
    for person in ground.choose_people(ground.lookalikes(5), ground.has("stroke")):
        first = int(ground.days_in((ground.first_day, ground.last_day), 1, 80)[0])
        day = np.arange(first, min(ground.last_day, first + 100))
        day = day[np.isin((day + 3) % 7, (0, 2, 4))]
        ground.attend(rehab, np.full(len(day), person), int(ground.world.person("usual_secondary")[person]), ground.disease("stroke"), day)
    dialysis = ground.tags[ground.tag(lookalike=True)]

    def change(month: Month) -> None:
        bills = month.bills([rehab])
        month.drop_lines(np.isin(month.lines["bill"], bills))
        month.append(bills, "consult")
        month.append(bills, "rehab_limb", minutes=20)
        renal = (month.encounters["disease"] == ground.disease("renal_failure")) & (month.encounters["kind"] == 2)
        month.mark(np.flatnonzero(renal.to_numpy() & ~month.planted()), dialysis)

    ground.each_month(change)
