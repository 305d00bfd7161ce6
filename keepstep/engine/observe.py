"""Pull what changed, map it to canonical words, store it with its cursor, and note what is new in the change log."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from connectors.base import Feed, Page, Record, chunks, utc
from connectors.errors import ConnectorError, CursorLost, Fatal
from connectors.log import Log
from connectors.undecoded import as_sent
from keepstep.engine.budget import Purpose, held_key, tell_held
from keepstep.engine.drift import tell_unread
from keepstep.engine.failures import failure_code
from keepstep.engine.match.addresses import keep_addresses
from keepstep.engine.ports import Ports
from keepstep.engine.world import Connection, World
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.findings import Finding
from keepstep.store.store import Lease, Tx

log = Log()

LEASE = 300.0
"""Seconds; longer than the slowest page plus a request's time-out. Each page renews it."""

# Asked at each look at each feed: built once.
_FEED = sa.select(t.feed).where(t.feed.c.name == sa.bindparam("key"))
_MOVE = sa.update(t.feed).where(t.feed.c.name == sa.bindparam("key"))

LATE = timedelta(hours=1)

CENSUS_EVERY = timedelta(hours=6)
CENSUS_AFTER_MISS = timedelta(minutes=10)


class Observed(msgspec.Struct, kw_only=True):
    """What one look at one feed brought."""

    feed: str
    records: int = 0
    changed: int = 0
    pages: int = 0
    calls: int = 0
    ignored: list[str] = []
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
            row = tx.one(_FEED, key=key)
            if meter is not None:
                purpose: Purpose = "look" if row is not None and row["crawled"] else "backfill"
                seen.held = not meter.room(tx, ports.clock.now(), purpose, key).fits(feed.cost)
    if lease is None:
        seen.busy = True
        return seen
    if meter is not None and seen.held:
        with ports.store.write(lease, last=True) as tx:
            if _late(ports, row):
                tell_held(tx, ports, meter, key)
        return seen
    before = connection.connector.calls
    if row is None:
        row = {"cursor": None, "failed": None, "census_at": None}
        with ports.store.write(lease) as tx:
            tx.insert(t.feed, [{"name": key, "crawled": False}])
    ended: dict[str, Any] = {"observed_at": ports.now()}
    trouble = None
    try:
        ended |= _pull(ports, world, connection, feed, row["cursor"], lease, seen)
        if not seen.held and (not feed.deletes or row["census_at"] is not None):
            _census_if_due(ports, world, connection, feed, row["census_at"], lease)
    except ConnectorError as error:
        seen.failed = str(error)
        trouble = error
    seen.calls = connection.connector.calls - before
    with ports.store.write(lease, last=True) as tx:
        if trouble is not None:
            _tell_failure(tx, ports, connection, key, trouble)
        else:
            if row["failed"] is not None:
                findings.close(tx, [f"connection_failed:{key}"], ports.now())
                ended["failed"] = None
            tx.execute(_MOVE, key=key, **ended)
        if meter is not None:
            meter.book(tx, ports.clock.now(), key)
            if seen.held:
                tell_held(tx, ports, meter, key)
            elif trouble is None:
                findings.close(tx, [held_key(key)], ports.now())
    return seen


def _late(ports: Ports, row: dict[str, Any] | None) -> bool:
    """Whether a feed has waited so long that somebody should know. Looking a little less often is nobody's trouble."""
    if row is None or not row["crawled"]:
        return True
    return bool(row["observed_at"] is None or row["observed_at"] < utc(ports.clock.now() - LATE))


def _pull(
    ports: Ports,
    world: World,
    connection: Connection,
    feed: Feed,
    cursor: str | None,
    lease: Lease,
    seen: Observed,
) -> dict[str, Any]:
    """Take in page after page. Returns what is to be stored of the feed when the look ends: an empty last page needs
    no transaction of its own."""
    key = connection.feed_key(feed)
    crawl: set[tuple[str, str]] | None = None
    if cursor is None and _holds_any(ports, connection, feed):
        crawl = set()
    ports.fence.point("observe.begun")
    try:
        for page in connection.connector.pull(feed.name, cursor):
            if cursor is not None and page.last and not page.records and not page.ignored:
                seen.pages += 1
                return {"cursor": page.cursor, "crawled": True}
            _take(ports, world, connection, key, lease, page, seen, crawl)
            if page.last and page.complete and crawl is not None:
                missed = _count_missed(ports, world, connection, feed.streams, lease, crawl)
                if missed and feed.deletes:
                    # The feed has told of their delete to nobody: it went by while the cursor was lost.
                    _schedule_census(ports, key, lease, CENSUS_AFTER_MISS)
            if not page.last and not _may_go_on(ports, connection, key):
                seen.held = True  # the next look goes on from the cursor that was just stored
                break
    except CursorLost:
        # Crawl again next time; what that crawl does not show is not deleted by it alone.
        with ports.store.write(lease) as tx:
            tx.execute(sa.update(t.feed).where(t.feed.c.name == key).values(cursor=None))
        raise
    return {}


def _may_go_on(ports: Ports, connection: Connection, key: str) -> bool:
    """Whether the budget has room for another page: more than one is a first reading, or many changes at once."""
    if connection.meter is None:
        return True
    with ports.store.read() as tx:
        return connection.meter.room(tx, ports.clock.now(), "backfill", key).fits(1)


def _holds_any(ports: Ports, connection: Connection, feed: Feed) -> bool:
    """Whether anything could turn out to be missing from a full listing: not when nothing was held before it."""
    sides = [f"{connection.name}.{stream}" for stream in feed.streams]
    with ports.store.read() as tx:
        return tx.one(sa.select(t.record.c.id).where(t.record.c.side.in_(sides)).limit(1)) is not None


def _take(
    ports: Ports,
    world: World,
    connection: Connection,
    key: str,
    lease: Lease,
    page: Page,
    seen: Observed,
    crawl: set[tuple[str, str]] | None,
) -> None:
    confirmed = confirm(ports, world, connection, page.records)
    with ports.store.write(lease) as tx:
        stored = store_records(tx, ports, world, connection, confirmed)
        values: dict[str, Any] = {"cursor": page.cursor}
        if page.last:
            values["crawled"] = True
        tx.execute(_MOVE, key=key, **values)
        if page.ignored:
            report_ignored(tx, ports, connection, page)
        if connection.meter is not None:
            connection.meter.book(tx, ports.clock.now(), key)
        ports.fence.point("observe.page.storing")
    ports.fence.point("observe.page.stored")
    changed = stored.changed + _look_back(ports, world, connection, lease, stored.older)
    seen.pages += 1
    seen.records += len(page.records)
    seen.changed += changed
    seen.ignored.extend(item.what for item in page.ignored)
    if crawl is not None:
        crawl.update((record.stream, record.id) for record in page.records)


def _look_back(ports: Ports, world: World, connection: Connection, lease: Lease, older: Sequence[Record]) -> int:
    """Look by id at what a feed shows in an older version than the one held: an index that lags, or a service that went
    back in time. Returns how many did."""
    count = 0
    for stream in sorted({record.stream for record in older}):
        asked_at = ports.now()
        looked = list(connection.connector.get(stream, [record.id for record in older if record.stream == stream]))
        with ports.store.write(lease) as tx:
            count += store_looks(tx, ports, world, connection, looked, asked_at).changed
    return count


def report_ignored(tx: Tx, ports: Ports, connection: Connection, page: Page) -> None:
    kinds = sorted({item.what for item in page.ignored})
    findings.report(
        tx,
        [
            Finding(
                key=f"unknown_event:{connection.name}:{what}",
                code="unknown_event",
                severity="info",
                params={"connection": connection.name, "what": what},
            )
            for what in kinds
        ],
        ports.now(),
        ports.new_id,
    )


def used(world: World, connection: Connection, stream: str) -> bool:
    """Whether any sync asks for the stream."""
    return stream in connection.mappers and world.side(f"{connection.name}.{stream}") is not None


def confirm(ports: Ports, world: World, connection: Connection, records: Sequence[Record]) -> list[Record]:
    """Replace what is only a hint, and what claims a delete or a return from the dead, by a strong look at the record.

    Deletes are rare and cost much if they are wrong: an index may lag, a record may have been restored since.
    """
    asked = {stream for stream in {record.stream for record in records} if used(world, connection, stream)}
    kept = [record for record in records if record.stream in asked]
    doubtful: dict[str, list[str]] = {}
    # Of what is shown as alive, only what lies buried here is of interest: mostly nothing.
    buried = _held(ports, connection, [record for record in kept if not record.deleted], sa.true())
    alive = _held(ports, connection, [record for record in kept if record.deleted], sa.false())
    for record in kept:
        if record.partial or (record.stream, record.id) in (alive if record.deleted else buried):
            doubtful.setdefault(record.stream, []).append(record.id)
    if not doubtful:
        return kept
    strong: dict[tuple[str, str], Record] = {}
    for stream, ids in doubtful.items():
        for record in connection.connector.get(stream, ids):
            strong[(record.stream, record.id)] = record
    return [strong.get((record.stream, record.id), record) for record in kept]


def _held(
    ports: Ports, connection: Connection, records: Sequence[Record], deleted: sa.ColumnElement[bool]
) -> set[tuple[str, str]]:
    """Stream and id of those records that are held, as deleted or as alive."""
    by_stream: dict[str, list[str]] = {}
    for record in records:
        by_stream.setdefault(record.stream, []).append(record.id)
    if not by_stream:
        return set()
    held: set[tuple[str, str]] = set()
    with ports.store.read() as tx:
        for stream, ids in by_stream.items():
            query = sa.select(t.record.c.id).where(
                t.record.c.side == f"{connection.name}.{stream}",
                t.among(t.record.c.id, ids),
                t.record.c.deleted == deleted,
            )
            held.update((stream, id) for id in tx.connection.execute(query).scalars())
    return held


class Stored(NamedTuple):
    """How many records differed from what was held, and those left out because a newer version is."""

    changed: int
    older: list[Record]


def store_looks(
    tx: Tx, ports: Ports, world: World, connection: Connection, records: Sequence[Record], asked_at: str
) -> Stored:
    """As ``store_records``, for records that were all read by id, and asked for at that time."""
    return store_records(tx, ports, world, connection, records, asked_at)


def store_records(
    tx: Tx, ports: Ports, world: World, connection: Connection, records: Sequence[Record], asked_at: str = ""
) -> Stored:
    """Keep what differs from what is held, and log it. Costs two queries when nothing does.

    An older version than the one held is left out: an index lags. If the records were read by id (``asked_at``) and
    nothing came in since, it is believed: the service went back in time.
    """
    by_side: dict[str, dict[str, Record]] = {}
    asked = {stream for stream in {record.stream for record in records} if used(world, connection, stream)}
    for record in records:
        if record.stream in asked and not record.forbidden:
            by_side.setdefault(f"{connection.name}.{record.stream}", {})[record.id] = record
    now = ports.now()
    rows: list[dict[str, Any]] = []
    older: list[Record] = []
    back: list[dict[str, Any]] = []
    told: list[tuple[Record, dict[str, Any]]] = []
    again: set[tuple[str, str]] = set()
    for side, latest in by_side.items():
        held: dict[str, dict[str, Any]] = {}
        columns = (t.record.c.id, t.record.c.digest, t.record.c.version, t.record.c.deleted, t.record.c.kind,
                   t.record.c.entity, t.record.c.missed, t.record.c.match_key, t.record.c.modified_at,
                   t.record.c.seen_at)  # fmt: skip
        for row in tx.all(sa.select(*columns).where(t.record.c.side == side, t.among(t.record.c.id, latest))):
            held[row["id"]] = row
        mapper = connection.mappers[side.partition(".")[2]]
        for id, record in latest.items():
            known = held.get(id)
            digest = digest_of(record)
            if known is None and record.deleted:
                continue
            if known is not None and known["digest"] == digest and not known["missed"]:
                continue
            if known is not None and _older(record, known):
                if known["seen_at"] >= asked_at:
                    older.append(record)
                    continue
                back.append({"side": side, "id": id, "at": now})
            if known is not None and record.deleted:
                query = sa.select(t.record.c.shown).where(t.record.c.side == side, t.record.c.id == id)
                known["shown"] = tx.scalar(query)
            rows.append(_row(side, record, digest, known, mapper, now))
            told.append((record, rows[-1]))
            if known is not None:
                again.add((side, id))
    tx.upsert(t.record, rows)
    tx.upsert(t.went_back, back)
    keep_addresses(tx, world, connection, told)
    tell_unread(tx, ports, rows, again)
    tx.insert(t.change_log, [{"side": row["side"], "id": row["id"], "at": now} for row in rows])
    return Stored(len(rows), older)


def _older(record: Record, known: dict[str, Any]) -> bool:
    """An index that lags behind our own write would look like a person setting it back."""
    held = known["version"] or known["modified_at"]
    shown = record.version if known["version"] else record.modified_at
    return bool(shown and held and shown < held and not record.deleted)


def _row(
    side: str, record: Record, digest: bytes, known: dict[str, Any] | None, mapper: Any, now: str
) -> dict[str, Any]:
    if record.deleted:
        kind = known["kind"] if known else mapper.kinds[0].value
        values, losses = (known["shown"] if known else {}), None
    else:
        mapped = mapper.canon(record)
        kind, values = mapped.kind.value, mapped.values
        losses = msgspec.to_builtins(mapped.losses) if mapped.losses else None
    return {
        "side": side,
        "id": record.id,
        "kind": kind,
        "version": record.version or (known["version"] if known else None),
        "digest": digest,
        "shown": values,
        "losses": losses,
        "deleted": record.deleted,
        "marker": record.marker,
        "ours": record.ours,
        "scope": record.scope,
        "url": record.url,
        "created_at": record.created_at,
        "modified_at": record.modified_at,
        "modified_by": record.modified_by,
        "seen_at": now,
        "missed": 0,
        "match_key": known["match_key"] if known else None,
        "entity": known["entity"] if known else None,
    }


def digest_of(record: Record) -> bytes:
    """What tells one look at a record from another: all that it says, not when it was seen."""
    said = msgspec.json.encode(record, enc_hook=as_sent)
    # Processors have instructions for this one: twice as fast as any other where they do.
    return hashlib.sha256(said, usedforsecurity=False).digest()[:16]


def _count_missed(
    ports: Ports,
    world: World,
    connection: Connection,
    streams: Sequence[str],
    lease: Lease,
    seen: set[tuple[str, str]],
) -> int:
    """After a complete listing: what it did not show is missed; missed twice, and gone by id, is deleted.

    Returns how many were missed for the first time."""
    count = 0
    for stream in streams:
        if not used(world, connection, stream):
            continue
        side = f"{connection.name}.{stream}"
        with ports.store.write(lease) as tx:
            alive = tx.all(
                sa.select(t.record.c.id, t.record.c.missed).where(
                    t.record.c.side == side, t.record.c.deleted.is_(False)
                )
            )
            rows = [row for row in alive if (stream, row["id"]) not in seen]
            missing = [row["id"] for row in rows]
            count += sum(row["missed"] == 0 for row in rows)
            for part in chunks(missing, 900):
                tx.execute(
                    sa.update(t.record)
                    .where(t.record.c.side == side, t.record.c.id.in_(part))
                    .values(missed=t.record.c.missed + 1)
                )
            twice = tx.all(
                sa.select(t.record.c.id).where(
                    t.record.c.side == side, t.record.c.missed >= 2, t.record.c.deleted.is_(False)
                )
            )
        ids = [row["id"] for row in twice]
        if ids:
            asked_at = ports.now()
            looked = list(connection.connector.get(stream, ids))
            with ports.store.write(lease) as tx:
                store_looks(tx, ports, world, connection, looked, asked_at)
    return count


def _census_if_due(
    ports: Ports, world: World, connection: Connection, feed: Feed, following: str | None, lease: Lease
) -> None:
    """Where a feed does not tell of deletes, ask for all ids now and then, on a slow clock of its own.

    Of a feed that does tell, once, after a listing that missed something.
    """
    key = connection.feed_key(feed)
    if following is None:
        _schedule_census(ports, key, lease, CENSUS_EVERY)  # the first crawl has just listed everything
        return
    if following > ports.now() or not _may_go_on(ports, connection, key):
        return
    streams = [stream for stream in feed.streams if used(world, connection, stream)]
    missed = 0
    for stream in streams:
        listed = {(stream, id) for page in connection.connector.ids(stream) for id in page}
        missed += _count_missed(ports, world, connection, [stream], lease, listed)
    if missed:
        _schedule_census(ports, key, lease, CENSUS_AFTER_MISS)
    else:
        _schedule_census(ports, key, lease, None if feed.deletes else CENSUS_EVERY)


def _schedule_census(ports: Ports, key: str, lease: Lease, after: timedelta | None) -> None:
    due = utc(ports.clock.now() + after) if after is not None else None
    with ports.store.write(lease) as tx:
        tx.execute(sa.update(t.feed).where(t.feed.c.name == key).values(census_at=due))


def _tell_failure(tx: Tx, ports: Ports, connection: Connection, key: str, error: ConnectorError) -> None:
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
                    "connection": connection.name,
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
