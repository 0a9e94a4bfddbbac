"""R15 跨院重复开药: one generic from two institutions while the first supply lasts."""


def drug(name, patient, day, house, days=14.0, quantity=14.0, code="A", memo=None):
    claim = {"claim_id": name, "patient_id": patient, "institution_id": house, "started_on": f"2024-05-{day:02d}"}
    return claim, {"claim_id": name, "item_code": code, "quantity": quantity, "days_supply": days, "unit_price": 10.0, "memo": memo}


def test_overlapping_supplies_from_two_houses(make_claims, questioned):
    rows = [
        drug("A1", "A", 1, "H1"),
        drug("A2", "A", 4, "H2"),  # 11 of 14 days overlap
        drug("B1", "B", 1, "H1"),
        drug("B2", "B", 4, "H1"),  # the same house
        drug("C1", "C", 1, "H1"),
        drug("C2", "C", 12, "H2"),  # three days early
        drug("D1", "D", 1, "H1"),
        drug("D2", "D", 4, "H2", memo="药品遗失补开"),
        drug("E1", "E", 1, "H1"),
        drug("E2", "E", 4, "H2", quantity=28.0),  # the dose was doubled
        drug("F1", "F", 1, "H1"),
        drug("F2", "F", 4, "H2", code="OTHER"),
        drug("G1", "G", 1, "H1"),
        drug("G2", "G", 4, "H2", code="A_BRAND"),  # the same generic
        drug("H1", "H", 1, "H1"),
        drug("H2", "H", 4, "H2"),
    ]
    back = {"claim_id": "BACK", "patient_id": "H", "institution_id": "H2", "total_amount": -100.0, "is_refund": True, "refund_of": "H2"}
    claims = make_claims(
        claims=[claim for claim, _ in rows] + [back],
        items=[item for _, item in rows],
        catalogue=[
            {"item_code": code, "list_type": "drug", "generic_code": "G" if code != "OTHER" else "X"} for code in ("A", "A_BRAND", "OTHER")
        ],
    )
    assert questioned(claims, "cross_institution_duplicate_drug") == {"A2": 110.0, "G2": 110.0}


def test_discharge_drugs_of_a_stay_do_not_count(make_claims, questioned):
    rows = [drug("S", "A", 1, "H1"), drug("O", "A", 4, "H2")]
    rows[0][0].update(visit_type="inpatient", ended_on="2024-05-03")
    assert questioned(make_claims(claims=[c for c, _ in rows], items=[i for _, i in rows]), "cross_institution_duplicate_drug") == {}


def test_notes_in_other_words(make_claims, questioned):
    """R15 look-alikes: "lost drug noted as replacement; dose change", as people write it."""
    notes = [
        "药丢了重开",
        "补药",
        "患者药物被盗,重新配药",
        "调整用量",
        "药量加倍",
        "改为每日两次",
        "LOST, replacement",
        "dosage adjusted",
        "慢病随访",
    ]
    rows = [row for n, note in enumerate(notes) for row in (drug(f"{n}A", f"P{n}", 1, "H1"), drug(f"{n}B", f"P{n}", 4, "H2", memo=note))]
    claims = make_claims(claims=[claim for claim, _ in rows], items=[item for _, item in rows])
    assert set(questioned(claims, "cross_institution_duplicate_drug")) == {"8B"}


def test_without_days_the_label_s_highest_dose_tells(make_claims, questioned):
    """R15 where the lines bear no days of supply: 28 tablets last 14 days at two a day, 4 last two."""
    rows = [
        drug("A1", "A", 1, "H1", days=None, quantity=28.0),
        drug("A2", "A", 3, "H2", days=None, quantity=28.0),
        drug("B1", "B", 1, "H1", days=None, quantity=4.0),
        drug("B2", "B", 3, "H2", days=None, quantity=4.0),
        drug("C1", "C", 1, "H1", days=None, quantity=28.0),
        drug("C2", "C", 15, "H2", days=None, quantity=28.0),
    ]
    pill = {"item_code": "A", "list_type": "drug", "generic_code": "G", "dose_per_unit": 5.0, "max_daily_dose": 10.0}
    claims = make_claims(claims=[claim for claim, _ in rows], items=[item for _, item in rows], catalogue=[pill])
    assert set(questioned(claims, "cross_institution_duplicate_drug")) == {"A2"}


def test_once_at_two_counters_with_ones_own_money_is_no_prescription(make_claims, questioned):
    rows = [drug(f"{n}", patient, day, shop) for n, (patient, day, shop) in enumerate([("A", 1, "Y1"), ("A", 2, "Y2")])]
    rows += [drug(f"R{n}", "R", day, shop) for n, (day, shop) in enumerate([(1, "Y1"), (2, "Y2"), (15, "Y1"), (16, "Y2")])]
    for claim, _ in rows:
        claim.update(visit_type="pharmacy", doctor_id=None, fund_amount=0.0)
    found = questioned(make_claims(claims=[c for c, _ in rows], items=[i for _, i in rows]), "cross_institution_duplicate_drug")
    assert set(found) == {"R1", "R3"}
