"""R21 死亡人员未停保: care for the dead.

Copies cards that go on being used after a death nobody reported: relatives at the pharmacy, or a house that keeps billing its chronic
patient.
Look-alike: a settlement that is posted after the death for service before it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from fraudml.city.encounters import DAY
from fraudml.city.medicine import DRUGS_ONLY
from fraudml.city.places import PHARMACY
from fraudml.city.planting import Ground


def plant(ground: Ground) -> None:
    death = ground.world.person("death")
    early = np.flatnonzero((death > ground.first_day + 20) & (death < ground.last_day - 60) & (ground.chronic(np.arange(len(death))) >= 0))
    early = ground.rng.permutation(early)
    wanted = min((len(early) + 1) // 2, ground.perpetrators(8))
    forgotten: list[int] = []
    for number, person in enumerate(early[:wanted]):
        boldness = ground.boldness()
        until = min(ground.last_day, int(death[person] + 60 + 200 * boldness))
        day = np.arange(int(death[person]) + 6, until, 31 if boldness < 0.7 else 17)
        place = int(ground.world.person("usual_clinic" if number % 2 else "usual_pharmacy")[person])
        kind = "pharmacy" if ground.world.institution("class")[place] == PHARMACY else "institution"
        culprit = ("patient", int(person), "perpetrator") if kind == "pharmacy" else (kind, place, "perpetrator")
        tag = ground.tag([culprit, *([("patient", int(person), "victim")] if kind == "institution" else [])], free=True)
        forgotten.append(int(person))
        one = np.full(len(day), person)
        ground.attend(tag, one, place, ground.chronic(one), day, setting=DRUGS_ONLY, supply=28)
    late = ground.tag(lookalike=True)
    for person in early[wanted : wanted + ground.amount(8)]:
        one = np.array([person])
        start = np.array([death[person] - 3]) * DAY + 10 * 60
        place_of = ground.world.person("usual_secondary")
        ground.visits(late, patient=one, institution=place_of[one], disease=ground.disease("dizziness"), start=start,
                      settled=(death[person] + 12) * DAY + 10 * 60)  # fmt: skip

    def not_suspended(tables: dict[str, pd.DataFrame]) -> None:
        frame = tables["psn_insu_d"]
        frame.loc[frame["psn_no"].isin(ground.world.person("code")[forgotten]), "paus_insu_date"] = None

    ground.afterwards(not_suspended)
