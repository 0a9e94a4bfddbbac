"""The whole catalogue, the rule base and the graph's tables on a small city: Spark gives what DuckDB gives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fraudml.claims import Snapshot, open_claims
from fraudml.contracts import ENTITY_TYPES
from fraudml.engine import Engine
from fraudml.graph.covisits import CoVisits, co_visits
from fraudml.graph.edges import PAIRS, expose_encounters, pair_edges
from fraudml.graph.prescriptions import prescription_pairs
from fraudml.graph.rings import find_rings
from fraudml.rules import run_rules
from fraudml.vectors import behaviour

AS_OF = "2024-01-31"
BOTH = ("duckdb", "spark")


@pytest.fixture(scope="module")
def snapshots(city: Path, spark: Engine, duck: Engine) -> Iterator[dict[str, Snapshot]]:
    opened = {name: open_claims(city, engine).at(AS_OF, months=12) for name, engine in zip(BOTH, (duck, spark), strict=True)}
    yield opened
    for each in opened.values():
        each.close()


@pytest.mark.parametrize("entity", ENTITY_TYPES)
def test_every_feature_has_the_same_value(entity: str, snapshots: dict[str, Snapshot]) -> None:
    expected, found = (behaviour(entity, snapshots[name], AS_OF) for name in BOTH)
    assert len(expected) > 3
    assert len(expected.columns) > 60
    assert_same(found.reset_index(), expected.reset_index())


@pytest.mark.parametrize("pair", PAIRS)
def test_edges_are_the_same(pair: str, snapshots: dict[str, Snapshot]) -> None:
    for snapshot in snapshots.values():
        if not snapshot.engine.exists("encounters"):
            expose_encounters(snapshot)
    expected, found = (pair_edges(snapshots[name], pair) for name in BOTH)
    assert_same(found, expected)


@pytest.fixture(scope="module")
def company(snapshots: dict[str, Snapshot]) -> dict[str, CoVisits]:
    for snapshot in snapshots.values():
        expose_encounters(snapshot)
    return {name: co_visits(snapshot) for name, snapshot in snapshots.items()}


def test_co_visits_are_the_same(company: dict[str, CoVisits]) -> None:
    expected, found = (company[name] for name in BOTH)
    assert (found.tested, found.day_limit) == (expected.tested, expected.day_limit)
    assert_same(found.pairs, expected.pairs)


def test_rings_are_the_same(snapshots: dict[str, Snapshot], company: dict[str, CoVisits]) -> None:
    expected, found = (find_rings(snapshots[name], company[name], prescription_pairs(snapshots[name])) for name in BOTH)
    assert len(expected) > 1
    assert {member["entity_type"] for members in expected["members"] for member in members} >= {"patient", "doctor", "institution"}
    assert found["claim_ids"].map(list).tolist() == expected["claim_ids"].map(list).tolist()
    assert_same(found.drop(columns="claim_ids"), expected.drop(columns="claim_ids"))


@pytest.fixture(scope="module")
def evidence(city: Path, spark: Engine, duck: Engine) -> dict[str, pd.DataFrame]:
    return {name: run_rules(open_claims(city, engine), AS_OF) for name, engine in zip(BOTH, (duck, spark), strict=True)}


@pytest.mark.soak
def test_every_rule_finds_the_same_evidence(evidence: dict[str, pd.DataFrame]) -> None:
    expected, found = (by_rule(evidence[name]) for name in BOTH)
    assert len(expected) > 20
    different = [rule for rule in sorted({*expected, *found}) if expected.get(rule) != found.get(rule)]
    assert different == []


def by_rule(hits: pd.DataFrame) -> dict[str, list[tuple[Any, ...]]]:
    rows: dict[str, list[tuple[Any, ...]]] = {}
    for hit in hits.itertuples(index=False):
        facts = {name: float(f"{value:.9g}") if isinstance(value, float) else value for name, value in json.loads(hit.facts).items()}
        known = (hit.entity_type, hit.entity_id, hit.claim_id, str(hit.line_id), str(hit.occurred_on))
        rows.setdefault(hit.rule, []).append(
            (*known, f"{hit.amount_in_question:.9g}", f"{hit.strength:.9g}", json.dumps(facts, sort_keys=True))
        )
    return {rule: sorted(map(str, each)) for rule, each in rows.items()}


def assert_same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """The same rows in the same order; numbers within 1e-9 of each other, relatively."""
    assert list(found.columns) == list(expected.columns)
    assert len(found) == len(expected)
    for name in expected:
        if pd.api.types.is_float_dtype(expected[name]):
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-9, atol=0, err_msg=name)
        else:
            pd.testing.assert_series_equal(found[name], expected[name], check_dtype=False, check_categorical=False)
