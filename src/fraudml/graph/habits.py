"""What may explain, innocently, that somebody is at a provider on a given day: the null model of company.

Every explanation deals a patient's visits to a provider into strata, and says how likely two visits of one stratum fall on one day:

- the crowd: a visit falls on a day in proportion to how many others are there (the degree-preserving null: every patient keeps the number
  of visits to every provider, every day its number of visitors, the rest is shuffled). Who comes on market day meets many;
- months, for courses of treatment: any of the provider's open days of the month;
- weekdays, for weekly rhythms (dialysis, rehabilitation): any of its open days of that weekday;
- the calendar's finer rhythms: four-weekly refills and contract days, the n-th weekday of a month, the day of the month on which accounts
  are credited, weekdays during some months. Only who comes on a third of a stratum's days has its rhythm: random days fall into it, too;
- the address group: families, and villages that a doctor visits: how its people spread over the days.

Open days are estimated from the days on which anybody came, by Chao's (1984) lower bound for what was not seen: a small clinic is
open on days without visitors.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from fraudml.claims.store import Snapshot

RHYTHMS = {
    "four_weeks": ("met_on - date '2000-01-03'", "% 28", 13),
    "day_of_month": ("day(met_on)", "", 12),
    "nth_weekday": ("dayofweek(met_on) * 5 + cast(floor((day(met_on) - 1) / 7) as integer)", "", 12),
    "weekday_of_month": ("(year(met_on) * 12 + month(met_on)) * 7 + dayofweek(met_on)", "", 4),
}
"""Rhythm -> its stratum of a day, and how many days of a year fall into one."""

MIN_SHARE = 1 / 3
"""A rhythm is the patient's that comes on this share of its days, and more than once."""


def expose_providers(snapshot: Snapshot) -> None:
    """Tables ``provider_by_day``, ``_weekday``, ``_address``: visits, days open, chance that two visits fall on one day (``meeting``)."""
    for by, stratum in (("day", ""), ("weekday", "dayofweek(met_on)"), ("address", "address")):
        keys = "provider_number" + (f", {stratum} as {by}" if stratum else "")
        outer = "provider_number" + (f", {by}" if stratum else "")
        snapshot.engine.table(
            f"provider_by_{by}",
            f"""
            select {outer}, cast(sum(visitors) as double) as visits,
                cast(sum(visitors * (visitors - 1)) as double) / nullif(cast(sum(visitors) as double) * (sum(visitors) - 1), 0) as meeting,
                least(365.0, count(*) + cast(count(*) filter (where visitors = 1) * (count(*) filter (where visitors = 1) - 1) as double)
                    / (2.0 * (count(*) filter (where visitors = 2) + 1))) as open_days
            from (select {keys}, met_on, count(*) as visitors from presence group by all)
            group by {outer}""",
        )


def expose_habits(snapshot: Snapshot, visitors: str) -> None:
    """Tables ``phases`` and ``habits`` of some visitors.

    ``phases``: visitor, provider_number, met_on, explanation, stratum: into which stratum of each explanation a presence falls.
    ``habits``: visitor, provider_number, explanation, stratum, visits, reach: the chance that the patient is there on a given day of the
    stratum (of the crowd: that a visit of somebody else falls on one of the patient's days), so that two patients are expected to
    share ``(visits_a * reach_b + visits_b * reach_a) / 2`` days of it.

    Parameters
    ----------
    visitors : a query that gives their numbers (column ``visitor``).
    """
    engine = snapshot.engine
    engine.table("chosen_presence", f"select * from presence where visitor in (select visitor from ({visitors}))")
    strata = {
        "crowd": "0",
        "month": "year(met_on) * 12 + month(met_on)",
        "weekday": "dayofweek(met_on)",
        **{name: f"({stratum}) {remainder}" for name, (stratum, remainder, _) in RHYTHMS.items()},
        "address": "address",
    }
    engine.table(
        "phases",
        " union all ".join(
            f"select visitor, provider_number, met_on, visitors, '{name}' as explanation, cast({stratum} as integer) as stratum"
            " from chosen_presence" + (" where address is not null" if name == "address" else "")
            for name, stratum in strata.items()
        ),
    )
    rhythms = " ".join(f"when '{name}' then 1.0 / {days}" for name, (_, _, days) in RHYTHMS.items())
    steady = " ".join(f"when '{name}' then {max(2.0, days * MIN_SHARE)}" for name, (_, _, days) in RHYTHMS.items())
    engine.table(
        "habits",
        f"""
        with counted as (
            select visitor, provider_number, explanation, stratum, cast(count(*) as double) as visits,
                cast(sum(visitors - 1) as double) as others
            from phases group by visitor, provider_number, explanation, stratum
        )
        select own.visitor, own.provider_number, own.explanation, own.stratum, own.visits,
            case when own.explanation = 'crowd' then own.others / greatest(provider.visits - own.visits, 1.0)
            else own.visits * least(1.0, case own.explanation
                when 'month' then 12 / provider.open_days
                when 'weekday' then provider.visits / (provider.open_days * weekday.visits)
                when 'address' then coalesce(address.meeting, 0)
                {rhythms} end) end as reach
        from counted as own
        join provider_by_day as provider on own.provider_number = provider.provider_number
        left join provider_by_weekday as weekday on own.explanation = 'weekday'
            and own.provider_number = weekday.provider_number and own.stratum = weekday.weekday
        left join provider_by_address as address on own.explanation = 'address'
            and own.provider_number = address.provider_number and own.stratum = address.address
        where own.explanation in ('crowd', 'month', 'weekday', 'address')
            or own.visits >= case own.explanation {steady} end""",
    )


def expected_company(snapshot: Snapshot, groups: Sequence[Sequence[str]]) -> pd.DataFrame:
    """Meetings of pairs (pair x day) within each group at each provider under the null model.

    With *m* of the group expected on a day, its number is about Poisson: the pairs have the mean ``m^2 / 2`` and the variance
    ``m^2 / 2 (1 + 2 m)``. A sum over pairs of ``a_i b_j + a_j b_i`` is ``sum a sum b - sum a b``, so that large groups cost no more
    than their visits. The largest of the explanations counts for all pairs, and the address group's in addition for its own. The crowd is
    what outsiders make: a group is no reason for its own coming.

    Returns
    -------
    number (of the group), provider, mean, variance.
    """
    members = pd.DataFrame([(number, one) for number, group in enumerate(groups) for one in group], columns=["number", "patient_id"])
    snapshot.engine.register("company_members", members)
    expose_habits(
        snapshot,
        "select visitor from visitor_numbers where patient_id in (select patient_id from company_members)",
    )
    return snapshot.query("""
        with own as (
            select member.number, here.visitor, here.provider_number, here.met_on, here.visitors
            from company_members as member join chosen_presence as here on member.patient_id = here.patient_id
        ), party as (
            select number, provider_number, met_on, cast(count(*) as double) as members from own group by number, provider_number, met_on
        ), outsiders as (
            select party.number, party.provider_number, any_value(provider.visits) - sum(party.members) as visits
            from party join provider_by_day as provider on party.provider_number = provider.provider_number
            group by party.number, party.provider_number
        ), crowd as (
            select own.number, own.provider_number, own.visitor, cast(count(*) as double) as visits,
                sum(own.visitors - party.members) / greatest(any_value(outsiders.visits), 1.0) as reach
            from own
            join party on own.number = party.number and own.provider_number = party.provider_number and own.met_on = party.met_on
            join outsiders on own.number = outsiders.number and own.provider_number = outsiders.provider_number
            group by own.number, own.provider_number, own.visitor
        ), habit as (
            select number, provider_number, 'crowd' as explanation, 0 as stratum, visits, reach from crowd
            union all
            select member.number, habit.provider_number, habit.explanation, habit.stratum, habit.visits, habit.reach
            from company_members as member
            join visitor_numbers as visitor on member.patient_id = visitor.patient_id
            join habits as habit on visitor.visitor = habit.visitor
            where habit.explanation <> 'crowd'
        ), summed as (
            select number, provider_number, explanation, stratum,
                (sum(visits) * sum(reach) - sum(visits * reach)) / 2 as mean, sum(reach) as present
            from habit group by number, provider_number, explanation, stratum
        ), explained as (
            select number, provider_number, explanation, sum(mean) as mean, sum(mean * (1 + 2 * present)) as variance
            from summed group by number, provider_number, explanation
        ), largest as (
            select number, provider_number,
                max(case when explanation <> 'address' then mean end) + coalesce(max(case when explanation = 'address' then mean end), 0)
                    as mean,
                max(case when explanation <> 'address' then variance end)
                    + coalesce(max(case when explanation = 'address' then variance end), 0) as variance
            from explained group by number, provider_number
        )
        select largest.number, provider.provider, largest.mean, largest.variance
        from largest join provider_numbers as provider on largest.provider_number = provider.provider_number
        order by largest.number, provider.provider""")


def expose_surprise(snapshot: Snapshot, visitors: str) -> None:
    """Table ``surprises``: presence of some visitors (patient x provider x day) with ``surprise``, -log of the chance that the patient is
    there on that day."""
    expose_habits(snapshot, visitors)
    snapshot.engine.table(
        "surprises",
        """
        with likely as (
            select phase.visitor, phase.provider_number, phase.met_on,
                max(case when phase.explanation = 'crowd'
                    then habit.visits * (phase.visitors - 1) / greatest(provider.visits - habit.visits, 1.0)
                    else habit.reach end) as chance
            from phases as phase
            join habits as habit on phase.visitor = habit.visitor and phase.provider_number = habit.provider_number
                and phase.explanation = habit.explanation and phase.stratum = habit.stratum
            join provider_by_day as provider on phase.provider_number = provider.provider_number
            where phase.explanation <> 'address'
            group by phase.visitor, phase.provider_number, phase.met_on
        )
        select visitor, provider_number, met_on, -ln(least(1.0, chance)) as surprise from likely""",
    )
