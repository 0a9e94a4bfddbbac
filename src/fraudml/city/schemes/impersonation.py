"""R18 冒名就医、盗刷社保卡: one card, two bodies.

Copies the lent card that is used at two ends of the city within minutes and for the other sex's complaints, and the hospital that
swipes the
cards it keeps while their owners lie elsewhere; numbers are typed in by hand.
Look-alike: a newborn's first items on the mother's bill, an online visit beside a purchase, and a bill that was entered twice and taken
back.
"""

from __future__ import annotations

import numpy as np

from fraudml.city.encounters import DAY
from fraudml.city.month import Month
from fraudml.city.places import PRIMARY, PRIVATE_HOSPITAL, SECONDARY
from fraudml.city.planting import Ground

TYPED = 3


def plant(ground: Ground) -> None:
    whole = (ground.first_day, ground.last_day)
    district = ground.world.institution("district")
    clinics = ground.world.places.of(PRIMARY, SECONDARY)
    wrong_sex: list[int] = []
    for person in ground.choose_people(ground.perpetrators(10), (ground.age() > 20) & (ground.world.person("sex") == 1)):
        boldness, span = ground.boldness(), ground.span()
        tag = ground.tag([("patient", int(person), "perpetrator")])
        day = np.unique(ground.days_in(span, 4 + round(10 * boldness)))
        here = ground.world.person("usual_secondary")[person]
        far = clinics[district[clinics] != district[here]]
        there = ground.rng.choice(far if len(far) else clinics, len(day))
        start = day * DAY + 9 * 60 + ground.rng.integers(0, 300, len(day))
        credential = np.where(ground.rng.random(len(day)) < 0.3 + 0.6 * boldness, TYPED, 2)
        ground.visits(tag, patient=person, institution=here, disease=ground.any_of(("cold", "back_pain"), len(day)), start=start)
        ground.visits(tag, patient=person, institution=there, disease=ground.any_of(("gastritis", "dermatitis"), len(day)),
                      start=start + ground.rng.integers(4, 16, len(day)), credential=credential)  # fmt: skip
        wrong = ground.tag([("patient", int(person), "perpetrator")])
        wrong_sex.append(wrong)
        later = ground.days_in(span, 1 + round(3 * boldness))
        ground.attend(wrong, np.full(len(later), person), int(here), ground.disease("vaginitis"), later, credential=TYPED)
    for place in ground.choose_institutions(ground.perpetrators(1.5), PRIVATE_HOSPITAL):
        boldness, span = ground.boldness(), ground.span()
        people = ground.choose_people(ground.amount(12 + 20 * boldness), ground.age() > 35)
        day = ground.days_in(span, len(people), 14)
        for number, person in enumerate(people):
            tag = ground.tag([("institution", place, "perpetrator"), ("patient", int(person), "victim")])
            one = np.array([person])
            ground.admit(
                tag, one, place, ground.any_of(("back_pain", "dizziness"), 1), day[number : number + 1], np.array([7]), credential=TYPED
            )
            # the owner really lies in another house meanwhile; that stay is honest, and stands apart
            own = ground.tag(lookalike=True)
            ground.admit(
                own,
                one,
                ground.world.person("usual_tertiary")[one],
                ground.disease("pneumonia"),
                day[number : number + 1] + 2,
                np.array([8]),
            )
    online = ground.tag(lookalike=True)
    people = ground.choose_people(ground.amount(15), ground.age() > 20)
    start = ground.days_in(whole, len(people)) * DAY + 10 * 60 + ground.rng.integers(0, 300, len(people))
    ground.visits(online, patient=people, institution=ground.world.person("usual_tertiary")[people], disease=ground.disease("rhinitis"),
                  start=start, online=1)  # fmt: skip
    ground.visits(online, patient=people, institution=ground.world.person("usual_pharmacy")[people], disease=ground.disease("toothache"),
                  start=start + 12, kind=5, setting=2)  # fmt: skip
    twin = ground.tag(lookalike=True, free=True)
    people = ground.choose_people(ground.amount(12), ground.age() > 20)
    start = ground.days_in(whole, len(people), 5) * DAY + 9 * 60 + ground.rng.integers(0, 300, len(people))
    for shift in (0, 2):
        ground.visits(
            twin,
            patient=people,
            institution=ground.world.person("usual_secondary")[people],
            disease=ground.disease("dizziness"),
            start=start + shift,
        )
    newborn = ground.tags[ground.tag(lookalike=True)]

    def change(month: Month) -> None:
        mistaken = month.bills(wrong_sex)
        month.drop_lines(np.isin(month.lines["bill"], mistaken) & month.world.medicine.is_drug[month.lines["item"]])
        month.append(mistaken, "clotrimazole_vaginal", quantity=3.0, days=3)
        twins = month.bills([twin])
        frame = month.encounters.iloc[twins]
        second = frame.duplicated(["patient"], keep="first").to_numpy()
        month.refund(twins[second], 0)
        births = np.isin(month.encounters["disease"], [ground.disease("delivery_normal"), ground.disease("delivery_caesarean")])
        mothers = np.flatnonzero(births & (month.draw(np.arange(len(births)), 8) < 0.3))
        month.append(mothers, "phototherapy", minutes=2 * DAY + 60)
        month.mark(mothers, newborn)

    ground.each_month(change)
