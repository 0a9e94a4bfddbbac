"""Which decisions speak about which behaviour, and how much the undecided weigh."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest

from fraudml.stages.learning_set import Delay, _name_origins, background, speaking


def test_entities_nobody_looked_at_do_not_outweigh_what_is_known() -> None:
    y = np.array([1.0] * 20 + [0.0] * 80 + [0.0] * 900)
    decided = np.arange(1000) < 100
    assert background(y, np.ones(1000), decided, 0.25) * 900 == 20  # a quarter of the eighty
    alone = np.arange(1000) < 20
    assert abs(background(y, np.ones(1000), alone, 0.25) * 980 - 20) < 1e-9  # as much as the confirmed
    assert background(y, np.ones(1000), np.ones(1000, bool), 0.25) == 0


def test_a_decision_speaks_about_behaviour_shortly_before_it_and_for_a_year_after() -> None:
    labels = pd.DataFrame({"entity_id": list("abcd"), "decided_on": pd.to_datetime(["2024-05-01", "2024-12-01", "2023-01-01", None])})
    assert list(speaking(labels, "2024-03-31", Delay(60, 120))["entity_id"]) == ["a", "d"]


def test_origins_that_nobody_knows_are_named(caplog: pytest.LogCaptureFixture) -> None:
    labels = pd.DataFrame({"origin": ["random", None, "", "抽查", "抽查"]})
    with caplog.at_level(logging.WARNING, logger="fraudml"):
        _name_origins(labels, {"random": 1.0, "lead": 0.8})
    assert "2 decisions have an origin that is none of random, lead (抽查)" in caplog.text
    caplog.clear()
    _name_origins(labels[:3], {"random": 1.0, "lead": 0.8})
    assert not caplog.text
