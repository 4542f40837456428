"""Alembic's entry: it is always given a connection, and never reads a configuration file."""

from alembic import context

from calib.db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
