"""What moves a model's scores: mean contributions of its features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fraudml.detectors.table import spaced

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from fraudml.detectors.supervised import EntityScorer

MOST_ROWS = 500
SHOWN = 20


def shap_summary(model: EntityScorer, table: pd.DataFrame, groups: np.ndarray) -> pd.DataFrame:
    """Shapley values of the features over at most 500 of the rows, each by the models that did not see its entity.

    Returns
    -------
    One row per feature, what moves most first: ``feature``, ``mean_abs`` (mean absolute contribution, log-odds), ``mean``, ``correlation``
    (Spearman's, of value and contribution: whether more of it raises or lowers the risk; missing for text and constants).
    """
    import pandas as pd

    chosen = spaced(len(table), MOST_ROWS)
    rows = table.iloc[chosen]
    contributions = model.explain(rows, groups=groups[chosen])
    values = rows.apply(pd.to_numeric, errors="coerce")
    varies = (values.max() > values.min()) & (contributions.max() > contributions.min())
    correlation = values.loc[:, varies].corrwith(contributions.loc[:, varies], method="spearman").reindex(contributions.columns)
    summary = pd.DataFrame({"mean_abs": contributions.abs().mean(), "mean": contributions.mean(), "correlation": correlation})
    return summary.rename_axis("feature").reset_index().sort_values(["mean_abs", "feature"], ascending=[False, True], ignore_index=True)
