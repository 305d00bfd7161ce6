"""The contract that every connector keeps: a few verbs, and abilities as data.

A connector speaks its system's own words (``card``, ``issue``, ``Deal``). It never interprets what a
record means, never decides, and never keeps state that a restart would miss: cursors and links live above.

Times in this contract are text in UTC, ISO 8601 with milliseconds and ``Z``, so that they sort as text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import msgspec

T = TypeVar("T")


class Clock(Protocol):
    """Time, handed in so that a simulation can own it."""

    def now(self) -> datetime:
        """The current time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps back."""
        ...

    def wait(self, seconds: float) -> None:
        """Return after ``seconds`` have passed on this clock."""
        ...


Gate = Callable[[], None]
"""Called as the last thing before a writing request leaves; raises ``errors.GateClosed`` to stop it."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One thing as the system sent it, with just enough outside to sync it."""

    stream: str
    id: str
    payload: dict[str, Any] = {}
    version: str | None = None
    """The service's own version, in a form in which newer sorts after older as text. None: it has none."""
    deleted: bool = False
    """The service says it is gone: a tombstone, the bin, or 404/410 by id. Archived is not deleted."""
    forbidden: bool = False
    """Asked for by id and refused (403): exists or not, nobody may say. Never a delete. Neither is it one where the
    thing is in another stream now, which ``place`` in the payload then names."""
    partial: bool = False
    """A hint from a feed: fetch it by id before believing it."""
    marker: str | None = None
    """The marker of ours found on the record; it is stripped from the payload."""
    ours: bool = False
    """Made by the account that this connection signs in with."""
    scope: str | None = None
    """Id of the place it lies in: project, board, folder, module."""
    url: str | None = None
    created_at: str | None = None
    modified_at: str | None = None
    modified_by: str | None = None
    """The account id of whoever changed it last, where the service tells."""
    modified_by_name: str | None = None
    """What the service calls that account now, where it says."""


class Ignored(msgspec.Struct, frozen=True):
    """Something in an answer that this connector does not read: reported, never dropped in silence."""

    what: str
    id: str | None = None


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """A row of which no record could be made, while the others of its page go on: told to people, never dropped in
    silence."""

    stream: str
    id: str | None
    """None: it has none that could be read."""
    why: str
    """In words, without values of the row."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A batch from one feed, and the place to resume once it has been stored."""

    records: list[Record]
    cursor: str
    """Opaque. Storing it before the records loses data; the caller stores both in one transaction."""
    last: bool = False
    """Nothing more for now: the cursor is where the next round begins."""
    complete: bool = False
    """On the last page: this pull began without a cursor and has listed everything that exists."""
    ignored: list[Ignored] = []
    unreadable: list[Unreadable] = []


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes that a write uploads, in a private file of ours that was filled and hashed before."""

    path: Path
    name: str
    """A label from outside, never a path."""
    media_type: str
    size: int
    """Bytes."""
    sha256: str
    """Lower-case hexadecimal."""


class Write(msgspec.Struct, frozen=True, kw_only=True):
    """One change to one record. ``values`` holds only what changes, in the system's own words and forms."""

    intent: str
    kind: Literal["create", "update", "delete", "archive"]
    id: str | None = None
    values: dict[str, Any] = {}
    expected_version: str | None = None
    marker: str | None = None
    reserved_id: str | None = None
    content: Content | None = None
    """Bytes that go with it, where the stream's ``content`` ability says so."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one write. Exactly one per write, whatever happens."""

    intent: str
    status: Literal["done", "refused", "stale", "gone", "unknown", "not_sent"]
    """done: took effect. refused: the service will not have it, a retry is pointless. stale: the expected
    version has passed. gone: no such record. unknown: it may have taken effect. not_sent: surely no effect,
    try again later."""
    id: str | None = None
    record: Record | None = None
    """The record as the write's own answer carried it, where the service returns it whole."""
    version: str | None = None
    reason: str = ""
    code: str = ""
    """The service's own code, for the reader of a finding."""
    field: str | None = None
    """The field the service blamed, in its own words."""
    retry_after: float | None = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a record's history, one field. Old and new in the form the record's payload has."""

    id: str
    field: str
    old: Any
    new: Any
    at: str
    by: str | None = None
    by_name: str | None = None
    """What the service calls that account, where it says."""
    ours: bool = False


Marker = Literal["reserved_id", "unique_field", "in_create", "fingerprint", "none"]


class Price(msgspec.Struct, frozen=True):
    """What work on many records takes: ``calls`` requests for every ``per`` records begun."""

    calls: int = 1
    per: int = 1

    def of(self, records: int) -> int:
        """Requests for so many records."""
        return self.calls * -(-records // self.per)


class Extra(msgspec.Struct, frozen=True):
    """Requests that a field takes besides those of its record: for each record that it is written to, for each part of
    it that comes or goes, where it is a list, and for all records of a push that it is written to together."""

    record: int = 0
    part: int = 0
    push: tuple[Price, ...] = ()


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What each verb takes while nothing goes wrong, as much as it may be: a plan is reckoned up from it.

    A verb's prices add up; those of the writes hold the reading that belongs to them as well.
    """

    get: tuple[Price, ...] = (Price(1, 100),)
    create: tuple[Price, ...] = (Price(),)
    update: tuple[Price, ...] = (Price(),)
    delete: tuple[Price, ...] = (Price(),)
    """Of an archive too."""
    history: tuple[Price, ...] = (Price(),)
    created: Mapping[str, Extra] = {}
    """The system's field -> what it adds to a create."""
    updated: Mapping[str, Extra] = {}
    """The system's field -> what it adds to an update."""
    read_units: int = 0
    """Units of the quota for each record read, besides the one of each request."""
    write_units: Price | None = None
    """Units of the quota that the records of a create or an update take together, where that is more than requests."""


class Abilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a service can do with one stream; the engine plans within it and never asks for a name."""

    create: bool = False
    update: bool = False
    delete: bool = False
    archive: bool = False
    guarded: bool = False
    """Honours ``expected_version`` on the server."""
    grain: float = 0.0
    """Seconds within which two edits share a version, so that the server cannot tell them apart. 0: no two do."""
    history: bool = False
    """``history()`` tells old and new value, time and author of each change."""
    versioned: bool = False
    """Records carry a version."""
    returns_record: bool = False
    """The answer to a write carries the whole record."""
    marker: Marker = "none"
    batch: int = 1
    """Creates that one request takes."""
    after_create: frozenset[str] = frozenset()
    """The system's fields that no create sets by itself: a new record begins with a value of the service's own, and an
    update sets ours once it is there."""
    stepwise: frozenset[str] = frozenset()
    """The system's fields that come to a value by steps, so that a write may end half-way."""
    together: Mapping[str, int] = {}
    """The system's field -> how many updates that change nothing else are best pushed at once, since they share
    requests: such an update takes what ``Costs.updated`` says of the field, and nothing for itself."""
    costs: Costs = Costs()
    search_lag: float = 0.0
    """Seconds until a new record is sure to appear in ``find`` and ``made_since``."""
    content: int = 0
    """Largest number of bytes that a create or update may carry. 0: records of this stream have no bytes to write."""
    settle: float = 25.0
    """Longest time in seconds after a request's time-out in which it may still take effect."""
    audience: Literal["team", "client"] = "team"
    """``client``: people outside the company can see records of this stream."""
    hides: bool = False
    """What the account may not see any more answers as what was deleted does."""


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a stream, as the service describes it to this account."""

    name: str
    label: str = ""
    kind: str = "text"
    """The system's own word for the type."""
    writable: bool = True
    required: bool = False
    custom: bool = False
    values: list[str] | None = None
    """What an enumeration allows, in the form that the payload shows."""
    classes: dict[str, str] | None = None
    """The service's own class of each value, never its display name (a status' category, a deal stage's kind)."""
    called: dict[str, str] | None = None
    """What people call each value, where ``values`` are ids."""
    id: str | None = None
    """What the service knows it by, where a field made anew under the same name has another."""
    scope: str | None = None
    """Id of the only place whose records have it (a board); None: all have it."""
    refers: str | None = None
    """The stream whose record a reference names, where the service says it and it is always the same one."""


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    abilities: Abilities
    fields: list[Field] = []
    parent: str | None = None
    """The stream a record must lie under (a comment's issue); its id is named in the payload."""


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """What is polled, and the unit of a cursor."""

    name: str
    streams: list[str]
    cost: int
    """Requests of one pull when nothing changed."""
    more: int = 0
    """What they take of the quota besides one unit each."""
    deletes: bool = True
    """The feed itself tells of deletes. If not, ``ids()`` must be asked now and then."""
    grain: float = 0.001
    """Resolution of its times, in seconds."""
    place: str = ""
    """What people call the place that it tells of, if it is one of several (a board)."""

    @property
    def units(self) -> int:
        """What one pull takes of the quota when nothing changed."""
        return self.cost + self.more


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """What the account may spend in any ``seconds``, in the service's own unit. A request takes one, or more."""

    unit: Literal["requests", "credits", "points"]
    amount: int
    seconds: float
    used: int | None = None
    """As the service told last, where it tells."""


class Description(msgspec.Struct, frozen=True, kw_only=True):
    system: str
    streams: list[Stream]
    feeds: list[Feed]
    limits: dict[str, str] = {}
    quota: Quota | None = None
    """The allowance that the account shares with others, as the service states it; None where it states none."""
    currency: str | None = None
    """What amounts are in that name no currency (ISO 4217); None where the service does not say."""

    def stream(self, name: str) -> Stream:
        """The stream of that name. Raises KeyError if the connection has none."""
        for stream in self.streams:
            if stream.name == name:
                return stream
        raise KeyError(name)


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Who we are over there, and where "there" is."""

    id: str
    name: str
    site: str
    """Identity of the site or organisation: if it changes, every id has changed its meaning."""
    timezone: str | None = None
    server_time: str | None = None


class Connector(Protocol):
    """A configured account of one system. Safe to use from several threads."""

    @property
    def calls(self) -> int:
        """Requests sent since it was built."""
        ...

    @property
    def units(self) -> int:
        """What they took of the account's quota, in its unit: a request takes one, or more."""
        ...

    def check(self) -> Account:
        """Sign in and look. Repeatable. Raises ``AuthFailed``, ``ScopeMissing``, ``Misconfigured``, ``Unreachable``."""
        ...

    def describe(self) -> Description:
        """Streams, feeds, fields and limits as the service tells them to this account. Repeatable, may be kept."""
        ...

    def pull(self, feed: str, cursor: str | None = None) -> Iterator[Page]:
        """Everything (no cursor) or all that changed since it, page by page, at least one page.

        Repeats records rather than miss one; raises ``CursorLost`` when the service no longer knows the cursor,
        any other ``ConnectorError`` when it must stop, after the pages that were good.
        """
        ...

    def get(self, stream: str, ids: Sequence[str]) -> Iterator[Record]:
        """Exactly one record per distinct id, read by id (strongly): live, ``deleted`` or ``forbidden``. Batched."""
        ...

    def push(self, stream: str, writes: Sequence[Write], gate: Gate) -> Iterator[Outcome]:
        """Send the writes, in order, as few requests as the service allows; one outcome each as it becomes known,
        never an exception for a single record. ``gate`` is called directly before every writing request. A write is
        sent at most once.
        """
        ...

    def find(self, stream: str, marker: str) -> list[Record]:
        """Records that carry the marker, trash and archive included, oldest first. Empty where there are none."""
        ...

    def made_since(self, stream: str, scope: str | None, since: str) -> Iterator[Record]:
        """Records made by our account at or after ``since``, from a strong listing of ``scope``."""
        ...

    def reserve(self, stream: str, count: int) -> list[str]:
        """Ids that later creates may use, where the marker is ``reserved_id``."""
        ...

    def history(self, stream: str, ids: Sequence[str], since: str) -> Iterator[Change]:
        """Changes at or after ``since``, oldest first within a record, where the stream has history. Batched."""
        ...

    def ids(self, stream: str) -> Iterator[list[str]]:
        """Ids of all live records, in pages: a census."""
        ...


def utc(moment: datetime) -> str:
    """A time in the form this contract uses. Raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError(f"a time without a zone: {moment.isoformat()}")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The items in order, ``size`` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
