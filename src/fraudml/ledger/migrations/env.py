"""Alembic's entry: runs on the connection (and inside the transaction) that :mod:`fraudml.ledger.migrate` hands over."""

from alembic import context

from fraudml.ledger.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
