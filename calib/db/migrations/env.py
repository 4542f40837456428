"""Alembic's entry: it is always given a connection, and never reads a configuration file."""

from alembic import context

from calib.db.tables import metadata

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    **attributes["version_table"],
)
with context.begin_transaction():
    context.run_migrations()
