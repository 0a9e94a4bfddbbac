"""R22 重复享受待遇: one service paid by both schemes, or online and again by hand."""

import pytest

from fraudml.rules import run_rules


@pytest.fixture
def found(make_claims):
    rows = [
        ("A1", "BOTH", {"insurance_type": "employee"}),
        ("A2", "BOTH", {"insurance_type": "resident", "settled_at": "2024-06-20 10:00:00"}),  # HIT
        ("B1", "BY_HAND", {"visit_type": "inpatient", "ended_on": "2024-06-09"}),
        (
            "B2",
            "BY_HAND",
            {"visit_type": "inpatient", "ended_on": "2024-06-09", "is_manual": True, "settled_at": "2024-06-25 10:00:00"},
        ),  # HIT
        ("C1", "TRANSFER", {"insurance_type": "employee"}),
        ("C2", "TRANSFER", {"insurance_type": "resident", "fund_amount": 0.0}),  # the second scheme paid nothing
        ("D1", "TWO_SERVICES", {"insurance_type": "employee"}),
        ("D2", "TWO_SERVICES", {"insurance_type": "resident", "total_amount": 47.0}),  # another service of that day
        ("E1", "ONE_SCHEME", {}),
        ("E2", "ONE_SCHEME", {}),  # two equal visits, both online: not this row
        ("F1", "TAKEN_BACK", {}),
        ("F2", "TAKEN_BACK", {"is_manual": True}),
        ("G1", "ELSEWHERE", {}),
        ("G2", "ELSEWHERE", {"is_manual": True, "institution_id": "H2"}),
    ]
    claims = [{"claim_id": name, "patient_id": patient} | more for name, patient, more in rows]
    claims.append({"claim_id": "F3", "patient_id": "TAKEN_BACK", "total_amount": -100.0, "is_refund": True, "refund_of": "F1"})
    return run_rules(make_claims(claims=claims), "2024-06-30", rules=["duplicate_benefit"])


def test_the_second_payment_of_one_service_is_evidence(found):
    second = found[found.amount_in_question > 0]
    assert dict(zip(second.claim_id, second.entity_id, strict=True)) == {"A2": "BOTH", "B2": "BY_HAND"}


def test_the_first_payment_is_proof_without_an_amount(found):
    assert set(found[found.amount_in_question == 0].claim_id) == {"A1", "B1"}


def test_the_amount_is_what_the_fund_paid_twice(found):
    assert set(found.amount_in_question) == {0.0, 70.0}


def test_the_same_bill_by_hand_under_another_day(make_claims):
    rows = [
        ("A1", "HIT", "2024-06-03", False, [("X", 2.0), ("Z", 1.0)]),
        ("A2", "HIT", "2024-06-04", True, [("X", 2.0), ("Z", 1.0)]),  # the same items for the same sum, a day later
        ("B1", "OTHER", "2024-06-03", False, [("X", 2.0)]),
        ("B2", "OTHER", "2024-06-04", True, [("W", 2.0)]),  # another treatment that costs the same
        ("C1", "COURSE", "2024-06-03", False, [("X", 2.0)]),
        ("C2", "COURSE", "2024-06-04", True, [("X", 2.0)]),  # a second visit, on record, when the card was at home
        ("D1", "WEEKS", "2024-06-03", False, [("X", 2.0)]),
        ("D2", "WEEKS", "2024-06-17", True, [("X", 2.0)]),  # weeks apart
    ]
    claims = [
        {"claim_id": name, "patient_id": who, "started_on": day, "is_manual": hand, "total_amount": 100.0}
        for name, who, day, hand, _ in rows
    ]
    items = [{"claim_id": name, "item_code": code, "quantity": quantity} for name, *_, lines in rows for code, quantity in lines]
    visits = [{"visit_id": f"V{name}", "started_at": f"{day} 09:00:00"} for name, _, day, hand, _ in rows if not hand or name == "C2"]
    found = run_rules(make_claims(claims=claims, items=items, visits=visits), "2024-06-30", rules=["duplicate_benefit"])
    assert dict(zip(found.claim_id, found.amount_in_question, strict=True)) == {"A1": 0.0, "A2": 70.0}


def test_the_same_nights_as_two_admissions_one_to_each_scheme(make_claims):
    """The bills differ: what one scheme was billed need not be what the other was."""

    def stay(name, patient, insurance, total, visit=None, ended_on="2024-06-09"):
        row = {"claim_id": name, "patient_id": patient, "insurance_type": insurance, "visit_type": "inpatient", "total_amount": total}
        return row | {"started_on": "2024-06-03", "ended_on": ended_on, "visit_id": visit or name}

    rows = [
        stay("A1", "BOTH", "employee", 2900.0),
        stay("A2", "BOTH", "resident", 880.0),  # HIT
        stay("B1", "IN_PARTS", "employee", 2900.0, "V"),
        stay("B2", "IN_PARTS", "resident", 880.0, "V"),  # one admission, settled in two parts when the scheme changed
        stay("C1", "AFTER", "employee", 2900.0),
        stay("C2", "AFTER", "resident", 880.0, ended_on="2024-06-20"),
    ]
    found = run_rules(make_claims(claims=rows), "2024-06-30", rules=["duplicate_benefit"])
    assert set(found.entity_id) == {"BOTH"}
