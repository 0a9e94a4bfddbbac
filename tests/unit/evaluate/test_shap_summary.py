"""What moves a model, on a table where it is known."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fraudml.detectors import EntityScorer
from fraudml.evaluate.shap_summary import shap_summary


def test_what_moves_most_comes_first_with_its_direction() -> None:
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.normal(size=(400, 3)), columns=["little", "much", "less"])
    table["kind"] = np.where(random.random(400) > 0.5, "a", "b")
    y = (3 * table["much"] - 1.5 * table["less"] + random.normal(size=400) > 2).to_numpy()
    names = np.array([f"E{number}" for number in range(400)])
    model = EntityScorer(members=["boosted"], repeats=1, n_jobs=1).fit(table, y, groups=names)
    summary = shap_summary(model, table, names).set_index("feature")
    assert list(summary.index[:2]) == ["much", "less"]
    assert summary["correlation"]["much"] > 0.8
    assert summary["correlation"]["less"] < -0.8
    assert np.isnan(summary["correlation"]["kind"])
    seen = model.explain(table, groups=names)["much"].abs().mean()
    assert np.isclose(summary["mean_abs"]["much"], seen)
