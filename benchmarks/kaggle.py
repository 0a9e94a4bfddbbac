"""The whole way of a claim on the public Kaggle provider files: AUC and average precision over labelled providers.

    python -m benchmarks.kaggle FOLDER_OF_FILES [repeats] [data_dir]

Total amount alone, an isolation forest and plain LightGBM on the same rows and folds stand beside it; repeats differ by their folds.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold

import fraudml as fm
from benchmarks import write_result
from fraudml.cli import main as command
from fraudml.config import compose
from fraudml.evaluate.baselines import isolation_forest, total_amount
from fraudml.stages import inputs
from fraudml.stages.learning_set import LearningSet, learning_sets


def learning_set(source: Path, data_dir: Path) -> LearningSet:
    """Ingests, computes features and graph, and gathers what training learns from."""
    for stage in (["ingest", "source=kaggle_provider", f"input={source}"], ["features"], ["graph"]):
        if command([*stage, f"data_dir={data_dir}"]):
            raise SystemExit(1)
    claims = fm.open_claims(data_dir)
    as_of = str(claims.last_month_end())
    labels = inputs.decisions(claims.engine, claims, as_of, None)
    rows = learning_sets(compose([f"data_dir={data_dir}"]), claims, ["institution"], as_of, labels)["institution"]
    return rows.rows(rows.decided)


def main(source: Path, repeats: int, data_dir: Path) -> None:
    warnings.filterwarnings("ignore")
    rows = learning_set(source, data_dir)
    y = rows.y
    print(f"{len(y)} labelled providers with claims, {int(y.sum())} of them fraudulent, {rows.table.shape[1]} features")
    numbers = rows.table.select_dtypes("number").rename(columns=lambda name: name.replace(":", "_"))
    figures: dict[str, list[tuple[float, float]]] = {"fraudml": [], "plain LightGBM": [], "isolation forest": [], "total amount": []}
    amount = total_amount(rows.table)
    for seed in range(repeats):
        folds = list(StratifiedKFold(5, shuffle=True, random_state=seed).split(np.zeros(len(y)), y))
        own, plain = np.zeros(len(y)), np.zeros(len(y))
        for train, test in folds:
            model = fm.EntityScorer(random_state=seed).fit(rows.table.iloc[train], y[train], groups=rows.groups[train])
            own[test] = model.margin(rows.table.iloc[test])
            plain[test] = (
                LGBMClassifier(verbose=-1, n_jobs=1, random_state=seed)
                .fit(numbers.iloc[train], y[train])
                .predict_proba(numbers.iloc[test])[:, 1]
            )
        for name, score in (
            ("fraudml", own),
            ("plain LightGBM", plain),
            ("isolation forest", isolation_forest(rows.table, seed)),
            ("total amount", amount),
        ):
            if score is not None:
                figures[name].append((roc_auc_score(y, score), average_precision_score(y, score)))
    summary = []
    for name, found in figures.items():
        mean, spread = np.mean(found, axis=0), np.std(found, axis=0)
        summary.append({"ranking": name, "AUC": f"{mean[0]:.4f} ± {spread[0]:.4f}", "AP": f"{mean[1]:.4f} ± {spread[1]:.4f}"})
    write_result(
        "kaggle",
        pd.DataFrame(summary),
        f"{len(y)} labelled providers with claims ({int(y.sum())} positive)"
        f", {rows.table.shape[1]} features, five folds, {repeats} partitions;"
        " ± is the standard deviation over partitions. Nearness to confirmed cases is not among the features: it is made of the labels.",
    )


if __name__ == "__main__":
    given = sys.argv[3] if len(sys.argv) > 3 else None
    with tempfile.TemporaryDirectory() as scratch:
        main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3, Path(given or scratch))
