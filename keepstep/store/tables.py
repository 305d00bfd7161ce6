"""The tables. One store is one tenant. Values are JSON text; times are UTC text as in the connectors' contract.

What belongs to one record, link or entity is one row with its fields inside, not one row per field: a round reads
and writes whole rows in batches, and no query asks for a single field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    BindParameter,
    Boolean,
    Column,
    ColumnElement,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    bindparam,
    func,
)
from sqlalchemy import String as PlainString
from sqlalchemy import Text as PlainText
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

metadata = MetaData()

# SQLite counts up only a column of exactly this type.
Serial = BigInteger().with_variant(Integer, "sqlite")


ESCAPE, NUL = "\x1a", "\x00"


def escaped(text: str) -> str:
    """The text as PostgreSQL takes it, which knows every character but NUL."""
    if NUL in text or ESCAPE in text:
        return text.replace(ESCAPE, ESCAPE + "1").replace(NUL, ESCAPE + "0")
    return text


def unescaped(text: str) -> str:
    """The inverse of ``escaped``."""
    return text.replace(ESCAPE + "0", NUL).replace(ESCAPE + "1", ESCAPE) if ESCAPE in text else text


class _Characters(TypeDecorator[str]):
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Any:
        return _unless_none(escaped) if dialect.name == "postgresql" else None

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return _unless_none(unescaped) if dialect.name == "postgresql" else None


def _unless_none(change: Callable[[str], str]) -> Callable[[str | None], str | None]:
    return lambda text: None if text is None else change(text)


class String(_Characters):
    """Text of any characters, whatever the database takes: ids and names come from outside."""

    impl = PlainString
    cache_ok = True


class Text(_Characters):
    """As ``String``, for what is long."""

    impl = PlainText
    cache_ok = True


class Json(TypeDecorator[Any]):
    """JSON as text, the same on every database. What PostgreSQL would not take is escaped in JSON itself."""

    impl = PlainText
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else msgspec.json.decode(value)


class _Many(TypeDecorator[Any]):
    """Many texts as one value."""

    impl = PlainText
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name != "postgresql":
            return dialect.type_descriptor(PlainText())
        from sqlalchemy.dialects.postgresql import ARRAY  # drags its drivers in: only for those who use it

        return dialect.type_descriptor(ARRAY(PlainText()))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        texts = [escaped(text) for text in value]
        return texts if dialect.name == "postgresql" else msgspec.json.encode(texts).decode()


class among(FunctionElement[bool]):
    """Whether a text column's value is one of many: one bound value however many there are, and no limit to them."""

    type = Boolean()
    inherit_cache = True

    def __init__(self, column: ColumnElement[Any], values: Iterable[str] | BindParameter[Any]) -> None:
        """``values`` may be ``named``, of a statement that is built once."""
        bound = values if isinstance(values, BindParameter) else bindparam(None, list(values), type_=_Many())
        super().__init__(column, bound)

    def self_group(self, against: Any = None) -> Any:
        """A condition as it stands: compared with 1, as SQLite's numbers for true are, it would use no index."""
        return self


def named(name: str) -> BindParameter[Any]:
    """Many texts that are given when a statement is executed."""
    return bindparam(name, type_=_Many())


@compiles(among, "sqlite")
def _among_sqlite(element: among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(each, **options) for each in element.clauses)
    # A NUL in JSON would be the end of the text to SQLite.
    value = "replace(replace(value, char(26) || '0', char(0)), char(26) || '1', char(26))"
    return f"{column} IN (SELECT {value} FROM json_each({values}))"  # noqa: S608  (both are compiled)


@compiles(among, "postgresql")
def _among_postgresql(element: among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(each, **options) for each in element.clauses)
    return f"{column} = ANY ({values})"


def begins(column: ColumnElement[Any], prefix: str) -> ColumnElement[bool]:
    """Whether a text begins with these very characters. (``LIKE`` has wildcards, and on SQLite ignores case.)"""
    return func.substr(column, 1, len(prefix)) == prefix


feed = Table(
    "feed",
    metadata,
    Column("name", String, primary_key=True),
    Column("cursor", Text),
    Column("crawled", Boolean, nullable=False, default=False),
    Column("observed_at", String),
    Column("census_at", String),
    Column("failed", Json),
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
