"""A15, 每季度全覆盖: every institution in a week of the coming quarter, regions spread evenly over the weeks."""

from __future__ import annotations

import datetime as dt

from fraudml.audit.declaration import AuditList
from fraudml.audit.drawing import key_sql
from fraudml.audit.listed import Listed, Run, skipped
from fraudml.audit.words import say
from fraudml.claims.store import month_end
from fraudml.engine import identifier


def make(run: Run, entry: AuditList) -> Listed:
    """The plan of the three months after the day: who is visited in which week.

    Within each stratum (``by``) institutions stand in the order of their draw keys; strata are dealt together by relative place, so that
    every week visits a like share of each.
    """
    import pandas as pd

    lang, weeks, by = run.lang, entry["weeks"], entry.get("by", ("region",))
    own = ", ".join(identifier(each) for each in by)
    rows = run.snapshot.engine.query(
        f"""
        with keyed as (
            select *, {key_sql(run.seed, entry.id, by, "institution_id")} as draw_key
            from audited_institutions where {entry.get("where", "true")}
        ), placed as (
            select *, (row_number() over (partition by {own} order by draw_key, institution_id) - 0.5)
                / cast(count(*) over (partition by {own}) as double) as share from keyed)
        select concat_ws('/', {own}) as stratum, row_number() over (order by share, draw_key, institution_id) as rank,
            case when kind = 'pharmacy' then 'pharmacy' else 'institution' end as entity_type, institution_id as entity_id,
            kind, level, region, is_village, claim_count, total_amount, round(doubt, 4) as doubt, draw_key
        from placed order by rank"""
    )
    if rows.empty:
        return skipped(entry, say("note_nobody", lang))
    first = run.as_of + dt.timedelta(days=1)
    last = month_end((first.replace(day=1) + dt.timedelta(days=70)).replace(day=1))
    rows.insert(2, "week", (rows["rank"] - 1) * weeks // len(rows) + 1)
    starts = [first + dt.timedelta(days=((last - first).days + 1) * number // weeks) for number in range(weeks + 1)]
    rows.insert(3, "planned_from", pd.to_datetime([starts[week - 1] for week in rows["week"]]))
    rows.insert(4, "planned_to", pd.to_datetime([starts[week] - dt.timedelta(days=1) for week in rows["week"]]))
    rows["drawn"] = "whole"
    strata = rows.groupby("stratum").agg(population=("rank", "size")).reset_index()
    strata = strata.assign(frame=strata["population"], quota=strata["population"], listed=strata["population"])
    return Listed(
        entry,
        rows,
        strata,
        units={"planned_from": "day", "planned_to": "day", "total_amount": "yuan", "claim_count": "count", "doubt": "share"},
        notes=[say("note_schedule", lang, count=len(rows), weeks=weeks, first=first, last=last)],
    )
