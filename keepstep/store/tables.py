"""The tables. One store is one tenant. Values are JSON text; times are UTC text as in the connectors' contract.

What belongs to one record, link or entity is one row with its fields inside, not one row per field: a round reads
and writes whole rows in batches, and no query asks for a single field.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, MetaData, Table

from keepstep.store.types import Json, Serial, String, Text
from keepstep.store.types import among as among
from keepstep.store.types import begins as begins
from keepstep.store.types import named as named

metadata = MetaData()

feed = Table(
    "feed",
    metadata,
    Column("name", String, primary_key=True),
    Column("cursor", Text),
    Column("crawled", Boolean, nullable=False, default=False),
    Column("observed_at", String),
    Column("census_at", String),
    Column("failed", Json),
    Column("listed_at", String),
)

record = Table(
    "record",
    metadata,
    Column("side", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("version", String),
    Column("digest", LargeBinary, nullable=False),
    Column("shown", Json, nullable=False),
    Column("losses", Json),
    Column("deleted", Boolean, nullable=False),
    Column("marker", String),
    Column("ours", Boolean, nullable=False),
    Column("scope", String),
    Column("url", Text),
    Column("created_at", String),
    Column("modified_at", String),
    Column("modified_by", String),
    Column("seen_at", String, nullable=False),
    Column("missed", Integer, nullable=False, default=0),
    Column("match_key", String),
    Column("entity", String),
)
"""A record as it was seen. Of one that is gone, ``seen_at`` is when it was last known to be there, as far as its feed
lets that be told; ``missed``: how many complete listings in a row did not show it."""
Index("record_by_entity", record.c.entity)
Index("record_by_key", record.c.side, record.c.match_key)
Index("record_by_scope", record.c.side, record.c.scope)

listed = Table("listed", metadata, Column("side", String, primary_key=True), Column("id", String, primary_key=True))
"""What a complete listing of a side has shown, until it is over: what is held and not among it was missed."""

went_back = Table(
    "went_back",
    metadata,
    Column("side", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("at", String, nullable=False),
)
"""Records that were read by id in an older version than the one held, until a plan that follows was carried out."""

address = Table(
    "address",
    metadata,
    Column("source", String, primary_key=True),
    Column("address", String, primary_key=True),
    Column("own", Boolean, primary_key=True),
    Column("side", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("whole", Boolean, nullable=False),
)
"""By what a record is known (``own``), and what it points at; ``whole``: where a field holds nothing else, or a link.
``source``: the record that was seen to say so, which may hang on the one meant: a remote link points for its issue."""
Index("address_by_record", address.c.side, address.c.id)
Index("address_by_address", address.c.address, address.c.own)

change_log = Table(
    "change_log",
    metadata,
    Column("n", Serial, primary_key=True, autoincrement=True),
    Column("side", String, nullable=False),
    Column("id", String, nullable=False),
    Column("at", String, nullable=False),
)

position = Table(
    "position", metadata, Column("sync", String, primary_key=True), Column("n", BigInteger, nullable=False)
)

entity = Table(
    "entity",
    metadata,
    Column("id", String, primary_key=True),
    Column("sync", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("agreed", Json, nullable=False),
    Column("parked", Boolean, nullable=False, default=False),
    Column("old", Boolean, nullable=False, default=False),
    Column("owing", Boolean, nullable=False, default=False),
    Column("created_at", String, nullable=False),
    Column("under", String),
)
# What is owing first: led by the sync, SQLite would take it for the quickest way to a few entities by their ids.
Index("entity_by_owing", entity.c.owing, entity.c.sync)
Index("entity_by_under", entity.c.under)

link = Table(
    "link",
    metadata,
    Column("entity", String, primary_key=True),
    Column("side", String, primary_key=True),
    Column("record", String, nullable=False),
    Column("state", String, nullable=False),
    Column("fields", Json, nullable=False),
    Column("linked_at", String, nullable=False),
    Column("evidence", Json),
)
Index("link_by_record", link.c.side, link.c.record, unique=True)

due = Table(
    "due",
    metadata,
    Column("sync", String, primary_key=True),
    Column("entity", String, primary_key=True),
    Column("since", String, nullable=False),
)

awaited = Table(
    "awaited",
    metadata,
    Column("side", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("entity", String, primary_key=True),
)
"""Records that entities refer to and that belong to nothing yet: once one does, they are looked at again."""
Index("awaited_by_entity", awaited.c.entity)

conflict = Table(
    "conflict",
    metadata,
    Column("entity", String, primary_key=True),
    Column("field", String, primary_key=True),
    Column("state", Json, nullable=False),
    Column("opened_at", String, nullable=False),
)

intent = Table(
    "intent",
    metadata,
    Column("id", String, primary_key=True),
    Column("run", String, nullable=False),
    Column("sync", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("entity", String, nullable=False),
    Column("side", String, nullable=False),
    Column("record", String),
    Column("fields", Json, nullable=False),
    Column("before", Json),
    Column("compared", Json, nullable=False),
    Column("compared_version", String),
    Column("state", String, nullable=False),
    Column("written_at", String, nullable=False),
    Column("send_by", String, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("reserved_id", String),
    Column("answer_version", String),
    Column("outcome", Json),
    Column("closed_at", String),
)
Index("intent_open", intent.c.closed_at, intent.c.sync)
Index("intent_by_entity", intent.c.entity)
Index("intent_by_run", intent.c.run)

create_slot = Table(
    "create_slot",
    metadata,
    Column("entity", String, primary_key=True),
    Column("side", String, primary_key=True),
    Column("reserved_id", String, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("n", Serial, primary_key=True, autoincrement=True),
    Column("at", String, nullable=False),
    Column("run", String),
    Column("code", String, nullable=False),
    Column("entity", String),
    Column("side", String),
    Column("field", String),
    Column("params", Json, nullable=False),
)
Index("audit_by_entity", audit.c.entity)
Index("audit_by_run", audit.c.run)

finding = Table(
    "finding",
    metadata,
    Column("key", String, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("code", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("params", Json, nullable=False),
    Column("sync", String),
    Column("entity", String),
    Column("state", String, nullable=False),
    Column("opened_at", String, nullable=False),
    Column("seen_at", String, nullable=False),
    Column("closed_at", String),
    Column("times", Integer, nullable=False, default=1),
)
Index("finding_by_state", finding.c.state)
Index("finding_by_entity", finding.c.entity)

lease = Table(
    "lease",
    metadata,
    Column("name", String, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("holder", String, nullable=False),
    Column("until", Float, nullable=False),
)

turn = Table(
    "turn",
    metadata,
    Column("sync", String, primary_key=True),
    Column("begins", BigInteger, nullable=False),
    Column("holder", String, nullable=False),
    Column("at", String, nullable=False),
)
"""The newest interval of each sync for which a worker began a scheduled round; ``begins``: seconds since 1970."""

run = Table(
    "run",
    metadata,
    Column("id", String, primary_key=True),
    Column("sync", String, nullable=False),
    Column("mode", String, nullable=False),
    Column("started_at", String, nullable=False),
    Column("ended_at", String),
    Column("result", String),
    Column("counts", Json),
)

hold = Table(
    "hold",
    metadata,
    Column("sync", String, primary_key=True),
    Column("reason", String, primary_key=True),
    Column("params", Json, nullable=False),
    Column("state", String, nullable=False),
    Column("by", String),
    Column("at", String, nullable=False),
)

proposal = Table(
    "proposal",
    metadata,
    Column("id", String, primary_key=True),
    Column("sync", String, nullable=False),
    Column("entity", String, nullable=False),
    Column("other", String, nullable=False),
    Column("evidence", Json, nullable=False),
    Column("state", String, nullable=False),
    Column("by", String),
    Column("at", String, nullable=False),
    Column("before", Json),
)
"""``before``: what an acceptance joined, so that it can be undone."""
Index("proposal_by_sync", proposal.c.sync, proposal.c.state)
Index("proposal_by_entity", proposal.c.entity)
Index("proposal_by_other", proposal.c.other)

person = Table(
    "person",
    metadata,
    Column("account", String, primary_key=True),
    Column("person", String, nullable=False),
    Column("seen", Json, nullable=False),
)

allowance = Table(
    "allowance",
    metadata,
    Column("connection", String, primary_key=True),
    Column("ceiling", Integer, nullable=False),
    Column("left", Float, nullable=False),
    Column("at", String, nullable=False),
)
"""What a connection with a ceiling may send at once, as it was at that time; it grows with the hours."""

spending = Table(
    "spending",
    metadata,
    Column("connection", String, primary_key=True),
    Column("day", String, primary_key=True),
    Column("spender", String, primary_key=True),
    Column("calls", BigInteger, nullable=False),
)
"""Requests by day (UTC) and by who sent them: a sync, a feed, or signing in."""

sealed = Table(
    "sealed", metadata, Column("name", String, primary_key=True), Column("secret", LargeBinary, nullable=False)
)

setting = Table("setting", metadata, Column("name", String, primary_key=True), Column("value", Json, nullable=False))
