"""What a sample can prove, against the exact distribution, a textbook's example and simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import hypergeom

from fraudml.audit import estimate_amount, estimate_rate, needed_sample, needed_to_find, rate_interval, upper_if_none
from fraudml.audit.sampling import margin_of
from fraudml.errors import FraudmlError


@pytest.mark.parametrize(("errors", "n", "population"), [(0, 10, 50), (3, 20, 60), (7, 30, 45), (20, 20, 100)])
def test_the_interval_holds_the_true_rate_as_often_as_it_says(errors, n, population):
    low, high = rate_interval(errors, n, population)
    assert low <= errors / n <= high
    for guilty in range(population + 1):
        outside = guilty / population < low - 1e-12 or guilty / population > high + 1e-12
        tail = min(hypergeom.cdf(errors, population, guilty, n), hypergeom.sf(errors - 1, population, guilty, n))
        assert outside == (tail <= 0.025 + 1e-12)


def test_a_sample_of_all_proves_the_rate_itself():
    assert rate_interval(3, 20, 20) == (0.15, 0.15)
    assert upper_if_none(20, 20) == 0.0
    assert estimate_rate([(20, 20, 3), (10, 10, 0)]) == estimate_rate([(20, 20, 3), (10, 10, 0)])
    assert estimate_rate([(20, 20, 3), (10, 10, 0)]).high == pytest.approx(0.1)


def test_the_needed_number_is_enough_and_one_less_is_not():
    for population in (60, 500, 20_000):
        n = needed_sample(population, margin=0.06, expected=0.1)
        assert margin_of(n, population, 0.1) <= 0.06 < margin_of(n - 1, population, 0.1)
    found = needed_to_find(1000, 0.02)
    assert 1 - hypergeom.pmf(0, 1000, 20, found) >= 0.95 > 1 - hypergeom.pmf(0, 1000, 20, found - 1)


def test_a_stratified_rate_covers_the_truth():
    random = np.random.default_rng(1)
    populations, rates, sizes = (4000, 800, 200), (0.02, 0.1, 0.3), (150, 60, 40)
    truth = sum(n * r for n, r in zip(populations, rates, strict=True)) / sum(populations)
    inside = 0
    for _ in range(400):
        strata = [
            (p, n, int(random.hypergeometric(round(p * r), p - round(p * r), n))) for p, r, n in zip(populations, rates, sizes, strict=True)
        ]
        estimate = estimate_rate(strata)
        inside += estimate.low <= truth <= estimate.high
    assert inside / 400 >= 0.94


def test_a_stratified_amount_is_the_textbooks():
    # expansion estimate by hand: 100 * 2 + 50 * 10 = 700; variance 100² (1 - 4/100) s²/4 + 50² (1 - 2/50) s²/2
    checked = pd.DataFrame({"stratum": ["a"] * 4 + ["b"] * 2, "overpaid": [0.0, 0.0, 4.0, 4.0, 8.0, 12.0]})
    estimate = estimate_amount(checked, {"a": 100, "b": 50})
    assert estimate.value == pytest.approx(700.0)
    assert estimate.standard_error == pytest.approx((100**2 * 0.96 * (16 / 3) / 4 + 50**2 * 0.96 * 8 / 2) ** 0.5)
    assert 28.0 <= estimate.low < 700.0 < estimate.high
    assert estimate_amount(checked, {"a": 4, "b": 2}).standard_error == 0.0


def test_a_stratum_that_was_not_checked_is_refused():
    with pytest.raises(FraudmlError, match="stratum “b”"):
        estimate_amount(pd.DataFrame({"stratum": ["a", "a"], "overpaid": [1.0, 2.0]}), {"a": 10, "b": 5})
    with pytest.raises(FraudmlError, match=r"audit\.estimate"):
        estimate_rate([(10, 0, 0), (5, 2, 1)])


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ({"stratum": ["a"] * 4, "overpaid": [1.0, None, 2.0, 3.0]}, r"blank or no number in 1 of 4 rows \(first: 1\)"),
        ({"stratum": ["a"] * 4, "overpaid": ["1", "2", "about 3", "4"]}, "blank or no number in 1 of 4 rows"),
        ({"stratum": ["a", "a", "b"], "overpaid": [1.0, 2.0, 3.0]}, "no population is given for stratum b"),
        ({"layer": ["a"] * 3, "overpaid": [1.0, 2.0, 3.0]}, "no column stratum"),
    ],
)
def test_a15_what_was_not_checked_is_no_unit_without_error(rows, told):
    with pytest.raises(FraudmlError, match=told):
        estimate_amount(pd.DataFrame(rows), {"a": 10})
