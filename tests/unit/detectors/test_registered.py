"""A stored model answers as it did before, with risk and reasons."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from fraudml.detectors import EntityScorer
from fraudml.detectors.combine import PARTS, Combiner
from fraudml.detectors.registered import RegisteredModel, stored


def test_a_stored_model_answers_with_risk_and_reasons_also_where_columns_are_missing(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    X = pd.DataFrame(random.normal(size=(300, 3)), columns=["visits", "amount", "nights"])
    scorer = EntityScorer(members=("boosted",), n_jobs=1).fit(X, (X["amount"] > 1).astype(int))
    combiner = Combiner(-1.0, {"rules": 2.0, "graph": 1.0, "outlier": 1.0, "supervised": 0.8}, dict.fromkeys(PARTS, 0.0))
    RegisteredModel("patient-1", scorer, combiner, {"target": "patient"}).save(tmp_path)
    sent = X.head(3).drop(columns="nights").assign(rules=[0.9, 0.0, None])
    found = stored(tmp_path).answer(sent)
    known = X.head(3).assign(nights=np.nan)
    np.testing.assert_allclose(found["supervised"], scorer.predict_proba(known)[:, 1])
    parts = pd.DataFrame({"rules": [0.9, 0.0, 0.0], "graph": 0.0, "outlier": 0.0, "supervised": found["supervised"]})
    np.testing.assert_allclose(found["risk"], combiner.risk(parts))
    reasons = found[[f"reason:{name}" for name in X]].to_numpy()
    np.testing.assert_allclose(scorer.expected_value_ + reasons.sum(axis=1), scorer.margin(known))
