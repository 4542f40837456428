"""Forms of the web page that were posted, each of which is carried out once

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

from calib.db.tables import Moment

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "posted_forms",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posted_forms")),
        sa.UniqueConstraint("key", name=op.f("uq_posted_forms_key")),
    )
    op.create_index(op.f("ix_posted_forms_at"), "posted_forms", ["at"])


def downgrade() -> None:
    op.drop_table("posted_forms")
