"""Groups of patients that move together: found among the significant pairs and in dense blocks, then tested as groups."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from fraudml.claims.store import Snapshot
from fraudml.graph.blocks import dense_blocks
from fraudml.graph.candidates import FAMILY_SIZE, SIGNIFICANCE, Candidate, address_groups, claims_of_patients, is_family
from fraudml.graph.communities import DENSITY, communities, widened
from fraudml.graph.covisits import MIN_DAYS, CoVisits
from fraudml.graph.habits import expected_company, expose_surprise
from fraudml.graph.rounds import may_be_a_round
from fraudml.graph.tails import log_chance_of_meetings

MIN_PATIENTS = 3
HINTS = (1e-3, 0.05, 0.3)
"""Pairs this improbable, uncorrected, propose groups, too: many weak ties among few people are strong together."""


def companies(snapshot: Snapshot, covisits: CoVisits, proposals: list[list[str]], seed: int = 0) -> list[Candidate]:
    """Groups whose company exceeds the null model, after correction for all groups of their size that could have been chosen.

    Two searches propose groups: Leiden communities of the significant and of the unlikely pairs (repeated company), and dense blocks of
    the matrix of patients by provider-days (synchrony). One test judges them all: the meetings of their pairs against the null model's,
    times the number of groups of that size among the visitors of their providers. A group of which not even half of the pairs are seen
    together repeatedly is several groups, and no ring; neither are neighbours on common days (:mod:`fraudml.graph.rounds`).

    Parameters
    ----------
    proposals : further groups to test.
    """
    ties = [covisits.significant(), *(covisits.pairs[covisits.pairs["p_value"] <= hint] for hint in HINTS)]
    groups = [group for each in ties for group in communities(each, seed) if len(group) >= MIN_PATIENTS]
    groups += [*widened(groups, ties[-1]), *_blocks(snapshot, covisits), *proposals]
    attended = _joint_attendance(snapshot, groups)
    steady = sorted({people for each in attended if len(people := _steady(each)) >= MIN_PATIENTS})
    addresses = address_groups(snapshot)
    groups = [list(people) for people in steady if not is_family(list(people), addresses)]
    if not groups:
        return []
    expected = dict(list(expected_company(snapshot, groups).groupby("number")))
    visitors = _visitors(snapshot)
    out = []
    for number, (group, attendance, claims) in enumerate(
        zip(groups, _joint_attendance(snapshot, groups), claims_of_patients(snapshot, groups), strict=True)
    ):
        if number not in expected:
            continue
        chance = expected[number].set_index("provider")[["mean", "variance"]]
        candidate = _tested(group, chance, attendance, claims, covisits.pairs, visitors, len(groups))
        if candidate is None or candidate.p_value > SIGNIFICANCE or candidate.density < DENSITY:
            continue
        if not may_be_a_round(group, candidate.claims, snapshot):
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
    snapshot.engine.register("significant_pairs", significant[["patient_a", "patient_b"]])
    expose_surprise(
        snapshot,
        """
        select visitor from visitor_numbers where patient_id in (
            select patient_a from significant_pairs union select patient_b from significant_pairs)""",
    )
    table = snapshot.query("""
        with pair as (
            select a.visitor as visitor_a, b.visitor as visitor_b from significant_pairs as pair
            join visitor_numbers as a on pair.patient_a = a.patient_id join visitor_numbers as b on pair.patient_b = b.patient_id
        ), company as (
            select visitor_a as visitor, visitor_b as companion from pair union all select visitor_b, visitor_a from pair
        ), accompanied as (
            select distinct own.visitor, own.provider_number, own.met_on, own.surprise
            from surprises as own
            join company on own.visitor = company.visitor
            join surprises as other on company.companion = other.visitor and own.provider_number = other.provider_number
                and own.met_on = other.met_on
        )
        select visitor.patient_id, dense_rank() over (order by own.provider_number, own.met_on) - 1 as day, own.surprise
        from accompanied as own join visitor_numbers as visitor on own.visitor = visitor.visitor
        order by visitor.patient_id, day""")
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
    chance: pd.DataFrame,
    attendance: pd.DataFrame,
    claims: pd.DataFrame,
    pairs: pd.DataFrame,
    visitors: pd.Series,
    tested: int,
) -> Candidate | None:
    from scipy.stats import poisson

    if attendance.empty:
        return None
    joint = claims[claims["claim_id"].isin(attendance["claim_id"])]
    if len(group) <= FAMILY_SIZE and _days_elsewhere(joint) < MIN_DAYS:
        return None
    log_p = _log_chance(len(group), chance, attendance, visitors) + np.log(tested)
    inside = pairs[pairs["patient_a"].isin(group) & pairs["patient_b"].isin(group)]
    possible = len(group) * (len(group) - 1) / 2
    at_places = claims[claims["place_id"].isin(joint["place_id"].unique())]
    return Candidate(
        scheme="collusive_group",
        patients=group,
        claims=joint,
        synchrony=len(joint) / len(at_places),
        density=len(inside) / possible,
        expected_density=float(poisson.sf(MIN_DAYS - 1, chance["mean"].sum() / possible)),
        p_value=float(np.exp(min(0.0, log_p))),
    )


def _log_chance(size: int, chance: pd.DataFrame, attendance: pd.DataFrame, visitors: pd.Series) -> float:
    """log of the chance of the group's meetings, at all its providers together or at the one where they are the most surprising, times
    the number of groups of its size among the visitors there (at half the error rate each; the second shared among the providers)."""
    together = attendance.groupby(["provider", "met_on"])["patient_id"].nunique()
    largest = together.groupby("met_on").max()
    # who goes on from one place to the next meets at both: meetings come in clumps, and it is clumps that chance brings about
    clump = (together * (together - 1)).sum() / (largest * (largest - 1)).sum()
    everywhere = _of_all_groups(
        largest, chance["mean"].sum() / clump, chance["variance"].sum() / clump, size, visitors.reindex(chance.index).sum()
    )
    sizes = dict(list(together.groupby("provider")))
    here = [
        _of_all_groups(sizes[provider], mean, variance, size, visitors.get(provider, 0))
        for provider, mean, variance in chance.itertuples()
        if provider in sizes
    ]
    return float(np.log(2.0) + min(everywhere, *(each + np.log(len(here)) for each in here)))


def _of_all_groups(together: pd.Series, mean: float, variance: float, size: int, crowd: float) -> float:
    from scipy.special import gammaln

    meetings, excess = (together * (together - 1) / 2).sum(), (together - 1).sum()
    by_chance = log_chance_of_meetings(meetings, excess, int((together > 1).sum()), mean, variance, size)
    crowd = max(crowd, size)
    return by_chance + gammaln(crowd + 1) - gammaln(size + 1) - gammaln(crowd - size + 1)
