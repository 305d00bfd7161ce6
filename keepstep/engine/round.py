"""One round of one sync: recover, match, absorb, guard, carry out, tell. Every step is safe to be killed in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from keepstep.engine import budget, guard, planning, preparing, refusals, resting
from keepstep.engine.apply import Applier
from keepstep.engine.budget import Meter
from keepstep.engine.failures import failure_key
from keepstep.engine.job import Job
from keepstep.engine.match import Matched, match
from keepstep.engine.moved import news, place
from keepstep.engine.observe import LEASE, Observed, observe
from keepstep.engine.operations import Operation, Wanted, anything
from keepstep.engine.outstanding import outstanding
from keepstep.engine.planning import Plan
from keepstep.engine.ports import Ports
from keepstep.engine.receipts import Applied
from keepstep.engine.reconfigured import notice
from keepstep.engine.recover import Recovered, recover
from keepstep.engine.reread import reread
from keepstep.engine.taking_in import take_in
from keepstep.engine.undo import Undoing
from keepstep.engine.verify import Verifier
from keepstep.engine.world import Mode, Sync, World
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.findings import Finding
from keepstep.store.store import Tx

PASSES = 4
"""A parent made in one pass lets its children be made in the next."""


class Report(msgspec.Struct, kw_only=True):
    """What one round did."""

    sync: str
    run: str
    mode: str
    busy: bool = False
    observed: list[Observed] = []
    matched: Matched = msgspec.field(default_factory=lambda: Matched())
    recovered: Recovered = msgspec.field(default_factory=lambda: Recovered())
    applied: Applied = msgspec.field(default_factory=lambda: Applied())
    planned: int = 0
    holds: list[guard.Hold] = []
    fresh: list[Finding] = []
    """Findings that were not open before."""
    held: list[str] = []
    """Sides whose connection's budget had no room for all that they are owed."""
    rested: bool = False
    """Nothing moved since the plan was counted last: ``planned`` and ``holds`` are what was found then."""

    def follows(self, taken: Report) -> None:
        """Tell of what was taken in just before this round as well."""
        self.fresh = taken.fresh + self.fresh
        self.matched = _sum(taken.matched, self.matched)


class Engine:
    """The engine over one store and one configured world. ``fingerprint(sync)`` names what decides about its data."""

    def __init__(self, ports: Ports, world: World, fingerprint: Callable[[str], str]) -> None:
        self.ports = ports
        self.world = world
        self.fingerprint = fingerprint

    def observe(self, syncs: Sequence[Sync]) -> list[Observed]:
        """Look once at every feed that the syncs need; after a changed configuration, at everything again."""
        notice(self.ports, self.world, syncs, self.fingerprint)
        seen: dict[str, Observed] = {}
        for sync in syncs:
            for connection, feed in self.world.feeds(sync):
                key = connection.feed_key(feed)
                if key not in seen:
                    seen[key] = observe(self.ports, self.world, connection, feed)
        return list(seen.values())

    def run(
        self,
        sync: Sync,
        mode: Mode | None = None,
        wanted: Wanted = anything,
        run: str | None = None,
    ) -> Report:
        """One round. Leaves at once (``busy``) while another worker has the sync. ``run``: its id, if it has one."""
        ports = self.ports
        mode = mode or sync.mode
        report = Report(sync=sync.name, run=run or ports.new_id(), mode=mode, observed=[], holds=[], fresh=[])
        fingerprint = self.fingerprint(sync.name)
        with ports.store.read() as tx:
            there = news(tx, ports, sync)
            counted = resting.recall(tx, ports, sync, mode, fingerprint) if there.still_owing else None
        if there.nothing:
            return report
        if counted is not None:
            report.planned, report.holds, report.rested = counted.planned, counted.holds, True
            return report
        lease = ports.store.acquire(f"sync:{sync.name}", ports.holder, LEASE)
        if lease is None:
            report.busy = True
            return report
        if self._outdated(sync):
            ports.store.release(lease)
            report.busy = True
            return report
        started = ports.now()
        job = Job(ports, self.world, sync, lease, report.run)
        report.recovered = recover(job)
        failed = set(report.recovered.failed)
        refusals.try_again(job)
        held: dict[str, Meter] = {}
        for _ in range(PASSES):
            matched = match(job)
            report.fresh += take_in(job, matched)
            report.matched = _sum(report.matched, matched)
            with job.read() as tx:
                begun_at = place(tx)
            operations, fresh = outstanding(job, self._allowed)
            report.fresh += fresh
            report.planned = max(report.planned, report.applied.settled + len(operations))
            if matched.waiting:
                failed.add(matched.waiting)
                break
            if not operations and not report.holds and not self._held(sync):
                break
            with job.write() as tx:
                report.holds = guard.judge(tx, ports, sync, operations, self.fingerprint(sync.name))
                report.fresh += self._tell_holds(tx, sync, report.holds)
            if mode != "write" or report.holds or not operations:
                break
            applier = Applier(job, wanted)
            applier.carry_out([each for each in map(wanted, operations) if each is not None])
            report.applied = _sum(report.applied, applier.applied)
            report.applied.put_off = applier.applied.put_off  # each pass tries again what the one before put off
            failed |= applier.failed
            held = applier.held
            if not applier.applied.progress:
                break
        with job.write() as tx:
            if mode == "write" and not report.holds:
                findings.close(tx, [failure_key(side) for side in sync.sides if side not in failed], ports.now())
            report.held = sorted(held)
            report.fresh += self._book(tx, sync, held)
            compared = not report.planned and self._reconfigured(tx, sync) and self._read_whole(tx, sync)
            compared = compared and guard.settled(tx, sync, ports.now())
            if mode == "write" and not report.holds and (report.applied.progress or compared):
                guard.passed(tx, sync, self.fingerprint(sync.name))
            left = report.planned and not report.applied.progress and not report.matched.waiting
            if left and (mode != "write" or report.holds):
                found = resting.Counted(report.planned, report.holds)
                resting.remember(tx, ports, sync, mode, fingerprint, begun_at, found)
            if report.applied.progress or report.planned or report.matched.entities:
                counts = {"planned": report.planned, "applied": msgspec.to_builtins(report.applied)}
                row = {"id": report.run, "sync": sync.name, "mode": mode, "started_at": started}
                tx.insert(t.run, [row | {"ended_at": ports.now(), "result": "done", "counts": counts}])
        ports.store.release(lease)
        return report

    def take_in(self, sync: Sync) -> Report:
        """Match and absorb what was observed, and write nothing anywhere. ``busy`` if another worker has it."""
        report = Report(sync=sync.name, run=self.ports.new_id(), mode="observe", observed=[], holds=[], fresh=[])
        if self._nothing_new(sync):
            return report
        lease = self.ports.store.acquire(f"sync:{sync.name}", self.ports.holder, LEASE)
        if lease is None:
            report.busy = True
            return report
        job = Job(self.ports, self.world, sync, lease, report.run)
        report.matched = match(job)
        report.fresh += take_in(job, report.matched)
        self.ports.store.release(lease)
        return report

    def reread(self, sync: Sync, entities: Collection[str]) -> bool:
        """Read just the records of these entities anew, and take in what they show. False while another has the sync.

        Raises ``ConnectorError`` if a side cannot be asked.
        """
        return reread(self.ports, self.world, sync, entities) and not self.take_in(sync).busy

    def plan(self, sync: Sync) -> Plan:
        """What a round would write, from what was taken in so far. Writes to no system and keeps nothing.

        Others write to the store meanwhile: the plan is of the moment at which it was begun.
        """
        with self.ports.store.read() as tx:
            return planning.plan(tx, self.ports, self.world, sync, self._allowed, self.fingerprint(sync.name))

    def verifier(self, sync: Sync) -> Verifier:
        """What reads the sync's records anew and compares them with what the store holds. Writes nothing anywhere."""
        return Verifier(self.ports, self.world, sync)

    def undoing(self, sync: Sync, run: str, only: Collection[str] | None = None) -> Undoing:
        """Taking back what a run of that sync wrote. Nothing happens before it is decided."""
        return Undoing(self.ports, self.world, sync, run, only)

    # -- the steps

    def _nothing_new(self, sync: Sync) -> bool:
        with self.ports.store.read() as tx:
            return news(tx, self.ports, sync).nothing

    def _book(self, tx: Tx, sync: Sync, held: Mapping[str, Meter]) -> list[Finding]:
        """What this round sent counts against the budgets; what they held up is told until it goes on."""
        now, fresh, over = self.ports.clock.now(), [], []
        for side in sync.sides.values():
            if side.connection.meter is None:
                continue
            side.connection.meter.book(tx, now, sync.name)
            if side.name in held:
                fresh += budget.tell_held(tx, self.ports, held[side.name], side.name, sync.name)
            else:
                over.append(budget.held_key(side.name, sync.name))
        findings.close(tx, over, self.ports.now())
        return fresh

    def _reconfigured(self, tx: Tx, sync: Sync) -> bool:
        return guard.reconfigured(tx, sync.name, self.fingerprint(sync.name))

    def _read_whole(self, tx: Tx, sync: Sync) -> bool:
        """Whether every feed has been read from its beginning to its end under this configuration."""
        names = [connection.feed_key(feed) for connection, feed in self.world.feeds(sync)]
        rows = tx.all(sa.select(t.feed.c.cursor, t.feed.c.crawled).where(t.feed.c.name.in_(names)))
        return len(rows) == len(names) and all(row["crawled"] and row["cursor"] is not None for row in rows)

    def _allowed(self, tx: Tx, sync: Sync, operations: list[Operation]) -> list[Operation]:
        """Nothing is deleted in the first plan under a changed configuration: it may be the change that hides it."""
        deletes = [operation for operation in operations if operation.kind in ("delete", "archive")]
        if not deletes or not self._reconfigured(tx, sync):
            return operations
        return [operation for operation in operations if operation not in deletes]

    def _outdated(self, sync: Sync) -> bool:
        """Whether a connection was left since this engine was built as if it could be written to."""
        with self.ports.store.read() as tx:
            left = preparing.detached(tx)
        return any(side.connection.name in left and side.connection.access == "write" for side in sync.sides.values())

    def _held(self, sync: Sync) -> bool:
        with self.ports.store.read() as tx:
            return tx.one(sa.select(t.hold.c.reason).where(t.hold.c.sync == sync.name)) is not None

    def _tell_holds(self, tx: Tx, sync: Sync, holds: Sequence[guard.Hold]) -> list[Finding]:
        there = [
            Finding(
                key=f"held:{sync.name}:{hold.key}",
                code=f"guard_{hold.reason}",
                severity="warning",
                sync=sync.name,
                params={"sync": sync.name, **hold.params},
            )
            for hold in holds
        ]
        fresh = findings.report(tx, there, self.ports.now(), self.ports.new_id)
        rows = tx.all(
            sa.select(t.finding.c.key).where(
                t.begins(t.finding.c.key, f"held:{sync.name}:"), t.finding.c.state.in_(findings.OPEN)
            )
        )
        over = [row["key"] for row in rows if row["key"] not in {finding.key for finding in there}]
        findings.close(tx, over, self.ports.now())
        return fresh


def _sum(a: Any, b: Any) -> Any:
    """Two counts of one kind as one; what is no number is taken from the later."""
    values = {
        name: getattr(a, name) + getattr(b, name) if isinstance(getattr(a, name), int) else getattr(b, name)
        for name in a.__struct_fields__
    }
    return type(a)(**values)
