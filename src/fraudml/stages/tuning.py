"""Optuna's search for better boosting parameters than the defaults: resumable, pruned, every trial a nested MLflow run."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fraudml.errors import UsageError
from fraudml.evaluate.generalise import FEWEST_CASES
from fraudml.evaluate.held_out import latest

if TYPE_CHECKING:
    from collections.abc import Iterator

    import optuna

    from fraudml.detectors.supervised import EntityScorer
    from fraudml.stages.learning_set import LearningSet
    from fraudml.tracking import Tracking

log = logging.getLogger("fraudml")

STUDIES = "tuning.db"
AVERAGE_PRECISION = "average_precision"
OBJECTIVES = (AVERAGE_PRECISION, "precision_at_capacity")
DEFAULTS, KEPT = "defaults", ("WAITING", "COMPLETE")
"""Mark of the trial that searches nothing, and the states in which it need not be asked for again."""


def tuned(config: Any, target: str, rows: LearningSet, tracking: Tracking) -> dict[str, Any] | None:
    """LightGBM parameters from a study kept in ``models_dir/tuning.db``, or None without ``tuning.trials``.

    The objective is ``tuning.objective`` on the last time fold: learnt from what was decided earlier, judged by the newest decisions
    (:func:`time_folds`); where decisions bear no days or are too few, on folds by entity. A study that was broken off goes on where it
    ended; one of other rows or another objective is another study. The defaults are the first trial, so that the best is never worse.
    """
    if config.tuning.objective not in OBJECTIVES:
        raise UsageError("tuning.objective", f"tuning.objective={config.tuning.objective}.", f"Give {' or '.join(OBJECTIVES)}.")
    if not config.tuning.trials:
        return None
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name=f"{target} {config.tuning.objective} {fingerprint(rows)}",
        storage=f"sqlite:///{(Path(config.models_dir) / STUDIES).resolve()}",
        load_if_exists=True,
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=config.seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
    )
    done = sum(trial.state.is_finished() for trial in study.trials)
    if not any(trial.user_attrs.get(DEFAULTS) and trial.state.name in KEPT for trial in study.trials):  # one that was killed told nothing
        study.enqueue_trial({}, user_attrs={DEFAULTS: True})
    before, folds = len(study.trials), time_folds(rows)
    with tracking.study(f"{target} tuning", {"target": target, "study": study.study_name}) as record:
        study.optimize(
            lambda trial: _score(config, rows, folds, trial),
            n_trials=max(config.tuning.trials - done, 0),
            callbacks=[lambda _, trial: record(f"trial {trial.number}", trial.params, trial.value, trial.state.name)],
        )
    log.info(
        "%s: %d trials before, %d now, best %s %s %.3f",
        target,
        done,
        len(study.trials) - before,
        config.tuning.objective,
        "of the newest decisions" if folds else "held out",
        study.best_value,
    )
    return dict(study.best_trial.user_attrs["boosting"])


def fingerprint(rows: LearningSet) -> str:
    """Names a learning set by its content, so that a study is never continued on other rows."""
    from fraudml.detectors.table import row_keys

    keys = row_keys(rows.table.select_dtypes("number").to_numpy(dtype=float))
    both = np.sort(keys * np.uint64(2) + rows.y.astype(np.uint64))
    return f"{len(both)} rows, {int(rows.y.sum())} cases, {int(np.bitwise_xor.reduce(both)):016x}"


def time_folds(rows: LearningSet) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows to learn from and rows to judge by (bool), the earlier fold first; empty where days or cases are too few.

    The last fold judges the newest quarter of the decided entities, the one before it the quarter before. What is learnt from was decided
    by the day before which the judged had been decided by nobody; no entity stands on both sides.
    """
    import pandas as pd

    decided_on = pd.to_datetime(rows.cases["decided_on"]).reset_index(drop=True)
    last = latest(rows.groups) & rows.decided & decided_on.notna().to_numpy()
    folds = []
    for since, until in ((0.5, 0.75), (0.75, 1.0)):
        if not last.any():
            return []
        cut, end = decided_on[last].quantile([since, until], interpolation="lower")
        judged = last & (decided_on > cut).to_numpy() & (decided_on <= end).to_numpy()
        known = ~rows.decided | (decided_on.isna() | (decided_on <= cut)).to_numpy()
        learnt = known & (rows.weight > 0) & ~np.isin(rows.groups, rows.groups[judged])
        if min(_cases(rows, judged, 1), _cases(rows, judged, 0), _cases(rows, learnt, 1), _cases(rows, learnt, 0)) < FEWEST_CASES:
            return []
        folds.append((learnt, judged))
    return folds


def _cases(rows: LearningSet, chosen: np.ndarray, kind: int) -> int:
    return len(set(rows.groups[chosen & (rows.y == kind)]))


def _score(config: Any, rows: LearningSet, folds: list[tuple[np.ndarray, np.ndarray]], trial: optuna.Trial) -> float:
    import optuna

    boosting: dict[str, Any] = {}
    if not trial.user_attrs.get(DEFAULTS):
        boosting = {
            "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.2, log=True),
            "num_leaves": trial.suggest_int("num_leaves", 4, 64, log=True),
            "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 3, 100, log=True),
            "lambda_l2": trial.suggest_float("lambda_l2", 0.1, 50, log=True),
            "feature_fraction": trial.suggest_float("feature_fraction", 0.2, 1.0),
        }
    trial.set_user_attr("boosting", boosting)
    values = []
    for stage, value in enumerate(_forward(config, rows, folds, boosting) if folds else _held_out(config, rows, boosting)):
        values.append(value)
        trial.report(value, stage)  # the earlier fold, or fewer folds: what is bad there is pruned
        if trial.should_prune():
            raise optuna.TrialPruned
    return values[-1] if folds else float(np.mean(values))


def _forward(config: Any, rows: LearningSet, folds: list[tuple[np.ndarray, np.ndarray]], boosting: dict[str, Any]) -> Iterator[float]:
    for learnt, judged in folds:
        part = rows.rows(learnt)
        model = _scorer(config, 3, boosting).fit(part.table, part.y, sample_weight=part.weight, groups=part.groups, blocks=part.blocks)
        yield _worth(config, rows.y[judged], model.margin(rows.table[judged]), np.ones(int(judged.sum())))


def _held_out(config: Any, rows: LearningSet, boosting: dict[str, Any]) -> Iterator[float]:
    judged = rows.decided & (rows.weight > 0) if len(np.unique(rows.y[rows.decided])) > 1 else rows.weight > 0
    for folds in (3, 5):
        model = _scorer(config, folds, boosting).fit(rows.table, rows.y, sample_weight=rows.weight, groups=rows.groups, blocks=rows.blocks)
        yield _worth(config, rows.y[judged], model.margin(rows.table[judged], groups=rows.groups[judged]), rows.weight[judged])


def _scorer(config: Any, folds: int, boosting: dict[str, Any]) -> EntityScorer:
    from fraudml.detectors import EntityScorer

    return EntityScorer(
        folds=folds, repeats=1, members=("boosted",), boosting=boosting, random_state=config.seed, n_jobs=config.engine.threads
    )


def _worth(config: Any, y: np.ndarray, score: np.ndarray, weight: np.ndarray) -> float:
    """Average precision, or precision among as many as can be inspected (of a fold with fewer cases, as many as those)."""
    from fraudml.evaluate.metrics import ranking_metrics

    first = min(config.capacity, max(int(y.sum()), 1))
    figures = ranking_metrics(y, score, weight, (first,))
    return figures["average_precision" if config.tuning.objective == AVERAGE_PRECISION else f"precision_at_{first}"]
