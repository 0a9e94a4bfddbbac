"""Snapshots of several days that share their work: what is the same on all the days is joined, and added up by months, once.

A claim is *settled* when its joined row is the same on every day that knows it: it is not refunded between the first day and the last, and
nothing about its patient or its lines becomes known in between. Those rows are made once, as of the last day, for all months that one of
the days looks back on. The few others are made by each day for itself, from tables that hold nothing else. A day then takes its
window from both, and computes what depends on the window as a whole: the means of a claim's like, the patient's other claims, stays.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from fraudml.claims import Claims, Snapshot
from fraudml.claims.store import months_before
from fraudml.vectors.aggregates import Entry, Parts, relation_under
from fraudml.vectors.computed import joined_columns
from fraudml.vectors.declared import Catalogue
from fraudml.vectors.joined import SOLD, WINDOWS, compare, make_joined, same_every_day, window_of
from fraudml.vectors.rolled import month_of, rolled

MONTHS = WINDOWS[-1]

ENOUGH = 3
"""Days from which parts of months are kept: for two, making and merging them costs what it saves."""

SMALLER = 0.7
"""Parts are kept where there are this many for one row at most."""


class SeveralDays:
    """Snapshots of some days in one session, one after the other.

    Parameters
    ----------
    days : in order.
    catalogues : whose vectors will be asked for, whole.
    """

    def __init__(self, claims: Claims, days: Sequence[dt.date], catalogues: Sequence[Catalogue]) -> None:
        self._claims = claims
        self._conf_dir = next((each.conf_dir for each in catalogues if each.conf_dir), None)
        self._columns = joined_columns([(each, None) for each in catalogues])
        self._has_items = "items" in claims.tables
        self._parts: dict[str, dict[str, tuple[str, str, dict[str, str]]]] = {}
        self._alone = len(days) == 1 or not claims.engine.shares_days
        self._engine = claims.engine.session()
        if self._alone:
            return
        self._shared = same_every_day(self._columns, self._has_items)
        first, last = days[0], days[-1]
        since = months_before(first, MONTHS)
        span = next(months for months in range(MONTHS, 12 * 200) if months_before(last, months) <= since)
        claims.at(last, months=span, session=self._engine)
        self._unsettled = self._set_apart(claims, days)
        settled = claims.narrowed(claims="select * from stored_claims where claim_id not in (select claim_id from unsettled)")
        snapshot = settled.at(last, months=span, session=self._engine)
        make_joined(snapshot, self._shared, self._conf_dir, since, "settled")
        ends = sorted({*days, *(months_before(each, window) for each in days for window in WINDOWS)})
        self._sold = SOLD.format(settled=f"{month_of(ends)} as settled_on, ", rows="$of_items")
        if self._columns["sold_items"] and self._has_items:
            self._engine.table("settled_sold", _over(self._sold, "settled"))
        if len(days) >= ENOUGH:
            for catalogue in catalogues:
                self._parts[catalogue.entity] = self._add_up(snapshot, catalogue, ends)

    def __enter__(self) -> SeveralDays:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.close()

    def at(self, as_of: dt.date) -> Snapshot:
        """The snapshot of one of the days, with its joined tables; the one before is no more."""
        if self._alone:
            self.__exit__()
            snapshot = self._claims.at(as_of, months=MONTHS)
            self._engine = snapshot.engine
            make_joined(snapshot, self._columns, self._conf_dir)
            return snapshot
        engine = self._engine
        make_joined(self._unsettled.at(as_of, months=MONTHS, session=engine), self._shared, self._conf_dir, named="own")
        snapshot = self._claims.at(as_of, months=MONTHS, session=engine)
        for view, rows in (("window_claims", "claims"), ("joined_items", "items")):
            if rows == "claims" or self._has_items:
                known = f"select * exclude (w) from ({_known(f'settled_{rows}', as_of)} union all by name select * from own_{rows})"
                engine.view(view, _with_window(known, as_of))
        compare(engine, self._columns, self._has_items)
        if self._columns["sold_items"] and self._has_items:
            sold = f"{_known('settled_sold', as_of)} union all by name {_over(self._sold, 'own')}"
            engine.table("sold_items", f"select institution_id, item_code, month, sum(billed) as billed from ({sold}) group by all")
        return snapshot

    def in_parts(self, catalogue: Catalogue, as_of: dt.date) -> dict[str, Parts]:
        """The relations of an entity that are kept in parts of months, as of the day that was asked for last."""
        found = {}
        for of, (table, query, wholes) in self._parts.get(catalogue.entity, {}).items():
            rows = f"{_known(table, as_of)} union all by name {_over(query, 'own')}"
            rows = _with_window(rows, as_of)
            if any("item_share" in whole for whole in wholes.values()):
                rows = f"""select part.*, usual.item_share from ({rows}) as part join usual_items as usual
                    on part.item_code = usual.item_code and part.kind = usual.kind and part.level is not distinct from usual.level"""
            found[of] = Parts(f"({rows})", wholes)
        return found

    def _set_apart(self, claims: Claims, days: Sequence[dt.date]) -> Claims:
        """The claims that are not settled, with all that a day's own rows of them are made of."""
        engine = self._engine
        engine.table("unsettled", _unsettled(claims.tables, days))
        mine = "claim_id in (select claim_id from unsettled) or refund_of in (select claim_id from unsettled)"
        engine.table("unsettled_claims", f"select * from all_claims where {mine}")
        narrowed = {"claims": "select * from unsettled_claims"}
        for name in claims.tables & {"items", "diagnoses"}:
            engine.table(f"unsettled_{name}", f"select * from all_{name} where claim_id in (select claim_id from unsettled_claims)")
            narrowed[name] = f"select * from unsettled_{name}"
        return claims.narrowed(**narrowed)

    def _add_up(self, snapshot: Snapshot, catalogue: Catalogue, ends: Sequence[dt.date]) -> dict[str, tuple[str, str, dict[str, str]]]:
        """Makes the tables of parts: relation -> table, query, expressions over them."""
        engine, kept = self._engine, {}
        entries: list[Entry] = [*catalogue.attributes.values(), *(each for each in catalogue.features.values() if each.of is not None)]
        for of in dict.fromkeys(str(each.of) for each in entries):
            relation = relation_under(catalogue, of)
            found = rolled(catalogue, of, [each for each in entries if each.of == of], ends)
            if found is None or snapshot.missing(relation.tables):
                continue
            query, wholes = found
            table = f"parts_{catalogue.entity}_{of}"
            engine.table(table, _over(query, "settled"))
            rows = relation.sql.replace("joined_", "settled_")
            if engine.scalar(f"select count(*) from {table}") <= SMALLER * engine.scalar(f"select count(*) from ({rows})"):
                kept[of] = (table, query, wholes)
            else:
                engine.drop(table)
        return kept


def _known(settled: str, as_of: dt.date) -> str:
    """Those of the settled rows that lie in a day's window."""
    return f"select * from {settled} where settled_on > date '{months_before(as_of, MONTHS)}' and settled_on <= date '{as_of}'"


def _with_window(rows: str, as_of: dt.date) -> str:
    return f"select *, {window_of(as_of)} as w from ({rows}) as claim"


def _over(query: str, named: str) -> str:
    """A query of parts over the tables of this name."""
    return query.replace("$of_", f"{named}_")


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
