"""Brings a database to the tables that this version reads, by itself and all or nothing."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from fraudml.errors import FraudmlError

HEAD = "0001"
"""The newest revision below ``migrations/versions``."""


def migrate(connection: sa.Connection) -> None:
    """Creates or brings forward the ledger's tables, inside the caller's transaction.

    Raises
    ------
    FraudmlError
        ``ledger.newer`` where a later version of fraudml made the ledger.
    """
    at = revision_of(connection)
    if at == HEAD:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    settings.set_main_option("path_separator", "os")
    if at is not None and at not in {each.revision for each in ScriptDirectory.from_config(settings).walk_revisions()}:
        raise FraudmlError(
            "ledger.newer", f"the ledger is of revision {at}, this fraudml knows up to {HEAD}.", "Install the newer fraudml."
        )
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")


def revision_of(connection: sa.Connection) -> str | None:
    """The revision that a database is at; None where it holds no ledger."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(sa.text("select version_num from alembic_version"))
    return found
