"""What a complete listing did not show: missed twice, and gone by id, it is deleted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

import sqlalchemy as sa

from connectors.base import chunks, utc
from keepstep.engine.intake import known_until, store_looks, used
from keepstep.engine.job import Reading
from keepstep.engine.world import Connection
from keepstep.store import tables as t
from keepstep.store.store import Tx

CENSUS_EVERY = timedelta(hours=6)
CENSUS_AFTER_MISS = timedelta(minutes=10)

LOOKED_AT = 1000
"""Records missed twice that are looked at by id before they are stored."""


def begin_listing(tx: Tx, connection: Connection, streams: Sequence[str]) -> None:
    """A complete listing begins: nothing was shown yet."""
    tx.execute(sa.delete(t.listed).where(t.listed.c.side.in_([f"{connection.name}.{stream}" for stream in streams])))


def note_listed(tx: Tx, connection: Connection, shown: Iterable[tuple[str, str]]) -> None:
    """These (stream and id) were shown. Kept in the store: a side may have more records than memory has room for."""
    tx.upsert(t.listed, [{"side": f"{connection.name}.{stream}", "id": id} for stream, id in sorted(set(shown))])


def unseen(side: str) -> sa.ColumnElement[bool]:
    """Records of the side that are held as alive, and were not shown by the listing that is under way."""
    shown = sa.exists().where(t.listed.c.side == side, t.listed.c.id == t.record.c.id)
    return sa.and_(t.record.c.side == side, t.record.c.deleted.is_(False), ~shown)


def count_missed(reading: Reading, streams: Sequence[str]) -> int:
    """After a complete listing: what it did not show is missed; missed twice, and gone by id, is deleted.

    Returns how many were missed for the first time."""
    ports, world, connection = reading.ports, reading.world, reading.connection
    count = 0
    for stream in streams:
        if not used(world, connection, stream):
            continue
        side = f"{connection.name}.{stream}"
        with reading.write() as tx:
            missed = t.record.c.missed
            count += int(tx.scalar(sa.select(sa.func.count()).where(unseen(side), missed == 0)) or 0)
            before = known_until(tx, connection, stream)
            if before and not reading.feed.deletes:
                fresh = unseen(side), missed == 0, t.record.c.seen_at < before
                tx.execute(sa.update(t.record).where(*fresh).values(seen_at=before))
            tx.execute(sa.update(t.record).where(unseen(side)).values(missed=missed + 1))
            twice = tx.all(
                sa.select(t.record.c.id).where(t.record.c.side == side, missed >= 2, t.record.c.deleted.is_(False))
            )
            begin_listing(tx, connection, [stream])
        for part in chunks([row["id"] for row in twice], LOOKED_AT):
            asked_at = ports.now()
            looked = list(connection.connector.get(stream, part))
            with reading.write() as tx:
                store_looks(tx, ports, world, connection, looked, asked_at)
    return count


def take_census(reading: Reading) -> None:
    """Ask for all ids, and when to ask again: soon if something was missed, else on a slow clock, or not at all where
    the feed tells of deletes itself."""
    connection, feed = reading.connection, reading.feed
    streams = [stream for stream in feed.streams if used(reading.world, connection, stream)]
    missed, begun = 0, reading.ports.now()
    for stream in streams:
        with reading.write() as tx:
            begin_listing(tx, connection, [stream])
        for page in connection.connector.ids(stream):
            with reading.write() as tx:
                note_listed(tx, connection, ((stream, id) for id in page))
        missed += count_missed(reading, [stream])
    again = None if feed.deletes else CENSUS_EVERY
    schedule_census(reading, CENSUS_AFTER_MISS if missed else again, listed_at=begun)


def schedule_census(reading: Reading, after: timedelta | None, **listed: str) -> None:
    """The next census of the feed: so long from now, or never. ``listed_at``: one was just taken, and begun then."""
    due = utc(reading.ports.clock.now() + after) if after is not None else None
    with reading.write() as tx:
        tx.execute(sa.update(t.feed).where(t.feed.c.name == reading.key).values(census_at=due, **listed))
