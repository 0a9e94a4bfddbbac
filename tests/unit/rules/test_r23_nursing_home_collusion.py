"""R23 医养合谋: residents of one home, one doctor, one day, nearly the same bill, again and again."""

import pytest

from fraudml.rules import run_rules

RESIDENTS = [f"R{n}" for n in range(8)]
VILLAGERS = [f"V{n}" for n in range(8)]


@pytest.fixture
def claims(make_claims):
    rows = []
    # the town: bills of all sizes, one or two neighbours a day
    for n in range(300):
        rows.append(
            {
                "patient_id": f"T{n % 60}",
                "doctor_id": f"D{2 + n % 5}",
                "started_on": f"2024-0{1 + n % 5}-{1 + n % 27:02}",
                "total_amount": 20.0 + 7.3 * (n % 50),
            }
        )
    # HIT: the home's residents on three days, 411 to 415 yuan each
    for day in ("2024-03-04", "2024-04-08", "2024-05-13"):
        rows += [
            {"patient_id": one, "doctor_id": "D1", "started_on": day, "total_amount": 411.0 + n % 5} for n, one in enumerate(RESIDENTS)
        ]
    # a contract day of the family doctor: everybody came, each with a bill of one's own
    for day in ("2024-03-05", "2024-04-09", "2024-05-14"):
        rows += [
            {"patient_id": one, "doctor_id": "D9", "started_on": day, "total_amount": 35.0 * 1.4**n} for n, one in enumerate(VILLAGERS)
        ]
    # a second home, once only
    rows += [{"patient_id": f"W{n}", "doctor_id": "D8", "started_on": "2024-05-20", "total_amount": 300.0} for n in range(8)]
    people = [
        {"patient_id": one, "birth_date": "1940-01-01", "address_group": home}
        for home, group in (("HOME", RESIDENTS), ("VILLAGE", VILLAGERS))
        for one in group
    ]
    people += [{"patient_id": f"W{n}", "birth_date": "1940-01-01", "address_group": "HOME2"} for n in range(8)]
    people += [{"patient_id": f"T{n}", "birth_date": "1975-01-01", "address_group": f"A{n // 3}"} for n in range(60)]
    return make_claims(claims=rows, patients=people)


def test_the_home_is_found_the_contract_day_is_not(claims):
    found = run_rules(claims, "2024-06-30", rules=["nursing_home_collusion"])
    assert set(zip(found.entity_type, found.entity_id, strict=True)) == {("doctor", "D1"), ("institution", "H1")}
    found = found[found.entity_type == "doctor"]
    assert len(found) == 24
    assert found.amount_in_question.sum() == pytest.approx(3 * sum(411 + n % 5 for n in range(8)))


def test_one_day_alone_is_not_enough(claims):
    assert run_rules(claims, "2024-03-31", rules=["nursing_home_collusion"]).empty


def test_a_family_is_left_alone(make_claims):
    rows = [{"patient_id": f"K{n}", "started_on": day, "total_amount": 60.0} for day in ("2024-03-04", "2024-04-08") for n in range(3)]
    people = [{"patient_id": f"K{n}", "birth_date": "1950-01-01", "address_group": "A1"} for n in range(3)]
    assert run_rules(make_claims(claims=rows, patients=people), "2024-06-30", rules=["nursing_home_collusion"]).empty


def test_a_resident_registered_elsewhere_does_not_make_the_bill_a_custom(make_claims):
    """The doctor sees next to nobody but the home: one resident who kept the old address comes just as often with the same bill."""
    days = [f"2024-0{1 + n // 2}-{4 + 14 * (n % 2):02}" for n in range(10)]
    rows = [{"patient_id": f"T{n % 60}", "doctor_id": "D2", "started_on": days[n % 10], "total_amount": 20.0 + 7.3 * n} for n in range(60)]
    rows += [
        {"patient_id": one, "doctor_id": "D1", "started_on": day, "total_amount": 163.8} for day in days for one in (*RESIDENTS, "KEPT")
    ]
    # D3's patients from everywhere pay the contract fee, those of the second home among them
    rows += [{"patient_id": f"C{n}", "doctor_id": "D3", "started_on": day, "total_amount": 50.0} for day in days for n in range(30)]
    people = [{"patient_id": one, "birth_date": "1940-01-01", "address_group": "HOME"} for one in RESIDENTS]
    people += [{"patient_id": "KEPT", "birth_date": "1941-01-01", "address_group": "OLD"}]
    people += [{"patient_id": f"C{n}", "birth_date": "1942-01-01", "address_group": "HOME2" if n < 8 else f"C{n}"} for n in range(30)]
    found = run_rules(make_claims(claims=rows, patients=people), "2024-06-30", rules=["nursing_home_collusion"])
    assert set(found[found.entity_type == "doctor"].entity_id) == {"D1"}
