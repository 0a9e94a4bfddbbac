"""``fm.EntityScorer`` with its defaults beside plain LightGBM, logistic regression and extra trees: mean average precision over tables.

    python -m benchmarks.tables FOLDER_OF_NPZ [rows,rows…] [repeats] [development | report | varied]

Every ``.npz`` holds ``X`` and ``y`` (ADBench's layout); ``varied`` are made or built-in tables (``benchmarks/varied.py``). At most half
of a table, and at most so many rows, is learnt from. Before the others, gaps are filled by medians and texts become codes or indicators.
"""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

import fraudml as fm
from benchmarks import varied, write_result

TEXT, NUMBER = make_column_selector(dtype_include=["object", "string", "category"]), make_column_selector(dtype_include="number")
HELD_OUT = 3000
HALVES = ("development", "report")  # every second table: what was chosen by looking, and what is told
VARIED = "varied"


def _bounded(X: pd.DataFrame) -> pd.DataFrame:
    return X.replace([np.inf, -np.inf], [1e9, -1e9])


def _codes() -> Any:
    return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)


def _filled(texts: Any) -> list[Any]:
    return [FunctionTransformer(_bounded), make_column_transformer((texts, TEXT), (SimpleImputer(strategy="median"), NUMBER))]


MODELS = {
    "EntityScorer": lambda: fm.EntityScorer(n_jobs=1),
    "LightGBM": lambda: make_pipeline(
        make_column_transformer((_codes(), TEXT), remainder="passthrough"), LGBMClassifier(verbose=-1, n_jobs=1)
    ),
    "logistic": lambda: make_pipeline(
        *_filled(OneHotEncoder(handle_unknown="ignore")), StandardScaler(with_mean=False), LogisticRegression(max_iter=1000)
    ),
    "extra_trees": lambda: make_pipeline(*_filled(_codes()), ExtraTreesClassifier(random_state=0)),
}


def tables(folder: Path, half: str, rows: int, repeat: int) -> list[tuple[str, pd.DataFrame, np.ndarray]]:
    """Name, columns and classes of every table."""
    if half == VARIED:
        found = varied.made(rows + max(rows, HELD_OUT), repeat) | varied.built_in()
        return [(name, X, y) for name, (X, y) in found.items()]
    every = []
    for path in sorted(folder.glob("*.npz"))[HALVES.index(half) :: 2]:
        with np.load(path, allow_pickle=False) as data:
            X = pd.DataFrame(data["X"].astype(float)).add_prefix("x")
            every.append((path.stem, X, data["y"].astype(int)))
    return every


def main(folder: Path, sizes: list[int], repeats: int, half: str) -> None:
    warnings.filterwarnings("ignore")
    summary = []
    for rows in sizes:
        scores: list[list[float]] = []
        cost = np.zeros(len(MODELS))
        for repeat in range(repeats):
            for name, X, y in tables(folder, half, rows, repeat):
                chosen = np.random.default_rng(repeat).permutation(len(X))[: rows + max(rows, HELD_OUT)]
                part, target = X.iloc[chosen], y[chosen]
                size = min(rows, len(part) // 2)
                if target.sum() < 6:
                    continue
                train, test, y_train, y_test = train_test_split(part, target, train_size=size, stratify=target, random_state=repeat)
                found = []
                for number, make in enumerate(MODELS.values()):
                    start = time.process_time()
                    found.append(average_precision_score(y_test, make().fit(train, y_train).predict_proba(test)[:, 1]))
                    cost[number] += time.process_time() - start
                scores.append(found)
                print(f"{rows:>6} {name:<24}", " ".join(f"{value:.3f}" for value in found), flush=True)
        table = np.array(scores)
        apart = table[:, :1] - table
        for number, name in enumerate(MODELS):
            error = apart[:, number].std() / np.sqrt(len(table))
            behind = "" if number == 0 else f"{apart[:, number].mean():+.4f} ± {error:.4f}"
            summary.append(
                {
                    "rows": rows,
                    "model": name,
                    "mean AP": f"{table[:, number].mean():.4f}",
                    "EntityScorer ahead by": behind,
                    "worse on": "" if number == 0 else f"{(apart[:, number] < -0.01).sum()} of {len(table)}",
                    "CPU seconds": f"{cost[number] / len(table):.2f}",
                }
            )
    write_result(
        f"tables_{half}",
        pd.DataFrame(summary),
        f"Mean average precision on held-out rows of the {half} tables, {repeats} draws each, learnt from at most so many rows."
        " The regime was chosen on the development half of ADBench and on the varied tables. ± is the standard error over tables of the"
        " paired difference; "
        "“worse on” counts tables where EntityScorer is behind by more than 0.01.",
    )


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        [int(each) for each in sys.argv[2].split(",")] if len(sys.argv) > 2 else [150, 600, 1500],
        int(sys.argv[3]) if len(sys.argv) > 3 else 1,
        sys.argv[4] if len(sys.argv) > 4 else "report",
    )
