"""What a complete listing did not show: missed twice, and gone by id, it is deleted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa

from connectors.base import Feed, chunks, utc
from keepstep.engine.intake import store_looks, used
from keepstep.engine.ports import Ports
from keepstep.engine.world import Connection, World
from keepstep.store import tables as t
from keepstep.store.store import Lease

CENSUS_EVERY = timedelta(hours=6)
CENSUS_AFTER_MISS = timedelta(minutes=10)


def count_missed(
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


def take_census(ports: Ports, world: World, connection: Connection, feed: Feed, lease: Lease) -> None:
    """Ask for all ids, and when to ask again: soon if something was missed, else on a slow clock, or not at all where
    the feed tells of deletes itself."""
    key = connection.feed_key(feed)
    streams = [stream for stream in feed.streams if used(world, connection, stream)]
    missed = 0
    for stream in streams:
        listed = {(stream, id) for page in connection.connector.ids(stream) for id in page}
        missed += count_missed(ports, world, connection, [stream], lease, listed)
    if missed:
        schedule_census(ports, key, lease, CENSUS_AFTER_MISS)
    else:
        schedule_census(ports, key, lease, None if feed.deletes else CENSUS_EVERY)


def schedule_census(ports: Ports, key: str, lease: Lease, after: timedelta | None) -> None:
    due = utc(ports.clock.now() + after) if after is not None else None
    with ports.store.write(lease) as tx:
        tx.execute(sa.update(t.feed).where(t.feed.c.name == key).values(census_at=due))
