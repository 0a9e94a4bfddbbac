"""What a set of rows makes usual: five members' scores of any row, on one scale."""

from __future__ import annotations

import numpy as np

from fraudml.detectors.surprise import TREES, Histogram, Isolation, Landmarks, Member, Tails

BEYOND = 0.05  # how fast a score grows beyond the most extreme row of the training set, in its spread


class Ensemble:
    """Mean of the members' normal scores, learnt from ``X`` (bounded values in an order that depends on content only).

    ``scores`` holds the score of each row of ``X`` itself, ranked among its own like.
    """

    def __init__(self, X: np.ndarray, seed: int, trees: int = TREES) -> None:
        self._learn_scale(X)
        Z, missing = self._standardised(X)
        self._members: list[Member] = [
            Histogram.linear(Z),
            Histogram.squashed(Z),
            Tails(Z),
            Landmarks(Z, seed),
            Isolation(Z, seed, trees),
        ]
        raw = [member.score(Z, missing, training=True) for member in self._members]
        self._reference = [np.sort(score) for score in raw]
        self.scores: np.ndarray = np.mean([_normal_scores(score, known) for score, known in zip(raw, self._reference, strict=True)], axis=0)

    def score(self, X: np.ndarray) -> np.ndarray:
        """Score of other rows than those it learnt from, higher = more suspicious; about standard normal quantiles."""
        Z, missing = self._standardised(X)
        scores = [
            _normal_scores(member.score(Z, missing, training=False), known)
            for member, known in zip(self._members, self._reference, strict=True)
        ]
        return np.mean(scores, axis=0)

    def _learn_scale(self, X: np.ndarray) -> None:
        known = ~np.isnan(X).all(0)
        self._centre = np.zeros(X.shape[1])
        self._spread = np.zeros(X.shape[1])
        limited = np.clip(X[:, known], -1e100, 1e100)  # squares stay finite
        self._centre[known] = np.nanmean(limited, axis=0)
        self._spread[known] = np.nanstd(limited, axis=0)
        self._spread[~(self._spread > 1e-12 * (1 + np.abs(self._centre)))] = 0.0  # constant: says nothing

    def _standardised(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        missing = np.isnan(X) | (self._spread == 0)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            Z = (np.clip(X, -1e100, 1e100) - self._centre) / self._spread
        return np.where(missing, 0.0, Z), missing


def _normal_scores(scores: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """The normal quantile of each score's rank in ``reference``; beyond its largest, growing on with the score."""
    from scipy.stats import norm

    below = np.searchsorted(reference, scores, side="left")
    upto = np.searchsorted(reference, scores, side="right")
    rank = np.clip(((below + upto) / 2) / len(reference), 0.5 / len(reference), 1 - 0.5 / len(reference))
    spread = max(float(reference[-1] - np.median(reference)), 1e-12)
    return norm.ppf(rank) + BEYOND * np.log1p(np.maximum(scores - reference[-1], 0) / spread)
