"""What an :class:`~fraudml.detectors.EntityScorer` is made of: additive models whose contributions are exact.

Each member fits one model per fold and gives, for a row, one number per feature that adds up to its output. Outputs are centred on the
model's own expected value, so that the models of different folds and members can be averaged and weighed against each other.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fraudml.detectors.forest import single
from fraudml.errors import FraudmlError

if TYPE_CHECKING:
    from fraudml.detectors.flat_trees import FlatTrees
    from fraudml.detectors.shapley import TreeShapley
    from fraudml.detectors.tree_sums import TreeSums

LINEAR_ROUNDS = 200
MOST_CODES, FEWEST_OF_A_CODE = 50, 3  # of a column of categories, that have a coefficient of their own; rows that one needs
MANY_ROWS = 2_000  # from which a look-up of Shapley values pays for its tables
VERY_MANY_ROWS = 30_000  # from which sums of trees block by block pay for taking the trees apart
FINITE_SQUARES = 1e145  # largest value whose squares can be added up over any table


class Boosted:
    """Gradient-boosted trees on the log-odds scale (Ke et al. 2017)."""

    name = "boosted"

    def __init__(self, text: str) -> None:
        import lightgbm as lgb

        self.text = text
        self._booster = lgb.Booster(model_str=text)
        self._averaged = 1 if "\naverage_output\n" not in text else self._booster.num_trees()
        self.width = self._booster.num_feature()
        self._trees: FlatTrees | None = None
        self._sums: TreeSums | None = None
        self._shapley: TreeShapley | None = None
        self._deep = False
        self._expected = self._shap(np.full((1, self.width), np.nan), None)[0, -1]

    def __getstate__(self) -> dict[str, Any]:
        return {"text": self.text}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["text"])  # type: ignore[misc]

    def output(self, X: np.ndarray, threads: int | None) -> np.ndarray:
        """One number per row, zero for the average row of the training set."""
        return self._sum(X, threads) / self._averaged - self._expected

    def contributions(self, X: np.ndarray, threads: int | None) -> np.ndarray:
        """Exact Shapley values of the trees (Lundberg et al. 2020): rows x features, summing to :meth:`output`."""
        return self._shap(X, threads)[:, :-1]

    def gains(self) -> np.ndarray:
        """Total gain of each feature's splits."""
        return self._booster.feature_importance("gain")

    def _sum(self, X: np.ndarray, threads: int | None) -> np.ndarray:
        """Sum of the trees: for few rows by LightGBM, for many block by block, which gives the same numbers."""
        if len(X) < VERY_MANY_ROWS:
            return self._booster.predict(X, raw_score=True, **_threads(threads))
        from fraudml.detectors.tree_sums import TreeSums

        if self._sums is None:
            self._sums = TreeSums(self._flat())
        return self._sums(X, threads or os.cpu_count() or 1)

    def _flat(self) -> FlatTrees:
        from fraudml.detectors.flat_trees import FlatTrees

        if self._trees is None:
            self._trees = FlatTrees(self._booster)
        return self._trees

    def _shap(self, X: np.ndarray, threads: int | None) -> np.ndarray:
        """Contributions and, last, the expected value: for few rows by LightGBM, for many by look-up, which gives the same numbers."""
        if len(X) < MANY_ROWS or self._deep:
            return self._booster.predict(X, pred_contrib=True, **_threads(threads)) / self._averaged
        from fraudml.detectors.shapley import LongPathError, TreeShapley

        if self._shapley is None:
            try:
                self._shapley = TreeShapley(self._flat())
            except LongPathError:
                self._deep = True
                return self._shap(X, threads)
        contributions = self._shapley.values(X, threads or os.cpu_count() or 1) / self._averaged
        return np.column_stack([contributions, np.full(len(X), self._expected)])


class RandomTrees(Boosted):
    """Extremely randomised trees (Geurts et al. 2006) on the probability scale."""

    name = "random_trees"

    def output(self, X: np.ndarray, threads: int | None) -> np.ndarray:
        return super().output(single(X).astype(np.float64), threads)

    def contributions(self, X: np.ndarray, threads: int | None) -> np.ndarray:
        return super().contributions(single(X).astype(np.float64), threads)


class Linear:
    """Ridge-penalised logistic regression on two views of each column, standardised value and rank, and on frequent codes of categories.

    Missing values count as the column's average, with a coefficient of their own. Contributions of an additive model are
    its Shapley values.
    """

    name = "linear"

    def __init__(self, centre: Any, scale: Any, knots: Any, mean: Any, coefficients: Any, codes: Any = ()) -> None:
        self.centre, self.scale = np.asarray(centre, float), np.asarray(scale, float)
        self.knots = np.asarray(knots, float)  # quantiles: levels x columns
        self.mean, self.coefficients = np.asarray(mean, float), np.asarray(coefficients, float)
        self.codes = np.asarray(codes, dtype=np.int64).reshape(-1, 2)  # column and code of each indicator

    @classmethod
    def path(
        cls, X: np.ndarray, y: np.ndarray, weight: np.ndarray, penalties: Sequence[float], categorical: Sequence[int] = ()
    ) -> list[Linear]:
        """One model per penalty, the firmest first; columns ``categorical`` hold codes whose order means nothing."""
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits

        known = np.where(np.isnan(X), 0.0, 1.0) * weight[:, None]
        total = np.maximum(known.sum(0), 1e-12)
        X = np.clip(X, -FINITE_SQUARES, FINITE_SQUARES)
        low, high = _quantiles(X, weight, np.array([0.005, 0.995]))
        clipped = np.clip(X, low, high)
        centre = np.nansum(clipped * known, 0) / total
        scale = np.sqrt(np.nansum((clipped - centre) ** 2 * known, 0) / total)
        scale[~(scale > 1e-12 * (1 + np.abs(centre)))] = np.inf  # a constant column says nothing
        scale[list(categorical)] = np.inf
        codes = [(column, code) for column in categorical for code in _frequent(X[:, column])]
        knots = _quantiles(X, weight, np.linspace(0, 1, 33))
        nothing = np.zeros(3 * X.shape[1] + len(codes))
        basis = cls(centre, scale, knots, nothing, nothing, codes)._basis(X)
        mean = weight @ basis / weight.sum()
        basis -= mean
        varies = (basis != 0).any(0)
        fitted = LogisticRegression(max_iter=LINEAR_ROUNDS, tol=1e-4, warm_start=True)
        models = []
        for penalty in penalties:
            coefficients = nothing.copy()
            if varies.any():
                # one thread: products of so small matrices gain little from more, which wait for each other where the cores are busy
                with threadpool_limits(1):
                    coefficients[varies] = fitted.set_params(C=1 / penalty).fit(basis[:, varies], y, sample_weight=weight).coef_[0]
            models.append(cls(centre, scale, knots, mean, coefficients, codes))
        return models

    def output(self, X: np.ndarray, threads: int | None) -> np.ndarray:
        return self.outputs([self], X)[0]

    @staticmethod
    def outputs(models: Sequence[Linear], X: np.ndarray) -> list[np.ndarray]:
        """:meth:`output` of each model of one :meth:`path`: they differ in their coefficients only."""
        basis = models[0]._basis(X) - models[0].mean
        return [basis @ model.coefficients for model in models]

    def contributions(self, X: np.ndarray, threads: int | None) -> np.ndarray:
        return self._by_column((self._basis(X) - self.mean) * self.coefficients)

    def gains(self) -> np.ndarray:
        return self._by_column(np.abs(self.coefficients)[None])[0]

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name).tolist() for name in ("centre", "scale", "knots", "mean", "coefficients", "codes")}

    def _by_column(self, parts: np.ndarray) -> np.ndarray:
        """What stands on the views of each column, added up."""
        views = 3 * len(self.centre)
        out = parts[:, :views].reshape(len(parts), 3, -1).sum(1)
        for number, column in enumerate(self.codes[:, 0]):
            out[:, column] += parts[:, views + number]
        return out

    def _basis(self, X: np.ndarray) -> np.ndarray:
        missing = np.isnan(X)
        with np.errstate(invalid="ignore", over="ignore"):
            value = np.clip((X - self.centre) / self.scale, -6, 6)
        rank = np.empty_like(X)
        levels = np.linspace(-1.7, 1.7, len(self.knots))  # a uniform variable of variance one
        for column in range(X.shape[1]):
            knots = self.knots[:, column]
            rank[:, column] = np.interp(X[:, column], knots, levels)
            if (knots[1:] == knots[:-1]).any():  # the middle of a run of equal knots, so that a frequent value has one rank
                rank[:, column] = (rank[:, column] - np.interp(-X[:, column], -knots[::-1], -levels[::-1])) / 2
        varies = np.isfinite(self.scale)
        value = np.where(missing | ~varies, 0.0, value)
        rank = np.where(missing | ~varies, 0.0, rank)
        indicators = [(X[:, [column]] == code).astype(float) for column, code in self.codes]
        return np.hstack([value, rank, missing.astype(float), *indicators])


def _frequent(codes: np.ndarray) -> list[int]:
    """The most frequent codes of a column that stand in enough rows to say something, in their order."""
    values, count = np.unique(codes[~np.isnan(codes)], return_counts=True)
    kept = np.argsort(-count, kind="stable")[:MOST_CODES]
    return sorted(values[kept][count[kept] >= FEWEST_OF_A_CODE].astype(int).tolist())


def _quantiles(X: np.ndarray, weight: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Weighted quantiles of the known values, levels x columns; zero where all are missing."""
    out = np.zeros((len(levels), X.shape[1]))
    for column in range(X.shape[1]):
        known = ~np.isnan(X[:, column])
        if known.any():
            values, mass = X[known, column], weight[known]
            order = np.argsort(values, kind="stable")
            values, mass = values[order], mass[order]
            reached = (np.cumsum(mass) - mass / 2) / mass.sum()
            out[:, column] = np.interp(levels, reached, values)
    return out


def _threads(threads: int | None) -> dict[str, int]:
    return {} if threads is None else {"num_threads": threads}


Member = Boosted | Linear


def member_from(kind: str, stored: Any) -> Member:
    """A member from what :meth:`EntityScorer.save` wrote."""
    if kind == Boosted.name:
        return Boosted(stored)
    if kind == RandomTrees.name:
        return RandomTrees(stored)
    if kind == Linear.name:
        return Linear(**stored)
    raise FraudmlError("model.member", f"unknown member “{kind}”.", "The model was written by a newer version: update fraudml.")
