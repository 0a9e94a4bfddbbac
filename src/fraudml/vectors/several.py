"""Snapshots of several days that share their joins: what is the same on all the days is joined once.

A claim *settles down*: unless it is refunded between the first day and the last, or something about its patient or its lines becomes known
in between, its joined row is the same on every day that knows it. Those rows are made once, as of the last day, for all the months that any
of the days looks back on. The few others are made by each day for itself, from tables that hold nothing else. A day then takes its
window from both, and computes what depends on the window as a whole: the means of a claim's like, the patient's other claims, stays.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path

from fraudml.claims import Claims, Snapshot
from fraudml.claims.store import months_before
from fraudml.vectors.joined import WINDOWS, compare, make_joined, same_every_day, window_of

MONTHS = WINDOWS[-1]


class SeveralDays:
    """Snapshots of some days in one session, one after the other.

    Parameters
    ----------
    days : in order.
    columns : table of :data:`fraudml.vectors.joined.JOINED` -> columns that the vectors read.
    conf_dir : a bureau's own conf folder.
    """

    def __init__(self, claims: Claims, days: Sequence[dt.date], columns: Mapping[str, set[str]], conf_dir: str | Path | None) -> None:
        self._claims, self._conf_dir, self._columns = claims, conf_dir, columns
        self._has_items = "items" in claims.tables
        self._alone: Snapshot | None = None
        if len(days) == 1:
            self._alone = claims.at(days[0], months=MONTHS)
            self._engine = self._alone.engine
            make_joined(self._alone, columns, conf_dir)
            return
        self._shared = same_every_day(columns, self._has_items)
        first, last = days[0], days[-1]
        since = months_before(first, MONTHS)
        span = next(months for months in range(MONTHS, 12 * 200) if months_before(last, months) <= since)
        whole = claims.at(last, months=span)
        self._engine = whole.engine
        self._engine.table("unsettled", _unsettled(claims.tables, days))
        self._engine.table(
            "unsettled_claims",
            "select * from all_claims where claim_id in (select claim_id from unsettled) or refund_of in (select claim_id from unsettled)",
        )
        own = {"claims": "select * from unsettled_claims"}
        for name in ("items", "diagnoses"):
            if name in claims.tables:
                self._engine.table(f"unsettled_{name}", f"select * from all_{name} where claim_id in (select claim_id from unsettled_claims)")
                own[name] = f"select * from unsettled_{name}"
        self._unsettled = claims.narrowed(**own)
        settled = claims.narrowed(claims="select * from stored_claims where claim_id not in (select claim_id from unsettled)")
        make_joined(settled.at(last, months=span, session=self._engine), self._shared, conf_dir, since, "settled")

    def __enter__(self) -> SeveralDays:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.close()

    def at(self, as_of: dt.date) -> Snapshot:
        """The snapshot of one of the days, with its joined tables; the one before is no more."""
        if self._alone is not None:
            return self._alone
        engine = self._engine
        make_joined(self._unsettled.at(as_of, months=MONTHS, session=engine), self._shared, self._conf_dir, named="own")
        snapshot = self._claims.at(as_of, months=MONTHS, session=engine)
        known = f"settled_on > date '{months_before(as_of, MONTHS)}' and settled_on <= date '{as_of}'"
        for table, rows in (("window_claims", "claims"), ("joined_items", "items")):
            if rows == "claims" or self._has_items:
                engine.view(
                    table,
                    f"select * replace ({window_of(as_of)} as w) from settled_{rows} as claim where {known}"
                    f" union all by name select * from own_{rows}",
                )
        compare(engine, self._columns, self._has_items)
        return snapshot


def _unsettled(tables: frozenset[str], days: Sequence[dt.date]) -> str:
    """Claims whose joined row may differ between the days that know it."""
    between = f"> date '{days[0]}' and {{0}} <= date '{days[-1]}'"

    def changes(column: str) -> str:
        return f"{column} {between.format(column)}"

    people = [f"select patient_id from all_patients where {changes('death_date')} or {changes('birth_date')}"]
    if "registered_diseases" in tables:
        people.append(f"select patient_id from all_registered_diseases where {changes('started_on')}")
    parts = [
        f"select refund_of as claim_id from all_claims where is_refund and refund_of is not null and {changes('settled_on')}",
        f"select claim_id from settlements where patient_id in ({' union '.join(people)})",
    ]
    if "items" in tables:
        # a line that is dated after a day on which its claim was known is priced by a catalogue that this day cannot see
        ahead = " or ".join(f"(claim.settled_on <= date '{day}' and day > date '{day}')" for day in days)
        lines = "select claim_id, item_code, cast(occurred_at as date) as day from all_items"
        parts.append(f"""
            select line.claim_id from ({lines} where occurred_at >= date '{days[0]}' + interval 1 day) as line
            join settlements as claim on line.claim_id = claim.claim_id where {ahead}""")
        parts.append(f"select claim_id from settlements as claim where {ahead.replace('and day >', 'and started_on >')}")
        if "catalogue" in tables:
            # of entries that begin on the same day, the end decides which one holds, once it is known
            parts.append(f"""
                select claim_id from all_items where item_code in (
                    select item_code from all_catalogue group by item_code, cap_level, started_on
                    having count(*) > 1 and bool_or(coalesce({changes("ended_on")}, false)))""")
    return " union ".join(parts)
