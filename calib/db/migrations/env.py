"""Alembic's entry: it is always given a connection, and never reads a configuration file."""

from alembic import context

from calib.db.tables import metadata

given = context.config.attributes
context.configure(
    connection=given["connection"], target_metadata=metadata, render_as_batch=True, **given["version_table"]
)
with context.begin_transaction():
    context.run_migrations()
