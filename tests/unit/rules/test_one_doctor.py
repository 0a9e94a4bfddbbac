"""Whom findings speak against: R01, R02, R03, R11, R12 and R30 question a doctor's decisions."""

import pytest

from fraudml.rules import load_rules, run_rules


def house(name, doctors):
    """``doctors``: who -> (visits paid outside the restriction, other visits)."""
    for doctor, (outside, other) in doctors.items():
        for n in range(outside + other):
            claim = f"{name}{doctor}{n}"
            yield (
                {"claim_id": claim, "patient_id": claim, "institution_id": name, "doctor_id": doctor},
                {"claim_id": claim, "item_code": "SEMA" if n < outside else "OTHER", "unit_price": 80.0},
                {"claim_id": claim, "diagnosis": "E66.9", "is_main": True},
            )


@pytest.fixture
def against(make_claims):
    def run(doctors, rule="restricted_item_misuse"):
        rows = list(house("H1", doctors))
        claims = make_claims(
            claims=[claim for claim, _, _ in rows],
            items=[item for _, item, _ in rows],
            diagnoses=[diagnosis for _, _, diagnosis in rows],
            catalogue=[{"item_code": "SEMA", "restricted_diagnoses": ["E11"]}, {"item_code": "OTHER"}],
        )
        found = run_rules(claims, "2024-06-30", rules=[rule])
        return found.groupby(["entity_type", "entity_id"]).claim_id.nunique().to_dict()

    return run


def test_one_doctor_of_many_is_a_suspect_beside_the_house(against):
    assert against({"D1": (8, 2), "D2": (1, 25), "D3": (0, 25)}) == {("doctor", "D1"): 8, ("institution", "H1"): 9}


def test_what_several_doctors_do_is_the_house_s(against):
    assert against({"D1": (6, 4), "D2": (4, 10), "D3": (0, 15)}) == {("institution", "H1"): 10}


def test_where_one_doctor_does_most_of_the_work_doctor_and_house_are_the_same(against):
    assert against({"D1": (8, 20), "D2": (0, 6)}) == {("institution", "H1"): 8}


def test_what_is_found_is_not_counted_as_the_doctor_s_work(against):
    """All nine findings are one doctor's, and of what else the small house does the doctor does nothing."""
    assert against({"D1": (9, 0), "D2": (0, 3), "D3": (0, 3)}) == {("doctor", "D1"): 9, ("institution", "H1"): 9}


def test_a_few_times_are_no_habit(against):
    assert against({"D1": (4, 2), "D2": (0, 25), "D3": (0, 25)}) == {("institution", "H1"): 4}


def test_what_the_till_charges_is_the_house_s_whoever_saw_the_patient():
    named = {rule.row for rule in load_rules().values() if rule.one_doctor}
    assert named == {"R01", "R02", "R03", "R11", "R12", "R30"}
