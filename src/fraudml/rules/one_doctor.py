"""Whom a house's findings speak against: where one doctor of many holds nearly all of them, the doctor as well."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

FEWEST = 5
"""Claims of one doctor below which no habit shows."""

NEARLY_ALL = 0.8
"""Share of the house's findings that one doctor holds."""

OWN_WORK = 0.5
"""Share of the house's other claims of that kind (stays, or the rest) from which doctor and house are the same."""

CHANCE = 9.2
"""-ln of the chance that so many of them fall to one doctor by accident: 1 in 10,000."""


def one_doctor(rules: Sequence[str], since: dt.date) -> str:
    """The common table expression ``sole``: rule, institution_id, is_stay, doctor_id.

    Reads ``dated`` (evidence with its claim's institution_id, doctor_id and is_stay) and ``claims`` settled after ``since``.
    """
    names = ", ".join(f"'{name}'" for name in rules) or "null"
    return f"""
        held as (
            select rule, institution_id, is_stay, doctor_id, count(distinct claim_id) as held_count from dated
            where entity_type = 'institution' and entity_id = institution_id and doctor_id is not null and rule in ({names})
            group by rule, institution_id, is_stay, doctor_id
        ), work as (
            select institution_id, is_stay, doctor_id, count(*) as claim_count from claims
            where settled_on > date '{since}' and doctor_id is not null and institution_id in (select institution_id from held)
            group by institution_id, is_stay, doctor_id
        ), sole as (
            -- the chance that a finding falls to the doctor, by the share of what else is done at the house
            select rule, institution_id, is_stay, doctor_id from (
                select own.*, (claim_count - held_count + 0.5) / (house_count - house_held + 1.0) as usual_share
                from (select *, sum(held_count) over (partition by rule, institution_id, is_stay) as house_held from held) as own
                join (select *, sum(claim_count) over (partition by institution_id, is_stay) as house_count from work) as usual
                    on own.institution_id = usual.institution_id and own.is_stay = usual.is_stay and own.doctor_id = usual.doctor_id)
            where held_count >= {FEWEST} and held_count >= {NEARLY_ALL} * house_held
                and usual_share < {OWN_WORK} and binomial_surprise(held_count, house_held, usual_share) >= {CHANCE}
        )"""
