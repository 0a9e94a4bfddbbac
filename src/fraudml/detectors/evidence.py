"""How strongly rule evidence and the graph speak against each entity, as numbers in [0, 1]."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

SEVERITY = {"clear": 0.9, "suspicious": 0.6, "screen": 0.0}
"""What evidence of a severity is worth at most. A clear violation is a fact of the bill; a suspicious pattern has benign readings;
a screen ranks for the audit programmes and accuses nobody."""

ALONE = {"clear": 0.5, "suspicious": 0.15, "screen": 0.0}
"""Share of that worth which evidence has by its mere existence; the rest it earns by exceeding what peers with as many claims show."""

HALF_MASS, HALF_EXCESS = 2.0, 3.0
"""Pieces of full-strength evidence, and standard deviations above expectation, that earn half."""


def rule_evidence(hits: pd.DataFrame, exposure: pd.Series) -> pd.DataFrame:
    """Worth of each rule's evidence against each entity.

    Every busy institution has some doubtful lines. Evidence therefore counts by how much there is beyond what the same number of claims
    brings elsewhere (a Poisson excess against all entities of the type), and by the strength of its strongest piece.

    Parameters
    ----------
    hits : evidence rows against entities of one type (:data:`fraudml.contracts.EVIDENCE`).
    exposure : claims of each entity in the window, by entity_id, of all entities of the type.

    Returns
    -------
    one row per entity and rule: entity_id, rule, severity, count, amount, strength (of the strongest piece), excess (standard deviations
    above expectation), worth in [0, 1); strongest first within an entity.
    """
    import pandas as pd

    columns = ["entity_id", "rule", "severity", "count", "amount", "strength", "excess", "worth"]
    if hits.empty:
        return pd.DataFrame({name: pd.Series(dtype="str" if name in ("entity_id", "rule", "severity") else "float64") for name in columns})
    hits = hits.assign(strength=hits["strength"].fillna(1.0).clip(0.0, 1.0).astype(float))
    table = (
        hits.groupby(["entity_id", "rule", "severity"], observed=True)
        .agg(
            count=("strength", "size"),
            mass=("strength", "sum"),
            strength=("strength", "max"),
            amount=("amount_in_question", "sum"),
        )
        .reset_index()
    )
    claims = table["entity_id"].map(exposure).astype(float).fillna(1.0).clip(lower=1.0)
    everything = max(float(exposure.sum()), float(claims.sum()), 1.0)
    expected = table["rule"].map(table.groupby("rule")["mass"].sum()) * claims / everything
    table["excess"] = np.maximum(table["mass"] - expected, 0.0) / np.sqrt(expected + 1.0)
    alone = table["severity"].map(ALONE).astype(float).fillna(0.0)
    most = table["severity"].map(SEVERITY).astype(float).fillna(0.0)
    amount = alone * table["mass"] / (table["mass"] + HALF_MASS) + (1 - alone) * table["excess"] / (table["excess"] + HALF_EXCESS)
    table["worth"] = most * table["strength"] * amount
    table = table.sort_values(["entity_id", "worth", "strength", "rule"], ascending=[True, False, False, True], kind="stable")
    return table[columns].reset_index(drop=True)


def claim_evidence(hits: pd.DataFrame) -> pd.DataFrame:
    """Worth of each rule's evidence about each claim, whoever it speaks against; columns of :func:`rule_evidence`.

    A claim has no peers to exceed: its evidence counts by its strength.
    """
    about = hits.loc[hits["claim_id"].notna()].drop(columns="entity_id").rename(columns={"claim_id": "entity_id"})
    lines = about.drop_duplicates(["entity_id", "rule", "line_id", "occurred_on", "facts"])
    table = rule_evidence(lines, lines.groupby("entity_id").size() * 0 + 1)
    most = table["severity"].map(SEVERITY).astype(float).fillna(0.0)
    table["worth"] = most * table["strength"] * (0.75 + 0.25 * table["count"] / (table["count"] + HALF_MASS))
    return table.sort_values(["entity_id", "worth", "rule"], ascending=[True, False, True], kind="stable").reset_index(drop=True)


def either(worths: pd.Series, entities: pd.Series) -> pd.Series:
    """Noisy-or by entity: the chance that at least one piece of evidence holds, were they independent."""
    return 1 - np.exp(np.log1p(-worths.clip(0.0, 1 - 1e-9)).groupby(entities).sum())


def graph_score(measures: pd.DataFrame) -> pd.Series:
    """How far an entity's place in the graph speaks against it, in [0, 1), by ``entity_id``.

    Noisy-or of belonging to a ring, of a partner in external prescriptions beyond chance and of companions beyond chance. What is only
    unusual (degrees, centrality) is left to the outlier detector.

    Parameters
    ----------
    measures : rows of ``graph/measures.parquet`` of one entity type and day.
    """
    import pandas as pd

    quiet = pd.Series(0.0, index=measures["entity_id"].to_numpy())
    for name, most, half in (
        ("ring_score", 1.0, None),
        ("pharmacy_lift_evidence_12m", 0.6, 10.0),
        ("prescriber_lift_evidence_12m", 0.6, 10.0),
        ("companion_evidence_12m", 0.3, 20.0),
    ):
        if name in measures:
            value = measures[name].fillna(0.0).clip(lower=0.0).to_numpy(dtype=float)
            share = value if half is None else value / (value + half)
            quiet += np.log1p(-np.minimum(most * share, 1 - 1e-9))
    return 1 - np.exp(quiet)
