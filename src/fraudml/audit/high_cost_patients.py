"""A09, 大处方稽核: in each chosen institution, high-cost patients at random, not of one disease."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fraudml.audit.declaration import AuditList
from fraudml.audit.drawing import key_sql
from fraudml.audit.listed import Listed, Run, skipped
from fraudml.audit.words import say

if TYPE_CHECKING:
    import numpy as np


def make(run: Run, entry: AuditList) -> Listed:
    """Draws ``size`` high-cost patients per institution, period and group (门慢, 门特), of whom at most ``most_of_one`` share a disease.

    High-cost are the ``high_share`` of an institution's patients of the group with the largest cost there, ``high_least`` at least.
    A patient with several diseases counts towards each of them.
    """
    import pandas as pd

    lang, engine = run.lang, run.snapshot.engine
    if missing := run.snapshot.missing(entry.needs):
        return skipped(entry, say("note_missing", lang, needs=missing))
    places = pd.concat(
        [run.done[name].rows[["entity_id", "period"]] for name in entry["lists"] if len(run.done[name].rows)] or [pd.DataFrame()]
    )
    if places.empty:
        return skipped(entry, say("note_no_places", lang))
    engine.register("chosen_places_given", places.drop_duplicates())
    engine.table(
        "chosen_places", "select cast(entity_id as varchar) as institution_id, cast(period as varchar) as period from chosen_places_given"
    )
    groups = " union all ".join(
        f"select '{name}' as \"group\", * from audited_claims where ({group['where']})" for name, group in entry["groups"].items()
    )
    strata = ("period", "institution_id", "group")
    value = entry["measure"].sql
    candidates = engine.query(
        f"""
        with cost as (
            select claim.period, claim.institution_id, claim."group", claim.patient_id as entity_id,
                round(cast({value} as double), 4) as value,
                list_sort(list(distinct claim.registered_disease) filter (where claim.registered_disease is not null)) as diseases,
                max(claim.kind) as kind
            from ({groups}) as claim join chosen_places as place
                on claim.institution_id = place.institution_id and claim.period = place.period
            group by claim.period, claim.institution_id, claim."group", claim.patient_id),
        placed as (
            select *, count(*) over own as population, rank() over (own order by value desc) as cost_rank
            from cost where value > 0 window own as (partition by period, institution_id, "group"))
        select *, {key_sql(run.seed, entry.id, strata)} as draw_key from placed
        where cost_rank <= greatest({entry.get("high_least", 20)}, ceil(round({entry.get("high_share", 0.25)} * population, 6)))
        order by period, institution_id, "group", draw_key, entity_id"""
    )
    cap = max(1, int(entry.get("most_of_one", 0.5) * entry["size"] + 1e-9))
    rows, counts, notes = [], [], []
    for (period, place, group), frame in candidates.groupby(list(strata), sort=True):
        frame = frame.reset_index(drop=True)
        diseases = [list(each) for each in frame["diseases"]]
        taken = draw_mixed(diseases, entry["size"], cap)
        stratum = f"{period}/{place}/{group}"
        own = frame.loc[taken].assign(stratum=stratum, rank=range(1, len(taken) + 1))
        rows.append(own.assign(drawn="whole" if len(taken) == len(frame) == frame["population"].iloc[0] else "random"))
        counts.append(
            {
                "stratum": stratum,
                "period": period,
                "institution_id": place,
                "group": group,
                "population": int(frame["population"].iloc[0]),
                "frame": len(frame),
                "quota": entry["size"],
                "listed": len(taken),
                "diseases": len({disease for index in taken for disease in diseases[index]}),
            }
        )
        if len(taken) < min(entry["size"], len(frame)):
            notes.append(say("note_mixed_short", lang, stratum=stratum, listed=len(taken), candidates=len(frame), cap=cap))
    if not rows:
        return skipped(entry, say("note_no_group_patients", lang))
    found = pd.concat(rows, ignore_index=True)
    found["disease"] = ["、".join(each) for each in found["diseases"]]
    found = found.assign(entity_type="patient")
    columns = ["stratum", *strata, "rank", "entity_type", "entity_id", "value", "disease", "cost_rank", "drawn", "draw_key"]
    table = pd.DataFrame(counts)
    small = table[table["population"] <= table["quota"]]
    if len(small):
        notes.insert(0, say("note_whole", lang, count=len(small), strata=list(small["stratum"].head(12))))
    return Listed(
        entry,
        found[columns],
        table,
        headings={"value": entry["measure"].name[lang]},
        units={"value": entry["measure"].unit, "cost_rank": "count"},
        notes=[say("note_mixed", lang, size=entry["size"], cap=cap), *notes],
    )


def draw_mixed(diseases: Sequence[Sequence[str]], size: int, cap: int) -> list[int]:
    """The places of those drawn: as many as possible up to ``size``, no disease in more than ``cap`` of them, the earliest first.

    Going down the order and taking whoever the cap allows is right where everyone has one disease. With several diseases each it may stop
    short of a number that can be reached: then an integer programme says how many can be, and the earliest such draw is taken. That draw is
    unique, so that anyone repeats it.

    Examples
    --------
    >>> draw_mixed([["a"], ["a"], ["a"], ["b"]], size=3, cap=2)
    [0, 1, 3]
    >>> draw_mixed([["a", "b"], ["a"], ["b"]], size=2, cap=1)
    [1, 2]
    """
    import numpy as np

    names = sorted({each for one in diseases for each in one})
    has = np.array([[name in set(one) for name in names] for one in diseases], dtype=float).reshape(len(diseases), len(names))
    taken = _down_the_order(has, size, cap)
    if len(taken) == min(size, len(diseases)):
        return taken
    reachable = _most(has, cap, size, [], len(diseases))
    if reachable <= len(taken):
        return taken
    fixed: list[int] = []
    for place in range(len(diseases)):
        if len(fixed) == reachable:
            break
        if (has[[*fixed, place]].sum(axis=0) <= cap).all() and _most(has, cap, reachable, [*fixed, place], place + 1) >= reachable:
            fixed.append(place)
    return fixed


def _down_the_order(has: np.ndarray, size: int, cap: int) -> list[int]:
    import numpy as np

    taken: list[int] = []
    used = np.zeros(has.shape[1])
    for place, row in enumerate(has):
        if len(taken) < size and (used + row <= cap).all():
            taken.append(place)
            used = used + row
    return taken


def _most(has: np.ndarray, cap: int, size: int, fixed: Sequence[int], after: int) -> int:
    """How many can be taken under the cap, with those fixed and any from place ``after`` on (all places where none is fixed)."""
    import numpy as np
    from scipy.optimize import Bounds, LinearConstraint, milp

    count = len(has)
    low, high = np.zeros(count), np.ones(count)
    if fixed:
        high[:after] = 0
        low[list(fixed)] = high[list(fixed)] = 1
    limits = [LinearConstraint(np.ones((1, count)), -np.inf, size)]
    if has.shape[1]:
        limits.append(LinearConstraint(has.T, -np.inf, cap))
    solved = milp(-np.ones(count), constraints=limits, integrality=np.ones(count), bounds=Bounds(low, high))
    return round(-solved.fun) if solved.success else 0
