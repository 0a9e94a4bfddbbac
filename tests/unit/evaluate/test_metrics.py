"""Ranking figures against their definitions."""

from __future__ import annotations

import numpy as np
import pytest

from fraudml.evaluate.metrics import calibration, chance_error, precision_recall_curve, ranking_metrics


def test_a_perfect_ranking() -> None:
    y = np.array([1] * 50 + [0] * 150)
    found = ranking_metrics(y, np.arange(200)[::-1].astype(float))
    assert found["auc"] == found["average_precision"] == found["precision_at_50"] == 1
    assert found["precision_at_100"] == 0.5
    assert found["recall_at_50"] == 1
    assert "precision_at_500" not in found


def test_ties_count_by_their_expectation() -> None:
    y = np.array([1, 0] * 50)
    assert ranking_metrics(y, np.zeros(100))["precision_at_50"] == pytest.approx(0.5)


def test_one_class_has_no_areas() -> None:
    assert np.isnan(ranking_metrics(np.zeros(10), np.arange(10.0))["auc"])


def test_calibration_error_is_the_mean_gap() -> None:
    y = np.array([0.0, 1.0] * 500)
    error, curve = calibration(y, np.full(1000, 0.7), bins=2)
    assert error == pytest.approx(0.2)
    assert sum(each["rows"] for each in curve) == 1000


def test_the_curve_ends_at_the_base_rate() -> None:
    points = precision_recall_curve(np.array([1, 0, 0, 1]), np.array([4.0, 3.0, 2.0, 1.0]))
    assert points[0] == (0.5, 1.0)
    assert points[-1] == (1.0, 0.5)


def test_right_risks_of_few_rows_err_by_chance_and_those_of_many_do_not() -> None:
    few, many = np.full(40, 0.2), np.full(40_000, 0.2)
    assert 0.1 < chance_error(few) < 0.25  # four rows a bin: 0, 1/4, 2/4 … where 0.2 is said
    assert chance_error(many) < 0.01
    assert chance_error(np.zeros(40)) == 0
    drawn = (np.random.default_rng(1).random(40) < 0.2).astype(float)
    assert abs(calibration(drawn, few)[0] - chance_error(few)) < 0.1
