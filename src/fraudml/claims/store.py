"""The canonical tables on disk, and the only door through which anything reads them: a snapshot as of a day.

A :class:`Snapshot` is a session whose views carry the canonical names. They hide whatever the bureau could not know
on ``as_of``: later settlements and refunds, later deaths, suspensions, ends of registration, decisions. SQL of features
and rules is written against these views and cannot leak, because it cannot name what lies behind them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from copy import copy
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fraudml.claims.swap import is_unfinished
from fraudml.contracts import CANONICAL, REQUIRED_TABLES
from fraudml.engine import Engine, open_engine
from fraudml.errors import FraudmlError, MissingInput

if TYPE_CHECKING:
    import pandas as pd

AMOUNTS = ("total_amount", "in_scope_amount", "fund_amount", "account_amount", "cash_amount")


def open_claims(data_dir: str | Path, engine: Engine | None = None) -> Claims:
    """Opens the canonical tables below ``data_dir`` lazily: nothing is read before it is asked for.

    Parameters
    ----------
    data_dir : folder that ``fraudml ingest`` wrote to (the one that contains ``claims/``).
    engine : an open engine, a new embedded one by default.

    Raises
    ------
    FraudmlError
        ``claims.folder`` for what is no path.
    MissingInput
        When the folder holds no canonical claims.
    """
    if not isinstance(data_dir, (str, Path)):
        raise FraudmlError("claims.folder", f"{type(data_dir).__name__} is no folder.", "Give the folder that `fraudml ingest` wrote to.")
    return Claims(Path(data_dir), engine or open_engine())


class Claims:
    """The canonical tables of one data folder.

    Attributes
    ----------
    tables : names of the tables that the source had.
    """

    _narrowed: Mapping[str, str] = MappingProxyType({})

    def __init__(self, data_dir: Path, engine: Engine) -> None:
        self.data_dir = data_dir
        self.engine = engine
        folder = data_dir / "claims"
        if is_unfinished(data_dir):
            raise FraudmlError(
                "claims.unfinished",
                f"an ingest into {data_dir} was stopped while it put its files in place.",
                "Run `fraudml ingest` into it again.",
            )
        self._sources = {
            name: folder / f"{name}.parquet" if (folder / f"{name}.parquet").is_file() else folder / name / "**" / "*.parquet"
            for name in CANONICAL
            if (folder / f"{name}.parquet").is_file() or (folder / name).is_dir()
        }
        self.tables = frozenset(self._sources)
        missing = [name for name in REQUIRED_TABLES if name not in self.tables]
        if missing:
            raise MissingInput(
                "claims.missing",
                f"{folder} has no {', '.join(missing)}.",
                "Run `fraudml ingest` into this data_dir first.",
            )
        self._expose(engine)

    def _expose(self, engine: Engine) -> None:
        for name, path in self._sources.items():
            if name in self._narrowed:
                engine.parquet(f"stored_{name}", path)
                engine.view(f"all_{name}", self._narrowed[name])
            else:
                engine.parquet(f"all_{name}", path)

    def narrowed(self, **tables: str) -> Claims:
        """The same claims with some tables narrowed: each is a query of ``stored_<name>`` or of tables that the session already has."""
        other = copy(self)
        other._narrowed = {name: sql for name, sql in tables.items() if name in self.tables}
        return other

    def sql(self, query: str) -> pd.DataFrame:
        """Rows of a query over ``all_claims``, ``all_items`` … : every row, refunds as rows of their own, no time limit."""
        return self.engine.query(query)

    def last_month_end(self) -> dt.date:
        """The last day of the last month whose claims are complete.

        That is the latest settlement's month if it ends then (two days' grace), else the month before.
        """
        latest = self.engine.scalar("select max(settled_on) from all_claims")
        if latest is None:
            raise MissingInput("claims.empty", "there are no claims.", "Ingest at least one month of settlements.")
        end = month_end(latest)
        # the latest settlement of a month seldom falls on its very last day: a week-end's grace
        return end if (end - latest).days <= 2 else latest.replace(day=1) - dt.timedelta(days=1)

    def at(
        self, as_of: str | dt.date, months: int | None = None, materialise: Iterable[str] = (), session: Engine | None = None
    ) -> Snapshot:
        """The claims as they were known at the end of ``as_of``.

        Parameters
        ----------
        as_of : the day; nothing later is visible.
        months : look back this many months only, ``(as_of - months, as_of]`` by day of settlement; all by default.
        materialise : views to compute once and keep for this session, where many queries follow.
        session : session of an earlier snapshot, which looks at this day from now on (its tables stay); a new one by default.
        """
        return Snapshot(self, day(as_of), months, materialise, session)


class Snapshot:
    """Canonical tables as of a day, as views of a session of their own.

    Views: every name of :data:`fraudml.contracts.CANONICAL` that the source had, with the declared columns, and

    - ``claims``: refunds netted: one row per original settlement that was not refunded whole, amounts after refunds;
      further columns ``refunded_amount`` (>= 0), ``is_stay``.
    - ``items``: lines of those claims after refunds, with their claim's ``patient_id, institution_id, visit_type, insurance_type,
      started_on, ended_on, settled_on``; ``doctor_id`` is the ordering doctor, the claim's where the line has none;
      ``occurred_on`` is the day.
    - ``settlements``: the claims before netting, refunds as rows of their own.

    Use as a context manager, or :meth:`close` it.
    """

    def __init__(
        self,
        claims: Claims,
        as_of: dt.date,
        months: int | None = None,
        materialise: Iterable[str] = (),
        session: Engine | None = None,
    ) -> None:
        self.as_of = as_of
        self.data_dir = claims.data_dir
        self.tables = claims.tables
        self.engine = session or claims.engine.session()
        self._filled: dict[str, bool] = {}
        claims._expose(self.engine)
        since = None if months is None else months_before(as_of, months)
        for name, sql in _views(self.tables, as_of, since).items():
            if name in set(materialise):
                self.engine.table(name, sql)
            else:
                self.engine.view(name, sql)

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.engine.close()

    def query(self, sql: str) -> pd.DataFrame:
        return self.engine.query(sql)

    def has(self, need: str) -> bool:
        """Whether the source had a table (``items``), values in a column (``items.days_supply``) or one of several (``a.x or a.y``)."""
        if " or " in need:
            return any(self.has(each) for each in need.split(" or "))
        table, _, column = need.partition(".")
        if table not in self.tables:
            return False
        if not column:
            return True
        if column not in CANONICAL[table].columns:
            return False
        if need not in self._filled:
            self._filled[need] = self._has_values(table, column)
        return self._filled[need]

    def _has_values(self, table: str, column: str) -> bool:
        """Whether a column had a value by ``as_of``: one that only the future fills must not decide what can run today."""

        def any_row(sql: str) -> bool:
            return self.engine.scalar(f"select 1 from {sql} limit 1") is not None

        filled = f'"{column}" is not null'
        if not any_row(f"all_{table} where {filled}"):
            return False
        if table == "items":  # without the join of all lines, where a few early lines already tell
            early = f"select claim_id from all_items where {filled} and occurred_at < date '{self.as_of}' limit 1000"
            if any_row(f"settlements where claim_id in ({early})"):
                return True
        return any_row(f'"{table}" where {filled}')

    def missing(self, needs: Iterable[str]) -> list[str]:
        """Those of ``needs`` that this data cannot serve."""
        return [need for need in needs if not self.has(need)]


def _views(tables: frozenset[str], as_of: dt.date, since: dt.date | None) -> dict[str, str]:
    until = f"date '{as_of}'"
    window = f"settled_on <= {until}" + (f" and settled_on > date '{since}'" if since else "")
    views: dict[str, str] = {}
    views["settlements"] = f"select * from all_claims where {window}"
    net = ", ".join(f"round(original.{name} + coalesce(back.{name}, 0), 4) as {name}" for name in AMOUNTS)
    views["refunds"] = f"""
        select refund_of as claim_id, max(settled_on) as refunded_on,
            {", ".join(f"sum({name}) as {name}" for name in AMOUNTS)}
        from all_claims where is_refund and refund_of is not null and settled_on <= {until}
        group by refund_of"""
    views["claims"] = f"""
        select original.* replace ({net}), coalesce(-back.total_amount, 0) as refunded_amount, original.nights > 0 as is_stay
        from settlements as original left join refunds as back on original.claim_id = back.claim_id
        where not coalesce(original.is_refund, false)
          and (back.claim_id is null or original.total_amount + back.total_amount > 0.005)"""
    if "items" in tables:
        views |= _item_views()
    for name in tables & {"diagnoses", "claim_doctors"}:
        views[name] = f"select * from all_{name} where claim_id in (select claim_id from settlements)"
    if "visits" in tables:
        views["visits"] = f"""
            select * replace (case when ended_at < {until} + interval 1 day then ended_at end as ended_at)
            from all_visits where visit_id in (select visit_id from settlements)"""
    masks = {  # what ends later was not known to end
        "patients": ("birth_date", "death_date"),
        "enrolments": ("enrolled_on", "suspended_on"),
        "registrations": ("started_on", "ended_on"),
        "registered_diseases": ("started_on", "ended_on"),
        "catalogue": ("started_on", "ended_on"),
    }
    for name, (start, end) in masks.items():
        if name in tables:
            views[name] = f"""
                select * replace (case when {end} <= {until} then {end} end as {end})
                from all_{name} where {start} is null or {start} <= {until}"""
    if "inventory" in tables:
        views["inventory"] = f"select * from all_inventory where last_day(month) <= {until}"
    if "labels" in tables:
        views["labels"] = f"select * from all_labels where decided_on is null or decided_on <= {until}"
    for name in tables - views.keys():
        views[name] = f"select * from all_{name}"
    return views


def _item_views() -> dict[str, str]:
    """Lines after refunds: a refund takes an item's lines of the same price and time first, then the latest ones.

    Quantities are taken back; where a line or the refund has none, amounts are. A line that is taken back whole disappears. Only the few
    claims that were refunded in part need this: their lines are a view of their own, so that the many others are read once, as they are.
    """
    attributes = """
        coalesce(line.doctor_id, claim.doctor_id) as doctor_id, coalesce(cast(line.occurred_at as date), claim.started_on) as occurred_on,
        claim.patient_id, claim.institution_id, claim.visit_type, claim.insurance_type, claim.started_on, claim.ended_on,
        claim.settled_on"""
    return {
        "refunded_items": """
            select claim.refund_of as claim_id, line.item_code,
                case when count(*) = count(line.quantity) then nullif(-sum(line.quantity), 0) end as quantity, -sum(line.amount) as amount,
                list(distinct line.unit_price) as prices, list(distinct line.occurred_at) as times
            from all_items as line join settlements as claim on line.claim_id = claim.claim_id
            where claim.is_refund and claim.refund_of is not null
            group by claim.refund_of, line.item_code""",
        "partly_refunded": """
            select original.claim_id from refunds as back join settlements as original on back.claim_id = original.claim_id
            where not coalesce(original.is_refund, false) and back.total_amount < 0
              and original.total_amount + back.total_amount > 0.005""",
        "partly_refunded_lines": """
            with touched as (
                select line.*, back.claim_id is not null as is_touched, back.quantity as back_quantity, back.amount as back_amount,
                    coalesce(list_contains(back.prices, line.unit_price), false) as same_price,
                    coalesce(list_contains(back.times, line.occurred_at), false) as same_time,
                    back.quantity is not null and bool_and(coalesce(line.quantity > 0, false))
                        over (partition by line.claim_id, line.item_code) as by_quantity
                from all_items as line join partly_refunded as claim on line.claim_id = claim.claim_id
                left join refunded_items as back on line.claim_id = back.claim_id and line.item_code = back.item_code
            ), measured as (
                select *, case when by_quantity then quantity else coalesce(amount, 0) end as size,
                    coalesce(case when by_quantity then back_quantity else back_amount end, 0) as back
                from touched
            ), cut as (
                select *, case when is_touched and size > 0 then greatest(0, least(size, back - coalesce(sum(size) over (
                    partition by claim_id, item_code order by same_price desc, same_time desc, occurred_at desc, line_id desc
                    rows between unbounded preceding and 1 preceding), 0))) else 0 end as taken
                from measured
            )
            select * exclude (is_touched, back_quantity, back_amount, same_price, same_time, by_quantity, size, back, taken)
                replace (case when taken > 0 then round(quantity * (1 - taken / size), 6) else quantity end as quantity,
                    case when taken > 0 then round(amount * (1 - taken / size), 4) else amount end as amount,
                    case when taken > 0 then round(in_scope_amount * (1 - taken / size), 4) else in_scope_amount end as in_scope_amount)
            from cut where taken = 0 or size - taken > 0.000001""",
        "items": f"""
            select line.* exclude (doctor_id), {attributes}
            from all_items as line join claims as claim on line.claim_id = claim.claim_id where claim.refunded_amount <= 0
            union all by name
            select line.* exclude (doctor_id), {attributes}
            from partly_refunded_lines as line join claims as claim on line.claim_id = claim.claim_id""",
    }


def conform(relation: str, table: str, present: Mapping[str, str]) -> str:
    """SQL that gives ``relation`` the declared columns of a canonical table: cast, in order, null where ``present`` lacks one."""
    return (
        "select "
        + ", ".join(
            f'cast("{name}" as {type_}) as "{name}"' if name in present else f'cast(null as {type_}) as "{name}"'
            for name, type_ in CANONICAL[table].columns.items()
        )
        + f" from {relation}"
    )


def write_claims(tables: Mapping[str, pd.DataFrame], data_dir: str | Path, engine: Engine | None = None) -> Claims:
    """Writes canonical tables from DataFrames (for tests, notebooks and small sets) and opens them.

    Columns that are left out become null; ``settled_at``, ``settled_on`` and ``nights`` follow from the dates where absent.
    """
    engine = engine or open_engine()
    for name, frame in tables.items():
        if name not in CANONICAL:
            raise FraudmlError("claims.unknown_table", f"{name} is no canonical table.", f"Known: {', '.join(CANONICAL)}.")
        unknown = set(frame.columns) - CANONICAL[name].columns.keys()
        if unknown:
            raise FraudmlError(
                "claims.unknown_column",
                f"{name} has no column {', '.join(sorted(unknown))}.",
                "See fraudml.contracts.CANONICAL.",
            )
        frame = frame.copy()
        if name == "claims":
            _derive(frame)
        engine.register("frame", frame)
        engine.write(
            conform("frame", name, dict.fromkeys(frame.columns, "")),
            Path(data_dir) / "claims" / f"{name}.parquet",
        )
    return Claims(Path(data_dir), engine)


def _derive(frame: pd.DataFrame) -> None:
    import pandas as pd

    if "ended_on" not in frame:
        frame["ended_on"] = frame["started_on"]
    if "settled_at" not in frame:
        frame["settled_at"] = pd.to_datetime(frame["ended_on"])
    if "settled_on" not in frame:
        frame["settled_on"] = pd.to_datetime(frame["settled_at"]).dt.date
    if "nights" not in frame:
        nights = (pd.to_datetime(frame["ended_on"]) - pd.to_datetime(frame["started_on"])).dt.days
        frame["nights"] = nights.where(frame["visit_type"] == "inpatient", 0)
    if "is_refund" not in frame:
        frame["is_refund"] = False


def refuse_unopened(claims: Any, asked: str, *, snapshots: bool = True) -> None:
    """Refuses what is neither open claims nor (where these will do) a snapshot, by the code of what was asked: features, graph, rules."""
    if not isinstance(claims, (Claims, Snapshot) if snapshots else Claims):
        raise FraudmlError(f"{asked}.claims", f"{type(claims).__name__} is no open claims.", "Give fm.open_claims(data_dir).")


def day(value: Any) -> dt.date:
    """A calendar day from a date, an instant (of numpy and pandas too) or ``YYYY-MM-DD``."""
    try:
        if isinstance(value, dt.datetime):
            return dt.date(value.year, value.month, value.day)
        if isinstance(value, dt.date):
            return value
        if hasattr(value, "astype"):  # numpy's datetime64, whatever its unit
            value = value.astype("datetime64[D]")
        return dt.date.fromisoformat(str(value))
    except (TypeError, ValueError) as error:  # pandas' NaT is a datetime without a year
        raise FraudmlError("as_of.format", f"“{value}” is no day.", "Write as_of=YYYY-MM-DD.") from error


def month_end(value: dt.date) -> dt.date:
    """Last day of a day's month."""
    return (value.replace(day=28) + dt.timedelta(days=4)).replace(day=1) - dt.timedelta(days=1)


def months_before(as_of: dt.date, months: int) -> dt.date:
    """The day ``months`` months before; a month's last day maps to a month's last day."""
    index = as_of.year * 12 + as_of.month - 1 - months
    first = dt.date(index // 12, index % 12 + 1, 1)
    return month_end(first) if as_of == month_end(as_of) else first.replace(day=min(as_of.day, month_end(first).day))
