"""What commands that look at the systems share: reading them, and saying which could not be reached."""

from __future__ import annotations

from collections.abc import Sequence

from keepstep.cli.session import Session, failure
from keepstep.engine.budget import standing
from keepstep.engine.observe import Observed
from keepstep.engine.world import Sync
from keepstep.hub import Hub
from keepstep.store import tables as t


def looked(session: Session, hub: Hub, names: Sequence[str]) -> tuple[list[Sync], list[str]]:
    """Read every feed of those syncs. The syncs that can run, and those that cannot, which are warned of."""
    with session.output.progress(session.say("looking")):
        observed = hub.observe(names)
    slowed(session, hub, observed)
    read_by_another(session, observed)
    return hub.syncs(names), unreachable(session, hub, names)


def slowed(session: Session, hub: Hub, observed: Sequence[Observed]) -> list[str]:
    """Connections that were not looked at, or not to the end, to stay within their budgets; each is said on standard
    error."""
    held = sorted({each.feed.partition("/")[0] for each in observed if each.held})
    if held:
        with hub.store.read() as tx:
            standings = {each["connection"]: each for each in standing(tx, hub.runtime.clock.now())}
        for name in held:
            session.output.warn(session.say("budget_slowed", **standings[name]))
    return held


def read_by_another(session: Session, observed: Sequence[Observed]) -> list[str]:
    """Feeds that another worker was reading, or one that was broken off; each is said on standard error."""
    taken = sorted(each.feed for each in observed if each.busy)
    for feed in taken:
        session.output.warn(session.say("feed_busy", feed=feed))
    return taken


def unreachable(session: Session, hub: Hub, names: Sequence[str]) -> list[str]:
    """Syncs that cannot run because a connection is down; each is said on standard error, with the reason."""
    running = {sync.name for sync in hub.syncs(names)}
    lost = [name for name in names if name not in running]
    for name in sorted(hub.detached & hub.config.connections.keys()):
        session.output.warn(session.say("is_detached", connection=name))
    for name, error in {**hub.down, **hub.absent}.items():
        session.output.warn(session.words(failure(name, error)))
    for name in lost:
        session.output.warn(session.say("sync_unreachable", sync=name))
    return lost


def failed_feeds(session: Session, hub: Hub, syncs: Sequence[Sync]) -> list[str]:
    """Feeds of those syncs that could not be read this time; each is said on standard error."""
    wanted = {connection.feed_key(feed) for sync in syncs for connection, feed in hub.engine.world.feeds(sync)}
    with hub.store.read() as tx:
        rows = tx.all(t.feed.select().where(t.feed.c.failed.is_not(None)).order_by(t.feed.c.name))
    failed = [row for row in rows if row["name"] in wanted]
    for row in failed:
        session.output.warn(session.say("feed_failed", feed=row["name"], reason=row["failed"]["detail"]))
    return [row["name"] for row in failed]
