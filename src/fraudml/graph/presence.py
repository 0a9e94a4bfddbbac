"""Who was where on which day, in numbers that join fast: what co-visits, habits and groups are computed from."""

from __future__ import annotations

from fraudml.claims.store import Snapshot


def expose_presence(snapshot: Snapshot, pair_budget: int) -> int:
    """Makes the table ``presence``: one row per patient, provider and day, where the provider is the place, or in big places each of its
    doctors.

    Columns: patient_id, provider, met_on; visitor, provider_number, address (integers that stand for patient, provider and address group);
    visitors (of the provider on that day). Beside it ``attendance``: the same before claims of one day are counted once, with claim_id.

    Parameters
    ----------
    snapshot : with ``encounters``.
    pair_budget : bound on the pairs of visitors that a self-join of ``presence`` yields; days of a provider with more visitors than this
        allows are left out.

    Returns
    -------
    the largest number of visitors on a day that was kept.
    """
    engine = snapshot.engine
    # a big place is many consulting rooms: whoever comes together sits in the same one (persons are counted only where claims are many)
    engine.table(
        "big_places",
        """
        with busy as (
            select place_id from (
                select place_id, met_on, count(*) as claims from encounters where place_id is not null and met_on is not null
                group by place_id, met_on)
            group by place_id having quantile_cont(claims, 0.9) > 30
        )
        select place_id from (
            select place_id, met_on, count(distinct patient_id) as visitors from encounters
            where place_id in (select place_id from busy) and met_on is not null group by place_id, met_on)
        group by place_id having quantile_cont(visitors, 0.9) > 30""",
    )
    engine.table(
        "attendance",
        """
        select claim_id, patient_id, met_on,
            case when place_id in (select place_id from big_places) then place_id || '/' || coalesce(doctor_id, '') else place_id end
                as provider
        from encounters where place_id is not null and met_on is not null""",
    )
    engine.table(
        "provider_numbers",
        """
        select provider, cast(row_number() over (order by provider) as integer) as provider_number
        from (select distinct provider from attendance)""",
    )
    engine.table(
        "visitor_numbers",
        """
        select seen.patient_id, cast(row_number() over (order by seen.patient_id) as integer) as visitor,
            case when home.address_group is not null then cast(dense_rank() over (order by home.address_group) as integer) end
                as address
        from (select distinct patient_id from attendance) as seen left join homes as home on seen.patient_id = home.patient_id""",
    )
    engine.table(
        "presence_everywhere",
        """
        select distinct provider.provider_number, visitor.visitor, claim.met_on
        from attendance as claim
        join provider_numbers as provider on claim.provider = provider.provider
        join visitor_numbers as visitor on claim.patient_id = visitor.patient_id""",
    )
    engine.table(
        "provider_days", "select provider_number, met_on, count(*) as visitors from presence_everywhere group by provider_number, met_on"
    )
    limit = engine.scalar(f"""
        select max(visitors) from (
            select visitors, sum(pairs) over (order by visitors) as cumulated
            from (select visitors, sum(cast(visitors as double) * (visitors - 1) / 2) as pairs from provider_days group by visitors))
        where cumulated <= {pair_budget}""")
    engine.table(
        "presence",
        f"""
        select visitor.patient_id, provider.provider, own.met_on, own.visitor, own.provider_number, visitor.address, day.visitors
        from presence_everywhere as own
        join provider_days as day on own.provider_number = day.provider_number and own.met_on = day.met_on
        join provider_numbers as provider on own.provider_number = provider.provider_number
        join visitor_numbers as visitor on own.visitor = visitor.visitor
        where day.visitors <= {limit or 0}""",
    )
    return int(limit or 0)
