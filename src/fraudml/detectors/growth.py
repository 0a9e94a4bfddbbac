"""How the members of an :class:`~fraudml.detectors.EntityScorer` are grown: by the size of the table, without tuning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from numbers import Integral
from typing import Any

import numpy as np

from fraudml.detectors.calibration import probability
from fraudml.detectors.forest import grow_forest
from fraudml.detectors.members import Boosted, Linear, Member, RandomTrees
from fraudml.detectors.table import TableError, spaced

TREES = 400  # random trees over all folds and partitions, which is what scores a new row
FEWEST_TREES = 40  # in one forest
LEAVES = (48, 128)  # of a random tree: exact Shapley values take time in leaves x depth squared
PENALTIES = (100.0, 10.0, 1.0)  # of the linear model, the firmest first: each fit starts from the one before
VERY_LARGE = 200_000  # rows or entities of which one half teaches as much as both, and trees find by themselves what is linear
LINEAR_ROWS, LINEAR_VALUES = 20_000, 2_000_000  # that a linear model is taught by: its few numbers need no more
FEWEST_LINEAR_ROWS = 1_000  # however wide the table


MEMBERS = (Boosted.name, RandomTrees.name, Linear.name)
OWN = frozenset({"objective", "metric", "num_class"})  # of boosting: what calibration and reasons rest on


@dataclass(frozen=True)
class Plan:
    """Regime of a fit.

    Attributes
    ----------
    folds, repeats : cross-fitting; one fold means that nothing could be held out.
    members : names of the models to blend.
    rounds, patience : boosting rounds at most, and how many without gain end it; no patience: all rounds.
    agreement : pull of the blend towards equal weights.
    boosting : LightGBM parameters.
    """

    folds: int
    repeats: int
    members: tuple[str, ...]
    rounds: int
    patience: int
    agreement: float
    boosting: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def plan(rows: int, columns: int, smaller: int, folds: int | None, repeats: int | None, members: Sequence[str] | None) -> Plan:
    """The regime for so many distinct rows and columns, ``smaller`` being the number of groups in the smaller class.

    Raises
    ------
    TableError
        Where folds, repeats or members are none.
    """
    for name, number in (("folds", folds), ("repeats", repeats)):
        if number is not None and (not isinstance(number, Integral) or number < 1):
            raise TableError(f"scorer.{name}", f"{name} is {number!r}.", "Give a whole number from 1 on, or None.")
    if members is not None and (isinstance(members, str) or not len(members) or not set(members) <= set(MEMBERS)):
        raise TableError("scorer.members", f"members is {members!r}.", f"Give a list of some of {', '.join(MEMBERS)}; or None.")
    by_size = 5 if rows < 20_000 else 3 if rows < VERY_LARGE else 2
    folds = max(1, min(int(folds or by_size), smaller))
    if repeats is None:
        repeats = 3 if rows < 1_000 else 2 if rows < 3_000 else 1
    repeats = 1 if folds == 1 else int(repeats)
    if members is None:
        few = rows <= 10_000 and rows * columns <= 1_000_000
        members = MEMBERS if few else (Boosted.name, Linear.name) if rows < VERY_LARGE else (Boosted.name,)
    boosting = {
        "learning_rate": 0.05 if rows < VERY_LARGE else 0.1,
        "num_leaves": 8 if rows < 1_000 else 15 if rows < 10_000 else 31 if rows < 100_000 else 63,
        "min_data_in_leaf": int(np.clip(rows // 100, 3, 50)),
        "min_sum_hessian_in_leaf": 1e-3,
        "lambda_l2": 0.3,  # more would hold a leaf of rare cases down, whose weight in second derivatives is small
        "feature_fraction": 0.5 if rows >= VERY_LARGE and columns > 10 else 1.0,  # a tree without one of the partners sees no interaction
        "bagging_fraction": 1.0 if rows < 1_000 else 0.8,
        "bagging_freq": 0 if rows < 1_000 else 1,
    }
    rounds, patience = (400, 50) if rows < VERY_LARGE else (300, 0)
    return Plan(folds, repeats, tuple(members), rounds, patience, 2.0, boosting)


def grow(
    X: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray,
    fold: np.ndarray,
    regime: Plan,
    categorical: list[int],
    overrides: dict[str, Any] | None,
    seed: int,
    threads: int | None,
    judged: np.ndarray,
) -> tuple[dict[str, list[Member]], dict[str, np.ndarray]]:
    """Models of every member (repeat-major), and their held-out outputs for the rows ``judged`` (places), averaged over the repeats."""
    splits = [
        (fold[:, repeat] != number, fold[:, repeat] == number) if regime.folds > 1 else (np.ones(len(X), bool), np.zeros(len(X), bool))
        for repeat in range(regime.repeats)
        for number in range(regime.folds)
    ]
    models: dict[str, list[Member]] = {}
    outputs: dict[str, np.ndarray] = {}
    trees = _Trees(X, y, weight, categorical, seed, threads)
    for name in regime.members:
        if name == Boosted.name:
            models[name] = trees.boosted(splits, regime, overrides or {})
        elif name == RandomTrees.name:
            models[name] = _forests(X, y, weight, splits, regime, seed, threads)
        else:
            models[name] = _linear(X, y, weight, splits, regime.folds, categorical)
        held_out = np.zeros(len(judged))
        for (_, test), model in zip(splits, models[name], strict=True):
            if test.any():
                mine = test[judged]
                held_out[mine] += model.output(X[judged[mine]], threads) / regime.repeats
        outputs[name] = held_out if regime.folds > 1 else models[name][0].output(X[judged], threads)
    return models, outputs


def by_own_names(boosting: Any) -> dict[str, Any]:
    """LightGBM parameters under LightGBM's own names: of a parameter given by two names (ours and ``min_child_samples``, say) it would
    heed the one that is its own, and of one that it does not know it would say nothing.

    Raises
    ------
    TableError
        Where a parameter is unknown, given twice, or the scorer's own.
    """
    if not isinstance(boosting, Mapping):
        raise TableError("scorer.boosting", f"boosting is {boosting!r}.", "Give LightGBM parameters by name, or None.")
    if not boosting:
        return {}
    from lightgbm.basic import _ConfigAliases  # its list of names, which no public call gives

    known = {alias: own for own, aliases in _ConfigAliases._get_all_param_aliases().items() for alias in (own, *aliases)} | {
        "rounds": "rounds"
    }
    if unknown := [str(name) for name in boosting if name not in known]:
        raise TableError("scorer.boosting", f"LightGBM has no parameter {', '.join(sorted(unknown))}.", "See its list of parameters.")
    named = {known[name]: value for name, value in boosting.items()}
    if len(named) < len(boosting):
        raise TableError("scorer.boosting", f"boosting names one parameter twice: {', '.join(sorted(boosting))}.", "Leave one out.")
    if given := sorted(OWN & set(named)):
        hint = "Leave that out: the scorer needs the odds of two classes."
        raise TableError("scorer.boosting", f"boosting sets {', '.join(given)}.", hint)
    return named


class _Trees:
    """Grows trees on one binned copy of the table."""

    def __init__(self, X: np.ndarray, y: np.ndarray, weight: np.ndarray, categorical: list[int], seed: int, threads: int | None) -> None:
        import lightgbm as lgb

        self.base = {"verbose": -1, "seed": seed, "deterministic": True, "force_col_wise": True, "feature_pre_filter": False}
        if threads is not None:
            self.base["num_threads"] = threads
        binning = self.base | {"max_bin": 63 if len(X) < 3_000 else 255, "min_data_in_bin": 1 if len(X) < 20_000 else 3}
        self.data = lgb.Dataset(X, y, weight=weight, categorical_feature=categorical or "auto", params=binning, free_raw_data=False)
        self.data.construct()

    def _part(self, chosen: np.ndarray) -> Any:
        return self.data if chosen.all() else self.data.subset(np.flatnonzero(chosen))

    def boosted(self, splits: list[tuple[np.ndarray, np.ndarray]], regime: Plan, overrides: dict[str, Any]) -> list[Member]:
        """Boosted trees; the number of rounds is the one that is best on the average over the held-out folds."""
        import lightgbm as lgb

        overrides = by_own_names(overrides)
        rounds = int(overrides.pop("rounds", regime.rounds))
        boosters, curves = [], []
        for number, (train, test) in enumerate(splits):
            parameters = self.base | {"objective": "binary"} | regime.boosting | overrides | {"seed": self.base["seed"] + number}
            watched = bool(regime.patience) and test.any()
            history: dict[str, Any] = {}
            callbacks = [lgb.early_stopping(regime.patience, verbose=False), lgb.record_evaluation(history)] if watched else []
            boosters.append(
                lgb.train(
                    parameters,
                    self._part(train),
                    rounds if watched or not regime.patience else min(rounds, 100),
                    valid_sets=[self._part(test)] if watched else None,
                    callbacks=callbacks,
                )
            )
            if watched:
                curves.append(history["valid_0"]["binary_logloss"])
        best = None
        if curves:
            shortest = min(map(len, curves))
            best = int(np.argmin(np.mean([curve[:shortest] for curve in curves], axis=0))) + 1
        return [Boosted(booster.model_to_string(num_iteration=best)) for booster in boosters]


def _forests(
    X: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray,
    splits: list[tuple[np.ndarray, np.ndarray]],
    regime: Plan,
    seed: int,
    threads: int | None,
) -> list[Member]:
    """Random trees, best splits first; more folds and partitions need fewer trees each."""
    trees = max(FEWEST_TREES, TREES // len(splits))
    min_leaf = max(1, len(X) // 300)
    leaves = int(np.clip(len(X) // 40, *LEAVES))
    return [
        RandomTrees(grow_forest(X[train], y[train], weight[train], trees, min_leaf, leaves, seed + number, threads))
        for number, (train, _) in enumerate(splits)
    ]


def _linear(
    X: np.ndarray, y: np.ndarray, weight: np.ndarray, splits: list[tuple[np.ndarray, np.ndarray]], folds: int, categorical: list[int]
) -> list[Member]:
    """Linear models; the penalty is the one that is best on the held-out folds of the first partition."""
    from sklearn.metrics import log_loss

    most = max(min(LINEAR_ROWS, LINEAR_VALUES // X.shape[1]), FEWEST_LINEAR_ROWS)

    def path(train: np.ndarray, penalties: tuple[float, ...]) -> list[Linear]:
        chosen, factor = enough_rows(np.flatnonzero(train), y, most)
        return Linear.path(X[chosen], y[chosen], weight[chosen] * factor, penalties, categorical)

    paths: list[list[Linear]] = []
    losses = np.zeros(len(PENALTIES))
    for train, test in splits[:folds]:
        paths.append(path(train, PENALTIES))
        if test.any():
            base = _base_rate(y[train], weight[train])
            judged = np.flatnonzero(test)
            judged = judged[spaced(len(judged), LINEAR_ROWS)]
            losses += [
                log_loss(y[judged], probability(output + base), sample_weight=weight[judged], labels=[0, 1])
                for output in Linear.outputs(paths[-1], X[judged])
            ]
    best = int(np.argmin(losses))
    models: list[Member] = [each[best] for each in paths]
    for train, _ in splits[folds:]:
        models += path(train, PENALTIES[: best + 1])[-1:]
    return models


def enough_rows(rows: np.ndarray, y: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Of many rows (sorted by content) at most so many that tell as much, and by what their weights grow to stand for all.

    The rarer class is kept as far as it fills no more than half (a case-control sample, weighed back: King and Zeng 2001).
    """
    if len(rows) <= most:
        return rows, np.ones(len(rows))
    cases, others = rows[y[rows] == 1], rows[y[rows] == 0]
    kept = [side[spaced(len(side), max(most // 2, most - len(other)))] for side, other in ((cases, others), (others, cases))]
    factor = [np.full(len(part), len(side) / max(len(part), 1)) for part, side in zip(kept, (cases, others), strict=True)]
    return np.concatenate(kept), np.concatenate(factor)


def _base_rate(y: np.ndarray, weight: np.ndarray) -> float:
    share = float(np.clip(weight @ y / weight.sum(), 1e-6, 1 - 1e-6))
    return float(np.log(share / (1 - share)))
