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


def test_decisions_about_what_nobody_scores_are_named(make_claims, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="fraudml"):
        read(make_claims, tmp_path, entity_type=["doctor", "nurse"], is_fraud=[1, 1])
    assert "1 decisions about “nurse”" in caplog.text
