"""R33 高套病组: weights that cost, nights and age do not bear out."""

import math

import pytest

from fraudml.rules import load_rules, run_rules


@pytest.fixture
def found(make_claims):
    claims, items = [], []

    def treat(place, count, factor, cost_factor=1.0, intensive=False):
        for n in range(count):
            nights = 3 + n % 8
            cost = 1200.0 * nights * cost_factor
            # a case's weight follows its cost, give or take a little
            weight = 0.2 * (cost / 1000) ** 0.8 * factor * math.exp(0.05 * ((n * 7) % 5 - 2))
            claim = f"{place}_{n}"
            claims.append(
                {"claim_id": claim, "patient_id": claim, "institution_id": place, "visit_type": "inpatient", "started_on": "2024-05-01"}
                | {"ended_on": f"2024-05-{1 + nights:02}", "total_amount": cost, "drg_code": "ES1", "drg_weight": weight}
            )
            items.append({"claim_id": claim, "item_code": "X", "charge_type": "treatment", "unit_price": cost})
            if intensive:
                items.append({"claim_id": claim, "item_code": "ICU", "charge_type": "nursing", "unit_price": 1.0})

    for place in ("H1", "H2", "H3", "H4", "H5"):
        treat(place, 30, 1.0)
    treat("HIT", 30, 1.5)  # half again as heavy for the same work
    treat("REFERRAL", 30, 1.0, cost_factor=2.4)  # heavier, and the bills bear it out
    treat("INTENSIVE", 30, 1.5, intensive=True)  # newly coded severity, documented by intensive care
    treat("SMALL", 5, 1.6)  # five cases prove nothing
    catalogue = [{"item_code": "ICU", "name": "重症监护", "list_type": "service"}]
    return run_rules(make_claims(claims=claims, items=items, catalogue=catalogue), "2024-06-30", rules=["drg_upcoding"])


def test_weights_without_work_are_evidence_referral_and_intensive_care_are_not(found):
    assert set(found.entity_id) == {"HIT"}
    assert len(found) >= 25


def test_the_share_of_the_weight_that_nothing_explains_is_in_question(found):
    share = found.amount_in_question.sum() / sum(1200.0 * (3 + n % 8) for n in range(30))
    assert 0.2 < share < 0.45
    assert "ES1" in load_rules()["drg_upcoding"].text(found.facts.iloc[0])


def test_secondary_diagnoses_that_no_drug_bears_out(make_claims):
    """Elsewhere heart failure among the further diagnoses is treated; one house codes it and gives nothing."""
    claims, items, diagnoses = [], [], []
    for house in ("H1", "H2", "H3", "HIT"):
        for n in range(20):
            name = f"{house}_{n}"
            claims.append(
                {"claim_id": name, "patient_id": name, "institution_id": house, "visit_type": "inpatient", "started_on": "2024-05-01"}
                | {"ended_on": "2024-05-08", "total_amount": 5000.0 + n, "drg_code": "ES1", "drg_weight": 1.0}
            )
            items.append({"claim_id": name, "item_code": "ANTIBIOTIC", "charge_type": "western_drug"})
            diagnoses.append({"claim_id": name, "diagnosis": "J18", "is_main": True})
            diagnoses.append({"claim_id": name, "diagnosis": "I50", "is_main": False})
            if house != "HIT" and n % 10:
                items.append({"claim_id": name, "item_code": "DIURETIC", "charge_type": "western_drug"})
    catalogue = [
        {"item_code": "ANTIBIOTIC", "list_type": "drug", "covered_diagnoses": ["J18"]},
        {"item_code": "DIURETIC", "list_type": "drug", "covered_diagnoses": ["I50"]},
    ]
    made = make_claims(claims=claims, items=items, diagnoses=diagnoses, catalogue=catalogue)
    found = run_rules(made, "2024-06-30", rules=["drg_upcoding"])
    assert set(found.claim_id) == {f"HIT_{n}" for n in range(20)}
    assert "20 of the hospital's 20" in load_rules()["drg_upcoding"].text(found.facts.iloc[0], "en")


def test_a_part_of_the_cases_raised_is_evidence_too(make_claims):
    claims = []
    for place in ("H1", "H2", "H3", "H4", "H5", "HIT"):
        for n in range(40):
            factor = (
                1.4 if place == "HIT" and n % 3 == 0 else 1.4 if n == 5 and place != "HIT" else 1.0
            )  # everywhere one case that nothing explains
            nights = 3 + n % 8
            claims.append(
                {"claim_id": f"{place}_{n}", "patient_id": f"{place}_{n}", "institution_id": place, "visit_type": "inpatient"}
                | {"started_on": "2024-05-01", "ended_on": f"2024-05-{1 + nights:02}", "total_amount": 1200.0 * nights}
                | {"drg_code": "ES1", "drg_weight": 0.25 * nights**0.8 * factor * math.exp(0.05 * ((n * 7) % 5 - 2))}
            )
    found = run_rules(make_claims(claims=claims), "2024-06-30", rules=["drg_upcoding"])
    assert set(found.claim_id) == {f"HIT_{n}" for n in range(0, 40, 3)}


def test_secondary_diagnoses_that_no_service_bears_out(make_claims):
    """Respiratory failure goes with ventilation; one house codes it and ventilates nobody."""
    claims, items, diagnoses = [], [], []
    for house in ("H1", "H2", "H3", "H4", "HIT"):
        for n in range(40):
            name = f"{house}_{n}"
            failing = n < 10 or (house == "HIT" and n < 25)
            claims.append(
                {"claim_id": name, "patient_id": name, "institution_id": house, "visit_type": "inpatient", "started_on": "2024-05-01"}
                | {"ended_on": "2024-05-08", "total_amount": 5000.0 + n, "drg_code": "ES1", "drg_weight": 1.0}
            )
            items.append({"claim_id": name, "item_code": "CHEST", "charge_type": "examination"})
            diagnoses.append({"claim_id": name, "diagnosis": "J18", "is_main": True})
            if failing:
                diagnoses.append({"claim_id": name, "diagnosis": "J96.0", "is_main": False})
            if failing and house != "HIT" and n:
                items.append({"claim_id": name, "item_code": "VENTILATION", "charge_type": "treatment"})
    found = run_rules(make_claims(claims=claims, items=items, diagnoses=diagnoses), "2024-06-30", rules=["drg_upcoding"])
    assert set(found.claim_id) == {f"HIT_{n}" for n in range(25)}
