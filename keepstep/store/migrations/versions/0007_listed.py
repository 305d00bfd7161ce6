"""What a complete listing has shown so far; what a run wrote; what lies in one place."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "listed",
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("side", "id"),
    )
    op.create_index("intent_by_run", "intent", ["run"], unique=False)
    op.create_index("record_by_scope", "record", ["side", "scope"], unique=False)
