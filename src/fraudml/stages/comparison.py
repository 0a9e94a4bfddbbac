"""Two models, or two versions of the rule base, on the same months: ``fraudml evaluate compare=…``."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fraudml.claims import Claims
from fraudml.errors import MissingInput
from fraudml.stages.evidence import evidence_as_of
from fraudml.stages.judged import judged_by, learnt
from fraudml.stages.rule_versions import compare_versions
from fraudml.stages.stored import write_json, write_text

if TYPE_CHECKING:
    from fraudml.detectors.registered import RegisteredModel
    from fraudml.stages.learning_set import LearningSet

log = logging.getLogger("fraudml")


def compare(config: Any, claims: Claims, as_of: str, folder: Path) -> None:
    """Writes what the models in use do otherwise than those of ``compare``, each entity judged by models that have not seen it.

    Parameters
    ----------
    config : ``compare`` names another folder of models (as ``models_dir``), or what ``rules.version`` may name: a conf folder, a version of
        the rule base that is kept in ``data_dir``, or ``shipped``.
    folder : where ``comparison.json`` and ``.html``, or ``rules_comparison.parquet`` and ``.html``, go.

    Raises
    ------
    MissingInput
        Where both are models, but of no common target with confirmed cases.
    UsageError
        Where ``compare`` is neither.
    """
    from fraudml.detectors.registered import champion
    from fraudml.evaluate.page import comparison_page

    other = Path(str(config.compare))
    if not list(other.glob("*/about.json")):
        versions = config.copy()
        versions.rules.version = str(config.compare)
        compare_versions(versions, claims, as_of, evidence_as_of(config, claims, as_of), folder)
        return
    models, sets = learnt(config, claims, as_of)
    rivals = {target: model for target in sets if (model := champion(other, target)) is not None}
    if not rivals:
        raise MissingInput(
            "evaluate.compare",
            f"{config.models_dir} and {other} have no model of one target whose cases are decided as of {as_of}.",
            "Train both on the same targets, or name another folder of models.",
        )
    targets = {target: _beside(models[target], rival, sets[target], config.seed) for target, rival in rivals.items()}
    report = {"as_of": as_of, "targets": targets}
    write_json(folder / "comparison.json", report)
    write_text(folder / "comparison.html", comparison_page(report, config.lang))
    for target, found in targets.items():
        figures = found["metrics"]["decided.average_precision"]
        log.info("%s: average precision of decided entities %.3f, the other %.3f", target, figures["in_use"], figures["other"])


def _beside(model: RegisteredModel, rival: RegisteredModel, rows: LearningSet, seed: int) -> dict[str, Any]:
    """Figures of both, their difference, and the bootstrap interval of the difference in average precision."""
    from fraudml.evaluate.held_out import assess, latest
    from fraudml.evaluate.metrics import bootstrap, ranking_metrics

    risks, found = [], []
    for each in (model, rival):
        parts, risk = judged_by(each, rows)
        risks.append(risk)
        found.append(assess(rows, parts, risk, seed).metrics)
    last = latest(rows.groups) & rows.decided
    y = rows.y[last]

    def apart(times: np.ndarray) -> float:
        ours, theirs = (ranking_metrics(y, risk[last], times, ())["average_precision"] for risk in risks)
        return ours - theirs

    shown = [name for name in found[0] if "." not in name or name.startswith("decided.")]
    metrics: dict[str, Any] = {
        name: {"in_use": found[0][name], "other": found[1][name], "difference": found[0][name] - found[1][name]}
        for name in shown
        if name not in ("rows", "positives") and name in found[1]
    }
    metrics["decided.average_precision"]["interval"] = bootstrap(apart, rows.groups[last], seed=seed)
    return {"in_use": model.version, "other": rival.version, "metrics": metrics}
