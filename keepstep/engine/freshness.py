"""How fresh the sides are: the oldest change that was seen and is not carried over yet. Stored facts only."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from connectors.base import chunks
from keepstep.config.schema import Sync
from keepstep.engine.owed import needed
from keepstep.engine.state import EntityState, load
from keepstep.store import tables as t
from keepstep.store.store import Tx
from mapping.model import Model

BATCH = 400


def created_into(configured: Sync, model: Model) -> dict[str, set[str]]:
    """Side -> the references without which no record is made there."""
    kind = configured.entity
    return {str(side): needed(kind, place, model[kind]) for side, place in configured.create.items()}


def oldest_owed(
    tx: Tx, sync: str, sides: Sequence[str], into: Mapping[str, Collection[str]] | None = None
) -> str | None:
    """When the oldest change was made that some side of the sync still lacks; None if there is none.

    A field in conflict waits for a person and does not count, nor does one that a side refused, nor a record that
    cannot be made before somebody says under what. ``into``: as ``created_into`` tells.
    """
    waiting = [tx.scalar(sa.select(sa.func.min(t.due.c.since)).where(t.due.c.sync == sync))]
    position = tx.scalar(sa.select(t.position.c.n).where(t.position.c.sync == sync)) or 0
    unread = sa.select(sa.func.min(t.change_log.c.at)).where(
        t.change_log.c.n > position, t.change_log.c.side.in_(list(sides))
    )
    waiting.append(tx.scalar(unread))
    owing = sa.select(t.entity.c.id).where(
        t.entity.c.sync == sync, t.entity.c.owing.is_(True), t.entity.c.parked.is_(False)
    )
    for part in chunks([row["id"] for row in tx.all(owing)], BATCH):
        for state in load(tx, part).values():
            waiting += _behind(state, sides)
            waiting += [
                state.created_at
                for side, names in (into or {}).items()
                if side not in state.links and all(state.value(name) is not None for name in names)
            ]
    times = [at for at in waiting if at]
    return min(times) if times else None


def sides_of(tx: Tx, sync: str) -> list[str]:
    """The sides on which a sync has links, where the configuration does not name them."""
    query = sa.select(t.link.c.side).join(t.entity, t.entity.c.id == t.link.c.entity).where(t.entity.c.sync == sync)
    return sorted(row["side"] for row in tx.all(query.distinct()))


def _behind(state: EntityState, sides: Sequence[str]) -> list[str]:
    """The times of the agreed values that a live side does not show."""
    found = []
    for side, link in state.links.items():
        if side not in sides or link.state != "live":
            continue
        for name, known in link.fields.items():
            agreed = state.agreed.get(name)
            if agreed is None or name in state.conflicts or known.refused == agreed.n:
                continue
            if 0 <= known.shows < agreed.n:
                found.append(agreed.at or state.created_at)
    return found
