"""One tick of a group of syncs in coarse steps, in the order of ``Hub.round``. Knows nothing of Prefect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
import sqlalchemy as sa

from keepstep.config import with_riding
from keepstep.engine.freshness import behind
from keepstep.engine.observe import Observed, observe
from keepstep.engine.round import Report
from keepstep.hub import Hub
from keepstep.language import say
from keepstep.store import tables as t
from keepstep.store.findings import Finding


class Tick(msgspec.Struct, kw_only=True):
    """What one tick brought."""

    syncs: list[str] = []
    observed: list[Observed] = []
    taken: list[Report] = []
    """What was taken in before anything was written: conflicts open here."""
    reports: list[Report] = []
    handoffs: list[Finding] = []
    """Findings on handoffs that were not open before."""
    closed: int = 0
    """Findings whose trouble ended in this tick."""
    down: list[str] = []
    stale: dict[str, float | None] = {}
    """Sync -> age in seconds of the oldest change that waits; None when none does."""

    @property
    def fresh(self) -> list[Finding]:
        """Every finding that was not open before."""
        return [*(finding for report in (*self.taken, *self.reports) for finding in report.fresh), *self.handoffs]

    @property
    def written(self) -> int:
        return sum(report.applied.done for report in self.reports)

    @property
    def changed(self) -> int:
        return sum(each.changed for each in self.observed)

    @property
    def failed(self) -> list[str]:
        """Feeds that could not be read."""
        return sorted(each.feed for each in self.observed if each.failed)

    @property
    def slowed(self) -> list[str]:
        """Connections that were not looked at, or not to the end, to stay within their budgets."""
        return sorted({each.feed.partition("/")[0] for each in self.observed if each.held})

    @property
    def eventful(self) -> bool:
        """Whether there is anything new to tell."""
        return bool(self.changed or self.written or self.fresh or self.closed)


def due(hub: Hub, names: Sequence[str] | None, scheduled: datetime) -> list[str]:
    """Those of the syncs that nobody has begun in their interval around that time; their turn is ours from now on."""
    known = hub.config.syncs
    wanted = names if names is not None else list(known)
    return [name for name in wanted if hub.store.take_turn(name, known[name].every, scheduled, hub.ports.holder)]


def feed_groups(hub: Hub, names: Sequence[str] | None) -> list[str]:
    """The connections whose feeds those syncs need, in the order of the configuration."""
    used = {side.connection.name for sync in hub.syncs(names) for side in sync.sides.values()}
    return [name for name in hub.config.connections if name in used]


def look(hub: Hub, names: Sequence[str] | None, connection: str) -> list[Observed]:
    """Look once at every feed of that connection that those syncs need."""
    world = hub.engine.world
    feeds = {
        owner.feed_key(feed): (owner, feed)
        for sync in hub.syncs(names)
        for owner, feed in world.feeds(sync)
        if owner.name == connection
    }
    return [observe(hub.ports, world, owner, feed) for owner, feed in feeds.values()]


def take_in(hub: Hub, names: Sequence[str] | None) -> list[Report]:
    """Match and absorb for all syncs before any of them writes, parents first."""
    return [hub.engine.take_in(sync) for sync in hub.syncs(names)]


def follow_up(hub: Hub, names: Sequence[str] | None) -> list[str]:
    """Ask for what follows from the whole; the syncs that have to run again for it, parents first."""
    made = hub.follow_up()
    return [sync.name for sync in hub.syncs(names) if sync.name in made] if made else []


def waiting(hub: Hub, names: Sequence[str] | None = None) -> dict[str, float | None]:
    """How long each sync's oldest change has waited, in seconds. Asks no system."""
    now, known = hub.ports.clock.now(), hub.config.syncs
    ages: dict[str, float | None] = {}
    with hub.store.read() as tx:
        for name in names if names is not None else known:
            owed = [behind(tx, hub.config, each, now).since for each in with_riding(known, [name])]
            oldest = min((at for at in owed if at), default=None)
            ages[name] = max(0.0, (now - datetime.fromisoformat(oldest)).total_seconds()) if oldest else None
    return ages


def closed_since(hub: Hub, moment: str) -> int:
    """How many findings have ended from that moment on."""
    with hub.store.read() as tx:
        query = sa.select(sa.func.count()).select_from(t.finding).where(t.finding.c.closed_at >= moment)
        return int(tx.scalar(query) or 0)


def tick(hub: Hub, names: Sequence[str] | None = None) -> Tick:
    """All steps, one after the other."""
    begun = hub.ports.now()
    done = Tick()
    for connection in feed_groups(hub, names):
        done.observed += look(hub, names, connection)
    done.taken = take_in(hub, names)
    done.reports += [hub.run(report.sync) for report in done.taken]
    done.reports += [hub.run(name) for name in follow_up(hub, names)]
    done.handoffs = hub.judge()
    return conclude(hub, names, done, begun)


def conclude(hub: Hub, names: Sequence[str] | None, done: Tick, begun: str) -> Tick:
    """Add what can only be told at the end."""
    done.syncs = [sync.name for sync in hub.syncs(names)]
    done.closed = closed_since(hub, begun)
    done.down = sorted(hub.down)
    done.stale = waiting(hub, names)
    return done


def summary(done: Tick, language: str) -> str:
    """The tick in one line."""
    said = list(_summary(done, language))
    return say("word.semicolon", {}, language).join(said) if said else say("tick_nothing", {}, language)


def _summary(done: Tick, language: str) -> Iterable[str]:
    if done.changed:
        yield say("tick_changed", {"count": done.changed}, language)
    if done.written:
        yield say("tick_written", {"count": done.written}, language)
    held = [report.sync for report in done.reports if report.holds]
    if held:
        yield say("tick_held", {"syncs": sorted(set(held))}, language)
    if done.fresh:
        yield say("tick_findings", {"count": len(done.fresh)}, language)
    if done.closed:
        yield say("tick_closed", {"count": done.closed}, language)
    busy = [report.sync for report in done.reports if report.busy]
    if busy:
        yield say("tick_busy", {"syncs": sorted(set(busy))}, language)
    if done.slowed:
        yield say("tick_slowed", {"connections": done.slowed}, language)
    if done.failed:
        yield say("tick_failed", {"feeds": done.failed}, language)
    if done.down:
        yield say("tick_down", {"connections": done.down}, language)
