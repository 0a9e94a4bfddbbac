"""R33 高套病组、低码高编: the case is lighter than its group.

Copies the hospital that codes major complications nobody treated: weights rise, items, days and ages stay as they were.
Look-alike: a referral centre, and severity that intensive-care items document.
"""

from __future__ import annotations

import numpy as np

from fraudml.city.month import Month
from fraudml.city.places import PRIVATE_HOSPITAL, SECONDARY, TERTIARY
from fraudml.city.planting import Ground

ILLS = ("back_pain", "bronchitis", "gastritis", "dizziness", "haemorrhoids")
CODED = ("renal_failure", "epilepsy", "hepatitis_b", "parkinson", "rheumatoid")


def plant(ground: Ground) -> None:
    guilty: list[int] = []
    for place in ground.choose_institutions(ground.perpetrators(3), SECONDARY, PRIVATE_HOSPITAL):
        boldness, span = ground.boldness(), ground.span(9)
        tag = ground.tag([("institution", place, "perpetrator")])
        guilty.append(tag)
        people = ground.choose_people(
            ground.amount(30 + 50 * boldness), ground.patients_of(place) & (ground.age() > 25) & ~ground.has(*CODED)
        )
        day, nights = ground.days_in(span, len(people), 10), ground.rng.integers(4, 8, len(people))
        ground.admit(tag, people, place, ground.any_of(ILLS, len(people)), day, nights, severity=2,
                     disease2=-1, disease3=ground.any_of(CODED, len(people)))  # fmt: skip
    whole = (ground.first_day, ground.last_day)
    severe: list[int] = []
    for place in ground.quiet_institutions(ground.lookalikes(2), TERTIARY, SECONDARY):
        tag = ground.tag(lookalike=True)
        severe.append(tag)
        people = ground.choose_people(ground.amount(15), ground.age() > 60)
        ground.admit(tag, people, place, ground.any_of(("pneumonia", "stroke_acute"), len(people)), ground.days_in(whole, len(people), 18),
                     ground.rng.integers(9, 16, len(people)), severity=2, referred=1)  # fmt: skip

    def change(month: Month) -> None:
        # the complications stand in the diagnoses; nothing was given for them
        medicine = month.world.medicine
        unsupported = np.zeros(len(medicine.items), dtype=bool)
        for key in CODED:
            row = medicine.diseases[ground.disease(key)]
            for entry in row.options["out"]:
                unsupported[[medicine.item[part.split()[0]] for part in entry.split("|")]] = True
        month.drop_lines(np.isin(month.lines["bill"], month.bills(guilty)) & unsupported[month.lines["item"]])
        bills = month.bills(severe)
        for day in range(3):
            month.append(bills, "bed_icu", minutes=60 + day * 24 * 60)
            month.append(bills, "ecg_monitor", minutes=90 + day * 24 * 60)
        icu_days = month.lines[month.lines["item"] == ground.item("bed_icu")]
        taken = set(zip(icu_days["bill"], icu_days["time"] // (24 * 60), strict=True))
        bed = (month.lines["item"] == ground.item("bed")).to_numpy() & np.isin(month.lines["bill"], bills)
        rows = np.flatnonzero(bed)
        gone = np.zeros(len(month.lines), dtype=bool)
        gone[rows] = [
            (a, b) in taken
            for a, b in zip(month.lines["bill"].to_numpy()[rows], month.lines["time"].to_numpy()[rows] // (24 * 60), strict=True)
        ]
        month.drop_lines(gone)

    ground.each_month(change)
