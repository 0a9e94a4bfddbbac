"""R02 分解住院: readmitted to the same institution within 15 days for the same disease."""


def stay(name, patient, start, end, diagnosis="I25.1", **more):
    row = {
        "claim_id": name,
        "patient_id": patient,
        "visit_type": "inpatient",
        "started_on": start,
        "ended_on": end,
        "total_amount": 5000.0,
    }
    return row | more, {"claim_id": name, "diagnosis": diagnosis, "is_main": True}


def test_second_stays_are_found_and_honest_readmissions_are_left(make_claims, questioned):
    rows = [
        stay("A1", "A", "2024-05-01", "2024-05-08"),
        stay("A2", "A", "2024-05-10", "2024-05-17"),  # two days later: hit
        stay("B1", "B", "2024-05-01", "2024-05-08"),
        stay("B2", "B", "2024-05-23", "2024-05-30"),  # day 15: hit
        stay("C1", "C", "2024-05-01", "2024-05-08"),
        stay("C2", "C", "2024-05-24", "2024-05-30"),  # day 16: miss
        stay("D1", "D", "2024-05-01", "2024-05-08"),
        stay("D2", "D", "2024-05-10", "2024-05-17", diagnosis="S72.0"),  # other disease
        stay("E1", "E", "2024-05-01", "2024-05-08", diagnosis="C34.1"),
        stay("E2", "E", "2024-05-10", "2024-05-17", diagnosis="C34.1"),  # chemotherapy as secondary diagnosis
        stay("F1", "F", "2024-05-01", "2024-05-08"),
        stay("F2", "F", "2024-05-10", "2024-05-17", institution_id="H3"),  # up to a higher level
        stay("F3", "F", "2024-05-18", "2024-05-20"),  # and back
        stay("G1", "G", "2024-05-01", "2024-05-08"),
        stay("G2", "G", "2024-05-10", "2024-05-17"),
        stay("H1", "H", "2023-12-20", "2023-12-31"),
        stay("H2", "H", "2024-01-01", "2024-01-09"),  # settled at the turn of the year
    ]
    back = {
        "claim_id": "BACK",
        "patient_id": "G",
        "started_on": "2024-05-18",
        "total_amount": -5000.0,
        "is_refund": True,
        "refund_of": "G2",
    }
    claims = make_claims(
        claims=[row for row, _ in rows] + [back],
        diagnoses=[diagnosis for _, diagnosis in rows] + [{"claim_id": "E2", "diagnosis": "Z51.1", "is_main": False}],
        institutions=[{"institution_id": "H3", "level": 3}],
    )
    assert questioned(claims, "split_admission") == {"A1": 0.0, "A2": 5000.0, "B1": 0.0, "B2": 5000.0}
    assert set(questioned(claims, "split_admission", gap_days=20)) == {"A1", "A2", "B1", "B2", "C1", "C2"}


def test_interim_bills_of_one_visit_are_one_stay(make_claims, questioned):
    rows = [stay("A1", "A", "2024-05-01", "2024-05-15", visit_id="V"), stay("A2", "A", "2024-05-15", "2024-05-30", visit_id="V")]
    assert questioned(make_claims(claims=[r for r, _ in rows], diagnoses=[d for _, d in rows]), "split_admission") == {}


def test_staged_surgery_is_left_alone(make_claims, questioned):
    rows = [stay("A1", "A", "2024-05-01", "2024-05-08"), stay("A2", "A", "2024-05-15", "2024-05-20")]
    operations = [{"claim_id": name, "item_code": "OP", "charge_type": "surgery", "unit_price": 900.0} for name in ("A1", "A2")]
    claims = make_claims(claims=[r for r, _ in rows], diagnoses=[d for _, d in rows], items=operations)
    assert questioned(claims, "split_admission") == {}


def test_cycles_show_in_what_was_given_where_the_code_says_cancer_only(make_claims, questioned):
    """R02 look-alike chemotherapy: no Z51 on the claim, but the drug on the bill; a vessel drug with a like name is no cycle."""
    rows = [
        stay("CYCLE1", "A", "2024-05-01", "2024-05-04", diagnosis="C34.9"),
        stay("CYCLE2", "A", "2024-05-12", "2024-05-15", diagnosis="C34.9"),
        stay("STROKE1", "B", "2024-05-01", "2024-05-08", diagnosis="I63.9"),
        stay("STROKE2", "B", "2024-05-12", "2024-05-19", diagnosis="I63.9"),
    ]
    claims = make_claims(
        claims=[row for row, _ in rows],
        diagnoses=[diagnosis for _, diagnosis in rows],
        items=[{"claim_id": row["claim_id"], "item_code": "TAXOL" if row["patient_id"] == "A" else "VINPOCETINE"} for row, _ in rows],
        catalogue=[
            {"item_code": "TAXOL", "name": "紫杉醇注射液", "list_type": "drug"},
            {"item_code": "VINPOCETINE", "name": "长春西汀注射液", "list_type": "drug"},
        ],
    )
    assert set(questioned(claims, "split_admission")) == {"STROKE1", "STROKE2"}


def test_a_stay_of_months_settled_in_between_is_one_stay(make_claims, questioned):
    rows = [
        stay("A1", "A", "2024-01-10", "2024-04-02", diagnosis="F20.9"),
        stay("A2", "A", "2024-04-02", "2024-06-20", diagnosis="F20.9"),  # never left the ward: settled after 83 nights
        stay("B1", "B", "2024-05-01", "2024-05-15", diagnosis="F20.9"),
        stay("B2", "B", "2024-05-15", "2024-05-29", diagnosis="F20.9"),  # two weeks and two weeks: hit
        stay("C1", "C", "2024-02-01", "2024-04-10", diagnosis="F20.9"),
        stay("C2", "C", "2024-04-18", "2024-05-20", diagnosis="F20.9"),  # was home for eight days: hit
    ]
    claims = make_claims(claims=[claim for claim, _ in rows], diagnoses=[diagnosis for _, diagnosis in rows])
    found = questioned(claims, "split_admission")
    assert {claim for claim, amount in found.items() if amount > 0} == {"B2", "C2"}
