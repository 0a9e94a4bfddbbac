"""R27 高频次: the top of the insurance type and age band; dialysis and rehabilitation are left out."""

import pytest

from fraudml.rules import run_rules


def visits(patient, count, **more):
    return [
        {"claim_id": f"{patient}_{n}", "patient_id": patient, "started_on": f"2024-{1 + n // 28:02}-{1 + n % 28:02}"} | more
        for n in range(count)
    ]


@pytest.fixture
def found(make_claims):
    rows = [row for n in range(120) for row in visits(f"P{n}", 2 + n % 6)]
    rows += visits("OFTEN", 70)  # HIT
    rows += visits("DIALYSIS", 80)
    rows += visits("BUYER", 60, visit_type="pharmacy", institution_id="Y1")  # nobody else buys: no peers, nothing said
    diagnoses = [{"claim_id": f"DIALYSIS_{n}", "diagnosis": "N18.5", "is_main": True} for n in range(80)]
    return run_rules(make_claims(claims=rows, diagnoses=diagnoses), "2024-06-30", rules=["high_frequency"])


def test_the_frequent_are_ranked_dialysis_is_not(found):
    assert list(found.entity_id) == ["OFTEN"]
    assert list(found.severity) == ["screen"]


def test_the_evidence_is_one_row_per_person_at_the_last_claim(found):
    assert list(found.claim_id) == ["OFTEN_69"]
    assert 0 < found.amount_in_question.iloc[0] < 7000
