"""Proposals by likeness: once per set of sides, among what was there before the hub began and stands alone; and once
more after the store was put back from a copy, among all that stands alone: the other half may have been made since."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, groupby
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from connectors.base import chunks
from keepstep.engine.match.linking import proposal_row, put_back
from keepstep.engine.ports import Ports
from keepstep.engine.world import Sync
from keepstep.store import tables as t
from keepstep.store.store import Tx
from mapping.model import TITLE, Form

if TYPE_CHECKING:
    from mapping.titles import Title


@dataclass(slots=True)
class Known:
    """A record that may have a counterpart on a side where its entity has none."""

    id: str
    entity: str
    title: Title
    references: dict[str, str]
    """Field -> the entity that it refers to."""


def compared(tx: Tx, sync: Sync) -> bool:
    """Whether all sides were compared with each other already."""
    sides = tx.setting(f"compared:{sync.name}")
    return sides is not None and set(sync.sides) <= set(sides)


def propose_alike(tx: Tx, ports: Ports, sync: Sync) -> int:
    """Ask about records whose titles are alike. Returns how many proposals were made; safe to repeat."""
    from mapping.similarity import best_pairs  # needed once in a sync's life: a cold start counts

    places: dict[str, set[str]] = {}
    asked = _asked(tx, sync)
    joined = sa.select(t.link.c.entity, t.link.c.side).join(t.entity, t.entity.c.id == t.link.c.entity)
    links = tx.each(joined.where(t.entity.c.sync == sync.name).order_by(t.link.c.entity))
    for entity, rows_of in groupby(links, lambda row: str(row["entity"])):
        sides = {row["side"] for row in rows_of}
        if len(sides) < len(sync.sides) and entity not in asked:
            places[entity] = sides
    free = set(places)
    known: dict[str, list[Known]] = {side: [] for side in sync.sides}
    for side, each in _alone(tx, sync, free):
        known[side].append(each)
    linked = _linked_at(tx, sync, known)
    rows = []
    paired: set[frozenset[str]] = set()
    for one, other in combinations(sorted(sync.sides), 2):
        left = {each.id: each for each in known[one] if other not in places[each.entity]}
        right = {each.id: each for each in known[other] if one not in places[each.entity]}

        def may_be(a: str, b: str, left: dict[str, Known] = left, right: dict[str, Known] = right) -> bool:
            return not _apart(left[a], right[b], linked)

        found = best_pairs(
            {key: each.title for key, each in left.items()}, {key: each.title for key, each in right.items()}, may_be
        )
        for pair in found:
            a, b = left[pair.left], right[pair.right]
            both = frozenset((a.entity, b.entity))
            if not places[a.entity] & places[b.entity] and both not in paired:
                paired.add(both)
                evidence = {"by": "likeness", "score": round(pair.score, 1)}
                rows.append(proposal_row(ports, sync.name, b.entity, a.entity, evidence))
    tx.insert(t.proposal, rows)
    tx.upsert(t.setting, [{"name": f"compared:{sync.name}", "value": sorted(sync.sides)}])
    return len(rows)


def _asked(tx: Tx, sync: Sync) -> set[str]:
    """Entities about which there was a question already: no second one."""
    rows = tx.all(sa.select(t.proposal.c.entity, t.proposal.c.other).where(t.proposal.c.sync == sync.name))
    return {row["entity"] for row in rows} | {row["other"] for row in rows}


def _alone(tx: Tx, sync: Sync, entities: set[str]) -> Iterator[tuple[str, Known]]:
    """The live records of those entities that were there before the hub began."""
    from mapping.titles import title_of

    applied = tx.setting(f"applied:{sync.name}")
    wanted = sa.true() if put_back(applied) else t.entity.c.old.is_(True)
    names = [name for name, form in sync.fields.items() if form is Form.REF]
    for part in chunks(sorted(entities), 400):
        query = (
            sa.select(t.record.c.side, t.record.c.id, t.record.c.entity, t.record.c.shown)
            .join(t.entity, t.entity.c.id == t.record.c.entity)
            .where(t.record.c.entity.in_(part), wanted, t.record.c.deleted.is_(False))
            .where(t.record.c.side.in_(list(sync.sides)))
        )
        rows = tx.all(query)
        meant = _meant(tx, rows, names)
        for row in rows:
            text = row["shown"].get(TITLE[sync.kind])
            if isinstance(text, str) and text:
                references = {name: meant[key] for name in names if (key := _target(row, name)) in meant}
                yield row["side"], Known(row["id"], row["entity"], title_of(text), references)


def _target(row: dict[str, Any], name: str) -> tuple[str, str] | None:
    value = row["shown"].get(name)
    return (f"{row['side'].partition('.')[0]}.{value['stream']}", value["id"]) if value else None


def _meant(tx: Tx, rows: list[dict[str, Any]], names: list[str]) -> dict[tuple[str, str] | None, str]:
    wanted: dict[str, set[str]] = {}
    for row in rows:
        for name in names:
            target = _target(row, name)
            if target is not None:
                wanted.setdefault(target[0], set()).add(target[1])
    found: dict[tuple[str, str] | None, str] = {}
    for side in sorted(wanted):
        for part in chunks(sorted(wanted[side]), 400):
            query = sa.select(t.link.c.record, t.link.c.entity).where(t.link.c.side == side, t.link.c.record.in_(part))
            found.update(((side, row["record"]), row["entity"]) for row in tx.all(query))
    return found


def _linked_at(tx: Tx, sync: Sync, known: dict[str, list[Known]]) -> set[str]:
    """Of the entities referred to, those that have records on several sides: which they are is known."""
    targets = {target for each in known.values() for one in each for target in one.references.values()}
    found: set[str] = set()
    for part in chunks(sorted(targets), 400):
        query = (
            sa.select(t.link.c.entity)
            .where(t.link.c.entity.in_(part))
            .group_by(t.link.c.entity)
            .having(sa.func.count() > 1)
        )
        found.update(row["entity"] for row in tx.all(query))
    return found


def _apart(a: Known, b: Known, linked: set[str]) -> bool:
    """Whether they lie under different things, and it is known that those are different."""
    shared = a.references.keys() & b.references.keys()
    return any(
        a.references[name] != b.references[name] and (a.references[name] in linked or b.references[name] in linked)
        for name in shared
    )
