"""Matters that were decided or closed do not come back, unless something new speaks against them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from fraudml.claims.store import months_before
from fraudml.leads.table import each_row


@dataclass(frozen=True)
class ClosedMatter:
    """A lead that was inspected and decided.

    Attributes
    ----------
    schemes, claim_ids : what the lead was about, and the claims that were its evidence.
    closed_on : the day of closing; of one that is decided and awaits its measure, the day of decision.
    """

    entity_type: str
    entity_id: str
    schemes: frozenset[str]
    claim_ids: frozenset[str]
    closed_on: dt.date


def set_closed_aside(
    scores: Mapping[str, pd.DataFrame],
    evidence: pd.DataFrame | None,
    rings: pd.DataFrame | None,
    closed: Sequence[ClosedMatter],
    as_of: str,
    months: int,
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame | None, pd.DataFrame | None]:
    """Scores, evidence and rings without what closed matters have settled.

    Evidence of a closed matter's schemes that lies on or before the day of closing, or rests on claims that were its evidence, is no
    evidence any more: amounts are not asked for twice. What occurred afterwards is, and brings the matter back with the new evidence only.
    An entity whose matter was closed within the last ``months`` and against which no evidence is left is not scored: that models still find
    it unusual is what the inspection answered. A ring comes back where it went on after the closing.

    Parameters
    ----------
    scores : by entity type.
    as_of : the day of the list.
    """
    if not closed:
        return dict(scores), evidence, rings
    left = evidence
    if evidence is not None and len(evidence):
        left = evidence[~_settled(evidence, closed)].reset_index(drop=True)
    now = dt.date.fromisoformat(as_of)
    recent = {(each.entity_type, each.entity_id) for each in closed if each.closed_on > months_before(now, months)}
    if left is not None and len(left):
        recent -= set(zip(left["entity_type"], left["entity_id"], strict=True))
        recent -= {("claim", claim) for claim in left["claim_id"].dropna()}
        # a pharmacy may be called an institution by a rule
        recent -= {("pharmacy", one) for one in left.loc[left["entity_type"] == "institution", "entity_id"]}
    kept = {name: frame[~frame["entity_id"].isin(_of(recent, name))].reset_index(drop=True) for name, frame in scores.items()}
    return kept, left, _rings_left(rings, closed)


def _of(entities: Collection[tuple[str, str]], kind: str) -> list[str]:
    return [one for name, one in entities if name == kind]


def _settled(evidence: pd.DataFrame, closed: Sequence[ClosedMatter]) -> pd.Series:
    """Which rows of evidence closed matters have settled."""
    own = [(each.entity_type, each.entity_id, scheme, each.closed_on) for each in closed for scheme in each.schemes]
    until = pd.DataFrame(own, columns=["entity_type", "entity_id", "rule", "until"])
    until["entity_type"] = until["entity_type"].replace({"pharmacy": "institution"})
    until = until.groupby(["entity_type", "entity_id", "rule"], as_index=False)["until"].max()
    named = evidence[["entity_type", "entity_id", "rule", "occurred_on"]].astype({"entity_type": object})
    named["entity_type"] = named["entity_type"].replace({"pharmacy": "institution"})
    last = named.merge(until, on=["entity_type", "entity_id", "rule"], how="left")["until"].set_axis(evidence.index)
    is_old = pd.to_datetime(evidence["occurred_on"]) <= pd.to_datetime(last)
    proven = {(scheme, claim) for each in closed for scheme in each.schemes for claim in each.claim_ids}
    was_proof = pd.Series(
        [(row.rule, row.claim_id) in proven for row in each_row(evidence[["rule", "claim_id"]])], index=evidence.index, dtype=bool
    )
    return is_old | was_proof


def _rings_left(rings: pd.DataFrame | None, closed: Sequence[ClosedMatter]) -> pd.DataFrame | None:
    until = {each.entity_id: each.closed_on for each in sorted(closed, key=lambda each: each.closed_on) if each.entity_type == "ring"}
    if rings is None or rings.empty or not until:
        return rings
    last = pd.to_datetime(rings["ring_id"].map(until))
    ended = pd.to_datetime(rings["period_end"])
    return rings[~(last.notna() & (ended.isna() | (ended <= last)))].reset_index(drop=True)
