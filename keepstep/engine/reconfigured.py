"""After the configuration changed: everything is read, mapped and compared anew, as if seen for the first time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from keepstep.engine.ports import Ports
from keepstep.engine.world import Sync, World
from keepstep.store import tables as t
from keepstep.store.store import Tx

_SETTINGS = sa.select(t.setting).where(t.setting.c.name.in_(sa.bindparam("names", expanding=True)))

_ALL_DUE = sa.text(
    "INSERT INTO due (sync, entity, since) SELECT sync, id, :now FROM entity WHERE sync = :sync "
    "ON CONFLICT (sync, entity) DO UPDATE SET since = excluded.since"
)

SINCE = "reconfigured:"
"""Setting, by sync: when all of it was last compared anew. What is seen for the first time by that is no edit."""

NEVER_SEEN = b""
"""A digest that no look has: the next look at the record is mapped, whatever it shows."""


def notice(ports: Ports, world: World, syncs: Sequence[Sync], fingerprint: Callable[[str], str]) -> list[str]:
    """Compare each sync's configuration with the one it last ran under; returns those for which all is read anew.

    One transaction: either nothing happened, or the change is noted and its consequences are stored facts.
    """
    names = {f"configured:{sync.name}": sync for sync in syncs}
    with ports.store.read() as tx:
        rows = tx.all(_SETTINGS, names=list(names))
    known = {row["name"]: row["value"] for row in rows}
    moved = [name for name, sync in names.items() if known.get(name) != fingerprint(sync.name)]
    if not moved:
        return []
    again = [name for name in moved if name in known]
    with ports.store.write() as tx:
        tx.upsert(t.setting, [{"name": name, "value": fingerprint(names[name].name)} for name in moved])
        for name in again:
            _begin_again(tx, world, names[name], ports.now())
    return [names[name].name for name in again]


def _begin_again(tx: Tx, world: World, sync: Sync, now: str) -> None:
    feeds = [connection.feed_key(feed) for connection, feed in world.feeds(sync)]
    tx.execute(sa.update(t.feed).where(t.feed.c.name.in_(feeds)).values(cursor=None))
    tx.execute(sa.update(t.record).where(t.record.c.side.in_(list(sync.sides))).values(digest=NEVER_SEEN))
    # Sides may have joined since: what lies before the position is matched again. What is linked stays linked.
    tx.execute(sa.update(t.position).where(t.position.c.sync == sync.name).values(n=0))
    tx.execute(_ALL_DUE, sync=sync.name, now=now)
    tx.upsert(t.setting, [{"name": f"{SINCE}{sync.name}", "value": now}])
