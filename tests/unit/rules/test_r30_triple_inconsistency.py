"""R30 三个不一致: configured triples that must agree; a missing field is counted, never a hit."""

import json

import pytest

from fraudml.rules import run_rules

CATALOGUE = [
    {
        "item_code": "INSULIN",
        "name": "胰岛素",
        "list_type": "drug",
        "covered_diagnoses": ["E10", "E11"],
        "max_daily_dose": 1.0,
        "dose_per_unit": 1.0,
    },
]


def drug(number, place, diagnosis, quantity, days):
    claim = f"{place}_{number}"
    diagnoses = [{"claim_id": claim, "diagnosis": diagnosis, "is_main": True}] if diagnosis else []
    item = {"claim_id": claim, "item_code": "INSULIN", "quantity": quantity, "unit_price": 10.0, "days_supply": days}
    return {"claim_id": claim, "patient_id": claim, "institution_id": place, "total_amount": 10 * quantity}, item, diagnoses


@pytest.fixture
def claims(make_claims):
    rows = [drug(n, f"H{2 + n % 4}", "E11.9", 7.0, 7.0) for n in range(200)]
    rows += [drug(n, "H1", "E11.9", 7.0, 7.0) for n in range(20)]
    rows += [drug(100 + n, "H1", "J06.9", 30.0, 7.0) for n in range(6)]  # HIT: a cold, insulin, four times the dose
    rows += [drug(200 + n, "H2", "R73.9", 30.0, 7.0) for n in range(6)]  # a symptom code of the first visit
    rows += [drug(300 + n, "H3", None, 30.0, 7.0) for n in range(6)]  # no diagnosis: missing
    rows += [drug(400 + n, "H4", "J06.9", 30.0, None) for n in range(6)]  # no days: missing
    rows += [drug(500 + n, "H5", "J06.9", 30.0, 7.0) for n in range(2)]  # two slips are no pattern
    return make_claims(
        claims=[claim for claim, _, _ in rows],
        items=[item for _, item, _ in rows],
        diagnoses=[row for _, _, diagnoses in rows for row in diagnoses],
        catalogue=CATALOGUE,
    )


def test_what_disagrees_is_evidence_what_is_missing_is_not(claims):
    found = run_rules(claims, "2024-06-30", rules=["triple_inconsistency"])
    assert set(found.claim_id) == {f"H1_{100 + n}" for n in range(6)}
    assert found.amount_in_question.sum() == 6 * 300.0


def test_missing_fields_are_reported_beside_the_hits(claims, make_claims):
    found = run_rules(claims, "2024-06-30", rules=["triple_inconsistency"])
    facts = json.loads(found.facts.iloc[0])
    assert (facts["disagree_count"], facts["complete_count"], facts["missing_count"]) == (6, 26, 0)


def test_a_triple_that_is_not_configured_is_not_judged(claims):
    only = {"triple_inconsistency": {"triples": ["bill_record_stock"]}}
    assert run_rules(claims, "2024-06-30", rules=["triple_inconsistency"], parameters=only).empty


def test_bill_record_and_stock(make_claims):
    def sale(name, place, item, day):
        return {"claim_id": name, "institution_id": place, "patient_id": name, "started_on": day}, {"claim_id": name, "item_code": item}

    # H1 bills X month after month, its record shows the visit, its shelf never held it; H2 and H3 have what they bill
    sales = [sale(f"{place}{n}", place, "X", f"2024-0{1 + n % 6}-10") for place in ("H1", "H2", "H3") for n in range(30)]
    stock = [
        {
            "institution_id": place,
            "item_code": "X",
            "month": f"2024-0{month}-01",
            "opening": 50.0,
            "closing": 50.0,
            "returned": 0.0,
            "unit": "base",
        }
        | {"purchased": 0.0 if place == "H1" else 5.0}
        for place in ("H1", "H2", "H3")
        for month in range(1, 7)
    ]
    visits = [
        {"visit_id": f"V{claim['claim_id']}", "started_at": f"{claim['started_on']} 09:00:00", "ended_at": None} for claim, _ in sales
    ]
    claims = make_claims(
        claims=[claim for claim, _ in sales],
        items=[item for _, item in sales],
        visits=visits,
        inventory=stock,
        catalogue=[{"item_code": "X", "name": "X", "list_type": "drug"}],
    )
    found = run_rules(claims, "2024-06-30", rules=["triple_inconsistency"])
    assert set(found.entity_id) == {"H1"}
    assert len(found) == 30


def test_a_registered_disease_is_no_diagnosis_of_the_sale(make_claims):
    """Pharmacies seldom record a diagnosis; that the buyer is registered with hypertension does not make the field present."""
    rows = [drug(n, f"Y{1 + n % 4}", None, 30.0, 7.0) for n in range(80)]
    made = make_claims(
        claims=[claim | {"visit_type": "pharmacy"} for claim, _, _ in rows],
        items=[item for _, item, _ in rows],
        catalogue=CATALOGUE,
        registered_diseases=[{"patient_id": claim["patient_id"], "registered_disease": "HYP"} for claim, _, _ in rows[:40:4]],
        registrable_diseases=[{"registered_disease": "HYP", "icd_prefixes": ["I10"]}],
    )
    assert run_rules(made, "2024-06-30", rules=["triple_inconsistency"]).empty


def test_services_billed_outside_of_the_record(make_claims):
    """An examination has no stock: bill and record are all that must agree."""
    rows = [(f"{place}{n}", place, f"2024-06-{1 + n % 20:02}", 0) for place in ("H1", "H2", "H3") for n in range(30)]
    rows += [(f"HIT{n}", "H1", "2024-06-20", 6) for n in range(12)]  # the visit was six days later
    rows += [("SLIP", "H2", "2024-06-20", 6)]
    made = make_claims(
        claims=[{"claim_id": name, "patient_id": name, "institution_id": place, "started_on": day} for name, place, day, _ in rows],
        items=[{"claim_id": name, "item_code": "SCAN", "charge_type": "examination"} for name, *_ in rows],
        visits=[
            {"visit_id": f"V{name}", "started_at": f"2024-06-{int(day[-2:]) + late:02} 09:00:00", "ended_at": None}
            for name, _, day, late in rows
        ],
    )
    assert set(run_rules(made, "2024-06-30", rules=["triple_inconsistency"]).claim_id) == {f"HIT{n}" for n in range(12)}
