"""Sums of trees, block by block, are LightGBM's own to the last bit."""

from __future__ import annotations

from typing import Any

import lightgbm as lgb
import numpy as np
import pytest

from fraudml.detectors import members, tree_sums
from fraudml.detectors.flat_trees import FlatTrees
from fraudml.detectors.forest import grow_forest
from fraudml.detectors.tree_sums import TreeSums


def table(rows: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    X = random.normal(size=(rows, 8))
    X[random.random(X.shape) < 0.15] = np.nan
    X[:, 3] = random.integers(-1, 14, rows)  # levels, one of them negative
    X[:, 5] = np.where(random.random(rows) < 0.5, 0.0, X[:, 5])
    X[:, 6] = np.where(random.random(rows) < 0.1, 1e300, X[:, 6])
    return X


def classes(X: np.ndarray) -> np.ndarray:
    known = np.nan_to_num(X)
    return known[:, 0] + known[:, 1] * known[:, 2] + (X[:, 3] % 3 == 1) + known[:, 5] > 1


def grown(**parameters: Any) -> lgb.Booster:
    X = table(3000, 0)
    data = lgb.Dataset(X, classes(X), categorical_feature=[3], params={"min_data_in_leaf": 2})
    return lgb.train(
        {"objective": "binary", "verbose": -1, "num_threads": 1, "seed": 1, "min_data_in_leaf": 2} | parameters, data, num_boost_round=20
    )


@pytest.mark.parametrize(
    "parameters",
    [
        {"num_leaves": 2},
        {"num_leaves": 64},
        {"num_leaves": 65},
        {"num_leaves": 300},
        {"num_leaves": 15, "zero_as_missing": True},
        {"num_leaves": 15, "use_missing": False},
    ],
    ids=["stumps", "one word", "two words", "many words", "zero as missing", "no missing"],
)
@pytest.mark.parametrize("rows", [0, 1, 700])
def test_equal_to_lightgbm(parameters: dict[str, Any], rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_sums, "PART", 300)
    booster, X = grown(**parameters), table(rows, 1)
    expected = booster.predict(X, raw_score=True) if rows else np.zeros(0)
    for threads in (1, 3):
        assert np.array_equal(TreeSums(FlatTrees(booster))(X, threads), expected)


def test_a_tree_of_one_leaf() -> None:
    booster = lgb.train(
        {"objective": "binary", "verbose": -1, "min_data_in_leaf": 10_000}, lgb.Dataset(table(100, 0), np.arange(100) % 3 == 0), 2
    )
    assert np.array_equal(TreeSums(FlatTrees(booster))(table(5, 1), 1), booster.predict(table(5, 1), raw_score=True))


def test_members_say_the_same_of_few_and_of_very_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    X = table(600, 2)
    y = classes(X).astype(float)
    forest = grow_forest(X, y, np.ones(len(y)), 7, 1, 100, 0, 1)
    for member in (members.Boosted(grown().model_to_string()), members.RandomTrees(forest)):
        few = member.output(X, 1)
        monkeypatch.setattr(members, "VERY_MANY_ROWS", 1)
        assert np.array_equal(member.output(X, 1), few)
        monkeypatch.undo()
