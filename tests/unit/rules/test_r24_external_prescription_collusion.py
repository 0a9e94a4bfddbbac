"""R24 虚假外配处方: a doctor's prescriptions go to one pharmacy far more than chance, colleagues and distance explain."""

import pytest

from fraudml.rules import load_rules, run_rules

PLACES = [  # on one line: H1, its pharmacies a few hundred metres away, Y9 far off; Y5 stands alone beside H2
    {"institution_id": "H1", "longitude": 120.000, "latitude": 30.0},
    {"institution_id": "Y1", "longitude": 120.002, "latitude": 30.0},
    {"institution_id": "Y2", "longitude": 120.004, "latitude": 30.0},
    {"institution_id": "Y3", "longitude": 120.006, "latitude": 30.0},
    {"institution_id": "Y9", "longitude": 120.100, "latitude": 30.0},
    {"institution_id": "H2", "longitude": 120.500, "latitude": 30.0},
    {"institution_id": "Y5", "longitude": 120.501, "latitude": 30.0},
]


def prescriptions(doctor, hospital, pharmacy, count):
    return [
        {
            "patient_id": f"{doctor}{pharmacy}{n}",
            "visit_type": "pharmacy",
            "institution_id": pharmacy,
            "started_on": f"2024-06-{1 + n % 28:02}",
        }
        | {"prescribing_doctor_id": doctor, "prescribing_institution_id": hospital}
        for n in range(count)
    ]


@pytest.fixture
def found(make_claims):
    rows = []
    for doctor in ("D2", "D3", "D4", "D5"):
        for pharmacy, count in (("Y1", 15), ("Y2", 12), ("Y3", 12), ("Y9", 1)):
            rows += prescriptions(doctor, "H1", pharmacy, count)
    rows += prescriptions("D1", "H1", "Y9", 30) + prescriptions("D1", "H1", "Y1", 6)  # HIT: past three nearer pharmacies
    rows += prescriptions("D6", "H2", "Y5", 40) + prescriptions("D7", "H2", "Y5", 35)  # the only pharmacy beside the hospital
    rows += prescriptions("D8", "H1", "Y9", 4)  # too few to say anything
    return run_rules(make_claims(claims=rows, institutions=PLACES), "2024-06-30", rules=["external_prescription_collusion"])


def test_the_pair_that_chance_does_not_explain(found):
    assert set(zip(found.entity_type, found.entity_id, strict=True)) == {("doctor", "D1"), ("pharmacy", "Y9")}
    assert len(found) == 60  # thirty prescriptions, spoken of against either side


def test_what_was_due_anyway_is_not_in_question(found):
    assert 0 < found[found.entity_type == "doctor"].amount_in_question.sum() < 30 * 100.0


def test_the_wording_names_the_expected_number(found):
    assert "36张外配处方中30张" in load_rules()["external_prescription_collusion"].text(found.facts.iloc[0])


def test_the_visits_that_the_prescriptions_come_from_are_proof_without_an_amount(make_claims):
    rows = []
    for doctor in ("D2", "D3", "D4", "D5"):
        for pharmacy, count in (("Y1", 15), ("Y2", 12), ("Y3", 12), ("Y9", 1)):
            rows += prescriptions(doctor, "H1", pharmacy, count)
    pair = prescriptions("D1", "H1", "Y9", 30)
    visits = [
        {
            "claim_id": f"VISIT{n}",
            "institution_id": "H1",
            "doctor_id": "D1",
            "patient_id": row["patient_id"],
            "started_on": row["started_on"],
        }
        for n, row in enumerate(pair[:4])
    ]
    found = run_rules(
        make_claims(claims=rows + pair + visits, institutions=PLACES), "2024-06-30", rules=["external_prescription_collusion"]
    )
    proof = found[found.amount_in_question == 0]
    assert set(proof.claim_id) == {f"VISIT{n}" for n in range(4)}
    assert set(proof.entity_id) == {"D1"}


def test_one_patient_who_comes_every_month_is_no_pair(make_claims):
    """Thirty prescriptions of two persons are two decisions where to buy."""
    rows = []
    for doctor in ("D2", "D3", "D4", "D5"):
        for pharmacy, count in (("Y1", 15), ("Y2", 12), ("Y3", 12), ("Y9", 1)):
            rows += prescriptions(doctor, "H1", pharmacy, count)
    rows += [row | {"patient_id": f"LOYAL{n % 2}"} for n, row in enumerate(prescriptions("D1", "H1", "Y9", 30))]
    assert run_rules(make_claims(claims=rows, institutions=PLACES), "2024-06-30", rules=["external_prescription_collusion"]).empty


def test_a_place_where_one_doctor_prescribes_is_known_by_its_other_purchases(make_claims):
    """No coordinates: that the village has one shop shows in where its people buy when nobody prescribes."""
    rows, people = [], []

    def purchases(pharmacy, region, count):
        for n in range(count):
            person = f"B{region}{pharmacy}{n}"
            people.append({"patient_id": person, "region": region})
            rows.append(
                {"patient_id": person, "visit_type": "pharmacy", "institution_id": pharmacy, "started_on": f"2024-05-{1 + n % 28:02}"}
            )

    def sent(doctor, hospital, pharmacy, region, count):
        rows.extend(prescriptions(doctor, hospital, pharmacy, count))
        people.extend({"patient_id": f"{doctor}{pharmacy}{n}", "region": region} for n in range(count))

    for doctor in ("D2", "D3"):
        for pharmacy in ("Y1", "Y2", "Y3"):
            sent(doctor, "H1", pharmacy, "R1", 15)
    sent("VILLAGE", "V8", "Y8", "R8", 40)  # the shop where the village buys anyhow
    purchases("Y8", "R8", 25)
    sent("PAID", "V9", "Y9", "R9", 40)  # HIT: the village buys at Y7
    purchases("Y7", "R9", 25)
    found = run_rules(make_claims(claims=rows, patients=people), "2024-06-30", rules=["external_prescription_collusion"])
    assert set(zip(found.entity_type, found.entity_id, strict=True)) == {("doctor", "PAID"), ("pharmacy", "Y9")}
