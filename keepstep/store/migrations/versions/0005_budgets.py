"""What connections with a ceiling may send, and what they have sent, by day."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "allowance",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("ceiling", sa.Integer(), nullable=False),
        sa.Column("left", sa.Float(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("connection"),
    )
    op.create_table(
        "spending",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("spender", sa.String(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "day", "spender"),
    )
