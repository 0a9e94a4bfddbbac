"""How much a linear model is taught by, by hand."""

from __future__ import annotations

import numpy as np

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
