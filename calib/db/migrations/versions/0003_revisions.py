"""Revisions of a window, who asked for them, and the revision that an alert is about

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

from calib.db.tables import Moment

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    with op.batch_alter_table("windows", schema=None) as batch_op:
        batch_op.add_column(sa.Column("revision", sa.Integer(), nullable=False, server_default="1"))
        batch_op.add_column(sa.Column("standing", sa.Boolean(), nullable=False, server_default=sa.true()))
        batch_op.add_column(sa.Column("discarded_at", Moment(), nullable=True))
        batch_op.drop_constraint("uq_windows_stream_period", type_="unique")
        batch_op.create_unique_constraint(
            op.f("uq_windows_stream_period_revision"), ["stream", "period", "revision"]
        )
    with op.batch_alter_table("windows", schema=None) as batch_op:
        batch_op.create_index(
            "uq_windows_standing",
            ["stream", "period"],
            unique=True,
            sqlite_where=sa.text("standing"),
            postgresql_where=sa.text("standing"),
        )
    op.create_table(
        "window_actions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("window_id", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["window_id"], ["windows.id"], name=op.f("fk_window_actions_window_id_windows")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_window_actions")),
    )
    with op.batch_alter_table("window_actions", schema=None) as batch_op:
        batch_op.create_index("ix_window_actions_window_id", ["window_id"], unique=False)
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("revision", sa.Integer(), nullable=False, server_default="1"))


def downgrade() -> None:
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_column("revision")
    with op.batch_alter_table("window_actions", schema=None) as batch_op:
        batch_op.drop_index("ix_window_actions_window_id")
    op.drop_table("window_actions")
    with op.batch_alter_table("windows", schema=None) as batch_op:
        batch_op.drop_index("uq_windows_standing")
        batch_op.drop_constraint("uq_windows_stream_period_revision", type_="unique")
        batch_op.create_unique_constraint(op.f("uq_windows_stream_period"), ["stream", "period"])
        batch_op.drop_column("discarded_at")
        batch_op.drop_column("standing")
        batch_op.drop_column("revision")
