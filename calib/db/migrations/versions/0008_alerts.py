"""Alerts by place, silences, what people did with alerts, and the deployment's identity

Revision ID: 0008
Revises: 0007
"""

import uuid
from typing import Any

import sqlalchemy as sa
from alembic import op

from calib.db.tables import Moment

revision = "0008"
down_revision = "0007"

MOVED = ("attempts", "next_at", "delivered_at", "remote", "last_error")  # from outbox to deliveries


def upgrade() -> None:
    op.create_table(
        "deployment",
        sa.Column("one", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("identity", sa.String(length=36), nullable=False),
        sa.Column("made_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_deployment")),
    )
    deployment = sa.table("deployment", sa.column("one"), sa.column("identity"), sa.column("made_at"))
    identity = str(uuid.uuid4())
    op.execute(sa.insert(deployment).values(one=1, identity=identity, made_at=sa.func.current_timestamp()))
    op.create_table(
        "silences",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("stream", sa.String(length=63), nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=True),
        sa.Column("since", Moment(), nullable=False),
        sa.Column("until", Moment(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_silences")),
    )
    op.create_index(op.f("ix_silences_until"), "silences", ["until"])
    op.create_table(
        "deliveries",
        sa.Column("alert_id", sa.String(length=36), nullable=False),
        sa.Column("place", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", Moment(), nullable=False),
        sa.Column("delivered_at", Moment(), nullable=True),
        sa.Column("remote", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("malformed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["outbox.id"], name=op.f("fk_deliveries_alert_id_outbox")),
        sa.PrimaryKeyConstraint("alert_id", "place", name=op.f("pk_deliveries")),
    )
    op.create_index(op.f("ix_deliveries_place_state_next_at"), "deliveries", ["place", "state", "next_at"])
    op.create_table(
        "alert_actions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("alert_id", sa.String(length=36), nullable=True),
        sa.Column("silence_id", sa.Integer(), nullable=True),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["outbox.id"], name=op.f("fk_alert_actions_alert_id_outbox")),
        sa.ForeignKeyConstraint(
            ["silence_id"], ["silences.id"], name=op.f("fk_alert_actions_silence_id_silences")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_actions")),
    )
    op.create_index(op.f("ix_alert_actions_alert_id"), "alert_actions", ["alert_id"])
    _carry_over()
    op.drop_index("ix_outbox_state_next_at", "outbox")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        for name in MOVED:
            batch_op.drop_column(name)
        batch_op.add_column(sa.Column("about", sa.String(length=36), nullable=True))
        batch_op.add_column(sa.Column("deployment", sa.String(length=36), nullable=True))
        batch_op.add_column(sa.Column("silence_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(op.f("fk_outbox_silence_id_silences"), "silences", ["silence_id"], ["id"])
        batch_op.create_index(op.f("ix_outbox_state"), ["state"])
        batch_op.create_index(op.f("ix_outbox_about"), ["about"])


def _outbox() -> Any:
    return sa.table(
        "outbox",
        *(sa.column(name) for name in ("id", "state", "attempts", "last_error")),
        sa.column("next_at", Moment()),
        sa.column("delivered_at", Moment()),
        sa.column("remote", sa.JSON(none_as_null=True)),
    )


def _deliveries() -> Any:
    return sa.table(
        "deliveries",
        *(sa.column(name) for name in ("alert_id", "place", "state", "attempts", "last_error", "malformed")),
        sa.column("next_at", Moment()),
        sa.column("delivered_at", Moment()),
        sa.column("remote", sa.JSON(none_as_null=True)),
    )


def _carry_over() -> None:
    """What was tried so far went to Slack, or was written to a terminal; what was not has no place yet."""
    rows = [
        {
            "alert_id": row.id,
            "place": "terminal" if (row.remote or {}).get("channel") == "terminal" else "slack",
            "state": "waiting" if row.state == "pending" else row.state,
            "attempts": row.attempts,
            "next_at": row.next_at,
            "delivered_at": row.delivered_at,
            "remote": row.remote,
            "last_error": row.last_error,
            "malformed": row.state == "parked" and "malformed" in (row.last_error or ""),
        }
        for row in op.get_bind().execute(sa.select(_outbox())).all()
        if row.attempts or row.state != "pending"
    ]
    if rows:
        op.bulk_insert(_deliveries(), rows)


def downgrade() -> None:
    outbox, deliveries = _outbox(), _deliveries()
    op.drop_index(op.f("ix_outbox_about"), "outbox")
    op.drop_index(op.f("ix_outbox_state"), "outbox")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("fk_outbox_silence_id_silences"), type_="foreignkey")
        for name in ("silence_id", "deployment", "about"):
            batch_op.drop_column(name)
        batch_op.add_column(sa.Column("attempts", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(
            sa.Column("next_at", Moment(), server_default=sa.func.current_timestamp(), nullable=False)
        )
        batch_op.add_column(sa.Column("delivered_at", Moment(), nullable=True))
        batch_op.add_column(sa.Column("remote", sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(sa.Column("last_error", sa.Text(), nullable=True))
    connection = op.get_bind()
    for row in connection.execute(sa.select(deliveries)).all():
        values = {name: getattr(row, name) for name in MOVED}
        connection.execute(sa.update(outbox).where(outbox.c.id == row.alert_id).values(**values))
    op.create_index("ix_outbox_state_next_at", "outbox", ["state", "next_at"])
    for name in ("alert_actions", "deliveries", "silences", "deployment"):
        op.drop_table(name)
