"""R13 无指征开药: a drug that no diagnosis on the claim and no registered disease of the patient indicates."""

from fraudml.rules import run_rules

DRUGS = [
    {"item_code": "METFORMIN", "list_type": "drug", "covered_diagnoses": ["E11"]},
    {"item_code": "VITAMIN", "list_type": "drug"},
]


def test_only_drugs_without_any_indication(make_claims, questioned):
    bills = {
        "COLD": ("METFORMIN", ["J06.9"]),
        "DIABETES": ("METFORMIN", ["E11.9"]),
        "SECONDARY": ("METFORMIN", ["I10", "E11.2"]),
        "REGISTERED": ("METFORMIN", ["I10"]),
        "REGISTERED_LATER": ("METFORMIN", ["I10"]),
        "SYMPTOM": ("METFORMIN", ["R63.1"]),
        "NOTHING_CODED": ("METFORMIN", []),
        "NO_LABEL": ("VITAMIN", ["J06.9"]),
        "COARSE_CODE": ("METFORMIN", ["E11"]),
        "REFUNDED": ("METFORMIN", ["J06.9"]),
    }
    claims = make_claims(
        claims=[{"claim_id": name, "patient_id": f"P_{name}"} for name in bills]
        + [{"claim_id": "BACK", "patient_id": "P_REFUNDED", "total_amount": -100.0, "is_refund": True, "refund_of": "REFUNDED"}],
        items=[{"claim_id": name, "item_code": drug} for name, (drug, _) in bills.items()],
        diagnoses=[
            {"claim_id": name, "diagnosis": code, "is_main": n == 0} for name, (_, codes) in bills.items() for n, code in enumerate(codes)
        ],
        catalogue=DRUGS,
        registered_diseases=[
            {"patient_id": "P_REGISTERED", "registered_disease": "DM", "started_on": "2020-01-01"},
            {"patient_id": "P_REGISTERED_LATER", "registered_disease": "DM", "started_on": "2024-06-20"},
        ],
        registrable_diseases=[{"registered_disease": "DM", "icd_prefixes": ["E11"]}],
    )
    assert questioned(claims, "unindicated_drug") == {"COLD": 10.0, "REGISTERED_LATER": 10.0}


def test_a_habit_weighs_more_than_a_slip(make_claims):
    claims = [{"claim_id": f"C{n}", "patient_id": f"P{n}", "doctor_id": "D1" if n < 40 else "D2"} for n in range(80)]
    codes = ["J06.9" if n < 20 or n == 79 else "E11.9" for n in range(80)]
    data = make_claims(
        claims=claims,
        items=[{"claim_id": row["claim_id"], "item_code": "METFORMIN"} for row in claims],
        diagnoses=[{"claim_id": row["claim_id"], "diagnosis": code, "is_main": True} for row, code in zip(claims, codes, strict=True)],
        catalogue=DRUGS,
    )
    strength = run_rules(data, "2024-06-30", rules=["unindicated_drug"]).groupby("entity_id").strength.max()
    assert strength["D1"] > 2 * strength["D2"]


def test_a_house_whose_doctors_all_do_it_is_named(make_claims, questioned):
    """R13: two doctors of H1 alike make it the house's way; in H2 one doctor does it alone."""
    claims, diagnoses = [], []
    for n in range(200):
        doctor = f"D{n % 10}"
        house = "H1" if n % 10 < 2 else "H2" if n % 10 < 4 else "H3"
        cold = (n % 10 in (0, 1) and n < 100) or n % 10 == 2
        claims.append({"claim_id": f"C{n}", "patient_id": f"P{n}", "doctor_id": doctor, "institution_id": house})
        diagnoses.append({"claim_id": f"C{n}", "diagnosis": "J06.9" if cold else "E11.9", "is_main": True})
    data = make_claims(
        claims=claims,
        items=[{"claim_id": row["claim_id"], "item_code": "METFORMIN"} for row in claims],
        diagnoses=diagnoses,
        catalogue=DRUGS,
    )
    found = questioned(data, "unindicated_drug", entity_type="institution")
    assert set(found) == {f"C{n}" for n in range(100) if n % 10 < 2}
    assert {"C2", "C12"} <= set(questioned(data, "unindicated_drug", entity_type="doctor"))
