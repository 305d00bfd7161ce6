"""Pull what changed, map it to canonical words, store it with its cursor, and note what is new in the change log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from connectors.base import Feed, Page, Record, utc
from connectors.errors import ConnectorError, CursorLost, Fatal
from connectors.log import Log
from keepstep.engine.budget import Purpose, held_key, tell_held
from keepstep.engine.census import (
    CENSUS_AFTER_MISS,
    CENSUS_EVERY,
    begin_listing,
    count_missed,
    note_listed,
    schedule_census,
    take_census,
)
from keepstep.engine.failures import down_key, failure_code
from keepstep.engine.intake import (
    Stored,
    doubtful,
    held,
    looked_at,
    store_looks,
    store_records,
    unreadable_key,
    used,
)
from keepstep.engine.job import Reading
from keepstep.engine.ports import Ports
from keepstep.engine.world import Connection, World
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.findings import Finding
from keepstep.store.store import Tx

log = Log()

LEASE = 300.0
"""Seconds; longer than the slowest page plus a request's time-out. Each page renews it."""

# Asked at each look at each feed: built once.
_DOWN = sa.exists().where(t.finding.c.key == sa.bindparam("down"), t.finding.c.state.in_(findings.OPEN))
_FEED = sa.select(t.feed, _DOWN.label("told_down")).where(t.feed.c.name == sa.bindparam("key"))
_MOVE = sa.update(t.feed).where(t.feed.c.name == sa.bindparam("key"))

LATE = timedelta(hours=1)

TOLD = 50
"""Records of one page that findings name because they could not be read."""


class Observed(msgspec.Struct, kw_only=True):
    """What one look at one feed brought."""

    feed: str
    records: int = 0
    changed: int = 0
    pages: int = 0
    calls: int = 0
    ignored: list[str] = []
    unreadable: int = 0
    """Rows of which no record could be made."""
    failed: str | None = None
    busy: bool = False
    held: bool = False
    """Not looked at, or not to the end, so as to stay within the connection's budget."""


def observe(ports: Ports, world: World, connection: Connection, feed: Feed) -> Observed:
    """One look at one feed, page by page, from its cursor. Trouble ends as a finding, never as an exception."""
    key = connection.feed_key(feed)
    seen = Observed(feed=key)
    row: dict[str, Any] | None = None
    meter = connection.meter
    with ports.store.acquiring(f"feed:{key}", ports.holder, LEASE) as (lease, tx):
        if lease is not None:
            row = tx.one(_FEED, key=key, down=down_key(connection.name))
            if meter is not None:
                purpose: Purpose = "look" if row is not None and row["crawled"] else "backfill"
                seen.held = not meter.room(tx, ports.clock.now(), purpose, key).fits(feed.units)
    if lease is None:
        seen.busy = True
        return seen
    reading = Reading(ports, world, connection, feed, lease)
    if meter is not None and seen.held:
        with reading.write(last=True) as tx:
            if _late(ports, row):
                tell_held(tx, ports, meter, key)
        return seen
    before = connection.connector.calls
    if row is None:
        row = {"cursor": None, "failed": None, "census_at": None, "told_down": True}
        with reading.write() as tx:
            tx.insert(t.feed, [{"name": key, "crawled": False}])
    ended: dict[str, Any] = {"observed_at": ports.now()}
    trouble = None
    try:
        ended |= _pull(reading, row["cursor"], seen)
        if not seen.held and (not feed.deletes or row["census_at"] is not None):
            _census_if_due(reading, row["census_at"])
    except ConnectorError as error:
        seen.failed = str(error)
        trouble = error
    seen.calls = connection.connector.calls - before
    with reading.write(last=True) as tx:
        if trouble is not None:
            _tell_failure(tx, reading, trouble)
        else:
            if row["failed"] is not None:
                findings.close(tx, [f"connection_failed:{key}"], ports.now())
                ended["failed"] = None
            if row["told_down"]:
                # By a process that could not sign in and may be gone, or whose connections stay as they were built.
                findings.close(tx, [down_key(connection.name)], ports.now())
            tx.execute(_MOVE, key=key, **ended)
        if meter is not None:
            meter.book(tx, ports.clock.now(), key)
            if seen.held:
                tell_held(tx, ports, meter, key)
            elif trouble is None:
                findings.close(tx, [held_key(key)], ports.now())
    return seen


def _census_if_due(reading: Reading, due: str | None) -> None:
    """Where a feed does not tell of deletes, ask for all ids now and then, on a slow clock of its own.

    Of a feed that does tell, once, after a listing that missed something.
    """
    if due is None:
        schedule_census(reading, CENSUS_EVERY)  # the first crawl has just listed everything
    elif due <= reading.ports.now() and _may_go_on(reading):
        take_census(reading)


def _late(ports: Ports, row: dict[str, Any] | None) -> bool:
    """Whether a feed has waited so long that somebody should know. Looking a little less often is nobody's trouble."""
    if row is None or not row["crawled"]:
        return True
    return bool(row["observed_at"] is None or row["observed_at"] < utc(ports.clock.now() - LATE))


def _pull(reading: Reading, cursor: str | None, seen: Observed) -> dict[str, Any]:
    """Take in page after page. Returns what is to be stored of the feed when the look ends: an empty last page needs
    no transaction of its own."""
    connection, feed = reading.connection, reading.feed
    # Whether anything could turn out to be missing from this listing: then what it shows is noted.
    crawl = cursor is None and _holds_any(reading)
    if crawl:
        with reading.write() as tx:
            begin_listing(tx, connection, feed.streams)
    reading.ports.fence.point("observe.begun")
    begun, whole = reading.ports.now(), False
    try:
        for page in connection.connector.pull(feed.name, cursor):
            if cursor is not None and page.last and not (page.records or page.ignored or page.unreadable):
                seen.pages += 1
                return {"cursor": page.cursor, "crawled": True}
            _take(reading, page, seen, crawl)
            if page.last and page.complete and crawl:
                missed = count_missed(reading, feed.streams)
                if missed and feed.deletes:
                    # The feed has told of their delete to nobody: it went by while the cursor was lost.
                    schedule_census(reading, CENSUS_AFTER_MISS)
            whole |= page.last and page.complete
            if not page.last and not _may_go_on(reading):
                seen.held = True  # the next look goes on from the cursor that was just stored
                break
    except CursorLost:
        # Crawl again next time; what that crawl does not show is not deleted by it alone.
        with reading.write() as tx:
            tx.execute(sa.update(t.feed).where(t.feed.c.name == reading.key).values(cursor=None))
        raise
    return {"listed_at": begun} if whole and cursor is None else {}


def _may_go_on(reading: Reading) -> bool:
    """Whether the budget has room for another page: more than one is a first reading, or many changes at once."""
    meter = reading.connection.meter
    if meter is None:
        return True
    with reading.read() as tx:
        return meter.room(tx, reading.ports.clock.now(), "backfill", reading.key).fits(1)


def _holds_any(reading: Reading) -> bool:
    """Whether anything could turn out to be missing from a full listing: not when nothing was held before it."""
    sides = [f"{reading.connection.name}.{stream}" for stream in reading.feed.streams]
    with reading.read() as tx:
        return tx.one(sa.select(t.record.c.id).where(t.record.c.side.in_(sides)).limit(1)) is not None


def _take(reading: Reading, page: Page, seen: Observed, crawl: bool) -> None:
    ports, world, connection = reading.ports, reading.world, reading.connection
    streams = {stream for stream in {record.stream for record in page.records} if used(world, connection, stream)}
    records = [record for record in page.records if record.stream in streams]
    doubts = [record for record in records if record.partial]
    asked: set[tuple[str, str]] = set()
    stored: Stored | None = None
    while stored is None:
        asked.update((record.stream, record.id) for record in doubts)
        records = looked_at(connection, records, doubts)
        with reading.write() as tx:
            there = held(tx, connection, records)
            doubts = [each for each in doubtful(records, there) if (each.stream, each.id) not in asked]
            if not doubts:
                stored = store_records(tx, ports, world, connection, records, there=there)
                if crawl:
                    note_listed(tx, connection, ((record.stream, record.id) for record in records))
                _move_on(tx, reading, page)
                ports.fence.point("observe.page.storing")
    ports.fence.point("observe.page.stored")
    changed = stored.changed + _look_back(reading, stored.older)
    seen.pages += 1
    seen.records += len(page.records)
    seen.changed += changed
    seen.ignored.extend(item.what for item in page.ignored)
    seen.unreadable += len(page.unreadable)


def _move_on(tx: Tx, reading: Reading, page: Page) -> None:
    """The cursor moves with its page, and with what there is to say of it."""
    values: dict[str, Any] = {"cursor": page.cursor}
    if page.last:
        values["crawled"] = True
    tx.execute(_MOVE, key=reading.key, **values)
    if page.ignored:
        _report_ignored(tx, reading, page)
    if page.unreadable:
        _report_unreadable(tx, reading, page)
    if reading.connection.meter is not None:
        reading.connection.meter.book(tx, reading.ports.clock.now(), reading.key)


def _look_back(reading: Reading, older: Sequence[Record]) -> int:
    """Look by id at what a feed shows in an older version than the one held: an index that lags, or a service that went
    back in time. Returns how many did."""
    ports, connection = reading.ports, reading.connection
    count = 0
    for stream in sorted({record.stream for record in older}):
        asked_at = ports.now()
        looked = list(connection.connector.get(stream, [record.id for record in older if record.stream == stream]))
        with reading.write() as tx:
            count += store_looks(tx, ports, reading.world, connection, looked, asked_at).changed
    return count


def _report_ignored(tx: Tx, reading: Reading, page: Page) -> None:
    ports, connection = reading.ports, reading.connection
    kinds = sorted({item.what for item in page.ignored})
    findings.report(
        tx,
        [
            Finding(
                key=f"unknown_event:{connection.name}:{what[:200]}",
                code="unknown_event",
                severity="info",
                params={"connection": connection.name, "what": what[:200]},
            )
            for what in kinds
        ],
        ports.now(),
        ports.new_id,
    )


def _report_unreadable(tx: Tx, reading: Reading, page: Page) -> None:
    """A finding for each record that was set aside; it is over once the record comes and can be read. Where a whole
    page is odd, the first ones tell of it."""
    ports, connection = reading.ports, reading.connection
    findings.report(
        tx,
        [
            Finding(
                key=unreadable_key(f"{connection.name}.{row.stream}", row.id),
                code="record_unreadable",
                params={"side": f"{connection.name}.{row.stream}", "record": row.id, "reason": row.why},
            )
            for row in page.unreadable[:TOLD]
        ],
        ports.now(),
        ports.new_id,
    )
    if len(page.unreadable) > TOLD:
        log.warning("more records set aside", connection=connection.name, count=len(page.unreadable) - TOLD)


def _tell_failure(tx: Tx, reading: Reading, error: ConnectorError) -> None:
    ports, key = reading.ports, reading.key
    finding_key = f"connection_failed:{key}"
    log.warning("feed failed", feed=key, error=str(error))
    findings.report(
        tx,
        [
            Finding(
                key=finding_key,
                code=failure_code(error),
                severity="error" if isinstance(error, Fatal) else "warning",
                params={
                    "connection": reading.connection.name,
                    "feed": key,
                    "reason": str(error),
                },
            )
        ],
        ports.now(),
        ports.new_id,
    )
    tx.execute(
        sa.update(t.feed)
        .where(t.feed.c.name == key)
        .values(failed={"at": ports.now(), "error": type(error).__name__, "detail": str(error)})
    )
