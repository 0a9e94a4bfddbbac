"""How much a linear model is taught by, by hand; what boosting is told, under whatever name."""

from __future__ import annotations

import numpy as np
import pytest

import fraudml as fm
from fraudml.detectors.growth import enough_rows


def test_few_rows_are_all_kept() -> None:
    rows, factor = enough_rows(np.arange(5, 905), np.zeros(905), 1_000)
    assert list(rows) == list(range(5, 905))
    assert set(factor) == {1.0}


def test_of_many_rows_all_cases_are_kept_and_the_others_stand_for_all() -> None:
    y = (np.arange(100_000) % 100 == 0).astype(float)
    rows, factor = enough_rows(np.arange(100_000), y, 20_000)
    assert len(rows) == 20_000
    assert y[rows].sum() == 1000
    assert np.allclose([factor[y[rows] == 1].sum(), factor[y[rows] == 0].sum()], [1000, 99_000])


def test_of_two_large_classes_each_fills_half() -> None:
    y = (np.arange(100_000) % 4 == 0).astype(float)
    rows, factor = enough_rows(np.arange(100_000), y, 4_000)
    assert len(rows) == 4_000
    assert y[rows].sum() == len(rows) / 2
    assert np.isclose(factor @ y[rows], 25_000)
    assert len(set(rows)) == len(rows)


@pytest.mark.parametrize(
    ("own", "alias"),
    [({"min_data_in_leaf": 40}, {"min_child_samples": 40}), ({"learning_rate": 0.3}, {"eta": 0.3}), ({"rounds": 3}, {"n_estimators": 3})],
)
def test_a_parameter_counts_under_each_of_its_names(own: dict[str, float], alias: dict[str, float]) -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(300, 4))
    y = (X[:, 0] + random.normal(size=300) > 1).astype(int)
    margins = [
        fm.EntityScorer(members=["boosted"], repeats=1, boosting=given, n_jobs=1).fit(X, y).margin(X) for given in (own, alias, None)
    ]
    assert np.array_equal(margins[0], margins[1])
    assert not np.allclose(margins[0], margins[2])


@pytest.mark.parametrize(
    ("boosting", "said"),
    [
        ({"num_leavess": 3}, "LightGBM has no parameter num_leavess"),
        ({"eta": 0.1, "learning_rate": 0.2}, "one parameter twice: eta, learning_rate"),
        ({"application": "regression"}, "boosting sets objective"),
        ("num_leaves=3", "boosting is 'num_leaves=3'"),
    ],
)
def test_what_boosting_cannot_be_told(boosting: object, said: str) -> None:
    X = np.random.default_rng(0).normal(size=(60, 2))
    with pytest.raises(ValueError, match=rf"\[scorer.boosting\] .*{said}"):
        fm.EntityScorer(members=["boosted"], boosting=boosting).fit(X, X[:, 0] > 0)  # type: ignore[arg-type]
