"""R28 高费用: drug costs at the very top of a disease or insurance type.

Copies the patient on whose card every dear drug of a disease is drawn at once, month after month.
Look-alike: haemophilia, transplants and other registered diseases that cost what they cost.
"""

from __future__ import annotations

import numpy as np

from fraudml.city.encounters import CHRONIC
from fraudml.city.month import Month
from fraudml.city.planting import Ground

DEAR = ("dapagliflozin", "insulin_glargine", "acarbose", "glimepiride", "mecobalamin", "liuwei")


def plant(ground: Ground) -> None:
    bold: dict[int, float] = {}
    for person in ground.choose_people(ground.perpetrators(8), ground.registered("diabetes")):
        boldness, (first, last) = ground.boldness(), ground.span(9)
        tag = ground.tag([("patient", int(person), "perpetrator")], free=True)
        bold[tag] = boldness
        day = np.arange(first + 3, last, 30)
        ground.attend(tag, np.full(len(day), person), int(ground.world.person("usual_secondary")[person]), ground.disease("diabetes"), day,
                      kind=CHRONIC, registered=ground.disease("diabetes"), supply=28)  # fmt: skip
    costly = ground.tags[ground.tag(lookalike=True)]

    def change(month: Month) -> None:
        medicine = month.world.medicine
        bills = month.bills(bold)
        month.drop_lines(np.isin(month.lines["bill"], bills) & medicine.is_drug[month.lines["item"]])
        more = 1 + np.ceil(2 * np.array([bold[tag] for tag in month.encounters["tag"].to_numpy()[bills]]))
        for key in DEAR:
            item = medicine.items[ground.item(key)]
            packs = np.maximum(1, np.round(28 / medicine.days_per_pack[item.number])) * more
            month.append(bills, key, quantity=item.pack * packs, days=(medicine.days_per_pack[item.number] * packs).astype(int))
        disease = month.encounters["disease"].to_numpy()
        dear = np.isin(disease, [ground.disease("haemophilia"), ground.disease("transplant"), ground.disease("lung_cancer")])
        month.mark(np.flatnonzero(dear & ~month.planted()), costly)

    ground.each_month(change)
