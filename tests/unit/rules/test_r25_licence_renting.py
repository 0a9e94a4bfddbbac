"""R25 挂证执业: one licence at work in two places, in name only, or missing where drugs are sold."""

import pytest

from fraudml.rules import load_rules, run_rules

DAYS = [f"2024-06-{day:02}" for day in (3, 4, 5, 6, 7)]


def sold(number, pharmacy, pharmacist, day, time="09:00:00"):
    claim = f"S{number}"
    return (
        {
            "claim_id": claim,
            "patient_id": claim,
            "institution_id": pharmacy,
            "visit_type": "pharmacy",
            "started_on": day,
            "total_amount": 20.0,
        },
        {"claim_id": claim, "item_code": "X", "unit_price": 20.0, "pharmacist_id": pharmacist, "occurred_at": f"{day} {time}"},
    )


def evidence(make_claims, sales, **tables):
    claims = make_claims(claims=[claim for claim, _ in sales], items=[item for _, item in sales], **tables)
    return run_rules(claims, "2024-06-30", rules=["licence_renting"])


@pytest.fixture
def found(make_claims):
    sales = []
    for day in DAYS:
        sales += [
            sold(len(sales), "Y1", "HIRED", day, "09:00:00"),
            sold(len(sales) + 1, "Y1", "HIRED", day, "17:00:00"),
            sold(len(sales) + 2, "Y2", "HIRED", day, "10:00:00"),  # HIT: all day at both, registered at one
            sold(len(sales) + 3, "Y2", "HIRED", day, "16:00:00"),
            sold(len(sales) + 4, "Y1", "MULTI", day, "08:30:00"),
            sold(len(sales) + 5, "Y3", "MULTI", day, "14:30:00"),  # registered at both, mornings here, afternoons there
            sold(len(sales) + 6, "Y4", "HONEST", day),
        ]
    sales += [sold(len(sales), "Y4", "ONCE", DAYS[0]), sold(len(sales) + 1, "Y5", "ONCE", DAYS[0])]  # one day: a stand-in
    posts = [("HIRED", "Y1"), ("MULTI", "Y1"), ("MULTI", "Y3"), ("HONEST", "Y4"), ("ONCE", "Y4")]
    registrations = [
        {"doctor_id": person, "institution_id": place, "role": "pharmacist", "started_on": "2020-01-01"} for person, place in posts
    ]
    return evidence(make_claims, sales, registrations=registrations)


def test_two_places_at_once_are_evidence_registered_practice_is_not(found):
    assert set(zip(found.entity_type, found.entity_id, strict=True)) == {("doctor", "HIRED"), ("pharmacy", "Y2")}


def test_the_sales_at_the_unregistered_place_are_in_question(found):
    found = found[found.entity_type == "doctor"]
    assert len(found) == 10
    assert found.amount_in_question.sum() == 200.0


def test_sales_with_no_pharmacist(make_claims):
    sales = []
    for place in ("Y1", "Y2", "Y3", "Y4"):
        for n in range(60):
            on_duty = None if (place == "Y1" and n % 2) or n == 7 else f"PH_{place}"
            sales.append(sold(len(sales), place, on_duty, f"2024-06-{1 + n % 28:02}"))
    found = evidence(make_claims, sales)
    assert set(zip(found.entity_type, found.entity_id, strict=True)) == {("pharmacy", "Y1")}
    assert len(found) == 30


def test_where_no_pharmacy_names_its_pharmacist_nothing_is_said(make_claims):
    assert evidence(make_claims, [sold(n, f"Y{n % 3}", None, "2024-06-04") for n in range(90)]).empty


def test_a_name_that_only_signs(make_claims):
    claims, items = [], []
    for doctor, by in (("SIGNER", "NURSE"), ("D2", "D2"), ("D3", "D3")):
        for n in range(60):
            claim = f"{doctor}{n}"
            day = f"2024-06-{1 + n % 28:02}"
            claims.append({"claim_id": claim, "patient_id": claim, "doctor_id": doctor, "started_on": day})
            items.append(
                {"claim_id": claim, "item_code": "C", "charge_type": "consultation", "doctor_id": doctor, "executing_doctor_id": by}
            )
    found = run_rules(make_claims(claims=claims, items=items), "2024-06-30", rules=["licence_renting"])
    assert set(found.entity_id) == {"SIGNER"}


def test_a_pharmacist_whose_registration_has_lapsed_is_nobody_on_duty(make_claims):
    sales = [sold(n, f"Y{1 + n % 5}", f"PH_Y{1 + n % 5}", f"2024-06-{1 + n % 28:02}") for n in range(200)]
    posts = [
        {"doctor_id": f"PH_Y{n}", "institution_id": f"Y{n}", "role": "pharmacist", "started_on": "2020-01-01"}
        | ({"ended_on": "2023-12-31"} if n == 1 else {})  # HIT: Y1 sells on in a name that is no longer registered
        for n in (1, 2, 3, 4)  # of Y5's nothing is known
    ]
    found = evidence(make_claims, sales, registrations=posts)
    assert set(zip(found.entity_type, found.entity_id, strict=True)) == {("pharmacy", "Y1")}
    assert len(found) == 40
    told = load_rules()["licence_renting"]
    assert told.text(found.facts.iloc[0], "zh") == "售药时无药师在岗(40笔,占100%,同行几乎没有)"
    assert told.text(found.facts.iloc[0], "en") == "sales with no pharmacist on duty (40 lines, 100%; peers hardly any)"


def test_registered_at_both_an_hour_shared_now_and_then_is_no_double(make_claims):
    sales, posts = [], []
    for person, clashes in (("MULTI", 3), ("DOUBLE", 9)):  # of ten days at both of their places
        for n in range(10):
            day = f"2024-06-{3 + n:02}"
            sales += [
                sold(len(sales), f"Y1{person}", person, day, "08:30:00"),
                sold(len(sales) + 1, f"Y1{person}", person, day, "17:00:00" if n < clashes else "11:00:00"),
                sold(len(sales) + 2, f"Y2{person}", person, day, "14:00:00"),
            ]
            sales.append(sold(len(sales), f"Y2{person}", person, day, "16:50:00"))
        posts += [{"doctor_id": person, "institution_id": f"{place}{person}", "role": "pharmacist"} for place in ("Y1", "Y2")]
    found = evidence(make_claims, sales, registrations=posts)
    assert set(found[found.entity_type == "doctor"].entity_id) == {"DOUBLE"}


def test_signing_here_there_and_here_again_within_the_way_between(make_claims):
    """Both are registered at both shops, 60 km apart, and no quarter of an hour is spent at both."""
    sales = []
    for day in DAYS:
        for pharmacist, times in (("SWIFT", ("09:00:00", "09:12:00", "09:25:00")), ("DRIVES", ("09:00:00", "11:00:00", "16:00:00"))):
            for shop, time in zip(("Y1", "Y2", "Y1"), times, strict=True):
                sales.append(sold(len(sales), shop, pharmacist, day, time))
        # a clock that is wrong puts one sale out of its place, not two
        sales += [sold(len(sales) + n, shop, "CLOCK", day, time) for n, (shop, time) in enumerate((("Y1", "09:00:00"), ("Y2", "09:30:00")))]
        # where only days are recorded, nothing is known of the hours
        sales += [sold(len(sales) + n, shop, "DAYS_ONLY", day, "00:00:00") for n, shop in enumerate(("Y1", "Y2", "Y1"))]
    people = ("SWIFT", "DRIVES", "CLOCK", "DAYS_ONLY")
    posts = [
        {"doctor_id": one, "institution_id": shop, "role": "pharmacist", "started_on": "2020-01-01"}
        for one in people
        for shop in ("Y1", "Y2")
    ]
    places = [{"institution_id": "Y1", "kind": "pharmacy", "longitude": 120.0, "latitude": 30.0}]
    places += [{"institution_id": "Y2", "kind": "pharmacy", "longitude": 120.62, "latitude": 30.0}]
    found = evidence(make_claims, sales, registrations=posts, institutions=places)
    assert {name for kind, name in zip(found.entity_type, found.entity_id, strict=True) if kind == "doctor"} >= {"SWIFT"}
    assert not {"DRIVES", "DAYS_ONLY"} & set(found.entity_id)
