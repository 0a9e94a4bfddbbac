"""R12 超限定支付: an item that is paid for under a condition, used outside it.

Copies semaglutide for slimming, albumin for the weak, syphilis tests for everybody who is admitted, and hemiplegia training for a sore
back.
Look-alike: the condition is met by a secondary diagnosis, or by an earlier registered chronic disease.
"""

from __future__ import annotations

import numpy as np

from fraudml.city.month import Month
from fraudml.city.places import PRIVATE_HOSPITAL, SECONDARY
from fraudml.city.planting import Ground


def plant(ground: Ground) -> None:
    whole = (ground.first_day, ground.last_day)
    pens: list[int] = []
    wards: dict[int, str] = {}
    for number, place in enumerate(ground.choose_institutions(ground.perpetrators(4), SECONDARY, PRIVATE_HOSPITAL)):
        boldness, span = ground.boldness(), ground.span()
        tag = ground.tag([("institution", place, "perpetrator")], free=True)
        size = ground.amount(15 + 30 * boldness)
        if number % 2 == 0:
            pens.append(tag)
            people = ground.choose_people(size, (ground.age() > 20) & (ground.age() < 50) & ~ground.has("diabetes"))
            first = ground.days_in(span, len(people), 40)
            for shift in (0, 29, 58):
                ground.attend(tag, people, place, ground.disease("fatigue"), first + shift)
        else:
            people = ground.choose_people(size, (ground.age() > 45) & ~ground.has("stroke") & ground.patients_of(place))
            for key in ("albumin", "syphilis", "rehab_limb"):
                ward = ground.tag([("institution", place, "perpetrator")], free=True)
                wards[ward] = key
                mine = people[ground.rng.random(len(people)) < 0.45]
                day = ground.days_in(span, len(mine), 12)
                people = np.setdiff1d(people, mine)
                ground.admit(ward, mine, place, ground.disease("pneumonia" if key == "albumin" else "back_pain"), day,
                             ground.rng.integers(5, 9, len(mine)), disease2=-1)  # fmt: skip
    diabetics = ground.choose_people(ground.amount(24), ground.has("diabetes"))
    by_register = diabetics[ground.registered("diabetes")[diabetics]]
    second = ground.tag(lookalike=True, free=True)
    usual = ground.world.person("usual_secondary")
    ground.attend(second, diabetics, usual[diabetics], ground.disease("hypothyroid"), ground.days_in(whole, len(diabetics)),
                  disease2=ground.disease("diabetes"))  # fmt: skip
    earlier = ground.tag(lookalike=True, free=True)
    ground.attend(earlier, by_register, usual[by_register], ground.disease("conjunctivitis"), ground.days_in(whole, len(by_register)))

    def change(month: Month) -> None:
        slimming = month.bills(pens)
        month.drop_lines(np.isin(month.lines["bill"], slimming) & month.world.medicine.is_drug[month.lines["item"]])
        month.append(slimming, "semaglutide", quantity=4.0, days=28)
        benign = month.bills([second, earlier])
        drugs = np.isin(month.lines["bill"], benign) & (month.lines["item"] == ground.item("semaglutide")).to_numpy()
        month.drop_lines(drugs)
        month.append(benign, "semaglutide", quantity=4.0, days=28)
        for tag, key in wards.items():
            bills = month.bills([tag])
            month.drop_lines(np.isin(month.lines["bill"], bills) & (month.lines["item"] == ground.item(key)).to_numpy())
            for shift in range(1 if key == "syphilis" else 3):
                month.append(bills, key, minutes=90 + shift * 24 * 60)

    ground.each_month(change)
