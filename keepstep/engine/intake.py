"""What becomes of records that were read: what differs from what is held is mapped, stored and logged."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from connectors.base import Record, utc
from connectors.undecoded import as_sent
from keepstep.engine import people
from keepstep.engine.drift import tell_unread
from keepstep.engine.match.addresses import keep_addresses
from keepstep.engine.ports import Ports
from keepstep.engine.world import Connection, World
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.store import Tx

Held = dict[tuple[str, str], dict[str, Any]]
"""Stream and id -> what a look at a record is compared with."""

# Asked for each page: built once.
_HELD = sa.select(
    t.record.c.id,
    t.record.c.digest,
    t.record.c.version,
    t.record.c.deleted,
    t.record.c.kind,
    t.record.c.entity,
    t.record.c.missed,
    t.record.c.match_key,
    t.record.c.modified_at,
    t.record.c.seen_at,
).where(t.record.c.side == sa.bindparam("side"), t.among(t.record.c.id, t.named("ids")))


def used(world: World, connection: Connection, stream: str) -> bool:
    """Whether any sync asks for the stream, be it one that has to wait."""
    name = f"{connection.name}.{stream}"
    return stream in connection.mappers and world.looks_at(name)


def held(tx: Tx, connection: Connection, records: Sequence[Record]) -> Held:
    """What the store holds of those records: one question for each stream."""
    by_stream: dict[str, list[str]] = {}
    for record in records:
        by_stream.setdefault(record.stream, []).append(record.id)
    found: Held = {}
    for stream, ids in by_stream.items():
        for row in tx.all(_HELD, side=f"{connection.name}.{stream}", ids=ids):
            found[stream, row["id"]] = row
    return found


def doubtful(records: Sequence[Record], there: Held) -> list[Record]:
    """What claims a delete, or a return from the dead: to be believed only after a strong look at the record.

    Deletes are rare and cost much if they are wrong: an index may lag, a record may have been restored since.
    """
    return [
        record
        for record in records
        if (known := there.get((record.stream, record.id))) is not None and known["deleted"] != record.deleted
    ]


def looked_at(connection: Connection, records: Sequence[Record], doubts: Sequence[Record]) -> list[Record]:
    """The records, those in doubt as they are by id."""
    strong: dict[tuple[str, str], Record] = {}
    for stream in sorted({record.stream for record in doubts}):
        for record in connection.connector.get(stream, [each.id for each in doubts if each.stream == stream]):
            strong[record.stream, record.id] = record
    return [strong.get((record.stream, record.id), record) for record in records]


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
    tx: Tx,
    ports: Ports,
    world: World,
    connection: Connection,
    records: Sequence[Record],
    asked_at: str = "",
    there: Held | None = None,
) -> Stored:
    """Keep what differs from what is held (``there``, if it was asked for already), and log it.

    An older version than the one held is left out: an index lags. If the records were read by id (``asked_at``) and
    nothing came in since, it is believed: the service went back in time.
    """
    asked = {stream for stream in {record.stream for record in records} if used(world, connection, stream)}
    kept = [record for record in records if record.stream in asked and not record.forbidden]
    if there is None:
        there = held(tx, connection, kept)
    now = ports.now()
    rows: list[dict[str, Any]] = []
    older: list[Record] = []
    back: list[dict[str, Any]] = []
    told: list[tuple[Record, dict[str, Any]]] = []
    again: set[tuple[str, str]] = set()
    # Of a record that is there twice the last look counts.
    for (stream, id), record in {(record.stream, record.id): record for record in kept}.items():
        side = f"{connection.name}.{stream}"
        known = there.get((stream, id))
        if known is None and record.deleted:
            continue
        digest = digest_of(record)
        seen_at = now
        if known is not None:
            if known["digest"] == digest and not known["missed"]:
                continue
            if _older(record, known):
                if known["seen_at"] >= asked_at:
                    older.append(record)
                    continue
                back.append({"side": side, "id": id, "at": now})
            if record.deleted:
                query = sa.select(t.record.c.shown).where(t.record.c.side == side, t.record.c.id == id)
                known["shown"] = tx.scalar(query)
                seen_at = known["seen_at"]
                if not known["missed"]:
                    seen_at = max(seen_at, known_until(tx, connection, stream))
            again.add((side, id))
        rows.append(_row(side, record, digest, known, connection.mappers[stream], seen_at))
        told.append((record, rows[-1]))
    tx.upsert(t.record, rows)
    names = {each.modified_by: each.modified_by_name for each, _ in told if each.modified_by and each.modified_by_name}
    if names:
        people.learn(tx, world.people, connection.name, names)
    tx.upsert(t.went_back, back)
    keep_addresses(tx, world, connection, told)
    tell_unread(tx, ports, rows, again)
    findings.close(tx, [unreadable_key(row["side"], row["id"]) for row in rows], now)
    tx.insert(t.change_log, [{"side": row["side"], "id": row["id"], "at": now} for row in rows])
    return Stored(len(rows), older)


def known_until(tx: Tx, connection: Connection, stream: str) -> str:
    """Until when what is gone by now was surely there: nothing tells how long after that. Empty if nothing is known.

    A feed that tells of deletes had not told of it at its last look, and may lag. Of the others it is when their last
    complete listing began.
    """
    feed = next((each for each in connection.description.feeds if stream in each.streams), None)
    if feed is None:
        return ""
    query = sa.select(t.feed.c.listed_at, t.feed.c.observed_at).where(t.feed.c.name == connection.feed_key(feed))
    row = tx.one(query) or {"listed_at": None, "observed_at": None}
    if not feed.deletes or row["observed_at"] is None:
        return str(row["listed_at"] or "")
    lag = timedelta(seconds=connection.description.stream(stream).abilities.search_lag)
    return utc(datetime.fromisoformat(row["observed_at"]) - lag)


def unreadable_key(side: str, id: str | None) -> str:
    """Of the finding that a record could not be read; one without an id shares it with the others of its side."""
    return f"unreadable:{side}:{id or ''}"


def _older(record: Record, known: dict[str, Any]) -> bool:
    """An index that lags behind our own write would look like a person setting it back."""
    held = known["version"] or known["modified_at"]
    shown = record.version if known["version"] else record.modified_at
    return bool(shown and held and shown < held and not record.deleted)


def _row(
    side: str, record: Record, digest: bytes, known: dict[str, Any] | None, mapper: Any, seen_at: str
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
        "seen_at": seen_at,
        "missed": 0,
        "match_key": known["match_key"] if known else None,
        "entity": known["entity"] if known else None,
    }


def digest_of(record: Record) -> bytes:
    """What tells one look at a record from another: all that it says, not when it was seen."""
    said = msgspec.json.encode(record, enc_hook=as_sent)
    # Processors have instructions for this one: twice as fast as any other where they do.
    return hashlib.sha256(said, usedforsecurity=False).digest()[:16]
