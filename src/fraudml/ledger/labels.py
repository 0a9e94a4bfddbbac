"""Decisions of the ledger as labels: what a model may learn from, dated by decision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fraudml.ledger.states import CONFIRMED, Case

LABEL_COLUMNS = {
    "entity_type": "VARCHAR",
    "entity_id": "VARCHAR",
    "is_fraud": "INTEGER",
    "scheme": "VARCHAR",
    "decided_on": "VARCHAR",
    "origin": "VARCHAR",
    "lead_id": "VARCHAR",
}
"""The contract's columns, and the lead (with the round, from the second on) that a row came from: by it the ledger knows its own rows
again, and another round of the same matter is no review of the first."""

SUSPECTS = ("doctor", "institution", "pharmacy")
"""Members of a ring that its decision speaks of in any case."""


def labels(cases: Iterable[Case], suspects: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """One row per decided round and entity, in the contract's columns with ``lead_id``.

    A ring's decision speaks of its doctors, institutions and pharmacies; of its patients only where the scheme is one that patients
    commit: a patient in whose name others bill is evidence, not a suspect. A decision that was corrected (appeal, review) is there once, as
    corrected, with the day of the correction, so that a model of an earlier day sees neither.

    Parameters
    ----------
    cases : as of the day of interest.
    suspects : scheme -> entity type that it speaks against.
    """
    rows = []
    for case in cases:
        if case.decision is None or case.decided_on is None:
            continue
        confirmed = case.decision == CONFIRMED
        scheme = scheme_of(case)
        for entity_type, entity_id in entities_of(case, (suspects or {}).get(scheme)):
            rows.append(
                {
                    "entity_type": entity_type,
                    "entity_id": entity_id,
                    "is_fraud": int(confirmed),
                    "scheme": scheme if confirmed else "",
                    "decided_on": case.decided_on.isoformat(),
                    "origin": case.listing.get("origin", "lead"),
                    "lead_id": case.lead_id if case.round == 1 else f"{case.lead_id}/{case.round}",
                }
            )
    unique = {tuple(row.values()): row for row in rows}
    return [unique[key] for key in sorted(unique)]


def scheme_of(case: Case) -> str:
    """What a case is about: the scheme that the inspector wrote, else the lead's first."""
    schemes = case.listing.get("schemes") or [""]
    return case.scheme or str(schemes[0])


def entities_of(case: Case, suspect: str | None = None) -> list[tuple[str, str]]:
    """Whom a case's decision speaks of."""
    listing = case.listing
    if listing.get("entity_type") != "ring":
        return [(listing["entity_type"], listing["entity_id"])] if listing else []
    kinds = {*SUSPECTS, *([suspect] if suspect == "patient" else [])}
    return sorted({(each["entity_type"], each["entity_id"]) for each in listing["members"] if each["entity_type"] in kinds})
