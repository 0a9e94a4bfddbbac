"""Files, listings and events, guarded against change.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = ("files", "listings", "events")


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "files",
        sa.Column("file_id", number, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("sha256", sa.String(64)),
        sa.Column("as_of", sa.Date),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_by", sa.Text, nullable=False),
    )
    op.create_index("files_by_content", "files", ["kind", "sha256"])
    op.create_table(
        "listings",
        sa.Column("lead_id", sa.String(64), primary_key=True),
        sa.Column("file_id", number, sa.ForeignKey("files.file_id"), primary_key=True, autoincrement=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("rank", sa.Integer),
        sa.Column("entity_type", sa.String(16), nullable=False),
        sa.Column("entity_id", sa.Text, nullable=False),
        sa.Column("members", sa.JSON, nullable=False),
        sa.Column("schemes", sa.JSON, nullable=False),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("risk", sa.Float),
        sa.Column("amount_at_risk", sa.BigInteger, nullable=False),
        sa.Column("region", sa.Text, nullable=False),
        sa.Column("period_start", sa.Date),
        sa.Column("period_end", sa.Date),
        sa.Column("evidence_claim_ids", sa.JSON, nullable=False),
        sa.Column("reasons", sa.JSON, nullable=False),
        sa.Column("model_version", sa.Text),
    )
    op.create_table(
        "events",
        sa.Column("event_id", number, primary_key=True, autoincrement=True),
        sa.Column("lead_id", sa.String(64), nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("happened_on", sa.Date, nullable=False),
        sa.Column("is_dated", sa.Boolean, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Text, nullable=False),
        sa.Column("file_id", number, sa.ForeignKey("files.file_id"), nullable=False),
        sa.Column("cell", sa.Text),
        sa.Column("digest", sa.String(64)),
        sa.Column("state", sa.String(16)),
        sa.Column("amount", sa.BigInteger),
        sa.Column("outcomes", sa.JSON, nullable=False),
        sa.Column("unit", sa.Text),
        sa.Column("person", sa.Text),
        sa.Column("due_on", sa.Date),
        sa.Column("scheme", sa.Text),
        sa.Column("remark", sa.Text),
        sa.Column("about", number, sa.ForeignKey("events.event_id")),
        sa.UniqueConstraint("lead_id", "sequence", name="one_event_per_place"),
    )
    op.create_index("events_by_lead", "events", ["lead_id", "event_id"])
    if op.get_bind().dialect.name == "sqlite":
        for table in TABLES:
            for change in ("update", "delete"):
                op.execute(
                    f"create trigger {table}_no_{change} before {change} on {table} "
                    "begin select raise(abort, 'the ledger is append-only'); end"
                )
        return
    op.execute(
        "create function ledger_is_append_only() returns trigger language plpgsql as "
        "$$ begin raise exception 'the ledger is append-only'; end $$"
    )
    for table in TABLES:
        op.execute(
            f"create trigger {table}_guard before update or delete or truncate on {table} "
            "for each statement execute function ledger_is_append_only()"
        )


def downgrade() -> None:
    raise RuntimeError("the ledger is append-only: a step back would remove what was recorded")
