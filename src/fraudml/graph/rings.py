"""Rings: groups whose joint behaviour the null models do not explain, with members, period, figures and claims."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fraudml.claims.store import Snapshot
from fraudml.contracts import RINGS
from fraudml.graph.communities import communities
from fraudml.graph.covisits import MIN_DAYS, CoVisits

if TYPE_CHECKING:
    from collections.abc import Sequence

MIN_PATIENTS = 3
FAMILY_SIZE = 5
PROVIDER_SHARE = 0.2
"""A provider with at least this share of the ring's joint claims belongs to the ring."""


@dataclass(frozen=True)
class Candidate:
    """A group before it is described.

    Attributes
    ----------
    patients : ids, sorted.
    claims : the joint claims: claim_id, patient_id, doctor_id, place_id, … of ``encounters``.
    density, expected_density : share of the pairs of patients that are together on at least three days; the same under the null.
    p_value : corrected for the number of groups that could have been.
    """

    patients: list[str]
    claims: pd.DataFrame
    synchrony: float
    density: float
    expected_density: float
    p_value: float
    providers: dict[str, list[str]] = field(default_factory=dict)


def moving_together(snapshot: Snapshot, covisits: CoVisits, seed: int = 0) -> list[Candidate]:
    """Groups of patients that turn up at the same places on the same days beyond chance."""
    significant = covisits.significant()
    groups = [group for group in communities(significant, seed) if len(group) >= MIN_PATIENTS]
    if not groups:
        return []
    membership = pd.DataFrame(
        [(number, patient) for number, group in enumerate(groups) for patient in group], columns=["group_number", "patient_id"]
    )
    snapshot.engine.register("group_members", membership)
    claims = snapshot.query("""
        select member.group_number, claim.* from encounters as claim join group_members as member on claim.patient_id = member.patient_id
        order by member.group_number, claim.met_on, claim.claim_id""")
    population = int(snapshot.engine.scalar("select count(distinct patient_id) from presence"))
    by_group = dict(list(claims.groupby("group_number")))
    addresses = _addresses(snapshot)
    out = []
    for number, group in enumerate(groups):
        if _is_family(group, addresses):
            continue
        candidate = _together(group, by_group[number], covisits.pairs, population)
        if candidate is not None:
            out.append(candidate)
    return out


def _together(group: list[str], claims: pd.DataFrame, pairs: pd.DataFrame, population: int) -> Candidate | None:
    from scipy.special import gammaln
    from scipy.stats import poisson

    present = claims.groupby(["place_id", "met_on"])["patient_id"].transform("nunique")
    joint = claims[present >= 2]
    if joint.empty:
        return None
    inside = pairs[pairs["patient_a"].isin(group) & pairs["patient_b"].isin(group)]
    possible = len(group) * (len(group) - 1) / 2
    observed = joint.groupby(["place_id", "met_on"])["patient_id"].nunique() - 1
    expected = float(inside["expected"].sum())
    subsets = gammaln(population + 1) - gammaln(len(group) + 1) - gammaln(population - len(group) + 1)
    log_p = poisson.logsf(int(observed.sum()) - 1, expected) + subsets
    at_places = claims[claims["place_id"].isin(joint["place_id"].unique())]
    return Candidate(
        patients=group,
        claims=joint,
        synchrony=len(joint) / len(at_places),
        density=len(inside) / possible,
        expected_density=float(poisson.sf(MIN_DAYS - 1, inside["expected"].to_numpy(dtype=float)).sum()) / possible,
        p_value=float(np.exp(min(0.0, log_p))),
    )


def _addresses(snapshot: Snapshot) -> pd.Series:
    return snapshot.query("select patient_id, address_group from patients where address_group is not null").set_index("patient_id")[
        "address_group"
    ]


def _is_family(group: Sequence[str], addresses: pd.Series) -> bool:
    known = addresses.reindex(list(group))
    return bool(len(group) <= FAMILY_SIZE and known.notna().all() and len(set(known)) == 1)


def describe(candidates: Sequence[Candidate], snapshot: Snapshot) -> pd.DataFrame:
    """Rows of ``contracts.RINGS``, most improbable first."""
    rows = []
    for candidate in candidates:
        claims = candidate.claims
        members = [("patient", one, "patient") for one in candidate.patients]
        for entity_type, column in (("doctor", "doctor_id"), ("institution", "institution_id"), ("pharmacy", "pharmacy_id")):
            share = claims[column].value_counts() / len(claims)
            members += [(entity_type, one, entity_type) for one in sorted(share[share >= PROVIDER_SHARE].index)]
        rows.append(
            {
                "ring_id": _ring_id(candidate.patients),
                "as_of": snapshot.as_of,
                "scheme": "collusive_group",
                "period_start": claims["met_on"].min().date(),
                "period_end": claims["met_on"].max().date(),
                "members": [{"entity_type": t, "entity_id": i, "role": r} for t, i, r in members],
                "synchrony": candidate.synchrony,
                "density": candidate.density,
                "expected_density": candidate.expected_density,
                "p_value": candidate.p_value,
                "amount": round(float(claims["amount"].sum()), 2),
                "claim_ids": sorted(claims["claim_id"]),
            }
        )
    rings = pd.DataFrame(rows, columns=list(RINGS))
    return rings.sort_values(["p_value", "amount", "ring_id"], ascending=[True, False, True], ignore_index=True)


def _ring_id(core: Sequence[str]) -> str:
    return "G" + hashlib.sha256("|".join(sorted(core)).encode()).hexdigest()[:12]
