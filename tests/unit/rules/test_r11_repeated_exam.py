"""R11 不合理重复检查: the same examination again while its result holds."""


def scan(name, patient, day, house="H1", code="CT", visit="outpatient", **more):
    claim = {"claim_id": name, "patient_id": patient, "institution_id": house, "visit_type": visit, "started_on": day}
    return claim | more, {"claim_id": name, "line_id": name, "item_code": code, "charge_type": "examination", "unit_price": 300.0}


def test_repeats_inside_the_validity(make_claims, questioned):
    rows = [
        scan("A1", "A", "2024-05-01"),
        scan("A2", "A", "2024-05-10"),  # hit
        scan("B1", "B", "2024-05-01"),
        scan("B2", "B", "2024-05-10", house="H2"),  # hit at another house
        scan("C1", "C", "2024-05-01"),
        scan("C2", "C", "2024-05-31"),  # the result held to day 29: boundary
        scan("D1", "D", "2024-05-01"),
        scan("D2", "D", "2024-05-03", visit="emergency"),
        scan("E1", "E", "2024-05-01", visit="chronic"),
        scan("E2", "E", "2024-05-20", visit="chronic"),  # monitoring of registered diabetes
        scan("F1", "F", "2024-05-01"),
        scan("F2", "F", "2024-05-10"),
        scan("G1", "G", "2024-05-01"),
        scan("G2", "G", "2024-05-10", code="MR"),
    ]
    back = {"claim_id": "BACK", "patient_id": "F", "total_amount": -100.0, "is_refund": True, "refund_of": "F2", "started_on": "2024-05-12"}
    claims = make_claims(
        claims=[claim for claim, _ in rows] + [back],
        items=[item for _, item in rows],
        catalogue=[{"item_code": code, "valid_days": 30} for code in ("CT", "MR")],
        registered_diseases=[{"patient_id": "E", "registered_disease": "M1", "started_on": "2020-01-01"}],
        registrable_diseases=[{"registered_disease": "M1", "icd_prefixes": ["E11"]}],
    )
    assert questioned(claims, "repeated_exam") == {"A2": 300.0, "B2": 300.0}


def test_repeats_within_one_stay_are_monitoring(make_claims, questioned):
    stay = {"claim_id": "S", "visit_type": "inpatient", "started_on": "2024-05-01", "ended_on": "2024-05-10"}
    items = [
        {"claim_id": "S", "item_code": "CT", "charge_type": "examination", "occurred_at": f"2024-05-{n:02d} 08:00:00"} for n in (2, 5, 8)
    ]
    claims = make_claims(claims=[stay], items=items, catalogue=[{"item_code": "CT", "valid_days": 30}])
    assert questioned(claims, "repeated_exam") == {}


def test_a_doctor_whose_bills_are_examinations(make_claims, questioned):
    claims, items = [], []
    for doctor in range(8):
        for n in range(40):
            name = f"{doctor}-{n}"
            claims.append({"claim_id": name, "patient_id": name, "doctor_id": f"D{doctor}", "started_on": "2024-05-01"})
            share = 90.0 if doctor == 7 else 10.0 + doctor + n % 5
            items += [
                {"claim_id": name, "item_code": "LAB", "charge_type": "laboratory", "unit_price": share},
                {"claim_id": name, "item_code": "PILL", "unit_price": 100.0 - share},
            ]
    found = questioned(
        make_claims(claims=claims, items=items, catalogue=[{"item_code": "X", "valid_days": 1}]), "repeated_exam", entity_type="doctor"
    )
    assert len(found) == 40
    assert all(name.startswith("7-") for name in found)


def exam_bills(doctors, claims_each, share_of):
    """Claims and lines of 100 CNY; ``share_of(doctor, n)`` gives disease and what of it is for tests."""
    claims, items, diagnoses = [], [], []
    for doctor, house in doctors:
        for n in range(claims_each):
            name = f"{doctor}-{n}"
            disease, share = share_of(doctor, n)
            claims.append({"claim_id": name, "patient_id": name, "doctor_id": doctor, "institution_id": house, "started_on": "2024-05-01"})
            diagnoses.append({"claim_id": name, "diagnosis": disease, "is_main": True})
            items += [
                {"claim_id": name, "item_code": "LAB", "charge_type": "laboratory", "unit_price": share},
                {"claim_id": name, "item_code": "PILL", "unit_price": 100.0 - share},
            ]
    return {"claims": claims, "items": items, "diagnoses": diagnoses, "catalogue": [{"item_code": "X", "valid_days": 1}]}


def test_the_share_of_examinations_is_compared_within_the_disease(make_claims, questioned):
    """R11 "exam share far above peers": who sees what needs tests is no suspect, who tests what needs none is."""

    def share_of(doctor, n):
        if doctor == "D7":
            return "J06.9", 70.0  # colds, tested
        disease = "K80.2" if doctor == "D6" or n % 4 == 0 else "J06.9"
        return disease, (80.0 if disease == "K80.2" else 8.0) + n % 5

    doctors = [(f"D{n}", f"H{n}") for n in range(8)]
    found = questioned(make_claims(**exam_bills(doctors, 48, share_of)), "repeated_exam", entity_type="doctor")
    assert {name.split("-")[0] for name in found} == {"D7"}


def test_a_house_whose_doctors_all_do_it_is_named(make_claims, questioned):
    """R11: no doctor of H6 stands out by much, but all of them do it; in H5 it is one doctor."""

    def share_of(doctor, n):
        return "J06.9", {"D6a": 26.0, "D6b": 28.0, "D5a": 70.0}.get(doctor, 10.0) + n % 5

    doctors = [(f"D{n}{each}", f"H{n}") for n in range(7) for each in "ab"]
    found = questioned(make_claims(**exam_bills(doctors, 40, share_of)), "repeated_exam", entity_type="institution")
    assert {name.split("-")[0] for name in found} == {"D6a", "D6b"}


def test_one_examination_on_two_bills_was_not_repeated(make_claims, questioned):
    """R06 or R22 asks for the second bill of one moment; R11 asks for what was done again."""
    claims = make_claims(
        claims=[{"claim_id": name, "patient_id": name[0], "visit_id": name} for name in ("A1", "A2", "B1", "B2")],
        items=[
            {"claim_id": name, "item_code": "CT", "charge_type": "examination", "unit_price": 100.0, "occurred_at": f"2024-06-03 {time}"}
            for name, time in {"A1": "09:30:00", "A2": "09:30:00", "B1": "09:30:00", "B2": "14:00:00"}.items()
        ],
        catalogue=[{"item_code": "CT", "valid_days": 30}],
    )
    assert set(questioned(claims, "repeated_exam", entity_type="institution")) == {"B2"}
