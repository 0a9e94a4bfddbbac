"""Stage ``train``: learns from decided cases; one model per target, tracked, registered and described."""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fraudml.claims import Claims, open_claims
from fraudml.claims.swap import put_in_place
from fraudml.config import as_of_days
from fraudml.contracts import ENTITY_TYPES
from fraudml.engine import open_engine
from fraudml.errors import UsageError
from fraudml.progress import step
from fraudml.stages import inputs
from fraudml.stages.evidence import WINDOW, evidence_as_of
from fraudml.stages.features import dataset_of
from fraudml.stages.parts import gather
from fraudml.stages.population import reference_of

if TYPE_CHECKING:
    import pandas as pd

    from fraudml.detectors.supervised import EntityScorer

log = logging.getLogger("fraudml")

FEWEST_UNLABELLED = 5000


@dataclass(frozen=True)
class LearningSet:
    """Rows to learn a target from.

    Attributes
    ----------
    table : features; y : 1 confirmed, 0 not; weight : of rows, an entity's snapshots sharing its weight; groups : entity of each row.
    parts : rules, graph, outlier of each row.
    decided : bool, rows whose entity was looked at.
    pu : whether the rest counts as weak negatives.
    """

    table: pd.DataFrame
    y: np.ndarray
    weight: np.ndarray
    groups: np.ndarray
    parts: pd.DataFrame
    decided: np.ndarray
    pu: bool


def run(config: Any) -> None:
    """Trains every target that has enough confirmed cases (or the one asked for) and registers it."""
    if config.target is not None and config.target not in ENTITY_TYPES:
        raise UsageError("train.target", f"target={config.target}.", f"Targets: {', '.join(ENTITY_TYPES)}.")
    if config.tracking.promote not in ("better", "always"):
        raise UsageError("train.promote", f"tracking.promote={config.tracking.promote}.", "Give better or always.")
    engine = open_engine(config.engine.memory_limit, config.engine.threads, config.engine.temp_dir)
    claims = open_claims(config.data_dir, engine)
    as_of = (as_of_days(config) or [str(claims.last_month_end())])[-1]
    labels = inputs.decisions(engine, claims, as_of, config.labels)
    targets = [each for each in ENTITY_TYPES if _enough(config, labels, each, as_of)]
    models_dir = Path(config.models_dir)
    models_dir.mkdir(parents=True, exist_ok=True)
    if not targets:
        log.info("nothing trained: score and leads work from rules, outliers and graph")
        return
    sets = learning_sets(config, claims, targets, as_of, labels)
    from fraudml.tracking import Tracking

    with step("tracking store opened"):
        tracking = Tracking(models_dir, config.tracking.uri, config.tracking.experiment)
    for target, rows in sets.items():
        with step(f"{target} trained"):
            _train(config, claims, target, rows, as_of, tracking)


def _enough(config: Any, labels: pd.DataFrame, target: str, as_of: str) -> bool:
    if config.target not in (None, target):
        return False
    mine = labels[labels["entity_type"] == target]
    positives = int(mine["is_fraud"].sum()) if len(mine) else 0
    if positives < config.detector.least_positives:
        log.info(
            "%s: not trained, %d confirmed cases known on %s, %d are needed", target, positives, as_of, config.detector.least_positives
        )
        return False
    return True


def learning_sets(config: Any, claims: Claims, targets: list[str], as_of: str, labels: pd.DataFrame) -> dict[str, LearningSet]:
    """Rows of every target from the last snapshots up to ``as_of``; targets whose cases have no behaviour are left out."""
    import pandas as pd

    from fraudml.detectors.learning import learning_table

    engine, data_dir = claims.engine, claims.data_dir
    catalogues = inputs.catalogues(config)
    path = data_dir / "features" / f"{targets[0]}.parquet"
    days = [day for day in inputs.snapshot_days(engine, path) if day <= as_of] if path.is_file() else []
    days = days[-config.detector.snapshots :] or [as_of]  # with none, reading says which command makes it
    pieces: dict[str, list[pd.DataFrame]] = {target: [] for target in targets}
    for day in days:
        with step(f"learning rows as of {day}"):
            hits = evidence_as_of(config, claims, day)
            measures = inputs.measures_as_of(engine, data_dir, day)
            with claims.at(day, months=WINDOW, materialise=("claims",)) as snapshot:
                for target in targets:
                    if target == "claim" and day != days[-1]:
                        continue  # a claim has one row, whatever the day
                    vectors = inputs.vectors_as_of(engine, data_dir, target, day)
                    wanted = _wanted(config, vectors, labels[labels["entity_type"] == target])
                    if not len(wanted):
                        continue
                    placed = inputs.measures_of(measures, catalogues[target])
                    judged = gather(target, catalogues[target], vectors, placed, hits, snapshot, wanted, config.seed)
                    rows = learning_table(vectors.loc[wanted], placed, judged.evidence)
                    pieces[target].append(rows.join(judged.values.add_prefix("part:")))
    sets = {}
    for target in targets:
        if pieces[target]:
            found = _learning_set(config, pd.concat(pieces[target]), labels[labels["entity_type"] == target])
            if found.y.sum() and len(set(found.groups[found.y == 1])) >= config.detector.least_positives:
                sets[target] = found
                continue
        log.info("%s: not trained, fewer than %d confirmed cases have behaviour vectors", target, config.detector.least_positives)
    return sets


def _wanted(config: Any, vectors: pd.DataFrame, labels: pd.DataFrame) -> np.ndarray:
    """Entities to learn from: the decided ones, and of the others, where they are needed, a part that depends on content only."""
    from fraudml.detectors.table import row_keys

    ids = vectors.index.to_numpy()
    known = vectors.index.isin(labels["entity_id"])
    if known.sum() >= config.detector.labelled_share * len(ids):
        return np.sort(ids[known])
    cases = int(labels["is_fraud"].sum())
    most = max(FEWEST_UNLABELLED, config.detector.unlabelled_per_case * cases)
    others = np.flatnonzero(~known)
    keys = row_keys(vectors.select_dtypes("number").to_numpy(dtype=float)[others])
    return np.sort(np.concatenate([ids[known], ids[others[np.argsort(keys, kind="stable")[:most]]]]))


def _learning_set(config: Any, rows: pd.DataFrame, labels: pd.DataFrame) -> LearningSet:
    decided_on = labels.set_index("entity_id")["is_fraud"]
    decided = rows.index.isin(decided_on.index)
    y = rows.index.map(decided_on).fillna(False).to_numpy(dtype=bool).astype(float)
    groups = rows.index.to_numpy()
    weight = np.where(decided, 1.0, config.detector.unlabelled_weight) / rows.groupby(level=0).size().reindex(groups).to_numpy()
    parts = rows[[name for name in rows if name.startswith("part:")]].rename(columns=lambda name: name.removeprefix("part:"))
    table = rows.drop(columns=[name for name in rows if name.startswith("part:")])
    table = table.loc[:, table.notna().any()]
    rules = [name for name in table if name.startswith("rule")]
    table[rules] = table[rules].fillna(0.0)
    return LearningSet(table, y, weight, groups, parts, decided, not bool(decided.all()))


def fit(config: Any, rows: LearningSet, boosting: dict[str, Any] | None = None) -> EntityScorer:
    """The scorer of one learning set; one class only cannot happen, since cases and others are both there by construction or refused."""
    from fraudml.detectors import EntityScorer

    model = EntityScorer(pu=rows.pu, boosting=boosting, random_state=config.seed, n_jobs=config.engine.threads)
    return model.fit(rows.table, rows.y, sample_weight=rows.weight, groups=rows.groups)


def held_out(model: EntityScorer, rows: LearningSet) -> np.ndarray:
    """Probability of each learning row by the models that did not see its entity."""
    return model.predict_proba(rows.table, groups=rows.groups)[:, 1]


def _train(config: Any, claims: Claims, target: str, rows: LearningSet, as_of: str, tracking: Any) -> None:
    import json

    from fraudml.detectors.combine import Combiner
    from fraudml.detectors.registered import RegisteredModel
    from fraudml.evaluate.card import model_card
    from fraudml.evaluate.held_out import assess

    if len(np.unique(rows.y)) < 2:
        log.info("%s: not trained, every decided entity is a confirmed case", target)
        return
    boosting = _tuned(config, target, rows)
    model = fit(config, rows, boosting)
    parts = rows.parts.assign(supervised=held_out(model, rows))
    combiner = Combiner.fit(parts, rows.y, rows.weight, rows.pu)
    found = assess(rows.table, rows.y, parts, combiner.risk(parts).to_numpy(), rows.groups, rows.decided, config.seed)
    about = {
        "target": target,
        "as_of": as_of,
        "dataset": dataset_of(claims.data_dir),
        "rows": len(rows.y),
        "entities": len(set(rows.groups)),
        "confirmed": len(set(rows.groups[rows.y == 1])),
        "decided": len(set(rows.groups[rows.decided])),
        "pu": rows.pu,
        "boosting": boosting or {},
        "metrics": found.metrics,
        "weights": model.weights_,
        "features": list(map(str, model.feature_names_in_)),
    }
    folder = Path(config.models_dir) / target
    champion_ap = _of_champion(config, target, rows)
    reference = reference_of(config, claims, inputs.catalogues(config)[target], as_of, model)
    registered = RegisteredModel(f"{target}-{tracking.next_number(target)}", model, combiner, about, reference)
    beside = folder.with_name(f".{target}.{os.getpid()}.part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        registered.save(beside)
        (beside / "README.md").write_text(model_card(registered, combiner), encoding="utf-8")
        (beside / "metrics.json").write_text(json.dumps(found.metrics, indent=1), encoding="utf-8")
        picture = found.picture(target, beside / "curves.png")
        number = tracking.record(
            f"{target} as of {as_of}",
            target,
            beside,
            {"target": target, "as_of": as_of, "seed": config.seed, "pu": rows.pu} | model._plan.boosting | (boosting or {}),
            found.metrics | ({} if champion_ap is None else {"champion_average_precision": champion_ap}),
            {"dataset": about["dataset"], "target": target, "as_of": as_of},
            [picture],
        )
        if registered.version != f"{target}-{number}":  # another run registered meanwhile
            replace(registered, version=f"{target}-{number}").save(beside)
        better = champion_ap is None or found.metrics["average_precision"] >= champion_ap
        if better or config.tracking.promote == "always":
            put_in_place(beside, folder)
            tracking.promote(target, number)
        else:
            log.warning(
                "%s: %s-%d ranks worse than the model in use (average precision %.3f, that one %.3f on the same cases): registered as a"
                " candidate, not used; tracking.promote=always would use it",
                folder,
                target,
                number,
                found.metrics["average_precision"],
                champion_ap,
            )
            return
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    log.info(
        "%s: %s-%d learnt from %d entities (%d confirmed); held out AUC %.3f, average precision %.3f",
        folder,
        target,
        number,
        about["entities"],
        about["confirmed"],
        found.metrics["auc"],
        found.metrics["average_precision"],
    )


def _of_champion(config: Any, target: str, rows: LearningSet) -> float | None:
    """Average precision of the model in use on the rows of the new one, each entity by models that have not seen it; None without one."""
    from fraudml.detectors.learning import aligned
    from fraudml.detectors.registered import champion
    from fraudml.evaluate.held_out import latest
    from fraudml.evaluate.metrics import ranking_metrics

    used = champion(Path(config.models_dir), target)
    if used is None:
        return None
    theirs = aligned(rows.table, used.scorer.feature_names_in_)
    parts = rows.parts.assign(supervised=used.scorer.predict_proba(theirs, groups=rows.groups)[:, 1])
    last = latest(rows.groups)
    return ranking_metrics(rows.y[last], used.combiner.risk(parts).to_numpy()[last])["average_precision"]


def _tuned(config: Any, target: str, rows: LearningSet) -> dict[str, Any] | None:
    """LightGBM parameters from an Optuna study kept in ``models_dir/tuning.db``; None without trials."""
    if not config.tuning.trials:
        return None
    import optuna
    from sklearn.metrics import average_precision_score

    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(trial: optuna.Trial) -> float:
        boosting = {
            "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.2, log=True),
            "num_leaves": trial.suggest_int("num_leaves", 4, 64, log=True),
            "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 3, 100, log=True),
            "lambda_l2": trial.suggest_float("lambda_l2", 0.1, 50, log=True),
            "feature_fraction": trial.suggest_float("feature_fraction", 0.2, 1.0),
        }
        scores = []
        for step_, half in enumerate((3, 5)):  # three folds first: what is bad there is pruned
            from fraudml.detectors import EntityScorer

            model = EntityScorer(
                folds=half, repeats=1, members=("boosted",), boosting=boosting, random_state=config.seed, n_jobs=config.engine.threads
            ).fit(rows.table, rows.y, sample_weight=rows.weight, groups=rows.groups)
            scores.append(average_precision_score(rows.y, model.oof_margin_, sample_weight=rows.weight))
            trial.report(float(np.mean(scores)), step_)
            if trial.should_prune():
                raise optuna.TrialPruned
        return float(np.mean(scores))

    study = optuna.create_study(
        study_name=f"{target} {len(rows.y)} rows, {int(rows.y.sum())} cases",
        storage=f"sqlite:///{(Path(config.models_dir) / 'tuning.db').resolve()}",
        load_if_exists=True,
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=config.seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
    )
    done = sum(trial.state.is_finished() for trial in study.trials)
    study.optimize(objective, n_trials=max(config.tuning.trials - done, 0))
    return dict(study.best_params)
