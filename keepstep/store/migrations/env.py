"""Run by Alembic: migrate over the connection that was handed in."""

from alembic import context

from keepstep.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
