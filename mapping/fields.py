"""How a field of a system and a canonical field are two views of one value.

A mapping is a table of ``FieldMap`` rows, each a pair of pure functions. ``StreamMapping`` walks the table both ways
and lists what could not be carried; the engine knows no other way to translate.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from zoneinfo import ZoneInfo

from connectors.base import Description, Record
from connectors.undecoded import Pick
from mapping.model import STANDARD, Form, Kind, Loss, Mapped, Model, Unmapped


class Unmappable(Exception):
    """A value that has no counterpart. ``why`` is a code."""

    def __init__(self, why: str, value: Any = None) -> None:
        super().__init__(why)
        self.why = why
        self.value = value


@dataclass(frozen=True, slots=True)
class Transform:
    """A pair of expressions (CEL) over ``value``. Without ``read`` a value is taken as it is; without ``write`` nothing
    is written to the field."""

    read: str | None = None
    write: str | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """What a configuration may say about a connection's mapping."""

    timezone: str = "UTC"
    """The project's zone: where a day begins when a side knows days and another instants."""
    currency: str = "EUR"
    """Of amounts on sides that name none."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """canonical kind -> label or tag by which the system marks records of it (``feedback``, ``milestone``)."""
    custom: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """stream -> canonical field -> the system's field, where it is not the usual one."""
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """canonical field -> the system's value -> canonical class, where the service's own class does not serve."""
    transforms: Mapping[str, Mapping[str, Transform]] = field(default_factory=dict)
    """stream -> canonical field -> what its values pass through. Applied around the mapping, which need not know."""
    entities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """stream -> canonical kinds that the configured syncs take it for, where nothing else says what its records are."""
    model: Model = STANDARD
    """The canonical fields. Those of a configuration's own are kept where ``custom`` says, and nowhere else."""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


Mode = Literal["both", "read", "create", "once", "follow", "absent"]
"""What a stream does with a canonical field: ``FieldMap`` says what each means. ``follow`` is only ever declared: the
side receives, and has no say."""

Declared = Literal["both", "read", "follow", "off"]
"""What a configuration may ask of a side's field."""

KEPT_WRITTEN: frozenset[Mode] = frozenset({"both", "follow"})
"""Modes in which a side goes on receiving what is agreed."""
WHEN_MADE: frozenset[Mode] = frozenset({"both", "follow", "create", "once"})
"""Modes in which a record that is made receives the field."""
SILENT: frozenset[Mode] = frozenset({"absent", "create"})
"""Modes in which what the side shows is its own affair."""


_NARROWED: dict[Declared, dict[Mode, Mode]] = {
    "read": {"both": "read", "once": "read", "read": "read"},
    "follow": {"both": "follow", "once": "create", "create": "create"},
    "off": {},
}


def narrowed(able: Mode, asked: Declared) -> Mode:
    """What is left of a stream's ability when a configuration asks for no more than that."""
    return able if asked == "both" else _NARROWED[asked].get(able, "absent")


Read = Callable[[Any, Mapping[str, Any]], Any]
"""System form (and the section of the payload, as far as the mapping reads it) -> canonical. Raises ``Unmappable``."""
Write = Callable[[Any, Mapping[str, Any]], Any]
"""Canonical (and the section as last seen, or an empty one) -> system form. Raises ``Unmappable``."""


@dataclass(frozen=True, slots=True)
class FieldMap:
    """One canonical field and where a stream keeps it.

    ``mode``: ``both``; ``read`` (the side shows it, nobody may set it: it votes but receives nothing);
    ``create`` (set once when the record is made, afterwards the side's own affair: it neither votes nor receives;
    without ``write`` it is not set either, and only looked at);
    ``once`` (set when the record is made; afterwards it votes and receives nothing).
    """

    canonical: str
    system: str
    read: Read
    write: Write | None = None
    mode: Literal["both", "read", "create", "once"] = "both"
    shown: Callable[[Any], Any] | None = None
    """The canonical form in which the side will show a canonical value given to it; default read(write(value))."""
    lossy: Callable[[Any], tuple[Any, list[Loss]]] | None = None
    """As ``read``, together with the parts of the value that are lost in it, for values that have parts."""
    shape: Any = Any
    """The type of the value as far as ``read`` looks at it (see ``connectors.undecoded.Pick``): less work for objects
    with many parts."""

    def normalise(self, value: Any) -> Any:
        """What this side will show once it was given ``value``. Raises ``Unmappable`` if it cannot take it."""
        if value is None:
            return None
        if self.shown is not None:
            return self.shown(value)
        if self.write is None:
            return value
        return self.read(self.write(value, {}), {})


class Mapper(Protocol):
    """What the engine asks of a stream's mapping."""

    kinds: tuple[Kind, ...]

    def canon(self, record: Record) -> Mapped:
        """A live record in canonical words. Never raises for odd data: what cannot be carried is a loss."""
        ...

    def unmap(self, kind: Kind, values: Mapping[str, Any], base: Mapping[str, Any] | None = None) -> Unmapped:
        """Canonical values in the system's words; ``base`` is the payload as last seen (None: a create)."""
        ...

    def normalise(self, kind: Kind, name: str, value: Any) -> Any:
        """What the side will show once given ``value``. Raises ``Unmappable``."""
        ...

    def mode(self, kind: Kind, name: str) -> Mode:
        """What the stream can do with a canonical field."""
        ...

    def system(self, kind: Kind, name: str) -> str:
        """The system's own name of a canonical field, as it stands in the payload and in histories."""
        ...

    def holders(self, kind: Kind, name: str) -> Collection[str]:
        """Names of the described fields that hold a canonical field: several where each place has one of its own."""
        ...

    def canon_field(self, kind: Kind, name: str, value: Any) -> Any:
        """One system value of a field, from a history, in canonical form; ``Approximate`` where the history does not
        tell it well enough to be compared. Raises ``Unmappable``."""
        ...

    def place(self, placement: Mapping[str, Any]) -> Mapping[str, Any]:
        """The system values that put a new record where a configuration's ``create:`` says (a project, a list)."""
        ...


class Approximate(str):
    """A text as a history tells it, in markup of its own that says less, or other things, than the record does. It
    differs from what the record showed even where nobody changed anything: only who set it and when is sure."""


ODD = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)
"""What a value of another form than the service promises may raise in a pair's functions."""


class StreamMapping:
    """A table of fields for one stream. ``section`` is the key of the payload that holds them ("" = the payload).

    ``beside``: names in the section that are read beside those of the rows, with their shapes.
    """

    def __init__(
        self,
        rows: Mapping[Kind, Sequence[FieldMap]],
        *,
        section: str = "",
        kind_of: Callable[[Record], Kind] | None = None,
        extra: Callable[[Kind, Mapping[str, Any]], Mapping[str, Any]] | None = None,
        placing: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict,
        beside: Mapping[str, Any] | None = None,
        model: Model = STANDARD,
    ) -> None:
        self.kinds = tuple(rows)
        self._rows = {kind: {row.canonical: row for row in table} for kind, table in rows.items()}
        for kind, table in self._rows.items():
            unknown = set(table) - set(model[kind])
            if unknown:
                raise ValueError(f"{kind.value} has no field {', '.join(sorted(unknown))}")
        self._pick = Pick(_shapes([row for table in rows.values() for row in table], beside or {}))
        self._section = section
        self._kind_of = kind_of or (lambda record: self.kinds[0])
        self._extra = extra
        """System values that every create of a kind carries (an issue type, a label)."""
        self.place = placing

    def canon(self, record: Record) -> Mapped:
        section = record.payload.get(self._section) if self._section else record.payload
        if not isinstance(section, Mapping):
            kind = self._kind_shown(record, {})
            return Mapped(kind=kind, values={}, losses=[Loss(self._section, "section_missing")], url=record.url)
        try:
            seen = self._pick(section)
        except ValueError:  # one of them cannot be read: the others can, one by one
            seen = section
        kind = self._kind_shown(record, seen)
        values, losses = self._values(kind, seen)
        return Mapped(kind=kind, values=values, losses=losses, url=record.url)

    def _kind_shown(self, record: Record, seen: Mapping[str, Any]) -> Kind:
        """What the record is, of which the section shows this."""
        return self._kind_of(record)

    def _values(self, kind: Kind, seen: Mapping[str, Any]) -> tuple[dict[str, Any], list[Loss]]:
        """Canonical values of what the section shows, and what could not be carried."""
        values: dict[str, Any] = {}
        losses: list[Loss] = []
        for name, row in self._rows[kind].items():
            system = row.system
            if system not in seen:
                continue
            try:
                if row.lossy is not None:
                    values[name], lost = row.lossy(seen[system])
                    if lost:
                        losses += [Loss(f"{system}.{loss.field}", loss.why, loss.value) for loss in lost]
                else:
                    values[name] = row.read(seen[system], seen)
            except Unmappable as trouble:
                losses.append(Loss(system, trouble.why, trouble.value))
            except ODD as trouble:
                losses.append(Loss(system, "unreadable", f"{type(trouble).__name__}: {trouble}"))
        return values, losses

    def unmap(self, kind: Kind, values: Mapping[str, Any], base: Mapping[str, Any] | None = None) -> Unmapped:
        seen = (base.get(self._section) if self._section else base) if base else None
        section = seen if isinstance(seen, Mapping) else {}
        written: dict[str, Any] = dict(self._extra(kind, values)) if self._extra and base is None else {}
        losses: list[Loss] = []
        for name, value in values.items():
            row = self._rows[kind].get(name)
            if row is None or row.write is None or (base is not None and row.mode != "both"):
                continue
            if value is None and base is None:
                continue
            try:
                written[row.system] = row.write(value, section)
            except Unmappable as trouble:
                losses.append(Loss(name, trouble.why, trouble.value))
            except ODD as trouble:  # the record shows beside it what nobody can read
                losses.append(Loss(name, "unreadable", f"{type(trouble).__name__}: {trouble}"))
        return Unmapped(values=written, losses=losses)

    def normalise(self, kind: Kind, name: str, value: Any) -> Any:
        return self._rows[kind][name].normalise(value)

    def mode(self, kind: Kind, name: str) -> Mode:
        row = self._rows[kind].get(name) if kind in self._rows else None
        if row is None:
            return "absent"
        return row.mode if row.write is not None or row.mode == "create" else "read"

    def system(self, kind: Kind, name: str) -> str:
        return self._rows[kind][name].system

    def holders(self, kind: Kind, name: str) -> Collection[str]:
        return (self.system(kind, name),)

    def canon_field(self, kind: Kind, name: str, value: Any) -> Any:
        return self._rows[kind][name].read(value, {})


def _shapes(rows: Sequence[FieldMap], beside: Mapping[str, Any]) -> dict[str, Any]:
    """Each name that is read, with its shape: all of it where two readers want different parts."""
    shapes = dict(beside)
    for row in rows:
        shapes[row.system] = row.shape if shapes.get(row.system, row.shape) == row.shape else Any
    return shapes


@dataclass(frozen=True, slots=True)
class MappingPlugin:
    """What an entry point of the group ``keepstep.mappings`` names: mappers by stream, for one connection."""

    system: str
    build: Callable[[Options, Description], Mapping[str, Mapper]]
    checklists: Mapping[str, Literal["own", "custom"]] = field(default_factory=dict)
    """Streams whose records can hold a checklist: in a place of its own, or in a field that ``Options.custom`` names.
    Known without signing in, so that a configuration that asks for more is refused before any read."""
    holds: Callable[[str], Collection[Form]] | None = None
    """Stream -> forms of values that some field can hold there that ``Options.custom`` names. Known without signing in,
    as well. None: nobody can tell."""
