"""Groups of patients that move together: found among the significant pairs and in dense blocks, then tested as groups."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from fraudml.claims.store import Snapshot
from fraudml.graph.blocks import dense_blocks
from fraudml.graph.candidates import FAMILY_SIZE, SIGNIFICANCE, Candidate, address_groups, claims_of_patients, is_family
from fraudml.graph.communities import DENSITY, communities
from fraudml.graph.covisits import MIN_DAYS, CoVisits, expected_company, expose_surprise
from fraudml.graph.tails import log_chance_of_meetings

MIN_PATIENTS = 3


def companies(snapshot: Snapshot, covisits: CoVisits, proposals: list[list[str]], seed: int = 0) -> list[Candidate]:
    """Groups whose company exceeds the null model, after correction for all groups of their size that could have been chosen.

    Two searches propose groups: Leiden communities of the significant pairs (repeated company), and dense blocks of the matrix of
    patients by provider-days (synchrony). One test judges them all: the meetings of their pairs against the null model's (a gamma
    distribution of its mean and variance, or Poisson), times the number of groups of that size among the visitors of their providers. A
    group of which not even half of the pairs are seen together repeatedly is several groups, and no ring.

    Parameters
    ----------
    proposals : further groups to test.
    """
    groups = communities(covisits.significant(), seed) + _blocks(snapshot, covisits) + proposals
    attended = _joint_attendance(snapshot, groups)
    steady = sorted({people for each in attended if len(people := _steady(each)) >= MIN_PATIENTS})
    addresses = address_groups(snapshot)
    groups = [list(people) for people in steady if not is_family(list(people), addresses)]
    expected = expected_company(snapshot, groups) if groups else []
    visitors = _visitors(snapshot)
    out = []
    for group, mean, attendance, claims in zip(
        groups, expected, _joint_attendance(snapshot, groups), claims_of_patients(snapshot, groups), strict=True
    ):
        candidate = _tested(group, mean, attendance, claims, covisits.pairs, visitors, len(groups))
        if candidate is not None and candidate.p_value <= SIGNIFICANCE and candidate.density >= DENSITY:
            out.append(candidate)
    return out


def _blocks(snapshot: Snapshot, covisits: CoVisits) -> list[list[str]]:
    """Patients of dense blocks in patients x provider-days, weighted by how surprising each presence is.

    Only accompanied presences count: those at which somebody else is there with whom the patient is seen significantly often. What a ring
    does beside its joint trips, and whoever else is there, is camouflage.
    """
    significant = covisits.significant()
    if significant.empty:
        return []
    expose_surprise(snapshot)
    snapshot.engine.register("significant_pairs", significant[["patient_a", "patient_b"]])
    table = snapshot.query("""
        with company as (
            select patient_a as patient_id, patient_b as companion_id from significant_pairs
            union all select patient_b, patient_a from significant_pairs
        )
        select patient_id, dense_rank() over (order by provider, met_on) - 1 as day, surprise from (
            select distinct own.patient_id, own.provider, own.met_on, own.surprise
            from surprises as own
            join company on own.patient_id = company.patient_id
            join presence as other on company.companion_id = other.patient_id and own.provider = other.provider and own.met_on =
            other.met_on)
        order by patient_id, day""")
    people = sorted(set(table["patient_id"]))
    rows, days = pd.Index(people).get_indexer(table["patient_id"]), table["day"].to_numpy(dtype=int)
    links = sparse.coo_array((table["surprise"].to_numpy(dtype=float), (rows, days)), shape=(len(people), days.max() + 1)).tocsr()
    return [[people[row] for row in block] for block, _, _ in dense_blocks(links)]


def _joint_attendance(snapshot: Snapshot, groups: list[list[str]]) -> list[pd.DataFrame]:
    """Of each group: claim_id, patient_id, provider, met_on where at least two of it attended the same provider."""
    members = pd.DataFrame([(number, one) for number, group in enumerate(groups) for one in group], columns=["number", "patient_id"])
    snapshot.engine.register("attending_members", members)
    table = snapshot.query("""
        with attended as (
            select member.number, attendance.claim_id, attendance.patient_id, attendance.provider, attendance.met_on
            from attendance join attending_members as member on attendance.patient_id = member.patient_id
        ), together as (
            select number, provider, met_on from attended group by all having count(distinct patient_id) >= 2
        )
        select attended.* from attended join together
            on attended.number = together.number and attended.provider = together.provider and attended.met_on = together.met_on
        order by attended.number, attended.met_on, attended.claim_id""")
    by_number = dict(list(table.groupby("number")))
    return [by_number.get(number, table.iloc[:0]) for number in range(len(groups))]


def _steady(attendance: pd.DataFrame) -> tuple[str, ...]:
    """Members that are there on at least three joint days."""
    days = attendance.groupby("patient_id")["met_on"].nunique()
    return tuple(sorted(days[days >= MIN_DAYS].index))


def _visitors(snapshot: Snapshot) -> pd.Series:
    """Patients in a year, by provider."""
    table = snapshot.query("select provider, count(distinct patient_id) as visitors from presence group by provider")
    return table.set_index("provider")["visitors"]


def _days_elsewhere(joint: pd.DataFrame) -> int:
    """Joint days at other places than the most usual one.

    Few people at one place may just have the same rhythm, a refill every four weeks, say: one coincidence that repeats itself.
    """
    days = joint.groupby("place_id")["met_on"].nunique().sort_index()
    return joint.loc[joint["place_id"] != days.idxmax(), "met_on"].nunique()


def _tested(
    group: list[str],
    chance: tuple[float, float],
    attendance: pd.DataFrame,
    claims: pd.DataFrame,
    pairs: pd.DataFrame,
    visitors: pd.Series,
    tested: int,
) -> Candidate | None:
    from scipy.special import gammaln
    from scipy.stats import poisson

    if attendance.empty:
        return None
    joint = claims[claims["claim_id"].isin(attendance["claim_id"])]
    if len(group) <= FAMILY_SIZE and _days_elsewhere(joint) < MIN_DAYS:
        return None
    together = attendance.groupby(["met_on", "provider"])["patient_id"].nunique()
    largest = together.groupby("met_on").max()
    by_chance = log_chance_of_meetings((largest * (largest - 1) / 2).sum(), (largest - 1).sum(), *chance)
    crowd = max(int(visitors.reindex(attendance["provider"].unique()).sum()), len(group))
    choices = gammaln(crowd + 1) - gammaln(len(group) + 1) - gammaln(crowd - len(group) + 1)
    log_p = float(by_chance) + choices + np.log(tested)
    inside = pairs[pairs["patient_a"].isin(group) & pairs["patient_b"].isin(group)]
    possible = len(group) * (len(group) - 1) / 2
    at_places = claims[claims["place_id"].isin(joint["place_id"].unique())]
    return Candidate(
        scheme="collusive_group",
        patients=group,
        claims=joint,
        synchrony=len(joint) / len(at_places),
        density=len(inside) / possible,
        expected_density=float(poisson.sf(MIN_DAYS - 1, chance[0] / possible)),
        p_value=float(np.exp(min(0.0, log_p))),
    )
