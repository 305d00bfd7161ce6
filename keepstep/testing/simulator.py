"""Whole histories in one thread: persons edit, faults strike, workers die, and the engine must break no promise.

Time is virtual, nothing is random but the seed, and one seed gives one trace.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from connectors.base import utc
from connectors.memory import Memory
from connectors.memory_service import STREAM, MemoryService
from connectors.sandbox.clock import VirtualClock
from connectors.sandbox.faults import Fault
from keepstep.engine import decisions, guard
from keepstep.engine.ports import Ports
from keepstep.engine.restored import recognise
from keepstep.engine.round import Engine
from keepstep.engine.world import Connection, Side, Sync, World
from keepstep.store import tables as t
from keepstep.store.errors import Fenced
from keepstep.store.store import Store
from keepstep.testing.copies import Copies
from keepstep.testing.steps import VALUES, History, Step
from mapping.agreement import Rule
from mapping.fields import Options
from mapping.memory import MAPPING
from mapping.model import Kind

PAUSES = (0.0, 130.0, 400.0, 1000.0)
"""Seconds that a worker stands still: less and more than an intent may be sent, and a lease holds."""

PERSONS = ("Ada", "Bo", "Chen", "Dia", "Eli")


class Crash(BaseException):
    """The worker is killed here: nothing that would clean up may run as if it lived."""


class CountingFence:
    """Kills the worker at the n-th point, and keeps it dead."""

    def __init__(self) -> None:
        self.left: int | None = None
        self.reached: dict[str, int] = {}

    def point(self, name: str) -> None:
        self.reached[name] = self.reached.get(name, 0) + 1
        if self.left is None:
            return
        self.left -= 1
        if self.left <= 0:
            raise Crash(name)


class StandingFence(CountingFence):
    """Kills the worker at the n-th point, or lets it stand still there while something else happens."""

    _meanwhile: Callable[[str], None] | None = None
    _until = 0

    def stand_still(self, points: int, meanwhile: Callable[[str], None] | None) -> None:
        """After so many points, call ``meanwhile`` once; None: do not, after all.

        Never within a transaction, and not between gate and socket, where no system checks a lease."""
        self._until, self._meanwhile = points, meanwhile

    def point(self, name: str) -> None:
        super().point(name)
        self._until -= 1
        if self._meanwhile is not None and self._until <= 0 and not name.endswith(("storing", "committing", "sending")):
            meanwhile, self._meanwhile = self._meanwhile, None
            meanwhile(name)


class Simulation:
    """One history, from an empty world to quiescence. ``trace`` says what happened, line by line."""

    def __init__(self, history: History, store: Store | None = None) -> None:
        self.history = history
        self.clock = VirtualClock()
        self.store = store or Store("sqlite://", self.clock).open()
        self.store._clock = self.clock
        self.services = {
            f"s{number}": MemoryService(self.clock, history.seed * 10 + number, traits)
            for number, traits in enumerate(history.side_traits())
        }
        connections = {}
        for name, service in self.services.items():
            memory = Memory(service)
            description = memory.describe()
            connections[name] = Connection(name, memory, description, MAPPING.build(Options(), description))
        sides = {f"{name}.{STREAM}": Side(connection, STREAM) for name, connection in connections.items()}
        policy: Any = history.policy
        self.sync = Sync(
            name="tasks",
            kind=Kind.TASK,
            sides=sides,
            mode="write",
            create={name: {} for name in sides},
            rules={name: Rule(policy=policy) for name in ("title", "description", "due_date")},
            deletes=history.deletes,
        )
        self.world = World(connections, {"tasks": self.sync})
        self.fence = StandingFence()
        self.trace: list[str] = []
        self.hidden: dict[tuple[str, str], list[tuple[str, str]]] = {}
        """Service and id of records that an index lost sight of for longer than it promises, or our account by its
        rights: from when to when."""
        self._denied: dict[tuple[str, str], str] = {}
        self.looks: list[dict[str, tuple[int, int]]] = []
        """By service, as a round began that went to its end: how many entries nobody could miss, and how many there
        were."""
        self.copies = Copies(self.store)
        self._ids = 0
        self._workers = 0
        self.engine = self._worker()

    def _worker(self) -> Engine:
        """The worker is another process from now on."""
        self.fence = StandingFence()
        return self._process(self.fence)

    def _process(self, fence: CountingFence) -> Engine:
        self._workers += 1
        rng = random.Random(self.history.seed * 1000 + self._workers)
        ports = Ports(self.clock, rng, self._new_id, self.store, f"w{self._workers}", fence)
        return Engine(ports, self.world, lambda sync: "simulated")

    def _new_id(self) -> str:
        self._ids += 1
        return f"e{self._ids:06d}"

    # -- running

    def run(self) -> None:
        """All steps, then calm: faults off, time past every window, rounds until nothing is left to do."""
        for number, step in enumerate(self.history.steps):
            self._step(step)
            self._say(f"{number} {step.action}")
        for name, service in self.services.items():
            service.faults.clear()
            self._grant(name, service)
        for pause in (700.0, 8 * 3600.0):
            quiet = 0
            for _ in range(12):
                self.clock.advance(pause if not quiet else 700.0)
                quiet = quiet + 1 if not self.round() and not self._open_intents() else 0
                if quiet == 3:
                    break

    def _open_intents(self) -> int:
        with self.store.read() as tx:
            query = sa.select(sa.func.count()).select_from(t.intent).where(t.intent.c.closed_at.is_(None))
            return int(tx.scalar(query) or 0)

    def round(self) -> int:
        """Observe and run once; the number of operations planned."""
        return self._round(self.engine)

    def _round(self, engine: Engine) -> int:
        there = {name: self._entries(service) for name, service in self.services.items()}
        engine.observe([self.sync])
        report = engine.run(self.sync)
        self.looks.append(there)
        if report.holds:
            with self.store.write() as tx:
                guard.let_through(tx, engine.ports, self.sync.name, "simulator")
        return report.planned

    def _entries(self, service: MemoryService) -> tuple[int, int]:
        """How many entries a service's lagging index cannot hide from a look now, and how many there are by then: what
        is about to take effect late does so first."""
        since = utc(self.clock.now() - timedelta(seconds=service.traits.lag))
        entries = service.truth.entries
        return sum(entry.at <= since for entry in entries), len(entries) + service.overdue()

    def _step(self, step: Step) -> None:
        names = sorted(self.services)
        name = names[step.side % len(names)]
        service = self.services[name]
        person = PERSONS[step.side % len(PERSONS)]
        match step.action:
            case "create":
                values = VALUES["title"]
                service.create(person, STREAM, {"title": values[step.value % len(values)]})
            case "edit" | "echo_edit" | "set_back":
                self._edit(service, person, step)
            case "delete":
                alive = sorted(service.records(STREAM))
                if alive:
                    service.delete(person, STREAM, alive[step.item % len(alive)])
            case "restore":
                dead = sorted(id for id, item in service.items.items() if item.deleted)
                if dead:
                    service.restore(person, STREAM, dead[step.item % len(dead)])
            case "hide":
                self._hide(name, service, step)
            case "round" | "crash" | "twice":
                self._work(step)
            case "deny":
                if service.items:
                    id = sorted(service.items)[step.item % len(service.items)]
                    service.denied.add(id)
                    self._denied.setdefault((name, id), utc(self.clock.now()))
            case "grant":
                self._grant(name, service)
            case "copy":
                self.copies.take()
            case "put_back":
                if self.copies.put_back():
                    self.engine = self._worker()
                    recognise(self.engine.ports)
            case "wait":
                self.clock.advance(step.amount)
            case "decide":
                self._decide(step)
            case "fault":
                service.faults.switch_on(Fault(step.kind, step.match, times=1 + step.value % 3, delay=step.amount))
            case "calm":
                service.faults.clear()

    def _grant(self, name: str, service: MemoryService) -> None:
        for id in service.denied:
            self.hidden.setdefault((name, id), []).append((self._denied.pop((name, id)), utc(self.clock.now())))
        service.grant()

    def _hide(self, name: str, service: MemoryService, step: Step) -> None:
        """The index loses sight of a record for a while, as when it is rebuilt or a permission is mended."""
        if service.items:
            item = service.items[sorted(service.items)[step.item % len(service.items)]]
            until = self.clock.now() + timedelta(minutes=step.amount)
            self.hidden.setdefault((name, item.id), []).append((utc(self.clock.now()), utc(until)))
            item.visible_at = max(item.visible_at, self.clock.monotonic() + step.amount * 60)
            item.found_at = max(item.found_at, item.visible_at)

    def _edit(self, service: MemoryService, person: str, step: Step) -> None:
        alive = sorted(service.records(STREAM))
        if not alive or step.field not in service.traits.fields:
            return
        id = alive[step.item % len(alive)]
        values = VALUES[step.field]
        value = values[step.value % len(values)]
        if step.action == "set_back":
            own = [entry.changes[step.field][0] for entry in service.truth.entries
                   if entry.id == id and step.field in entry.changes]  # fmt: skip
            if not own:
                return
            value = own[-1]
        elif step.action == "echo_edit":
            others = [s for s in self.services.values() if s is not service]
            seen = [e.changes[step.field][1] for s in others for e in s.truth.entries if step.field in e.changes]
            if not seen:
                return
            value = seen[-1]
        if step.field == "title" and not value:
            return
        service.edit(person, STREAM, id, {step.field: value})

    def _work(self, step: Step) -> None:
        self.fence.left = int(step.amount) if step.action == "crash" else None
        if step.action == "twice":
            self.fence.stand_still(int(step.amount), lambda at: self._meanwhile(at, step))
        try:
            self.round()
        except Crash as crash:
            self._say(f"killed at {crash}")
            self.engine = self._worker()
        except Fenced:
            self._say("fenced")
        self.fence.left = None
        self.fence.stand_still(0, None)

    def _meanwhile(self, at: str, step: Step) -> None:
        """The worker stands still for a while, and another one works."""
        self._say(f"stands still at {at}")
        self.clock.advance(PAUSES[step.value % len(PAUSES)])
        try:
            self._round(self._process(CountingFence()))
        except Fenced:
            self._say("the other is fenced")

    def _decide(self, step: Step) -> None:
        with self.store.read() as tx:
            rows = tx.all(sa.select(t.conflict).order_by(t.conflict.c.entity, t.conflict.c.field))
        if not rows:
            return
        row = rows[step.item % len(rows)]
        candidates = sorted(row["state"]["candidates"])
        chosen = candidates[step.value % len(candidates)]
        decisions.resolve(
            self.engine.ports, self.sync.name, row["entity"], row["field"], chosen, row["state"]["rev"], "Judge"
        )

    def _say(self, what: str) -> None:
        shown = {name: service.records(STREAM) for name, service in self.services.items()}
        self.trace.append(f"{self.clock.monotonic():.0f} {what} {msgspec.json.encode(shown).decode()}")


def clear(store: Store) -> None:
    """Empty the tables, so that one store serves many histories."""
    with store.write() as tx:
        for table in t.metadata.sorted_tables:
            tx.execute(sa.delete(table))
