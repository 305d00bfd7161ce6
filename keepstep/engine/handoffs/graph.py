"""A snapshot of the linked graph: entities with their agreed values, references and records, indexed for rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from mapping.model import TITLE, Kind


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """One record that is a view of the entity."""

    connection: str
    stream: str
    record_id: str
    created_at: str
    """When we first saw that record belong to the entity."""
    url: str | None = None

    @property
    def side(self) -> str:
        return f"{self.connection}.{self.stream}"


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """One canonical thing, as all sides agree on it."""

    id: str
    kind: Kind
    values: Mapping[str, Any] = {}
    """Agreed canonical values. A field that no side has is not in here at all."""
    refs: Mapping[str, str] = {}
    """Reference field -> entity id."""
    links: tuple[Link, ...] = ()
    changed_at: Mapping[str, str] = {}
    """Field -> when its agreed value was last *changed*. A value that was there when the entity was first linked has
    an unknown age and is left out, or every old deal would seem to be won on the day of the first sync."""
    roles: Mapping[str, str] = {}
    """RACI role -> person id, for what is assigned in Keepstep itself."""

    @property
    def title(self) -> str:
        """What people call it; its id where it has no title."""
        value = self.values.get(TITLE[self.kind])
        return value if isinstance(value, str) and value else self.id

    @property
    def url(self) -> str | None:
        """Where a person can look at it: the oldest link that has an address."""
        ordered = sorted(self.links, key=lambda link: (link.created_at, link.side, link.record_id))
        return next((link.url for link in ordered if link.url), None)


class Graph:
    """Entities by id. The order in which they were given changes nothing."""

    def __init__(self, entities: Iterable[Entity], people: Mapping[str, str] | None = None) -> None:
        self._entities = {entity.id: entity for entity in sorted(entities, key=lambda entity: entity.id)}
        self.people: Mapping[str, str] = dict(people or {})
        """Person id -> name."""
        self._kinds: dict[Kind, list[Entity]] = defaultdict(list)
        self._children: dict[tuple[str, Kind], list[Entity]] = defaultdict(list)
        for entity in self._entities.values():
            self._kinds[entity.kind].append(entity)
            for target in sorted(set(entity.refs.values())):
                self._children[target, entity.kind].append(entity)

    def get(self, id: str | None) -> Entity | None:
        return self._entities.get(id) if id is not None else None

    def of(self, kind: Kind) -> list[Entity]:
        """All entities of a kind, by id."""
        return list(self._kinds.get(kind, ()))

    def children(self, id: str, kind: Kind) -> list[Entity]:
        """Entities of a kind with any reference to that one, by id."""
        return list(self._children.get((id, kind), ()))

    def referenced(self, entity: Entity, field: str) -> Entity | None:
        """The entity that a reference field names, if it is in the snapshot."""
        return self.get(entity.refs.get(field))

    def person(self, id: str) -> str:
        """A person's name; the id where no name is known."""
        return self.people.get(id, id)
