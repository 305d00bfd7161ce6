"""Read linked records anew and prove that they are in step, or say what differs, where and since when.

Writes nothing, neither to a system nor to the store, and takes no lease: a sync may run meanwhile. An entity is judged
only if what the store holds of it was the same before and after its records were read; else it is read again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from connectors.base import Record, utc
from connectors.errors import ConnectorError
from keepstep.engine.carried import of_its_own
from keepstep.engine.hidden import hidden_key
from keepstep.engine.operations import Owed
from keepstep.engine.owed import create
from keepstep.engine.ports import Ports
from keepstep.engine.references import Outside, References, Unresolved
from keepstep.engine.state import EntityState, FieldState, LinkState, load
from keepstep.engine.withheld import withheld
from keepstep.engine.world import Side, Sync, World
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.store import Tx
from mapping.agreement import Agreed, Equality, View
from mapping.fields import KEPT_WRITTEN, SILENT
from mapping.model import OF_ORIGIN

BATCH = 200
TRIES = 3
SLACK = timedelta(minutes=2)
"""How far a service's clock may be off, and a change late in its feed, before it counts as overlooked."""

Standing = Literal[
    "even", "apart", "parked",
    "owed", "pending", "doubt", "busy",
    "held", "asked", "refused", "gone",
    "read_only", "edited", "overlooked", "missing", "back", "unseen", "unread",
]  # fmt: skip
"""Where a record or one field of it stands, from good to bad.

even, apart (set apart on purpose), parked: nothing to do. owed, pending (seen, not taken in yet), doubt (a write is
under way), busy (it moved each time it was read): Keepstep is about to. held (a person must let it be written), asked,
refused, gone: an open finding says so. read_only (behind, and nothing may be written there), edited (changed since the
last look), overlooked (changed before the last look, and never taken in), missing, back (deleted and there again),
unseen (may not be read), unread (its side could not be asked): nothing explains it yet.
"""

QUIET = frozenset(("even", "apart", "parked", "owed", "pending", "doubt", "busy"))
ORDER = {name: number for number, name in enumerate(Standing.__args__)}  # type: ignore[attr-defined]


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A field of a record that is not simply in step. Values as all sides mean them."""

    field: str
    standing: Standing
    shown: Any = None
    agreed: Any = None
    since: str | None = None
    by: str | None = None
    """The account that changed the record last, where that explains the difference."""
    finding: str | None = None
    """Id of the open finding that tells of it."""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """One link, or one place where a record is still to be made (``record`` is None)."""

    entity: str
    title: str
    side: str
    record: str | None
    standing: Standing
    url: str | None = None
    since: str | None = None
    finding: str | None = None
    fields: tuple[Point, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether a person should know: it is not in step, and Keepstep is not just about to make it so."""
        return self.standing not in QUIET


class Verifier:
    """One reading of one sync. ``failed`` tells afterwards which sides could not be asked, and why."""

    def __init__(self, ports: Ports, world: World, sync: Sync) -> None:
        self._ports = ports
        self._world = world
        self._sync = sync
        self._equality: dict[str, Equality] = {}
        self.failed: dict[str, ConnectorError] = {}
        with ports.store.read() as tx:
            self._writes = sync.mode == "write" and not _held(tx, sync)
            self._looked = _looked(tx, world, sync)

    def links(self) -> Iterator[Checked]:
        """Every link of the sync, in the order of its entities. Holds one batch in memory."""
        last = ""
        while True:
            with self._ports.store.read() as tx:
                query = sa.select(t.entity.c.id).where(t.entity.c.sync == self._sync.name, t.entity.c.id > last)
                ids = list(tx.connection.execute(query.order_by(t.entity.c.id).limit(BATCH)).scalars())
            if not ids:
                return
            yield from self._part(ids)
            last = ids[-1]

    def _part(self, ids: Sequence[str]) -> Iterator[Checked]:
        moving = list(ids)
        for _ in range(TRIES):
            with self._ports.store.read() as tx:
                before = load(tx, moving)
            looks = self._read(before.values())
            with self._ports.store.read() as tx:
                after = load(tx, moving)
                moving = [id for id, state in after.items() if before.get(id) != state]
                found = self._judge(tx, [state for id, state in after.items() if id not in moving], looks)
            yield from found
            if not moving:
                return
        for id in moving:
            for link in after[id].links.values():
                if link.side in self._sync.sides:
                    yield self._told(after[id], link.side, link.record, "busy")

    def _read(self, states: Iterable[EntityState]) -> dict[tuple[str, str], Record]:
        """The records of all links, by id, side by side. A side that cannot be asked once is not asked again."""
        wanted: dict[str, list[str]] = {}
        for state in states:
            for link in state.links.values() if not state.parked else ():
                wanted.setdefault(link.side, []).append(link.record)
        looks: dict[tuple[str, str], Record] = {}
        for name, ids in sorted(wanted.items()):
            side = self._sync.sides.get(name)
            if side is None or name in self.failed:
                continue
            try:
                looks.update(((name, record.id), record) for record in side.connector.get(side.stream, ids))
            except ConnectorError as error:
                self.failed[name] = error
        return looks

    # -- the judgement

    def _judge(self, tx: Tx, states: Sequence[EntityState], looks: Mapping[tuple[str, str], Record]) -> list[Checked]:
        held = {state.id: dict(state.records) for state in states}
        for state in states:
            for name, link in state.links.items():
                look, side = looks.get((name, link.record)), self._sync.sides.get(name)
                if look is not None and side is not None and name in state.records and not look.deleted:
                    state.records[name] = state.records[name] | {"shown": side.mapper.canon(look).values}
        references = References(tx, self._world)
        references.prepare(self._sync, states)
        open_ones = _findings(tx, [state.id for state in states])
        too_old = withheld(tx, self._sync.name, self._sync.eligible, self._ports.clock.now())
        found = []
        for state in states:
            for name, link in sorted(state.links.items()):
                side = self._sync.sides.get(name)
                if side is not None:
                    record = held[state.id].get(name)
                    look = looks.get((name, link.record))
                    found.append(self._link(state, side, link, record, look, references, open_ones))
            found += self._unmade(state, references, open_ones, too_old)
        return found

    def _link(
        self,
        state: EntityState,
        side: Side,
        link: LinkState,
        held: Mapping[str, Any] | None,
        look: Record | None,
        references: References,
        open_ones: Mapping[str, str],
    ) -> Checked:
        def told(standing: Standing, **more: Any) -> Checked:
            return self._told(state, side.name, link.record, standing, **more)

        if state.parked:
            return told("parked")
        if look is None:
            return told("unread")
        if look.forbidden:
            return told("unseen", finding=open_ones.get(hidden_key(state.id, side.name)))
        gone = open_ones.get(f"entity:gone:{state.id}:{side.name}")
        if link.state != "live":
            if link.state in ("gone", "deleted") and not look.deleted:
                taken_in = held is not None and not held["deleted"]
                return told("pending" if taken_in else "back", since=look.modified_at, finding=gone)
            alone = not any(each.state == "live" for each in state.links.values())
            return told("gone", finding=gone) if gone and not alone else told("apart")
        if look.deleted:
            return told("pending" if held is not None and held["deleted"] else "missing", since=look.modified_at)
        points = self._fields(state, side, link, held, look, references, open_ones)
        standings: list[Standing] = [point.standing for point in points]
        worst: Standing = max(standings, key=ORDER.__getitem__, default="even")
        since = min((point.since for point in points if point.since and point.standing == worst), default=None)
        return told(worst, since=since, fields=tuple(points))

    def _fields(
        self,
        state: EntityState,
        side: Side,
        link: LinkState,
        held: Mapping[str, Any] | None,
        look: Record,
        references: References,
        open_ones: Mapping[str, str],
    ) -> list[Point]:
        in_doubt = {name for each in state.intents if each["side"] == side.name for name in each["fields"]}
        points = []
        for name, value in state.records[side.name]["shown"].items() if side.name in state.records else ():
            form = self._sync.fields.get(name)
            if form is None or self._sync.can(side, name) in SILENT:
                continue
            if name in OF_ORIGIN and (look.ours or look.marker):
                continue  # it tells of the copy's making, not of the thing's
            if of_its_own(state, self._sync, side.name, name):
                continue
            try:
                cur = references.inward(form, value, side.connection.name)
            except (Unresolved, Outside):
                continue
            known = link.fields.get(name, FieldState())
            agreed = state.agreed.get(name, Agreed())
            seen = held is not None and held["shown"].get(name) == value
            standing = (
                "doubt" if name in in_doubt else self._standing(state, side, name, cur, known, agreed, seen, look)
            )
            if standing == "even":
                continue
            finding = _explained(open_ones, state.id, side.name, name, standing)
            if standing == "owed" and finding is not None:
                standing = "asked"
            points.append(
                Point(
                    field=name,
                    standing=standing,
                    shown=cur,
                    agreed=agreed.value,
                    since=_since(state, name, standing, agreed, look),
                    by=look.modified_by if standing in ("edited", "overlooked") else None,
                    finding=finding,
                )
            )
        return points

    def _standing(
        self,
        state: EntityState,
        side: Side,
        name: str,
        cur: Any,
        known: FieldState,
        agreed: Agreed,
        seen: bool,
        look: Record,
    ) -> Standing:
        """``seen``: the store holds this very value for the record, so that the next round will take it in."""
        if name in state.conflicts:
            return "asked"
        if agreed.n >= 0 and self._shows(side, name, cur, agreed.value):
            return "even"
        if cur != known.shadow:
            if seen:
                return "pending"
            return "overlooked" if self._overlooked(side, look) else "edited"
        if known.shows >= agreed.n:
            return "even"  # it is what the side made of the agreed value, or nothing was ever agreed on
        if known.refused == agreed.n:
            return "refused"
        if self._sync.can(side, name) not in KEPT_WRITTEN or not side.writable:
            return "read_only"
        return "owed" if self._writes else "held"

    def _shows(self, side: Side, name: str, cur: Any, value: Any) -> bool:
        if name not in self._equality:
            self._equality[name] = self._sync.equality(name)
        return self._equality[name].shows(View(side=side.name, cur=cur), value)

    def _overlooked(self, side: Side, look: Record) -> bool:
        looked = self._looked.get(side.name)
        return looked is not None and look.modified_at is not None and look.modified_at < looked

    def _unmade(
        self,
        state: EntityState,
        references: References,
        open_ones: Mapping[str, str],
        too_old: Callable[[EntityState], bool],
    ) -> list[Checked]:
        """Places where the entity is still to get a record."""
        if state.parked:
            return []
        found = []
        for side in self._sync.sides.values():
            if side.name in state.links or side.name not in self._sync.create:
                continue
            refused = open_ones.get(f"refused:{state.id}:{side.name}")
            if any(each["kind"] == "create" and each["side"] == side.name for each in state.intents):
                found.append(self._told(state, side.name, None, "doubt"))
            elif side.name in state.refused and refused:
                found.append(self._told(state, side.name, None, "refused", finding=refused))
            elif create(state, self._sync, side, references, Owed(findings=[], waiting={}), too_old):
                found.append(self._told(state, side.name, None, "owed" if self._writes else "held"))
        return found

    def _told(self, state: EntityState, side: str, record: str | None, standing: Standing, **more: Any) -> Checked:
        row = state.records.get(side)
        return Checked(
            entity=state.id,
            title=state.title,
            side=side,
            record=record,
            standing=standing,
            url=row["url"] if row else None,
            **more,
        )


def _held(tx: Tx, sync: Sync) -> bool:
    query = sa.select(t.hold.c.reason).where(t.hold.c.sync == sync.name, t.hold.c.state == "open")
    return tx.one(query.limit(1)) is not None


def _looked(tx: Tx, world: World, sync: Sync) -> dict[str, str]:
    """Side -> the time before which every change was seen, if its feeds told the truth."""
    rows = {row["name"]: row for row in tx.all(sa.select(t.feed).where(t.feed.c.crawled.is_(True)))}
    found: dict[str, str] = {}
    for connection, feed in world.feeds(sync):
        row = rows.get(connection.feed_key(feed))
        for side in sync.sides.values():
            if side.connection is not connection or side.stream not in feed.streams:
                continue
            if row is None or row["failed"] or not row["observed_at"]:
                found[side.name] = ""
                continue
            late = SLACK + timedelta(seconds=side.abilities.search_lag + feed.grain)
            at = utc(datetime.fromisoformat(row["observed_at"]) - late)
            found[side.name] = min(found.get(side.name, at), at)
    return {side: at for side, at in found.items() if at}


def _findings(tx: Tx, entities: Sequence[str]) -> dict[str, str]:
    """Key -> id of the open findings about these entities."""
    query = sa.select(t.finding.c.key, t.finding.c.id).where(
        t.among(t.finding.c.entity, entities), t.finding.c.state.in_(findings.OPEN)
    )
    return {row["key"]: row["id"] for row in tx.all(query)}


def _explained(open_ones: Mapping[str, str], entity: str, side: str, name: str, standing: Standing) -> str | None:
    match standing:
        case "asked":
            keys = [f"conflict:{entity}:{name}"]
        case "refused":
            keys = [f"refused:{entity}:{side}"]
        case "owed":
            keys = [f"entity:{why}:{entity}:{side}:{name}" for why in ("unmatched", "unmapped")]
        case _:
            keys = []
    return next((open_ones[key] for key in keys if key in open_ones), None)


def _since(state: EntityState, name: str, standing: Standing, agreed: Agreed, look: Record) -> str | None:
    if standing == "asked" and name in state.opened:
        return state.opened[name]
    if standing in ("edited", "overlooked", "pending"):
        return look.modified_at
    return agreed.at or None
