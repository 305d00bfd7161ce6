"""References and persons: the side's own form, and the entity or person that all sides mean by it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import sqlalchemy as sa

from connectors.base import chunks
from keepstep.engine.people import People
from keepstep.engine.state import EntityState
from keepstep.engine.titles import title
from keepstep.engine.world import Sync, World
from keepstep.store import tables as t
from keepstep.store.store import Tx
from mapping.model import CONTENT, Form

PLACE = "folder"
"""What a document lies in."""


def listed(value: Any) -> list[Any]:
    """One reference or several, as several."""
    return value if isinstance(value, list) else [] if value is None else [value]


class Unresolved(Exception):
    """A reference to something that is not linked yet: wait, it is neither empty nor a clear."""


class Outside(Exception):
    """A reference to something that no sync holds: the field is absent there."""


class End(msgspec.Struct, frozen=True):
    """One side of a thing that others lie under. ``whole``: the hub made its record there, or has known it from the
    beginning."""

    linked_at: str
    whole: bool


class Above(msgspec.Struct, frozen=True):
    """A thing that others lie under: its sync, and the sides on which it is alive."""

    sync: str
    old: bool
    parked: bool
    live: dict[str, End]


_IDS: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
_ENTITY_OF = sa.select(t.link.c.record, t.link.c.entity).where(
    t.link.c.side == sa.bindparam("side"), t.link.c.record.in_(_IDS)
)
_RECORDS_OF = sa.select(t.link.c.entity, t.link.c.side, t.link.c.record).where(
    t.link.c.entity.in_(_IDS), t.link.c.state == "live"
)


class References:
    """Translation of references within one transaction, with what it needs fetched in batches."""

    def __init__(self, tx: Tx, world: World) -> None:
        self._tx = tx
        self._world = world
        self.people = People(tx, world.people)
        self._entity_of: dict[tuple[str, str], str | None] = {}
        self._records_of: dict[str, dict[str, str]] = {}
        self._above: dict[str, Above] = {}
        self._held: dict[tuple[str, str], set[str]] = {}

    def prepare(self, sync: Sync, states: Iterable[EntityState]) -> None:
        """Fetch what ``inward`` and ``outward`` will need for these entities."""
        names = sync.references
        wanted: dict[str, set[str]] = {}
        targets: set[str] = set()
        for state in states:
            for side, row in state.records.items():
                connection = side.partition(".")[0]
                for name in names:
                    for value in listed(row["shown"].get(name)):
                        wanted.setdefault(f"{connection}.{value['stream']}", set()).add(value["id"])
            targets.update(
                target for name in names if name in state.agreed for target in listed(state.agreed[name].value)
            )
        for side, ids in wanted.items():
            missing = [id for id in ids if (side, id) not in self._entity_of]
            for part in chunks(missing, 400):
                for id in part:
                    self._entity_of[(side, id)] = None
                for row in self._tx.all(_ENTITY_OF, side=side, ids=part):
                    self._entity_of[(side, row["record"])] = row["entity"]
                    targets.add(row["entity"])
        self._load_targets({target for target in targets if target} - self._records_of.keys())
        if sync.carried is not None:
            above = {state.under for state in states if state.under} - self._above.keys()
            self._load_above(above)
            if sync.largest:
                self._load_held(sync, above)
        elif sync.largest and any(side not in state.links for state in states for side in sync.create):
            self._load_copies(sync, {state.value(PLACE) for state in states})

    def _load_targets(self, ids: set[str]) -> None:
        for part in chunks(sorted(ids), 400):
            for id in part:
                self._records_of[id] = {}
            for row in self._tx.all(_RECORDS_OF, ids=part):
                self._records_of[row["entity"]][row["side"]] = row["record"]

    def _load_above(self, ids: set[str]) -> None:
        for part in chunks(sorted(ids), 400):
            columns = (t.entity.c.id, t.entity.c.sync, t.entity.c.old, t.entity.c.parked)
            for row in self._tx.all(sa.select(*columns).where(t.entity.c.id.in_(part))):
                id = row.pop("id")
                self._above[id] = Above(**row, live={})
            ties = sa.select(t.link.c.entity, t.link.c.side, t.link.c.linked_at, t.link.c.evidence).where(
                t.link.c.entity.in_(part), t.link.c.state == "live"
            )
            for row in self._tx.all(ties):
                if row["entity"] in self._above:
                    whole = row["evidence"] is None or row["evidence"].get("by") == "marker"
                    self._above[row["entity"]].live[row["side"]] = End(row["linked_at"], whole)

    def _load_held(self, sync: Sync, ids: set[str]) -> None:
        for part in chunks(sorted(ids), 400):
            query = (
                sa.select(t.entity.c.under, t.entity.c.agreed, t.link.c.side)
                .join(t.link, t.link.c.entity == t.entity.c.id)
                .where(t.entity.c.under.in_(part), t.entity.c.sync == sync.name, t.link.c.state == "live")
            )
            for row in self._tx.all(query):
                seen = row["agreed"].get(CONTENT)
                if seen is not None and seen["value"] is not None:
                    self._held.setdefault((row["under"], row["side"]), set()).add(seen["value"])

    def _load_copies(self, sync: Sync, places: set[str | None]) -> None:
        query = (
            sa.select(t.entity.c.agreed, t.link.c.side)
            .join(t.link, t.link.c.entity == t.entity.c.id)
            .where(t.entity.c.sync == sync.name, t.link.c.state == "live")
        )
        for row in self._tx.all(query):
            place, seen = (row["agreed"].get(name) for name in (PLACE, CONTENT))
            if place is not None and place["value"] in places and seen is not None and seen["value"] is not None:
                self._held.setdefault((place["value"], row["side"]), set()).add(seen["value"])

    def held(self, entity: str | None, side: str) -> set[str]:
        """The hashes of the files under a thing on a side, as far as they are known, if ``prepare`` met one of them."""
        return self._held.get((entity, side), set()) if entity is not None else set()

    def above(self, entity: str | None) -> Above | None:
        """What is known of a thing that others lie under, if ``prepare`` met one that does."""
        return self._above.get(entity) if entity is not None else None

    def title(self, entity: str) -> str:
        """How people know an entity; its id where nothing shows that."""
        return title(self._tx, entity)

    def inward(self, form: Form, value: Any, connection: str) -> Any:
        """What a side shows as what all sides mean. Raises ``Unresolved`` or ``Outside``.

        Of several references those that mean something here: what is not linked yet is neither there nor taken away.
        """
        if value is None:
            return None
        if form is Form.REFS:
            found = (self._entity(each, connection) for each in value)
            return sorted({each for each in found if each is not None}) or None
        if form is Form.PERSON:
            return self.people.person(connection, value)
        if form is Form.REF:
            side = f"{connection}.{value['stream']}"
            entity = self._entity_of.get((side, value["id"]))
            if entity is None:
                raise Unresolved(side) if self._world.side(side) else Outside(side)
            return entity
        return value

    def outward(self, form: Form, value: Any, connection: str) -> Any:
        """What all sides mean in the form that a side's mapping takes. Raises ``Unresolved``.

        Of several references those that the side has: ``reached`` tells whether these are all.
        """
        if value is None:
            return None
        if form is Form.REFS:
            return [self.outward(Form.REF, each, connection) for each in self.reached(value, connection)]
        if form is Form.PERSON:
            account = self.people.account(value, connection)
            if account is None:
                raise Unresolved(connection)
            return account
        if form is Form.REF:
            if value not in self._records_of:
                self._load_targets({value})
            for side, record in sorted(self._records_of[value].items()):
                name, _, stream = side.partition(".")
                if name == connection:
                    return {"stream": stream, "id": record}
            raise Unresolved(connection)
        return value

    def reached(self, value: Any, connection: str) -> list[str]:
        """Those of several things that have a record on a side's connection."""
        self._load_targets(set(listed(value)) - self._records_of.keys())
        return [
            each
            for each in listed(value)
            if any(side.partition(".")[0] == connection for side in self._records_of[each])
        ]

    def awaited(self, sync: Sync, states: Iterable[EntityState]) -> list[dict[str, str]]:
        """Rows for what the records of these entities refer to, which belongs to nothing yet, on sides that syncs have.

        For entities that ``prepare`` was given.
        """
        found: dict[tuple[str, str, str], None] = {}
        for state in states:
            for side, row in state.records.items():
                connection = side.partition(".")[0]
                for name in sync.references:
                    for value in listed(row["shown"].get(name)):
                        there = f"{connection}.{value['stream']}"
                        if self._entity_of.get((there, value["id"])) is None and self._world.looks_at(there):
                            found[there, value["id"], state.id] = None
        return [{"side": side, "id": id, "entity": entity} for side, id, entity in found]

    def untouched(self, shown: Any, meant: Any, connection: str) -> list[Any]:
        """Those of a side's references that no write may take off: what means nothing to any other side, and what is
        meant, though it is not alive there."""
        agreed, reached = set(listed(meant)), set(self.reached(meant, connection))
        entities = ((each, self._entity(each, connection)) for each in listed(shown))
        return [each for each, entity in entities if entity is None or entity in agreed - reached]

    def _entity(self, reference: Any, connection: str) -> str | None:
        return self._entity_of.get((f"{connection}.{reference['stream']}", reference["id"]))
