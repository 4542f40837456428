"""Probes: their runs, replies and outcomes

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

from calib.db.tables import Moment

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "probe_runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("probe", sa.String(length=63), nullable=False),
        sa.Column("period", sa.String(length=16), nullable=False),
        sa.Column("setup_digest", sa.String(length=64), nullable=False),
        sa.Column("setup", sa.JSON(), nullable=False),
        sa.Column("opened_at", Moment(), nullable=False),
        sa.Column("finished_at", Moment(), nullable=True),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("accepted_at", Moment(), nullable=True),
        sa.Column("accepted_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_probe_runs")),
        sa.UniqueConstraint(
            "probe", "period", "setup_digest", name=op.f("uq_probe_runs_probe_period_setup_digest")
        ),
    )
    op.create_table(
        "probe_replies",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("question_id", sa.Text(), nullable=False),
        sa.Column("framing", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["probe_runs.id"], name=op.f("fk_probe_replies_run_id_probe_runs")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_probe_replies")),
        sa.UniqueConstraint(
            "run_id", "question_id", "framing", name=op.f("uq_probe_replies_run_id_question_id_framing")
        ),
    )
    op.create_table(
        "probe_outcomes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("question_id", sa.Text(), nullable=False),
        sa.Column("question_digest", sa.String(length=64), nullable=False),
        sa.Column("correct", sa.Boolean(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["probe_runs.id"], name=op.f("fk_probe_outcomes_run_id_probe_runs")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_probe_outcomes")),
        sa.UniqueConstraint("run_id", "question_id", name=op.f("uq_probe_outcomes_run_id_question_id")),
    )


def downgrade() -> None:
    op.drop_table("probe_outcomes")
    op.drop_table("probe_replies")
    op.drop_table("probe_runs")
