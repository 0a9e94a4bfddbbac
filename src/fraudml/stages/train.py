"""Stage ``train``: learns from decided cases; one model per target, tracked, registered and described."""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import replace
from importlib.metadata import version
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
from fraudml.stages.features import dataset_of
from fraudml.stages.learning_set import LearningSet, learning_sets
from fraudml.stages.population import reference_of
from fraudml.stages.stored import write_json
from fraudml.stages.tuning import tuned

if TYPE_CHECKING:
    import pandas as pd

    from fraudml.detectors.combine import Combiner
    from fraudml.detectors.registered import RegisteredModel
    from fraudml.detectors.supervised import EntityScorer

log = logging.getLogger("fraudml")


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


def fit(config: Any, rows: LearningSet, boosting: dict[str, Any] | None = None) -> EntityScorer:
    """The scorer of one learning set; one class only cannot happen, since cases and others are both there by construction or refused.

    Decisions that the others contradict are learnt from with less weight (:func:`fraudml.detectors.doubt.trusted`).
    """
    from fraudml.detectors import EntityScorer
    from fraudml.detectors.doubt import enough, trusted

    trust = np.ones(len(rows.y))
    if enough(rows.y, rows.decided):
        trust = trusted(held_out(quick_fit(config, rows, boosting), rows), rows.y, rows.decided)
    model = EntityScorer(boosting=boosting, random_state=config.seed, n_jobs=config.engine.threads)
    return model.fit(rows.table, rows.y, sample_weight=rows.weight * trust, groups=rows.groups, blocks=rows.blocks)


def quick_fit(config: Any, rows: LearningSet, boosting: dict[str, Any] | None = None) -> EntityScorer:
    """A scorer of boosted trees alone, one partition: to look for contradictions, and to learn many times over."""
    from fraudml.detectors import EntityScorer

    model = EntityScorer(members=("boosted",), repeats=1, boosting=boosting, random_state=config.seed, n_jobs=config.engine.threads)
    return model.fit(rows.table, rows.y, sample_weight=rows.weight, groups=rows.groups, blocks=rows.blocks)


def held_out(model: EntityScorer, rows: LearningSet) -> np.ndarray:
    """Probability of each learning row by the models that did not see its entity."""
    return model.predict_proba(rows.table, groups=rows.groups)[:, 1]


def combined(rows: LearningSet, parts: pd.DataFrame) -> Combiner:
    """The combiner of one learning set, ``parts`` holding the held-out probabilities of its scorer."""
    from fraudml.detectors.combine import Combiner

    return Combiner.fit(parts, rows.y, rows.weight, rows.decided, rows.population, rows.prior)


def _train(config: Any, claims: Claims, target: str, rows: LearningSet, as_of: str, tracking: Any) -> None:
    from fraudml.detectors.registered import RegisteredModel, champion
    from fraudml.detectors.scheme_classifier import SchemeClassifier
    from fraudml.evaluate.card import model_card
    from fraudml.evaluate.held_out import assess, latest
    from fraudml.evaluate.pictures import bars, png
    from fraudml.evaluate.shap_summary import SHOWN, shap_summary
    from fraudml.rules import rule_base

    if len(np.unique(rows.y)) < 2:
        log.info("%s: not trained, every decided entity is a confirmed case", target)
        return
    boosting = tuned(config, target, rows, tracking)
    model = fit(config, rows, boosting)
    parts = rows.parts.assign(supervised=held_out(model, rows))
    combiner = combined(rows, parts)
    found = assess(rows, parts, combiner.risk(parts).to_numpy(), config.seed)
    about = {
        "target": target,
        "as_of": as_of,
        "dataset": dataset_of(claims.data_dir),
        "rows": len(rows.y),
        "entities": len(set(rows.groups)),
        "confirmed": len(set(rows.groups[rows.y == 1])),
        "decided": len(set(rows.groups[rows.decided])),
        "pu": rows.pu,
        "snapshots": sorted(set(rows.days)),
        "boosting": boosting or {},
        "metrics": {name: value for name, value in found.metrics.items() if value == value},  # JSON knows no NaN
        "weights": model.weights_,
        "features": list(map(str, model.feature_names_in_)),
        "rules_version": rule_base(config.conf_dir).version,
        "fraudml": version("fraudml"),
    }
    last = latest(rows.groups)
    moving = shap_summary(model, rows.table[last], rows.groups[last])
    most = moving.head(SHOWN)
    about["shap"] = dict(zip(most["feature"], most["mean_abs"].round(4), strict=True))
    folder = Path(config.models_dir) / target
    used = champion(Path(config.models_dir), target)
    champion_ap = None if used is None else decided_precision(used, rows)
    reference = reference_of(config, claims, inputs.catalogues(config)[target], as_of, model)
    confirmed = rows.y == 1
    schemes = SchemeClassifier.fit(
        rows.table[confirmed], rows.cases["scheme"][confirmed], rows.groups[confirmed], config.seed, config.engine.threads
    )
    if schemes is not None:
        about["schemes"] = {"known": schemes.schemes, "named": schemes.named, "right": schemes.right}
    registered = RegisteredModel(f"{target}-{tracking.next_number(target)}", model, combiner, about, reference, schemes)
    beside = folder.with_name(f".{target}.{os.getpid()}.part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        registered.save(beside)
        (beside / "README.md").write_text(model_card(registered, combiner), encoding="utf-8")
        write_json(beside / "metrics.json", found.metrics)
        moving.to_csv(beside / "shap_summary.csv", index=False)
        (beside / "config.yaml").write_text(learnt_by(config), encoding="utf-8")
        shown = [
            found.picture(target, beside / "curves.png"),
            png(bars(f"{target}: SHAP", most["feature"].tolist(), most["mean_abs"].tolist()), beside / "shap_summary.png"),
            beside / "shap_summary.csv",
            beside / "config.yaml",
        ]
        number = tracking.record(
            f"{target} as of {as_of}",
            target,
            beside,
            {"target": target, "as_of": as_of, "seed": config.seed, "pu": rows.pu} | model._plan.boosting | (boosting or {}),
            found.metrics | ({} if champion_ap is None else {"champion_average_precision": champion_ap}),
            {name: str(about[name]) for name in ("dataset", "target", "as_of", "rules_version", "fraudml")},
            shown,
        )
        if registered.version != f"{target}-{number}":  # another run registered meanwhile
            replace(registered, version=f"{target}-{number}").save(beside)
        if no_worse(found.metrics["decided.average_precision"], champion_ap) or config.tracking.promote == "always":
            put_in_place(beside, folder)
            tracking.promote(target, number)
        else:
            log.warning(
                "%s: %s-%d ranks worse than the model in use (average precision %.3f, that one %.3f on the same cases): registered as a"
                " candidate, not used; `fraudml promote target=%s tracking.promote=always` would use it",
                folder,
                target,
                number,
                found.metrics["decided.average_precision"],
                champion_ap,
                target,
            )
            return
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    among = found.metrics["decided.average_precision"]
    log.info(
        "%s: %s-%d learnt from %d entities (%d confirmed); held out: average precision %s among the decided, %.3f among all"
        " (where nobody looked counts as honest), AUC %.3f",
        folder,
        target,
        number,
        about["entities"],
        about["confirmed"],
        f"{among:.3f}" if among == among else "not known (nobody was cleared)",
        found.metrics["average_precision"],
        found.metrics["auc"],
    )


def learnt_by(config: Any) -> str:
    """The part of the configuration that says how a model is learnt, as YAML; addresses of stores and sources are none of the model's."""
    from omegaconf import OmegaConf

    return OmegaConf.to_yaml(OmegaConf.masked_copy(config, ["seed", "as_of", "target", "labels", "capacity", "detector", "tuning"]))


def decided_precision(model: RegisteredModel, rows: LearningSet) -> float:
    """Average precision of a model on decided rows, entities that it learnt from judged by those of its models that did not see them."""
    from fraudml.evaluate.held_out import latest
    from fraudml.evaluate.metrics import ranking_metrics
    from fraudml.stages.judged import judged_by

    last = latest(rows.groups) & rows.decided
    return ranking_metrics(rows.y[last], judged_by(model, rows)[1][last], capacities=())["average_precision"]


def no_worse(new: float, used: float | None) -> bool:
    """Whether a model may take the place of the one in use; also where neither can be said."""
    return used is None or not new < used
