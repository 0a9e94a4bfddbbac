"""Closed matters do not come back without new evidence (L02, L05)."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from fraudml.leads.closed import ClosedMatter, set_closed_aside

CLOSED = ClosedMatter("institution", "H1", frozenset({"overpriced_charge"}), frozenset({"C1"}), dt.date(2024, 5, 10))
SCORES = {
    "institution": pd.DataFrame({"entity_id": ["H1", "H2"], "risk": [0.9, 0.5]}),
    "claim": pd.DataFrame({"entity_id": ["C1"], "risk": [0.9]}),
}


def evidence(*rows):
    columns = ["rule", "entity_type", "entity_id", "claim_id", "occurred_on"]
    return pd.DataFrame(rows, columns=columns).assign(occurred_on=lambda frame: pd.to_datetime(frame["occurred_on"]))


OLD = ("overpriced_charge", "institution", "H1", "C0", "2024-05-10")
PROOF = ("overpriced_charge", "doctor", "D1", "C1", "2024-05-20")
NEW = ("overpriced_charge", "institution", "H1", "C7", "2024-05-11")
OTHER = ("phantom_bed", "institution", "H1", "C0", "2024-04-01")


def aside(*rows, closed=(CLOSED,), as_of="2024-06-30", rings=None):
    scores, left, rings = set_closed_aside(SCORES, evidence(*rows), rings, list(closed), as_of, 12)
    return scores["institution"]["entity_id"].tolist(), [tuple(row) for row in left[["rule", "claim_id"]].to_numpy()], rings


def test_what_was_judged_is_no_evidence_any_more():
    assert aside(OLD, PROOF) == (["H2"], [], None)


def test_what_came_after_brings_it_back_with_the_new_only():
    assert aside(OLD, NEW)[:2] == (["H1", "H2"], [("overpriced_charge", "C7")])


def test_another_scheme_is_another_matter():
    assert aside(OLD, OTHER)[:2] == (["H1", "H2"], [("phantom_bed", "C0")])


def test_what_only_models_rank_may_come_back_after_the_window():
    assert aside(OLD, as_of="2025-05-31")[0] == ["H1", "H2"]


def test_nothing_closed_changes_nothing():
    scores, left, _ = set_closed_aside(SCORES, None, None, [], "2024-06-30", 12)
    assert left is None and scores["institution"].equals(SCORES["institution"])


def test_a_ring_comes_back_where_it_went_on():
    rings = pd.DataFrame({"ring_id": ["G1", "G2"], "period_end": pd.to_datetime(["2024-05-01", "2024-06-01"])})
    closed = [ClosedMatter("ring", one, frozenset({"collusive_group"}), frozenset(), dt.date(2024, 5, 10)) for one in ("G1", "G2")]
    assert aside(OLD, closed=closed, rings=rings)[2]["ring_id"].tolist() == ["G2"]
