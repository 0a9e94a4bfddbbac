"""R17 个人账户套现、“蚂蚁搬家”: the account is emptied at a friendly till in many small sums.

Copies the pharmacy that swipes cards for cash: several purchases a week just under the limit that needs a signature, round or repeated
amounts, the same cards again and again. Employees only: residents have no account.
Look-alike: the chronic patient who buys the same drugs every four weeks, and the large family whose one card pays for all.
"""

from __future__ import annotations

import numpy as np

from fraudml.city.encounters import SHOP
from fraudml.city.medicine import DRUGS_ONLY, SELF_CARE
from fraudml.city.month import Month
from fraudml.city.people import EMPLOYEE
from fraudml.city.places import PHARMACY
from fraudml.city.planting import Ground

LIMIT = 200.0


def plant(ground: Ground) -> None:
    employee = ground.world.person("insurance") == EMPLOYEE
    adult = ground.age() > 22
    sums: dict[int, float] = {}
    for place in ground.choose_institutions(ground.perpetrators(4), PHARMACY):
        boldness, (first, last) = ground.boldness(), ground.span()
        people = ground.choose_people(ground.amount(6 + 10 * boldness), employee & adult)
        culprits = [("pharmacy", place, "perpetrator"), *(("patient", int(person), "accomplice") for person in people)]
        ring = ground.world.institution("code")[place]
        for person in people:
            mine = [culprits[0], ("patient", int(person), "accomplice")]
            tag = ground.tag(mine, ring=ring, free=True)
            sums[tag] = boldness
            # a run of a few weeks, several times a week, now and then again
            runs = max(1, int((last - first) / 30 * (0.1 + 0.2 * boldness)))
            start = np.repeat(ground.rng.integers(first, max(first + 1, last - 20), runs), 6)
            day = np.unique(np.clip(start + ground.rng.integers(0, 21, len(start)), first, last))
            ground.attend(tag, np.full(len(day), person), place, ground.disease("cold"), day, coded=0)
    for place in ground.quiet_institutions(ground.lookalikes(3), PHARMACY):
        people = ground.choose_people(ground.amount(12), employee & ground.has("hypertension", "diabetes", "coronary"))
        tag = ground.tag(lookalike=True)
        for person in people:
            disease = int(ground.chronic(np.array([person]))[0])
            day = np.arange(ground.first_day + int(ground.rng.integers(0, 28)), ground.last_day, 31)
            ground.attend(tag, np.full(len(day), person), place, disease, day, setting=DRUGS_ONLY, kind=SHOP, supply=28)
    family = ground.tag(lookalike=True)
    size = ground.world.people.persons.groupby("household")["birth"].transform("size").to_numpy()
    for person in ground.choose_people(ground.amount(10), employee & adult & (size >= 4)):
        day = ground.days_in((ground.first_day, ground.last_day), 14)
        ills = [ground.disease(key) for key in ("cold", "dermatitis", "gastritis", "conjunctivitis", "sprain")]
        place = ground.world.person("usual_pharmacy")[person]
        ground.attend(family, np.full(14, person), place, np.array(ills)[ground.rng.integers(0, 5, 14)], np.sort(day), setting=SELF_CARE)
    ground.each_month(lambda month: _round_sums(month, sums))


def _round_sums(month: Month, sums: dict[int, float]) -> None:
    """What goes over the counter is what makes the sum: a few kinds of goods whose amount ends just under the limit."""
    tags = month.encounters["tag"].to_numpy()
    bills = np.flatnonzero(np.isin(tags, list(sums)))
    if not len(bills):
        return
    month.drop_lines(np.isin(month.lines["bill"], bills))
    draw = month.draw(bills, 1)
    bold = np.array([sums[tag] for tag in tags[bills]])
    steps = np.array([198.0, 195.0, 190.0, 199.0, 180.0, 100.0])
    blur = np.where(month.draw(bills, 2) < bold, 0.0, np.round(month.draw(bills, 3) * 40 - 20, 1))
    target = np.clip(steps[(draw * len(steps)).astype(int)] + blur, 60, LIMIT - 0.1)
    item = np.array([month.world.medicine.item[key] for key in ("Z_YNBY", "Z_LHQW", "Z_BLG", "A12AX01")])[
        (month.draw(bills, 4) * 4).astype(int)
    ]
    pack = month.world.medicine.pack[item]
    cap = month.world.medicine.prices[item, 0] * 0.85
    packs = np.maximum(1, np.ceil(target / (pack * cap)))
    quantity = packs * pack
    month.add_lines(bill=bills, item=item, time=month.encounters["start"].to_numpy()[bills], quantity=quantity,
                    price=np.round(target / quantity, 4), days=packs * month.world.medicine.days_per_pack[item])  # fmt: skip
