"""From several scores to one log-odds, and from log-odds to probabilities that mean what they say."""

from __future__ import annotations

from typing import Any

import numpy as np

STEEPEST = 1e-3  # least slope of a calibration curve, per unit of log-odds: rows keep their order and stay distinct
FIRMEST = 13.8  # log-odds of a probability of one in a million


def log_odds(probability: np.ndarray) -> np.ndarray:
    """Log-odds, finite at 0 and 1."""
    clipped = np.clip(probability, 1e-12, 1 - 1e-12)
    return np.log(clipped) - np.log1p(-clipped)


def probability(margin: np.ndarray) -> np.ndarray:
    """The logistic function."""
    from scipy.special import expit

    return expit(margin)


def monotone_logistic(
    scores: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray,
    *,
    agreement: float = 0.0,
    ridge: float = 1e-3,
    prior: np.ndarray | None = None,
) -> tuple[float, np.ndarray]:
    """Logistic regression whose coefficients are not negative: more of any score never lowers the result.

    Parameters
    ----------
    scores : rows x scores, comparable in scale.
    y, weight : 0/1 and weights.
    agreement : pull of the coefficients towards their mean; keeps small samples from trusting one score by luck.
    ridge : pull towards ``prior`` (zero by default), in units of rows.

    Returns
    -------
    intercept, coefficients
    """
    from scipy.optimize import minimize

    count = scores.shape[1]
    towards = np.zeros(count) if prior is None else prior

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        intercept, coefficients = parameters[0], parameters[1:]
        margin = intercept + scores @ coefficients
        residual = weight * (probability(margin) - y)
        apart = coefficients - coefficients.mean()
        away = coefficients - towards
        value = weight @ (np.logaddexp(0, margin) - y * margin) + agreement * apart @ apart + ridge * away @ away
        return value, np.concatenate([[residual.sum()], scores.T @ residual + 2 * agreement * apart + 2 * ridge * away])

    share = float(np.clip(weight @ y / weight.sum(), 1e-6, 1 - 1e-6))
    start = np.concatenate([[np.log(share / (1 - share))], np.full(count, 0.5 / max(count, 1)) if prior is None else towards])
    bounds = [(None, None)] + [(0.0, None)] * count
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 500, "ftol": 1e-12, "gtol": 1e-8})
    return float(found.x[0]), found.x[1:]


class Curve:
    """A strictly rising piecewise-linear map from log-odds to log-odds (isotonic regression through its blocks' centres)."""

    def __init__(self, margin: Any = (), calibrated: Any = ()) -> None:
        self.margin, self.calibrated = np.asarray(margin, float), np.asarray(calibrated, float)

    @classmethod
    def fit(cls, margin: np.ndarray, y: np.ndarray, weight: np.ndarray) -> Curve:
        from sklearn.isotonic import IsotonicRegression

        order = np.argsort(margin, kind="stable")
        margin, y, weight = margin[order], y[order], weight[order]
        level = IsotonicRegression(y_min=0, y_max=1).fit_transform(margin, y, sample_weight=weight)
        _, block = np.unique(level, return_inverse=True)
        mass = np.bincount(block, weight)
        hits = np.bincount(block, weight * y)
        centre = np.bincount(block, weight * margin) / mass
        odds = log_odds((hits + 0.5) / (mass + 1))
        if len(centre) < 2:
            return cls()
        # a centre's odds may tie or dip after rounding in the small blocks: rise at least gently
        odds = np.maximum.accumulate(odds) + STEEPEST * (centre - centre[0])
        return cls(centre, odds)

    def __call__(self, margin: np.ndarray) -> np.ndarray:
        if len(self.margin) < 2:
            return margin
        inside = np.interp(margin, self.margin, self.calibrated)
        below = np.minimum(margin - self.margin[0], 0)
        above = np.maximum(margin - self.margin[-1], 0)
        return inside + below + above

    def as_dict(self) -> dict[str, list[float]]:
        return {"margin": self.margin.tolist(), "calibrated": self.calibrated.tolist()}
