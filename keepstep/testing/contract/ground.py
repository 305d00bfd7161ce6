"""What a test class says of its stream, and the short ways by which the tests act."""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, ClassVar

import pytest

from connectors.base import Abilities, Connector, Content, Feed, Outcome, Page, Record, Write
from connectors.sandbox.clock import START, VirtualClock
from connectors.sandbox.faults import Fault, Kind
from connectors.sandbox.truth import Entry
from keepstep.testing.contract.world import World

PERSON = "Anna Berg"
OTHER = "Bo Chen"


def open_gate() -> None:
    """Lets everything through."""


class Ground(ABC):
    """The abstract part: a subclass names a stream and makes its world."""

    stream: ClassVar[str]
    sample: ClassVar[Mapping[str, Any]]
    """Values of a create, in the words of ``Write.values``. The world's ``place`` is added."""
    content: ClassVar[bytes] = b""
    """What a create carries, where the stream's records are files. A person's come with it as ``bytes``."""
    edit: ClassVar[Mapping[str, Any]] = {}
    """Values of an update that changes each of these fields."""
    follows: ClassVar[frozenset[str]] = frozenset()
    """Other fields that the service itself changes with that edit, by their names in the true log."""
    crowd: ClassVar[int] = 0
    """How many records surely take several pages. 0: a full read of this stream is one page, however long."""
    idle: ClassVar[float] = 300.0
    """Seconds after which what the last pull saw is out of the overlap and in every index."""
    unknown: ClassVar[str] = "999999999999"
    """An id in the service's form that no record has."""
    writing: ClassVar[str] = r"^(POST|PUT|PATCH|DELETE) "
    """Requests (``METHOD path``) that write, once a connector has signed in."""
    slow_feed: ClassVar[bool] = False
    """The feed sees the stream only when something else changed, or in a slow rotation: no incremental tests."""

    loud: ClassVar[frozenset[str]] = frozenset()
    """Kinds of write of which the service tells people by mail, and offers no switch."""

    beside: ClassVar[frozenset[str]] = frozenset()
    """Streams under which the true log notes a write of this one a second time (a card, for its checklist)."""
    marker_stream: ClassVar[str | None] = None
    """The stream of our marker, where the service keeps it as a record of its own (a card's attachment)."""
    own_only: ClassVar[bool] = False
    """The service lets an account change only what it made."""
    lasting: ClassVar[bool] = False
    """Nobody can delete such a record, not even by the service's own button."""

    @abstractmethod
    def make(self, clock: VirtualClock) -> World:
        """A fresh service with an account for the hub, whatever place the stream's records need, and no record."""

    def number(self, n: int) -> Mapping[str, Any]:
        """Values in which the n-th record of a crowd differs, where the service wants that."""
        return {}

    def shown(self, payload: Mapping[str, Any], name: str) -> Any:
        """A field of ``Write.values`` as the payload shows it, where it does not stand at the top."""
        return payload.get(name)

    @pytest.fixture
    def world(self) -> Iterator[World]:
        """A fresh world, whose true log is looked through when the test is over."""
        made = self.make(VirtualClock(START))
        self.planted: set[str] = set()
        yield made
        self.was_quiet(made)

    # -- what is declared

    def abilities(self, world: World) -> Abilities:
        return world.description.stream(self.stream).abilities

    def need(self, world: World, ability: str) -> Abilities:
        """The abilities, if this one is among them; otherwise the test is skipped by its name."""
        abilities = self.abilities(world)
        if not getattr(abilities, ability):
            pytest.skip(f"{self.stream} does not declare {ability}")
        return abilities

    def feed(self, world: World) -> Feed:
        feeds = [feed for feed in world.description.feeds if self.stream in feed.streams]
        if not feeds:
            pytest.skip(f"no feed yields {self.stream}")
        return next((feed for feed in feeds if feed.name == world.feed), feeds[0])

    def incremental(self, world: World) -> Feed:
        if self.slow_feed:
            pytest.skip(f"{self.stream} is seen in a slow rotation only")
        return self.feed(world)

    # -- people

    def values(self, world: World, n: int | None = None) -> dict[str, Any]:
        return {**self.sample, **world.place, **(self.number(n) if n is not None else {})}

    def person_creates(self, world: World, n: int | None = None) -> str:
        carried = {"bytes": self.content} if self.content else {}
        return world.core.create(PERSON, self.stream, {**self.values(world, n), **carried})

    def target(self, world: World, n: int | None = None) -> str:
        """A record that our account may change: a person's, or ours where the service wants that."""
        if not self.own_only:
            return self.person_creates(world, n)
        (outcome,) = self.push(world, [self.write(world, "create", values=self.values(world, n))])
        assert outcome.status == "done"
        assert outcome.id
        self.planted.add(outcome.id)
        return outcome.id

    # -- the connector

    def pages(self, world: World, cursor: str | None = None, connector: Connector | None = None) -> list[Page]:
        return list((connector or world.connector).pull(self.feed(world).name, cursor))

    def of_stream(self, pages: Iterable[Page]) -> list[Record]:
        return [record for page in pages for record in page.records if record.stream == self.stream]

    def standing(self, pages: Iterable[Page]) -> dict[str, Record]:
        """What a reader of these pages holds in the end: live records by id."""
        held: dict[str, Record] = {}
        for record in self.of_stream(pages):
            if record.deleted:
                held.pop(record.id, None)
            elif not record.forbidden:
                held[record.id] = record
        return held

    def settled_cursor(self, world: World) -> str:
        """A cursor from which nothing is new, long enough after everything that has happened."""
        cursor = None
        for _ in range(3):
            cursor = self.pages(world, cursor)[-1].cursor
            world.clock.advance(self.idle)
        assert cursor is not None
        return cursor

    def one(self, world: World, id: str) -> Record:
        (record,) = world.connector.get(self.stream, [id])
        return record

    def write(self, world: World, kind: Any, intent: str = "intent-1", **more: Any) -> Write:
        """A write as the engine would make it; a create of a stream with reserved ids has one."""
        if kind == "create":
            more.setdefault("values", self.values(world))
            if self.content:
                more.setdefault("content", self.file(world))
            if self.abilities(world).marker == "reserved_id":
                more.setdefault("reserved_id", world.connector.reserve(self.stream, 1)[0])
        elif kind == "update":
            more.setdefault("values", dict(self.edit))
        return Write(intent=intent, kind=kind, **more)

    def file(self, world: World) -> Content:
        """What a create carries, in a file that is there as long as the world is."""
        if world.file is None:
            world.file = NamedTemporaryFile()  # noqa: SIM115
            world.file.write(self.content)
            world.file.flush()
        digest = hashlib.sha256(self.content).hexdigest()
        return Content(Path(world.file.name), "sample.txt", "text/plain", len(self.content), digest)

    def push(
        self, world: World, writes: Sequence[Write], gate: Callable[[], None] = open_gate, connector: Any = None
    ) -> list[Outcome]:
        return list((connector or world.connector).push(self.stream, writes, gate))

    def warm(self, world: World) -> None:
        """Sign in and read what is kept, so that the next request is the one the test is about."""
        world.connector.check()
        world.connector.describe()
        list(world.connector.get(self.stream, [self.unknown]))

    def fault(self, world: World, kind: Kind, times: int | None = 1, match: str | None = None) -> None:
        world.core.faults.switch_on(Fault(kind, match=self.writing if match is None else match, times=times))

    # -- the true log

    def writes(self, world: World) -> list[Entry]:
        """What we did to this stream, without what ``target`` made."""
        entries = [entry for entry in world.core.truth.writes() if entry.stream == self.stream]
        return [entry for entry in entries if entry.kind != "create" or entry.id not in self.planted]

    def was_quiet(self, world: World) -> None:
        """No permission was written, nobody got mail, no workflow ran, and nothing but the stream was touched."""
        for line in world.core.requests:
            assert not (re.match(self.writing, line) and re.search(r"permission|/share\b", line)), line
        for entry in world.core.truth.writes():
            unmarked = entry.kind == "delete" and entry.stream == self.marker_stream
            assert entry.stream == self.stream or entry.stream in self.beside or unmarked, entry
            assert entry.notified == 0 or entry.kind in self.loud, entry
            assert not entry.automation, entry
