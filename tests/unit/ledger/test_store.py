"""The ledger's database: append-only by its own guard, made and brought forward by itself, clear about what went wrong (L01)."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from fraudml.errors import FraudmlError, MissingInput
from fraudml.ledger import open_ledger
from fraudml.ledger.schema import APPEND_ONLY, metadata


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("change", ["delete from {}", "update {} set file_id = file_id"])
def test_the_database_refuses_changes(ledger, table, change):
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), ledger.engine.begin() as connection:
        connection.execute(sa.text(change.format(table)))
    assert len(ledger.cases()) == 5


def test_migrations_make_the_tables_that_the_code_reads(ledger):
    with ledger.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_opened_again_it_is_the_same(ledger, uri):
    with open_ledger(uri) as again:
        assert again.cases() == ledger.cases()


def test_a_ledger_of_a_later_version_is_left_alone(ledger, uri):
    with ledger.engine.begin() as connection:
        connection.execute(sa.text("update alembic_version set version_num = '9999'"))
    with pytest.raises(FraudmlError, match=r"\[ledger.newer\]"):
        open_ledger(uri)


def test_a_failed_command_leaves_nothing(ledger):
    before = ledger.events()
    with pytest.raises(ZeroDivisionError), ledger.writing() as writer:
        file_id = writer.file("command", "x", None, "me")
        row = {"lead_id": "L-AAAAAA-000001", "round": 1, "kind": "finding", "happened_on": dt.date(2024, 7, 1), "is_dated": True}
        writer.events([row | {"recorded_by": "me", "file_id": file_id, "state": "checked"}])
        raise ZeroDivisionError
    assert ledger.events() == before


def test_addresses_that_are_none(tmp_path):
    with pytest.raises(MissingInput, match=r"\[ledger.folder\]"):
        open_ledger(tmp_path / "nowhere" / "ledger.sqlite")
    with pytest.raises(FraudmlError, match=r"\[ledger.uri\]"):
        open_ledger("mysql://me@host/name")
    (tmp_path / "text.sqlite").write_text("this is no database at all, whatever its name says" * 100)
    with pytest.raises(FraudmlError, match=r"\[ledger.database\]"):
        open_ledger(tmp_path / "text.sqlite")


def test_no_password_is_told():
    with pytest.raises(FraudmlError) as caught:
        open_ledger("postgresql://me:secret@127.0.0.1:1/nowhere")
    assert "secret" not in str(caught.value)
