"""Rings: groups whose joint behaviour the null models do not explain, with members, period, figures and claims."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pandas as pd

from fraudml.claims.store import Snapshot
from fraudml.contracts import RINGS
from fraudml.graph.candidates import Candidate
from fraudml.graph.company import companies
from fraudml.graph.covisits import CoVisits
from fraudml.graph.neighbours import neighbour_waves
from fraudml.graph.prescriptions import in_company, prescription_rings
from fraudml.graph.roles import with_roles
from fraudml.graph.schemes import looks_like

PROVIDER_SHARE = 0.2
"""A provider with at least this share of the ring's joint claims belongs to the ring."""
SAME_RING = 0.5
"""Rings that share at least this part of the patients of the smaller one, and a provider, are one ring."""


def find_rings(snapshot: Snapshot, covisits: CoVisits, prescribed: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Rows of :data:`fraudml.contracts.RINGS`, the most improbable first.

    Parameters
    ----------
    snapshot : with ``encounters`` and the tables of :func:`fraudml.graph.covisits.co_visits`.
    prescribed : of :func:`fraudml.graph.prescriptions.prescription_pairs`.
    """
    tied = prescription_rings(snapshot, prescribed)
    together = companies(snapshot, covisits, [each.patients for each in tied], seed)
    candidates = [
        *neighbour_waves(snapshot),
        *(in_company(each, together) for each in tied),
        *(replace(each, scheme=looks_like(each, snapshot)) for each in together),
    ]
    rows = [_row(each, snapshot) for each in _distinct(candidates)]
    rings = pd.DataFrame(rows, columns=list(RINGS))
    rings["ring_id"] = _ring_ids(rings["members"])
    return rings.sort_values(["p_value", "amount", "ring_id"], ascending=[True, False, True], ignore_index=True)


def _distinct(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Each group once: what says more (a scheme by name, then the smaller p-value, the larger amount) stands for what overlaps it."""
    ranked = sorted(
        candidates, key=lambda each: (each.scheme == "collusive_group", each.p_value, -each.claims["amount"].sum(), each.patients)
    )
    kept: list[Candidate] = []
    for each in ranked:
        places = set(each.claims["place_id"])
        if not any(
            len(set(each.patients) & set(other.patients)) >= SAME_RING * min(len(each.patients), len(other.patients))
            and places & set(other.claims["place_id"])
            for other in kept
        ):
            kept.append(each)
    return kept


def _row(candidate: Candidate, snapshot: Snapshot) -> dict[str, object]:
    claims = candidate.claims
    providers = set(candidate.providers)
    for kind, columns in (("doctor", ("doctor_id", "prescriber_id")), ("institution", ("institution_id",)), ("pharmacy", ("pharmacy_id",))):
        for column in columns:
            share = claims[column].value_counts() / len(claims)
            providers |= {(kind, str(one)) for one in share[share >= PROVIDER_SHARE].index}
    return {
        "as_of": snapshot.as_of,
        "scheme": candidate.scheme,
        "period_start": claims["met_on"].min().date(),
        "period_end": min(claims["ended_on"].max().date(), snapshot.as_of),
        "members": with_roles(candidate, providers),
        "synchrony": candidate.synchrony,
        "density": candidate.density,
        "expected_density": candidate.expected_density,
        "p_value": candidate.p_value,
        "amount": round(float(claims["amount"].sum()), 2),
        "claim_ids": sorted(claims["claim_id"]),
    }


def _ring_ids(members: Iterable[list[dict[str, str]]]) -> list[str]:
    """An id that survives most changes of membership: the smallest hash among the members (min-wise hashing, Broder 1997).

    Two memberships get the same id with a probability equal to their Jaccard similarity. Where two rings of one day would share it, the
    later takes its next smallest.
    """
    taken: set[str] = set()
    out = []
    for each in members:
        hashes = sorted(hashlib.sha256(f"{one['entity_type']}|{one['entity_id']}".encode()).hexdigest()[:12] for one in each)
        ring_id = next(("G" + one for one in hashes if "G" + one not in taken), "G" + hashes[0] + str(len(taken)))
        taken.add(ring_id)
        out.append(ring_id)
    return out


def with_earlier_ids(rings: pd.DataFrame, earlier: pd.DataFrame) -> pd.DataFrame:
    """Rings that continue one of an earlier day take over its id.

    Parameters
    ----------
    rings : of one day.
    earlier : of the latest day before; a ring continues the one with which it shares most members, if they are at least half of both
    taken together.
    """
    before = {
        ring_id: {(one["entity_type"], one["entity_id"]) for one in members}
        for ring_id, members in zip(earlier["ring_id"], earlier["members"], strict=True)
    }
    likeness = []
    for number, members in enumerate(rings["members"]):
        now = {(one["entity_type"], one["entity_id"]) for one in members}
        likeness += [(len(now & then) / len(now | then), ring_id, number) for ring_id, then in before.items()]
    ids = dict(enumerate(rings["ring_id"]))
    inherited: dict[int, str] = {}
    for share, ring_id, number in sorted(likeness, key=lambda each: (-each[0], each[1], each[2])):
        if share >= SAME_RING and number not in inherited and ring_id not in inherited.values():
            inherited[number] = ring_id
    fresh = {number: ring_id for number, ring_id in ids.items() if number not in inherited}
    for number, ring_id in fresh.items():
        inherited[number] = ring_id if ring_id not in inherited.values() else ring_id + "n"
    return rings.assign(ring_id=[inherited[number] for number in ids])
