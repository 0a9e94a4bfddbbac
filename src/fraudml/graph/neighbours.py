"""People of one address group that come to one place on the same days, in waves: induced admissions, residents billed in bulk.

The null model is the place's catchment. The address group has its share of the place's visitors; how often its people would then meet
there by chance follows from how the place's visitors, all of them, spread over the days. A village with its own clinic *is* the clinic's
visitors, and an epidemic fills the hospital with everybody: neither leaves an excess. One wave (a school's or an employer's accident) is
no pattern.

Waves of outpatients alone prove little: family doctors visit villages and nursing homes on fixed days. There the bills must speak too:
near-identical among themselves, unlike the place's other bills, and not small.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from fraudml.claims.store import Snapshot
from fraudml.graph.bills import written_in_bulk
from fraudml.graph.candidates import FAMILY_SIZE, SIGNIFICANCE, Candidate
from fraudml.graph.tails import log_chance_of_meetings

WAVE = 3
"""So many people of one address group on one day make a wave."""
MIN_OCCASIONS = 2
OCCASION_DAYS = 7
"""Waves that lie closer together belong to one occasion: one bus, one epidemic, one accident."""


def neighbour_waves(snapshot: Snapshot) -> list[Candidate]:
    """Address groups that come to a place in waves beyond its catchment's chance."""
    waves = _waves(snapshot)
    found = waves[waves["p_value"] <= SIGNIFICANCE]
    out = []
    for wave in found.itertuples():
        claims = _claims(snapshot, wave)
        if wave.is_stay and wave.ownership != "public":
            out.append(_candidate("induced_admission", claims, wave))
        elif not wave.is_stay:
            bulk = _billed_in_bulk(snapshot, claims, wave)
            if bulk is not None:
                out.append(bulk)
    return out


def _waves(snapshot: Snapshot) -> pd.DataFrame:
    """Address group x place x (stay or not) with waves on at least two occasions: visits, excess (people beyond the first on each day),
    expected, p_value."""
    engine = snapshot.engine
    engine.table(
        "arrivals",
        """
        select distinct claim.place_id, claim.is_stay, claim.patient_id, claim.met_on, home.address_group
        from encounters as claim left join homes as home on claim.patient_id = home.patient_id
        where claim.institution_id is not null and claim.met_on is not null""",
    )
    waves = snapshot.query(f"""
        with place_day as (
            -- a busload is one arrival: the other villages' buses do not make this one's ordinary
            select place_id, is_stay, met_on,
                cast(case when is_stay then count(distinct coalesce(address_group, patient_id)) else count(*) end as double) as visitors
            from arrivals group by place_id, is_stay, met_on
        ), place as (
            select place_id, is_stay,
                greatest(sum(visitors * (visitors - 1)) / nullif(sum(visitors) * (sum(visitors) - 1), 0), 1.0 / 365) as meeting
            from place_day group by all
        ), group_day as (
            select address_group, place_id, is_stay, met_on, cast(count(*) as double) as visitors
            from arrivals where address_group is not null group by all
        ), occasion as (
            select address_group, place_id, is_stay, count(*) filter (where gap is null or gap > {OCCASION_DAYS}) as occasions
            from (
                select address_group, place_id, is_stay,
                    met_on - lag(met_on) over (partition by address_group, place_id, is_stay order by met_on) as gap
                from group_day where visitors >= {WAVE})
            group by all
        ), people as (
            select address_group, place_id, is_stay, count(distinct patient_id) as persons from arrivals where address_group is not null
            group by all
        ), wave as (
            select address_group, place_id, is_stay, sum(visitors) as visits, sum(visitors - 1) as excess,
                sum(visitors * (visitors - 1) / 2) as meetings, count(*) filter (where visitors > 1) as days
            from group_day group by all
        )
        select wave.*, occasion.occasions, people.persons, institution.ownership,
            wave.visits * (wave.visits - 1) / 2 * place.meeting as expected, wave.visits * place.meeting as expected_daily
        from wave
        join people on wave.address_group = people.address_group and wave.place_id = people.place_id and wave.is_stay = people.is_stay
        left join occasion
            on wave.address_group = occasion.address_group and wave.place_id = occasion.place_id and wave.is_stay = occasion.is_stay
        join place on wave.place_id = place.place_id and wave.is_stay = place.is_stay
        left join institutions as institution on wave.place_id = institution.institution_id
        where people.persons > {FAMILY_SIZE} and wave.visits > 1
        order by wave.address_group, wave.place_id, wave.is_stay""")
    repeated = waves[waves["occasions"] >= MIN_OCCASIONS]
    by_chance = [
        log_chance_of_meetings(
            wave.meetings, wave.excess, wave.days, wave.expected, wave.expected * (1 + 2 * wave.expected_daily), wave.persons
        )
        for wave in repeated.itertuples()
    ]
    p = np.exp(np.minimum(0.0, np.array(by_chance) + np.log(max(len(waves), 1))))
    return repeated.assign(p_value=p)


def _claims(snapshot: Snapshot, wave: Any) -> pd.DataFrame:
    """Claims of the waves: of the days on which at least three of the address group came."""
    return snapshot.engine.query(
        f"""
        select claim.* from encounters as claim join homes as person on claim.patient_id = person.patient_id
        where person.address_group = ? and claim.place_id = ? and claim.is_stay = ?
        qualify (dense_rank() over (partition by claim.met_on order by claim.patient_id)
            + dense_rank() over (partition by claim.met_on order by claim.patient_id desc) - 1) >= {WAVE}
        order by claim.met_on, claim.claim_id""",
        [wave.address_group, wave.place_id, bool(wave.is_stay)],
    )


def _candidate(scheme: str, claims: pd.DataFrame, wave: Any) -> Candidate:
    patients = sorted(set(claims["patient_id"]))
    return Candidate(
        scheme=scheme,
        patients=patients,
        claims=claims,
        synchrony=min(1.0, claims[["patient_id", "met_on"]].drop_duplicates().shape[0] / wave.visits),
        density=float(claims.groupby("met_on")["patient_id"].nunique().mean()) / len(patients),
        expected_density=min(1.0, wave.expected_daily / len(patients)),
        p_value=float(wave.p_value),
        providers=(("institution", wave.place_id),),
    )


def _billed_in_bulk(snapshot: Snapshot, claims: pd.DataFrame, wave: Any) -> Candidate | None:
    """The waves of one doctor whose bills are near-identical on each day, unlike the place's other bills and no smaller."""
    by_doctor = claims.groupby(claims["doctor_id"].fillna(""))["patient_id"].nunique()
    doctor = by_doctor.sort_index().idxmax()
    own = claims[claims["doctor_id"].fillna("") == doctor]
    if own["patient_id"].nunique() <= FAMILY_SIZE or len(own) < len(claims) / 2:
        return None
    if not written_in_bulk(snapshot, own, [wave.address_group]):
        return None
    candidate = _candidate("nursing_home_collusion", own, wave)
    named = candidate.providers + ((("doctor", str(doctor)),) if doctor else ())
    return Candidate(**{**candidate.__dict__, "providers": named})
