"""Drift: what changed is named, what chance gives is not."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from fraudml.evaluate.drift import drift, reference
from fraudml.evaluate.drift_page import alarm_lines, drift_page

MONTHS = {f"2024-{month:02d}-28": 1000 + 10 * month for month in range(1, 13)}
WEIGHTS = {"amount": 0.5, "visits": 0.3, "region": 0.2}


def people(rows: int, seed: int, shift: float = 0.0, missing: float = 0.1) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "amount": random.lognormal(5 + shift, 1, rows),
            "visits": np.where(random.random(rows) < missing, np.nan, random.poisson(2, rows)),
            "region": random.choice(["a", "b", "c"], rows, p=[0.5, 0.3, 0.2]),
        }
    )


def score(table: pd.DataFrame) -> np.ndarray:
    return 1 / (1 + np.exp(6 - np.log(table["amount"].to_numpy())))


def kept(table: pd.DataFrame) -> dict:
    return json.loads(json.dumps(reference(table, score(table), MONTHS)))  # as it comes back from disk


@pytest.mark.parametrize("rows", [20, 50, 3000])
@pytest.mark.parametrize("seed", range(5))
def test_the_same_population_is_steady_however_small(rows: int, seed: int) -> None:
    now = people(rows, seed + 100)
    found = drift(kept(people(rows, seed)), now, score(now), 1060, WEIGHTS)
    assert not found.alarms
    assert set(found.features["state"]) == {"steady"}


def test_a_feature_with_weight_and_the_score_that_follows_it() -> None:
    now = people(3000, 1, shift=1.0)
    found = drift(kept(people(3000, 0)), now, score(now), 1060, WEIGHTS)
    assert found.features.loc[0, "feature"] == "amount"
    assert set(found.features["state"][1:]) == {"steady"}
    assert set(found.alarms) == {"score", "features"}
    assert found.alarms["features"]["weight"] == 0.5


def test_a_feature_without_weight_alarms_nobody() -> None:
    now = people(3000, 1).assign(region="d")
    found = drift(kept(people(3000, 0)), now, score(now), 1060, WEIGHTS | {"region": 0.01})
    assert found.features.loc[0, ["feature", "state"]].tolist() == ["region", "shifted"]
    assert not found.alarms


def test_missing_values_and_a_column_that_is_gone() -> None:
    before = kept(people(3000, 0))
    found = drift(before, people(3000, 1, missing=0.4), score(people(3000, 1)), 1060, WEIGHTS)
    assert found.features.loc[0, ["feature", "state"]].tolist() == ["visits", "shifted"]
    gone = drift(before, people(3000, 1).drop(columns="visits"), score(people(3000, 1)), 1060, WEIGHTS).features.set_index("feature")
    assert gone.loc["visits", "missing_now"] == 1
    assert gone.loc["visits", "state"] == "shifted"


@pytest.mark.parametrize(("newest", "alarm"), [(1060, False), (750, False), (500, True), (0, True), (1500, True)])
def test_a_month_that_is_not_whole(newest: int, alarm: bool) -> None:
    now = people(500, 1)
    assert ("volume" in drift(kept(people(500, 0)), now, score(now), newest, WEIGHTS).alarms) is alarm


def test_nobody_left_and_nothing_known_before() -> None:
    none = people(0, 0)
    assert set(drift(kept(people(100, 0)), none, score(none), 1060, WEIGHTS).features["state"]) == {"steady"}
    some = people(100, 1)
    assert set(drift(kept(none), some, score(some), 1060, WEIGHTS).features["state"]) == {"steady"}


def test_index_by_hand() -> None:
    before = reference(pd.DataFrame({"x": [0.0] * 60 + [1.0] * 40}), np.zeros(100), {})
    found = drift(before, pd.DataFrame({"x": [0.0] * 40 + [1.0] * 60}), np.zeros(100), 0, {"x": 1.0}).features
    p, q = np.array([60.5, 40.5]) / 101, np.array([40.5, 60.5]) / 101
    assert found.loc[0, "psi"] == pytest.approx(((p - q) * np.log(p / q)).sum())


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_page_says_what_to_do(lang: str) -> None:
    now = people(3000, 1, shift=1.0)
    found = drift(kept(people(3000, 0)), now, score(now), 0, WEIGHTS)
    page = drift_page({"patient": (found, {"version": "patient-1", "as_of": "2024-06-30"})}, "2024-12-31", lang)
    assert len(alarm_lines(found, lang)) == 3
    for text in ("patient-1", "2024-12-31", "amount"):
        assert text in page
    assert "{" not in page[page.index("<body") :]
