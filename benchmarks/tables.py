"""``fm.EntityScorer`` with its defaults beside plain LightGBM, logistic regression and extra trees: mean average precision over tables.

    python -m benchmarks.tables FOLDER_OF_NPZ [rows,rows…] [repeats] [development]

Every ``.npz`` holds ``X`` and ``y`` (ADBench's layout); synthetic tables are added. Half of at most so many rows is learnt from.
"""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier
from sklearn.datasets import make_classification
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fraudml as fm
from benchmarks import write_result

MODELS = {
    "EntityScorer": lambda: fm.EntityScorer(n_jobs=1),
    "LightGBM": lambda: LGBMClassifier(verbose=-1, n_jobs=1),
    "logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    "extra_trees": lambda: ExtraTreesClassifier(random_state=0),
}
HELD_OUT = 3000
HALVES = ("development", "report")  # every second table: what was chosen by looking, and what is told


def tables(folder: Path) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Name, X and y of every table, the synthetic ones last."""
    found = []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path, allow_pickle=False) as data:
            found.append((path.stem, data["X"].astype(float), data["y"].astype(int)))
    for seed, (columns, informative, share) in enumerate([(10, 3, 0.5), (20, 6, 0.9), (40, 5, 0.8), (100, 10, 0.95)]):
        X, y = make_classification(6000, columns, n_informative=informative, weights=[share], flip_y=0.05, class_sep=0.8, random_state=seed)
        found.append((f"synthetic_{columns}", X, y))
    return found


def main(folder: Path, sizes: list[int], repeats: int, half: str) -> None:
    warnings.filterwarnings("ignore")
    chosen_tables = tables(folder)[HALVES.index(half) :: 2]
    summary = []
    for rows in sizes:
        scores: list[list[float]] = []
        cost = np.zeros(len(MODELS))
        for name, X, y in chosen_tables:
            for repeat in range(repeats):
                chosen = np.random.default_rng(repeat).permutation(len(X))[: rows + HELD_OUT]
                part, target = X[chosen], y[chosen]
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
        f"Mean average precision on held-out rows of the {half} half of the tables, {repeats} draws each, learnt from at most so many rows."
        " The regime was chosen on the development half. ± is the standard error over tables of the paired difference; "
        "“worse on” counts tables where EntityScorer is behind by more than 0.01.",
    )


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        [int(each) for each in sys.argv[2].split(",")] if len(sys.argv) > 2 else [150, 600, 1500],
        int(sys.argv[3]) if len(sys.argv) > 3 else 1,
        sys.argv[4] if len(sys.argv) > 4 else "report",
    )
