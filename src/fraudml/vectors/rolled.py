"""Monthly parts of relations: computed once, put together anew for each of several days.

What counts, sums, means and extremes say of a month stays true, and a day merges the months of its windows. Medians, gaps, stays, different
values, and whatever depends on all claims of the window are computed from the rows, on every day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from fraudml.engine import columns_of
from fraudml.engine.sql import distinct_counted, in_parts, merged_by
from fraudml.vectors.aggregates import Entry
from fraudml.vectors.declared import Catalogue
from fraudml.vectors.joined import COMPARED, USUAL_KEYS, VALUED
from fraudml.vectors.relations import relations_of

ROLLABLE = ("claims", "items", "diagnoses", "prescriptions")
"""Relations whose rows do not depend on each other."""


def rolled(catalogue: Catalogue, of: str, entries: Iterable[Entry], ends: Sequence[dt.date]) -> tuple[str, dict[str, str]] | None:
    """A relation's monthly parts, for those entries that they can serve; None where they serve none.

    Parameters
    ----------
    ends : days on which a window begins or ends: no window parts the rows between two of them.

    Returns
    -------
    Query of one row per entity (pair) and month (its last day ``settled_on``), over tables ``$of_claims`` and ``$of_items`` in place of the
    joined ones; and :attr:`fraudml.vectors.aggregates.Parts.wholes`.
    """
    grouping = catalogue.groupings.get(of)
    under = grouping.of if grouping else of
    if under not in ROLLABLE or catalogue.entity == "claim":  # a claim is judged once, on one day
        return None
    parts: dict[str, str] = {}
    wholes: dict[str, str] = {}
    keys = ["entity_id", *(grouping.by if grouping else ())]
    known = "true"
    if grouping is None:
        for each in entries:
            found = None if _depends_on_day(each.sql, each.where) else in_parts(each.sql, each.where)
            if found:
                parts |= found[0]
                wholes[each.name] = found[1]
    else:
        measures = {"n": "count(*)", **grouping.measures}
        read = {"n"}.union(*(columns_of(each.sql, each.where) & measures.keys() for each in entries))
        known = " and ".join([f"{key} is not null" for key in grouping.by] + ([f"({grouping.where})"] if grouping.where else []))
        if _depends_on_day(known, grouping.where_declared):
            return None
        for name in sorted(read):
            sql, where = measures[name], grouping.where_declared
            counted = distinct_counted(sql, where)
            usual = columns_of(sql, where) == {"item_share"} and merged_by(sql, where) in ("max", "min")
            if counted or usual:  # the same over rows and over parts, where these keep the column or what it hangs on
                keys += [each for each in ([counted] if counted else USUAL_KEYS) if each not in keys]
                wholes[name] = sql
                continue
            found = None if _depends_on_day(sql, where) else in_parts(sql, where, nought=False)
            if found is None:
                return None
            parts |= found[0]
            wholes[name] = found[1]
    if not wholes:
        return None
    rows = relations_of(catalogue.entity)[under].sql.replace("joined_", "$of_")
    columns = ", ".join([*keys, f"{month_of(ends)} as settled_on", *(f"{sql} as {name}" for name, sql in parts.items())])
    number = len(keys) + 1
    return f"select {columns} from ({rows}) where {known} group by {', '.join(map(str, range(1, number + 1)))}", wholes


def month_of(ends: Iterable[dt.date]) -> str:
    """The first of these days by which a claim was settled."""
    return "case " + " ".join(f"when settled_on <= date '{end}' then date '{end}'" for end in sorted(ends)) + " end"


def _depends_on_day(sql: str, where: str) -> bool:
    return "$" in sql or bool(columns_of(sql, where) & (COMPARED | VALUED))
