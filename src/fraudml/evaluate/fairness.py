"""Who is flagged more, by kind, level, ownership and region of institution, and is it borne out?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fraudml.evaluate.metrics import wilson

if TYPE_CHECKING:
    import pandas as pd

ATTRIBUTES = ("kind", "level", "ownership", "region")


def by_attribute(scored: pd.DataFrame, flagged: np.ndarray, decided: pd.Series) -> pd.DataFrame:
    """How often institutions of each sort stand on the list, and how often those looked at were cases.

    Parameters
    ----------
    scored : entity_type, entity_id, risk and :data:`ATTRIBUTES` of scored institutions and pharmacies.
    flagged : bool, those on the list.
    decided : 0/1 by (entity_type, entity_id), since a patient may bear an institution's id, of those that were decided (or, where it is
        known, the truth about all).

    Returns
    -------
    attribute, value, entities, flagged, share_flagged, mean_risk, decided, cases, case_share, case_low, case_high (Wilson's 95 %).
    Where ``mean_risk`` lies outside the interval and few of a sort are decided by lead, the model is harder or softer on it than warranted.
    """
    import pandas as pd

    verdict = decided.reindex(pd.MultiIndex.from_frame(scored[["entity_type", "entity_id"]])).astype(float)
    lines = []
    for attribute in ATTRIBUTES:
        if attribute not in scored or scored[attribute].isna().all():
            continue
        for value, rows in scored.groupby(scored[attribute].astype("str").fillna("unknown"), sort=True).indices.items():
            known = verdict.iloc[rows].dropna()
            share = float(known.mean()) if len(known) else float("nan")
            low, high = wilson(share, len(known)) if len(known) else (float("nan"), float("nan"))
            lines.append(
                {
                    "attribute": attribute,
                    "value": str(value),
                    "entities": len(rows),
                    "flagged": int(flagged[rows].sum()),
                    "share_flagged": float(flagged[rows].mean()),
                    "mean_risk": float(scored["risk"].iloc[rows].mean()),
                    "decided": len(known),
                    "cases": int(known.sum()),
                    "case_share": share,
                    "case_low": low,
                    "case_high": high,
                }
            )
    return pd.DataFrame(lines)


def steadiness(months: dict[str, pd.DataFrame], first: int) -> pd.DataFrame:
    """How much of a month's list stood on the list before.

    Parameters
    ----------
    months : day -> entity_type, entity_id, risk of all scored entities, by day.
    first : length of the list.

    Returns
    -------
    as_of, entities, kept (share of the first entities that were among the first before; claims are left out, they do not come again),
    correlation (Spearman's, of the risk of entities scored on both days).
    """
    import pandas as pd

    lines = []
    before = None
    for day, scored in sorted(months.items()):
        now = scored[scored["entity_type"] != "claim"].set_index(["entity_type", "entity_id"])["risk"].sort_index()
        now = now.sort_values(ascending=False, kind="stable")
        line = {"as_of": day, "entities": len(now), "kept": float("nan"), "correlation": float("nan")}
        if before is not None and len(now) and len(before):
            top = set(now.index[:first])
            line["kept"] = len(top & set(before.index[:first])) / len(top)
            both = now.index.intersection(before.index)
            line["correlation"] = float(now[both].corr(before[both], method="spearman")) if len(both) > 2 else float("nan")
        lines.append(line)
        before = now
    return pd.DataFrame(lines, columns=["as_of", "entities", "kept", "correlation"])
