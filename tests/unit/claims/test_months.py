"""Months that come late, again, or not at all (issue 3: the same month again replaces it; nothing is lost by a slip in ingest.month)."""

from __future__ import annotations

import logging

import pytest

from fraudml.errors import FraudmlError

JULY = {"begndate": "2024-07-01", "enddate": "2024-07-02", "setl_time": "2024-07-02 10:00:00"}


@pytest.fixture
def july(raw, new_settlement, new_line):
    return raw | {"setl_d": [new_settlement("J1", **JULY)], "fee_list_d": [new_line("JL1", "J1", fee_ocur_time="2024-07-01 08:00:00")]}


def ids(read, table="claims", below="claims"):
    return sorted(next(iter(row.values())) for row in read(table, below))


def test_a_month_that_the_source_does_not_hold_is_not_replaced_by_nothing(raw, july, run):
    run(raw, month="2024-06")
    with pytest.raises(FraudmlError, match=r"\[claims.empty_month\] setl_d .*2024-06.*2024-07: 1"):
        run(july, month="2024-06")
    _, read = run(july, month="2024-07")
    assert ids(read) == ["J1", "S1", "S2"]


def test_settlements_of_other_months_are_counted(raw, july, run, new_settlement, caplog):
    with caplog.at_level(logging.INFO, logger="fraudml"):
        summary, _ = run(july | {"setl_d": [*july["setl_d"], new_settlement("S9"), new_settlement("S8")]}, month="2024-07")
    claims = summary["tables"]["claims"]
    assert (claims["read"], claims["other_months"]) == (1, {"2024-06": 2})
    assert any("2024-06: 2" in record.getMessage() for record in caplog.records)


def test_lines_of_a_month_go_with_the_claims_that_are_replaced(raw, july, run, new_settlement, caplog, tmp_path):
    run(raw, month="2024-06")
    run(july, month="2024-07")
    again = {name: rows for name, rows in july.items() if name != "fee_list_d"} | {"setl_d": [new_settlement("J9", **JULY)]}
    (tmp_path / "raw" / "fee_list_d.csv").unlink()
    with caplog.at_level(logging.WARNING, logger="fraudml"):
        _, read = run(again, month="2024-07")
    assert ids(read) == ["J9", "S1", "S2"]
    assert ids(read, "items") == ["L1", "L2"]
    assert any("items" in record.getMessage() and "1 rows" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("first_whole", [False, True])
def test_quarantined_lines_of_a_stay_that_began_the_month_before_are_replaced(raw, july, run, new_settlement, new_line, first_whole):
    stay = new_settlement("J2", med_type="21", begndate="2024-06-28", enddate="2024-07-02", setl_time="2024-07-02 10:00:00")
    bad = new_line("JL2", "J2", fee_ocur_time="2024-06-28 08:00:00", cnt="ten")
    tables = july | {"setl_d": [*july["setl_d"], stay], "fee_list_d": [*july["fee_list_d"], bad]}
    run(tables, **({} if first_whole else {"month": "2024-07"}))
    _, read = run(tables, month="2024-07")
    assert [row["bkkp_sn"] for row in read("items", "quarantine")] == ["JL2"]
    _, read = run(tables | {"fee_list_d": [*july["fee_list_d"], bad | {"cnt": "10"}]}, month="2024-07")
    assert read("items", "quarantine") == []
    assert ids(read, "items") == ["JL1", "JL2"]


@pytest.mark.parametrize(("first", "second"), [("a", "b"), ("a", None), (None, "a")])
def test_a_month_with_another_key_is_refused(raw, july, run, tmp_path, first, second):
    """One person would be two, and real identifiers would stand beside pseudonyms."""
    files = {name: tmp_path / f"{name}.key" for name in "ab"}
    for name, path in files.items():
        path.write_text(name * 32)
    run(raw, month="2024-06", key_file=files.get(first))
    with pytest.raises(FraudmlError, match=r"\[privacy.other_key\]"):
        run(july, month="2024-07", key_file=files.get(second))
    _, read = run(july, month="2024-07", key_file=files.get(first))
    assert len({row["patient_id"] for row in read("claims") if row["claim_id"] in ("S1", "J1")}) == 1
