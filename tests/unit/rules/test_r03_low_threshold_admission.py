"""R03 低标入院: short stays for what others treat as outpatients, mostly examinations."""

PARTS = {"E": "examination", "T": "treatment", "S": "surgery", "B": "bed"}


def stay(name, bill, nights=3, diagnosis="J06.9", **more):
    row = {
        "claim_id": name,
        "patient_id": f"P_{name}",
        "visit_type": "inpatient",
        "started_on": "2024-06-03",
        "ended_on": f"2024-06-{3 + nights:02d}",
        "total_amount": float(sum(bill.values())),
    }
    lines = [
        {"claim_id": name, "item_code": part, "charge_type": PARTS[part], "unit_price": float(amount)} for part, amount in bill.items()
    ]
    return row | more, {"claim_id": name, "diagnosis": diagnosis, "is_main": True}, lines


def test_short_examination_stays_for_minor_disease(make_claims, questioned):
    exams = {"E": 900, "B": 100}
    rows = [
        stay("COLD", exams),
        stay("TREATED", {"E": 100, "T": 800, "B": 100}),
        stay("LONG", exams, nights=9),
        stay("SURGERY", {"E": 900, "S": 500}),
        stay("INFARCTION", exams, diagnosis="I21.0"),
        stay("EMERGENCY", exams),
        stay("DAY_SURGERY", exams, visit_type="day_surgery", nights=0),
        stay("TRANSFER", exams),
        stay("REFUNDED", exams),
        stay("FIVE_NIGHTS", exams, nights=5),
    ]
    claims = make_claims(
        claims=[row for row, _, _ in rows]
        + [
            {"claim_id": "ER", "patient_id": "P_EMERGENCY", "visit_type": "emergency", "started_on": "2024-06-02"},
            {"claim_id": "BACK", "started_on": "2024-06-08", "total_amount": -1000.0, "is_refund": True, "refund_of": "REFUNDED"},
        ],
        diagnoses=[diagnosis for _, diagnosis, _ in rows],
        items=[line for _, _, lines in rows for line in lines],
        visits=[{"visit_id": "VTRANSFER", "discharge_way": "transfer"}],
    )
    assert questioned(claims, "low_threshold_admission") == {"COLD": 1000.0, "FIVE_NIGHTS": 1000.0}


def test_where_there_are_enough_peers_they_say_what_is_outpatient(make_claims, questioned):
    # forty patients of other houses had this heart disease treated as outpatients
    visits = [{"claim_id": f"O{n}", "patient_id": f"Q{n}", "institution_id": "H2", "started_on": "2024-06-01"} for n in range(40)]
    row, diagnosis, lines = stay("HEART", {"E": 900, "B": 100}, diagnosis="I49.9")
    plain, plain_diagnosis, plain_lines = stay("PLAIN", {"T": 900, "B": 100}, diagnosis="I49.9")
    claims = make_claims(
        claims=[*visits, row, plain],
        diagnoses=[{"claim_id": each["claim_id"], "diagnosis": "I49.9", "is_main": True} for each in visits] + [diagnosis, plain_diagnosis],
        items=lines + plain_lines,
    )
    assert set(questioned(claims, "low_threshold_admission")) == {"HEART"}
