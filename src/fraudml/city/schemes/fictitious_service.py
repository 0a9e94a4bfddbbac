"""R19 虚构医疗服务: more work than a day has hours.

Copies the small house whose one doctor "gives" dozens of half-hour treatments a day, with bills like carbon copies, some on Sundays
when the
house is closed.
Look-alike: a physical-examination campaign of one day, and a team leader who signs for a team that does the work.
"""

from __future__ import annotations

import numpy as np

from fraudml.city.encounters import DAY
from fraudml.city.month import Month
from fraudml.city.places import CLINIC, PRIMARY, SECONDARY, VILLAGE
from fraudml.city.planting import Ground


def plant(ground: Ground) -> None:
    packages: list[int] = []
    for place in ground.choose_institutions(ground.perpetrators(3), CLINIC, VILLAGE, PRIMARY):
        boldness, span = ground.boldness(), ground.span()
        doctor = int(ground.doctors_of(place)[0])
        tag = ground.tag([("institution", place, "perpetrator"), ("doctor", doctor, "accomplice")])
        packages.append(tag)
        cards = ground.choose_people(ground.amount(24 + 16 * boldness), ground.patients_of(place) & (ground.age() > 40))
        days = np.unique(ground.days_in(span, round(3 + 6 * boldness)))
        for day in days:
            sunday = day - (day + 3) % 7 + 6
            when = int(sunday if ground.rng.random() < 0.3 * boldness and sunday <= ground.last_day else day)
            crowd = ground.rng.permutation(cards)[: round(12 + 16 * boldness)]
            start = when * DAY + 8 * 60 + np.sort(ground.rng.integers(0, 540, len(crowd)))
            ground.visits(
                tag, patient=crowd, institution=place, disease=ground.disease("back_pain"), start=start, doctor=doctor, department=0
            )
    campaign = ground.tag(lookalike=True)
    for place in ground.quiet_institutions(ground.lookalikes(2), PRIMARY, SECONDARY):
        people = ground.choose_people(ground.amount(35), ground.patients_of(place) & (ground.age() > 60))
        day = int(ground.days_in((ground.first_day, ground.last_day), 1)[0])
        start = day * DAY + 7 * 60 + 30 + np.sort(ground.rng.integers(0, 240, len(people)))
        ground.visits(campaign, patient=people, institution=place, disease=ground.disease("hypertension"), start=start, memo=10)
    teams: dict[int, np.ndarray] = {}
    for place in ground.quiet_institutions(ground.lookalikes(2), SECONDARY):
        tag = ground.tag(lookalike=True)
        team = ground.doctors_of(place)[:8]
        teams[tag] = team
        day = int(ground.days_in((ground.first_day, ground.last_day), 1)[0])
        people = ground.choose_people(ground.amount(24), ground.age() > 30)
        start = day * DAY + 8 * 60 + np.sort(ground.rng.integers(0, 480, len(people)))
        ground.visits(tag, patient=people, institution=place, disease=ground.disease("back_pain"), start=start, doctor=int(team[0]))

    def change(month: Month) -> None:
        same = month.bills([*packages, *teams])
        month.drop_lines(np.isin(month.lines["bill"], same))
        for number, key in enumerate(("consult", "acupuncture", "massage", "infrared")):
            month.append(same, key, minutes=5 + number)
        examined = month.bills([campaign])
        month.drop_lines(np.isin(month.lines["bill"], examined))
        for number, key in enumerate(("blood_count", "urine", "ecg")):
            month.append(examined, key, minutes=4 + number)
        for tag, team in teams.items():
            rows = np.isin(month.lines["bill"], month.bills([tag]))
            month.lines.loc[rows, "executor"] = team[month.lines["bill"].to_numpy()[rows] % len(team)]

    ground.each_month(change)
