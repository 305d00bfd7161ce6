"""What is referred to, and belongs to nothing yet."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "awaited",
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("entity", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("side", "id", "entity"),
    )
    op.create_index("awaited_by_entity", "awaited", ["entity"], unique=False)
