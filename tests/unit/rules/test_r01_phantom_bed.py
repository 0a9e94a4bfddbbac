"""R01 挂床住院: days in hospital without care, outpatient or pharmacy claims inside a stay, more patients than beds."""

from fraudml.rules import run_rules

STAY = {"visit_type": "inpatient", "started_on": "2024-06-03", "ended_on": "2024-06-10", "total_amount": 2000.0}


def days(claim, charge_type, dates, code="X"):
    return [
        {"claim_id": claim, "charge_type": charge_type, "item_code": code, "occurred_at": f"2024-06-{day:02d} 09:00:00"} for day in dates
    ]


def test_stays_without_care_are_found_and_leave_of_a_day_is_not(make_claims, questioned):
    claims = make_claims(
        claims=[
            STAY | {"claim_id": "BED_ONLY", "patient_id": "P1"},
            STAY | {"claim_id": "CARED", "patient_id": "P2"},
            STAY | {"claim_id": "LEAVE", "patient_id": "P3"},  # away on 6 June
            STAY | {"claim_id": "NURSED", "patient_id": "P4"},  # nursing of all days in one line
            STAY | {"claim_id": "REFUNDED", "patient_id": "P5"},
            {
                "claim_id": "BACK",
                "patient_id": "P5",
                "started_on": "2024-06-12",
                "total_amount": -2000.0,
                "is_refund": True,
                "refund_of": "REFUNDED",
            },
            STAY | {"claim_id": "NO_ITEMS", "patient_id": "P6"},
        ],
        items=[
            *[line for name in ("BED_ONLY", "CARED", "LEAVE", "NURSED", "REFUNDED") for line in days(name, "bed", range(3, 10), "BED")],
            *[line for name in ("BED_ONLY", "REFUNDED") for line in days(name, "western_drug", [3])],
            *days("CARED", "nursing", range(3, 11)),
            *days("LEAVE", "treatment", [3, 4, 5, 7, 8, 9]),
            days("NURSED", "nursing", [10])[0] | {"quantity": 7.0},
        ],
    )
    assert questioned(claims, "phantom_bed") == {"BED_ONLY": 2000.0}


def test_visits_elsewhere_inside_the_stay_but_not_on_its_first_and_last_day(make_claims, questioned):
    stays = [STAY | {"claim_id": f"S{n}", "patient_id": f"P{n}"} for n in range(1, 6)]
    claims = make_claims(
        claims=[
            *stays,
            {"claim_id": "PHARMACY", "patient_id": "P1", "institution_id": "Y1", "visit_type": "pharmacy", "started_on": "2024-06-06"},
            {"claim_id": "ADMISSION_DAY", "patient_id": "P2", "institution_id": "Y1", "visit_type": "pharmacy", "started_on": "2024-06-03"},
            {"claim_id": "DISCHARGE_DAY", "patient_id": "P3", "institution_id": "Y1", "visit_type": "pharmacy", "started_on": "2024-06-10"},
            {"claim_id": "CLINIC", "patient_id": "P4", "institution_id": "H2", "started_on": "2024-06-04"},
            {"claim_id": "MANUAL", "patient_id": "P5", "institution_id": "H2", "started_on": "2024-06-04", "is_manual": True},
        ]
    )
    # the claims inside the stay prove it; in question is the stay
    assert questioned(claims, "phantom_bed") == {"S1": 2000.0, "PHARMACY": 0.0, "S4": 2000.0, "CLINIC": 0.0}


def test_more_patients_than_beds_speaks_against_the_house(make_claims):
    stays = [STAY | {"claim_id": f"S{n}", "patient_id": f"P{n}"} for n in range(4)]
    claims = make_claims(claims=stays, institutions=[{"institution_id": "H1", "beds": 3}])
    found = run_rules(claims, "2024-06-30", rules=["phantom_bed"])
    assert set(found.entity_id) == {"H1"}
    assert found.claim_id.isna().sum() == 1  # the house, once
    # who lay there proves it; none of them is the one too many
    lodged = found[found.claim_id.notna()]
    assert sorted(lodged.claim_id) == ["S0", "S1", "S2", "S3"]
    assert (found.amount_in_question == 0).all()
    enough = make_claims(claims=stays, institutions=[{"institution_id": "H1", "beds": 4}])
    assert run_rules(enough, "2024-06-30", rules=["phantom_bed"]).empty


def test_hours_of_oxygen_are_no_days_of_care(make_claims, questioned):
    """R01 "days without treatment or nursing": where the bed is booked day by day, eight hours of oxygen document one day."""
    stays = [STAY | {"claim_id": name, "patient_id": name, "ended_on": "2024-06-09"} for name in ("IDLE", "CARED", "ONE_LINE")]
    days = [f"2024-06-{n:02d}" for n in range(1, 9)]
    bed = {"charge_type": "bed", "item_code": "BED", "unit_price": 40.0}
    care = {"charge_type": "nursing", "item_code": "CARE", "unit_price": 20.0}
    oxygen = {"charge_type": "treatment", "item_code": "OXYGEN", "unit_price": 3.0, "quantity": 8.0}
    items = [
        *(bed | {"claim_id": name, "occurred_at": f"{day} 08:00:00"} for name in ("IDLE", "CARED") for day in days),
        *(care | {"claim_id": "CARED", "occurred_at": f"{day} 08:00:00"} for day in days),
        care | {"claim_id": "IDLE", "occurred_at": f"{days[0]} 08:00:00"},
        *(oxygen | {"claim_id": name, "occurred_at": f"{days[0]} 08:00:00"} for name in ("IDLE", "CARED")),
        bed | {"claim_id": "ONE_LINE", "quantity": 8.0, "occurred_at": f"{days[0]} 08:00:00"},
        oxygen | {"claim_id": "ONE_LINE", "occurred_at": f"{days[0]} 08:00:00"},
    ]
    assert set(questioned(make_claims(claims=stays, items=items), "phantom_bed")) == {"IDLE"}
