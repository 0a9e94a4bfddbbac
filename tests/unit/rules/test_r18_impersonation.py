"""R18 冒名就医: one person cannot be at two distant places at once, nor have a body of the other sex."""

import pytest

from fraudml.rules import load_rules, run_rules

# 60 km apart, and 1 km apart
PLACES = [
    {"institution_id": "H1", "longitude": 120.0, "latitude": 30.0},
    {"institution_id": "H2", "longitude": 120.62, "latitude": 30.0},
    {"institution_id": "H3", "longitude": 120.01, "latitude": 30.0},
]
DAY = "2024-06-03"


def visit(claim, patient, place, time, **more):
    return {"claim_id": claim, "patient_id": patient, "institution_id": place, **more}, {
        "visit_id": f"V{claim}",
        "started_at": f"{DAY} {time}",
    }


def stay(claim, patient, place, start, end, **more):
    return {
        "claim_id": claim,
        "patient_id": patient,
        "institution_id": place,
        "visit_type": "inpatient",
        "started_on": start,
        "ended_on": end,
    } | more


@pytest.fixture
def found(make_claims):
    visits = [
        visit("A1", "SWIFT", "H1", "09:00:00"),
        visit("A2", "SWIFT", "H2", "09:20:00", credential_type="typed"),  # HIT: 60 km in 20 minutes, typed in by hand
        visit("B1", "SLOW", "H1", "09:00:00"),
        visit("B2", "SLOW", "H2", "11:00:00"),  # two hours for 60 km
        visit("C1", "NEAR", "H1", "09:00:00"),
        visit("C2", "NEAR", "H3", "09:05:00"),  # next door
        visit("D1", "ONLINE", "H1", "09:00:00"),
        visit("D2", "ONLINE", "H2", "09:10:00", is_online=True),
        visit("E1", "TWIN", "H1", "09:00:00", total_amount=33.0),
        visit("E2", "TWIN", "H2", "09:00:00", total_amount=33.0),  # the same bill entered twice
        visit("F1", "MOTHER", "H1", "09:00:00"),
        visit("F2", "MOTHER", "H2", "09:10:00"),  # her newborn was there
        visit("G1", "REFUNDED", "H1", "09:00:00"),
        visit("G2", "REFUNDED", "H2", "09:10:00"),
        visit("H1", "DAYS_ONLY", "H1", "00:00:00"),
        visit("H2", "DAYS_ONLY", "H2", "00:00:00"),
        visit("I1", "MAN", "H1", "09:00:00"),
        visit("I2", "WOMAN", "H1", "09:00:00"),
    ]
    stays = [
        stay("J1", "BILOCATED", "H1", "2024-05-01", "2024-05-10"),
        stay("J2", "BILOCATED", "H2", "2024-05-04", "2024-05-08"),  # HIT: four nights in both
        stay("K1", "TRANSFERRED", "H1", "2024-05-01", "2024-05-04"),
        stay("K2", "TRANSFERRED", "H2", "2024-05-04", "2024-05-09"),  # admitted on the day of discharge
    ]
    others = {claim["claim_id"]: 250.0 for claim, _ in visits if claim["claim_id"].endswith("2")}
    claims = [claim | {"total_amount": claim.get("total_amount", others.get(claim["claim_id"], 100.0))} for claim, _ in visits] + stays
    claims.append(
        {"claim_id": "G3", "patient_id": "REFUNDED", "institution_id": "H2", "total_amount": -250.0, "is_refund": True, "refund_of": "G2"}
    )
    return run_rules(
        make_claims(
            claims=claims,
            items=[{"claim_id": name, "item_code": "CERVIX", "charge_type": "examination", "unit_price": 80.0} for name in ("I1", "I2")],
            visits=[row for _, row in visits],
            institutions=PLACES,
            patients=[
                {"patient_id": "MAN", "sex": "male"},
                {"patient_id": "CHILD", "mother_id": "MOTHER", "birth_date": "2024-05-30"},
            ],
            catalogue=[{"item_code": "CERVIX", "name": "宫颈检查", "list_type": "service", "sex_limit": "female"}],
        ),
        "2024-06-30",
        rules=["impersonation"],
    ).set_index("claim_id")


def test_only_the_physically_impossible_is_evidence(found):
    assert set(found[found.amount_in_question > 0].index) == {"A2", "J2", "I1"}
    assert set(found.entity_type) == {"patient"}


def test_where_the_card_was_otherwise_is_proof_without_an_amount(found):
    assert set(found[found.amount_in_question == 0].index) == {"A1", "J1"}


def test_the_amount_is_that_of_the_claim_that_somebody_else_used(found):
    assert found[found.amount_in_question > 0].amount_in_question.to_dict() == {"A2": 250.0, "J2": 100.0, "I1": 80.0}
    assert found.strength["A2"] == 1.0  # typed in by hand


def test_the_wording_names_distance_and_minutes(found):
    assert "20分钟" in load_rules()["impersonation"].text(found.facts["A2"])
    assert "60 km apart within 20 minutes" in load_rules()["impersonation"].text(found.facts["A2"], "en")


def test_a_house_that_swipes_many_cards_is_the_suspect(make_claims):
    owners = [f"OWNER{n}" for n in range(5)]
    claims = [stay(f"REAL{n}", one, "H1", "2024-05-01", "2024-05-12") for n, one in enumerate(owners)]
    claims += [
        stay(f"FALSE{n}", one, "H2", "2024-05-03", "2024-05-09", credential_type="typed" if n else None) for n, one in enumerate(owners)
    ]
    # other houses with honest patients
    claims += [{"claim_id": f"T{n}", "patient_id": f"T{n}", "institution_id": f"H{3 + n % 4}"} for n in range(200)]
    found = run_rules(make_claims(claims=claims), "2024-06-30", rules=["impersonation"])
    assert set(zip(found.entity_type, found.entity_id, strict=True)) == {("institution", "H2")}
    assert set(found.claim_id) == {f"FALSE{n}" for n in range(5)}


def test_credentials_typed_in_by_hand(make_claims):
    """One house keeps cards, one person lends the number; a reader that is out of order types in everybody."""
    rows = []

    def come(place, day, patient, credential="card"):
        rows.append({"patient_id": patient, "institution_id": place, "started_on": day, "credential_type": credential})

    for n in range(60):
        for place in ("H1", "H2", "H3", "H4"):
            come(place, f"2024-05-{1 + n % 30:02}", f"{place}_{n}", "typed" if n == 30 else "electronic")
    for n in range(15):
        come("H1", f"2024-06-{1 + n:02}", f"KEPT{n % 4}", "typed")  # HIT: the house's own, of four persons who never show their card
    for n in range(6):
        come(f"H{2 + n % 3}", f"2024-06-{3 + n:02}", "LENT", "typed")  # HIT: wherever this person goes
        come("H2", "2024-06-20", f"OUTAGE{n}", "typed")  # that day nobody could be read
        come("H3", f"2024-06-{3 + n:02}", "CARD", "social_security_card")
    found = run_rules(make_claims(claims=rows), "2024-06-30", rules=["impersonation"])
    assert set(zip(found.entity_type, found.entity_id, strict=True)) == {("institution", "H1"), ("patient", "LENT")}
    assert len(found[found.entity_id == "LENT"]) == 6
    assert "手工录入" in load_rules()["impersonation"].text(found.facts.iloc[0])


def test_one_crossing_may_be_a_clock_again_and_again_is_not(make_claims):
    claims, visits = [], []
    for who, days in (("ONCE", (3,)), ("OFTEN", (3, 10, 17))):
        for day in days:
            for place, time, amount in (("H1", "09:00:00", 100.0), ("H2", "09:20:00", 120.0)):
                name, on = f"{who}-{day}-{place}", f"2024-06-{day:02}"
                claims.append(
                    {"claim_id": name, "patient_id": who, "institution_id": place, "started_on": on, "ended_on": on, "total_amount": amount}
                )
                visits.append({"visit_id": f"V{name}", "started_at": f"{on} {time}"})
    hits = run_rules(make_claims(institutions=PLACES, claims=claims, visits=visits), "2024-06-30", rules=["impersonation"])
    strength = hits.groupby("entity_id")["strength"].max()
    assert strength["ONCE"] < strength["OFTEN"]


def test_an_infant_s_item_on_the_bill_of_the_birth_is_no_foreign_body(make_claims):
    """No child in the table of persons names its mother; the diagnosis of the birth does."""
    bills = {"BIRTH": ("O80.9", "W1"), "NEVER": ("J18.9", "W2"), "FATHER": ("O80.9", "M1")}
    claims = make_claims(
        claims=[stay(name, person, "H1", DAY, "2024-06-06") for name, (_, person) in bills.items()],
        items=[{"claim_id": name, "item_code": "CRIB", "charge_type": "nursing"} for name in bills],
        diagnoses=[{"claim_id": name, "diagnosis": code, "is_main": True} for name, (code, _) in bills.items()],
        patients=[{"patient_id": f"W{n}", "birth_date": "1995-01-01", "sex": "female"} for n in (1, 2)]
        + [{"patient_id": "M1", "birth_date": "1995-01-01", "sex": "male"}],
        catalogue=[{"item_code": "CRIB", "list_type": "service", "age_max": 0.0}],
        institutions=PLACES,
    )
    found = run_rules(claims, "2024-06-30", rules=["impersonation"])
    assert set(found.claim_id) == {"NEVER", "FATHER"}
