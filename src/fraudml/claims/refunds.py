"""Which settlement a refund takes back, where the source does not say so."""

from __future__ import annotations

from fraudml.engine import Engine


def match_refunds(engine: Engine, claims: str) -> None:
    """Makes the table ``refund_matches`` (refund_id, claim_id) for refunds without ``refund_of``, or whose ``refund_of`` is a refund.

    Parameters
    ----------
    claims : SQL of the accepted claims.

    Notes
    -----
    A refund carries its original's visit and patient. First the originals with exactly the opposite amount are paired with the refunds in
    order of settlement (the k-th with the k-th), leaving out originals that another refund names. What remains is set against the latest
    settlement of the visit, not later than the refund, that is large enough to cover it. Where a refund names another refund (a further
    part of the same matter), it takes back what that one took back of, in the end a settlement; one that names itself names nothing.
    """
    engine.table(
        "refund_candidates",
        f"""
        select claim_id, visit_id, patient_id, settled_at, round(abs(total_amount), 2) as size, is_refund,
            nullif(refund_of, claim_id) as refund_of
        from ({claims})
        where visit_id in (select visit_id from ({claims}) where is_refund and coalesce(refund_of = claim_id, true))""",
    )
    engine.table(
        "visit_matches",
        """
        with original as (
            select *, row_number() over (partition by visit_id, patient_id, size order by settled_at, claim_id) as place
            from refund_candidates
            where not is_refund and claim_id not in (select refund_of from refund_candidates where refund_of is not null)
        ), refund as (
            select *, row_number() over (partition by visit_id, patient_id, size order by settled_at, claim_id) as place
            from refund_candidates where is_refund and refund_of is null
        ), exact as (
            select refund.claim_id as refund_id, original.claim_id
            from refund join original using (visit_id, patient_id, size, place)
        ), covering as (
            select refund.claim_id as refund_id, max(struct_pack(at := original.settled_at, id := original.claim_id)).id as claim_id
            from refund join refund_candidates as original
                on refund.visit_id = original.visit_id and refund.patient_id = original.patient_id
            where not original.is_refund and original.size >= refund.size and original.settled_at <= refund.settled_at
              and refund.claim_id not in (select refund_id from exact) and original.claim_id not in (select claim_id from exact)
            group by refund.claim_id
        )
        select * from exact union all select * from covering""",
    )
    engine.table(
        "refund_links",
        f"""
        select row.claim_id as refund_id, coalesce(match.claim_id, nullif(row.refund_of, row.claim_id)) as claim_id
        from ({claims}) as row left join visit_matches as match on row.claim_id = match.refund_id
        where is_refund""",
    )
    ends = _followed(engine)
    engine.table(
        "refund_matches",
        f"""
        select refund_id, min(claim_id) as claim_id from {ends}
        where claim_id is not null and claim_id not in (select refund_id from refund_links)
          and (refund_id in (select refund_id from visit_matches)
               or refund_id in (select first.refund_id from refund_links as first join refund_links as second
                   on first.claim_id = second.refund_id))
        group by refund_id""",
    )


def _followed(engine: Engine) -> str:
    """Name of the refunds with the last of what they name one after another: a settlement, or a refund that leads nowhere (or back).

    Each round goes twice as far. Where no refund comes to a settlement in a round, none of the others ever will: on a longer way to one
    stands a refund that is just so far from it.
    """
    ways, unended = "refund_links", _unended(engine, "refund_links")
    while unended:
        further = "refund_ways_even" if ways == "refund_ways_odd" else "refund_ways_odd"
        engine.table(
            further,
            f"""
            select way.refund_id, coalesce(next.claim_id, way.claim_id) as claim_id
            from {ways} as way left join {ways} as next on way.claim_id = next.refund_id""",
        )
        ways, before, unended = further, unended, _unended(engine, further)
        if unended == before:
            break
    return ways


def _unended(engine: Engine, ways: str) -> int:
    return int(engine.scalar(f"select count(*) from {ways} where claim_id in (select refund_id from refund_links)"))
