"""What an entity's risk would be without one of its reasons: asked of the model, not read off the contributions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from fraudml.detectors.calibration import log_odds, probability

if TYPE_CHECKING:
    import pandas as pd

    from fraudml.detectors.registered import RegisteredModel


def risk_without(
    reasons: pd.DataFrame,
    parts: pd.DataFrame,
    evidence: pd.DataFrame,
    table: pd.DataFrame | None,
    median: pd.DataFrame,
    odd: pd.DataFrame,
    story: Mapping[str, int],
    model: RegisteredModel | None,
    prior: float,
) -> pd.Series:
    """Risk of the entity of each reason if that reason did not exist, on the index of ``reasons``.

    Without a rule: as if it had found nothing. Without a feature: its figures, and those that tell the same story, at the peers' median;
    of what being unusual adds, the part that these figures stand for is taken off.

    Parameters
    ----------
    reasons : rows of :data:`fraudml.contracts.REASONS` of entities that ``table``, ``median`` and ``odd`` hold.
    parts : rules, graph, outlier, supervised by entity_id.
    evidence : :func:`fraudml.detectors.evidence.rule_evidence`.
    table : what the model reads, by entity_id; None without a model.
    odd : what each feature adds to the log-odds by being unusual, entities x features.
    story : feature -> number of its story (:func:`fraudml.reasons.stories`).
    prior : as :func:`fraudml.detectors.combine.without_labels` takes it.
    """
    import pandas as pd

    from fraudml.detectors.combine import without_labels

    if reasons.empty:
        return pd.Series(dtype=float)
    entity = reasons["entity_id"].to_numpy(dtype=object)
    rule = reasons["feature"].where(reasons["feature"].str.startswith("rule:")).str.removeprefix("rule:").to_numpy(dtype=object)
    columns = [[] if isinstance(of, str) else _of_story(name, story) for name, of in zip(reasons["feature"], rule, strict=True)]
    others = parts.loc[entity].reset_index(drop=True)
    others["rules"] = _rules_without(entity, rule, evidence, others["rules"])
    if model is None or table is None:
        risk = without_labels(others, prior)
    else:
        changed = table.loc[entity].reset_index(drop=True)
        _take_out(changed, entity, rule, columns, median)
        others["supervised"] = model.scorer.predict_proba(changed, groups=entity)[:, 1]
        risk = model.combiner.risk(others)
    oddness = np.zeros(len(entity))
    for place, names in enumerate(columns):
        oddness[place] = odd.loc[entity[place], [name for name in names if name in odd]].sum()
    return pd.Series(probability(log_odds(risk.to_numpy()) - oddness), index=reasons.index)


def _of_story(name: str, story: Mapping[str, int]) -> list[str]:
    return [each for each, number in story.items() if number == story.get(name)] or [name]


def _rules_without(entity: np.ndarray, rule: np.ndarray, evidence: pd.DataFrame, rules: pd.Series) -> pd.Series:
    """Worth of all rules' evidence against each entity but the one rule's (none: as it is)."""
    import pandas as pd

    from fraudml.detectors.evidence import together

    asked = pd.DataFrame({"place": np.arange(len(entity)), "entity_id": entity, "without": rule})
    asked = asked[asked["without"].notna()]
    rest = asked.merge(evidence[["entity_id", "rule", "worth"]], on="entity_id")
    rest = rest[rest["rule"] != rest["without"]]
    left = together(rest["worth"], rest["place"]).reindex(asked["place"]).fillna(0.0)
    rules = rules.copy()
    rules.iloc[asked["place"].to_numpy()] = left.to_numpy()
    return rules


def _take_out(table: pd.DataFrame, entity: np.ndarray, rule: np.ndarray, columns: list[list[str]], median: pd.DataFrame) -> None:
    """Sets what each row is asked to do without: the rule's columns to nothing, the features to the peers' median."""
    from fraudml.detectors.learning import RULE_COLUMNS

    cells: dict[str, tuple[list[int], list[float]]] = {}
    for place, (of, names) in enumerate(zip(rule, columns, strict=True)):
        of_rule = isinstance(of, str)
        changes = {start + of: 0.0 for start in RULE_COLUMNS} if of_rule else median.loc[entity[place], names].to_dict()
        for name, value in changes.items():
            if name in table:
                rows, values = cells.setdefault(str(name), ([], []))
                rows.append(place)
                values.append(value)
    for name, (rows, values) in cells.items():
        column = table[name].to_numpy(dtype=float, copy=True)
        column[rows] = values
        table[name] = column
