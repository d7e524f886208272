"""Alembic's entry. The program hands in its own connection (`dataplane.audit.migrate`), in its own
transaction, so there is nothing to configure here and no URL to keep."""

from alembic import context

from dataplane.database import metadata

connection = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit("start the gateway to upgrade its database; alembic's own command is not used")
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
