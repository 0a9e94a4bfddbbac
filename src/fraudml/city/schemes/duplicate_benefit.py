"""R22 重复参保、重复报销: one service, paid twice.

Copies the person who is enrolled as an employee and as a resident and has one bill settled under both, and the one who settled online
and hands in
the same bill for reimbursement.
Look-alike: a change from one insurance type to the other within the year, every service paid once.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from fraudml.city.encounters import DAY
from fraudml.city.people import EMPLOYEE, NEVER, RESIDENT
from fraudml.city.planting import Ground, Month


def plant(ground: Ground) -> None:
    employee = ground.world.person("insurance") == EMPLOYEE
    both: list[int] = []
    for number, person in enumerate(ground.choose_people(ground.perpetrators(8), employee & (ground.age() > 25))):
        boldness, (first, last) = ground.boldness(), ground.span()
        tag = ground.tag([("patient", int(person), "perpetrator")], free=True)
        day = np.unique(ground.days_in((first, max(first + 1, last - 60)), 2 + round(4 * boldness)))
        place = int(ground.world.person("usual_secondary")[person])
        stays = {"patient": person, "institution": place, "disease": ground.disease("gallstones"), "disease2": -1, "kind": 3, "setting": 1}
        start = day[:1] * DAY + 9 * 60
        days = [(day, {"patient": person, "institution": place, "disease": ground.disease("back_pain"), "start": day * DAY + 9 * 60 + 7}),
                (day[:1], {**stays, "start": start + 12 * DAY, "end": start + 18 * DAY})]  # fmt: skip
        for when, columns in days:
            ground.visits(tag, **columns)
            if number % 2 == 0:
                ground.visits(tag, **columns, insurance=RESIDENT, settled=columns.get("end", columns["start"]) + 55)
            else:
                end = columns.get("end", columns["start"])
                ground.visits(tag, **columns, manual=1, settled=end + ground.rng.integers(20, 45, len(when)) * DAY)
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
