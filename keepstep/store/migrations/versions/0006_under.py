"""What an entity lies under: a comment's task."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("entity", sa.Column("under", sa.String(), nullable=True))
    op.create_index("entity_by_under", "entity", ["under"], unique=False)
