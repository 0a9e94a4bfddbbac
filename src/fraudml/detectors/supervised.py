"""A calibrated, explained classifier for any numeric table, good without tuning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, column_or_1d, validate_data

from fraudml.detectors.calibration import Curve, log_odds, monotone_logistic, probability
from fraudml.detectors.folds import assign_folds
from fraudml.detectors.growth import VERY_LARGE, Plan, enough_rows, grow, plan
from fraudml.detectors.members import Linear, Member, member_from
from fraudml.detectors.seeds import seed_of
from fraudml.detectors.table import Categories, TableError, bounded, name_keys, row_keys
from fraudml.errors import FraudmlError, MissingInput

if TYPE_CHECKING:
    import pandas as pd

ISOTONIC_FROM = 1000  # rows of the smaller class from which a free calibration curve is steadier than a logistic one
TRUST = {"boosted": 1.0, "random_trees": 2.0, "linear": 1.0}  # weights in the blend before the data speak
ONE_THREAD_BELOW = 1_000_000  # values in a table
HALVES = 2
JUDGED = 100_000  # held-out rows of a very large table that tell what its models are worth
BLOCK = 50_000  # rows explained at a time, which bounds memory


class EntityScorer(ClassifierMixin, BaseEstimator):
    """Gradient-boosted trees, cross-fitted and calibrated; blended with a linear model and, on small tables, with random trees.

    Every row that the model was trained on can be scored by models that have not seen it. The prediction is additive in the
    features on the log-odds scale, so that reasons add up exactly.

    Parameters
    ----------
    folds, repeats : int, optional
        Cross-fitting: number of folds and of partitions; by the size of the table by default.
    members : sequence of {"boosted", "random_trees", "linear"}, optional
        Models to blend; by the size of the table by default.
    pu : bool, default False
        Positive–unlabelled: 0 means "not known to be fraud". Probabilities are divided by the share of positives that
        are labelled, estimated on held-out positives (Elkan and Noto 2008).
    boosting : dict, optional
        LightGBM parameters, by any of their names, that replace the defaults (from tuning); objective and metric are the scorer's own.
    random_state : int, RandomState or None, default 0
    n_jobs : int, optional
        Threads; LightGBM's own default where left out.

    Attributes
    ----------
    classes_ : the two classes; the second is the suspicious one.
    expected_value_ : float, log-odds of the average row; contributions are counted from here.
    importances_ : array, share of each feature in the members' gains.
    oof_margin_ : array, out-of-fold log-odds of the training rows in the order they were given; None for 200,000 distinct rows and more,
        which :meth:`margin` gives by ``groups``: a part of them is enough to calibrate by.
    weights_ : dict, member -> coefficient in the blend.

    Notes
    -----
    Text and category columns of a DataFrame are accepted; missing and infinite values too. Rows that are equal are folded
    into one with their weights added, and rows are ordered by content, so that results depend neither on the order of rows nor on names.

    References
    ----------
    Ke et al. 2017, LightGBM; Geurts et al. 2006, Extremely randomized trees; Elkan and Noto 2008, Learning classifiers
    from only positive and unlabeled data; Lundberg et al. 2020, From local explanations to global understanding.

    Examples
    --------
    >>> import numpy as np, fraudml as fm
    >>> X = np.random.default_rng(0).normal(size=(200, 3)); y = (X[:, 0] > 1).astype(int)
    >>> model = fm.EntityScorer().fit(X, y)
    >>> reasons = model.explain(X[:2])
    >>> bool(np.allclose(model.expected_value_ + reasons.sum(axis=1), model.margin(X[:2])))
    True
    """

    def __init__(
        self,
        *,
        folds: int | None = None,
        repeats: int | None = None,
        members: Any = None,
        pu: bool = False,
        boosting: dict[str, Any] | None = None,
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.folds = folds
        self.repeats = repeats
        self.members = members
        self.pu = pu
        self.boosting = boosting
        self.random_state = random_state
        self.n_jobs = n_jobs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        return tags

    # ------------------------------------------------------------------ learning
    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None, blocks: Any = None) -> EntityScorer:
        """Learns from rows ``X`` with classes ``y``.

        Parameters
        ----------
        X : table of numbers, rows x features.
        y : two classes; the larger one in sort order is the suspicious one.
        sample_weight : weight of each row; rows of weight zero are left out.
        groups : name of each row's entity: an entity never stands on both sides of a fold.
        blocks : what the entities of one name have in common (the claims of an institution, say), so that one of them gives another away:
            they share a fold too. With ``groups`` only; each entity by itself by default.

        Raises
        ------
        ValueError
            When ``y`` has one class only or more than two, or misses labels; when columns hold dates or nested values, or two columns bear
            one name; when ``X`` and what belongs to its rows name them otherwise or in another order; when a group is missing; when a
            parameter has no meaning.
        """
        _refuse_missing(y)
        for name, given in (("y", y), ("sample_weight", sample_weight), ("groups", groups), ("blocks", blocks)):
            _refuse_other_rows(X, name, given)
        self._categories = Categories().learn(X)
        X, y = validate_data(self, self._categories.encode(X), y, dtype=np.float64, ensure_all_finite=False)
        X = bounded(X)
        target = self._binary(y)
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        names = None if groups is None else _group_keys(groups, len(X))
        together = names if blocks is None else _block_keys(blocks, names, len(X))
        keys = row_keys(X)
        rows, weight, place = _distinct(keys, target, weight, names)
        X, target, keys = X[rows], target[rows], keys[rows]
        groups_of = keys if names is None else names[rows]
        blocks_of = keys if together is None else together[rows]
        if len(np.unique(target)) < 2:
            raise TableError("scorer.one_class", "only one class is left where weights are above zero.", "Give rows of both classes.")
        weight = weight / weight.mean()
        self._plan = self._planned(X, target, blocks_of)
        self._fold = np.stack(
            [assign_folds(keys, blocks_of, target == 1, self._plan.folds, repeat) for repeat in range(self._plan.repeats)], axis=1
        )
        names_in = getattr(self, "feature_names_in_", ())
        categorical = [number for number, name in enumerate(names_in) if str(name) in self._categories.levels]
        judged, stand_for = enough_rows(np.arange(len(X)), target, JUDGED if len(X) >= VERY_LARGE else len(X))
        self._models, outputs = grow(
            X, target, weight, self._fold, self._plan, categorical, self.boosting, seed_of(self.random_state), self._jobs(X), judged
        )
        held_out = self._blend(outputs, target[judged], weight[judged] * stand_for)
        self._remember(groups_of)
        self.oof_margin_ = np.where(place >= 0, held_out[place], np.nan) if len(judged) == len(X) else None
        return self

    def _binary(self, y: Any) -> np.ndarray:
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        self.classes_, target = np.unique(y, return_inverse=True)
        if len(self.classes_) > 2:
            raise TableError(
                "scorer.classes",
                f"Only binary classification is supported. The type of the target is {type_of_target(y)}.",
                "Fit one scorer per class.",
            )
        if len(self.classes_) < 2:
            raise TableError("scorer.one_class", f"y has one class only ({self.classes_[0]}).", "Give rows of both classes.")
        return target.astype(np.float64)

    def _planned(self, X: np.ndarray, target: np.ndarray, groups: np.ndarray) -> Plan:
        positive = len(np.unique(groups[target == 1]))
        negative = len(np.unique(groups[target == 0]))
        return plan(len(X), X.shape[1], min(positive, negative), self.folds, self.repeats, self.members)

    def _blend(self, outputs: dict[str, np.ndarray], target: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Weights of the members by their held-out outputs; calibration of the result. Returns the rows' held-out log-odds."""
        self._kinds = list(outputs)
        table = np.column_stack([outputs[kind] for kind in self._kinds])
        if self._plan.folds == 1:  # nothing is held out: take the trees at their word
            share = float(weight @ target / weight.sum())
            self.expected_value_ = float(log_odds(np.array([share]))[0])
            self.weights_ = {kind: 1.0 / len(self._kinds) for kind in self._kinds}
        else:
            spread = np.maximum(np.sqrt(weight @ (table - weight @ table / weight.sum()) ** 2 / weight.sum()), 1e-9)
            spread /= [TRUST[kind] for kind in self._kinds]
            intercept, coefficients = monotone_logistic(table / spread, target, weight, agreement=self._plan.agreement, ridge=0.05)
            self.expected_value_ = intercept
            self.weights_ = dict(zip(self._kinds, (coefficients / spread).tolist(), strict=True))
        held_out = self.expected_value_ + table @ np.array([self.weights_[kind] for kind in self._kinds])
        smaller = min((target == 1).sum(), (target == 0).sum())
        free = smaller >= ISOTONIC_FROM and self._plan.folds > 1
        self._curve = Curve.fit(held_out, target, weight) if free else Curve()
        self.labelled_share_ = 1.0
        if self.pu:
            positives = target == 1
            found = probability(self._curve(held_out[positives]))
            self.labelled_share_ = float(np.clip(np.average(found, weights=weight[positives]), 1e-3, 1.0))
        gains = sum(self.weights_[kind] * _share(sum(_share(one.gains()) for one in self._models[kind])) for kind in self._kinds)
        self.importances_ = _share(gains)
        return held_out

    def _remember(self, groups: np.ndarray) -> None:
        """Keeps which fold each group stood in, sorted by key."""
        self._known, first = np.unique(groups, return_index=True)
        self._known_fold = self._fold[first].astype(np.int16)
        del self._fold

    # ------------------------------------------------------------------ scoring
    def margin(self, X: Any, groups: Any = None) -> np.ndarray:
        """Log-odds before calibration: ``expected_value_`` plus the row's contributions.

        With ``groups``, rows of an entity that the model was trained on are scored by the models that did not see it.
        """
        X = self._checked(X)
        share = self._model_shares(X, groups)
        out = np.full(len(X), self.expected_value_)
        for kind in self._kinds:
            for number, model in enumerate(self._models[kind]):
                used = share[:, number] > 0
                if used.all():
                    out += self.weights_[kind] * share[:, number] * model.output(X, self._jobs(X))
                elif used.any():
                    out[used] += self.weights_[kind] * share[used, number] * model.output(X[used], self._jobs(X))
        return out

    def decision_function(self, X: Any) -> np.ndarray:
        """Calibrated log-odds; above zero means more likely suspicious than not."""
        return self._calibrated(self.margin(X))

    def predict_proba(self, X: Any, groups: Any = None) -> np.ndarray:
        """Calibrated probabilities of the two classes, rows x 2. ``groups`` as in :meth:`margin`."""
        positive = probability(self._calibrated(self.margin(X, groups)))
        return np.column_stack([1 - positive, positive])

    def predict(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return self.classes_[(self.decision_function(X) > 0).astype(int)]

    def cross_fitted(self, X: Any, groups: Any = None) -> np.ndarray:
        """Probability of the suspicious class; rows known from training (by ``groups``, else by content) are scored out of fold."""
        known = row_keys(self._checked(X)) if groups is None else groups
        return probability(self._calibrated(self.margin(X, groups=known)))

    def explain(self, X: Any, groups: Any = None) -> pd.DataFrame:
        """Contribution of every feature to the log-odds (before calibration), rows x features.

        Exact Shapley values: ``expected_value_ + explain(X).sum(axis=1)`` equals :meth:`margin`. ``groups`` as there.
        """
        import pandas as pd

        index = X.index if isinstance(X, pd.DataFrame) else None
        X = self._checked(X)
        share = self._model_shares(X, groups)
        out = np.zeros(X.shape)
        for start in range(0, len(X), BLOCK):
            rows = slice(start, start + BLOCK)
            for kind in self._kinds:
                for number, model in enumerate(self._models[kind]):
                    used = share[rows, number] > 0
                    if used.any():
                        part = model.contributions(X[rows][used], self._jobs(X))
                        out[rows][used] += self.weights_[kind] * share[rows][used, number, None] * part
        names = getattr(self, "feature_names_in_", [f"x{number}" for number in range(self.n_features_in_)])
        return pd.DataFrame(out, columns=names, index=index)

    def _checked(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        if isinstance(X, np.ndarray) and X.dtype == np.float64 and X.ndim == 2 and not hasattr(self, "feature_names_in_"):
            encoded = X
        else:
            encoded = self._categories.encode(X)
        return bounded(validate_data(self, encoded, dtype=np.float64, ensure_all_finite=False, reset=False))

    def _jobs(self, X: np.ndarray) -> int | None:
        """Threads for a table: one for a small one, where waiting for each other costs more than the work."""
        return 1 if self.n_jobs is None and X.size < ONE_THREAD_BELOW else self.n_jobs

    def _calibrated(self, margin: np.ndarray) -> np.ndarray:
        calibrated = self._curve(margin)
        if self.labelled_share_ < 1:
            calibrated = log_odds(np.minimum(probability(calibrated) / self.labelled_share_, 1 - 1e-6))
        return calibrated

    def _model_shares(self, X: np.ndarray, groups: Any) -> np.ndarray:
        """Share of each model in each row's score, rows x models (repeat-major): equal, or of rows known by ``groups`` the held-out ones.

        Of a very large table one model scores what is new: the second would double the time and hardly change a rank.
        """
        folds, repeats = self._plan.folds, self._plan.repeats
        share = np.full((len(X), folds * repeats), 1.0 / (folds * repeats))
        if folds == HALVES and len(self._known) >= VERY_LARGE:
            share[:] = 0.0
            share[:, 0] = 1.0
        if groups is None or folds == 1:
            return share
        keys = np.asarray(groups) if getattr(groups, "dtype", None) == np.uint64 else _group_keys(groups, len(X))
        at = np.minimum(np.searchsorted(self._known, keys), len(self._known) - 1)
        known = np.flatnonzero(self._known[at] == keys)
        share[known] = 0
        for repeat in range(repeats):
            share[known, repeat * folds + self._known_fold[at[known], repeat]] = 1.0 / repeats
        return share

    # ------------------------------------------------------------------ keeping
    def save(self, folder: str | Path) -> None:
        """Writes the model into ``folder`` as LightGBM text, JSON and plain arrays: nothing that runs code when loaded."""
        check_is_fitted(self)
        kept = {
            "parameters": self.get_params(deep=False),
            "classes": self.classes_.tolist(),
            "features": list(map(str, getattr(self, "feature_names_in_", []))),
            "n_features": self.n_features_in_,
            "levels": self._categories.levels,
            "plan": self._plan.as_dict(),
            "kinds": self._kinds,
            "weights": self.weights_,
            "expected_value": self.expected_value_,
            "labelled_share": self.labelled_share_,
            "curve": self._curve.as_dict(),
            "importances": self.importances_.tolist(),
        }
        text = json.dumps(kept, ensure_ascii=False, indent=1, default=_as_json)  # before a file is touched: what was there stays whole
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for old in [*folder.glob("*_*.txt"), *folder.glob("linear_*.json")]:
            old.unlink()
        for kind in self._kinds:
            for number, model in enumerate(self._models[kind]):
                if isinstance(model, Linear):
                    (folder / f"{kind}_{number}.json").write_text(json.dumps(model.as_dict()), encoding="utf-8")
                else:
                    (folder / f"{kind}_{number}.txt").write_text(model.text, encoding="utf-8")
        np.savez_compressed(folder / "folds.npz", key=self._known, fold=self._known_fold)
        (folder / "model.json").write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> EntityScorer:
        """The model that :meth:`save` wrote.

        Raises
        ------
        MissingInput
            When the folder holds no model.
        """
        folder = Path(folder)
        if not (folder / "model.json").is_file():
            raise MissingInput("model.missing", f"{folder} holds no model.", "Run `fraudml train` first.")
        kept = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        model = cls(**kept["parameters"])
        model.classes_ = np.array(kept["classes"])
        model.n_features_in_ = kept["n_features"]
        if kept["features"]:
            model.feature_names_in_ = np.array(kept["features"], dtype=object)
        model._categories = Categories(kept["levels"])
        model._plan = Plan(**kept["plan"])
        model._kinds = kept["kinds"]
        model.weights_ = kept["weights"]
        model.expected_value_ = kept["expected_value"]
        model.labelled_share_ = kept["labelled_share"]
        model._curve = Curve(**kept["curve"])
        model.importances_ = np.array(kept["importances"])
        model._models = {}
        for kind in model._kinds:
            models: list[Member] = []
            for number in range(model._plan.folds * model._plan.repeats):
                if kind == Linear.name:
                    stored: Any = json.loads((folder / f"{kind}_{number}.json").read_text(encoding="utf-8"))
                else:
                    stored = (folder / f"{kind}_{number}.txt").read_text(encoding="utf-8")
                models.append(member_from(kind, stored))
            model._models[kind] = models
        with np.load(folder / "folds.npz", allow_pickle=False) as folds:
            model._known, model._known_fold = folds["key"], folds["fold"]
        return model


def _refuse_missing(y: Any) -> None:
    """scikit-learn says of ``None`` that the target is unknown, and of all others not how many they are."""
    import pandas as pd

    labels = np.asarray([] if y is None else y, dtype=object)
    missing = int(pd.isna(labels).sum())
    if missing:
        hint = "Leave these rows out; or, where what was not looked at shall count as not known to be fraud, give 0 and set pu=True."
        raise TableError("scorer.missing_labels", f"{missing} of {len(labels)} labels are missing.", hint)


def _refuse_other_rows(X: Any, name: str, given: Any) -> None:
    """Rows go by place, as everywhere in scikit-learn; but labels that bear the ids of other rows than the table's would teach nonsense."""
    import pandas as pd

    if not isinstance(X, pd.DataFrame) or not isinstance(given, pd.Series | pd.DataFrame) or len(X) != len(given):
        return
    if isinstance(X.index, pd.RangeIndex) or isinstance(given.index, pd.RangeIndex) or X.index.equals(given.index):
        return
    other = int((np.asarray(X.index, dtype=object) != np.asarray(given.index, dtype=object)).sum())
    if not other:  # the same names in another type of index
        return
    problem = f"{other} of {len(X)} rows of {name} bear another id than the table's row."
    raise TableError("scorer.index", problem, f"Give {name}.loc[X.index]; or {name}.to_numpy() where the order is the table's.")


def _group_keys(groups: Any, rows: int) -> np.ndarray:
    """Keys of one group per row, none of them missing: entities without a name are not one entity."""
    import pandas as pd

    names = np.asarray(groups, dtype=object)
    if names.ndim != 1 or len(names) != rows:
        given = names.shape[0] if names.ndim else 1
        raise TableError("scorer.groups", f"{given} groups for {rows} rows.", "Give one group per row.")
    if missing := int(pd.isna(names).sum()):
        raise TableError("scorer.groups", f"{missing} of {rows} groups are missing.", "Give each row the name of its entity.")
    return name_keys(names)


def _distinct(
    keys: np.ndarray, target: np.ndarray, weight: np.ndarray, names: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows to learn from in an order of their own, their weights, and where each given row went (-1: weight zero).

    Without groups, equal rows of one class become one: k copies count as one row of weight k. With groups they stay apart.
    """
    order = np.lexsort((target, keys))
    order = order[weight[order] > 0]
    if names is None:
        fresh = np.ones(len(order), dtype=bool)
        fresh[1:] = (keys[order][1:] != keys[order][:-1]) | (target[order][1:] != target[order][:-1])
    else:
        fresh = np.ones(len(order), dtype=bool)
    number = np.cumsum(fresh) - 1
    place = np.full(len(keys), -1)
    place[order] = number
    return order[fresh], np.bincount(number, weight[order], minlength=0), place


def _block_keys(blocks: Any, names: np.ndarray | None, rows: int) -> np.ndarray:
    """Keys of the rows' blocks, each of which holds whole groups."""
    if len(blocks) != rows:
        raise TableError("scorer.blocks", f"{len(blocks)} blocks for {rows} rows.", "Give one block per row.")
    keys = name_keys(blocks)
    if names is None or len(np.unique(np.column_stack([names, keys]), axis=0)) != len(np.unique(names)):
        raise TableError("scorer.blocks", "a block must hold whole groups.", "Give groups, and all rows of a group the same block.")
    return keys


def _as_json(value: Any) -> Any:
    """Parameters as searches over them set them (NumPy's numbers); of a generator nothing can be kept, nor does scoring need it."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, np.random.RandomState | np.random.Generator):
        return None
    raise TableError("scorer.parameter", f"{value!r} cannot be written.", "Give plain numbers and texts as parameters.")


def _share(values: Any) -> np.ndarray:
    total = np.sum(values)
    return np.asarray(values, float) / total if total > 0 else np.zeros_like(np.asarray(values, float))


__all__ = ["EntityScorer", "FraudmlError"]
