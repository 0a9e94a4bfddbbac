"""Which matter comes first: certainty, then money, with a guard that one kind does not fill the page."""

from __future__ import annotations

from collections import Counter, deque

import numpy as np
import pandas as pd

from fraudml.leads.policy import Policy
from fraudml.leads.uncertainty import probability_range


def merit(risk: pd.Series, amount: pd.Series, count: pd.Series, policy: Policy) -> pd.Series:
    """What a lead is worth to somebody who can inspect a few: ``risk ** certainty * ln(e + low * amount)``.

    Expected recovery itself (risk times amount) would let a million with weak evidence go before any clear violation,
    and a wrong lead costs as much inspection as a right one. Damping the amount and sharpening the risk keeps the top of
    the list right; among leads of one certainty the order is that of the money.

    Its uncertainty counts against a lead: the money is taken at ``low``, the lower end of the interval in which the probability lies
    (:func:`fraudml.leads.uncertainty.probability_range`), so that of two leads of one risk and one amount the one with more evidence
    comes first.

    Parameters
    ----------
    risk, amount, count : probability, yuan and independent pieces of evidence of each lead, on one index.
    """
    low, _ = probability_range(risk, count)
    # rounded: the last digits depend on the library's version of the beta distribution
    return (risk**policy.certainty * np.log(np.e + low * amount.clip(lower=0.0))).round(9)


def worth_ranking(leads: pd.DataFrame, capacity: int, has_evidence: bool, has_claims: bool, policy: Policy) -> pd.DataFrame:
    """The leads that are worth an inspection; capacity is a maximum, and a list is not filled up with noise.

    Left out are leads less risky than ``policy.floor``; what only models rank and that would return less than ``policy.least``;
    and, where rules found something, of what only its oddness ranks (risk below ``policy.odd_below``: no rule, ring or model supports it)
    all but the first ``policy.odd_share`` of the capacity. A rule's finding is never left out for a small amount.

    Parameters
    ----------
    leads : risk, estimated, expected_recovery, merit, entity_id.
    has_evidence, has_claims : whether rules found anything, and whether amounts are known.
    """
    kept = leads[leads["risk"] >= policy.floor]
    if has_claims:
        kept = kept[~kept["estimated"] | (kept["expected_recovery"] >= policy.least)]
    if has_evidence:
        odd = kept[kept["estimated"] & (kept["risk"] < policy.odd_below)]
        odd = odd.sort_values(["merit", "risk", "entity_id"], ascending=[False, False, True], kind="stable")
        kept = kept.drop(odd.index[round(policy.odd_share * capacity) :])
    return kept


def diversified(table: pd.DataFrame, count: int, policy: Policy) -> list[int]:
    """The first ``count`` rows of a table that is sorted by merit, so that no scheme or institution fills a page.

    Among ``policy.page`` consecutive leads at most a share of one first scheme and of one institution; a lead that would
    break this waits, unless what comes in its place is worth less than ``policy.give`` of it.

    Parameters
    ----------
    table : ``merit``, ``scheme``, ``home`` (null: none), sorted.

    Returns
    -------
    index labels, in order.
    """
    limits = (max(1, round(policy.scheme_share * policy.page)), max(1, round(policy.institution_share * policy.page)))
    waiting = list(zip(table.index, table["merit"], table["scheme"], table["home"], strict=True))
    page: deque[tuple[str, str | None]] = deque(maxlen=max(policy.page - 1, 1))
    chosen: list[int] = []
    while waiting and len(chosen) < count:
        schemes, homes = (Counter(part) for part in zip(*page, strict=True)) if page else (Counter(), Counter())
        pick = 0
        for place, (_, worth, scheme, home) in enumerate(waiting):
            if worth < policy.give * waiting[0][1]:
                break
            if schemes[scheme] < limits[0] and (home is None or homes[home] < limits[1]):
                pick = place
                break
        index, _, scheme, home = waiting.pop(pick)
        chosen.append(index)
        page.append((scheme, home))
    return chosen


def drawn(table: pd.DataFrame, count: int, seed: int, as_of: str) -> pd.DataFrame:
    """``count`` rows at random, every entity type in turn, every entity of a type with the same chance.

    The draw depends on seed, day and the risks only: neither on the order of the rows nor on how ids are spelt.
    """
    rng = np.random.default_rng([seed, int(as_of.replace("-", ""))])
    ordered = table.sort_values(["risk", "outlier", "entity_id"], ascending=[False, False, True], na_position="last")
    queues = [part.iloc[rng.permutation(len(part))[:count]] for _, part in ordered.groupby("entity_type", sort=True)]
    rows = [(turn, number) for number, queue in enumerate(queues) for turn in range(len(queue))]
    picked = [queues[number].iloc[[turn]] for turn, number in sorted(rows)[:count]]
    return pd.concat(picked) if picked else table.iloc[:0]
