"""Which scheme a case most likely is, learnt from the schemes of confirmed cases; no answer where it cannot tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fraudml.detectors.folds import assign_folds
from fraudml.detectors.learning import aligned
from fraudml.detectors.table import Categories, bounded, name_keys, row_keys

if TYPE_CHECKING:
    import pandas as pd

FEWEST_CASES = 5  # entities of a scheme, below which it cannot be recognised
RIGHT = 0.7  # share of the schemes named that must have been right on cases that were held out
ROUNDS = 60
FOLDS = 5
BOOSTING = {
    "objective": "multiclass",
    "verbose": -1,
    "deterministic": True,
    "force_col_wise": True,
    "learning_rate": 0.1,
    "num_leaves": 7,
    "min_data_in_leaf": 3,
    "min_sum_hessian_in_leaf": 1e-3,
    "lambda_l2": 5.0,
    "feature_fraction": 0.5,
}


class SchemeClassifier:
    """Small boosted trees over the schemes that have enough confirmed cases.

    Attributes
    ----------
    schemes : names in the order of the trees' classes.
    threshold : probability from which a scheme is named: those named from there on were right in seven of ten held-out cases. Above one
        where no threshold reaches that; then every case stays without a name.
    right : share of held-out cases named rightly, and ``named`` the share that was named at all.
    """

    def __init__(
        self, text: str, schemes: list[str], features: list[str], levels: dict[str, list[str]], threshold: float, right: float, named: float
    ) -> None:
        import lightgbm as lgb

        self.text, self.schemes, self.features, self.levels = text, schemes, features, levels
        self.threshold, self.right, self.named = threshold, right, named
        self._booster = lgb.Booster(model_str=text)

    @classmethod
    def fit(
        cls, table: pd.DataFrame, schemes: pd.Series, groups: np.ndarray, seed: int = 0, threads: int | None = None
    ) -> SchemeClassifier | None:
        """Learns from confirmed cases; None where fewer than two schemes have enough of them.

        Parameters
        ----------
        table : features of confirmed cases, one row per case and snapshot.
        schemes : scheme of each row, missing where it was not noted.
        groups : entity of each row; an entity never stands on both sides of a fold.
        """
        import lightgbm as lgb

        of = schemes.to_numpy(dtype=object)
        known = schemes.notna().to_numpy()
        counts = {name: len(set(groups[known & (of == name)])) for name in sorted(set(of[known]))}
        names = [name for name, count in counts.items() if count >= FEWEST_CASES]
        if len(names) < 2:
            return None
        chosen = known & np.isin(of.astype(str), names)
        categories = Categories().learn(table[chosen])
        X = bounded(np.asarray(categories.encode(table[chosen]), dtype=np.float64))
        y = np.searchsorted(names, of[chosen].astype(str))
        entity = groups[chosen]
        keys = row_keys(X)
        order = np.lexsort((y, keys))
        X, y, entity, keys = X[order], y[order], entity[order], keys[order]
        _, member, size = np.unique(entity, return_inverse=True, return_counts=True)
        weight = 1.0 / size[member]
        parameters = BOOSTING | {"num_class": len(names), "seed": seed} | ({} if threads is None else {"num_threads": threads})

        def grown(rows: np.ndarray) -> Any:
            return lgb.train(parameters, lgb.Dataset(X[rows], y[rows], weight=weight[rows], params={"verbose": -1}), ROUNDS)

        fold = np.zeros(len(y), dtype=int)
        for place in range(len(names)):  # each scheme's cases spread over all folds
            mine = y == place
            fold[mine] = assign_folds(keys[mine], name_keys(entity[mine]), np.ones(int(mine.sum()), bool), FOLDS)
        held_out = np.zeros((len(y), len(names)))
        for number in range(FOLDS):
            held_out[fold == number] = grown(fold != number).predict(X[fold == number])
        threshold, right, named = _threshold(held_out, y, weight)
        text = grown(np.ones(len(y), bool)).model_to_string()
        return cls(text, names, list(map(str, table.columns)), categories.levels, threshold, right, named)

    def predict(self, table: pd.DataFrame) -> pd.DataFrame:
        """``scheme`` (missing where none is likely enough) and ``scheme_probability`` (of the likeliest), on the index of ``table``."""
        import pandas as pd

        if not len(table):
            return pd.DataFrame({"scheme": pd.Series(dtype="str"), "scheme_probability": pd.Series(dtype=float)}, index=table.index)
        encoded = Categories(self.levels).encode(aligned(table, self.features))
        shares = self._booster.predict(bounded(np.asarray(encoded, dtype=np.float64)))
        best = shares.max(1)
        names = np.array(self.schemes, dtype=object)[shares.argmax(1)]
        return pd.DataFrame({"scheme": np.where(best >= self.threshold, names, None), "scheme_probability": best}, index=table.index)

    def save(self, folder: Path) -> None:
        """Writes ``schemes.txt`` (LightGBM text) and ``schemes.json``."""
        (folder / "schemes.txt").write_text(self.text, encoding="utf-8")
        kept = {name: getattr(self, name) for name in ("schemes", "features", "levels", "threshold", "right", "named")}
        (folder / "schemes.json").write_text(json.dumps(kept, ensure_ascii=False, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> SchemeClassifier | None:
        """What :meth:`save` wrote, or None where nothing was."""
        if not (folder / "schemes.json").is_file():
            return None
        kept = json.loads((folder / "schemes.json").read_text(encoding="utf-8"))
        return cls((folder / "schemes.txt").read_text(encoding="utf-8"), **kept)


def _threshold(shares: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, float, float]:
    """Least probability from which those named are right often enough; how often, and how many are named."""
    best, hit = shares.max(1), shares.argmax(1) == y
    order = np.argsort(-best, kind="stable")
    right = np.cumsum((weight * hit)[order]) / np.cumsum(weight[order])
    enough = np.flatnonzero(right >= RIGHT)
    if not len(enough):
        return 1.1, 0.0, 0.0
    last = enough[-1]
    return float(best[order[last]]), float(right[last]), float(weight[order[: last + 1]].sum() / weight.sum())
