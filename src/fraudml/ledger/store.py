"""The ledger in a database: SQLite beside the data by default, PostgreSQL by URL.

One writer at a time: a change reads the state and adds to it inside one transaction that holds the only write lock (``begin immediate``,
an advisory lock), so that two people who import at once follow one another, and whoever is killed in between leaves nothing behind.
"""

from __future__ import annotations

import datetime as dt
import getpass
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from fraudml.errors import FraudmlError, MissingInput
from fraudml.ledger.migrate import HEAD, migrate, revision_of
from fraudml.ledger.schema import events, files, listings
from fraudml.ledger.states import Case, fold

PATIENCE = 120
"""Seconds to wait for another who is writing."""

_LOCK = 7_350_735  # any number, the same for every writer of one database


class Ledger:
    """An open ledger. Reading methods take ``as_of``: what happened later is not seen.

    Use :func:`open_ledger`; as a context manager it closes its connections.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes all connections."""
        self.engine.dispose()

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """A transaction that alone may write; all of it is kept, or nothing.

        Raises
        ------
        FraudmlError
            ``ledger.full``, ``ledger.busy`` or ``ledger.database`` where the database could not take it.
        """
        with told(self.engine), self.engine.connect().execution_options(fraudml_writes=True) as connection, connection.begin():
            if self.engine.dialect.name == "postgresql":
                connection.exec_driver_sql(f"set local lock_timeout = '{PATIENCE}s'")
                connection.execute(sa.text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            yield Writer(connection)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that sees the ledger at one instant."""
        with told(self.engine), self.engine.connect() as connection, connection.begin():
            yield connection

    def cases(self, *, as_of: dt.date | None = None, lead_ids: Iterable[str] | None = None) -> list[Case]:
        """Every round of every lead, by day of opening, rank and id.

        Parameters
        ----------
        as_of : what happened after this day is not seen.
        lead_ids : only these leads.
        """
        with self.reading() as connection:
            return _cases(connection, as_of, lead_ids)

    def events(self) -> list[dict[str, Any]]:
        """All events in order of recording, each with the file it came from (``file``, ``sha256``)."""
        with self.reading() as connection:
            query = (
                sa.select(events, files.c.name.label("file"), files.c.sha256)
                .join(files, files.c.file_id == events.c.file_id)
                .order_by(events.c.event_id)
            )
            return [dict(row) for row in connection.execute(query).mappings()]

    def all_lists(self) -> list[dict[str, Any]]:
        """Every list that was taken in, oldest first; one that was made anew for the same day stands behind the one before."""
        with self.reading() as connection:
            query = sa.select(files).where(files.c.kind == "list").order_by(files.c.as_of, files.c.file_id)
            return [dict(row) for row in connection.execute(query).mappings()]

    def lists(self, *, as_of: dt.date | None = None) -> list[dict[str, Any]]:
        """The lists that were taken in, oldest first; of one day the newest."""
        by_day = {row["as_of"]: row for row in self.all_lists() if as_of is None or row["as_of"] <= as_of}
        return list(by_day.values())

    def listed(self, file_ids: Sequence[int]) -> list[dict[str, Any]]:
        """The leads of lists, by list and rank."""
        with self.reading() as connection:
            query = (
                sa.select(listings)
                .where(listings.c.file_id.in_(file_ids))
                .order_by(listings.c.file_id, listings.c.rank, listings.c.lead_id)
            )
            return [dict(row) for row in connection.execute(query).mappings()]


class Writer:
    """What may be done inside :meth:`Ledger.writing`."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection

    def known_file(self, kind: str, name: str, sha256: str | None) -> int | None:
        """The number of a file that was recorded under this name with this content."""
        query = sa.select(files.c.file_id).where(files.c.kind == kind, files.c.name == name, files.c.sha256 == sha256)
        return self.connection.scalar(query.order_by(files.c.file_id).limit(1))

    def file(
        self, kind: str, name: str, sha256: str | None, by: str, *, as_of: dt.date | None = None, facts: Mapping[str, Any] | None = None
    ) -> int:
        """Records where what follows comes from; returns its number."""
        found = self.known_file(kind, name, sha256) if sha256 else None
        if found is not None:
            return found
        row = {"kind": kind, "name": name, "sha256": sha256, "as_of": as_of, "facts": dict(facts or {}), "taken_at": now(), "taken_by": by}
        return int(self.connection.scalar(sa.insert(files).returning(files.c.file_id), row))

    def listings(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Records leads on a list."""
        if rows:
            self.connection.execute(sa.insert(listings), [dict(row) for row in rows])

    def events(self, rows: Sequence[Mapping[str, Any]]) -> list[int]:
        """Adds events, each behind the last of its lead, and returns their numbers; what a row leaves out is null."""
        if not rows:
            return []
        ids = sorted({str(row["lead_id"]) for row in rows})
        last: dict[str, int] = {}
        for part in _parts(ids):
            query = sa.select(events.c.lead_id, sa.func.max(events.c.sequence)).where(events.c.lead_id.in_(part)).group_by(events.c.lead_id)
            last |= {row.lead_id: row[1] for row in self.connection.execute(query)}
        blank = {column.name: None for column in events.columns if column.name != "event_id"}
        ready = []
        for row in rows:
            last[row["lead_id"]] = last.get(row["lead_id"], 0) + 1
            ready.append(blank | {"outcomes": [], "recorded_at": now()} | dict(row) | {"sequence": last[row["lead_id"]]})
        number = sa.insert(events).returning(events.c.event_id, sort_by_parameter_order=True)
        return [int(each) for each in self.connection.scalars(number, ready)]

    def listed(self, lead_ids: Iterable[str]) -> dict[str, list[Mapping[str, Any]]]:
        """By lead what each list that handed it out said of it, oldest first."""
        found: dict[str, list[Mapping[str, Any]]] = {}
        for part in _parts(sorted(set(lead_ids))):
            query = sa.select(listings).where(listings.c.lead_id.in_(part)).order_by(listings.c.as_of, listings.c.file_id)
            for row in self.connection.execute(query).mappings():
                found.setdefault(row["lead_id"], []).append(dict(row))
        return found

    def cases(self, lead_ids: Iterable[str] | None = None) -> list[Case]:
        """As :meth:`Ledger.cases`, under the write lock."""
        return _cases(self.connection, None, lead_ids)

    def digests(self, lead_ids: Iterable[str]) -> set[tuple[str, str]]:
        """(lead, digest) of every row of a workbook that the ledger knows, taken or in conflict."""
        found: set[tuple[str, str]] = set()
        for part in _parts(sorted(set(lead_ids))):
            query = sa.select(events.c.lead_id, events.c.digest).where(events.c.lead_id.in_(part), events.c.digest.is_not(None))
            found |= {(lead, digest) for lead, digest in self.connection.execute(query)}
        return found


def _cases(connection: sa.Connection, as_of: dt.date | None, lead_ids: Iterable[str] | None) -> list[Case]:
    asked = None if lead_ids is None else sorted(set(lead_ids))
    happened: list[Mapping[str, Any]] = []
    listed: list[Mapping[str, Any]] = []
    for part in [None] if asked is None else _parts(asked):
        of_events, of_listings = sa.select(events), sa.select(listings)
        if part is not None:
            of_events, of_listings = of_events.where(events.c.lead_id.in_(part)), of_listings.where(listings.c.lead_id.in_(part))
        if as_of is not None:
            of_events, of_listings = of_events.where(events.c.happened_on <= as_of), of_listings.where(listings.c.as_of <= as_of)
        happened += map(dict, connection.execute(of_events.order_by(events.c.lead_id, events.c.sequence)).mappings())
        listed += map(dict, connection.execute(of_listings.order_by(listings.c.lead_id)).mappings())
    by_lead = {lead: list(rows) for lead, rows in groupby(listed, key=lambda row: row["lead_id"])}
    cases = [case for lead, rows in groupby(happened, key=lambda row: row["lead_id"]) for case in fold(list(rows), by_lead.get(lead, []))]
    return sorted(cases, key=lambda case: (case.opened_on, case.listing.get("rank") or 0, case.lead_id, case.round))


def _parts(ids: Sequence[str], size: int = 500) -> list[Sequence[str]]:
    return [ids[start : start + size] for start in range(0, len(ids), size)]


def now() -> dt.datetime:
    """The instant of recording, in UTC."""
    return dt.datetime.now(dt.UTC)


def whoever() -> str:
    """The account that runs the command, where nobody is named."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an account without a name
        return "unknown"


def open_ledger(uri: str | Path) -> Ledger:
    """Opens a ledger, makes it where there is none, and brings it forward where an earlier version made it.

    Parameters
    ----------
    uri : a file, or a database URL (``sqlite:///…``, ``postgresql://user:password@host/name``).

    Raises
    ------
    FraudmlError
        ``ledger.uri``, ``ledger.driver``, ``ledger.database``, ``ledger.newer``.
    MissingInput
        Where the folder of the file does not exist.

    Examples
    --------
    >>> import tempfile
    >>> with open_ledger(tempfile.mkdtemp() + "/ledger.sqlite") as ledger:
    ...     ledger.cases()
    []
    """
    url = _url(uri)
    if url.get_backend_name() == "sqlite":
        folder = Path(url.database or "").parent
        if not folder.is_dir():
            raise MissingInput(
                "ledger.folder", f"{folder} is no folder.", "Run `fraudml leads` first, or name another with data_dir or ledger.uri."
            )
        engine = sa.create_engine(url, connect_args={"timeout": PATIENCE})
        sa.event.listen(engine, "connect", _sqlite_connected)
        sa.event.listen(engine, "begin", _sqlite_begins)
    else:
        try:
            engine = sa.create_engine(url)
        except ModuleNotFoundError as error:
            raise FraudmlError("ledger.driver", f"{error.name} is not installed.", "Install fraudml[postgres].") from error
    ledger = Ledger(engine)
    with ledger.reading() as connection:
        at = revision_of(connection)
    if at != HEAD:
        with ledger.writing() as writer:  # looked at again under the lock: two may come at once
            migrate(writer.connection)
    return ledger


def _url(uri: str | Path) -> sa.URL:
    text = str(uri)
    if isinstance(uri, Path) or "://" not in text:
        return sa.URL.create("sqlite", database=text)
    try:
        url = sa.make_url(text)
    except sa.exc.ArgumentError as error:
        raise FraudmlError("ledger.uri", "ledger.uri is no database address.", "Write a path, or postgresql://user@host/name.") from error
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise FraudmlError("ledger.uri", f"{url.get_backend_name()} is not supported.", "Use SQLite or PostgreSQL.")
    return url.set(drivername="postgresql+psycopg") if url.get_backend_name() == "postgresql" else url


def _sqlite_connected(connection: Any, _: object) -> None:
    connection.isolation_level = None  # transactions are begun below: the driver's own would not take the write lock at once
    connection.execute("pragma foreign_keys = on")
    connection.execute("pragma synchronous = full")


def _sqlite_begins(connection: sa.Connection) -> None:
    connection.exec_driver_sql("begin immediate" if connection.get_execution_options().get("fraudml_writes") else "begin")


@contextmanager
def told(engine: sa.Engine) -> Iterator[None]:
    """Failures of the database as errors that say what to do."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        place, said = engine.url.render_as_string(hide_password=True), str(error.orig).strip().split("\n")[0]
        sign = getattr(error.orig, "sqlstate", None)
        if sign == "53100" or any(each in said.lower() for each in ("is full", "disk i/o error")):
            full = f"{place}: {said}; nothing of this command was recorded."
            raise FraudmlError("ledger.full", full, "Free disk space and run it again.") from error
        if sign == "55P03" or "locked" in said:
            raise FraudmlError("ledger.busy", f"{place}: somebody else has been writing for {PATIENCE} s.", "Run it again.") from error
        raise FraudmlError("ledger.database", f"{place}: {said}.", "Check ledger.uri and the rights on the database.") from error
