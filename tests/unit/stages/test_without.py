"""The risk without one reason is what the same model says of the changed entity."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fraudml.contracts import REASONS
from fraudml.detectors import EntityScorer
from fraudml.detectors.combine import Combiner, without_labels
from fraudml.detectors.registered import RegisteredModel
from fraudml.stages.without import risk_without

ENTITIES = ["P1", "P2"]
EVIDENCE = pd.DataFrame(
    [("P1", "drug_resale", 0.8), ("P1", "phantom_bed", 0.5), ("P2", "drug_resale", 0.6)], columns=["entity_id", "rule", "worth"]
)


def reasons(*rows: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["entity_id", "feature"]).reindex(columns=list(REASONS))


def test_without_a_rule_only_the_others_speak_and_without_oddness_less_is_odd() -> None:
    parts = pd.DataFrame({"rules": [0.86, 0.6], "graph": 0.0, "outlier": 0.9, "supervised": np.nan}, index=ENTITIES)
    odd = pd.DataFrame({"visits": [0.3, 0.0], "nights": [0.2, 0.0]}, index=ENTITIES)
    asked = reasons(("P1", "rule:drug_resale"), ("P2", "rule:drug_resale"), ("P1", "visits"))
    found = risk_without(asked, parts, EVIDENCE, None, odd * 0, odd, {"visits": 0, "nights": 0}, None, 0.01)
    expected = without_labels(parts.loc[["P1", "P2", "P1"]].assign(rules=[0.5, 0.0, 0.86]).reset_index(drop=True), 0.01)
    np.testing.assert_allclose(found.iloc[:2], expected.iloc[:2])
    odds = expected.iloc[2] / (1 - expected.iloc[2]) * np.exp(-0.5)  # both figures of the story are taken off
    np.testing.assert_allclose(found.iloc[2], odds / (1 + odds))


def test_the_model_is_asked_again_with_the_figures_of_peers() -> None:
    random = np.random.default_rng(0)
    X = pd.DataFrame(random.normal(size=(400, 3)), columns=["visits", "nights", "rule:drug_resale"])
    scorer = EntityScorer(members=("boosted",), n_jobs=1).fit(X, (X["visits"] + X["rule:drug_resale"] > 1).astype(int))
    usual = dict.fromkeys(("rules", "graph", "outlier", "supervised"), 0.0)
    model = RegisteredModel("patient-1", scorer, Combiner(0.0, usual | {"supervised": 1.0}, usual), {})
    table = pd.DataFrame([[2.0, 1.0, 1.0], [2.0, -1.0, 0.0]], columns=list(X), index=ENTITIES)
    parts = pd.DataFrame({"rules": 0.0, "graph": 0.0, "outlier": 0.0, "supervised": 0.5}, index=ENTITIES)
    median = pd.DataFrame(0.0, index=ENTITIES, columns=["visits", "nights"])
    asked = reasons(("P1", "visits"), ("P1", "rule:drug_resale"), ("P2", "nights"))
    found = risk_without(asked, parts, EVIDENCE, table, median, median, {"visits": 0, "nights": 1}, model, 0.01)
    changed = pd.DataFrame([[0.0, 1.0, 1.0], [2.0, 1.0, 0.0], [2.0, 0.0, 0.0]], columns=list(X))
    said = pd.DataFrame({"rules": 0.0, "graph": 0.0, "outlier": 0.0, "supervised": scorer.predict_proba(changed)[:, 1]})
    np.testing.assert_allclose(found, model.combiner.risk(said), atol=1e-9)
    assert found.iloc[0] < 0.9 < scorer.predict_proba(table)[0, 1]
    assert list(table.loc["P1"]) == [2.0, 1.0, 1.0]  # the entity itself is left alone
