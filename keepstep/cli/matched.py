"""What first linking came to, as data: what is linked by what, what is asked, and what differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from connectors.base import chunks
from keepstep.cli.values import Reading
from keepstep.engine.match.linking import OPEN
from keepstep.engine.match.summary import surest
from keepstep.engine.operations import Operation
from keepstep.engine.state import EntityState, load
from keepstep.engine.world import Sync
from keepstep.store import tables as t
from keepstep.store.store import Tx
from mapping.model import TITLE


def open_rows(tx: Tx, names: list[str]) -> list[dict[str, Any]]:
    """The open proposals of those syncs."""
    query = sa.select(t.proposal).where(t.proposal.c.sync.in_(names), OPEN)
    return tx.all(query.order_by(t.proposal.c.id))


def as_data(
    tx: Tx, reading: Reading, sync: Sync, operations: Iterable[Operation], most: int | None = None
) -> dict[str, Any]:
    """All that is told of one sync's linking. ``operations``: its plan.

    ``most``: so many links of each evidence are listed; all of them are counted.
    """
    questions = open_rows(tx, [sync.name])
    asked = {id for row in questions for id in (row["entity"], row["other"])}
    titles: dict[str, str] = {}
    addresses: dict[str, list[str]] = {}
    links: list[dict[str, Any]] = []
    linked: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    for id, group in groupby(tx.each(_live_links(sync)), lambda row: str(row["entity"])):
        rows = list(group)
        title = next((str(name) for row in rows if (name := row["shown"].get(TITLE[sync.kind]))), id)
        if id in asked:
            titles[id] = title
            addresses[id] = [f"{row['side']}:{row['record']}" for row in rows]
        if len(rows) == 1:
            alone[rows[0]["side"]] += 1
            continue
        sure = surest([row["evidence"] for row in rows])
        linked[sure["by"]] += 1
        if most is None or linked[sure["by"]] <= most:
            links.append(
                {
                    "entity": id,
                    "title": title,
                    "evidence": sure["by"],
                    "proposal": sure.get("proposal"),
                    "records": {row["side"]: row["record"] for row in rows},
                }
            )
    proposals = [
        {
            "id": row["id"],
            "entity": row["entity"],
            "other": row["other"],
            "title": titles.get(row["entity"], row["entity"]),
            "other_title": titles.get(row["other"], row["other"]),
            "records": addresses.get(row["entity"], []),
            "other_records": addresses.get(row["other"], []),
            "evidence": row["evidence"]["by"],
            "score": row["evidence"].get("score"),
            "keys": row["evidence"].get("keys", []),
        }
        for row in questions
    ]
    return {
        "name": sync.name,
        "links": links,
        "linked": dict(sorted(linked.items())),
        "alone": dict(sorted(alone.items())),
        "proposals": proposals,
        "differences": _differences(tx, reading, sync, operations),
    }


def _live_links(sync: Sync) -> sa.Select[Any]:
    """The links of the sync, those of one entity after each other."""
    return (
        sa.select(t.link.c.entity, t.link.c.side, t.link.c.record, t.link.c.evidence, t.record.c.shown)
        .join(t.entity, t.entity.c.id == t.link.c.entity)
        .join(t.record, sa.and_(t.record.c.side == t.link.c.side, t.record.c.id == t.link.c.record))
        .where(t.entity.c.sync == sync.name, t.link.c.state == "live")
        .order_by(t.link.c.entity, t.link.c.side)
    )


def _differences(tx: Tx, reading: Reading, sync: Sync, operations: Iterable[Operation]) -> list[dict[str, Any]]:
    """Values that differ between records linked for the first time, and what becomes of each."""
    conflicts = tx.all(
        sa.select(t.conflict.c.entity)
        .join(t.entity, t.entity.c.id == t.conflict.c.entity)
        .where(t.entity.c.sync == sync.name)
        .distinct()
    )
    updates: dict[str, list[Operation]] = {}
    for operation in operations:
        if operation.kind == "update":
            updates.setdefault(operation.entity, []).append(operation)
    found: list[dict[str, Any]] = []
    for part in chunks(sorted({row["entity"] for row in conflicts} | updates.keys()), 400):
        for state in load(tx, part).values():
            found += _of_entity(reading, sync, state, updates.get(state.id, ()))
    return found


def _of_entity(
    reading: Reading, sync: Sync, state: EntityState, updates: Iterable[Operation]
) -> Iterable[dict[str, Any]]:
    values: dict[str, dict[str, Any]] = {}
    then: dict[str, tuple[str, str | None]] = {}
    for name, conflict in state.conflicts.items():
        if name not in state.agreed:  # nothing was ever agreed: these are the first values
            values[name] = {side: each.value for side, each in conflict.candidates.items()}
            then[name] = ("ask", None)
    for operation in updates:
        for name, planned in operation.fields.items():
            agreed = state.agreed.get(name)
            if agreed is not None and agreed.n == 0 and planned.was not in (None, [], ""):
                values.setdefault(name, {agreed.source: agreed.value})[operation.side] = planned.was
                then[name] = (sync.rule(name).first, agreed.source)
    for name in sorted(values):
        first, holds = then[name]
        yield {
            "entity": state.id,
            "title": reading.title(state.id),
            "field": name,
            "values": {side: reading.value(sync.kind, name, value) for side, value in sorted(values[name].items())},
            "first": first,
            "holds": holds,
        }
