"""R13 无指征开药、症药不符: drugs that nothing on the claim or in the patient's register calls for.

Copies the doctor who adds a vascular patent medicine, a statin or a blood thinner to every cold.
Look-alike: a first visit that is coded by its symptom, and the refill of a registered chronic disease at a visit for something else.
"""

from __future__ import annotations

import numpy as np

from fraudml.city.encounters import CHRONIC
from fraudml.city.month import Month
from fraudml.city.places import CLINIC, PHARMACY
from fraudml.city.planting import Ground

ADDED = ("danshen_pill", "ginkgo", "clopidogrel", "atorvastatin", "entecavir", "mecobalamin")


def plant(ground: Ground) -> None:
    whole = (ground.first_day, ground.last_day)
    doctors = ground.world.places.doctors
    classes = ground.world.institution("class")[doctors["institution"]]
    bold: dict[int, float] = {}
    for doctor in ground.choose_doctors(ground.perpetrators(4), (classes < CLINIC) & (classes < PHARMACY)):
        boldness, span = ground.boldness(), ground.span()
        place = int(doctors["institution"][doctor])
        tag = ground.tag([("doctor", doctor, "perpetrator")], free=True)
        bold[tag] = boldness
        healthy = ~ground.has("coronary", "stroke", "lipids_high", "hepatitis_b", "diabetes", "hypertension")
        people = ground.choose_people(ground.amount(30 + 50 * boldness), healthy & (ground.age() > 25) & ground.patients_of(place))
        ground.attend(tag, people, place, ground.any_of(("cold", "gastritis", "dermatitis", "bronchitis"), len(people)),
                      ground.days_in(span, len(people)), doctor=doctor, department=int(doctors["department"][doctor]))  # fmt: skip
    people = ground.choose_people(ground.amount(25), ground.age() > 18)
    symptom = ground.tag(lookalike=True)
    ground.attend(
        symptom, people, ground.world.person("usual_secondary")[people], ground.disease("cough"), ground.days_in(whole, len(people))
    )
    people = ground.choose_people(ground.amount(25), ground.registered("hypertension"))
    refill = ground.tag(lookalike=True, free=True)
    ground.attend(refill, people, ground.world.person("usual_clinic")[people], ground.disease("cold"), ground.days_in(whole, len(people)),
                  kind=CHRONIC, registered=ground.disease("hypertension"))  # fmt: skip

    def change(month: Month) -> None:
        bills = month.bills(bold)
        share = np.array([0.3 + 0.3 * bold[tag] for tag in month.encounters["tag"].to_numpy()[bills]])
        for number, key in enumerate(ADDED):
            drug = month.world.medicine.items[ground.item(key)]
            chosen = bills[(month.draw(bills, number) < share) | (month.draw(bills, 99) * len(ADDED)).astype(int).__eq__(number)]
            month.append(chosen, key, quantity=float(drug.pack), days=int(month.world.medicine.days_per_pack[drug.number]))
        for tag, key in ((symptom, "azithromycin"), (refill, "amlodipine")):
            drug = month.world.medicine.items[ground.item(key)]
            mine = month.bills([tag])
            month.drop_lines(np.isin(month.lines["bill"], mine) & (month.lines["item"] == drug.number).to_numpy())
            month.append(mine, key, quantity=float(drug.pack), days=int(month.world.medicine.days_per_pack[drug.number]))

    ground.each_month(change)
