"""Behaviour vectors of a few readable rows."""

from __future__ import annotations

import logging

import pandas as pd
import pytest

from fraudml.contracts import ENTITY_TYPES
from fraudml.errors import FraudmlError
from fraudml.vectors import behaviour, load_catalogue

AS_OF = "2024-06-30"


def test_r17_purchases_at_one_pharmacy(make_claims):
    claims = make_claims(
        claims=[{"visit_type": "pharmacy", "institution_id": "Y1", "started_on": f"2024-06-{day:02}"} for day in range(1, 31)]
        + [{"visit_type": "pharmacy", "institution_id": "Y2", "started_on": "2024-05-31"}, {"started_on": "2023-06-30"}]
    )
    patient = behaviour("patient", claims, AS_OF).loc["P1"]
    assert patient.purchase_count_1m == 30
    assert patient.pharmacy_top_count_1m == 30
    assert (patient.pharmacy_count_1m, patient.pharmacy_count_3m) == (1, 2)
    assert patient.claim_count_12m == 31  # the claim of a year ago and a day is out
    assert patient.new_pharmacy_share_1m == 1.0


def test_who_a_row_belongs_to(make_claims):
    claims = make_claims(
        claims=[
            {"institution_id": "H1", "doctor_id": "D1"},
            {"institution_id": "Y1", "visit_type": "pharmacy", "prescribing_doctor_id": "D3", "prescribing_institution_id": "H1"},
            {"institution_id": "FAR", "is_manual": True, "doctor_id": None},
        ],
        items=[{"claim_id": "C1", "item_code": "I1", "doctor_id": "D2"}, {"claim_id": "C2", "item_code": "I1", "pharmacist_id": "F1"}],
        institutions=[{"institution_id": "FAR", "kind": None}],
    )
    assert list(behaviour("institution", claims, AS_OF).index) == ["H1"]
    assert list(behaviour("pharmacy", claims, AS_OF).index) == ["Y1"]
    doctors = behaviour("doctor", claims, AS_OF)
    assert list(doctors.index) == ["D1", "D2", "D3"]  # responsible, ordering, prescribing for a pharmacy
    assert doctors.loc["D2", "claim_count_12m"] == 0
    assert doctors.loc["D3", "prescription_count_12m"] == 1
    assert behaviour("patient", claims, AS_OF).loc["P1", "claim_count_12m"] == 3
    assert len(behaviour("claim", claims, AS_OF)) == 3


def test_r02_r01_stays(make_claims):
    stay = {"visit_type": "inpatient"}
    claims = make_claims(
        claims=[
            stay | {"started_on": "2024-05-01", "ended_on": "2024-05-10"},
            stay | {"started_on": "2024-05-13", "ended_on": "2024-05-20"},
            # one visit settled in two parts is one stay
            stay | {"started_on": "2024-06-01", "ended_on": "2024-06-10", "visit_id": "V9", "institution_id": "H2"},
            stay | {"started_on": "2024-06-10", "ended_on": "2024-06-12", "visit_id": "V9", "institution_id": "H2"},
            {"started_on": "2024-05-05", "institution_id": "Y1", "visit_type": "pharmacy"},
            {"started_on": "2024-05-10", "institution_id": "Y1", "visit_type": "pharmacy"},  # on the day of discharge
        ],
        items=[
            {"claim_id": "C1", "item_code": "bed", "charge_type": "bed"},
            {"claim_id": "C1", "item_code": "drip", "charge_type": "treatment"},
        ],
    )
    patient = behaviour("patient", claims, AS_OF).loc["P1"]
    assert patient.stay_count_12m == 3
    assert patient.return_gap_min_12m == 3
    assert patient.outside_claim_count_12m == 1
    first = behaviour("claim", claims, AS_OF).loc["C1"]
    assert (first.nights, first.care_gap, first.outside_claims) == (9, 8, 1)
    assert behaviour("institution", claims, AS_OF).loc["H2", "nights_mean_12m"] == 11


def test_r02_r01_what_lies_between_stays_and_parts_of_a_bill(make_claims):
    stay = {"visit_type": "inpatient"}
    claims = make_claims(
        claims=[
            stay | {"started_on": "2024-03-01", "ended_on": "2024-03-10", "visit_id": "V1", "drg_weight": 1.0},
            # a stay elsewhere in between does not undo the discharge from H1 on 10 March
            stay | {"started_on": "2024-03-11", "ended_on": "2024-03-14", "institution_id": "H2"},
            stay | {"started_on": "2024-03-15", "ended_on": "2024-03-20"},
            # a supplement of the first bill is no visit beside it; a second bill of all its days is not nine more nights
            stay | {"started_on": "2024-03-05", "ended_on": "2024-03-05", "visit_id": "V1"},
            stay | {"started_on": "2024-03-01", "ended_on": "2024-03-10", "visit_id": "V1"},
            # a long stay holds two short ones: the second overlaps it, although the one before it ended
            stay | {"started_on": "2024-04-01", "ended_on": "2024-05-30", "patient_id": "P2", "institution_id": "H3"},
            stay | {"started_on": "2024-04-03", "ended_on": "2024-04-05", "patient_id": "P2", "institution_id": "H2"},
            stay | {"started_on": "2024-04-10", "ended_on": "2024-04-12", "patient_id": "P2", "institution_id": "H2"},
        ]
    )
    patients = behaviour("patient", claims, AS_OF)
    assert patients.loc["P1", ["return_gap_min_12m", "outside_claim_count_12m"]].tolist() == [5, 0]
    assert patients.loc["P2", "overlapping_stay_count_12m"] == 2
    houses = behaviour("institution", claims, AS_OF)
    assert houses.loc["H1", "patient_nights_max_12m"] == 9 + 5
    # of all stays, the first ones too
    assert houses.loc["H2", "overlapping_stay_share_12m"] == pytest.approx(2 / 3)


def test_r01_days_of_a_stay_without_care_are_nights(make_claims):
    stay = {"visit_type": "inpatient", "started_on": "2024-05-01", "ended_on": "2024-05-04"}
    drip = {"item_code": "drip", "charge_type": "treatment"}
    days = [f"2024-05-0{day} 09:00:00" for day in range(1, 5)]
    claims = make_claims(
        claims=[stay | {"patient_id": f"P{number}"} for number in range(4)],
        items=[
            *({"claim_id": "C1", "occurred_at": day} | drip for day in days),  # on the day of discharge too: that is no night
            {"claim_id": "C2", "occurred_at": days[0]} | drip,
            # C3 has no lines, C4 lines of no day: what was done when is not known, and not held against the house
            {"claim_id": "C4", "occurred_at": None} | drip,
        ],
    )
    assert behaviour("claim", claims, AS_OF).care_gap.tolist()[:2] == [0, 2]
    assert behaviour("claim", claims, AS_OF).care_gap.isna().tolist() == [False, False, True, True]
    assert behaviour("institution", claims, AS_OF).loc["H1", "idle_night_share_12m"] == pytest.approx(2 / 6)


def test_days_without_times_have_no_minutes_between_them(make_claims):
    """Dates alone made every two settlements of a day nought minutes apart, and every doctor settle in batches."""
    day = {"started_on": "2024-05-02", "settled_at": "2024-05-02 00:00:00"}
    dated = make_claims(claims=[day, day, day])
    assert not {"rapid_share_12m", "gap_minutes_median_12m"} & set(behaviour("doctor", dated, AS_OF))
    assert "gap_minutes_min_12m" not in behaviour("patient", dated, AS_OF)
    assert "is_night" not in behaviour("claim", dated, AS_OF)
    timed = make_claims(claims=[day, day, *(day | {"settled_at": f"2024-05-02 10:0{minute}:00"} for minute in (0, 1, 5))])
    assert behaviour("doctor", timed, AS_OF).loc["D1", ["rapid_share_12m", "gap_minutes_median_12m"]].tolist() == [0.5, 2.5]
    assert behaviour("claim", timed, AS_OF).is_night.isna().tolist() == [True, True, False, False, False]


def test_refunds_are_netted_and_given_back_claims_are_gone(make_claims):
    claims = make_claims(
        claims=[
            {"total_amount": 100.0},
            {"total_amount": 80.0},
            {"is_refund": True, "refund_of": "C1", "total_amount": -100.0, "settled_at": "2024-06-20 10:00:00"},
            {"is_refund": True, "refund_of": "C2", "total_amount": -30.0, "settled_at": "2024-07-02 10:00:00"},
        ]
    )
    patient = behaviour("patient", claims, AS_OF).loc["P1"]
    assert (patient.claim_count_12m, patient.total_amount_12m) == (1, 80.0)
    assert behaviour("patient", claims, "2024-07-31").loc["P1", "total_amount_12m"] == 50.0


def test_what_a_source_lacks_is_left_out_and_named_once(make_claims, caplog, monkeypatch):
    monkeypatch.setattr("fraudml.vectors.computed._announced", set())
    claims = make_claims(claims=[{"drg_code": None}])
    with caplog.at_level(logging.INFO, "fraudml"):
        first = behaviour("institution", claims, AS_OF)
        behaviour("institution", claims, AS_OF)
    assert "item_divergence_3m" not in first  # no items
    assert "distance_mean_12m" not in first  # no coordinates
    assert "claim_count_12m" in first
    assert sum("item_divergence" in record.message for record in caplog.records) == 1


def test_midnight_is_no_time_of_day(make_claims):
    claims = make_claims(claims=[{"settled_at": "2024-06-03 00:00:00"}, {"settled_at": "2024-06-04 00:00:00"}])
    assert "night_share_12m" not in behaviour("patient", claims, AS_OF)


@pytest.mark.parametrize("entity", ENTITY_TYPES)
def test_nothing_to_see_gives_an_empty_frame(make_claims, entity):
    empty = behaviour(entity, make_claims(claims=[{}]), "2023-06-30")
    assert len(empty) == 0
    assert empty.index.name == "entity_id"


def test_columns_attributes_first_then_features(make_claims):
    claims = make_claims(claims=[{}, {"patient_id": "P2", "insurance_type": None}])
    vectors = behaviour("patient", claims, AS_OF)
    assert list(vectors.columns[:2]) == ["insurance_type", "age_band"]
    assert vectors.loc["P2", "insurance_type"] == "unknown"
    assert isinstance(vectors.insurance_type.dtype, pd.CategoricalDtype)
    assert (vectors.iloc[:, 2:].dtypes == "float64").all()
    chosen = behaviour("patient", claims, AS_OF, features=["claim_change", "stay_count_3m"])
    assert set(chosen.columns) == {"insurance_type", "age_band", "claim_change", "stay_count_3m"}
    pd.testing.assert_series_equal(chosen.claim_change, vectors.claim_change)


def test_wrong_questions_fail_with_a_remedy(make_claims):
    claims = make_claims(claims=[{}])
    with pytest.raises(FraudmlError, match=r"features\.unknown.*no_such"):
        behaviour("patient", claims, AS_OF, features=["no_such"])
    with claims.at("2024-05-31") as snapshot, pytest.raises(FraudmlError, match=r"features\.as_of"):
        behaviour("patient", snapshot, AS_OF)


def test_r07_cap_of_the_catalogue_at_day_and_level(make_claims):
    entry = {"item_code": "I1", "price_cap": 10.0, "started_on": "2020-01-01"}
    claims = make_claims(
        claims=[{"started_on": "2024-06-03"}, {"started_on": "2024-06-20"}, {"started_on": "2024-06-20", "institution_id": "H3"}],
        items=[{"claim_id": f"C{number}", "item_code": "I1", "unit_price": 15.0} for number in (1, 2, 3)],
        institutions=[{"institution_id": "H3", "level": 3}],
        # dearer from mid-June, and for level 3 at all times; validities overlap
        catalogue=[entry, entry | {"price_cap": 15.0, "started_on": "2024-06-10"}, entry | {"price_cap": 20.0, "cap_level": 3}],
    )
    vectors = behaviour("claim", claims, AS_OF)
    assert vectors.price_ratio_max.to_dict() == {"C1": 1.5, "C2": 1.0, "C3": 0.75}
    assert vectors.item_count.to_dict() == {"C1": 1, "C2": 1, "C3": 1}
    assert vectors.over_cap_share.to_dict() == {"C1": 0.05, "C2": 0.0, "C3": 0.0}


def test_a_feature_added_in_yaml_alone_is_computed(make_claims, tmp_path):
    (tmp_path / "own" / "features").mkdir(parents=True)
    (tmp_path / "own" / "features" / "patient.yaml").write_text(
        """\
features:
  dear_count:
    sql: count(*) filter (where total_amount > 150)
    windows: [3]
    unit: claims
    direction: high
    zh: "{window}{value}次超过150元"
    en: "{value} above CNY 150 in {window}"
    serves: [R28]
    benign: {zh: 重病, en: severe disease}
""",
        encoding="utf-8",
    )
    claims = make_claims(claims=[{"total_amount": 200.0}, {"total_amount": 100.0}])
    vectors = behaviour("patient", claims, AS_OF, catalogue=load_catalogue("patient", tmp_path / "own"))
    assert vectors.loc["P1", "dear_count_3m"] == 1


@pytest.mark.parametrize("amounts", [(0.1, 0.2, 0.7), (0.7, 0.2, 0.1)])  # the one adds up to 1, the other to a bit less
def test_a_share_that_ends_in_a_five_does_not_hang_on_the_order_of_rows(make_claims, amounts):
    lines = [{"claim_id": "C1", "item_code": f"I{n}", "charge_type": "western_drug", "amount": each} for n, each in enumerate(amounts)]
    claims = make_claims(claims=[{"total_amount": 512.0}], items=lines)
    assert behaviour("patient", claims, AS_OF, "drug_share_12m").loc["P1", "drug_share_12m"] == 0.00195313  # 1/512 = 0.001953125
