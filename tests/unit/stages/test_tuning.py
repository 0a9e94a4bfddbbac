"""A search for better parameters goes on where it ended, and every trial is on record."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fraudml.config import compose
from fraudml.errors import UsageError
from fraudml.stages.learning_set import LearningSet
from fraudml.stages.tuning import fingerprint, time_folds, tuned
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


def test_defaults_whose_trial_was_killed_are_tried_again(rows: LearningSet, tmp_path: Path) -> None:
    import optuna

    config = compose([f"models_dir={tmp_path}", "tuning.trials=1", "engine.threads=1"])
    storage = f"sqlite:///{tmp_path / 'tuning.db'}"
    name = f"patient {config.tuning.objective} {fingerprint(rows)}"
    killed = optuna.create_study(study_name=name, storage=storage, direction="maximize")
    killed.enqueue_trial({}, user_attrs={"defaults": True})
    killed.ask()  # runs for ever
    assert tuned(config, "patient", rows, Tracking(tmp_path, None, "tests")) == {}


def dated(rows: LearningSet) -> LearningSet:
    days = pd.date_range("2023-01-01", periods=120).to_series(index=range(120))
    return replace(rows, cases=rows.cases.assign(decided_on=days))


def test_the_newest_decisions_judge_what_was_learnt_from_the_earlier(rows: LearningSet) -> None:
    assert time_folds(rows) == []  # nobody knows when these were decided
    assert time_folds(dated(rows).rows(np.arange(120) < 12)) == []  # too few to judge by
    (before, middle), (learnt, newest) = time_folds(dated(rows))
    assert not (learnt & newest).any()
    assert newest.sum() == middle.sum() == 30
    assert np.flatnonzero(newest).min() > np.flatnonzero(learnt).max() > np.flatnonzero(before).max()
    twice = dated(rows)
    twice.groups[119] = "P0"  # decided at first and again at the end: judged, so not learnt from
    assert not time_folds(twice)[1][0][0]


@pytest.mark.parametrize("objective", ["average_precision", "precision_at_capacity"])
def test_the_objective_is_taken_on_the_newest_decisions(rows: LearningSet, tmp_path: Path, objective: str) -> None:
    import optuna
    from sklearn.metrics import average_precision_score

    from fraudml.detectors import EntityScorer

    late = dated(rows)
    config = compose([f"models_dir={tmp_path}", "tuning.trials=1", f"tuning.objective={objective}", "engine.threads=1"])
    tuned(config, "patient", late, Tracking(tmp_path, None, "tests"))
    (study,) = optuna.get_all_study_summaries(f"sqlite:///{tmp_path / 'tuning.db'}")
    learnt, newest = time_folds(late)[1]
    model = EntityScorer(folds=3, repeats=1, members=("boosted",), n_jobs=1)
    score = model.fit(late.table[learnt], late.y[learnt], groups=late.groups[learnt]).margin(late.table[newest])
    y = late.y[newest]
    last = np.sort(score)[-int(y.sum())]  # score of the last that can be inspected; who ties with it is drawn by lot
    surely, tied = score > last, score == last
    first = (y[surely].sum() + y[tied].mean() * (y.sum() - surely.sum())) / y.sum()
    expected = average_precision_score(y, score) if objective == "average_precision" else first
    assert study.best_trial.value == pytest.approx(expected, abs=1e-6)


def test_another_objective_is_refused(rows: LearningSet, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"tuning\.objective"):
        tuned(compose([f"models_dir={tmp_path}", "tuning.objective=accuracy"]), "patient", rows, Tracking(tmp_path, None, "tests"))


def test_other_rows_are_another_study(rows: LearningSet) -> None:
    assert fingerprint(rows) == fingerprint(rows.rows(np.ones(120, bool)))
    assert fingerprint(rows) != fingerprint(rows.rows(np.arange(120) < 100))
