"""Lists of a small town against a slow and obvious pandas version."""

from __future__ import annotations

import hashlib

import pandas as pd
import pytest

from fraudml.audit import run_programme

PERIODS = {"2023-06..2023-12": ("2023-06-01", "2023-12-31"), "2024-01..2024-06": ("2024-01-01", "2024-06-30")}
AS_OF = "2024-06-30"
DRUGS = ("western_drug", "chinese_patent_drug", "herbal")


@pytest.fixture
def town(random_rows, make_claims):
    rows = random_rows(seed=3, count=500)
    return rows, make_claims(**rows)


def settled(rows):
    """Settlements up to the day after refunds, one row each, with drug amounts and the period."""
    frame = pd.DataFrame(rows["claims"])
    frame["is_refund"] = frame.get("is_refund", False)
    frame["is_refund"] = frame["is_refund"].fillna(False).astype(bool)
    frame = frame[pd.to_datetime(frame["settled_at"]).dt.date.astype(str) <= AS_OF]
    back = frame[frame["is_refund"]].groupby("refund_of")["total_amount"].sum()
    own = frame[~frame["is_refund"]].copy()
    own["left"] = own["total_amount"] + own["claim_id"].map(back).fillna(0)
    own = own[own["left"] > 0.005]
    own["period"] = None
    for name, (first, last) in PERIODS.items():
        own.loc[(own["started_on"] >= first) & (own["started_on"] <= last), "period"] = name
    return own[own["period"].notna()], set(back.index)


def test_a02_and_a03_equal_the_slow_version(town):
    rows, claims = town
    changes = {"outpatient_visits": {"size": 7}, "account_purchases": {"size": 4}}
    result = run_programme(claims, "yixing_outpatient", AS_OF, periods=list(PERIODS), changes=changes)
    own, _ = settled(rows)
    for name, kinds, size in (("outpatient_visits", ("outpatient", "chronic"), 7), ("account_purchases", ("pharmacy",), 4)):
        listed = result.lists[name].rows
        for (period, kind), frame in own[own["visit_type"].isin(kinds)].groupby(["period", "insurance_type"]):
            counts = frame.groupby("patient_id").size().sort_values(ascending=False)
            cut = counts.iloc[min(size, len(counts)) - 1]
            found = listed[(listed["period"] == period) & (listed["insurance_type"] == kind)].set_index("entity_id")["value"]
            assert found.to_dict() == counts[counts >= cut].astype(float).to_dict(), (name, period, kind)


def test_a05_drug_cost_equals_the_slow_version_where_nothing_was_refunded(town):
    rows, claims = town
    result = run_programme(claims, "yixing_outpatient", AS_OF, periods=list(PERIODS))
    own, touched = settled(rows)
    items = pd.DataFrame(rows["items"])
    items["amount"] = (items["quantity"] * items["unit_price"]).round(2)
    cost = items[items["charge_type"].isin(DRUGS)].groupby("claim_id")["amount"].sum()
    own = own[own["visit_type"] == "outpatient"].assign(drugs=lambda frame: frame["claim_id"].map(cost).fillna(0))
    spoiled = set(own.loc[own["claim_id"].isin(touched), "patient_id"])
    expected = own.groupby(["period", "insurance_type", "patient_id"])["drugs"].sum()
    listed = result.lists["outpatient_drug_cost"].rows.set_index(["period", "insurance_type", "entity_id"])["value"]
    for key, value in expected.items():
        if key[2] not in spoiled and value > 0:
            assert listed[key] == pytest.approx(value, abs=0.01)


def test_a10_the_draw_follows_from_the_protocol_alone(town):
    rows, claims = town
    result = run_programme(claims, "yixing_outpatient", AS_OF, periods=list(PERIODS), seed=11, changes={"first_review": {"size": 9}})
    own, _ = settled(rows)
    own = own[~own["is_manual"].fillna(False).astype(bool)]
    listed = result.lists["first_review"].rows
    for period, frame in own.groupby("period"):
        keys = {one: hashlib.sha256(f"11|first_review|{period}|{one}".encode()).hexdigest() for one in frame["claim_id"]}
        assert listed.loc[listed["period"] == period, "entity_id"].tolist() == sorted(keys, key=keys.get)[:9]


def test_a07_main_suppliers_equal_the_slow_version(town):
    rows, claims = town
    result = run_programme(claims, "yixing_outpatient", AS_OF, periods=list(PERIODS))
    own, _ = settled(rows)
    listed = pd.concat([result.lists[name].rows for name in result.lists["main_suppliers"].entry["lists"]])
    persons = set(zip(listed["entity_id"], listed["period"], strict=True))
    expected = set()
    for (person, period), frame in own[own["visit_type"] != "inpatient"].groupby(["patient_id", "period"]):
        if (person, period) in persons:
            counts = frame.groupby("institution_id").size()
            expected |= {(person, period, place) for place, n in counts.items() if counts[counts > n].sum() <= 0.5 * counts.sum()}
    links = result.lists["main_suppliers"].pictures["links"]
    links = links[links["main_visits"]]
    assert set(zip(links["patient_id"], links["period"], links["institution_id"], strict=True)) == expected
