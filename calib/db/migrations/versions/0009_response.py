"""Labels of open cohorts are counted in an index, not in the rows with their texts

Revision ID: 0009
Revises: 0008
"""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_index("ix_items_response", "items", ["window_id", "stratum", "label_id"])


def downgrade() -> None:
    op.drop_index("ix_items_response", table_name="items")
