"""Shapley values by look-up equal LightGBM's and shap's own."""

from __future__ import annotations

from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
import shap

from fraudml.detectors import shapley
from fraudml.detectors.flat_trees import FlatTrees
from fraudml.detectors.shapley import LongPathError, TreeShapley


def table(rows: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    X = random.normal(size=(rows, 8))
    X[random.random(X.shape) < 0.15] = np.nan
    X[:, 3] = random.integers(-1, 14, rows)  # levels, one of them negative
    X[:, 5] = np.where(random.random(rows) < 0.5, 0.0, X[:, 5])
    return X


def grown(**parameters: Any) -> lgb.Booster:
    X = table(3000, 0)
    known = np.nan_to_num(X)
    y = known[:, 0] + known[:, 1] * known[:, 2] + (X[:, 3] % 3 == 1) + known[:, 5] > 1
    data = lgb.Dataset(X, y, categorical_feature=[3], params={"min_data_in_leaf": 3})
    return lgb.train(
        {"objective": "binary", "verbose": -1, "num_threads": 1, "seed": 1, "min_data_in_leaf": 3} | parameters, data, num_boost_round=20
    )


@pytest.mark.parametrize(
    "parameters",
    [{"num_leaves": 4}, {"num_leaves": 40}, {"num_leaves": 15, "zero_as_missing": True}, {"num_leaves": 15, "use_missing": False}],
    ids=["small", "deep", "zero as missing", "no missing"],
)
@pytest.mark.parametrize("rows", [1, 7, 700])
def test_equal_to_lightgbm(parameters: dict[str, Any], rows: int) -> None:
    booster, X = grown(**parameters), table(rows, 1)
    expected = booster.predict(X, pred_contrib=True)
    found = TreeShapley(FlatTrees(booster)).values(X, threads=2)
    np.testing.assert_allclose(found, expected[:, :-1], atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=1) + expected[:, -1], booster.predict(X, raw_score=True), atol=1e-10)


def test_equal_to_shap() -> None:
    booster, X = grown(num_leaves=15), table(50, 2)
    theirs = shap.TreeExplainer(booster, feature_perturbation="tree_path_dependent").shap_values(X)
    theirs = theirs[-1] if isinstance(theirs, list) else theirs
    np.testing.assert_allclose(TreeShapley(FlatTrees(booster)).values(X, threads=1), theirs, atol=1e-5)


def test_long_paths_without_tables_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    booster, X = grown(num_leaves=40), table(600, 3)
    tabled = TreeShapley(FlatTrees(booster)).values(X, threads=1)
    monkeypatch.setattr(shapley, "TABLED", 1)
    np.testing.assert_allclose(TreeShapley(FlatTrees(booster)).values(X, threads=1), tabled, atol=1e-13)


def test_a_tree_of_one_leaf_and_no_rows() -> None:
    booster = lgb.train(
        {"objective": "binary", "verbose": -1, "min_data_in_leaf": 10_000}, lgb.Dataset(table(100, 0), np.arange(100) % 2), 2
    )
    assert not TreeShapley(FlatTrees(booster)).values(table(5, 1), threads=1).any()
    assert TreeShapley(FlatTrees(grown())).values(table(0, 1), threads=2).shape == (0, 8)


def test_paths_longer_than_a_pattern_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapley, "LONGEST", 2)
    with pytest.raises(LongPathError):
        TreeShapley(FlatTrees(grown(num_leaves=40)))


def test_members_say_the_same_of_few_and_of_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    from fraudml.detectors import members

    member, X = members.Boosted(grown().model_to_string()), table(40, 4)
    few = member.contributions(X, 1)
    monkeypatch.setattr(members, "MANY_ROWS", 1)
    np.testing.assert_allclose(member.contributions(X, 1), few, atol=1e-12)
    monkeypatch.setattr(shapley, "LONGEST", 2)  # LightGBM takes over
    np.testing.assert_allclose(members.Boosted(member.text).contributions(X, 1), few, atol=1e-12)
