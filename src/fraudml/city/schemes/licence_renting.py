"""R25 挂证执业: the licence works, its owner does not.

Copies the hospital doctor whose licence hangs in a clinic across town, "signing" there while he operates here, and the pharmacy that
sells with no
pharmacist in the house.
Look-alike: a second place of practice that is registered, on other days.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from fraudml.city.encounters import DAY
from fraudml.city.month import Month
from fraudml.city.places import CLINIC, PHARMACY, PRIMARY, SECONDARY, TERTIARY
from fraudml.city.planting import Ground

ABSENT = -2
"""``executor`` of a sale that no pharmacist checked."""


def plant(ground: Ground) -> None:
    doctors = ground.world.places.doctors
    classes = ground.world.institution("class")[doctors["institution"]]
    away = ground.world.institution("district")
    for doctor in ground.choose_doctors(ground.perpetrators(2), np.isin(classes, (SECONDARY, TERTIARY))):
        boldness, span = ground.boldness(), ground.span()
        home = int(doctors["institution"][doctor])
        clinic = ground.choose_institutions(1, CLINIC, where=away != away[home])[0]
        tag = ground.tag([("doctor", doctor, "perpetrator"), ("institution", clinic, "accomplice")])
        people = ground.choose_people(ground.amount(24 + 28 * boldness), ground.patients_of(clinic))
        day = np.sort(ground.days_in(span, len(people)))
        hour = day * DAY + 9 * 60 + ground.rng.integers(0, 150, len(people))
        ground.visits(tag, patient=people, institution=clinic, disease=ground.any_of(("cold", "back_pain", "gastritis"), len(people)),
                      start=hour, doctor=doctor, department=0)  # fmt: skip
        # meanwhile he is seen at his own desk: honest visits of those hours
        others = ground.choose_people(round(len(people) * 0.7), ground.age() > 20)
        desk = ground.tag([("doctor", doctor, "perpetrator")])
        meanwhile = hour[: len(others)] + ground.rng.integers(-12, 12, len(others))
        ground.visits(desk, patient=others, institution=home, disease=ground.disease("gastritis"), doctor=doctor, start=meanwhile,
                      department=int(doctors["department"][doctor]))  # fmt: skip
    unattended = []
    for shop in ground.choose_institutions(ground.perpetrators(3), PHARMACY, where=ground.busy()):
        unattended.append(
            (shop, ground.span(), 0.15 + 0.2 * ground.boldness(), ground.tags[ground.tag([("pharmacy", shop, "perpetrator")])])
        )
    second: list[tuple[int, int]] = []
    for clinic in ground.quiet_institutions(ground.lookalikes(2), CLINIC, PRIMARY):
        chosen = ground.choose_doctors(1, np.isin(classes, (SECONDARY,)))
        if not chosen:
            continue
        second.append((chosen[0], clinic))
        people = ground.choose_people(ground.amount(20), ground.patients_of(clinic))
        day = ground.days_in((ground.first_day, ground.last_day), len(people))
        saturday = np.minimum(day - (day + 3) % 7 + 5, ground.last_day - (ground.last_day + 3) % 7 - 2)
        ground.visits(ground.tag(lookalike=True), patient=people, institution=clinic, disease=ground.disease("back_pain"), doctor=chosen[0],
                      start=saturday * DAY + 14 * 60 + ground.rng.integers(0, 200, len(people)), department=0)  # fmt: skip

    def change(month: Month) -> None:
        place_of = month.encounters["institution"].to_numpy()
        bill, day = month.lines["bill"].to_numpy(), month.lines["time"].to_numpy() // DAY
        for shop, (first, last), share, tag in unattended:
            hit = (place_of[bill] == shop) & (day >= first) & (day <= last) & (month.draw(bill, 4) < share)
            month.lines.loc[hit, "executor"] = ABSENT
            month.mark(bill[hit], tag)

    def register(tables: dict[str, pd.DataFrame]) -> None:
        frame = tables["dr_b"]
        codes = doctors["code"].to_numpy()
        for doctor, clinic in second:
            row = frame[frame["dr_codg"] == codes[doctor]].iloc[[0]].copy()
            row["fixmedins_code"], row["dept_codg"] = ground.code(clinic), "A02"
            frame = pd.concat([frame, row], ignore_index=True)
        tables["dr_b"] = frame

    ground.each_month(change)
    ground.afterwards(register)
