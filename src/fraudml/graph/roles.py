"""What each member is to its ring, from the joint claims alone."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from fraudml.graph.candidates import Candidate

MAIN_SHARE = 0.5
"""A provider with at least this share of the joint claims that name one of its kind is where, or with whom, the ring does its business."""

LED = ("induced_admission", "nursing_home_collusion", "external_prescription_collusion")
"""Schemes in which a provider does the business, in its patients' names."""

CORE_SHARE, REGULAR_SHARE = 2 / 3, 1 / 3
"""Of the meetings that whoever came most often came to."""


def with_roles(candidate: Candidate, providers: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """Members of a ring: entity_type, entity_id, role; patients first.

    Of patients who move together: ``core``, ``regular`` or ``occasional``, by how many of the ring's meetings (two or more of them at one
    place on one day) they came to, beside whoever came to most. Where a provider holds the ring together (:data:`LED`) each is a
    ``card_holder``: it bills in their name, and they may know nothing of it.

    Of providers: ``prescriber`` (of half of what the ring buys in pharmacies), ``main_doctor`` and ``main_institution`` (with half of the
    joint claims that name one), ``dispenser`` (of external prescriptions, or of half of what is bought); otherwise ``doctor``,
    ``institution`` or ``pharmacy``.
    """
    led = candidate.scheme in LED
    attended = _meetings(candidate.claims)
    most = max((attended.get(one, 0) for one in candidate.patients), default=0)
    members = [
        {"entity_type": "patient", "entity_id": one, "role": "card_holder" if led else _by_meetings(attended.get(one, 0), most)}
        for one in candidate.patients
    ]
    return members + [
        {"entity_type": kind, "entity_id": one, "role": _of_provider(kind, one, candidate.claims)} for kind, one in sorted(providers)
    ]


def _meetings(claims: pd.DataFrame) -> dict[str, int]:
    """Patient -> the meetings it came to."""
    visits = claims[["place_id", "met_on", "patient_id"]].drop_duplicates()
    company = visits.groupby(["place_id", "met_on"])["patient_id"].transform("size")
    return {str(one): int(count) for one, count in visits.loc[company > 1, "patient_id"].value_counts().items()}


def _by_meetings(attended: int, most: int) -> str:
    share = attended / most if most else 0.0
    return "core" if share >= CORE_SHARE else "regular" if share >= REGULAR_SHARE else "occasional"


def _of_provider(kind: str, one: str, claims: pd.DataFrame) -> str:
    column = claims[f"{kind}_id"]
    main = (column == one).sum() >= MAIN_SHARE * max(column.notna().sum(), 1)
    if kind == "doctor":
        wrote, sales = (claims["prescriber_id"] == one).sum(), claims["pharmacy_id"].notna().sum()
        if wrote and wrote >= MAIN_SHARE * sales:
            return "prescriber"
        return "main_doctor" if main else "doctor"
    if kind == "pharmacy":
        return "dispenser" if main or claims.loc[column == one, "prescriber_id"].notna().any() else "pharmacy"
    return "main_institution" if main else "institution"
