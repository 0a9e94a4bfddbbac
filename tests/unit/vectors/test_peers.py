"""Peer groups and where a value stands in them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fraudml.vectors import load_catalogue, peer_groups, peer_statistics


@pytest.fixture
def vectors() -> pd.DataFrame:
    chance = np.random.default_rng(0)
    kind = ["employee"] * 80 + ["resident"] * 35 + ["other"] * 3
    age = ["40-59"] * 60 + ["75+"] * 20 + ["40-59"] * 35 + ["0-17"] * 3
    frame = pd.DataFrame({"insurance_type": pd.Categorical(kind), "age_band": pd.Categorical(age)})
    frame["claim_count_1m"] = chance.integers(0, 9, len(frame)).astype("float64")
    frame["amount_mean_3m"] = np.where(chance.random(len(frame)) < 0.2, np.nan, chance.random(len(frame)))
    return frame.set_index(pd.Index([f"P{place:03}" for place in range(len(frame))], name="entity_id"))


def test_small_groups_are_widened_from_the_right(vectors):
    groups = peer_groups(vectors, load_catalogue("patient"))
    assert groups.value_counts().to_dict() == {"employee | 40-59": 60, "resident | 40-59": 35, "employee": 20, "all": 3}


def test_statistics_count_all_peers_of_a_widened_group(vectors):
    statistics = peer_statistics(vectors, load_catalogue("patient"))
    assert statistics.size["P070"] == 80  # all employees, not the twenty old ones
    assert statistics.size["P117"] == len(vectors)
    for one, alike in (("P000", vectors.iloc[:60]), ("P070", vectors.iloc[:80]), ("P117", vectors)):
        for column in ("claim_count_1m", "amount_mean_3m"):
            value, known = vectors.loc[one, column], alike[column].dropna()
            assert statistics.median.loc[one, column] == known.median()
            below, ties = (known < value).mean(), (known == value).mean()
            expected = np.nan if np.isnan(value) else 100 * (below + ties / 2)
            np.testing.assert_allclose(statistics.percentile.loc[one, column], expected)
            deviation = 1.4826 * (known - known.median()).abs().median()
            np.testing.assert_allclose(statistics.robust_z.loc[one, column], (value - known.median()) / deviation)


def test_robust_z_where_most_have_the_same_value():
    catalogue = load_catalogue("patient")
    some = pd.DataFrame({"claim_count_1m": [2.0] * 38 + [4.0, 12.0], "claim_count_3m": [1.0] * 40, "amount_mean_3m": [np.nan] * 40})
    z = peer_statistics(some, catalogue).robust_z
    mean_deviation = (2 + 10) / 40
    np.testing.assert_allclose(z.claim_count_1m[[0, 38, 39]], [0, 2 / (1.2533 * mean_deviation), 10 / (1.2533 * mean_deviation)])
    assert (z.claim_count_3m == 0).all()
    assert z.amount_mean_3m.isna().all()


def test_order_of_rows_does_not_matter(vectors):
    shuffled = peer_statistics(vectors.sample(frac=1, random_state=1), load_catalogue("patient"))
    straight = peer_statistics(vectors, load_catalogue("patient"))
    pd.testing.assert_frame_equal(shuffled.percentile.sort_index(), straight.percentile)
    pd.testing.assert_series_equal(shuffled.group.sort_index(), straight.group)


def test_nobody_and_one():
    catalogue = load_catalogue("patient")
    nobody = pd.DataFrame({"insurance_type": pd.Categorical([]), "claim_count_1m": pd.Series([], dtype="float64")})
    assert len(peer_groups(nobody, catalogue)) == 0
    assert peer_statistics(nobody, catalogue).median.shape == (0, 1)
    alone = peer_statistics(pd.DataFrame({"claim_count_1m": [4.0]}, index=["P1"]), catalogue)
    assert alone.group["P1"] == "all"
    assert alone.percentile.loc["P1", "claim_count_1m"] == 50
