"""Models in use and learnt anew, on the rows that they are judged by."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fraudml.claims import Claims
from fraudml.contracts import ENTITY_TYPES
from fraudml.stages import inputs
from fraudml.stages.learning_set import LearningSet, learning_sets
from fraudml.stages.train import combined, held_out, quick_fit

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from fraudml.detectors.registered import RegisteredModel


def learnt(config: Any, claims: Claims, as_of: str) -> tuple[dict[str, RegisteredModel], dict[str, LearningSet]]:
    """The models in use, and the learning set of each that has confirmed cases; both by target."""
    from fraudml.detectors.registered import champion

    wanted = [each for each in ENTITY_TYPES if config.target in (None, each)]
    models = {each: model for each in wanted if (model := champion(Path(config.models_dir), each)) is not None}
    labels = inputs.decisions(claims.engine, claims, as_of, config.labels)
    targets = [each for each in models if labels.loc[labels["entity_type"] == each, "is_fraud"].sum() > 0]
    return models, learning_sets(config, claims, targets, as_of, labels) if targets else {}


def judged_by(model: RegisteredModel, rows: LearningSet) -> tuple[pd.DataFrame, np.ndarray]:
    """Parts and risk of learning rows by a model, entities that it learnt from judged by those of its models that did not see them."""
    from fraudml.detectors.learning import aligned

    table = aligned(rows.table, model.scorer.feature_names_in_)
    parts = rows.parts.assign(supervised=model.scorer.predict_proba(table, groups=rows.groups)[:, 1])
    return parts, model.combiner.risk(parts).to_numpy()


def learn(config: Any, rows: LearningSet) -> Callable[[LearningSet], np.ndarray]:
    """Learns anew from some rows, quickly (boosted trees alone); gives the risk of others."""
    model = quick_fit(config, rows)
    combiner = combined(rows, rows.parts.assign(supervised=held_out(model, rows)))

    def risk(others: LearningSet) -> np.ndarray:
        return combiner.risk(others.parts.assign(supervised=held_out(model, others))).to_numpy()

    return risk


def without_rule(target: str, rows: LearningSet, scheme: str) -> LearningSet:
    """The learning set as if the scheme's rule did not exist: no column of it, and not in the worth of all rules."""
    from dataclasses import replace

    from fraudml.detectors.evidence import together
    from fraudml.detectors.learning import RULE_COLUMNS

    table = rows.table.drop(columns=[name for name in (kind + scheme for kind in RULE_COLUMNS) if name in rows.table])
    hit = rows.evidence[rows.evidence["rule"] == scheme]
    rest = rows.evidence[rows.evidence["rule"] != scheme]
    worth = together(rest["worth"], rest["entity_id"])
    touched = np.isin(rows.groups, hit["entity_id"].to_numpy())
    rules = np.where(touched, worth.reindex(rows.groups).fillna(0.0).to_numpy(), rows.parts["rules"].to_numpy(dtype=float))
    return replace(rows, table=table, parts=rows.parts.assign(rules=rules))
