"""Unusual means unusual among peers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fraudml.detectors.peers import fewer_peers, outliers_among_peers


def test_a_value_that_is_usual_elsewhere_stands_out_in_its_own_group() -> None:
    random = np.random.default_rng(0)
    level = np.repeat(["1", "3"], 100)
    vectors = pd.DataFrame({"level": level, "amount": np.where(level == "3", 1000.0, 10.0) * random.lognormal(0, 0.2, 200)})
    vectors.index = [f"H{number}" for number in range(200)]
    vectors.loc["H7", "amount"] = 1000.0
    group = pd.Series(level, index=vectors.index)
    found = outliers_among_peers(vectors, ("level",), vectors[["amount"]], group, np.ones(200, dtype=bool))
    assert found["outlier"].idxmax() == "H7"
    assert found["outlier"].between(0, 1).all()
    assert found.loc["H150", "outlier"] < 0.99


def test_too_few_rows_say_nothing() -> None:
    vectors = pd.DataFrame({"amount": [1.0, 2.0, 300.0]}, index=["a", "b", "c"])
    group = pd.Series("all", index=vectors.index)
    found = outliers_among_peers(vectors, (), vectors, group, np.ones(3, dtype=bool))
    assert (found["outlier"] == 0.5).all()


def test_a_part_of_the_peers_always_holds_those_who_are_explained() -> None:
    vectors = pd.DataFrame({"amount": np.arange(100.0)}, index=[f"P{number:03}" for number in range(100)])
    places = fewer_peers(vectors, pd.Index(["P050", "P051"]), most=10)
    assert {50, 51} <= set(places)
    assert 10 <= len(places) <= 12
