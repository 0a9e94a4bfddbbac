"""The population that a model judges on a day, and what of it later months are held against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fraudml.claims import Claims, Snapshot
from fraudml.claims.store import months_before
from fraudml.stages import inputs
from fraudml.stages.evidence import WINDOW, evidence_as_of

if TYPE_CHECKING:
    import pandas as pd

    from fraudml.detectors.supervised import EntityScorer
    from fraudml.vectors import Catalogue

MOST_ROWS = 50_000  # of a large population a part that depends on content only says the same


def population(config: Any, claims: Claims, catalogue: Catalogue, as_of: str) -> tuple[pd.DataFrame, dict[str, int]]:
    """Learning features of everyone of a type who has a behaviour vector on a day (at most 50,000 of them), and claims settled by month.

    Returns
    -------
    tuple of the table on entity_id, and :func:`claims_by_month`.
    """
    from fraudml.detectors.evidence import claim_evidence, rule_evidence
    from fraudml.detectors.learning import learning_table
    from fraudml.detectors.table import row_keys

    target = catalogue.entity
    vectors = inputs.vectors_as_of(claims.engine, claims.data_dir, target, as_of)
    measures = inputs.measures_of(inputs.measures_as_of(claims.engine, claims.data_dir, as_of), catalogue)
    hits = evidence_as_of(config, claims, as_of)
    with claims.at(as_of, months=WINDOW, materialise=("claims",)) as snapshot:
        if target == "claim":
            evidence = claim_evidence(hits, len(vectors))
        else:
            evidence = rule_evidence(hits[hits["entity_type"] == target], inputs.exposure(snapshot, target))
        monthly = claims_by_month(snapshot)
    if len(vectors) > MOST_ROWS:
        keys = row_keys(vectors.select_dtypes("number").to_numpy(dtype=float))
        vectors = vectors.iloc[np.sort(np.argsort(keys, kind="stable")[:MOST_ROWS])]
    return learning_table(vectors, measures, evidence), monthly


def claims_by_month(snapshot: Snapshot) -> dict[str, int]:
    """Claims settled in each of the twelve months up to the snapshot's day, oldest first, by the month's last day; months before the first
    claim are left out.
    """
    ends = [snapshot.as_of, *(months_before(snapshot.as_of, number) for number in range(1, WINDOW + 1))]
    daily = snapshot.query("select cast(settled_on as varchar) as day, count(*) as n from claims group by settled_on")
    spans = zip(ends[-2::-1], ends[:0:-1], strict=True)
    counts = {str(end): int(daily["n"][(daily["day"] > str(start)) & (daily["day"] <= str(end))].sum()) for end, start in spans}
    known = [end for end, count in counts.items() if count]
    return {end: count for end, count in counts.items() if known and end >= known[0]}


def reference_of(config: Any, claims: Claims, catalogue: Catalogue, as_of: str, model: EntityScorer) -> dict[str, Any]:
    """What :func:`fraudml.evaluate.drift.drift` compares later months with, for a model that was trained as of this day."""
    from fraudml.detectors.learning import aligned
    from fraudml.evaluate.drift import reference

    table, monthly = population(config, claims, catalogue, as_of)
    table = aligned(table, model.feature_names_in_)
    return reference(table, model.predict_proba(table, groups=table.index)[:, 1], monthly)
