"""A search for better parameters goes on where it ended, and every trial is on record."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fraudml.config import compose
from fraudml.stages.learning_set import LearningSet
from fraudml.stages.tuning import fingerprint, tuned
from fraudml.tracking import Tracking


@pytest.fixture
def rows() -> LearningSet:
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.normal(size=(120, 4)), columns=list("abcd"))
    y = (table["a"] + random.normal(0, 0.5, 120) > 0.5).to_numpy().astype(float)
    whole = np.ones(120)
    parts = pd.DataFrame({name: np.zeros(120) for name in ("rules", "graph", "outlier")})
    cases = pd.DataFrame({"scheme": None, "origin": None, "decided_on": pd.NaT}, index=range(120))
    names = np.array([f"P{number}" for number in range(120)])
    return LearningSet(table, y, whole, names, np.full(120, "2024-06-30"), parts, np.ones(120, bool), whole, cases, pd.DataFrame())


def test_three_trials_are_kept_resumed_and_recorded(rows: LearningSet, tmp_path: Path) -> None:
    import optuna

    tracking = Tracking(tmp_path, None, "tests")

    def search(trials: int) -> dict | None:
        return tuned(compose([f"models_dir={tmp_path}", f"tuning.trials={trials}", "engine.threads=1"]), "patient", rows, tracking)

    assert search(0) is None
    found = search(2)
    assert found is not None
    again = search(3)
    storage = f"sqlite:///{tmp_path / 'tuning.db'}"
    (name,) = optuna.get_all_study_names(storage)
    study = optuna.load_study(study_name=name, storage=storage)
    assert len(study.trials) == 3  # two, and one more when three were asked for
    assert study.trials[0].user_attrs["boosting"] == {}  # the defaults stand among them
    assert again == study.best_trial.user_attrs["boosting"]
    runs = tracking.client.search_runs([tracking.experiment_id])
    parents = {run.info.run_id for run in runs if "mlflow.parentRunId" not in run.data.tags}
    trials = [run for run in runs if run.data.tags.get("mlflow.parentRunId") in parents]
    assert sorted(run.info.run_name for run in trials) == ["trial 0", "trial 1", "trial 2"]
    assert all(run.data.tags["state"] in ("COMPLETE", "PRUNED") for run in trials)


def test_other_rows_are_another_study(rows: LearningSet) -> None:
    assert fingerprint(rows) == fingerprint(rows.rows(np.ones(120, bool)))
    assert fingerprint(rows) != fingerprint(rows.rows(np.arange(120) < 100))
