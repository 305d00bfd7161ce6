"""A small service in memory that behaves as its ``Traits`` say: guarded or not, with versions, with a history, with a
lagging index. It injects the same faults as the sandboxes, and keeps the true log."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from connectors.base import (
    Change,
    Clock,
    Marker,
    Write,
    utc,
)
from connectors.errors import (
    CursorLost,
    EffectUnknown,
    NotFound,
    RateLimited,
    RecordRefused,
    ScopeMissing,
    Stale,
    Transient,
)
from connectors.sandbox.exchange import Request, Response
from connectors.sandbox.faults import ConnectionBroken, Faults, apply
from connectors.sandbox.truth import Truth

T = TypeVar("T")

STREAM = "items"
BOT = "keepstep"
COMMENTS = "comments"
SAID = ("text", "item", "author", "at")
"""What a comment has."""
FILES = "files"
PUT = ("name", "item", "author", "at", "size")
"""What a file has, beside its bytes."""
FIELDS = ("title", "notes", "due", "labels", "owner", "parent")


@dataclass(frozen=True, slots=True)
class Traits:
    """How a service behaves, and with which fields."""

    guarded: bool = False
    versioned: bool = True
    history: bool = False
    returns_record: bool = True
    marker: Marker = "in_create"
    lag: float = 0.0
    shouts: bool = False
    """Shows titles in capitals, whatever was sent."""
    dots: bool = False
    """Ends notes with a full stop, and tells nobody: a rule of the customer's own."""
    fields: tuple[str, ...] = FIELDS
    page: int = 50
    deletes: bool = True
    """The feed tells of deletes."""
    batch: int = 10
    comments: bool = False
    """People talk about items."""
    files: int = 0
    """Most bytes of a file that people put on items. 0: none can be put there."""
    hides: bool = False
    """What the account may not see answers as what was deleted, and nothing tells of a delete by itself."""
    audience: Literal["team", "client"] = "team"
    """Who can read what they say."""


@dataclass(slots=True)
class Item:
    """One record of the service, with what its API does not show."""

    id: str
    values: dict[str, Any]
    seq: int
    created_at: str
    changed_at: str
    visible_at: float
    found_at: float
    """From when on the index knows it by its marker. Of what was edited since, it shows the former state until it shows
    the new one."""
    by: str
    ours: bool
    marker: str | None = None
    deleted: bool = False
    stream: str = STREAM
    body: bytes = b""
    history: list[Change] = field(default_factory=list)


class MemoryService:
    """The service. Its control verbs are those of every stand-in."""

    system = "memory"

    def __init__(self, clock: Clock, seed: int = 1, traits: Traits | None = None) -> None:
        self.clock = clock
        self.traits = traits or Traits()
        self.faults = Faults(random.Random(seed))
        self.truth = Truth()
        self.items: dict[str, Item] = {}
        self.requests: list[str] = []
        self.lacks: set[str] = set()
        """Rights that the hub's account does not have: ``write``, ``fields``."""
        self.denied: set[str] = set()
        """Items that the hub's account may not see: asked for by id they are refused, and no listing shows them."""
        self.fields_added: set[str] = set()
        """Fields that were added for the hub."""
        self._seq = 0
        self._later: list[tuple[float, Any]] = []
        self._acting_at: float | None = None
        """When a late effect came, although it is worked out only now."""
        self.late: set[int] = set()
        """Numbers of the entries that came of requests which took effect late."""

    # -- people and tests

    def create(self, person: str, stream: str, values: Mapping[str, Any]) -> str:
        return self._create(person, dict(values), None, None, person == BOT, stream).id

    def edit(self, person: str, stream: str, id: str, values: Mapping[str, Any]) -> None:
        self._edit(person, self._item(id), values)

    def delete(self, person: str, stream: str, id: str) -> None:
        self._delete(person, self._item(id))

    def restore(self, person: str, stream: str, id: str) -> None:
        item = self.items[id]
        if item.deleted:
            item.deleted = False
            self._touch(item, person)
            self.truth.add(at=self._now(), actor=person, kind="restore", stream=item.stream, id=id)

    def grant(self) -> None:
        """Let the hub's account see everything again. A change of rights counts as a change, as in Drive's log."""
        for id in sorted(self.denied):
            self._seq += 1
            self.items[id].seq = self._seq
        self.denied.clear()

    def records(self, stream: str) -> dict[str, dict[str, Any]]:
        return {id: dict(item.values) for id, item in self.items.items() if not item.deleted and item.stream == stream}

    # -- what the connector's requests do

    def serve(self, name: str, work: Any) -> Any:
        """One request, with whatever fault is on. Raises what a connector's HTTP would."""
        self._settle()
        self.requests.append(name)
        writing = name.startswith("write")
        fault = self.faults.draw(Request(method="POST" if writing else "GET", path=f"/{name}"))
        if fault is None:
            return work()
        results: list[Any] = []

        def run() -> Response:
            results.append(work())
            return Response(200, b"{}")

        trouble: Exception
        try:
            answer = apply(fault, run, lambda kind: Response(429), lambda at, do: self._postpone(at, do))
        except ConnectionBroken:
            trouble = EffectUnknown(name) if writing else Transient(name)
            raise trouble from None
        if answer.status == 429:
            raise RateLimited(name, retry_after=1.0)
        raise EffectUnknown(name) if writing else Transient(name)

    def _postpone(self, delay: float, work: Any) -> None:
        self._later.append((self.clock.monotonic() + delay, work))

    def overdue(self) -> int:
        """Requests that take effect late, and do so before the next one is answered."""
        return sum(at <= self.clock.monotonic() for at, _ in self._later)

    def _settle(self) -> None:
        now = self.clock.monotonic()
        due = [(at, work) for at, work in self._later if at <= now]
        self._later = [(at, work) for at, work in self._later if at > now]
        for at, work in due:
            self._acting_at, before = at, len(self.truth.entries)
            try:
                work()
            except (RecordRefused, EffectUnknown):
                continue  # a late request finds the record gone or moved: nobody hears of it
            finally:
                self._acting_at = None
                self.late.update(range(before, len(self.truth.entries)))

    def write(self, write: Write, stream: str = STREAM) -> Item:
        if write.kind == "create":
            given = dict(write.values)
            if stream == FILES:
                if write.content is None or write.content.size > self.traits.files:
                    raise RecordRefused("no file that is taken", status=413)
                given["bytes"] = write.content.path.read_bytes()
            if write.reserved_id and write.reserved_id in self.items:
                raise RecordRefused("exists", status=409, code="exists")
            held = self._holder(write.marker) if self.traits.marker == "unique_field" else None
            if held is not None:
                self._edit(BOT, held, write.values)
                return held
            return self._create(BOT, given, write.marker, write.reserved_id, True, stream)
        if write.kind == "archive":
            raise RecordRefused("items have no archive", code="not_supported")
        item = self.items.get(write.id or "")
        if item is None or item.deleted:
            raise NotFound(f"write {write.id}", status=404)
        if self.traits.guarded and write.expected_version and write.expected_version != version(item):
            raise Stale(f"write {write.id}", status=412)
        if write.kind == "delete":
            self._delete(BOT, item)
        else:
            self._edit(BOT, item, write.values)
        return item

    def add_field(self, name: str) -> None:
        if "fields" in self.lacks:
            raise ScopeMissing(f"field {name}: grant the right `fields`", status=403)
        self.fields_added.add(name)

    def remove_field(self, name: str) -> None:
        if "fields" in self.lacks:
            raise ScopeMissing(f"field {name}: grant the right `fields`", status=403)
        self.fields_added.discard(name)

    def unmark(self, id: str) -> Item:
        """Take the hub's marker off an item; nothing else of it changes but its version."""
        item = self.items.get(id)
        if item is None or item.deleted:
            raise NotFound(f"unmark {id}", status=404)
        if item.marker is not None:
            item.marker = None
            self._touch(item, BOT)
            self.truth.add(at=self._now(), actor=BOT, kind="update", stream=STREAM, id=id, changes={}, ours=True)
        return item

    def _holder(self, marker: str | None) -> Item | None:
        """The live item that has this marker in the unique field."""
        return next(
            (item for item in self.items.values() if marker and item.marker == marker and not item.deleted), None
        )

    def _create(
        self, by: str, values: dict[str, Any], marker: str | None, id: str | None, ours: bool, stream: str = STREAM
    ) -> Item:
        self._seq += 1
        body = values.pop("bytes", b"")
        if stream != STREAM:
            values |= {"author": by, "at": self._now(), "size": len(body)}
        item = Item(
            id=id or f"{self._seq:06d}",
            values={name: self.form(name, values.get(name)) for name in self.fields_of(stream)},
            seq=self._seq,
            created_at=self._now(),
            changed_at=self._now(),
            visible_at=self._acting() + self.traits.lag,
            found_at=self._acting() + self.traits.lag,
            by=by,
            ours=ours,
            marker=marker if self.traits.marker not in ("none", "fingerprint") else None,
            stream=stream,
            body=body,
        )
        self.items[item.id] = item
        changes = {name: (None, value) for name, value in item.values.items() if value is not None}
        self.truth.add(
            at=self._now(), actor=by, kind="create", stream=stream, id=item.id, changes=changes, ours=ours, place=marker
        )
        return item

    def _edit(self, by: str, item: Item, values: Mapping[str, Any]) -> None:
        changes = {}
        for name, value in values.items():
            shown = self.form(name, value)
            if name in self.fields_of(item.stream) and item.values.get(name) != shown:
                changes[name] = (item.values.get(name), shown)
                item.values[name] = shown
        if not changes:
            return
        self._touch(item, by)
        for name, (old, new) in changes.items():
            item.history.append(Change(id=item.id, field=name, old=old, new=new, at=self._now(), by=by, ours=by == BOT))
        self.truth.add(
            at=self._now(), actor=by, kind="update", stream=item.stream, id=item.id, changes=changes, ours=by == BOT
        )

    def _delete(self, by: str, item: Item) -> None:
        for said in self.items.values():
            if said.stream != STREAM and said.values["item"] == item.id and not said.deleted:
                self._delete(by, said)
        item.deleted = True
        self._touch(item, by)
        self.truth.add(at=self._now(), actor=by, kind="delete", stream=item.stream, id=item.id, ours=by == BOT)

    def _touch(self, item: Item, by: str) -> None:
        self._seq += 1
        item.seq, item.changed_at, item.by = self._seq, self._now(), by
        item.visible_at = self._acting() + self.traits.lag

    def fields_of(self, stream: str) -> tuple[str, ...]:
        return {COMMENTS: SAID, FILES: PUT}.get(stream, self.traits.fields)

    def form(self, name: str, value: Any) -> Any:
        """What the service makes of a value that is given to it."""
        if self.traits.shouts and name == "title" and isinstance(value, str):
            return value.upper()
        if self.traits.dots and name == "notes" and isinstance(value, str) and not value.endswith("."):
            return value + "."
        return value

    def _item(self, id: str) -> Item:
        item = self.items.get(id)
        if item is None or item.deleted:
            raise KeyError(id)
        return item

    def _now(self) -> str:
        return utc(self.clock.now())

    def _acting(self) -> float:
        return self.clock.monotonic() if self._acting_at is None else self._acting_at


def place(cursor: str | None) -> int:
    """The place in the log that a cursor means. Raises ``CursorLost``."""
    if cursor is None:
        return 0
    if re.fullmatch(r"\d{1,18}", cursor, re.ASCII) is None:
        raise CursorLost("the cursor is none of this service's")
    return int(cursor)


def version(item: Item) -> str:
    return f"{item.seq:012d}"
