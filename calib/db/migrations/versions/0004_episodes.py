"""Episodes, and those that the alerts of earlier versions opened

Revision ID: 0004
Revises: 0003
"""

import uuid
from typing import Any

import sqlalchemy as sa
from alembic import op

from calib.db.tables import Moment

revision = "0004"
down_revision = "0003"

NAMESPACE = uuid.UUID("0c3f7c0e-7d6e-5a65-8d0b-3a0d8f0a5d11")  # of calib.alerts, as it was then


def upgrade() -> None:
    op.create_table(
        "episodes",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("stream", sa.String(length=63), nullable=False),
        sa.Column("opened_by", sa.String(length=32), nullable=False),
        sa.Column("opened_in", sa.String(length=16), nullable=False),
        sa.Column("opened_at", Moment(), nullable=False),
        sa.Column("since", Moment(), nullable=False),
        sa.Column("degraded_in", sa.String(length=16), nullable=True),
        sa.Column("degradation", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("ended_by", sa.String(length=32), nullable=True),
        sa.Column("ended_in", sa.String(length=16), nullable=True),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("by", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_episodes")),
    )
    op.create_index(op.f("ix_episodes_stream_ended_by"), "episodes", ["stream", "ended_by"])
    op.create_table(
        "episode_windows",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("episode_id", sa.String(length=36), nullable=False),
        sa.Column("period", sa.String(length=16), nullable=False),
        sa.Column("said", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["episode_id"], ["episodes.id"], name=op.f("fk_episode_windows_episode_id_episodes")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_episode_windows")),
        sa.UniqueConstraint(
            "episode_id", "period", "said", name=op.f("uq_episode_windows_episode_id_period_said")
        ),
    )
    op.add_column("outbox", sa.Column("episode", sa.String(length=36), nullable=True))
    op.create_index(op.f("ix_outbox_episode"), "outbox", ["episode"])
    _carry_over()


def _carry_over() -> None:
    """Open what the alerts of earlier versions left open: a degradation, or a warning without a verdict."""
    windows = sa.table(
        "windows",
        *(sa.column(name) for name in ("stream", "period", "revision", "state")),
        sa.column("ends_at", Moment()),
        sa.column("result", sa.JSON()),
    )
    outbox = sa.table(
        "outbox",
        *(sa.column(name) for name in ("stream", "period", "revision", "kind", "episode", "id")),
        sa.column("created_at", Moment()),
        sa.column("payload", sa.JSON()),
    )
    query = (
        sa.select(outbox.c.id, outbox.c.kind, outbox.c.created_at, outbox.c.payload, windows)
        .where(outbox.c.kind.in_(["degraded", "recovered", "early_warning"]))
        .where(windows.c.stream == outbox.c.stream, windows.c.period == outbox.c.period)
        .where(windows.c.revision == outbox.c.revision)
        .order_by(windows.c.ends_at, outbox.c.created_at, outbox.c.kind)
    )
    connection = op.get_bind()
    left: dict[tuple[str, str], Any] = {}  # by stream and kind
    for row in connection.execute(query).all():
        if "probe" in (row.payload.get("facts") or {}):  # a probe of the same name
            continue
        if row.kind == "recovered":
            left.pop((row.stream, "degraded"), None)
        elif row.kind == "degraded" or row.state not in ("closed", "insufficient"):
            left[row.stream, row.kind] = row
    for (stream, kind), row in left.items():
        id_ = str(uuid.uuid5(NAMESPACE, f"{stream}/{row.period}/episode/{kind}"))
        degraded = kind == "degraded"
        op.bulk_insert(
            sa.table(
                "episodes",
                *(sa.column(name) for name in ("id", "stream", "opened_by", "opened_in", "degraded_in")),
                sa.column("opened_at", Moment()),
                sa.column("since", Moment()),
                sa.column("degradation", sa.JSON(none_as_null=True)),
            ),
            [
                {
                    "id": id_,
                    "stream": stream,
                    "opened_by": kind,
                    "opened_in": row.period,
                    "opened_at": row.created_at,
                    "since": row.ends_at,
                    "degraded_in": row.period if degraded else None,
                    "degradation": _degradation(row.result or {}) if degraded else None,
                }
            ],
        )
        op.bulk_insert(
            sa.table("episode_windows", *(sa.column(name) for name in ("episode_id", "period", "said"))),
            [{"episode_id": id_, "period": row.period, "said": kind}],
        )
        connection.execute(sa.update(outbox).where(outbox.c.id == row.id).values(episode=id_))


def _degradation(result: dict[str, Any]) -> dict[str, Any]:
    """What the degraded window measured, from its stored result."""
    served, change = result.get("served") or {}, result.get("change") or {}
    segments = {
        name: (part.get("served") or {}).get("ece")
        for name, part in (result.get("segments") or {}).items()
        if (part.get("change") or {}).get("state") == "degraded"
    }
    return {
        "ece": served.get("ece") if change.get("state") == "degraded" else None,
        "segments": segments,
        "curves": [part.get("mapping") for part in served.get("mappings") or []],
    }


def downgrade() -> None:
    op.drop_index(op.f("ix_outbox_episode"), "outbox")
    op.drop_column("outbox", "episode")
    op.drop_table("episode_windows")
    op.drop_table("episodes")
