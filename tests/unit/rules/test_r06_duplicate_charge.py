"""R06 重复收费: the same item for the same patient at the same time, or a package and all that it contains."""


def line(name, claim, code="CT", time="09:00:00", **more):
    return {
        "line_id": name,
        "claim_id": claim,
        "item_code": code,
        "occurred_at": f"2024-06-03 {time}",
        "charge_type": "examination",
        "unit_price": 100.0,
    } | more


def test_second_lines_of_one_time(make_claims, questioned):
    names = ["TWICE", "ONCE", "LATER", "SIDES", "LEGAL", "BEYOND_LEGAL", "REFUNDED", "DAYS_ONLY", "OTHER_PATIENT"]
    claims = make_claims(
        claims=[{"claim_id": name, "patient_id": f"P_{name}", "total_amount": 300.0} for name in names]
        + [{"claim_id": "BACK", "patient_id": "P_REFUNDED", "total_amount": -100.0, "is_refund": True, "refund_of": "REFUNDED"}],
        items=[
            line("T1", "TWICE"),
            line("T2", "TWICE"),
            line("O1", "ONCE"),
            line("A1", "LATER"),
            line("A2", "LATER", time="15:00:00"),
            line("S1", "SIDES", body_site="left"),
            line("S2", "SIDES", body_site="right"),
            line("G1", "LEGAL", code="SUTURE"),
            line("G2", "LEGAL", code="SUTURE"),
            line("B1", "BEYOND_LEGAL", code="SUTURE"),
            line("B2", "BEYOND_LEGAL", code="SUTURE"),
            line("B3", "BEYOND_LEGAL", code="SUTURE"),
            line("R1", "REFUNDED"),
            line("R2", "REFUNDED"),
            line("R3", "BACK", quantity=-1.0),
            line("D1", "DAYS_ONLY", time="00:00:00"),
            line("D2", "DAYS_ONLY", time="00:00:00"),
        ],
        catalogue=[{"item_code": "SUTURE", "max_count_per_day": 2.0}, {"item_code": "CT"}],
    )
    assert questioned(claims, "duplicate_charge") == {"TWICE": 100.0, "BEYOND_LEGAL": 100.0}


def test_a_package_and_all_its_parts(make_claims, questioned):
    claims = make_claims(
        claims=[{"claim_id": "BOTH", "patient_id": "A"}, {"claim_id": "PART", "patient_id": "B"}],
        items=[
            line("B0", "BOTH", "PACK", time="08:00:00"),
            line("B1", "BOTH", "X"),
            line("B2", "BOTH", "Y"),
            line("P0", "PART", "PACK", time="08:00:00"),
            line("P1", "PART", "X"),
        ],
        catalogue=[{"item_code": "PACK", "contains": ["X", "Y"]}],
    )
    assert questioned(claims, "duplicate_charge") == {"BOTH": 200.0}


def test_what_everybody_bills_twice_at_one_time_is_no_duplicate(make_claims, questioned):
    rows = [{"claim_id": f"C{n}", "patient_id": f"P{n}"} for n in range(60)]
    doses = [line(f"{n}-{dose}", f"C{n}", "DOSE") for n in range(60) for dose in (1, 2)]
    scans = [line(f"{n}-scan", f"C{n}", "CT") for n in range(60)] + [line("7-scan-again", "C7", "CT")]
    assert questioned(make_claims(claims=rows, items=doses + scans), "duplicate_charge") == {"C7": 100.0}


def test_where_only_days_are_known_each_visit_has_its_consultation(make_claims, questioned):
    """R06 "same time": a source that writes midnight; two visits of one day are two consultations, two scans in one visit are one."""
    rows = [{"claim_id": f"C{n}", "patient_id": f"P{n}"} for n in range(60)]
    rows += [{"claim_id": "MORNING", "patient_id": "A"}, {"claim_id": "AFTERNOON", "patient_id": "A"}]
    visit = {"charge_type": "consultation", "code": "VISIT", "time": "00:00:00"}
    items = [line(f"{n}-{code}", f"C{n}", code, "00:00:00") for n in range(60) for code in ("CT", "VISIT")]
    items += [line("M", "MORNING", **visit), line("A", "AFTERNOON", **visit), line("7-again", "C7", "CT", "00:00:00")]
    assert questioned(make_claims(claims=rows, items=items), "duplicate_charge") == {"C7": 100.0}


def test_the_side_may_stand_in_the_memo(make_claims, questioned):
    """R06 look-alike "bilateral procedures": no body site, but 左 and 右 in words."""
    claims = make_claims(
        claims=[{"claim_id": "SIDES", "patient_id": "A"}, {"claim_id": "ONE_SIDE", "patient_id": "B"}],
        items=[
            line("S1", "SIDES", memo="左膝"),
            line("S2", "SIDES", memo="右膝"),
            line("O1", "ONE_SIDE", memo="左膝"),
            line("O2", "ONE_SIDE", memo="左膝"),
        ],
    )
    assert questioned(claims, "duplicate_charge") == {"ONE_SIDE": 100.0}


def test_one_service_paid_by_two_insurances_or_again_by_hand_is_the_patients_double_benefit(make_claims, questioned):
    claims = make_claims(
        claims=[
            {"claim_id": "EMPLOYEE", "patient_id": "A", "insurance_type": "employee"},
            {"claim_id": "RESIDENT", "patient_id": "A", "insurance_type": "resident"},
            {"claim_id": "ONLINE", "patient_id": "B"},
            {"claim_id": "BY_HAND", "patient_id": "B", "is_manual": True},
            {"claim_id": "ONE", "patient_id": "C"},
            {"claim_id": "OTHER", "patient_id": "C"},
        ],
        items=[line(f"L-{name}", name) for name in ("EMPLOYEE", "RESIDENT", "ONLINE", "BY_HAND", "ONE", "OTHER")],
        catalogue=[{"item_code": "CT"}],
    )
    assert set(questioned(claims, "duplicate_charge")) == {"OTHER"}
