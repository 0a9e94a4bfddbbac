"""The ledger's tables. Rows are only ever added: triggers of the database refuse any change or removal.

``files``     what something was taken from: a list handed out, a returned workbook, a command.
``listings``  a lead on a list, with what it said there.
``events``    all that happened to a lead, in the order in which it was recorded; the state is derived from them.

Money is kept in whole cents: sums of it are exact in both databases.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

# what SQLite numbers by itself must be called INTEGER there
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

files = sa.Table(
    "files",
    metadata,
    sa.Column("file_id", _NUMBER, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String(16), nullable=False),  # list, workbook, command
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("sha256", sa.String(64)),  # of a file's content; null for a command
    sa.Column("as_of", sa.Date),  # of a list
    sa.Column("facts", sa.JSON, nullable=False),  # of a list: what it was drawn from
    sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("taken_by", sa.Text, nullable=False),
)

listings = sa.Table(
    "listings",
    metadata,
    sa.Column("lead_id", sa.String(64), primary_key=True),
    sa.Column("file_id", _NUMBER, sa.ForeignKey("files.file_id"), primary_key=True, autoincrement=False),
    sa.Column("as_of", sa.Date, nullable=False),
    sa.Column("rank", sa.Integer),
    sa.Column("entity_type", sa.String(16), nullable=False),
    sa.Column("entity_id", sa.Text, nullable=False),
    sa.Column("members", sa.JSON, nullable=False),
    sa.Column("schemes", sa.JSON, nullable=False),
    sa.Column("origin", sa.String(16), nullable=False),  # lead, random, report, self
    sa.Column("risk", sa.Float),
    sa.Column("amount_at_risk", sa.BigInteger, nullable=False),  # cents
    sa.Column("region", sa.Text, nullable=False),
    sa.Column("period_start", sa.Date),
    sa.Column("period_end", sa.Date),
    sa.Column("evidence_claim_ids", sa.JSON, nullable=False),
    sa.Column("reasons", sa.JSON, nullable=False),
    sa.Column("model_version", sa.Text),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("event_id", _NUMBER, primary_key=True, autoincrement=True),
    sa.Column("lead_id", sa.String(64), nullable=False),
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Column("round", sa.Integer, nullable=False),  # 1 = handed out for the first time
    sa.Column("kind", sa.String(16), nullable=False),  # handed_out, assigned, finding, corrected, conflict, resolved
    sa.Column("happened_on", sa.Date, nullable=False),
    sa.Column("is_dated", sa.Boolean, nullable=False),  # whether somebody wrote the day, or it is the day of recording
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("recorded_by", sa.Text, nullable=False),
    sa.Column("file_id", _NUMBER, sa.ForeignKey("files.file_id"), nullable=False),
    sa.Column("cell", sa.Text),  # sheet and cell of a workbook
    sa.Column("digest", sa.String(64)),  # of what a workbook's row says: a row that comes again is known
    sa.Column("state", sa.String(16)),
    sa.Column("amount", sa.BigInteger),  # found, cents
    sa.Column("outcomes", sa.JSON, nullable=False),  # [[outcome, recipient, cents or null]]
    sa.Column("unit", sa.Text),
    sa.Column("person", sa.Text),
    sa.Column("due_on", sa.Date),
    sa.Column("scheme", sa.Text),  # what the inspector found instead
    sa.Column("remark", sa.Text),
    sa.Column("about", _NUMBER, sa.ForeignKey("events.event_id")),  # resolved: the conflicting entry that was taken; null: none
    sa.UniqueConstraint("lead_id", "sequence", name="one_event_per_place"),
)
sa.Index("events_by_lead", events.c.lead_id, events.c.event_id)
sa.Index("files_by_content", files.c.kind, files.c.sha256)

APPEND_ONLY = ("files", "listings", "events")
