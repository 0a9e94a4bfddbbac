"""Who stands out, without labels: an ensemble of fast detectors with comparable scores and conformal p-values."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from fraudml.detectors.surprise import Histogram, Isolation, Landmarks, Member, Tails
from fraudml.detectors.table import bounded, row_keys

BEYOND = 0.05  # how fast a score grows beyond the most extreme row of the training set, in its spread


class OutlierEnsemble(BaseEstimator):
    """Mean of five detectors' normal scores: two histograms, tail probabilities, distances to landmarks, an isolation forest.

    Parameters
    ----------
    contamination : float, default 0.1
        Share of training rows that :meth:`predict` calls outliers.
    random_state : int, default 0

    Attributes
    ----------
    decision_scores_ : score of each training row; higher = more suspicious (PyOD's sign).
    threshold_ : score from which a row is an outlier.

    Notes
    -----
    Columns are brought to one scale by their median and spread; missing values count as unremarkable. Members were chosen on half of
    ADBench (``benchmarks/adbench.py``). Each member's score is replaced by the normal quantile of its rank among the training rows,
    which makes members comparable and keeps the ends apart. Row order plays no part: rows are sorted by content first.

    References
    ----------
    Goldstein and Dengel 2012 (histograms); Li et al. 2020, COPOD (tail probabilities); Sugiyama and Borgwardt 2013, Rapid
    distance-based outlier detection via sampling (landmarks); Liu et al. 2008, Isolation forest; Bates et al. 2023, Testing for
    outliers with conformal p-values.

    Examples
    --------
    >>> import numpy as np, fraudml as fm
    >>> X = np.vstack([np.random.default_rng(0).normal(size=(200, 3)), [[9, 9, 9]]])
    >>> int(fm.OutlierEnsemble().fit(X).decision_function(X).argmax())
    200
    """

    def __init__(self, *, contamination: float = 0.1, random_state: int = 0) -> None:
        self.contamination = contamination
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def fit(self, X: Any, y: Any = None) -> OutlierEnsemble:
        """Learns what is usual. ``y`` is ignored.

        Raises
        ------
        ValueError
            For fewer than two rows, or columns that are not numbers.
        """
        X = bounded(validate_data(self, X, dtype=np.float64, ensure_all_finite=False, ensure_min_samples=2))
        order = np.argsort(row_keys(X), kind="stable")
        self._learn_scale(X[order])
        Z, missing = self._standardised(X[order])
        self._members: list[Member] = [
            Histogram.linear(Z),
            Histogram.squashed(Z),
            Tails(Z),
            Landmarks(Z, self.random_state),
            Isolation(Z, self.random_state),
        ]
        raw = [member.score(Z, missing, training=True) for member in self._members]
        self._reference = [np.sort(score) for score in raw]
        scores = np.mean([_normal_scores(score, known) for score, known in zip(raw, self._reference, strict=True)], axis=0)
        self.decision_scores_ = np.empty(len(X))
        self.decision_scores_[order] = scores
        self._sorted = np.sort(scores)
        self.threshold_ = float(np.quantile(scores, 1 - self.contamination))
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Score of each row, higher = more suspicious; about standard normal quantiles."""
        Z, missing = self._checked(X)
        scores = [
            _normal_scores(member.score(Z, missing, training=False), known)
            for member, known in zip(self._members, self._reference, strict=True)
        ]
        return np.mean(scores, axis=0)

    def p_values(self, X: Any) -> np.ndarray:
        """Conformal p-values: share of training rows (and the row itself) that are at least as suspicious, in (0, 1]."""
        return conformal(self.decision_function(X), self._sorted)

    def predict(self, X: Any) -> np.ndarray:
        """1 for outliers, 0 for the rest (PyOD's labels)."""
        check_is_fitted(self)
        return (self.decision_function(X) > self.threshold_).astype(int)

    # ------------------------------------------------------------------ scale
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

    def _checked(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        check_is_fitted(self)
        return self._standardised(bounded(validate_data(self, X, dtype=np.float64, ensure_all_finite=False, reset=False)))


def conformal(scores: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Share of ``reference`` (sorted scores) at least as large as each score, the score itself counted once: in (0, 1]."""
    at_least = len(reference) - np.searchsorted(reference, scores, side="left")
    return np.minimum((1 + at_least) / (len(reference) + 1), 1.0)


def _normal_scores(scores: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """The normal quantile of each score's rank in ``reference``; beyond its largest, growing on with the score."""
    from scipy.stats import norm

    below = np.searchsorted(reference, scores, side="left")
    upto = np.searchsorted(reference, scores, side="right")
    rank = np.clip(((below + upto) / 2) / len(reference), 0.5 / len(reference), 1 - 0.5 / len(reference))
    spread = max(float(reference[-1] - np.median(reference)), 1e-12)
    return norm.ppf(rank) + BEYOND * np.log1p(np.maximum(scores - reference[-1], 0) / spread)
