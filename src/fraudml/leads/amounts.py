"""Money in question: counted once per line and claim, never above what the claim is worth."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fraudml.rules import deduplicate_amounts


def counted_amounts(evidence: pd.DataFrame, worth: pd.Series | None = None) -> pd.Series:
    """The share of each evidence row in its lead's amount at risk, so that the rows of a lead add up to it.

    Within a lead no line and no claim counts twice (:func:`fraudml.rules.deduplicate_amounts`), and a claim counts at most
    what it is worth after refunds.

    Parameters
    ----------
    evidence : ``lead`` and the columns of :data:`fraudml.contracts.EVIDENCE`.
    worth : net total amount by claim_id (yuan).

    Returns
    -------
    Series on the evidence's index, yuan >= 0, whole cents.
    """
    if evidence.empty:
        return pd.Series(0.0, index=evidence.index)
    # every lead counts for itself: its claims are made its own
    lead = evidence["lead"].astype(str) + "\x1f"
    apart = evidence.assign(
        claim_id=(lead + evidence["claim_id"].fillna("")).where(evidence["claim_id"].notna(), None), entity_id=lead + evidence["entity_id"]
    )
    counted = deduplicate_amounts(apart)["amount_in_question"]
    if worth is not None:
        limit = evidence["claim_id"].map(worth).astype(float).fillna(np.inf).clip(lower=0.0)
        total = counted.groupby(apart["claim_id"].fillna("~" + apart.index.to_series().astype(str))).transform("sum")
        counted = counted * (limit / total.where(total > 0, 1.0)).clip(upper=1.0)
    # down to the cent, so that a claim's rows never add up to more than the claim
    return np.floor(counted * 100 + 1e-6) / 100


def once_over_the_list(evidence: pd.DataFrame, place: pd.Series) -> pd.Series:
    """What is left of ``counted`` where leads that come first have asked for the same money: nobody pays a line back twice.

    Two leads may question one claim by different rules (an institution a line, a doctor the whole prescription). Other lines of a
    claim stay other money.

    Parameters
    ----------
    evidence : ``claim_id``, ``line_id``, ``counted`` (:func:`counted_amounts` of each lead by itself).
    place : of each row's lead, on the evidence's index; the smallest asks first.

    Returns
    -------
    Series on the evidence's index, yuan >= 0.
    """
    counted = evidence["counted"].astype(float)
    asked = evidence[["claim_id", "line_id"]].assign(counted=counted, place=place)[evidence["claim_id"].notna() & (counted > 0)]
    asked = asked[asked.groupby("claim_id")["place"].transform("nunique") > 1].sort_values(["claim_id", "place"], kind="stable")
    left_over: list[float] = []
    for _, claim in asked.groupby("claim_id", sort=False):
        lines: dict[str, float] = {}
        whole = 0.0  # asked for without naming a line
        for _, lead in claim.groupby("place", sort=False):
            before, free = dict(lines), whole
            for line, amount in zip(lead["line_id"], lead["counted"], strict=True):
                if isinstance(line, str):
                    rest = max(amount - before.get(line, 0.0), 0.0)
                    covered = min(free, rest)
                    free, left = free - covered, rest - covered
                    lines[line] = lines.get(line, 0.0) + left
                else:
                    left = max(amount - free - sum(before.values()), 0.0)
                    whole += left
                left_over.append(left)
    return pd.Series(left_over, index=asked.index, dtype=float).round(2).reindex(counted.index).fillna(counted)
