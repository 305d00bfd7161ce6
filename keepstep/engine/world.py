"""The configured world, compiled: connections with their connectors, and syncs with their sides and rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from connectors.base import Abilities, Connector, Description, Feed
from keepstep.engine.budget import Meter
from keepstep.engine.state import EntityState
from mapping.agreement import UNSURE, Equality, Rule
from mapping.fields import Declared, Mapper, Unmappable, narrowed
from mapping.fields import Mode as FieldMode
from mapping.items import alike
from mapping.model import CONTENT, STANDARD, Form, Kind, Model
from mapping.pairs import as_day
from mapping.richtext import normal_markdown

Mode = Literal["observe", "propose", "write"]

Rows = Callable[[sa.Select[Any]], Iterable[dict[str, Any]]]
"""What asks the store within the transaction at hand, for those who may not need to."""

Eligible = Callable[[Rows, datetime], Callable[[EntityState], bool]]
"""What tells at a moment whether something that was there before the hub began may be created elsewhere."""


class NoAnswer(Exception):
    """An expression of the configuration cannot be judged, though every value is there that it asks for."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A configured account of a system, ready to talk."""

    name: str
    connector: Connector
    description: Description
    mappers: Mapping[str, Mapper]
    access: Literal["read", "write"] = "write"
    sign_in: int = 0
    """Requests that it took to sign in and to ask what there is."""
    meter: Meter | None = None
    """Books its requests, where there is a ceiling for them."""

    def has(self, stream: str) -> bool:
        """Whether the account has that stream, and something says what its records are."""
        return stream in self.mappers and any(each.name == stream for each in self.description.streams)

    def feed_key(self, feed: Feed) -> str:
        return f"{self.name}/{feed.name}"


@dataclass(frozen=True, slots=True)
class Side:
    """One stream of one connection, as a side of syncs."""

    connection: Connection
    stream: str
    declared: Mapping[str, Declared] = field(default_factory=dict)
    """Field -> what the sync asks of it on this side, where that is less than the side is able to."""

    @property
    def name(self) -> str:
        return f"{self.connection.name}.{self.stream}"

    @property
    def mapper(self) -> Mapper:
        return self.connection.mappers[self.stream]

    @property
    def abilities(self) -> Abilities:
        return self.connection.description.stream(self.stream).abilities

    @property
    def connector(self) -> Connector:
        return self.connection.connector

    def sets_later(self, kind: Kind, name: str) -> bool:
        """Whether no create sets the canonical field here: an update does, once the record is there."""
        return self.mapper.system(kind, name) in self.abilities.after_create

    @property
    def writable(self) -> bool:
        return self.connection.access == "write" and self.abilities.update


@dataclass(frozen=True, slots=True)
class Carried:
    """What makes a sync one of copies: each thing lies under a thing of another sync, is carried from the side where it
    was made to the others, once, and never back."""

    parent: str
    """The sync of the things that it lies under."""
    under: Mapping[str, frozenset[str]]
    """Own side -> the parent's sides on the same connection."""
    older: bool = False
    """Also what was there before the thing it lies under was linked."""
    text: str | None = None
    """The field whose copies say in their first line who wrote it and when."""
    heading: Callable[[str | None, str], str] = lambda author, at: f"{author or '?'}, {at}:"
    """That line, of an author's name (None: nobody knows) and a time."""


@dataclass(frozen=True, slots=True)
class Sync:
    """A set of sides that hold the same kind of entity, and how they are kept in step."""

    name: str
    kind: Kind
    sides: Mapping[str, Side]
    mode: Mode = "observe"
    create: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    computed: Mapping[Any, Callable[[Mapping[str, Any]], Any]] = field(default_factory=dict)
    """Values under ``create`` that are expressions -> what computes them from the agreed values."""
    match: tuple[str, ...] = ()
    rules: Mapping[str, Rule] = field(default_factory=dict)
    default: Rule = field(default_factory=Rule)
    """Of fields that have no rule of their own."""
    scope: Callable[[Mapping[str, Mapping[str, Any]]], bool] | None = None
    """Whether an entity belongs, by what each connection shows of it. May raise ``NoAnswer``."""
    eligible: Eligible = lambda rows, now: lambda state: True
    """Whether something that was there before the hub began is recent enough to be created elsewhere."""
    deletes: Literal["flag", "archive", "propagate"] = "flag"
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    carried: Carried | None = None
    largest: int = 0
    """Bytes of the largest file whose bytes go along; 0: none do, and things are no files or linked only."""
    left_out: frozenset[str] = frozenset()
    """Fields that are not kept in step, though sides have them."""
    model: Model = STANDARD

    def can(self, side: Side, name: str) -> FieldMode:
        """What a side does with a field: what its mapping is able to, as far as the sync asks for it."""
        if name in self.left_out:
            return "absent"
        if name == CONTENT and self.copies(side) and side.abilities.update:
            able: FieldMode = "both"  # no value is set: the bytes are
        else:
            able = side.mapper.mode(self.kind, name)
        return narrowed(able, side.declared.get(name, "both"))

    def copies(self, side: Side) -> bool:
        """Whether documents are copied to and from that side, with their bytes."""
        return self.largest > 0 and self.carried is None and side.abilities.content > 0

    @property
    def fields(self) -> Mapping[str, Form]:
        return self.model[self.kind]

    @property
    def references(self) -> list[str]:
        """Fields that refer to other entities."""
        return [name for name, form in self.fields.items() if form in (Form.REF, Form.REFS)]

    def rule(self, name: str) -> Rule:
        """The configured rule of a field, else the default of its form."""
        found = self.rules.get(name)
        if found is not None and found.policy == "rank" and not found.order:
            return replace(found, order=self.model.classes.get(name, ()))
        match self.fields[name]:
            case Form.LIST:
                return replace(found or self.default, by_item=True)
            case Form.SET | Form.REFS if found is None:
                return replace(self.default, policy="set")
        return found or self.default

    def equal(self, name: str, a: Any, b: Any) -> bool:
        """Whether two values are one to the letter; items are, whatever their ids, and none of them is nothing."""
        if a == b or UNSURE in (a, b):
            return bool(a == b)
        return self.fields[name] in (Form.LIST, Form.SET, Form.REFS) and (
            alike(a, b) if self.fields[name] is Form.LIST else not a and not b
        )

    def equality(self, name: str) -> Equality:
        """When two values of the field mean the same, on these sides and in this zone."""

        def shown(side: str, value: Any) -> Any:
            known = self.sides.get(side)
            if known is None:
                return value
            try:
                return known.mapper.normalise(self.kind, name, value)
            except Unmappable:
                return value

        match self.fields[name]:
            case Form.DATE:
                return Equality(shown, lambda a, b: same_date(a, b, self.zone), finer_date)
            case Form.REF | Form.REFS | Form.PERSON:
                return Equality()  # entities and persons have one form: a mapping translates only a side's own
            case Form.RICH:
                return Equality(shown, same_text, spelling=True)
            case Form.LIST:
                return Equality(shown, alike, spelling=True)
            case _:
                return Equality(shown)


@dataclass(frozen=True, slots=True)
class World:
    """All that is configured. Syncs stand in the order in which they build on each other."""

    connections: Mapping[str, Connection]
    syncs: Mapping[str, Sync]
    people: tuple[Mapping[str, str], ...] = ()
    """Who is who, as configured: connection -> account id or e-mail, one entry a person."""
    waiting: frozenset[str] = frozenset()
    """Sides of syncs that cannot run while another connection of theirs is down. A feed that they share with others is
    read for those, and tells of nothing twice: what it shows of them is kept until they can run."""

    def side(self, name: str) -> Side | None:
        """A side by its name, if any sync uses it."""
        for sync in self.syncs.values():
            if name in sync.sides:
                return sync.sides[name]
        return None

    def looks_at(self, side: str) -> bool:
        """Whether records of that side are kept: for a sync that runs, or for one that waits for another connection."""
        return side in self.waiting or self.side(side) is not None

    def feeds(self, sync: Sync) -> list[tuple[Connection, Feed]]:
        """The feeds that tell of the sync's sides, and of those of the things that its own lie under."""
        found: dict[str, tuple[Connection, Feed]] = {}
        above = self.syncs[sync.carried.parent].sides.values() if sync.carried else ()
        for side in (*sync.sides.values(), *above):
            for feed in side.connection.description.feeds:
                if side.stream in feed.streams:
                    found[side.connection.feed_key(feed)] = (side.connection, feed)
        return list(found.values())


def same_date(a: str | None, b: str | None, zone: ZoneInfo) -> bool:
    """Equal, or a day and an instant on that day in the zone."""
    if a == b:
        return True
    if a is None or b is None or len(a) == len(b):
        return False
    return as_day(a, zone) == as_day(b, zone)


def finer_date(a: str | None, b: str | None) -> str | None:
    """The instant, if the other is only its day."""
    return b if len(b or "") > len(a or "") else a


def same_text(a: str | None, b: str | None) -> bool:
    """Equal, or two spellings of one text."""
    return a == b or normal_markdown(a) == normal_markdown(b)
