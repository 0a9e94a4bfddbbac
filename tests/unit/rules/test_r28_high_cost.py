"""R28 高费用: drug cost at the top of the disease or insurance type; registered high-cost diseases only among themselves."""

import pytest

from fraudml.rules import run_rules


def drugs(patient, amount, **more):
    claim = {"claim_id": f"C_{patient}", "patient_id": patient, "total_amount": amount} | more
    return claim, {"claim_id": f"C_{patient}", "item_code": "X", "unit_price": amount}


@pytest.fixture
def found(make_claims):
    rows = [drugs(f"P{n}", 100.0 + n) for n in range(110)]
    rows += [drugs("DEAR", 5000.0)]  # HIT
    rows += [drugs("HAEMOPHILIA", 90000.0)]
    rows += [drugs(f"K{n}", 80000.0 + 10 * n, visit_type="chronic", registered_disease="HAEMO") for n in range(40)]
    rows += [drugs(f"L{n}", 500.0, visit_type="chronic", registered_disease="RARE") for n in range(3)]
    rows += [drugs("FEW", 9000.0, visit_type="chronic", registered_disease="RARE")]  # four patients are no peer group
    return run_rules(
        make_claims(
            claims=[claim for claim, _ in rows],
            items=[item for _, item in rows],
            diagnoses=[{"claim_id": "C_HAEMOPHILIA", "diagnosis": "D66", "is_main": True}],
        ),
        "2024-06-30",
        rules=["high_cost"],
    )


def test_the_dearest_of_ordinary_care_is_ranked_registered_diseases_are_not(found):
    assert list(found.entity_id) == ["DEAR"]


def test_what_lies_above_the_peers_limit_is_shown(found):
    assert 0 < found.amount_in_question.iloc[0] < 5000
    assert list(found.severity) == ["screen"]


def test_a_disease_of_few_is_compared_with_all_chronic_care_a_special_one_is_not(make_claims):
    """R28 "top of its disease or insurance type": four gout patients have no peers but the other chronic diseases' patients."""
    rows = [drugs(f"P{n}", 100.0 + n, visit_type="chronic", registered_disease="PRESSURE") for n in range(60)]
    rows += [drugs("GOUT", 9000.0, visit_type="chronic", registered_disease="GOUT")]  # HIT
    rows += [drugs("NOWHERE", 8000.0, visit_type="chronic")]  # HIT: chronic care of a disease that is nowhere registered
    rows += [drugs("FACTOR", 90000.0, visit_type="chronic", registered_disease="HAEMO")]
    rows += [drugs("CANCER", 90000.0, visit_type="chronic")]
    kinds = {"PRESSURE": "chronic", "GOUT": "chronic", "HAEMO": "special"}
    claims = make_claims(
        claims=[claim for claim, _ in rows],
        items=[item for _, item in rows],
        diagnoses=[{"claim_id": "C_CANCER", "diagnosis": "C34", "is_main": True}],
        registered_diseases=[
            {
                "patient_id": claim["patient_id"],
                "registered_disease": claim["registered_disease"],
                "disease_type": kinds[claim["registered_disease"]],
            }
            for claim, _ in rows
            if claim.get("registered_disease")
        ],
    )
    assert set(run_rules(claims, "2024-06-30", rules=["high_cost"]).entity_id) == {"GOUT", "NOWHERE"}
