"""R22 重复参保、重复报销: one service, paid twice.

Copies the person who is enrolled as an employee and as a resident and has one bill settled under both, and the one who settled online
and hands in the same bill for reimbursement: the same lines and amounts, only who pays differs.
Look-alike: a change from one insurance type to the other within the year, every service paid once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from fraudml.city.encounters import DAY
from fraudml.city.month import Month
from fraudml.city.people import EMPLOYEE, NEVER, RESIDENT
from fraudml.city.planting import Ground

WORTH_IT = 500
"""Thousandths of a visit's bill that the fund pays: nobody hands in twice what brings nothing."""


def plant(ground: Ground) -> None:
    employee = ground.world.person("insurance") == EMPLOYEE
    both: list[int] = []
    for number, person in enumerate(ground.choose_people(ground.perpetrators(8), employee & (ground.age() > 25))):
        boldness, (first, last) = ground.boldness(), ground.span()
        tag = ground.tag([("patient", int(person), "perpetrator")], free=True)
        day = np.unique(ground.days_in((first, max(first + 1, last - 60)), 2 + round(4 * boldness)))
        place = int(ground.world.person("usual_secondary")[person])
        # one bill, settled twice: the same service by the same doctor with the same lines, whatever it was settled with
        back_pain, gallstones = ground.disease("back_pain"), ground.disease("gallstones")
        visits: dict[str, Any] = {"disease": back_pain, "start": day * DAY + 9 * 60 + 7, "end": day * DAY + 9 * 60 + 7,
                                  "benefit": WORTH_IT}  # fmt: skip
        later = day[:1] * DAY + 12 * DAY + 9 * 60
        stay: dict[str, Any] = {"disease": gallstones, "disease2": -1, "start": later, "end": later + 6 * DAY, "kind": 3, "setting": 1}
        for given in (visits, stay):
            size = len(given["start"])
            department = ground.world.department_of[given["disease"]]
            doctor = ground.world.doctor_for(np.full(size, person), place, department, ground.rng.random(size))
            bill = given | {"patient": person, "institution": place, "doctor": doctor, "uid": ground.bills(size)}
            ground.visits(tag, **bill)
            if number % 2 == 0:
                ground.visits(tag, **bill, insurance=RESIDENT, settled=given["end"] + 55)
            else:
                ground.visits(tag, **bill, manual=1, settled=given["end"] + ground.rng.integers(20, 45, size) * DAY)
        if number % 2 == 0:
            both.append(int(person))
    moved = ground.tags[ground.tag(lookalike=True)]
    change_day = ground.world.person("insurance_until")

    def change(month: Month) -> None:
        patient = month.encounters["patient"].to_numpy()
        near = np.abs(month.encounters["start"].to_numpy() // DAY - change_day[patient]) < 60
        month.mark(np.flatnonzero(near & (change_day[patient] != NEVER) & ~month.planted()), moved)

    def enrol_twice(tables: dict[str, pd.DataFrame]) -> None:
        frame = tables["psn_insu_d"]
        second = frame[frame["psn_no"].isin(ground.world.person("code")[both])].copy()
        second["insutype"], second["emp_no"], second["psn_insu_date"] = str(RESIDENT), None, "2022-01-01"
        tables["psn_insu_d"] = pd.concat([frame, second], ignore_index=True).sort_values(["psn_no", "psn_insu_date"], kind="stable")

    ground.each_month(change)
    ground.afterwards(enrol_twice)
