"""R21 死亡人员未停保: service after death, or after the last enrolment ended; the day itself still counts as covered."""

import pytest

from fraudml.rules import load_rules, run_rules


@pytest.fixture
def claims(make_claims):
    return make_claims(
        claims=[
            {"claim_id": name, "patient_id": patient, "started_on": day, **more}
            for name, patient, day, more in [
                ("HIT", "DEAD", "2024-05-12", {}),
                ("ON_THE_DAY", "DEAD", "2024-05-10", {}),
                ("POSTED_LATE", "DEAD", "2024-05-08", {"settled_at": "2024-05-20 10:00:00"}),  # service before, settlement after
                ("LAST_STAY", "DEAD", "2024-05-06", {"visit_type": "inpatient", "ended_on": "2024-05-12", "total_amount": 300.0}),
                ("REFUNDED", "DEAD", "2024-05-15", {}),
                ("LAPSED", "LEFT", "2024-06-04", {}),
                ("LAST_DAY", "LEFT", "2024-06-01", {}),
                ("OWN_MONEY", "LEFT", "2024-06-05", {"fund_amount": 0.0}),
                ("MOVED", "TRANSFERRED", "2024-06-04", {}),
                ("UNKNOWN", "NO_RECORD", "2024-06-04", {}),
            ]
        ]
        + [
            {
                "claim_id": "BACK",
                "patient_id": "DEAD",
                "started_on": "2024-05-16",
                "total_amount": -100.0,
                "is_refund": True,
                "refund_of": "REFUNDED",
            }
        ],
        items=[
            {"line_id": "BEFORE", "claim_id": "LAST_STAY", "item_code": "BED", "unit_price": 100.0, "occurred_at": "2024-05-09 08:00:00"},
            {"line_id": "AFTER", "claim_id": "LAST_STAY", "item_code": "BED", "unit_price": 200.0, "occurred_at": "2024-05-11 08:00:00"},
        ],
        patients=[{"patient_id": "DEAD", "death_date": "2024-05-10"}],
        enrolments=[
            {"patient_id": "LEFT", "insurance_type": "employee", "enrolled_on": "2020-01-01", "suspended_on": "2024-06-01"},
            {"patient_id": "TRANSFERRED", "insurance_type": "employee", "enrolled_on": "2020-01-01", "suspended_on": "2024-06-01"},
            {"patient_id": "TRANSFERRED", "insurance_type": "resident", "enrolled_on": "2024-06-02"},
            {"patient_id": "DEAD", "insurance_type": "employee", "enrolled_on": "2020-01-01"},
        ],
    )


def test_service_after_the_day_is_evidence_late_settlement_and_transfer_are_not(claims):
    found = run_rules(claims, "2024-06-30", rules=["service_after_death"]).set_index("claim_id")
    assert set(found.index) == {"HIT", "LAST_STAY", "LAPSED"}
    # of the last stay only what was billed for days after death; of the lapsed enrolment what the fund paid
    assert found.amount_in_question.to_dict() == {"HIT": 100.0, "LAST_STAY": 200.0, "LAPSED": 70.0}
    assert found.line_id["LAST_STAY"] == "AFTER"
    assert "2天" in load_rules()["service_after_death"].text(found.facts["HIT"])


def test_nobody_is_accused_before_the_suspension_is_known(claims):
    assert "LAPSED" not in set(run_rules(claims, "2024-05-31", rules=["service_after_death"]).claim_id)


def test_a_house_that_bills_the_dead_answers_itself_a_card_in_use_its_holder(make_claims):
    rows = [
        ("H1", "HOUSE", "H1", "outpatient"),
        ("H2", "HOUSE", "H1", "outpatient"),
        ("C1", "CARD", "Y1", "pharmacy"),
        ("T1", "TRAVELS", "H1", "outpatient"),
        ("T2", "TRAVELS", "H2", "outpatient"),
    ]
    claims = [{"claim_id": name, "patient_id": person, "institution_id": place, "visit_type": kind} for name, person, place, kind in rows]
    people = [{"patient_id": person, "death_date": "2024-05-01"} for person in ("HOUSE", "CARD", "TRAVELS")]
    found = run_rules(make_claims(claims=claims, patients=people), "2024-06-30", rules=["service_after_death"]).set_index("claim_id")
    assert found.entity_id.to_dict() == {"H1": "H1", "H2": "H1", "C1": "CARD", "T1": "TRAVELS", "T2": "TRAVELS"}
    assert found.entity_type["H1"] == "institution"
