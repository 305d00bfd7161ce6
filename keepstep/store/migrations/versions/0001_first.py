"""The first tables."""

import sqlalchemy as sa
from alembic import op

from keepstep.store.types import Json, Serial

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("n", Serial, autoincrement=True, nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("run", sa.String(), nullable=True),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("entity", sa.String(), nullable=True),
        sa.Column("side", sa.String(), nullable=True),
        sa.Column("field", sa.String(), nullable=True),
        sa.Column("params", Json(), nullable=False),
        sa.PrimaryKeyConstraint("n"),
    )
    op.create_index("audit_by_entity", "audit", ["entity"], unique=False)
    op.create_index("audit_by_run", "audit", ["run"], unique=False)
    op.create_table(
        "change_log",
        sa.Column("n", Serial, autoincrement=True, nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("n"),
    )
    op.create_table(
        "conflict",
        sa.Column("entity", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("state", Json(), nullable=False),
        sa.Column("opened_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("entity", "field"),
    )
    op.create_table(
        "create_slot",
        sa.Column("entity", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("reserved_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("entity", "side"),
    )
    op.create_table(
        "due",
        sa.Column("sync", sa.String(), nullable=False),
        sa.Column("entity", sa.String(), nullable=False),
        sa.Column("since", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("sync", "entity"),
    )
    op.create_table(
        "entity",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("sync", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("agreed", Json(), nullable=False),
        sa.Column("parked", sa.Boolean(), nullable=False),
        sa.Column("old", sa.Boolean(), nullable=False),
        sa.Column("owing", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("entity_by_owing", "entity", ["owing", "sync"], unique=False)
    op.create_table(
        "feed",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("crawled", sa.Boolean(), nullable=False),
        sa.Column("observed_at", sa.String(), nullable=True),
        sa.Column("census_at", sa.String(), nullable=True),
        sa.Column("failed", Json(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "finding",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("params", Json(), nullable=False),
        sa.Column("sync", sa.String(), nullable=True),
        sa.Column("entity", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("opened_at", sa.String(), nullable=False),
        sa.Column("seen_at", sa.String(), nullable=False),
        sa.Column("closed_at", sa.String(), nullable=True),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("finding_by_entity", "finding", ["entity"], unique=False)
    op.create_index("finding_by_state", "finding", ["state"], unique=False)
    op.create_table(
        "hold",
        sa.Column("sync", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("params", Json(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=True),
        sa.Column("at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("sync", "reason"),
    )
    op.create_table(
        "intent",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("sync", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("entity", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("record", sa.String(), nullable=True),
        sa.Column("fields", Json(), nullable=False),
        sa.Column("before", Json(), nullable=True),
        sa.Column("compared", Json(), nullable=False),
        sa.Column("compared_version", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("written_at", sa.String(), nullable=False),
        sa.Column("send_by", sa.String(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("reserved_id", sa.String(), nullable=True),
        sa.Column("answer_version", sa.String(), nullable=True),
        sa.Column("outcome", Json(), nullable=True),
        sa.Column("closed_at", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("intent_by_entity", "intent", ["entity"], unique=False)
    op.create_index("intent_open", "intent", ["closed_at", "sync"], unique=False)
    op.create_table(
        "lease",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("until", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "link",
        sa.Column("entity", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("record", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("fields", Json(), nullable=False),
        sa.Column("linked_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("entity", "side"),
    )
    op.create_index("link_by_record", "link", ["side", "record"], unique=True)
    op.create_table(
        "person",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("seen", Json(), nullable=False),
        sa.PrimaryKeyConstraint("account"),
    )
    op.create_table(
        "position",
        sa.Column("sync", sa.String(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sync"),
    )
    op.create_table(
        "proposal",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("sync", sa.String(), nullable=False),
        sa.Column("entity", sa.String(), nullable=False),
        sa.Column("other", sa.String(), nullable=False),
        sa.Column("evidence", Json(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=True),
        sa.Column("at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "record",
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("shown", Json(), nullable=False),
        sa.Column("losses", Json(), nullable=True),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("marker", sa.String(), nullable=True),
        sa.Column("ours", sa.Boolean(), nullable=False),
        sa.Column("scope", sa.String(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("created_at", sa.String(), nullable=True),
        sa.Column("modified_at", sa.String(), nullable=True),
        sa.Column("modified_by", sa.String(), nullable=True),
        sa.Column("seen_at", sa.String(), nullable=False),
        sa.Column("missed", sa.Integer(), nullable=False),
        sa.Column("match_key", sa.String(), nullable=True),
        sa.Column("entity", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("side", "id"),
    )
    op.create_index("record_by_entity", "record", ["entity"], unique=False)
    op.create_index("record_by_key", "record", ["side", "match_key"], unique=False)
    op.create_table(
        "run",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("sync", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("started_at", sa.String(), nullable=False),
        sa.Column("ended_at", sa.String(), nullable=True),
        sa.Column("result", sa.String(), nullable=True),
        sa.Column("counts", Json(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "sealed",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "setting",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", Json(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
