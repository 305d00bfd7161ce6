"""A small world to try one thing in: memory services as sides of one sync, a store, and a clock that stands still."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, ClassVar, Literal

import msgspec
import sqlalchemy as sa

from connectors.base import Clock
from connectors.memory import Memory
from connectors.memory_service import COMMENTS, FILES, STREAM, MemoryService, Traits
from connectors.sandbox.clock import VirtualClock
from keepstep.engine import guard
from keepstep.engine.budget import Meter
from keepstep.engine.carried import carrying
from keepstep.engine.ports import Ports
from keepstep.engine.round import Engine, Report
from keepstep.engine.world import Connection, Side, Sync, World
from keepstep.store import tables as t
from keepstep.store.store import Store
from mapping.fields import Options
from mapping.memory import MAPPING
from mapping.model import Kind

MINUTE = 60.0
PAST_DOUBT = 700.0
"""Longer than any request of the past can still have an effect that a look would miss."""


class Killed(BaseException):
    """The worker dies here: nothing that would clean up may run as if it lived."""


class NamedFence:
    """Notes the points that were reached, and kills the worker at the n-th time of one."""

    def __init__(self) -> None:
        self.reached: list[str] = []
        self.kill_at: str | None = None
        self.after = 1

    def point(self, name: str) -> None:
        self.reached.append(name)
        if name == self.kill_at:
            self.after -= 1
            if self.after <= 0:
                raise Killed(name)


@cache
def _first_store() -> Store:
    return Store("sqlite://", VirtualClock()).open()


def fresh_store(clock: Clock) -> Store:
    """An empty store in memory: a copy, which takes a tenth of the time that making the tables takes."""
    store, first = Store("sqlite://", clock), _first_store()
    with first._engine.connect() as source, store._engine.connect() as target:
        source.connection.driver_connection.backup(target.connection.driver_connection)  # type: ignore[union-attr]
    return store.open()


class Bench:
    """Services ``a``, ``b``, ... that behave as ``traits`` say, each one side of the sync ``tasks``.

    ``ceilings``: requests a day that a service's connection may send. Further keywords are those of ``Sync``; records
    are made on every side unless ``create`` says otherwise.
    """

    fresh: ClassVar[staticmethod[[Clock], Store]] = staticmethod(fresh_store)
    """Makes the store of a bench that is given none."""

    def __init__(
        self,
        *traits: Traits,
        access: Mapping[str, Literal["read", "write"]] | None = None,
        store: str | None = None,
        fingerprint: str = "one",
        ceilings: Mapping[str, int] | None = None,
        **sync: Any,
    ) -> None:
        self.clock = VirtualClock()
        self.store = self.fresh(self.clock) if store is None else Store(store, self.clock).open()
        self.services: dict[str, MemoryService] = {}
        self._rights: dict[str, Literal["read", "write"]] = {}
        for number, each in enumerate(traits or (Traits(), Traits())):
            name = "abcdef"[number]
            self._rights[name] = (access or {}).get(name, "write")
            self.services[name] = MemoryService(self.clock, number, each)
        self._settings = sync
        self.ceilings = dict(ceilings or {})
        self._connect()
        self.fingerprint = fingerprint
        self._ids = 0
        self._workers = 0
        self.restart()

    def restart(self) -> None:
        """A new worker process on the same store."""
        self._workers += 1
        if self.ceilings:
            self._connect()  # what a process has sent is counted from its start
        self.fence = NamedFence()
        rng = random.Random(self._workers)
        self.ports = Ports(self.clock, rng, self._new_id, self.store, f"worker {self._workers}", self.fence)
        self.engine = Engine(self.ports, self.world, lambda sync: self.fingerprint)

    def _connect(self) -> None:
        self.connections = {name: self._connection(name) for name in self.services}
        sides = {f"{name}.{STREAM}": Side(connection, STREAM) for name, connection in self.connections.items()}
        settings: dict[str, Any] = {"mode": "write", "create": {side: {} for side in sides}, **self._settings}
        self.sync = Sync(name="tasks", kind=Kind.TASK, sides=sides, **settings)
        self.world = World(self.connections, {"tasks": self.sync})

    def _connection(self, name: str) -> Connection:
        right, service = self._rights[name], self.services[name]
        memory = Memory(service, read_only=right == "read")
        description = memory.describe()
        meter = None
        if name in self.ceilings:
            before = memory.calls
            meter = Meter(name, self.ceilings[name], lambda: memory.calls - before)
            with self.store.write() as tx:
                meter.begin(tx, self.clock.now())
        return Connection(name, memory, description, MAPPING.build(Options(), description), right, meter=meter)

    def _new_id(self) -> str:
        self._ids += 1
        return f"e{self._ids:06d}"

    # -- what happens

    def make(self, name: str, **values: Any) -> str:
        """A person makes a record."""
        return self.services[name].create("Ada", STREAM, values)

    def edit(self, name: str, id: str, **values: Any) -> None:
        """A person edits a record."""
        self.services[name].edit("Ada", STREAM, id, values)

    def look(self) -> None:
        self.engine.observe([self.sync])

    def round(self, wait: float = MINUTE, look: bool = True) -> Report:
        """Observe and run once, after some time. Nothing is let through."""
        self.clock.advance(wait)
        if look:
            self.look()
        return self.engine.run(self.sync)

    def let_through(self) -> list[str]:
        with self.store.write() as tx:
            return guard.let_through(tx, self.ports, self.sync.name, "Bo")

    def settle(self, wait: float = MINUTE) -> None:
        """Rounds until nothing is left to do; whatever the guard holds is let through. Fails if that takes too long."""
        for _ in range(12):
            report = self.round(wait)
            if report.holds:
                self.let_through()
            elif not report.planned and not self.open_intents():
                return
        raise AssertionError(f"not settled: {self.open_intents()}")

    def kill_at(self, point: str, after: int = 1, work: Callable[[], object] | None = None) -> bool:
        """Work (a round, if not said) until that point is reached, and die there; then a new worker. Was it reached?"""
        self.fence.kill_at, self.fence.after = point, after
        try:
            (work or self.round)()
        except Killed:
            self.restart()
            return True
        self.fence.kill_at = None
        return False

    # -- what is there

    def shown(self, name: str) -> list[dict[str, Any]]:
        """The live records of a service, without what is empty."""
        records = self.services[name].records(STREAM)
        return [{key: value for key, value in records[id].items() if value} for id in sorted(records)]

    def only(self, name: str) -> str:
        """The id of the one live record of a service."""
        (id,) = self.services[name].records(STREAM)
        return id

    def only_titled(self, name: str, title: str) -> str:
        """The id of the one live record of that title."""
        records = self.services[name].records(STREAM)
        (id,) = [id for id, values in records.items() if values["title"] == title]
        return id

    def writes(self) -> int:
        return sum(len(service.truth.writes()) for service in self.services.values())

    def sent(self, name: str) -> list[str]:
        """The writing requests that a service was sent."""
        return [request for request in self.services[name].requests if request.startswith("write")]

    def requests(self) -> int:
        return sum(len(service.requests) for service in self.services.values())

    def rows(self, table: sa.Table, *where: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
        """Rows by primary key: without an order, each database answers in one of its own."""
        with self.store.read() as tx:
            return tx.all(sa.select(table).where(*where).order_by(*table.primary_key))

    def open_intents(self) -> list[dict[str, Any]]:
        return self.rows(t.intent, t.intent.c.closed_at.is_(None))

    def findings(self) -> dict[str, str]:
        """Code -> state of all findings ever."""
        return {row["code"]: row["state"] for row in self.rows(t.finding)}

    def open_findings(self) -> list[str]:
        return sorted(row["code"] for row in self.rows(t.finding, t.finding.c.state == "open"))

    def content(self) -> bytes:
        """Everything that the store holds."""
        with self.store.read() as tx:
            tables = {table.name: tx.all(sa.select(table)) for table in t.metadata.sorted_tables}
        return msgspec.json.encode(tables)


RIDES: Mapping[str, tuple[Kind, dict[str, Any]]] = {
    "comments": (Kind.COMMENT, {"text": "body"}),
    "attachments": (Kind.ATTACHMENT, {"largest": 1000}),
}


class Talk(Bench):
    """A bench whose services let people talk about items and put files there; one of the two rides with the tasks.

    ``carried`` are keywords of ``Carried``.
    """

    def __init__(
        self, *traits: Traits, rides: str = "comments", carried: Mapping[str, Any] | None = None, **more: Any
    ) -> None:
        able = [replace(each, comments=True, files=each.files or 1000) for each in traits or (Traits(), Traits())]
        super().__init__(*able, **more)
        kind, rules = RIDES[rides]
        self.talk = carrying(self.sync, rides, kind, **{**rules, **(carried or {})})
        self.world = World(self.connections, {"tasks": self.sync, self.talk.name: self.talk})
        self.restart()

    def say(self, name: str, id: str, text: str, person: str = "Ada") -> str:
        """A person says something about an item."""
        return self.services[name].create(person, COMMENTS, {"item": id, "text": text})

    def said(self, name: str) -> list[str]:
        """What the comments of a service say, in their order."""
        records = self.services[name].records(COMMENTS)
        return [records[id]["text"] for id in sorted(records)]

    def put(self, name: str, id: str, title: str, body: bytes, person: str = "Ada") -> str:
        """A person puts a file on an item."""
        return self.services[name].create(person, FILES, {"item": id, "name": title, "bytes": body})

    def files(self, name: str) -> list[tuple[str, bytes]]:
        """The files of a service, by their names."""
        items = [item for item in self.services[name].items.values() if item.stream == FILES and not item.deleted]
        return sorted((str(item.values["name"]), item.body) for item in items)

    def look(self) -> None:
        self.engine.observe([self.sync, self.talk])

    def round(self, wait: float = MINUTE, look: bool = True) -> Report:
        """Both syncs, the tasks first. The report is that of what rides along, with what was planned for either."""
        self.clock.advance(wait)
        if look:
            self.look()
        for sync in (self.sync, self.talk):
            self.engine.take_in(sync)
        tasks = self.engine.run(self.sync)
        riding = self.engine.run(self.talk)
        riding.planned += tasks.planned
        riding.holds += tasks.holds
        return riding

    def let_through(self) -> list[str]:
        with self.store.write() as tx:
            passed = [guard.let_through(tx, self.ports, sync.name, "Bo") for sync in (self.sync, self.talk)]
            return [reason for each in passed for reason in each]
