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


def test_what_the_disease_costs_now_and_then_is_no_excess(make_claims, questioned):
    """R14 "far above peers": every third session brings the dear drug of the disease, with every doctor."""
    rows = [{"claim_id": f"C{n}", "patient_id": f"P{n % 7}", "doctor_id": f"D{n % 4}"} for n in range(120)]
    items = [{"claim_id": f"C{n}", "item_code": "PILL", "unit_price": 60.0 if n % 3 == 0 else 12.0} for n in range(120)]
    diagnoses = [{"claim_id": row["claim_id"], "diagnosis": "N18.5", "is_main": True} for row in rows]
    assert questioned(make_claims(claims=rows, items=items, diagnoses=diagnoses), "excessive_prescription") == {}


def test_a_doctor_who_writes_a_multiple_for_everybody(make_claims, questioned):
    """R14: no single prescription is extreme among peers that differ widely, but one doctor's are all three to four times theirs."""
    rows = [{"claim_id": f"C{n}", "patient_id": f"P{n}", "doctor_id": f"D{n % 8}"} for n in range(160)]
    rows += [{"claim_id": f"BIG{n}", "patient_id": f"B{n}", "doctor_id": "BIG"} for n in range(20)]
    items = [{"claim_id": f"C{n}", "item_code": "PILL", "unit_price": 40.0 + 11 * (n % 9)} for n in range(160)]
    items += [{"claim_id": f"BIG{n}", "item_code": "PILL", "unit_price": 260.0 + 5 * n} for n in range(20)]
    diagnoses = [{"claim_id": row["claim_id"], "diagnosis": "K29.7", "is_main": True} for row in rows]
    found = questioned(make_claims(claims=rows, items=items, diagnoses=diagnoses), "excessive_prescription", entity_type="doctor")
    assert set(found) == {f"BIG{n}" for n in range(20)}


def test_two_packs_over_the_counter_are_no_prescription(make_claims, questioned):
    """R14 at pharmacies: paid by the customer, without a prescriber; what the fund pays is judged as ever."""
    shop = {"institution_id": "Y1", "visit_type": "pharmacy", "doctor_id": None}
    claims = make_claims(
        claims=[
            shop | {"claim_id": "OWN", "patient_id": "A", "fund_amount": 0.0},
            shop | {"claim_id": "FUND", "patient_id": "B", "fund_amount": 40.0},
        ],
        items=[
            {"claim_id": name, "item_code": "PILL", "quantity": 60.0, "unit_price": 1.0, "days_supply": 60.0, "doctor_id": None}
            for name in ("OWN", "FUND")
        ],
        catalogue=[DRUG],
    )
    assert questioned(claims, "excessive_prescription") == {"FUND": 30.0}


def test_a_pack_is_not_broken_for_a_short_prescription(make_claims, questioned):
    """R14 药量: five days at the highest dose need 10 tablets of a box of 24; a second box is too much, and 24 loose ones are."""
    bills = {"ONE_BOX": ("BOXED", 24.0), "TWO_BOXES": ("BOXED", 48.0), "LOOSE": ("PILL", 24.0)}
    claims = make_claims(
        claims=[{"claim_id": name, "patient_id": name} for name in bills],
        items=[
            {"claim_id": name, "item_code": code, "quantity": quantity, "unit_price": 1.0, "days_supply": 5.0}
            for name, (code, quantity) in bills.items()
        ],
        catalogue=[DRUG, DRUG | {"item_code": "BOXED", "pack_size": 24.0}],
    )
    assert questioned(claims, "excessive_prescription") == {"TWO_BOXES": 24.0, "LOOSE": 14.0}


def test_a_dose_that_most_houses_exceed_is_the_catalogues_mistake(make_claims, questioned):
    """R14: three tablets a day, where the catalogue knows two; habit in all houses but two for SYRUP, at one house for PILL."""
    rows = [
        ({"claim_id": f"{house}-{code}-{n}", "patient_id": f"{house}{n}", "institution_id": house}, code, 42.0 if high else 14.0)
        for house in ("H1", "H2", "H3", "H4", "H5")
        for n in range(6)
        for code, high in (("SYRUP", house not in ("H4", "H5")), ("PILL", house == "H1"))
    ]
    claims = make_claims(
        claims=[claim for claim, _, _ in rows],
        items=[
            {"claim_id": claim["claim_id"], "item_code": code, "quantity": quantity, "unit_price": 1.0, "days_supply": 14.0}
            for claim, code, quantity in rows
        ],
        catalogue=[DRUG, DRUG | {"item_code": "SYRUP"}],
    )
    assert {name.rsplit("-", 1)[0] for name in questioned(claims, "excessive_prescription")} == {"H1-PILL"}


def test_dear_prescriptions_for_one_disease_among_many_that_a_doctor_treats(make_claims, questioned):
    """R14 大处方: of D1's sixty patients the twelve with heart disease get drugs for ten times what others write for it."""
    rows = []
    for doctor in ("D1", "D2", "D3", "D4", "D5", "D6"):
        for n in range(60):
            heart = n < 12
            usual = 20.0 * 1.25 ** (n % 12) if heart else 30.0 + n % 7
            rows.append((f"{doctor}-{n}", doctor, "I25" if heart else "J06", 700.0 if heart and doctor == "D1" else usual))
    claims = make_claims(
        claims=[{"claim_id": name, "patient_id": name, "doctor_id": doctor, "total_amount": cost} for name, doctor, _, cost in rows],
        items=[{"claim_id": name, "item_code": "PILL", "unit_price": cost} for name, _, _, cost in rows],
        diagnoses=[{"claim_id": name, "diagnosis": disease, "is_main": True} for name, _, disease, _ in rows],
        catalogue=[DRUG],
    )
    found = questioned(claims, "excessive_prescription")
    assert {name.split("-")[0] for name in found} == {"D1"}
    assert len(found) == 12
