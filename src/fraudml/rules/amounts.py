"""What evidence is worth: no line and no claim is counted twice, however many rules question it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def deduplicate_amounts(evidence: pd.DataFrame) -> pd.DataFrame:
    """The evidence with an amount in question that may be summed.

    Parameters
    ----------
    evidence : rows of :data:`fraudml.contracts.EVIDENCE`, for instance those of one lead.

    Returns
    -------
    The same rows in the same order, ``amount_in_question`` cut down so that each line is counted once, at the largest amount that any
    rule questions (ties: first rule, then the order of keys), and so that lines add nothing to a claim that is in question as a whole
    beyond what they exceed it by. Rows without a claim (stock of a month, a screen) count once per entity and day.

    Examples
    --------
    >>> deduplicate_amounts(evidence).amount_in_question.sum()  # doctest: +SKIP
    """
    if evidence.empty:
        return evidence.copy()
    order = evidence.reset_index(drop=True).sort_values(
        ["amount_in_question", "rule", "entity_type", "entity_id"], ascending=[False, True, True, True], kind="stable", na_position="last"
    )
    amounts = order["amount_in_question"].fillna(0.0).clip(lower=0.0)
    keys = order[["claim_id", "line_id"]].copy()
    alone = keys["claim_id"].isna()
    # a row without a claim stands for itself, per entity and day
    keys.loc[alone, "claim_id"] = order["entity_type"] + "/" + order["entity_id"].astype(str) + "/" + order["occurred_on"].astype(str)
    keys = keys.fillna({"line_id": ""}).astype(str)
    amounts = amounts.where(~keys.duplicated(), 0.0)
    is_line = keys["line_id"] != ""
    whole = amounts.where(~is_line, 0.0).groupby(keys["claim_id"]).transform("sum")
    # lines of a claim in question as a whole: only what they exceed it by, taken from the largest line on
    running = amounts.where(is_line, 0.0).groupby(keys["claim_id"]).cumsum()
    before = running - amounts.where(is_line, 0.0)
    beyond = (running - whole).clip(lower=0.0) - (before - whole).clip(lower=0.0)
    out = evidence.copy()
    out["amount_in_question"] = amounts.where(~is_line, beyond).round(2).sort_index().to_numpy()
    return out
