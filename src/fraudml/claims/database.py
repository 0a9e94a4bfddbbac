"""Source tables from a database, in batches over Arrow through ADBC (extra ``fraudml[postgres]``)."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from fraudml.claims.source import Source
from fraudml.engine import Engine, identifier
from fraudml.errors import FraudmlError, MissingInput

SCHEMES = ("postgresql", "postgres")


def is_url(given: object) -> bool:
    """Whether an input is a database URL."""
    return str(given).split("://", 1)[0] in SCHEMES


def without_password(url: str) -> str:
    """The URL as it may be shown and written down.

    >>> without_password("postgresql://reader:secret@host:5432/claims")
    'postgresql://reader@host:5432/claims'
    """
    parts = urlsplit(url)
    user = f"{parts.username}@" if parts.username else ""
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit((parts.scheme, f"{user}{parts.hostname or ''}{port}", parts.path, "", ""))


def fetch_tables(engine: Engine, url: str, source: Source, scratch: Path) -> dict[str, list[Path]]:
    """Copies the source's tables into Parquet files of ``scratch``, batch by batch, and returns them as ``find_files`` does.

    Tables are looked for on the connection's search path, without regard to case.

    Raises
    ------
    MissingInput
        When the driver is not installed or the database has none of the tables.
    FraudmlError
        ``claims.database`` when the server refuses; the password is never told.
    """
    try:
        from adbc_driver_manager import Error
        from adbc_driver_postgresql import dbapi
    except ImportError as error:
        raise MissingInput("claims.driver", "reading from PostgreSQL needs an extra.", "pip install 'fraudml[postgres]'.") from error
    try:
        with dbapi.connect(url) as connection, connection.cursor() as cursor:
            files = _copy(engine, cursor, source.source_tables(), scratch)
    except Error as error:
        told = re.sub(r"password=\S+", "", str(error).replace(url, without_password(url))).splitlines()[0]
        raise FraudmlError("claims.database", f"{without_password(url)}: {told[:300]}", "Check address, rights and tables.") from error
    if not files:
        raise MissingInput(
            "claims.no_tables", f"{without_password(url)} holds none of the tables of source {source.name}.", "Check input= and source=."
        )
    return files


def _copy(engine: Engine, cursor: Any, tables: Collection[str], scratch: Path) -> dict[str, list[Path]]:
    cursor.execute("select table_schema, table_name from information_schema.tables where table_schema = any(current_schemas(false))")
    there = {name.lower(): f"{identifier(schema)}.{identifier(name)}" for schema, name in cursor.fetchall()}
    files = {}
    for table in tables:
        if table.lower() not in there:
            continue
        cursor.execute(f"select * from {there[table.lower()]}")
        path = scratch / f"{table}.parquet"
        engine.register("fetched", cursor.fetch_record_batch())
        engine.write("select * from fetched", path, compression="snappy")
        files[table] = [path]
    return files
