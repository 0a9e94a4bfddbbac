"""Ingest of national-standard tables: values, refunds, quarantine, counts."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from fraudml.claims import open_claims
from fraudml.errors import FraudmlError, MissingInput


def adds_up(summary):
    return all(each["read"] == each["accepted"] + each["quarantined"] for each in summary["tables"].values())


def test_values_of_the_national_tables(raw, run):
    summary, read = run(raw)
    first, second = read("claims")
    assert first["claim_id"] == "S1"
    assert first["started_on"] == dt.date(2024, 6, 3)
    assert first["settled_at"] == dt.datetime(2024, 6, 3, 10)
    assert (first["insurance_type"], second["insurance_type"]) == ("employee", "resident")
    assert (first["visit_type"], second["visit_type"]) == ("outpatient", "pharmacy")
    assert first["total_amount"] == 100.0
    assert second["doctor_id"] is None
    assert [each["kind"] for each in read("institutions")] == ["hospital", "pharmacy"]
    assert [each["level"] for each in read("institutions")] == [3, None]
    assert [each["sex"] for each in read("patients")] == ["male", "female"]
    assert [each["charge_type"] for each in read("items")] == ["western_drug", "western_drug"]
    assert adds_up(summary)
    assert "inventory" in summary["absent_tables"]


def test_what_is_written_opens_as_claims(raw, run, tmp_path):
    run(raw)
    with open_claims(tmp_path / "data").at("2024-06-30") as snapshot:
        assert len(snapshot.query("select * from claims")) == 2
        assert not snapshot.has("items.days_supply")


@pytest.mark.parametrize(
    ("med_type", "nights", "expected"),
    [
        ("2101", 3, "inpatient"),
        ("140104", 0, "chronic"),
        ("22", 2, "inpatient"),
        ("52", 0, "other"),
        ("28", 0, "day_surgery"),
        ("99", 0, "other"),
    ],
)
def test_visit_types_by_prefix(raw, run, new_settlement, med_type, nights, expected):
    raw["setl_d"].append(new_settlement("S3", med_type=med_type, enddate=f"2024-06-{3 + nights:02d}"))
    _, read = run(raw)
    assert (read("claims")[2]["visit_type"], read("claims")[2]["nights"]) == (expected, nights)


def test_invalid_settlement_and_its_lines_go_to_quarantine(raw, run, new_settlement, new_line):
    raw["setl_d"].append(new_settlement("S3", vali_flag="0"))
    raw["fee_list_d"].append(new_line("L3", "S3"))
    summary, read = run(raw)
    assert [(each["setl_id"], each["reason"], each["table"]) for each in read("claims", "quarantine")] == [
        ("S3", "invalid_settlement", "setl_d")
    ]
    assert [(each["bkkp_sn"], each["reason"]) for each in read("items", "quarantine")] == [("L3", "orphan")]
    orphan = summary["tables"]["items"]["reasons"]["orphan"]
    assert (orphan["severity"], orphan["count"], orphan["first_keys"]) == ("quarantine", 1, ["L3"])
    assert adds_up(summary)


def test_duplicate_key_keeps_one_and_its_lines(raw, run, new_settlement):
    raw["setl_d"] += [new_settlement("S1", medfee_sumamt="90.00"), new_settlement("S1")]
    summary, read = run(raw)
    assert [each["total_amount"] for each in read("claims") if each["claim_id"] == "S1"] == [100.0]
    assert sorted(each["medfee_sumamt"] for each in read("claims", "quarantine")) == ["100.00", "90.00"]
    assert len(read("items")) == 2
    assert adds_up(summary)


def test_what_stands_repeated_unchanged_is_folded_what_differs_is_told(raw, run):
    """Each month's folder brings all persons again, and the catalogue one row per fine level code (01 to 04 are one level)."""
    item = {"hilist_code": "I9", "hilist_name": "X", "list_type": "201", "begndate": "2024-01-01"}
    persons = len(raw["psn_info_b"])
    raw["psn_info_b"] = [*raw["psn_info_b"], *raw["psn_info_b"], raw["psn_info_b"][0] | {"brdy": "1901-02-03"}]
    raw["hilist_b"] = [
        item | {"lmtpric_hosp_lv": code, "price_cap": cap}
        for code, cap in (("01", "30"), ("02", "30"), ("03", "28"), ("05", "25"), ("06", "25"))
    ]
    summary, read = run(raw)
    counts = summary["tables"]
    assert [each["brdy"] for each in read("patients", "quarantine")] != []
    assert (len(read("patients")), counts["patients"]["quarantined"], counts["patients"]["accepted"]) == (persons, 1, 2 * persons)
    assert counts["patients"]["rows"] == persons
    assert counts["patients"]["reasons"]["repeated_row"]["severity"] == "flag"
    assert [(each["cap_level"], each["price_cap"]) for each in read("catalogue")] == [(3, 30.0), (2, 25.0)]
    assert [(each["lmtpric_hosp_lv"], each["reason"]) for each in read("catalogue", "quarantine")] == [("03", "duplicate_key")]
    assert counts["catalogue"]["reasons"]["repeated_row"]["count"] == 2
    assert adds_up(summary)


def test_refunds_find_their_original(raw, run, new_settlement):
    raw["setl_d"] += [
        new_settlement("S3", mdtrt_id="M3", medfee_sumamt="40.00", setl_time="2024-06-03 11:00:00"),
        new_settlement("S4", mdtrt_id="M3", medfee_sumamt="60.00", setl_time="2024-06-03 12:00:00"),
        new_settlement("S5", mdtrt_id="M3", medfee_sumamt="-40.00", refd_setl_flag="1", setl_time="2024-06-05 12:00:00"),
        new_settlement("S6", mdtrt_id="M3", medfee_sumamt="-10.00", refd_setl_flag="1", setl_time="2024-06-06 12:00:00"),
        new_settlement("S7", mdtrt_id="M9", medfee_sumamt="-100.00", refd_setl_flag="1", init_setl_id="S1"),
    ]
    _, read = run(raw)
    assert {each["claim_id"]: each["refund_of"] for each in read("claims") if each["is_refund"]} == {"S5": "S3", "S6": "S4", "S7": "S1"}


@pytest.mark.parametrize(("negative", "accepted"), [("quarantine", 2), ("refund", 3)])
def test_negative_amount_without_a_flag(raw, run, new_settlement, negative, accepted):
    raw["setl_d"].append(new_settlement("S3", mdtrt_id="MS1", medfee_sumamt="-100.00", refd_setl_flag=""))
    summary, read = run(raw, negative=negative)
    assert summary["tables"]["claims"]["accepted"] == accepted
    assert [each["refund_of"] for each in read("claims") if each["is_refund"]] == (["S1"] if negative == "refund" else [])


def test_a_number_that_stands_in_another_month_is_set_apart(raw, run, new_settlement, new_line):
    run(raw)
    july = {"begndate": "2024-07-02", "enddate": "2024-07-02", "setl_time": "2024-07-02 10:00:00"}
    more = {
        "setl_d": [new_settlement("S1", **july), new_settlement("S3", **july)],
        "fee_list_d": [new_line("L1", "S3"), new_line("L3", "S3")],
    }
    summary, read = run(raw | more, month="2024-07")
    assert [(each["setl_id"], each["reason"]) for each in read("claims", "quarantine")] == [("S1", "settled_in_another_month")]
    assert [(each["bkkp_sn"], each["reason"]) for each in read("items", "quarantine")] == [("L1", "settled_in_another_month")]
    assert [each["claim_id"] for each in read("claims")] == ["S1", "S2", "S3"]
    assert adds_up(summary)


def test_a_month_from_two_tables_of_claims(raw, run, new_settlement, new_line, source):
    """What either table holds of other months is left alone, with its lines."""
    nhsa = source("nhsa")
    (part,) = nhsa.tables["claims"]
    twofold = replace(nhsa, tables={**nhsa.tables, "claims": (part, replace(part, relation="setl_e"))})
    july = {"begndate": "2024-07-02", "enddate": "2024-07-02", "setl_time": "2024-07-02 10:00:00"}
    lines = [new_line("L3", "S3", fee_ocur_time="2024-07-02 09:30:00"), new_line("L4", "S4")]
    more = {"setl_e": [new_settlement("S3", **july), new_settlement("S3", **july), new_settlement("S4")]}
    raw["fee_list_d"] += lines
    summary, read = run(raw | more, month="2024-07", source=twofold)
    assert [each["claim_id"] for each in read("claims")] == ["S3"]
    assert [each["line_id"] for each in read("items")] == ["L3"]
    assert [each["reason"] for each in read("claims", "quarantine")] == ["duplicate_key"]
    assert read("items", "quarantine") == []
    assert adds_up(summary)


@pytest.mark.parametrize(("med_type", "enddate"), [("", "2024-06-03"), (" ", "2024-06-05")])
def test_a_settlement_without_a_kind_of_visit_is_set_apart(raw, run, new_settlement, med_type, enddate):
    raw["setl_d"].append(new_settlement("S3", med_type=med_type, enddate=enddate))
    _, read = run(raw)
    assert [(each["setl_id"], each["faults"]) for each in read("claims", "quarantine")] == [("S3", "missing_value:visit_type")]


def test_missing_table_and_column_fail_before_anything_is_written(raw, run, tmp_path):
    gone = raw.pop("psn_info_b")
    with pytest.raises(MissingInput, match=r"\[claims.missing_table\].*psn_info_b"):
        run(raw)
    raw["psn_info_b"] = gone
    for row in raw["setl_d"]:
        del row["medfee_sumamt"]
    (tmp_path / "raw" / "setl_d.csv").unlink()
    with pytest.raises(FraudmlError, match=r"\[claims.missing_column\] setl_d .*medfee_sumamt"):
        run(raw)
    assert not any((tmp_path / "data").iterdir())
