"""The linked graph as plain data, for the judges that look across systems."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from keepstep.engine.handoffs import Entity, Graph, Link
from keepstep.engine.people import People
from keepstep.store import tables as t
from keepstep.store.store import Tx
from mapping.agreement import Agreed
from mapping.model import STANDARD, Form, Kind


def graph(tx: Tx, people: People, kinds: Iterable[Kind] | None = None) -> Graph:
    """All entities that are not parked and live somewhere, or are ours to make."""
    wanted = [kind.value for kind in kinds] if kinds is not None else [kind.value for kind in Kind]
    links, empty = _links(tx, wanted)
    entities = []
    for row in tx.all(sa.select(t.entity).where(t.entity.c.kind.in_(wanted), t.entity.c.parked.is_(False))):
        mine = links.get(row["id"], ())
        if mine and not any(state == "live" for state, _ in mine):
            continue
        entities.append(_entity(row, [link for state, link in mine if state == "live"], empty.get(row["id"], set())))
    names = {person: people.name(person) for person in people.known()}
    return Graph(entities, names)


def _entity(row: dict[str, Any], links: list[Link], empty: set[str]) -> Entity:
    kind = Kind(row["kind"])
    agreed = msgspec.convert(row["agreed"], dict[str, Agreed])
    # What a side shows as empty is known to be empty, though nobody ever agreed on it.
    values = dict.fromkeys(sorted(empty)) | {name: each.value for name, each in agreed.items()}
    refs = {name: value for name, value in values.items() if STANDARD[kind].get(name) is Form.REF and value}
    # The first agreement is not a change: how old that value was nobody can tell.
    changed = {name: each.at for name, each in agreed.items() if each.n >= 1}
    return Entity(id=row["id"], kind=kind, values=values, refs=refs, links=tuple(links), changed_at=changed)


def _links(tx: Tx, kinds: Sequence[str]) -> tuple[dict[str, list[tuple[str, Link]]], dict[str, set[str]]]:
    """Entity -> its links with their state, and the fields that a live record of it shows as empty."""
    query = sa.select(t.link, t.record.c.url, t.record.c.created_at, t.record.c.shown).join(
        t.record, sa.and_(t.record.c.side == t.link.c.side, t.record.c.id == t.link.c.record), isouter=True
    )
    query = query.join(t.entity, t.entity.c.id == t.link.c.entity).where(t.entity.c.kind.in_(kinds))
    found: dict[str, list[tuple[str, Link]]] = {}
    empty: dict[str, set[str]] = {}
    for row in tx.all(query.order_by(t.link.c.entity, t.link.c.side)):
        connection, _, stream = row["side"].partition(".")
        link = Link(
            connection=connection,
            stream=stream,
            record_id=row["record"],
            url=row["url"],
            created_at=row["created_at"] or row["linked_at"],
        )
        found.setdefault(row["entity"], []).append((row["state"], link))
        if row["state"] == "live":
            nothing = {name for name, value in (row["shown"] or {}).items() if value is None}
            empty.setdefault(row["entity"], set()).update(nothing)
    return found, empty
