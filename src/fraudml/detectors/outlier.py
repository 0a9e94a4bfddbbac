"""Who stands out, without labels: an ensemble of fast detectors with comparable scores and conformal p-values."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from fraudml.detectors.ensemble import Ensemble
from fraudml.detectors.seeds import seed_of
from fraudml.detectors.table import TableError, bounded, numbers, row_keys, spaced

HALF_TREES, HALF_ROWS = 12, 300  # size of the ensembles for p-values, which hold with any (the ranking is by all trees and rows)
COMMON = 10  # equal rows that are usual in themselves: each half would have some of them


class OutlierEnsemble(BaseEstimator):
    """Mean of five detectors' normal scores: two histograms, tail probabilities, distances to landmarks, an isolation forest.

    Parameters
    ----------
    contamination : float, default 0.1
        Share of training rows whose ``decision_scores_`` lie above ``threshold_``, from which on :meth:`predict` calls a row an outlier: of
        the training rows somewhat fewer than this share, of new rows of their like somewhat more, the more so the smaller the table.
    random_state : int, RandomState or None, default 0

    Attributes
    ----------
    decision_scores_ : score of each training row; higher = more suspicious (PyOD's sign). A landmark is not its own neighbour here;
        :meth:`decision_function`, to which every row is new, finds the same row a little more ordinary, never less.
    threshold_ : score from which a row is an outlier.

    Notes
    -----
    Columns are brought to one scale by their median and spread; missing values count as unremarkable. Members were chosen on half of
    ADBench (``benchmarks/adbench.py``). Each member's score is replaced by the normal quantile of its rank among the training rows,
    which makes members comparable and keeps the ends apart. Row order plays no part: rows are sorted by content first. p-values come from
    two more ensembles, each fitted to one half of the rows, that judge the other half: training rows look more ordinary to an ensemble
    that they taught than new ones do. They are fitted when p-values are first asked for; the training rows are kept until then.

    References
    ----------
    Goldstein and Dengel 2012 (histograms); Li et al. 2020, COPOD (tail probabilities); Sugiyama and Borgwardt 2013, Rapid
    distance-based outlier detection via sampling (landmarks); Liu et al. 2008, Isolation forest; Vovk 2015, Cross-conformal
    predictors; Bates et al. 2023, Testing for outliers with conformal p-values.

    Examples
    --------
    >>> import numpy as np, fraudml as fm
    >>> X = np.vstack([np.random.default_rng(0).normal(size=(200, 3)), [[9, 9, 9]]])
    >>> int(fm.OutlierEnsemble().fit(X).decision_function(X).argmax())
    200
    """

    def __init__(self, *, contamination: float = 0.1, random_state: Any = 0) -> None:
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
            For fewer than two rows, or columns that are not numbers; where ``contamination`` is no share.
        """
        share: Any = self.contamination
        if not isinstance(share, Real) or not 0 <= float(share) < 1:
            raise TableError("outlier.contamination", f"contamination is {share!r}.", "Give a share of the rows, in [0, 1).")
        X = bounded(validate_data(self, numbers(X), dtype=np.float64, ensure_all_finite=False, ensure_min_samples=2))
        keys = row_keys(X)
        order = np.argsort(keys, kind="stable")
        self._seed = seed_of(self.random_state)
        self._whole = Ensemble(X[order], self._seed)
        self.decision_scores_ = np.empty(len(X))
        self.decision_scores_[order] = self._whole.scores
        self.threshold_ = float(np.quantile(self._whole.scores, 1 - self.contamination))
        self._uncalibrated: tuple[np.ndarray, np.ndarray] | None = (X[order], keys[order])
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Score of each row, higher = more suspicious; about standard normal quantiles."""
        rows = self._checked(X)  # says so when not fitted
        return self._whole.score(rows)

    def p_values(self, X: Any) -> np.ndarray:
        """Cross-conformal p-values, in (0, 1]: the chance that an ordinary row is at least as suspicious.

        Each row is scored by the ensemble of the half that it does not belong to, and ranked among the training rows, each of which was
        scored by the half that it does not belong to. So rows of the training set may be asked for as well: no row is judged by what it
        taught. The order of p-values is near that of :meth:`decision_function`, not the same. The smallest is 1 / (training rows + 1).
        Where training rows are fewer than four or all the same, nothing is known of what is usual, and every p-value is 1.
        """
        rows = self._checked(X)
        if self._uncalibrated is not None:
            self._calibrate(*self._uncalibrated)
            self._uncalibrated = None
        return conformal(self._held_out(rows, row_keys(rows)), self._reference)

    def predict(self, X: Any) -> np.ndarray:
        """1 for outliers, 0 for the rest (PyOD's labels)."""
        check_is_fitted(self)
        return (self.decision_function(X) > self.threshold_).astype(int)

    # ------------------------------------------------------------------ calibration
    def _calibrate(self, X: np.ndarray, keys: np.ndarray) -> None:
        """An ensemble of each half of the rows (sorted by their keys), and held-out scores of all of them.

        A row's content says by which half it is judged, and it teaches the other one, so that a new row meets an ensemble that never saw
        its like, as those did that it is compared with. What is common (a row of zeros) teaches both, or it would pass for odd.
        """
        contents, place, copies = np.unique(keys, return_inverse=True, return_counts=True)
        self._boundary = contents[len(contents) // 2]
        upper, common = keys >= self._boundary, copies[place] >= COMMON
        upper[common] = np.arange(common.sum()) % 2 == 0
        halves = [half[spaced(len(half), HALF_ROWS)] for half in (X[upper], X[~upper])]  # who judges the lower half, and who the upper
        enough = len(contents) > 1 and min(map(len, halves)) > 1
        self._halves = [Ensemble(half, self._seed, HALF_TREES) for half in halves] if enough else []
        self._reference = np.sort(self._held_out(X, keys))

    def _held_out(self, X: np.ndarray, keys: np.ndarray) -> np.ndarray:
        scores = np.zeros(len(X))
        for half, others in enumerate(self._halves):
            mine = (keys >= self._boundary) == (half == 1)
            if mine.any():
                scores[mine] = others.score(X[mine])
        return scores

    def _checked(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return bounded(validate_data(self, numbers(X), dtype=np.float64, ensure_all_finite=False, reset=False))


def conformal(scores: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Share of ``reference`` (sorted scores) at least as large as each score, the score itself counted once: in (0, 1]."""
    at_least = len(reference) - np.searchsorted(reference, scores, side="left")
    return np.minimum((1 + at_least) / (len(reference) + 1), 1.0)
