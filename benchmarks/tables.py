"""``fm.EntityScorer`` with its defaults beside plain LightGBM, logistic regression and extra trees: mean average precision over tables.

    python -m benchmarks.tables FOLDER_OF_NPZ [rows,rows…] [repeats]

Every ``.npz`` holds ``X`` and ``y`` (ADBench's layout); synthetic tables are added. Half of at most so many rows is learnt from.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
from lightgbm import LGBMClassifier
from sklearn.datasets import make_classification
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fraudml as fm

MODELS = {
    "EntityScorer": lambda: fm.EntityScorer(),
    "LightGBM": lambda: LGBMClassifier(verbose=-1),
    "logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    "extra_trees": lambda: ExtraTreesClassifier(random_state=0),
}
HELD_OUT = 3000


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


def main(folder: Path, sizes: list[int], repeats: int) -> None:
    warnings.filterwarnings("ignore")
    for rows in sizes:
        scores: list[list[float]] = []
        for name, X, y in tables(folder):
            for repeat in range(repeats):
                chosen = np.random.default_rng(repeat).permutation(len(X))[: rows + HELD_OUT]
                part, target = X[chosen], y[chosen]
                size = min(rows, len(part) // 2)
                if target.sum() < 6:
                    continue
                train, test, y_train, y_test = train_test_split(part, target, train_size=size, stratify=target, random_state=repeat)
                scores.append(
                    [average_precision_score(y_test, make().fit(train, y_train).predict_proba(test)[:, 1]) for make in MODELS.values()]
                )
            print(f"{rows:>6} {name:<24}", " ".join(f"{value:.3f}" for value in scores[-1]) if scores else "", flush=True)
        mean, spread = np.mean(scores, axis=0), np.std(scores, axis=0) / np.sqrt(len(scores))
        print(f"\n| rows | {' | '.join(MODELS)} |\n|---|{'---|' * len(MODELS)}")
        print(f"| {rows} | {' | '.join(f'{a:.4f} ± {b:.4f}' for a, b in zip(mean, spread, strict=True))} |\n")


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        [int(each) for each in sys.argv[2].split(",")] if len(sys.argv) > 2 else [150, 600, 2500],
        int(sys.argv[3]) if len(sys.argv) > 3 else 1,
    )
