"""Unusual means unusual among peers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fraudml.detectors.peers import UsualAmongPeers, fewer_peers


def judged(vectors: pd.DataFrame, peers: tuple[str, ...], values: pd.DataFrame, group: pd.Series) -> pd.DataFrame:
    return UsualAmongPeers(vectors, peers, values, group).judge(values, group)


def test_a_value_that_is_usual_elsewhere_stands_out_in_its_own_group() -> None:
    random = np.random.default_rng(0)
    level = np.repeat(["1", "3"], 100)
    vectors = pd.DataFrame({"level": level, "amount": np.where(level == "3", 1000.0, 10.0) * random.lognormal(0, 0.2, 200)})
    vectors.index = [f"H{number}" for number in range(200)]
    vectors.loc["H7", "amount"] = 1000.0
    group = pd.Series(level, index=vectors.index)
    found = judged(vectors, ("level",), vectors[["amount"]], group)
    assert found["outlier"].idxmax() == "H7"
    assert found["outlier"].between(0, 1).all()
    assert found.loc["H150", "outlier"] < 0.99


def test_too_few_rows_say_nothing() -> None:
    vectors = pd.DataFrame({"amount": [1.0, 2.0, 300.0]}, index=["a", "b", "c"])
    group = pd.Series("all", index=vectors.index)
    found = judged(vectors, (), vectors, group)
    assert (found["outlier"] == 0.5).all()


def test_a_part_of_the_peers_always_holds_those_who_are_explained() -> None:
    vectors = pd.DataFrame({"amount": np.arange(100.0)}, index=[f"P{number:03}" for number in range(100)])
    places = fewer_peers(vectors, pd.Index(["P050", "P051"]), most=10)
    assert {50, 51} <= set(places)
    assert 10 <= len(places) <= 12


def honest(sizes: dict[str, int], seed: int) -> tuple[pd.DataFrame, pd.Series]:
    """Rows of groups that differ from each other, and nobody that differs from its own group."""
    random = np.random.default_rng(seed)
    kind = np.repeat(list(sizes), list(sizes.values()))
    level = pd.Series(kind).map({name: 10.0**place for place, name in enumerate(sizes)}).to_numpy()
    values = random.lognormal(0, 0.5, (len(kind), 6)) * level[:, None]
    vectors = pd.DataFrame(values, columns=[f"amount_{number}" for number in range(6)]).assign(kind=kind)
    return vectors, pd.Series(kind, index=vectors.index)


def test_at_the_level_of_five_percent_no_more_than_that_of_an_honest_group_is_unusual() -> None:
    for seed in range(3):
        vectors, group = honest({"a": 60, "b": 200, "c": 15}, seed)
        numbers = vectors.drop(columns="kind")
        found = judged(vectors, ("kind",), numbers, group)
        far = found["outlier"].ge(0.95 - 1e-9).groupby(group).mean()
        assert (far <= 0.05 + 1e-9).all()
        assert far["b"] >= 0.04


def test_rows_that_the_ensemble_did_not_learn_from_are_no_stranger_than_those_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fraudml.detectors.peers.LARGEST_REFERENCE", 100)
    monkeypatch.setattr("fraudml.detectors.peers.LARGEST_GROUP", 150)
    vectors, group = honest({"a": 600}, 1)
    found = judged(vectors, ("kind",), vectors.drop(columns="kind"), group)
    assert found["outlier"].ge(0.95).mean() < 0.09


def test_the_few_left_over_are_ranked_among_all_by_their_own_measure() -> None:
    vectors, _ = honest({"a": 100, "b": 4}, 0)
    vectors["kind"] = "a"
    vectors["town"] = ["x"] * 100 + ["y"] * 4
    vectors.loc[100:, vectors.columns[:6]] = vectors.iloc[10:14, :6].to_numpy()
    group = pd.Series(["a | x"] * 100 + ["a"] * 4)
    found = judged(vectors, ("kind", "town"), vectors.iloc[:, :6], group)
    assert np.allclose(found["outlier"].iloc[100:], found["outlier"].iloc[10:14], atol=0.25)


def test_a_row_is_judged_alike_whoever_comes_with_it() -> None:
    vectors, group = honest({"a": 60, "b": 200, "c": 15}, 2)
    numbers = vectors.drop(columns="kind")
    usual = UsualAmongPeers(vectors, ("kind",), numbers, group)
    together = usual.judge(numbers, group)
    for rows in (slice(0, 1), slice(50, 130), slice(270, 275)):
        pd.testing.assert_frame_equal(usual.judge(numbers[rows], group[rows]), together[rows], rtol=1e-12)


def test_of_a_group_that_was_not_in_the_population_nothing_is_known() -> None:
    vectors, group = honest({"a": 60}, 3)
    numbers = vectors.drop(columns="kind")
    found = UsualAmongPeers(vectors, ("kind",), numbers, group).judge(numbers[:2] * 100, pd.Series(["b", "b"]))
    assert found.to_numpy().tolist() == [[0.5, 0.0], [0.5, 0.0]]
