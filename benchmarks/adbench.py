"""``fm.OutlierEnsemble`` beside the single PyOD detectors on ADBench tables: mean AUC, mean average precision, CPU seconds.

python -m benchmarks.adbench FOLDER_OF_NPZ [most rows]
"""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from pyod.models.copod import COPOD
from pyod.models.ecod import ECOD
from pyod.models.hbos import HBOS
from pyod.models.iforest import IForest
from pyod.models.knn import KNN
from pyod.models.lof import LOF
from pyod.models.ocsvm import OCSVM
from pyod.models.pca import PCA
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.preprocessing import StandardScaler

import fraudml as fm
from benchmarks import write_result

MODELS = {
    "OutlierEnsemble": lambda: fm.OutlierEnsemble(),
    "IForest": lambda: IForest(random_state=0),
    "ECOD": ECOD,
    "HBOS": HBOS,
    "COPOD": COPOD,
    "KNN": KNN,
    "LOF": LOF,
    "PCA": PCA,
    "OCSVM": OCSVM,
}


def _margin(values: np.ndarray, name: str) -> str:
    """How far the first detector is ahead of the best other, and how that hangs on which tables there are (detectors x tables)."""

    def ahead(chosen: np.ndarray) -> float:
        means = values[:, chosen].mean(axis=1)
        return float(means[0] - means[1:].max())

    every, random = np.arange(values.shape[1]), np.random.default_rng(0)
    without_one = [ahead(np.delete(every, number)) for number in every]
    drawn = np.mean([ahead(random.integers(len(every), size=len(every))) > 0 for _ in range(2000)])
    return (
        f"Mean {name}: {ahead(every):+.4f} ahead of the best single detector, {min(without_one):+.4f} to {max(without_one):+.4f} with one"
        f" table left out, ahead in {100 * drawn:.0f} % of draws of as many tables with replacement (each against the best of that draw)."
    )


def main(folder: Path, most: int) -> None:
    warnings.filterwarnings("ignore")
    HBOS().fit(np.random.default_rng(0).normal(size=(50, 2)))  # compiled once, outside the clock
    figures: dict[str, list[tuple[float, float, float]]] = {name: [] for name in MODELS}
    for path in sorted(folder.glob("*.npz")):
        with np.load(path, allow_pickle=False) as data:
            X, y = data["X"].astype(float), data["y"].astype(int)
        chosen = np.random.default_rng(0).permutation(len(X))[:most]
        X, y = StandardScaler().fit_transform(X[chosen]), y[chosen]
        for name, make in MODELS.items():
            start = time.process_time()
            score = np.nan_to_num(make().fit(X).decision_scores_)
            seconds = time.process_time() - start
            figures[name].append((roc_auc_score(y, score), average_precision_score(y, score), seconds))
        print(f"{path.stem:<24}", " ".join(f"{rows[-1][0]:.3f}/{rows[-1][1]:.3f}" for rows in figures.values()), flush=True)
    cost = {name: sum(row[2] for row in rows) for name, rows in figures.items()}
    summary = [
        {
            "detector": name,
            "mean AUC": f"{np.mean([row[0] for row in rows]):.4f}",
            "mean AP": f"{np.mean([row[1] for row in rows]):.4f}",
            "CPU seconds": f"{cost[name]:.1f}",
            "times IForest": f"{cost[name] / cost['IForest']:.2f}",
        }
        for name, rows in figures.items()
    ]
    values = np.array([[row[:2] for row in rows] for rows in figures.values()])  # detectors x tables x (AUC, AP)
    margins = " ".join(_margin(values[:, :, number], name) for number, name in enumerate(("AUC", "AP")))
    write_result(
        "adbench",
        pd.DataFrame(summary),
        f"{len(figures['IForest'])} classical ADBench tables, at most {most} rows of each, columns standardised, "
        f"every detector with its defaults, fitted and scored on all rows without labels. {margins}",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 6000)
