"""What a sample can prove: intervals for error rates and amounts, and how many must be drawn.

Exact where exactness is cheap: one stratum's error rate is bounded by the hypergeometric distribution (drawing without replacement from a
finite population), so that a sample of the whole population proves the rate itself.

References
----------
W. G. Cochran, Sampling Techniques, 3rd ed., 1977, chapters 3-5. E. L. Korn and B. I. Graubard, Confidence intervals for proportions with
small expected number of positive counts estimated from survey data, Survey Methodology 24 (1998) 193-201.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from fraudml.audit.words import say
from fraudml.errors import FraudmlError
from fraudml.wording import percent

if TYPE_CHECKING:
    import pandas as pd

CONFIDENCE, MARGIN, EXPECTED = 0.95, 0.05, 0.05


@dataclass(frozen=True)
class Estimate:
    """An estimate with its interval (two-sided, of the stated confidence) and standard error."""

    value: float
    low: float
    high: float
    standard_error: float
    confidence: float


def rate_interval(errors: int, n: int, population: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The exact interval of an error rate, from ``errors`` in ``n`` drawn without replacement from ``population``.

    Examples
    --------
    >>> low, high = rate_interval(0, 200, 100_000)
    >>> low, round(high, 3)
    (0.0, 0.018)
    >>> rate_interval(3, 20, 20)
    (0.15, 0.15)
    """
    _check(errors, n, population)
    tail = (1 - confidence) / 2
    low = _first(lambda guilty: _tail_above(errors, n, population, guilty) > tail, errors, population - (n - errors))
    high = _last(lambda guilty: _tail_below(errors, n, population, guilty) > tail, errors, population - (n - errors))
    return low / population, high / population


def upper_if_none(n: int, population: int, confidence: float = CONFIDENCE) -> float:
    """The error rate that is ruled out (one-sided) when ``n`` drawn show no error.

    >>> round(upper_if_none(200, 100_000), 3)
    0.015
    """
    _check(0, n, population)
    highest = _last(lambda guilty: _tail_below(0, n, population, guilty) > 1 - confidence, 0, population - n)
    return highest / population


@lru_cache(maxsize=1024)
def needed_sample(population: int, margin: float = MARGIN, expected: float = EXPECTED, confidence: float = CONFIDENCE) -> int:
    """The smallest number to draw so that an error rate near ``expected`` is known to within ``margin`` on either side.

    The half width is that of the exact interval; Cochran's formula is only where the search begins.

    >>> needed_sample(100_000), needed_sample(300), needed_sample(3)
    (88, 67, 3)
    """
    from scipy.stats import norm

    if not 0 < margin < 1 or not 0 <= expected <= 1 or population < 0:
        raise FraudmlError("audit.precision", f"margin={margin}, expected={expected}, population={population}.", "Give shares of one.")
    if population == 0:
        return 0
    spread = max(expected * (1 - expected), 0.25 / max(population, 1))
    without_end = norm.ppf((1 + confidence) / 2) ** 2 * spread / margin**2
    n = max(1, math.floor(without_end / (1 + (without_end - 1) / population) * 0.8))
    while n < population and margin_of(n, population, expected, confidence) > margin:
        n += 1
    return min(n, population)


def needed_to_find(population: int, rate: float, confidence: float = CONFIDENCE) -> int:
    """The smallest number to draw so that at least one error shows, with this confidence, if the rate is ``rate`` or higher.

    >>> needed_to_find(100_000, 0.01)
    298
    """
    from scipy.stats import hypergeom

    guilty = math.ceil(round(rate * population, 6))
    if guilty <= 0:
        return population
    return _first(lambda n: 1 - hypergeom.pmf(0, population, guilty, n) >= confidence, 1, population)


def margin_of(n: int, population: int, expected: float = EXPECTED, confidence: float = CONFIDENCE) -> float:
    """Half the width of the exact interval when ``n`` drawn show about ``expected`` errors."""
    low, high = rate_interval(round(n * expected), n, population, confidence)
    return (high - low) / 2


def estimate_rate(strata: Sequence[tuple[int, int, int]], confidence: float = CONFIDENCE) -> Estimate:
    """The error rate of a stratified population.

    Parameters
    ----------
    strata : population, number checked, errors found, per stratum. A stratum of which nobody was checked is refused.

    Notes
    -----
    One stratum: the exact hypergeometric interval. Several: the stratified estimate (Cochran 5.2) with Korn and Graubard's interval: exact
    binomial limits at the effective sample size, which also hold where few or no errors were found.
    """
    from scipy.stats import beta

    for population, n, errors in strata:
        _check(errors, n, population)
    whole = sum(population for population, _, _ in strata)
    if len(strata) == 1:
        population, n, errors = strata[0]
        low, high = rate_interval(errors, n, population, confidence)
        return Estimate(errors / n, low, high, math.sqrt(_rate_variance(population, n, errors)), confidence)
    rate = sum(population / whole * errors / n for population, n, errors in strata)
    variance = sum((population / whole) ** 2 * _rate_variance(population, n, errors) for population, n, errors in strata)
    drawn = sum(n for _, n, _ in strata)
    if all(n == population for population, n, _ in strata):
        return Estimate(rate, rate, rate, 0.0, confidence)
    # without any spread the least representative stratum tells how much the sample is worth
    smallest = min(n * whole / population for population, n, _ in strata)
    effective = rate * (1 - rate) / variance if variance > 0 and 0 < rate < 1 else min(drawn, smallest)
    hits, tail = rate * effective, (1 - confidence) / 2
    low = float(beta.ppf(tail, hits, effective - hits + 1)) if hits > 0 else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, effective - hits)) if hits < effective else 1.0
    return Estimate(rate, low, high, math.sqrt(variance), confidence)


def estimate_amount(checked: pd.DataFrame, populations: Mapping[str, int], confidence: float = CONFIDENCE) -> Estimate:
    """The amount overpaid in a stratified population, from the amounts found in those checked.

    Parameters
    ----------
    checked : one row per checked unit: ``stratum`` and ``overpaid`` (yuan, 0 where nothing was wrong).
    populations : units in each stratum.

    Notes
    -----
    The expansion estimate with finite-population correction (Cochran 5.3) and a t interval with Satterthwaite's degrees of freedom, not
    below what was actually found. Overpaid amounts are skewed: below about thirty errors the upper limit is too low more often than
    it says.

    Raises
    ------
    FraudmlError
        ``audit.estimate`` when a stratum was not checked at all, or by one unit only without being whole; when an amount is blank or no
        number (a unit that nobody checked is no unit without error), or a stratum has no population.
    """
    from scipy.stats import t

    _check_amounts(checked, populations)
    total = variance = degrees = 0.0
    for stratum, population in sorted(populations.items()):
        found = checked.loc[checked["stratum"] == stratum, "overpaid"].astype(float)
        n = len(found)
        if n == 0 or n > population or (n == 1 and population > 1):
            raise FraudmlError(
                "audit.estimate", f"stratum “{stratum}”: {n} of {population} checked.", "Check two or more of it, or merge it with another."
            )
        total += population * found.mean()
        spread = found.var(ddof=1) / n if n > 1 else 0.0
        part = population**2 * (1 - n / population) * spread
        variance += part
        degrees += part**2 / (n - 1) if n > 1 else 0.0
    width = float(t.ppf((1 + confidence) / 2, variance**2 / degrees)) * math.sqrt(variance) if degrees > 0 else 0.0
    seen = float(checked["overpaid"].astype(float).sum())
    return Estimate(total, max(total - width, min(seen, total)), total + width, math.sqrt(variance), confidence)


def _check_amounts(checked: pd.DataFrame, populations: Mapping[str, int]) -> None:
    import pandas as pd

    if missing := [name for name in ("stratum", "overpaid") if name not in checked]:
        raise FraudmlError("audit.estimate", f"the checked units have no column {', '.join(missing)}.", "Give stratum and overpaid.")
    blank = pd.to_numeric(checked["overpaid"], errors="coerce").isna()
    if blank.any():
        first = ", ".join(map(str, checked.index[blank][:3]))
        raise FraudmlError(
            "audit.estimate",
            f"overpaid is blank or no number in {int(blank.sum())} of {len(checked)} rows (first: {first}).",
            "Write 0 where nothing was wrong; leave out what was not checked.",
        )
    if others := sorted(set(checked["stratum"]) - set(populations), key=str):
        raise FraudmlError(
            "audit.estimate", f"no population is given for stratum {', '.join(map(str, others[:5]))}.", "Give it, or drop it."
        )


def sample_says(strata: Sequence[tuple[str, int, int]], wanted: Mapping[str, float], lang: str) -> list[str]:
    """What a sample plan proves, in words.

    Parameters
    ----------
    strata : name, population, number drawn.
    wanted : ``confidence``, ``margin`` and ``expected`` rate of the plan.
    """
    confidence, margin, expected = (
        wanted.get("confidence", CONFIDENCE),
        wanted.get("margin", MARGIN),
        wanted.get("expected", EXPECTED),
    )
    said = []
    for name, population, n in [each for each in strata if each[2] > 0][:8]:
        said.append(
            say(
                "note_precision",
                lang,
                stratum=name or say("all", lang),
                population=population,
                n=n,
                confidence=percent(confidence),
                none=percent(upper_if_none(n, population, confidence)),
                expected=percent(expected),
                margin=percent(margin_of(n, population, expected, confidence)),
                wanted=percent(margin),
                needed=needed_sample(population, margin, expected, confidence),
            )
        )
    return said


def _rate_variance(population: int, n: int, errors: int) -> float:
    rate = errors / n
    return (1 - n / population) * rate * (1 - rate) / max(n - 1, 1)


def _check(errors: int, n: int, population: int) -> None:
    if not 0 <= errors <= n <= population or n < 1:
        raise FraudmlError(
            "audit.estimate", f"{errors} errors in {n} of {population}.", "Give errors <= checked <= population, one checked or more."
        )


def _tail_above(errors: int, n: int, population: int, guilty: int) -> float:
    """Probability of as many errors as were found, or more."""
    return 1.0 - _tail_below(errors - 1, n, population, guilty)


def _tail_below(errors: int, n: int, population: int, guilty: int) -> float:
    """Probability of as many errors as were found, or fewer (hypergeometric; scipy's own takes a hundred times as long for few errors)."""
    import numpy as np
    from scipy.special import gammaln

    def choose(many: np.ndarray | float, few: np.ndarray | float) -> np.ndarray:
        return gammaln(many + 1.0) - gammaln(few + 1.0) - gammaln(many - few + 1.0)

    least, most = max(0, n - (population - guilty)), min(errors, guilty)
    if most < least:
        return 0.0
    found = np.arange(least, most + 1, dtype=float)
    logs = choose(float(guilty), found) + choose(float(population - guilty), n - found) - choose(float(population), float(n))
    return min(1.0, float(np.exp(logs).sum()))


def _first(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The smallest number from ``low`` to ``high`` for which a condition holds that stays true once it is."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _last(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The largest number for which a condition holds that stays false once it is."""
    while low < high:
        middle = (low + high + 1) // 2
        if holds(middle):
            low = middle
        else:
            high = middle - 1
    return low
