"""R31 团伙: a doctor's patients who come together and buy together, again and again, against their own habits."""

import pytest

from fraudml.rules import run_rules

DAYS = ["2024-02-05", "2024-03-04", "2024-04-01", "2024-05-06", "2024-06-03"]


def day_of(patient, doctor, pharmacy, day):
    return [
        {"patient_id": patient, "doctor_id": doctor, "started_on": day},
        {"patient_id": patient, "institution_id": pharmacy, "visit_type": "pharmacy", "started_on": day, "total_amount": 80.0},
    ]


def purchase(patient, pharmacy, day):
    return {"patient_id": patient, "institution_id": pharmacy, "visit_type": "pharmacy", "started_on": day}


@pytest.fixture
def found(make_claims):
    rows, people = [], []
    for n in range(6):  # HIT: six persons of six addresses, at Y1 whenever they see D1, elsewhere otherwise
        people.append({"patient_id": f"G{n}", "address_group": f"A{n}"})
        for day in DAYS:
            rows += day_of(f"G{n}", "D1", "Y1", day)
            rows.append(purchase(f"G{n}", f"Y{2 + n % 3}", day[:8] + "20"))
    for n in range(6):  # a village: its only pharmacy serves everybody at all times
        people.append({"patient_id": f"V{n}", "address_group": f"B{n}", "region": "R9"})
        for day in DAYS:
            rows += day_of(f"V{n}", "D2", "Y9", day)
            rows.append(purchase(f"V{n}", "Y9", day[:8] + "15"))
    for n in range(5):  # a family
        people.append({"patient_id": f"F{n}", "address_group": "FAMILY"})
        for day in DAYS:
            rows += day_of(f"F{n}", "D3", "Y5", day)
            rows.append(purchase(f"F{n}", "Y2", day[:8] + "22"))
    for n in range(200):  # the town
        rows.append(purchase(f"T{n % 50}", f"Y{2 + n % 5}", f"2024-0{1 + n % 6}-{1 + n % 28:02}"))
    return run_rules(make_claims(claims=rows, patients=people), "2024-06-30", rules=["collusive_group"])


def test_the_group_is_found_village_and_family_are_not(found):
    ring = {("doctor", "D1"), ("pharmacy", "Y1")} | {("patient", f"G{n}") for n in range(6)}
    assert set(zip(found.entity_type, found.entity_id, strict=True)) == ring


def test_visits_speak_against_the_doctor_sales_against_the_pharmacy(found):
    assert found.entity_type.value_counts().to_dict() == {"doctor": 30, "pharmacy": 30, "patient": 30}
    assert found[found.entity_type == "pharmacy"].amount_in_question.max() <= 80.0


def test_two_doctors_who_share_the_group_do_not_make_it_each_other_s_habit(make_claims):
    """Five persons at D1, two at D2, all at Y1 on the same days: the two are too few for a block of their own."""
    rows, people = [], [{"patient_id": f"G{n}", "address_group": f"A{n}"} for n in range(7)]
    for turn, day in enumerate(DAYS):
        for n in range(7):
            rows += day_of(f"G{n}", "D1" if (n + turn) % 7 < 5 else "D2", "Y1", day)
    for n in range(200):  # the town
        rows.append(purchase(f"T{n % 50}", f"Y{2 + n % 5}", f"2024-0{1 + n % 6}-{1 + n % 28:02}"))
    found = run_rules(make_claims(claims=rows, patients=people), "2024-06-30", rules=["collusive_group"])
    assert {("doctor", "D1"), ("pharmacy", "Y1")} <= set(zip(found.entity_type, found.entity_id, strict=True))
