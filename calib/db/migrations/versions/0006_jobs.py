"""Jobs: when each scheduled job last came to its end

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

from calib.db.tables import Moment

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("job", sa.String(length=32), nullable=False),
        sa.Column("expected_since", Moment(), nullable=False),
        sa.Column("ran_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("job", name=op.f("pk_jobs")),
    )


def downgrade() -> None:
    op.drop_table("jobs")
