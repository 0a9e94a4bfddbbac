"""scikit-learn's trees in LightGBM's words give the same answers."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier

from fraudml.detectors.forest import grow_forest, single
from fraudml.detectors.members import RandomTrees


def test_the_text_predicts_what_the_forest_predicts_and_contributions_add_up() -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(200, 4))
    X[random.random(X.shape) < 0.1] = np.nan
    y = (np.nan_to_num(X[:, 0]) > 0.3).astype(int)
    told = RandomTrees(grow_forest(X, y, np.ones(200), 20, 1, None, 0, 1))
    halves = [ExtraTreesClassifier(10, max_features=tried, random_state=seed).fit(single(X), y) for seed, tried in enumerate((0.3, "sqrt"))]
    fresh = random.normal(size=(300, 4))
    fresh[random.random(fresh.shape) < 0.1] = np.nan
    output = told.output(fresh, 1)
    apart = output - np.mean([half.predict_proba(single(fresh))[:, 1] for half in halves], axis=0)
    assert np.ptp(apart) < 1e-12  # the member is centred: a constant apart
    assert np.allclose(told.contributions(fresh, 1).sum(axis=1), output)
