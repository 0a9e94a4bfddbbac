"""Decisions are read as they are meant, or refused."""

from __future__ import annotations

import logging
from pathlib import Path

import pandas as pd
import pytest

from fraudml.errors import MissingInput
from fraudml.stages.inputs import decisions


def read(make_claims, tmp_path: Path, as_of: str = "2024-06-30", **columns: list) -> pd.DataFrame:
    given = tmp_path / "given.csv"
    pd.DataFrame({"entity_type": "doctor", "entity_id": ["D1", "D2"]} | columns).to_csv(given, index=False)
    opened = make_claims(claims=[{}])
    return decisions(opened.engine, opened, as_of, str(given))


def test_yes_and_no_may_be_written_in_several_ways(make_claims, tmp_path: Path) -> None:
    assert read(make_claims, tmp_path, is_fraud=["True", "0.0"])["is_fraud"].tolist() == [True, False]


def test_what_is_neither_yes_nor_no_clears_nobody(make_claims, tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match="neither yes nor no: maybe"):
        read(make_claims, tmp_path, is_fraud=["1", "maybe"])


def test_a_decision_of_later_is_not_known_yet(make_claims, tmp_path: Path) -> None:
    found = read(make_claims, tmp_path, is_fraud=[1, 1], decided_on=["2024-06-30", "2024-07-01"])
    assert found["entity_id"].tolist() == ["D1"]


def test_decisions_without_a_day_are_counted(make_claims, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="fraudml"):
        found = read(make_claims, tmp_path, as_of="2020-01-31", is_fraud=[1, 1], decided_on=["2024-06-30", ""])
    assert found["entity_id"].tolist() == ["D2"]
    assert "1 of 1 decisions bear no day" in caplog.text


def test_decisions_about_what_nobody_scores_are_named(make_claims, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="fraudml"):
        read(make_claims, tmp_path, entity_type=["doctor", "nurse"], is_fraud=[1, 1])
    assert "1 decisions about “nurse”" in caplog.text


@pytest.mark.parametrize("days", [["2024-06-30", "last week"], [20240630, 20240701]])
def test_a_day_that_cannot_be_read_is_named(make_claims, tmp_path: Path, days: list) -> None:
    with pytest.raises(MissingInput, match=r"labels.decided_on.* decisions whose day cannot be read \(first: (last week|20240630)"):
        read(make_claims, tmp_path, is_fraud=[1, 1], decided_on=days)


def test_days_of_any_kind_of_table_are_read(make_claims, tmp_path: Path) -> None:
    opened = make_claims(claims=[{}])
    given = tmp_path / "given.parquet"
    for day in ("2024/6/30", " 2024-06-30 ", "2024-06-30 10:00:00", pd.Timestamp("2024-06-30 10:00")):
        pd.DataFrame({"entity_type": ["doctor"], "entity_id": ["D1"], "is_fraud": [True], "decided_on": [day]}).to_parquet(given)
        assert decisions(opened.engine, opened, "2024-06-30", str(given))["decided_on"].tolist() == [pd.Timestamp("2024-06-30")]


def test_a_file_that_is_no_table_is_refused_and_one_of_a_chinese_spreadsheet_read(make_claims, tmp_path: Path) -> None:
    opened = make_claims(claims=[{}])
    given = tmp_path / "given.csv"
    for text in ("", "entity_type,entity_id,is_fraud\ndoctor,D1,1,a note\n"):  # with the second, columns shifted unseen
        given.write_text(text)
        with pytest.raises(MissingInput, match=r"labels.unreadable"):
            decisions(opened.engine, opened, "2024-06-30", str(given))
    given.write_text("entity_type,entity_id,is_fraud,scheme\ndoctor,D1,1,诊断不符\n", encoding="gb18030")
    assert decisions(opened.engine, opened, "2024-06-30", str(given))["scheme"].tolist() == ["诊断不符"]
    other = tmp_path / "given.xlsx"
    other.touch()
    with pytest.raises(MissingInput, match=r"labels.kind"):
        decisions(opened.engine, opened, "2024-06-30", str(other))
