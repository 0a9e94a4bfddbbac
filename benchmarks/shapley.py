"""Throughput of exact Shapley values beside ``shap.TreeExplainer``, same models, same rows, same run.

    python -m benchmarks.shapley [--rows 100000]

Processor seconds of one thread; shap is timed on a tenth of the rows. The aim is 4 x with differences of at most 1e-5.
"""

from __future__ import annotations

import argparse
import time
import warnings

import lightgbm as lgb
import numpy as np
import pandas as pd
import shap

from benchmarks import write_result
from fraudml.detectors.flat_trees import FlatTrees
from fraudml.detectors.shapley import TreeShapley

MODELS = ((15, 200, 60), (31, 300, 100), (63, 300, 140))  # leaves, trees, features


def table(rows: int, features: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    X = random.normal(size=(rows, features))
    X[random.random(X.shape) < 0.1] = np.nan
    X[:, 5] = random.integers(0, 30, rows)
    return X


def main() -> None:
    given = argparse.ArgumentParser()
    given.add_argument("--rows", type=int, default=100_000)
    rows = given.parse_args().rows
    warnings.filterwarnings("ignore", module="shap")
    lines = []
    for leaves, trees, features in MODELS:
        X = table(20_000, features, 0)
        known = np.nan_to_num(X)
        y = known[:, 0] + known[:, 1] * known[:, 2] + X[:, 5] % 3 + np.random.default_rng(1).normal(size=len(X)) > 2
        parameters = {
            "objective": "binary",
            "num_leaves": leaves,
            "learning_rate": 0.1,
            "feature_fraction": 0.5,
            "num_threads": 1,
            "verbose": -1,
        }
        booster = lgb.train(parameters, lgb.Dataset(X, y, categorical_feature=[5]), trees)
        asked = table(rows, features, 2)
        TreeShapley(FlatTrees(booster)).values(asked[:1000], threads=1)  # compiled once per installation
        start = time.process_time()
        theirs = shap.TreeExplainer(booster).shap_values(asked[: rows // 10])
        shap_seconds = (time.process_time() - start) * 10
        start = time.process_time()
        ours = TreeShapley(FlatTrees(booster)).values(asked, threads=1)
        seconds = time.process_time() - start
        theirs = theirs[-1] if isinstance(theirs, list) else theirs
        apart = float(np.abs(ours[: len(theirs)] - theirs).max())
        model = f"{trees} trees of {leaves} leaves, {features} features"
        lines.append((model, f"{shap_seconds:.1f}", f"{seconds:.1f}", f"{shap_seconds / seconds:.1f}", f"{apart:.0e}"))
    columns = ["model", "shap.TreeExplainer s", "fraudml s", "times as fast", "largest difference"]
    write_result("shapley", pd.DataFrame(lines, columns=columns), f"{rows:,} rows, processor seconds of one thread.")


if __name__ == "__main__":
    main()
