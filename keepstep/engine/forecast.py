"""What a plan will cost: the requests that it needs of each system, and their share of what the system allows.

Reckoned up from the operations, the parts in which they are carried out, and what the streams say their verbs take.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from connectors.base import Costs, Extra, Feed, Price, Quota
from keepstep.engine.operations import Operation, Planned, parts, shares
from keepstep.engine.world import Side, Sync, World

AT_ONCE = 1000
"""Ids that one request reserves."""

SHORT, LONG, FEW = 0.05, 1.0, 5
"""How far a forecast may be off, as ``Forecast`` says: too much is harmless, too little is not."""


class Cost(msgspec.Struct, frozen=True):
    """Requests, and what they take of a quota."""

    read: int = 0
    write: int = 0
    more: int = 0
    """What the writes take of the connection's budget besides one for each request."""
    units: int = 0

    def __add__(self, other: Cost) -> Cost:
        pairs = zip(msgspec.structs.astuple(self), msgspec.structs.astuple(other), strict=True)
        return Cost(*(one + another for one, another in pairs))

    @property
    def calls(self) -> int:
        return self.read + self.write

    @property
    def booked(self) -> int:
        """What the connection's budget will count."""
        return self.calls + self.more


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What carrying out a plan takes of one connection.

    While nothing goes wrong and nobody edits meanwhile, reading and writing takes at most ``1 + SHORT`` times as many
    requests as are told here, and those are at most ``1 + LONG`` times as many as it takes, give or take ``FEW``.
    """

    sign_in: int = 0
    """Requests to sign in and to ask what there is; a process that runs on does it once."""
    look: int = 0
    """Requests of one look at the feeds while nothing has changed."""
    read: int = 0
    """Requests that read records before they are written, and read back afterwards."""
    write: int = 0
    """Requests that write, with the looks that belong to a single write."""
    more: int = 0
    """What the writes take of the connection's budget besides one for each request."""
    units: int = 0
    """What all of them take of the quota, in its unit."""
    quota: Quota | None = None

    @property
    def calls(self) -> int:
        return self.sign_in + self.look + self.read + self.write

    @property
    def share(self) -> float | None:
        """Part of what the quota allows in its time: above 1, it takes several such times. None without a quota."""
        return self.units / self.quota.amount if self.quota is not None and self.quota.amount else None


def forecast(
    world: World, plans: Iterable[tuple[Sync, Sequence[Operation]]], later: Iterable[tuple[Sync, Sequence[Operation]]]
) -> dict[str, Forecast]:
    """By connection, of all that the syncs touch. ``later``: what can follow once something else was made."""
    plans = list(plans)
    looks: dict[str, tuple[str, Feed]] = {}
    costs: dict[str, Cost] = {}
    for sync, _ in plans:
        for connection, feed in world.feeds(sync):
            looks[connection.feed_key(feed)] = (connection.name, feed)
    making = any(operation.kind == "create" for _, operations in plans for operation in operations)
    for sync, operations in [*plans, *(later if making else ())]:
        for side, part in parts(operations, sync):
            name = side.connection.name
            costs[name] = costs.get(name, Cost()) + cost(sync, side, part)
    found: dict[str, Forecast] = {}
    for name in sorted({side.connection.name for sync, _ in plans for side in sync.sides.values()}):
        connection, spent = world.connections[name], costs.get(name, Cost())
        feeds = [feed for each, feed in looks.values() if each == name]
        look = sum(feed.cost for feed in feeds)
        found[name] = Forecast(
            sign_in=connection.sign_in,
            look=look,
            read=spent.read,
            write=spent.write,
            more=spent.more,
            units=connection.sign_in + sum(feed.units for feed in feeds) + spent.units,
            quota=connection.description.quota,
        )
    return found


def cost(sync: Sync, side: Side, part: Sequence[Operation]) -> Cost:
    """What one part takes: operations of one kind on one side."""
    kind, costs = part[0].kind, side.abilities.costs
    sent = [operation for operation in part if operation.kind != "update" or operation.fields]
    known = sum(1 for operation in part if operation.record)
    back = len(sent) if kind != "delete" and not side.abilities.returns_record else 0
    read = _calls(costs.get, known) + _calls(costs.get, back)
    if kind == "create" and side.abilities.marker == "reserved_id":
        read += -(-len(sent) // AT_ONCE)
    if kind == "update" and side.abilities.history and not side.abilities.guarded:
        read += _calls(costs.history, len(sent))
    shared = kind == "update" and shares(part[0], sync) is not None
    write = 0 if shared else _calls(_prices(costs, kind), len(sent))
    if kind in ("create", "update"):
        extras = costs.created if kind == "create" else costs.updated
        write += _extras(sync, side, sent, extras)
    more = 0
    if costs.write_units is not None and kind in ("create", "update") and write:
        more = max(0, costs.write_units.of(len(sent)) - _calls(_prices(costs, kind), len(sent)))
    return Cost(read, write, more, read + write + more + costs.read_units * (known + back))


def _prices(costs: Costs, kind: str) -> tuple[Price, ...]:
    return costs.create if kind == "create" else costs.update if kind == "update" else costs.delete


def _calls(prices: tuple[Price, ...], records: int) -> int:
    return sum(price.of(records) for price in prices)


def _extras(sync: Sync, side: Side, part: Sequence[Operation], extras: Mapping[str, Extra]) -> int:
    """What the written fields take besides: canonical ones that lie in one field of the system take it together."""
    calls = 0
    records: Counter[str] = Counter()
    for operation in part:
        touched = _touched(sync, side, operation, extras)
        records.update(touched.keys())
        calls += sum(extras[system].record + extras[system].part * count for system, count in touched.items())
    return calls + sum(_calls(extras[system].push, count) for system, count in records.items())


def _touched(sync: Sync, side: Side, operation: Operation, extras: Mapping[str, Extra]) -> dict[str, int]:
    """The fields of the system that cost extra, and how many of their parts come or go."""
    touched: dict[str, int] = {}
    for name, planned in operation.fields.items():
        system = side.mapper.system(sync.kind, name)
        empty = operation.kind == "create" and planned.value in (None, "", [])
        if system is not None and system in extras and not empty:
            touched[system] = touched.get(system, 0) + _parts(planned)
    return touched


def _parts(planned: Planned) -> int:
    """How many parts of the field come or go."""
    if not isinstance(planned.value, list):
        return 1
    before = [_apart(each) for each in planned.was or []]
    after = [_apart(each) for each in planned.value]
    return sum(each not in before for each in after) + sum(each not in after for each in before)


def _apart(part: Any) -> Any:
    """A part without its id, which each side gives by itself."""
    return {name: value for name, value in part.items() if name != "id"} if isinstance(part, dict) else part
