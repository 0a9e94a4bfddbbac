"""The whole rule base where the source brings little: nothing fails, and what is skipped is named once (A13)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from fraudml.claims import Claims
from fraudml.contracts import CANONICAL, EVIDENCE, REQUIRED_TABLES
from fraudml.rules import load_rules, run_rules

Rows = list[dict[str, Any]]
AS_OF = "2024-06-30"
OPTIONAL = sorted(CANONICAL.keys() - set(REQUIRED_TABLES) - {"labels"})


@pytest.fixture
def tables(random_rows: Callable[..., dict[str, Rows]]) -> dict[str, Rows]:
    """A small town with every table that the random rows know, and one entry in each other."""
    known = random_rows(count=150)
    other: dict[str, Rows] = {
        "enrolments": [{"patient_id": "P1", "insurance_type": "employee", "enrolled_on": "2015-01-01", "suspended_on": "2024-02-01"}],
        "registrable_diseases": [{"registered_disease": "M1", "disease_type": "chronic", "icd_prefixes": ["I10"]}],
        "registered_diseases": [{"patient_id": "P1", "registered_disease": "M1", "started_on": "2020-01-01"}],
        "inventory": [{"institution_id": "Y1", "item_code": "X1", "month": "2024-05-01", "opening": 1.0, "closing": 1.0}],
    }
    return other | known


@pytest.mark.parametrize("absent", [[name] for name in OPTIONAL] + [OPTIONAL], ids=[*OPTIONAL, "all but the required"])
def test_no_rule_fails_without_a_table(
    absent: list[str], tables: dict[str, Rows], make_claims: Callable[..., Claims], caplog: pytest.LogCaptureFixture
) -> None:
    claims = make_claims(**{name: rows for name, rows in tables.items() if name not in absent})
    assert not claims.tables & set(absent)
    with caplog.at_level(logging.WARNING, logger="fraudml"):
        evidence = run_rules(claims, AS_OF)
    assert list(evidence.columns) == list(EVIDENCE)
    skipped = [record.args[0] for record in caplog.records if "skipped" in str(record.msg)]
    assert len(skipped) == len(set(skipped))
    lacking = {rule.id for rule in load_rules().values() if any(need.partition(".")[0] in absent for need in rule.needs)}
    assert lacking <= set(skipped)
    assert not set(evidence.rule) & set(skipped)


@pytest.mark.parametrize(
    "table, columns",
    [
        ("items", ["quantity", "unit_price", "occurred_at"]),
        ("items", ["amount"]),
        ("claims", ["doctor_id", "visit_id"]),
        ("claims", ["account_amount", "fund_amount"]),
        ("patients", ["sex", "birth_date"]),
        ("institutions", ["level", "kind"]),
    ],
)
def test_no_rule_fails_without_values_in_a_column(
    table: str, columns: list[str], tables: dict[str, Rows], make_claims: Callable[..., Claims]
) -> None:
    claims = make_claims(**tables)
    path = claims.data_dir / "claims" / f"{table}.parquet"
    frame = pd.read_parquet(path)
    blank = ", ".join(f"cast(null as {CANONICAL[table].columns[name]}) as {name}" for name in columns)
    claims.engine.register("filled_before", frame)
    claims.engine.write(f"select * replace ({blank}) from filled_before", path)
    assert list(run_rules(Claims(claims.data_dir, claims.engine.session()), AS_OF).columns) == list(EVIDENCE)
