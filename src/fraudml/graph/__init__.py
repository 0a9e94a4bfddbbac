"""The doctor-patient-pharmacy graph of a snapshot: pair edges, measures of each entity, and rings."""

from __future__ import annotations

from fraudml.graph.claim_graph import ClaimGraph, claim_graph
from fraudml.graph.edges import PAIRS

__all__ = ["PAIRS", "ClaimGraph", "claim_graph"]
