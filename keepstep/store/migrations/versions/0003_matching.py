"""What records are known by and point at, by what they were linked, and what an accepted proposal joined."""

import sqlalchemy as sa
from alembic import op

from keepstep.store.types import Json

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "address",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("own", sa.Boolean(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("source", "address", "own", "side", "id"),
    )
    op.create_index("address_by_record", "address", ["side", "id"], unique=False)
    op.create_index("address_by_address", "address", ["address", "own"], unique=False)
    op.add_column("link", sa.Column("evidence", Json(), nullable=True))
    op.add_column("proposal", sa.Column("before", Json(), nullable=True))
    op.create_index("proposal_by_sync", "proposal", ["sync", "state"], unique=False)
    op.create_index("proposal_by_entity", "proposal", ["entity"], unique=False)
    op.create_index("proposal_by_other", "proposal", ["other"], unique=False)
