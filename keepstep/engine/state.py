"""Entities in memory: everything a decision about them needs, loaded and stored in batches."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from connectors.base import chunks
from keepstep.store import tables as t
from keepstep.store.store import Tx
from mapping.agreement import Agreed, Conflict
from mapping.items import translated
from mapping.model import TITLE, Kind

LOAD = 400


class Instead(msgspec.Struct, frozen=True, array_like=True):
    """What one side is to show in place of version ``n``, because a person took back what was written there."""

    n: int
    value: Any


class Glimpse(msgspec.Struct, frozen=True, array_like=True):
    """What a side showed for a while, since when and by whom."""

    value: Any
    at: str | None
    by: str | None


class FieldState(msgspec.Struct, array_like=True):
    """Where one side stands on one field. ``shows``: the agreed version its shadow stands for."""

    shadow: Any = None
    shows: int = -1
    refused: int = -1
    instead: Instead | None = None
    items: dict[str, str] | None = None
    """Of a list: the side's own id of each item -> the id by which all sides know it."""
    glimpse: Glimpse | None = None
    """What it showed while a write to it was in doubt, being neither what stood there before nor what was written."""

    def shared(self, value: Any) -> Any:
        """What the side shows with the ids that all sides know; only a list has such."""
        return translated(value, self.items) if self.items and isinstance(value, list) else value

    def own(self, value: Any, shown: Any) -> Any:
        """The other way round, for the items that it ``shown``: what it does not have keeps the shared id."""
        if not self.items or not isinstance(value, list):
            return value
        here = {each["id"] for each in shown or ()}
        return translated(value, {common: id for id, common in self.items.items() if id in here})

    def meant(self, agreed: Agreed) -> Agreed:
        """What this side is to show for the agreed value: mostly that very value."""
        if self.instead is None or self.instead.n != agreed.n:
            return agreed
        return msgspec.structs.replace(agreed, value=self.instead.value)


class LinkState(msgspec.Struct):
    """A record's tie to its entity."""

    side: str
    record: str
    state: str
    """live, gone (by a person), deleted (by us), archived (by us), leaving (to be archived, because a person took its
    making back), declined (the same, where nothing can be archived: it stays, and is left alone)."""
    fields: dict[str, FieldState]
    linked_at: str
    first: bool = False
    """It is the record that the entity began with."""

    def field(self, name: str) -> FieldState:
        return self.fields.setdefault(name, FieldState())


class EntityState(msgspec.Struct):
    """An entity with its agreed values, links, their records as last seen, conflicts and open intents."""

    id: str
    sync: str
    kind: Kind
    agreed: dict[str, Agreed]
    parked: bool
    old: bool
    """It was there before the hub began."""
    owing: bool
    """Something is to be written for it, or waits."""
    created_at: str
    under: str | None
    """The entity that it lies under, in a sync of what is carried."""
    links: dict[str, LinkState]
    records: dict[str, dict[str, Any]]
    conflicts: dict[str, Conflict]
    intents: list[dict[str, Any]]
    opened: dict[str, str] = {}
    refused: dict[str, dict[str, Any]] = {}
    """Side -> the newest create that it refused: the fields' versions, and the place it was to be made in."""
    unjudged: str | None = None
    """Why it could not be judged whether it belongs to its sync, at this look."""
    dirty: bool = False
    dirty_links: set[str] = set()
    dirty_conflicts: set[str] = set()
    lines: list[dict[str, Any]] = []
    """Lines for the audit of what was found after a write."""

    def value(self, name: str) -> Any:
        """The agreed value of a field; None if there is none."""
        agreed = self.agreed.get(name)
        return agreed.value if agreed is not None else None

    @property
    def title(self) -> str:
        """How people know it: what its sides agree on, else what a record shows; its id where nothing does."""
        name = TITLE[self.kind]
        shown = (record["shown"].get(name) for record in self.records.values())
        return next((str(each) for each in (self.value(name), *shown) if each), self.id)

    @property
    def origin(self) -> LinkState | None:
        """The link of the record that the entity began with."""
        return next((link for link in self.links.values() if link.first), None)

    def under_way(self, side: str) -> bool:
        """Whether a write to that side is open: sent or about to be, and not known to have ended."""
        return any(intent["side"] == side for intent in self.intents)

    def touch(self, side: str) -> None:
        self.dirty_links.add(side)


# Built once: every step of every round begins with them.
_IDS: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
_ENTITIES = sa.select(t.entity).where(t.entity.c.id.in_(_IDS))
_LINKS = sa.select(t.link).where(t.link.c.entity.in_(_IDS))
_RECORDS = sa.select(t.record).where(t.record.c.entity.in_(_IDS))
_CONFLICTS = sa.select(t.conflict).where(t.conflict.c.entity.in_(_IDS))
_INTENTS = sa.select(t.intent).where(t.intent.c.entity.in_(_IDS), t.intent.c.closed_at.is_(None))
_REFUSED = (
    sa.select(t.intent.c.entity, t.intent.c.side, t.intent.c.fields, t.intent.c.outcome)
    .where(t.intent.c.entity.in_(_IDS), t.intent.c.kind == "create", t.intent.c.state == "refused")
    .order_by(t.intent.c.written_at, t.intent.c.id)
)


def load(tx: Tx, ids: Sequence[str]) -> dict[str, EntityState]:
    """The entities of those ids that exist, in the order of ``ids``."""
    found: dict[str, EntityState] = {}
    for part in chunks(list(dict.fromkeys(ids)), LOAD):
        found.update(_load(tx, part))
    return {id: found[id] for id in ids if id in found}


def _load(tx: Tx, ids: Sequence[str]) -> dict[str, EntityState]:
    states = {}
    for row in tx.all(_ENTITIES, ids=ids):
        agreed = msgspec.convert(row.pop("agreed"), dict[str, Agreed])
        kind = Kind(row.pop("kind"))
        states[row["id"]] = EntityState(
            **row, kind=kind, agreed=agreed, links={}, records={}, conflicts={}, intents=[],
            dirty_links=set(), dirty_conflicts=set(), opened={}, refused={},
        )  # fmt: skip
    for row in tx.all(_LINKS, ids=ids):
        entity = row.pop("entity")
        first = row.pop("evidence") is None
        if entity in states:
            fields = msgspec.convert(row.pop("fields"), dict[str, FieldState])
            states[entity].links[row["side"]] = LinkState(**row, fields=fields, first=first)
    for row in tx.all(_RECORDS, ids=ids):
        state = states.get(row["entity"])
        if state is not None and row["side"] in state.links and state.links[row["side"]].record == row["id"]:
            state.records[row["side"]] = row
    for row in tx.all(_CONFLICTS, ids=ids):
        if row["entity"] in states:
            states[row["entity"]].conflicts[row["field"]] = msgspec.convert(row["state"], Conflict)
            states[row["entity"]].opened[row["field"]] = row["opened_at"]
    for row in tx.all(_INTENTS, ids=ids):
        if row["entity"] in states:
            states[row["entity"]].intents.append(row)
    for row in tx.all(_REFUSED, ids=ids):
        if row["entity"] in states and row["side"] not in states[row["entity"]].links:
            versions = {name: planned[1] for name, planned in row["fields"].items()} | row["outcome"].get("lost", {})
            states[row["entity"]].refused[row["side"]] = {"versions": versions, "place": row["outcome"]["place"]}
    return states


def forget_shown(tx: Tx, side: str, names: Collection[str], scope: str | None = None) -> None:
    """What that side last showed in these fields is forgotten on all of its links, as if they were new; on those alone
    whose record lies in ``scope``, if one is given."""
    after = ""
    query = sa.select(t.link.c.entity, t.link.c.fields).where(t.link.c.side == side).order_by(t.link.c.entity)
    if scope is not None:
        there = (t.record.c.side == t.link.c.side) & (t.record.c.id == t.link.c.record)
        query = query.join(t.record, there).where(t.record.c.scope == scope)
    while rows := tx.all(query.where(t.link.c.entity > after).limit(LOAD)):
        after = rows[-1]["entity"]
        changed = []
        for row in rows:
            left = {name: known for name, known in row["fields"].items() if name not in names}
            if len(left) < len(row["fields"]):
                changed.append({"entity": row["entity"], "side": side, "fields": left})
        tx.change(t.link, changed)


def save(tx: Tx, states: Iterable[EntityState], now: str) -> None:
    """Write back what was marked dirty."""
    entities, links, conflicts = [], [], []
    lines: list[dict[str, Any]] = []
    closed: list[tuple[str, str]] = []
    for state in states:
        if state.dirty:
            entities.append(
                {
                    "id": state.id,
                    "sync": state.sync,
                    "kind": state.kind.value,
                    "agreed": msgspec.to_builtins(state.agreed),
                    "parked": state.parked,
                    "old": state.old,
                    "owing": state.owing,
                    "created_at": state.created_at,
                    "under": state.under,
                }
            )
        for side in sorted(state.dirty_links):
            link = state.links[side]
            links.append(
                {
                    "entity": state.id,
                    "side": side,
                    "record": link.record,
                    "state": link.state,
                    "fields": msgspec.to_builtins(link.fields),
                    "linked_at": link.linked_at,
                }
            )
        for name in sorted(state.dirty_conflicts):
            open_conflict = state.conflicts.get(name)
            if open_conflict is None:
                closed.append((state.id, name))
            else:
                conflicts.append(
                    {
                        "entity": state.id,
                        "field": name,
                        "state": msgspec.to_builtins(open_conflict),
                        "opened_at": state.opened.get(name, now),
                    }
                )
        lines += state.lines
        state.dirty = False
        state.dirty_links.clear()
        state.dirty_conflicts.clear()
        state.lines.clear()
    tx.upsert(t.entity, entities)
    tx.upsert(t.link, links)
    tx.upsert(t.conflict, conflicts)
    tx.insert(t.audit, lines)
    for entity, name in closed:
        tx.execute(sa.delete(t.conflict).where(t.conflict.c.entity == entity, t.conflict.c.field == name))
