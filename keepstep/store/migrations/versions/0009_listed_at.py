"""When the last complete listing of a feed began."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("feed", sa.Column("listed_at", sa.String()))
