"""R12 超限定: an item paid outside its restriction of diagnosis, sex, age, level, department or count."""

import pytest

from fraudml.rules import load_rules, run_rules


def test_each_restriction_and_what_meets_it(make_claims, questioned):
    bills = {  # claim: (item, diagnosis, more about the claim, more about the line)
        "NO_DIABETES": ("SEMA", "E66.9", {}, {}),
        "DIABETES": ("SEMA", "E11.9", {}, {}),
        "SECONDARY": ("SEMA", "I10", {}, {}),
        "REGISTERED": ("SEMA", "I10", {}, {}),
        "SELF_PAID": ("SEMA", "E66.9", {}, {"in_scope_amount": 0.0}),
        "NOTHING_CODED": ("SEMA", None, {}, {}),
        "REFUNDED": ("SEMA", "E66.9", {}, {}),
        "WOMAN_PROSTATE": ("PSA", "N40", {}, {}),
        "CHILD_ONLY": ("PAED", "J20", {}, {}),
        "MOTHER": ("PAED", "Z37", {"patient_id": "MUM"}, {}),
        "TOO_SMALL": ("BIG", "I10", {"institution_id": "H0"}, {}),
        "BIG_ENOUGH": ("BIG", "I10", {}, {}),
        "WRONG_WARD": ("EYE", "H25", {}, {"department": "A03"}),
        "RIGHT_WARD": ("EYE", "H25", {}, {"department": "A10.02"}),
    }
    claims = make_claims(
        claims=[{"claim_id": name, "patient_id": f"P_{name}"} | more for name, (_, _, more, _) in bills.items()]
        + [{"claim_id": "BACK", "patient_id": "P_REFUNDED", "total_amount": -100.0, "is_refund": True, "refund_of": "REFUNDED"}],
        items=[
            {"claim_id": name, "line_id": name, "item_code": item, "unit_price": 80.0} | more for name, (item, _, _, more) in bills.items()
        ],
        diagnoses=[{"claim_id": name, "diagnosis": code, "is_main": True} for name, (_, code, _, _) in bills.items() if code]
        + [{"claim_id": "SECONDARY", "diagnosis": "E11.2", "is_main": False}],
        patients=[{"patient_id": "BABY", "birth_date": "2024-05-30", "mother_id": "MUM"}],
        institutions=[{"institution_id": "H0", "level": 1}],
        registered_diseases=[{"patient_id": "P_REGISTERED", "registered_disease": "DM", "started_on": "2020-01-01"}],
        registrable_diseases=[{"registered_disease": "DM", "icd_prefixes": ["E11"]}],
        catalogue=[
            {"item_code": "SEMA", "restricted_diagnoses": ["E11"]},
            {"item_code": "PSA", "sex_limit": "male"},
            {"item_code": "PAED", "age_min": 0.0, "age_max": 13.0},
            {"item_code": "BIG", "level_min": 2},
            {"item_code": "EYE", "departments": ["A10"]},
        ],
    )
    assert set(questioned(claims, "restricted_item_misuse")) == {"NO_DIABETES", "WOMAN_PROSTATE", "CHILD_ONLY", "TOO_SMALL", "WRONG_WARD"}


def test_counts_in_their_period(make_claims, questioned):
    days = {"ONE": "2024-03-01", "TWO": "2024-03-20", "THREE": "2024-03-30", "LATER": "2024-04-19"}
    claims = make_claims(
        claims=[{"claim_id": name, "started_on": day} for name, day in days.items()],
        items=[{"claim_id": name, "item_code": "MASSAGE", "unit_price": 60.0} for name in days],
        catalogue=[{"item_code": "MASSAGE", "max_count": 2.0, "count_period_days": 30}],
    )
    assert questioned(claims, "restricted_item_misuse") == {"THREE": 60.0}


def test_counts_per_day_question_the_excess(make_claims, questioned):
    claims = make_claims(
        claims=[{"claim_id": "A"}, {"claim_id": "B", "patient_id": "P2"}],
        items=[{"claim_id": "A", "item_code": "NEB", "quantity": 5.0}, {"claim_id": "B", "item_code": "NEB", "quantity": 3.0}],
        catalogue=[{"item_code": "NEB", "max_count_per_day": 3.0}],
    )
    assert questioned(claims, "restricted_item_misuse") == {"A": 20.0}


def test_the_birthday_is_the_boundary(make_claims, questioned):
    claims = make_claims(
        claims=[{"claim_id": "DAY_BEFORE", "started_on": "2024-05-04"}, {"claim_id": "BIRTHDAY", "started_on": "2024-05-05"}],
        items=[{"claim_id": name, "item_code": "SCREEN"} for name in ("DAY_BEFORE", "BIRTHDAY")],
        catalogue=[{"item_code": "SCREEN", "age_min": 54.0}],
    )
    assert set(questioned(claims, "restricted_item_misuse")) == {"DAY_BEFORE"}


@pytest.mark.parametrize(("limits", "said"), [((0.0, 0.0), "0"), ((None, 13.0), "0–13"), ((60.0, None), "≥60"), ((18.0, 28.0), "18–28")])
def test_ages_are_said_as_people_say_them(make_claims, limits, said):
    claims = make_claims(
        claims=[{"claim_id": "A"}],
        items=[{"claim_id": "A", "item_code": "X"}],
        patients=[{"patient_id": "P1", "birth_date": "1970-01-01"}],
        catalogue=[{"item_code": "X", "name": "某项目", "age_min": limits[0], "age_max": limits[1]}],
    )
    found = run_rules(claims, "2024-06-30", rules=["restricted_item_misuse"])
    assert f"“某项目”限{said}岁使用,患者54岁" in load_rules()["restricted_item_misuse"].text(found.facts.iloc[0], "zh")


def test_a_limit_of_a_day_holds_for_each_side_and_each_stay(make_claims, questioned):
    claims = make_claims(
        claims=[{"claim_id": name, "patient_id": "BOTH_EYES"} for name in ("BOTH", "THRICE")]
        + [
            {"claim_id": "FIRST", "patient_id": "MOVED", "visit_type": "inpatient", "started_on": "2024-05-01", "ended_on": "2024-05-03"},
            {"claim_id": "SECOND", "patient_id": "MOVED", "visit_type": "inpatient", "started_on": "2024-05-03", "ended_on": "2024-05-06"},
        ],
        items=[
            {"claim_id": "BOTH", "line_id": side, "item_code": "CATARACT", "body_site": side, "occurred_at": "2024-06-03 10:00:00"}
            for side in ("left", "right")
        ]
        + [
            {
                "claim_id": "THRICE",
                "line_id": f"T{n}",
                "item_code": "CATARACT",
                "body_site": "left",
                "occurred_at": f"2024-06-04 1{n}:00:00",
            }
            for n in range(3)
        ]
        + [{"claim_id": stay, "line_id": stay, "item_code": "BED", "occurred_at": "2024-05-03 08:00:00"} for stay in ("FIRST", "SECOND")],
        catalogue=[{"item_code": "CATARACT", "max_count_per_day": 1.0}, {"item_code": "BED", "max_count_per_day": 1.0}],
    )
    assert set(questioned(claims, "restricted_item_misuse")) == {"THRICE"}


def test_what_is_for_infants_stands_on_the_bill_of_the_birth(make_claims, questioned):
    """The child of the first days has no number of its own: nobody in the table of persons names this mother."""
    bills = {"BIRTH": ("O80.9", "W1"), "SECTION": ("O82.9", "W2"), "WOMAN": ("J18.9", "W3"), "MAN": ("O80.9", "M1")}
    claims = make_claims(
        claims=[{"claim_id": name, "patient_id": person} for name, (_, person) in bills.items()],
        items=[{"claim_id": name, "item_code": "CRIB", "unit_price": 40.0} for name in bills],
        diagnoses=[{"claim_id": name, "diagnosis": code, "is_main": True} for name, (code, _) in bills.items()],
        patients=[{"patient_id": f"W{n}", "birth_date": "1995-01-01", "sex": "female"} for n in (1, 2, 3)]
        + [{"patient_id": "M1", "birth_date": "1995-01-01", "sex": "male"}],
        catalogue=[{"item_code": "CRIB", "age_max": 0.0, "list_type": "service"}],
    )
    assert set(questioned(claims, "restricted_item_misuse")) == {"WOMAN", "MAN"}


def test_a_stay_written_into_one_line_is_held_against_its_days(make_claims, questioned):
    stay = {"visit_type": "inpatient", "started_on": "2024-06-03", "ended_on": "2024-06-10"}
    lines = [("ONE_LINE", 7.0), ("TOO_MANY", 12.0), ("TWICE", 1.0), ("TWICE", 1.0)]  # TWICE: two lines of one day are one too many
    claims = make_claims(
        claims=[{"claim_id": name, "patient_id": name} | stay for name in ("ONE_LINE", "TOO_MANY", "TWICE")]
        + [{"claim_id": "VISIT", "patient_id": "VISIT"}],
        items=[
            {"claim_id": name, "item_code": "BED", "quantity": count, "unit_price": 10.0, "occurred_at": "2024-06-03 09:00:00"}
            for name, count in [*lines, ("VISIT", 7.0)]
        ],
        catalogue=[{"item_code": "BED", "max_count_per_day": 1.0}],
    )
    assert questioned(claims, "restricted_item_misuse") == {"TOO_MANY": 110.0, "TWICE": 10.0, "VISIT": 60.0}
