"""Tables of many kinds, made or built in: what ``fm.EntityScorer`` may be given that nobody has seen here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn import datasets

Table = tuple[pd.DataFrame, np.ndarray]


def made(rows: int, seed: int) -> dict[str, Table]:
    """Name -> columns and classes of so many rows, each kind with a signal of its own."""
    return {name: _framed(*make(rows, np.random.default_rng([seed, number]))) for number, (name, make) in enumerate(KINDS.items())}


def built_in() -> dict[str, Table]:
    """scikit-learn's own small tables, each as two classes."""
    digits, wine, cancer, diabetes = (
        datasets.load_digits(),
        datasets.load_wine(),
        datasets.load_breast_cancer(),
        datasets.load_diabetes(),
    )
    return {
        "digits_3": _framed(digits.data, digits.target == 3),
        "digits_8": _framed(digits.data, digits.target == 8),
        "wine_1": _framed(wine.data, wine.target == 1),
        "breast_cancer": _framed(cancer.data, cancer.target == 0),
        "diabetes": _framed(diabetes.data, diabetes.target > np.quantile(diabetes.target, 0.85)),
    }


def _framed(X: np.ndarray | pd.DataFrame, y: np.ndarray) -> Table:
    frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame(X, columns=[f"x{number}" for number in range(X.shape[1])])
    return frame, np.asarray(y).astype(int)


def _above(score: np.ndarray, share: float, noise: float, random: np.random.Generator) -> np.ndarray:
    """The given share with the highest scores after logistic noise, in standard deviations of the score."""
    noisy = score / max(score.std(), 1e-9) + noise * random.logistic(size=len(score))
    return noisy > np.quantile(noisy, 1 - share)


def _linear(columns: int, informative: int, share: float, noise: float = 0.5) -> Callable[..., Table]:
    def make(rows: int, random: np.random.Generator) -> Table:
        X = random.normal(size=(rows, columns))
        return X, _above(X[:, :informative] @ random.normal(size=informative), share, noise, random)

    return make


def _interactions(order: int, columns: int, share: float = 0.15) -> Callable[..., Table]:
    def make(rows: int, random: np.random.Generator) -> Table:
        X = random.normal(size=(rows, columns))
        score = np.prod(X[:, :order], axis=1) + np.prod(X[:, order : 2 * order], axis=1)
        return X, _above(score, share, 0.3, random)

    return make


def _product(rows: int, random: np.random.Generator) -> Table:
    X = random.normal(size=(rows, 12))
    return X, np.prod(X[:, :3], axis=1) > 1.5


def _steps(rows: int, random: np.random.Generator) -> Table:
    X = random.uniform(size=(rows, 15))
    return X, _above((X[:, 0] > 0.8) * 1.0 + (X[:, 1] < 0.2) + 2.0 * ((X[:, 2] > 0.5) & (X[:, 3] > 0.7)), 0.1, 0.3, random)


def _claims(rows: int, random: np.random.Generator) -> Table:
    """Counts, amounts with long tails, shares, missing values where nothing happened: like behaviour vectors."""
    size = np.exp(random.normal(1.5, 1.0, rows))
    guilty = random.random(rows) < 0.06
    visits = random.poisson(size * np.where(guilty, 1.8, 1.0))
    amount = visits * np.exp(random.normal(5, 0.8, rows)) * np.where(guilty, 1.3, 1.0)
    share = np.where(visits > 0, random.beta(np.where(guilty, 3, 2), 5), np.nan)
    night = random.binomial(np.maximum(visits, 0), np.where(guilty, 0.15, 0.06)) / np.maximum(visits, 1)
    gap = np.where(visits > 1, np.exp(random.normal(3, 1, rows)) / np.where(guilty, 1.5, 1.0), np.nan)
    noise = np.exp(random.normal(size=(rows, 20))) * (random.random((rows, 20)) < 0.4)
    main = pd.DataFrame({"visits": visits, "amount": amount.round(2), "share": share, "night": night, "gap": gap.round()})
    per_visit = (amount / np.maximum(visits, 1)).round(2)
    return main.assign(per_visit=per_visit, **{f"other_{number}": noise[:, number].round(1) for number in range(20)}), guilty


def _codes(rows: int, random: np.random.Generator) -> Table:
    """Whole-number codes whose order means nothing."""
    codes = np.column_stack([random.integers(0, count, rows) for count in (3, 8, 20, 50, 50)])
    worth = [random.normal(size=count) for count in (3, 8, 20, 50, 50)]
    score = sum(effect[codes[:, number]] for number, effect in enumerate(worth[:4]))
    return np.column_stack([codes, random.normal(size=(rows, 5))]).astype(float), _above(score, 0.15, 0.4, random)


def _texts(rows: int, random: np.random.Generator) -> Table:
    X, y = _codes(rows, random)
    frame = pd.DataFrame(X, columns=[f"x{number}" for number in range(X.shape[1])])
    for number, name in enumerate(list(frame)[:5]):
        frame[name] = ("kind " + frame[name].astype(int).astype(str)).astype("category" if number % 2 else object)
    return frame, y


def _missing(informative: bool) -> Callable[..., Table]:
    def make(rows: int, random: np.random.Generator) -> Table:
        X = random.normal(size=(rows, 20))
        score = X[:, :6] @ np.array([1, 1, -1, 0.7, 0.7, 0.5]) + X[:, 6] * X[:, 7]
        gone = random.random(X.shape) < (0.3 if not informative else 0.1 + 0.4 * (X > 1))
        y = _above(score, 0.12, 0.4, random)
        X[gone] = np.nan
        if informative:
            X[random.random(X.shape) < 0.005] = np.inf
        return X, y

    return make


def _copies(rows: int, random: np.random.Generator) -> Table:
    X, y = datasets.make_classification(
        rows, 12, n_informative=5, weights=[0.9], flip_y=0.03, class_sep=0.8, random_state=int(random.integers(1e6))
    )
    return np.hstack([X, X[:, :6], X[:, :6] * 3 + 1, np.ones((rows, 2)), np.full((rows, 1), np.nan)]), y


def _tails(rows: int, random: np.random.Generator) -> Table:
    X = random.standard_t(1.2, size=(rows, 20))
    return X, _above(np.sign(X[:, :5]) * np.log1p(np.abs(X[:, :5])) @ np.array([1, 1, 1, 0.5, 0.5]), 0.1, 0.5, random)


def _classification(columns: int, informative: int, clusters: int, share: float, flip: float, apart: float) -> Callable[..., Table]:
    def make(rows: int, random: np.random.Generator) -> Table:
        return datasets.make_classification(
            rows,
            columns,
            n_informative=informative,
            n_redundant=min(2, columns - informative),
            n_clusters_per_class=clusters,
            weights=[1 - share],
            flip_y=flip,
            class_sep=apart,
            random_state=int(random.integers(1e6)),
        )

    return make


def _moons(rows: int, random: np.random.Generator) -> Table:
    X, y = datasets.make_moons(rows, noise=0.35, random_state=int(random.integers(1e6)))
    kept = (y == 0) | (random.random(rows) < 0.3)
    return np.hstack([X, random.normal(size=(rows, 8))])[kept], y[kept]


def _hastie(rows: int, random: np.random.Generator) -> Table:
    X = random.normal(size=(rows, 10))
    return X, (X**2).sum(1) > 14


def _friedman(rows: int, random: np.random.Generator) -> Table:
    X, score = datasets.make_friedman1(rows, 20, noise=1.0, random_state=int(random.integers(1e6)))
    return X, score > np.quantile(score, 0.88)


def _bumps(rows: int, random: np.random.Generator) -> Table:
    X = random.normal(size=(rows, 6))
    centres = random.normal(size=(12, 6))
    near = np.exp(-((X[:, None, :] - centres) ** 2).sum(2) / 2).max(1)
    return X, _above(near, 0.1, 0.15, random)


def _rare(rows: int, random: np.random.Generator) -> Table:
    X = random.normal(size=(rows, 25))
    share = max(0.01, 12 / rows)
    return X, _above(X[:, :4].sum(1) + np.maximum(X[:, 4], 0) * 2, share, 0.3, random)


KINDS: dict[str, Callable[..., Table]] = {
    "linear_10": _linear(10, 10, 0.1),
    "linear_50": _linear(50, 30, 0.1),
    "linear_200_sparse": _linear(200, 8, 0.1),
    "pairs": _interactions(2, 10),
    "triples": _interactions(3, 8),
    "triple_rare": _product,
    "steps": _steps,
    "claims": _claims,
    "codes": _codes,
    "texts": _texts,
    "missing": _missing(False),
    "missing_tells": _missing(True),
    "copies": _copies,
    "tails": _tails,
    "clusters_20": _classification(20, 8, 4, 0.1, 0.02, 0.7),
    "clusters_300": _classification(300, 12, 2, 0.1, 0.02, 1.0),
    "noisy_labels": _classification(20, 6, 2, 0.2, 0.2, 1.0),
    "three_columns": _classification(3, 3, 2, 0.1, 0.05, 0.7),
    "moons": _moons,
    "hastie": _hastie,
    "friedman": _friedman,
    "bumps": _bumps,
    "rare": _rare,
}
