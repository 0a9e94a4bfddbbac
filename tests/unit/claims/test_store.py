"""Snapshots: refunds netted, time, order of rows; days and folders as callers give them."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from fraudml.claims import open_claims, write_claims
from fraudml.claims.store import day
from fraudml.errors import FraudmlError


def items_of(claims, as_of="2024-07-31"):
    with claims.at(as_of) as snapshot:
        return snapshot.query("select line_id, quantity, amount from items order by line_id").set_index("line_id")


def test_a_whole_refund_takes_claim_and_lines_away_from_its_day_on(make_claims):
    claims = make_claims(
        claims=[{}, {"claim_id": "B", "is_refund": True, "refund_of": "C1", "total_amount": -100.0, "settled_at": "2024-07-02 09:00:00"}],
        items=[{}, {"claim_id": "B", "quantity": -1.0}],
    )
    with claims.at("2024-06-30") as june, claims.at("2024-07-31") as july:
        assert len(june.query("select * from claims")) == 1
        assert len(june.query("select * from items")) == 1
        assert july.query("select * from claims").empty
        assert july.query("select * from items").empty
        assert len(july.query("select * from settlements")) == 2


def test_a_partial_refund_takes_the_line_of_its_own_price(make_claims):
    claims = make_claims(
        claims=[
            {"total_amount": 30.0},
            {"claim_id": "B", "is_refund": True, "refund_of": "C1", "total_amount": -10.0},
        ],
        items=[
            {"line_id": "cheap", "item_code": "X", "unit_price": 10.0},
            {"line_id": "dear", "item_code": "X", "unit_price": 20.0},
            {"line_id": "back", "item_code": "X", "claim_id": "B", "unit_price": 10.0, "quantity": -1.0},
        ],
    )
    assert items_of(claims)["amount"].to_dict() == {"dear": 20.0}
    with claims.at("2024-07-31") as snapshot:
        assert snapshot.query("select total_amount, refunded_amount from claims").iloc[0].to_list() == [20.0, 10.0]


def test_a_partial_refund_of_part_of_a_line(make_claims):
    claims = make_claims(
        claims=[{"total_amount": 100.0}, {"claim_id": "B", "is_refund": True, "refund_of": "C1", "total_amount": -30.0}],
        items=[
            {"line_id": "a", "item_code": "X", "quantity": 10.0},
            {"line_id": "back", "item_code": "X", "claim_id": "B", "quantity": -3.0},
        ],
    )
    assert items_of(claims).loc["a"].to_list() == [7.0, 70.0]


@pytest.mark.parametrize("lacking", ["line", "refund"])
def test_lines_without_quantity_are_netted_by_amount(make_claims, lacking):
    nothing = {"quantity": None, "unit_price": None}
    claims = make_claims(
        claims=[{"total_amount": 100.0}, {"claim_id": "B", "is_refund": True, "refund_of": "C1", "total_amount": -30.0}],
        items=[
            {"line_id": "a", "item_code": "X", "amount": 100.0} | (nothing if lacking == "line" else {"quantity": 10.0}),
            {"line_id": "other", "item_code": "Z", "amount": 5.0} | nothing,
            {"line_id": "back", "item_code": "X", "claim_id": "B", "amount": -30.0}
            | (nothing if lacking == "refund" else {"quantity": -3.0}),
        ],
    )
    assert items_of(claims)["amount"].to_dict() == {"a": 70.0, "other": 5.0}


def test_several_refunds_of_one_claim_add_up(make_claims):
    claims = make_claims(
        claims=[
            {"total_amount": 100.0},
            {"claim_id": "B1", "is_refund": True, "refund_of": "C1", "total_amount": -30.0},
            {"claim_id": "B2", "is_refund": True, "refund_of": "C1", "total_amount": -70.0, "settled_at": "2024-07-10 08:00:00"},
        ],
    )
    with claims.at("2024-06-30") as june, claims.at("2024-07-31") as july:
        assert june.query("select total_amount from claims").total_amount.to_list() == [70.0]
        assert july.query("select * from claims").empty


def test_lines_and_amounts_agree_after_refunds(make_claims):
    """What the lines lose is what the settlement loses, whatever the mix of lines."""
    claims = make_claims(
        claims=[{"total_amount": 86.0}, {"claim_id": "B", "is_refund": True, "refund_of": "C1", "total_amount": -31.0}],
        items=[
            {"line_id": "a", "item_code": "X", "quantity": 4.0, "unit_price": 9.0},
            {"line_id": "b", "item_code": "X", "quantity": 2.0, "unit_price": 10.0, "occurred_at": "2024-06-04 08:00:00"},
            {"line_id": "c", "item_code": "Y", "quantity": 3.0, "unit_price": 10.0},
            {"line_id": "r1", "claim_id": "B", "item_code": "X", "quantity": -1.0, "unit_price": 9.0},
            {"line_id": "r2", "claim_id": "B", "item_code": "Y", "quantity": -2.2, "unit_price": 10.0},
        ],
    )
    with claims.at("2024-07-31") as snapshot:
        assert snapshot.query("select sum(amount) as s from items").s[0] == pytest.approx(55.0)
        assert snapshot.query("select total_amount as s from claims").s[0] == pytest.approx(55.0)


PAST = {
    "claims": [{"claim_id": "A"}, {"claim_id": "B", "patient_id": "P2", "total_amount": 50.0}],
    "items": [{"claim_id": "A", "item_code": "X"}, {"claim_id": "B", "item_code": "Y"}],
    "diagnoses": [{"claim_id": "A", "diagnosis": "I10", "is_main": True}],
    "labels": [{"entity_type": "patient", "entity_id": "P1", "is_fraud": True, "scheme": "drug_resale", "decided_on": "2024-06-20"}],
    "enrolments": [{"patient_id": "P1", "insurance_type": "employee", "enrolled_on": "2020-01-01"}],
}
FUTURE = {
    "claims": [
        {"claim_id": "F", "settled_at": "2024-07-05 09:00:00"},
        {"claim_id": "R", "is_refund": True, "refund_of": "A", "total_amount": -100.0, "settled_at": "2024-07-06 09:00:00"},
    ],
    "items": [
        {"claim_id": "F", "item_code": "X", "days_supply": 30.0, "occurred_at": "2024-07-05 09:00:00"},
        {"claim_id": "R", "item_code": "X", "quantity": -1.0},
    ],
    "diagnoses": [{"claim_id": "F", "diagnosis": "E11", "is_main": True}],
    "labels": [{"entity_type": "patient", "entity_id": "P2", "is_fraud": True, "scheme": "drug_resale", "decided_on": "2024-07-20"}],
    "enrolments": [{"patient_id": "P2", "insurance_type": "employee", "enrolled_on": "2024-07-01"}],
}


def numbered(tables):
    return tables | {"items": [{"line_id": f"L{number}"} | row for number, row in enumerate(tables["items"])]}


def everything(claims, as_of="2024-06-30"):
    with claims.at(as_of) as snapshot:
        views = ["claims", "settlements", "items", "diagnoses", "labels", "enrolments", "patients", "institutions"]
        return {name: snapshot.query(f"select * from {name} order by all") for name in views} | {"days": snapshot.has("items.days_supply")}


def test_the_future_changes_nothing(make_claims, tmp_path):
    both = {name: PAST[name] + FUTURE[name] for name in PAST} | {
        "patients": [{"patient_id": "P2", "death_date": "2024-07-15"}, {"patient_id": "P1"}]
    }
    past = PAST | {"patients": [{"patient_id": "P2", "death_date": None}, {"patient_id": "P1", "death_date": None}]}
    then = everything(make_claims(data_dir=tmp_path / "then", **numbered(past)))
    later = everything(make_claims(data_dir=tmp_path / "later", **numbered(both)))
    assert then.pop("days") is later.pop("days") is False
    for name, frame in then.items():
        pd.testing.assert_frame_equal(frame, later[name], obj=name, check_dtype=False)


def test_row_order_changes_nothing(make_claims, tmp_path):
    both = numbered({name: PAST[name] + FUTURE[name] for name in PAST})
    first = everything(make_claims(data_dir=tmp_path / "one", **both), "2024-07-31")
    turned = {name: list(reversed(rows)) for name, rows in both.items()}
    second = everything(make_claims(data_dir=tmp_path / "two", **turned), "2024-07-31")
    for name, frame in first.items():
        if name != "days":
            pd.testing.assert_frame_equal(frame, second[name], obj=name, check_dtype=False)


def test_one_claim_and_columns_of_nulls(tmp_path):
    frame = pd.DataFrame(
        [
            {
                "claim_id": "C",
                "patient_id": "P",
                "institution_id": "H",
                "visit_type": "outpatient",
                "started_on": "2024-06-03",
                "total_amount": 1.0,
            }
        ]
    )
    claims = write_claims(
        {
            "claims": frame,
            "patients": pd.DataFrame({"patient_id": ["P"]}),
            "institutions": pd.DataFrame({"institution_id": ["H"], "kind": ["hospital"]}),
        },
        tmp_path,
    )
    with claims.at("2024-06-30") as snapshot:
        assert len(snapshot.query("select * from claims")) == 1
        assert not snapshot.has("claims.fund_amount")
        assert not snapshot.has("claims.no_such_column")
        assert snapshot.missing(["items", "claims.total_amount"]) == ["items"]


@pytest.mark.parametrize(
    "value", ["2024-06-30", dt.date(2024, 6, 30), pd.Timestamp("2024-06-30 12:00"), np.datetime64("2024-06-30T12", "ns")]
)
def test_a_day_is_read_from_whatever_holds_one(value):
    assert day(value) == dt.date(2024, 6, 30)


@pytest.mark.parametrize("value", [None, pd.NaT, np.datetime64("NaT"), 2024, "30.6.2024"])
def test_what_is_no_day_is_refused(value):
    with pytest.raises(FraudmlError, match=r"\[as_of.format\]"):
        day(value)


def test_what_is_no_folder_is_refused():
    with pytest.raises(FraudmlError, match=r"\[claims.folder\]"):
        open_claims(None)
