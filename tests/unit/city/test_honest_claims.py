"""An honest city without look-alikes: the real rules hold next to nothing against its claims (at most one in a thousand each)."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from fraudml.city import CityOptions, simulate
from fraudml.claims import open_claims
from fraudml.claims.ingest import ingest
from fraudml.claims.source import load_source
from fraudml.config import read_yaml
from fraudml.engine import open_engine
from fraudml.resources import resource
from fraudml.rules import run_rules

CITY = CityOptions(persons=4_000, months=14, schemes=(), seed=11)
SCREEN = "screen"
"""Severity of rules that rank the most unusual and accuse nobody: somebody is always at the top, also among the honest."""


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, int]:
    """Evidence of all rules in the last twelve months, and the number of claims in them."""
    folder: Path = tmp_path_factory.mktemp("honest")
    simulate(CITY, folder)
    assert pd.read_parquet(folder / "truth.parquet").empty
    assert pd.read_parquet(folder / "lookalikes.parquet").empty
    ingest(open_engine(threads=1), folder / "raw", folder, load_source(read_yaml(resource("conf") / "source" / "nhsa.yaml")))
    claims = open_claims(folder)
    settled = claims.sql("select count(*) as n from all_claims where settled_on > date '2023-02-28' and not is_refund")["n"][0]
    return run_rules(claims, as_of="2024-02-29"), int(settled)


def accusing(evidence: pd.DataFrame) -> pd.DataFrame:
    return evidence[evidence["severity"] != SCREEN]


def test_no_accusing_rule_questions_more_than_one_honest_claim_in_a_thousand(judged: tuple[pd.DataFrame, int]) -> None:
    evidence, settled = judged
    questioned = accusing(evidence)
    by_rule = questioned.groupby("rule")["claim_id"].nunique() / settled
    assert by_rule[by_rule > 0.001].empty, by_rule.sort_values(ascending=False).head()


def test_all_accusing_rules_together_leave_the_honest_alone(judged: tuple[pd.DataFrame, int]) -> None:
    evidence, settled = judged
    accused = accusing(evidence)
    assert accused["claim_id"].nunique() / settled <= 0.002, accused.groupby("rule")["claim_id"].nunique()
