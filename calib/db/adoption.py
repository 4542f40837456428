"""Databases of calibwatch 0.1.0, which kept the count of its schema in `alembic_version`.

Another application may keep its own count in a table of that name, with the same numbers. So a count is
taken for ours only where it stands beside all tables that we made at that revision, with our columns.
"""

from __future__ import annotations

from sqlalchemy import Connection, column, inspect, select, table

FIRST = {
    "outbox": "id kind stream period payload created_at state attempts next_at delivered_at remote"
    " last_error",
    "windows": "id stream period channel replay starts_at ends_at as_of closes_at opened_at state settings"
    " design baseline population rejected sample_digest resets_baseline evaluated_at closed_at result",
    "items": "id window_id prediction_id ts stratum draw_order probability raw served mapping segment cluster"
    " judge trace context lease_token leased_by lease_until label_id",
    "labels": "id item_id answer by at source",
}
SECOND = {
    "probe_runs": "id probe period setup_digest setup opened_at finished_at result accepted_at accepted_by",
    "probe_replies": "id run_id question_id framing text model at",
    "probe_outcomes": "id run_id question_id question_digest correct confidence",
}
REVISIONS = {"0001": FIRST, "0002": FIRST | SECOND}  # the columns of each table, as 0.1.0 made them


def revision_of_first_version(connection: Connection, schema: str | None) -> str | None:
    """The revision at which calibwatch 0.1.0 left this database; None where it was never here."""
    inspector = inspect(connection)
    if not inspector.has_table("alembic_version", schema):
        return None
    if [c["name"] for c in inspector.get_columns("alembic_version", schema)] != ["version_num"]:
        return None
    count = table("alembic_version", column("version_num"), schema=schema)
    counted = set(connection.execute(select(count.c.version_num)).scalars())
    for revision, tables in sorted(REVISIONS.items(), reverse=True):
        if revision in counted and all(
            inspector.has_table(name, schema)
            and {c["name"] for c in inspector.get_columns(name, schema)} >= set(columns.split())
            for name, columns in tables.items()
        ):
            return revision
    return None
