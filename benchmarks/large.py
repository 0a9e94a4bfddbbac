"""Training and scoring a large table beside a bare ``lightgbm.train`` and ``predict`` with the same parameters.

    python -m benchmarks.large [rows] [features]

Processor seconds of one thread, so that other work on the machine counts little; every step runs in a process of its own, which also gives
its peak of memory. Scoring reads the table from Parquet first, on either side.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import write_result


def table(rows: int, features: int) -> tuple[pd.DataFrame, np.ndarray]:
    """A tenth missing, a third of the columns heavy-tailed and rounded, about five in a hundred cases."""
    random = np.random.default_rng(0)
    X = random.normal(size=(rows, features))
    X[:, ::3] = np.round(np.exp(X[:, ::3]), 1)
    X[random.random(X.shape) < 0.1] = np.nan
    known = np.nan_to_num(X[:, :10])
    odds = 0.5 * known[:, :8] @ random.normal(size=8) + known[:, 8] * known[:, 9] + random.logistic(size=rows)
    return pd.DataFrame(X, columns=[f"f{number}" for number in range(features)]), (odds > np.quantile(odds, 0.95)).astype(int)


def step(name: str, folder: Path) -> dict[str, float]:
    """One of the four things that are compared: its processor seconds and the peak of memory."""
    import lightgbm as lgb

    import fraudml as fm
    from fraudml.detectors.growth import plan

    y = np.load(folder / "y.npy")
    rows = pd.read_parquet(folder / "X.parquet") if name.startswith("train") else None
    width = len(json.loads((folder / "names.json").read_text(encoding="utf-8")))
    start = time.process_time()
    if name == "train fraudml":
        fm.EntityScorer(n_jobs=1).fit(rows, y, groups=np.arange(len(y))).save(folder / "model")
    elif name == "train LightGBM":
        regime = plan(len(y), width, int(y.sum()), None, None, None)
        parameters = {"objective": "binary", "verbose": -1, "num_threads": 1, "force_col_wise": True} | regime.boosting
        lgb.train(parameters, lgb.Dataset(rows, y), regime.rounds).save_model(folder / "bare.txt")
    elif name == "score fraudml":
        fm.EntityScorer.load(folder / "model").predict_proba(pd.read_parquet(folder / "X.parquet"))
    else:
        lgb.Booster(model_file=folder / "bare.txt").predict(pd.read_parquet(folder / "X.parquet"), num_threads=1)
    return {"seconds": time.process_time() - start, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}


def main(rows: int, features: int) -> None:
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        X, y = table(rows, features)
        X.to_parquet(folder / "X.parquet")
        np.save(folder / "y.npy", y)
        (folder / "names.json").write_text(json.dumps(list(X)), encoding="utf-8")
        del X
        for name in ("train LightGBM", "train fraudml", "score LightGBM", "score fraudml"):
            command = [sys.executable, "-m", "benchmarks.large", "--step", name, str(folder)]
            found[name] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            print(name, found[name], flush=True)
    lines = [
        {
            "step": what,
            "bare LightGBM s": f"{found[f'{what} LightGBM']['seconds']:.1f}",
            "EntityScorer s": f"{found[f'{what} fraudml']['seconds']:.1f}",
            "times bare": f"{found[f'{what} fraudml']['seconds'] / found[f'{what} LightGBM']['seconds']:.2f}",
            "bare GB": f"{found[f'{what} LightGBM']['memory']:.1f}",
            "EntityScorer GB": f"{found[f'{what} fraudml']['memory']:.1f}",
        }
        for what in ("train", "score")
    ]
    write_result(
        "large",
        pd.DataFrame(lines),
        f"{rows:,} rows x {features} features, processor seconds of one thread, peak of the process's memory. Training includes binning, "
        "cross-fitting in two halves, held-out scores and calibration; scoring includes reading the model and the Parquet file.",
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]:
        print(json.dumps(step(sys.argv[2], Path(sys.argv[3]))))
    else:
        given = [int(each) for each in sys.argv[1:3]]
        main(given[0] if given else 300_000, given[1] if len(given) > 1 else 100)
