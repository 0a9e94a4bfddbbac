"""The model card: what a model was learnt from, how good it is, what it must not be used for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fraudml.detectors.combine import Combiner
    from fraudml.detectors.registered import RegisteredModel

SHOWN = ("auc", "average_precision", "precision_at_50", "precision_at_100", "precision_at_200")


def model_card(model: RegisteredModel, combiner: Combiner) -> str:
    """The card in Markdown."""
    about, metrics = model.about, model.about["metrics"]
    rankings = ["", *(name + "." for name in ("supervised", "rules", "isolation_forest", "total_amount", "random"))]
    shown = [name for name in SHOWN if name in metrics]
    table = ["| ranking | " + " | ".join(shown) + " |", "|---|" + "---|" * len(shown)]
    for prefix in rankings:
        if f"{prefix}auc" in metrics:
            cells = " | ".join(f"{metrics[prefix + name]:.3f}" for name in shown)
            table.append(f"| {prefix.rstrip('.') or 'risk (combined)'} | {cells} |")
    moving = ", ".join(f"{name} {value:.2f}" for name, value in list(about.get("shap", {}).items())[:15])
    order = np.argsort(-model.scorer.importances_, kind="stable")[:15]
    features = [f"{model.scorer.feature_names_in_[one]} ({100 * model.scorer.importances_[one]:.1f} %)" for one in order]
    weighed = ", ".join(f"{name} {value:.2f}" for name, value in combiner.coefficients.items())
    learnt = "decided entities only" if not about["pu"] else "decided entities; entities that nobody looked at as weak negatives"
    return "\n".join(
        [
            f"# {model.version}",
            "",
            f"Ranks entities of type {about['target']} by how much they resemble confirmed cases. Made to decide what to look at first;",
            "it establishes nothing: a finding needs the evidence on the bill and the inspector's own.",
            "",
            "## Learnt from",
            f"- decisions and behaviour known on {about['as_of']}: {about['entities']} entities, {about['decided']} decided, "
            f"{about['confirmed']} confirmed ({learnt})",
            f"- data set `{about['dataset'] or 'unnamed'}`, {len(about['features'])} features",
            "",
            "## Held out (entities the model did not see)",
            *table,
            "",
            *(["Entities that nobody looked at count as no case here: precision is a lower bound."] if about["pu"] else []),
            "How the combined risk weighs its parts was learnt from the same cases, which flatters its own figures a little.",
            *_among_decided(metrics),
            "",
            f"Expected calibration error {metrics['ece']:.3f} (decided entities, weighed to stand for all).",
            "",
            "## Made of",
            "- blend: " + ", ".join(f"{name} {value:.2f}" for name, value in about["weights"].items()),
            f"- log-odds of the risk: {weighed}",
            "- features by mean absolute SHAP value (log-odds): " + moving,
            "- features by gain: " + ", ".join(features),
            "",
            "## Limits",
            "- Decisions exist only for those who were looked at: the model inherits what inspectors chose to see.",
            "- A scheme that nobody has confirmed yet is seen by rules, graph and outliers only.",
            "",
        ]
    )


def _among_decided(metrics: dict[str, float]) -> list[str]:
    names = [name for name in SHOWN[:2] if f"decided.{name}" in metrics]
    told = ", ".join(f"{name} {metrics[f'decided.{name}']:.3f}" for name in names)
    return [f"Among the decided only: {told}."] if told else []
