"""Read the records of some entities anew, by id, before something is decided about just those."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from connectors.base import chunks
from keepstep.engine.intake import store_looks
from keepstep.engine.observe import LEASE
from keepstep.engine.ports import Ports
from keepstep.engine.world import Sync, World
from keepstep.store import tables as t

BATCH = 200


def reread(ports: Ports, world: World, sync: Sync, entities: Collection[str]) -> bool:
    """Look at every live record of these entities, and store what it shows for the next round to take in.

    False if another worker has the sync: nothing was read. Raises ``ConnectorError`` if a side cannot be asked; what
    was read before stays stored. Safe to repeat.
    """
    lease = ports.store.acquire(f"sync:{sync.name}", ports.holder, LEASE)
    if lease is None:
        return False
    try:
        for part in chunks(sorted(entities), BATCH):
            for name, ids in _records(ports, sync, part).items():
                side, asked_at = sync.sides[name], ports.now()
                looked = list(side.connector.get(side.stream, ids))
                with ports.store.write(lease) as tx:
                    store_looks(tx, ports, world, side.connection, looked, asked_at)
    finally:
        ports.store.release(lease)
    return True


def _records(ports: Ports, sync: Sync, entities: Sequence[str]) -> dict[str, list[str]]:
    with ports.store.read() as tx:
        query = sa.select(t.link.c.side, t.link.c.record).where(
            t.among(t.link.c.entity, entities), t.link.c.state == "live", t.link.c.side.in_(list(sync.sides))
        )
        found: dict[str, list[str]] = {}
        for row in tx.all(query.order_by(t.link.c.side, t.link.c.record)):
            found.setdefault(row["side"], []).append(row["record"])
    return found
