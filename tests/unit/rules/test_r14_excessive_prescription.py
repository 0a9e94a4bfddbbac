"""R14 大处方、超量开药: days of supply, daily dose or cost of a prescription beyond the limit."""

DRUG = {
    "item_code": "PILL",
    "list_type": "drug",
    "covered_diagnoses": ["I10"],
    "max_daily_dose": 20.0,
    "dose_per_unit": 10.0,
}


def test_supply_and_dose_beyond_the_limit(make_claims, questioned):
    bills = {  # claim: (quantity, days, registered)
        "MONTH": (30.0, 30.0, False),
        "LONG": (60.0, 60.0, False),
        "LONG_REGISTERED": (84.0, 84.0, True),
        "TOO_LONG_REGISTERED": (112.0, 112.0, True),
        "HIGH_DOSE": (60.0, 15.0, False),
        "FULL_DOSE": (60.0, 30.0, False),
        "NO_DAYS_MANY": (120.0, None, False),
        "NO_DAYS_FEW": (60.0, None, False),
        "REFUNDED": (60.0, 60.0, False),
    }
    claims = make_claims(
        claims=[{"claim_id": name, "patient_id": f"P_{name}"} for name in bills]
        + [{"claim_id": "BACK", "patient_id": "P_REFUNDED", "total_amount": -100.0, "is_refund": True, "refund_of": "REFUNDED"}],
        items=[
            {"claim_id": name, "item_code": "PILL", "quantity": quantity, "unit_price": 1.0, "days_supply": days}
            for name, (quantity, days, _) in bills.items()
        ],
        catalogue=[DRUG],
        registered_diseases=[
            {"patient_id": f"P_{name}", "registered_disease": "HT", "started_on": "2020-01-01"} for name, bill in bills.items() if bill[2]
        ],
        registrable_diseases=[{"registered_disease": "HT", "icd_prefixes": ["I10"]}],
    )
    assert questioned(claims, "excessive_prescription") == {
        "LONG": 30.0,
        "TOO_LONG_REGISTERED": 28.0,
        "HIGH_DOSE": 30.0,
        "NO_DAYS_MANY": 60.0,
    }


def test_cost_far_above_the_peers_of_the_disease(make_claims, questioned):
    rows = [{"claim_id": f"C{n}", "patient_id": f"P{n}", "total_amount": 100.0} for n in range(60)]
    items = [{"claim_id": f"C{n}", "item_code": "PILL", "unit_price": 90.0 + n % 20} for n in range(59)]
    items.append({"claim_id": "C59", "item_code": "PILL", "unit_price": 2000.0})
    diagnoses = [{"claim_id": row["claim_id"], "diagnosis": "I10", "is_main": True} for row in rows]
    assert set(questioned(make_claims(claims=rows, items=items, diagnoses=diagnoses), "excessive_prescription")) == {"C59"}
