"""From a source's tables to the canonical claims, and the claims as they were known on a day."""

from fraudml.claims.store import Claims, Snapshot, conform, open_claims, write_claims

__all__ = ["Claims", "Snapshot", "conform", "open_claims", "write_claims"]
