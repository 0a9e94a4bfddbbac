"""The table that a model sees: behaviour, place in the graph, rule evidence, one row per entity."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

LEFT_OUT = ("entity_type", "entity_id", "as_of", "confirmed_proximity")
"""Nearness to confirmed cases stays out: it is made of the decisions that the model is to learn."""

RULE, RULE_AMOUNT, RULE_COUNT = "rule:", "rule_amount:", "rule_count:"
RULE_COLUMNS = (RULE, RULE_AMOUNT, RULE_COUNT)
"""What the names of a model's columns about a rule begin with."""


def learning_table(vectors: pd.DataFrame, measures: pd.DataFrame | None, evidence: pd.DataFrame) -> pd.DataFrame:
    """Features of each entity for the supervised model.

    Parameters
    ----------
    vectors : behaviour vectors by entity_id.
    measures : graph measures of this entity type, named unlike the features, or None.
    evidence : :func:`fraudml.detectors.evidence.rule_evidence` of this entity type.

    Returns
    -------
    DataFrame on the index of ``vectors``: attributes as text, features and measures as floats, for each rule that has evidence
    ``rule:<id>`` (excess and strength, 0 without), ``rule_amount:<id>`` (CNY) and ``rule_count:<id>`` (claims with evidence in the twelve
    months up to the snapshot's day).
    """
    import pandas as pd

    table = vectors.copy()
    if measures is not None and len(measures):
        placed = measures.set_index("entity_id").drop(columns=[name for name in LEFT_OUT if name in measures and name != "entity_id"])
        placed = placed.loc[:, placed.notna().any()]
        table = table.join(placed)
    if len(evidence):
        weight = (evidence["excess"] + evidence["strength"]).where(evidence["excess"].notna(), evidence["strength"])
        strength = evidence.assign(weight=weight).pivot_table(index="entity_id", columns="rule", values="weight", aggfunc="max")
        amount = evidence.pivot_table(index="entity_id", columns="rule", values="amount", aggfunc="sum")
        count = evidence.pivot_table(index="entity_id", columns="rule", values="count", aggfunc="sum")
        rules = pd.concat([strength.add_prefix(RULE), amount.add_prefix(RULE_AMOUNT), count.add_prefix(RULE_COUNT)], axis=1)
        table = table.join(rules.reindex(table.index).fillna(0.0))
    return table


def aligned(table: pd.DataFrame, features: Iterable[str]) -> pd.DataFrame:
    """The table with exactly these columns: rules without evidence are 0, what the data no longer has is missing."""
    import numpy as np

    features = list(features)
    absent = {name: 0.0 if name.startswith(RULE_COLUMNS) else np.nan for name in features if name not in table}
    return table.assign(**absent)[features]
