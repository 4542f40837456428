"""Reviewers and their sessions, second looks, skipped rows, and comments beside answers

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

from calib.db.tables import Moment

revision = "0005"
down_revision = "0004"

AT_ONCE = 4_000


def upgrade() -> None:
    op.add_column("items", sa.Column("twice", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("items", sa.Column("people", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("labels", sa.Column("comment", sa.Text(), nullable=True))
    op.add_column("labels", sa.Column("blind", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("labels", sa.Column("current", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("labels", sa.Column("sheet", sa.String(length=16), nullable=True))
    op.add_column("labels", sa.Column("taken_back_at", Moment(), nullable=True))
    op.create_index("ix_labels_by_at", "labels", ["by", "at"])
    _mark_second_looks()
    _mark_answers_with_sight()
    op.create_index("ix_items_leased_by_lease_until", "items", ["leased_by", "lease_until"])
    for name, condition in (
        ("ix_items_waiting", "label_id IS NULL"),
        ("ix_items_second_look", "twice AND people = 1 AND label_id IS NOT NULL"),
    ):
        op.create_index(
            name,
            "items",
            ["window_id", "draw_order", "id"],
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
        )
    op.create_table(
        "skipped_items",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("until", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name=op.f("fk_skipped_items_item_id_items")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_skipped_items")),
        sa.UniqueConstraint("item_id", "by", name=op.f("uq_skipped_items_item_id_by")),
    )
    op.create_table(
        "reviewers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("streams", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("revoked_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviewers")),
        sa.UniqueConstraint("name", name=op.f("uq_reviewers_name")),
    )
    op.create_table(
        "sign_in_links",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("reviewer_id", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("used_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["reviewer_id"], ["reviewers.id"], name=op.f("fk_sign_in_links_reviewer_id_reviewers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_links")),
        sa.UniqueConstraint("hash", name=op.f("uq_sign_in_links_hash")),
    )
    op.create_index("ix_sign_in_links_reviewer_id", "sign_in_links", ["reviewer_id"])
    op.create_table(
        "web_sessions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("reviewer_id", sa.Integer(), nullable=True),
        sa.Column("csrf", sa.String(length=64), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("seen_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["reviewer_id"], ["reviewers.id"], name=op.f("fk_web_sessions_reviewer_id_reviewers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_web_sessions")),
        sa.UniqueConstraint("hash", name=op.f("uq_web_sessions_hash")),
    )
    op.create_index("ix_web_sessions_reviewer_id", "web_sessions", ["reviewer_id"])
    op.create_table(
        "web_actions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", sa.String(length=32), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("stream", sa.String(length=63), nullable=True),
        sa.Column("details", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_web_actions")),
    )
    op.create_index("ix_web_actions_stream_at", "web_actions", ["stream", "at"])
    op.create_index("ix_web_actions_at", "web_actions", ["at"])


def _mark_second_looks() -> None:
    """Mark the rows that two people look at in the windows that still wait for labels, and count who did."""
    windows = sa.table(
        "windows",
        *(sa.column(name) for name in ("id", "state")),
        sa.column("discarded_at", Moment()),
        sa.column("settings", sa.JSON()),
    )
    items = sa.table(
        "items", *(sa.column(name) for name in ("id", "window_id", "draw_order", "twice", "people"))
    )
    labels = sa.table("labels", *(sa.column(name) for name in ("item_id", "by")))
    connection = op.get_bind()
    waiting = sa.select(windows.c.id, windows.c.settings).where(
        windows.c.state.in_(["sampled", "in_review"]), windows.c.discarded_at.is_(None)
    )
    answered_by = (
        sa.select(sa.func.count(sa.distinct(labels.c.by)))
        .where(labels.c.item_id == items.c.id)
        .scalar_subquery()
    )
    for window in connection.execute(waiting).all():
        share = window.settings.get("double_review", 0.0)
        drawn = sa.select(items.c.id, items.c.draw_order).where(items.c.window_id == window.id)
        ids = [row.id for row in connection.execute(drawn) if int(row.draw_order[-4:], 16) < share * 16**4]
        for start in range(0, len(ids), AT_ONCE):
            some = items.c.id.in_(ids[start : start + AT_ONCE])
            connection.execute(sa.update(items).where(some).values(twice=sa.true(), people=answered_by))


def _mark_answers_with_sight() -> None:
    """Nobody knows what the writers of second answers in files saw: agreement leaves those out."""
    names = ("id", "item_id", "by", "source", "blind")
    labels = sa.table("labels", *(sa.column(name) for name in names))
    first = labels.alias("first")
    earlier = sa.exists().where(
        first.c.item_id == labels.c.item_id, first.c.by != labels.c.by, first.c.id < labels.c.id
    )
    second = (labels.c.source == "file") & earlier
    op.get_bind().execute(sa.update(labels).where(second).values(blind=sa.false()))


def downgrade() -> None:
    for name in ("web_actions", "web_sessions", "sign_in_links", "reviewers", "skipped_items"):
        op.drop_table(name)
    for name in ("ix_items_second_look", "ix_items_waiting", "ix_items_leased_by_lease_until"):
        op.drop_index(name, "items")
    op.drop_index("ix_labels_by_at", "labels")
    for name in ("taken_back_at", "sheet", "current", "blind", "comment"):
        op.drop_column("labels", name)
    for name in ("people", "twice"):
        op.drop_column("items", name)
