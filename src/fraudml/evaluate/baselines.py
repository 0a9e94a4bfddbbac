"""What a model must beat: money alone, an isolation forest, rules, chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

AMOUNTS = ("total_amount_12m", "amount_12m", "total_amount", "amount")


def total_amount(table: pd.DataFrame) -> np.ndarray | None:
    """The entity's billed amount over the longest window, or None where no feature says it."""
    for name in (*AMOUNTS, *sorted(each for each in table if "amount" in each and each.endswith("_12m"))):
        if name in table:
            return table[name].fillna(0.0).to_numpy(dtype=float)
    return None


def isolation_forest(table: pd.DataFrame, seed: int = 0) -> np.ndarray:
    """Scores of scikit-learn's isolation forest over all numeric columns, median for missing values; higher = more isolated."""
    from sklearn.ensemble import IsolationForest

    values = table.select_dtypes("number").to_numpy(dtype=float)
    values = np.clip(values, -1e30, 1e30)
    known = ~np.isnan(values).all(axis=0)
    values = values[:, known]
    values = np.where(np.isnan(values), np.nanmedian(values, axis=0), values)
    return -IsolationForest(random_state=seed).fit(values).score_samples(values)
