"""After the configuration changed: everything is read, mapped and compared anew, as if seen for the first time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import sqlalchemy as sa

from keepstep.engine import refusals
from keepstep.engine.ports import Ports
from keepstep.engine.world import Sync, World
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.findings import Finding
from keepstep.store.store import Tx
from mapping.model import Kind

_SETTINGS = sa.select(t.setting).where(t.setting.c.name.in_(sa.bindparam("names", expanding=True)))

_ALL_DUE = sa.text(
    "INSERT INTO due (sync, entity, since) SELECT sync, id, :now FROM entity WHERE sync = :sync "
    "ON CONFLICT (sync, entity) DO UPDATE SET since = excluded.since"
)

CONFIGURED = "configured:"
"""Setting, by sync: the configuration under which it ran last."""

LEFT = "sync_left:"

SINCE = "reconfigured:"
"""Setting, by sync: when all of it was last compared anew. What is seen for the first time by that is no edit."""

NEVER_SEEN = b""
"""A digest that no look has: the next look at the record is mapped, whatever it shows."""


def notice(ports: Ports, world: World, syncs: Sequence[Sync], fingerprint: Callable[[str], str]) -> list[str]:
    """Compare each sync's configuration with the one it last ran under; returns those for which all is read anew.

    One transaction: either nothing happened, or the change is noted and its consequences are stored facts.
    """
    names = {f"{CONFIGURED}{sync.name}": sync for sync in syncs}
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


def tell_left(tx: Tx, ports: Ports, syncs: Mapping[str, Kind]) -> None:
    """A finding for each sync that the configuration no longer has, while another one holds the same kind of thing:
    what the former one linked belongs to it, so that a sync that was only given another name would do nothing."""
    query = sa.select(t.setting.c.name).where(t.begins(t.setting.c.name, CONFIGURED))
    known = {row["name"].removeprefix(CONFIGURED) for row in tx.all(query) if "." not in row["name"]}  # none that rides
    there = [finding for name in sorted(known - syncs.keys()) if (finding := _left(tx, name, syncs)) is not None]
    findings.report(tx, there, ports.now(), ports.new_id)
    open_now = sa.select(t.finding.c.key).where(t.begins(t.finding.c.key, LEFT), t.finding.c.state.in_(findings.OPEN))
    keys = {finding.key for finding in there}
    findings.close(tx, [row["key"] for row in tx.all(open_now) if row["key"] not in keys], ports.now())


def _left(tx: Tx, name: str, syncs: Mapping[str, Kind]) -> Finding | None:
    query = sa.select(t.entity.c.kind, sa.func.count()).where(t.entity.c.sync == name).group_by(t.entity.c.kind)
    for kind, count in tx.connection.execute(query).all():
        others = sorted(other for other, held in syncs.items() if held.value == kind)
        if others:
            return Finding(
                key=f"{LEFT}{name}",
                code="sync_left",
                severity="warning",
                params={"sync": name, "others": others, "count": count},
            )
    return None


def _begin_again(tx: Tx, world: World, sync: Sync, now: str) -> None:
    feeds = [connection.feed_key(feed) for connection, feed in world.feeds(sync)]
    tx.execute(sa.update(t.feed).where(t.feed.c.name.in_(feeds)).values(cursor=None))
    tx.execute(sa.update(t.record).where(t.record.c.side.in_(list(sync.sides))).values(digest=NEVER_SEEN))
    # Sides may have joined since: what lies before the position is matched again. What is linked stays linked.
    tx.execute(sa.update(t.position).where(t.position.c.sync == sync.name).values(n=0))
    tx.execute(_ALL_DUE, sync=sync.name, now=now)
    refusals.forgive(tx, tx.all(sa.select(t.finding).where(t.finding.c.sync == sync.name, refusals.OPEN)), now)
    tx.upsert(t.setting, [{"name": f"{SINCE}{sync.name}", "value": now}])
