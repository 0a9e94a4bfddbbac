"""Optuna's search for better boosting parameters than the defaults: resumable, pruned, every trial a nested MLflow run."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import optuna

    from fraudml.stages.learning_set import LearningSet
    from fraudml.tracking import Tracking

log = logging.getLogger("fraudml")

STUDIES = "tuning.db"


def tuned(config: Any, target: str, rows: LearningSet, tracking: Tracking) -> dict[str, Any] | None:
    """LightGBM parameters from a study kept in ``models_dir/tuning.db``, or None without ``tuning.trials``.

    The objective is the held-out average precision of decided rows. A study that was broken off goes on where it ended; one of
    other rows is another study. The defaults are the first trial, so that the best is never worse than they are.
    """
    if not config.tuning.trials:
        return None
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name=f"{target} {fingerprint(rows)}",
        storage=f"sqlite:///{(Path(config.models_dir) / STUDIES).resolve()}",
        load_if_exists=True,
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=config.seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
    )
    done = sum(trial.state.is_finished() for trial in study.trials)
    if not study.trials:
        study.enqueue_trial({})
    before = len(study.trials)
    with tracking.study(f"{target} tuning", {"target": target, "study": study.study_name}) as record:
        study.optimize(
            lambda trial: _score(config, rows, trial),
            n_trials=max(config.tuning.trials - done, 0),
            callbacks=[lambda _, trial: record(f"trial {trial.number}", trial.params, trial.value, trial.state.name)],
        )
    log.info(
        "%s: %d trials before, %d now, best held-out average precision %.3f", target, done, len(study.trials) - before, study.best_value
    )
    return dict(study.best_trial.user_attrs["boosting"])


def fingerprint(rows: LearningSet) -> str:
    """Names a learning set by its content, so that a study is never continued on other rows."""
    from fraudml.detectors.table import row_keys

    keys = row_keys(rows.table.select_dtypes("number").to_numpy(dtype=float))
    both = np.sort(keys * np.uint64(2) + rows.y.astype(np.uint64))
    return f"{len(both)} rows, {int(rows.y.sum())} cases, {int(np.bitwise_xor.reduce(both)):016x}"


def _score(config: Any, rows: LearningSet, trial: optuna.Trial) -> float:
    import optuna
    from sklearn.metrics import average_precision_score

    from fraudml.detectors import EntityScorer

    boosting: dict[str, Any] = {}
    if trial.number or trial.params:  # the first trial is the defaults
        boosting = {
            "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.2, log=True),
            "num_leaves": trial.suggest_int("num_leaves", 4, 64, log=True),
            "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 3, 100, log=True),
            "lambda_l2": trial.suggest_float("lambda_l2", 0.1, 50, log=True),
            "feature_fraction": trial.suggest_float("feature_fraction", 0.2, 1.0),
        }
    trial.set_user_attr("boosting", boosting)
    judged = rows.decided & (rows.weight > 0) if len(np.unique(rows.y[rows.decided])) > 1 else rows.weight > 0
    scores = []
    for stage, folds in enumerate((3, 5)):  # three folds first: what is bad there is pruned
        model = EntityScorer(
            folds=folds, repeats=1, members=("boosted",), boosting=boosting, random_state=config.seed, n_jobs=config.engine.threads
        ).fit(rows.table, rows.y, sample_weight=rows.weight, groups=rows.groups)
        scores.append(average_precision_score(rows.y[judged], model.oof_margin_[judged], sample_weight=rows.weight[judged]))
        trial.report(float(np.mean(scores)), stage)
        if trial.should_prune():
            raise optuna.TrialPruned
    return float(np.mean(scores))
