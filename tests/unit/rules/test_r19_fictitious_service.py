"""R19 虚构医疗服务: more hours than a day has, the same bill for everybody, service on days when the place is closed."""

import datetime as dt

import pytest

from fraudml.rules import run_rules

CATALOGUE = [{"item_code": "MASSAGE", "name": "推拿", "list_type": "service", "minutes": 60.0}]


def massage(claim, doctor, **more):
    return {"claim_id": claim, "item_code": "MASSAGE", "charge_type": "treatment", "unit_price": 50.0, "executing_doctor_id": doctor} | more


def evidence(make_claims, **tables):
    return run_rules(make_claims(**tables), "2024-06-30", rules=["fictitious_service"])


@pytest.fixture
def busy(make_claims):
    days = ["2024-06-03", "2024-06-04", "2024-06-05"]
    claims, items = [], []

    def treat(name, doctor, day, count, **more):
        for n in range(count):
            claim = f"{name}_{day[-2:]}_{n}"
            claims.append({"claim_id": claim, "patient_id": claim, "doctor_id": doctor, "started_on": day, "total_amount": 50.0})
            items.append(massage(claim, more.get("by", lambda _: doctor)(n)))

    for day in days:
        for doctor in ("D2", "D3", "D4"):
            treat(doctor, doctor, day, 5)
    treat("HIT", "D1", "2024-06-05", 20)  # twenty hours on one day
    treat("EDGE", "D5", "2024-06-05", 16)  # sixteen, the limit itself
    treat("LEADER", "D6", "2024-06-05", 24, by=lambda n: f"T{n % 4}")  # ordered by one, carried out by four
    # a fortnight of massages on one bill of a stay is not done on one day
    claims.append(
        {
            "claim_id": "STAY",
            "patient_id": "S1",
            "doctor_id": "D7",
            "visit_type": "inpatient",
            "started_on": "2024-06-01",
            "ended_on": "2024-06-29",
        }
    )
    items.append(massage("STAY", "D7", quantity=28.0))
    # a health examination day
    for n in range(20):
        claims.append({"claim_id": f"EXAM_{n}", "patient_id": f"E{n}", "doctor_id": "D8", "started_on": "2024-06-04", "total_amount": 50.0})
        items.append(massage(f"EXAM_{n}", "D8", charge_type="examination"))
    diagnoses = [{"claim_id": f"EXAM_{n}", "diagnosis": "Z00.0", "is_main": True} for n in range(20)]
    return evidence(make_claims, claims=claims, items=items, catalogue=CATALOGUE, diagnoses=diagnoses)


def test_more_hours_than_a_day_allows_speak_against_the_doctor(busy):
    assert set(zip(busy.entity_type, busy.entity_id, strict=True)) == {("doctor", "D1"), ("institution", "H1")}
    assert len(busy) == 40  # twenty claims, spoken of against either


def test_only_the_hours_beyond_the_limit_are_in_question(busy):
    assert busy[busy.entity_type == "doctor"].amount_in_question.sum() == pytest.approx(20 * 50.0 * (1 - 16 / 20), abs=0.5)


def bill(claim, patient, doctor, day, codes, **more):
    claims = {"claim_id": claim, "patient_id": patient, "doctor_id": doctor, "started_on": day, "total_amount": 30.0} | more
    return claims, [{"claim_id": claim, "item_code": code, "unit_price": 10.0, "charge_type": "treatment"} for code in codes]


def test_identical_bills_of_many_patients(make_claims):
    rows = []
    # everybody's bills differ from day to day and person to person
    rows += [bill(f"O{n}", f"O{n}", "D2", f"2024-06-{1 + n % 28:02}", ["A", "B", f"X{n % 9}"], institution_id="H2") for n in range(60)]
    rows += [bill(f"HIT{n}", f"P{n}", "D1", "2024-06-06", ["A", "B", "C"]) for n in range(10)]
    rows += [bill(f"DIALYSIS{n}", f"Q{n}", "D3", "2024-06-06", ["K", "L", "M"], institution_id="H3") for n in range(10)]
    rows += [bill(f"FEW{n}", f"F{n}", "D4", "2024-06-07", ["F", "G", "H"], institution_id="H4") for n in range(4)]
    found = evidence(
        make_claims,
        claims=[claim for claim, _ in rows],
        items=[item for _, items in rows for item in items],
        diagnoses=[{"claim_id": f"DIALYSIS{n}", "diagnosis": "N18.5", "is_main": True} for n in range(10)]
        + [
            {"claim_id": claim["claim_id"], "diagnosis": "M54.5", "is_main": True}
            for claim, _ in rows
            if "DIALYSIS" not in claim["claim_id"]
        ],
    )
    assert {claim[:3] for claim in found.claim_id} == {"HIT"}
    assert set(zip(found.entity_type, found.entity_id, strict=True)) == {("doctor", "D1"), ("institution", "H1")}  # one doctor's bills


def test_service_on_closed_days(make_claims):
    first = dt.date(2024, 1, 1)
    days = [first + dt.timedelta(days=n) for n in range(180)]
    claims = []
    for place in ("H1", "H2", "H3", "H4", "H5"):
        claims += [
            {"claim_id": f"{place}_{day}", "patient_id": f"P{day}", "institution_id": place, "started_on": str(day)}
            for day in days
            if day.weekday() < 6  # closed on Sundays
        ]
    sunday = dt.date(2024, 6, 16)
    decreed = dt.date(2024, 5, 5)  # a Sunday on which everybody worked
    claims += [{"claim_id": f"HIT{n}", "patient_id": f"S{n}", "started_on": str(sunday)} for n in range(5)]
    claims += [{"claim_id": "ALONE", "institution_id": "H2", "started_on": str(sunday)}]  # a single claim may be a wrong date
    claims += [
        {"claim_id": f"EMERGENCY{n}", "institution_id": "H3", "visit_type": "emergency", "started_on": str(sunday)} for n in range(5)
    ]
    claims += [
        {"claim_id": f"DECREED_{place}_{n}", "patient_id": f"T{n}", "institution_id": place, "started_on": str(decreed)}
        for place in ("H1", "H2", "H3", "H4")
        for n in range(5)
    ]
    found = evidence(make_claims, claims=claims, items=[{"claim_id": "HIT0", "item_code": "A"}])
    assert set(found.claim_id) == {f"HIT{n}" for n in range(5)}
    assert set(found.entity_id) == {"H1"}


def test_a_physical_examination_of_a_sunday_is_no_closed_day(make_claims):
    """Even where the campaign is coded as a disease: one list of examinations for everybody."""
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=n) for n in range(180)]
    claims = [{"claim_id": f"H1_{day}", "patient_id": f"P{day}", "started_on": str(day)} for day in days if day.weekday() < 6]
    claims += [{"claim_id": f"EXAMINED{n}", "patient_id": f"E{n}", "started_on": "2024-06-16"} for n in range(8)]
    items = [
        {"claim_id": f"EXAMINED{n}", "line_id": f"E{n}_{code}", "item_code": code, "charge_type": "examination", "unit_price": 20.0}
        for n in range(8)
        for code in ("ECG", "ULTRASOUND", "CHEST")
    ]
    assert evidence(make_claims, claims=claims, items=items).empty


def test_a_team_whose_leader_signs_is_judged_member_by_member(make_claims):
    rows = [bill(f"O{n}", f"O{n}", "D2", f"2024-06-{1 + n % 28:02}", ["A", "B", f"X{n % 9}"], institution_id="H2") for n in range(60)]
    team = [bill(f"TEAM{n}", f"T{n}", "LEADER", "2024-06-06", ["A", "B", "C"]) for n in range(12)]
    alone = [bill(f"HIT{n}", f"P{n}", "LEADER", "2024-06-06", ["A", "B", "D"], institution_id="H3") for n in range(12)]
    for n, (_, items) in enumerate(team):  # four members, three patients each
        for item in items:
            item |= {"doctor_id": "LEADER", "executing_doctor_id": f"MEMBER{n % 4}"}
    for _, items in alone:  # one other name for all twelve
        for item in items:
            item |= {"doctor_id": "LEADER", "executing_doctor_id": "MEMBER9"}
    rows += team + alone
    found = evidence(
        make_claims,
        claims=[claim for claim, _ in rows],
        items=[item for _, items in rows for item in items],
        diagnoses=[{"claim_id": claim["claim_id"], "diagnosis": "M54.5", "is_main": True} for claim, _ in rows],
    )
    assert {claim[:3] for claim in found.claim_id} == {"HIT"}


def test_more_patients_in_house_than_beds(make_claims):
    claims = []

    def admit(place, count, start, end):
        claims.extend(
            {"claim_id": f"{place}_{start}_{n}", "patient_id": f"{place}{start}{n}", "institution_id": place, "visit_type": "inpatient"}
            | {"started_on": start, "ended_on": end}
            for n in range(count)
        )

    admit("H1", 16, "2024-06-01", "2024-06-09")  # HIT: sixteen in ten beds
    for place in ("H2", "H3", "H4", "H5", "H6"):
        admit(place, 7, "2024-06-01", "2024-06-09")
    admit("H2", 8, "2024-06-09", "2024-06-12")  # admitted when the others left
    beds = [{"institution_id": f"H{n}", "beds": 10} for n in range(1, 7)]
    found = evidence(make_claims, claims=claims, items=[{"claim_id": claims[0]["claim_id"], "item_code": "A"}], institutions=beds)
    assert set(found.entity_id) == {"H1"}
    assert len(found) == 16
    assert found.amount_in_question.sum() == pytest.approx(16 * 100 * (1 - 10 / 16))
