"""How fresh the sides are: what was seen and is not carried over yet, and since when. Stored facts only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cache
from typing import NamedTuple

import sqlalchemy as sa

from connectors.base import chunks
from keepstep.config import Config
from keepstep.engine import first_sync
from keepstep.engine.owed import needed
from keepstep.engine.state import EntityState, FieldState, load
from keepstep.engine.withheld import withheld
from keepstep.engine.world import Eligible
from keepstep.store import tables as t
from keepstep.store.store import Tx
from mapping.model import STANDARD, Form

BATCH = 400

UNKNOWN = FieldState()
"""Where a side stands on a field that was not compared yet."""


class Behind(NamedTuple):
    """What some side of a sync still lacks."""

    since: str | None
    """When the oldest change was made that it lacks; None if it lacks none. A field in conflict waits for a person and
    does not count, nor does one that a side refused, nor a record that cannot be made before somebody says under what,
    or whether it is another one."""
    owed: int
    """The entities for which something is to be written, now or once it is known under what."""


def behind(tx: Tx, config: Config, name: str, now: datetime) -> Behind:
    """How far a sync, or what rides with one, is behind. Only entities that may owe something are gone through."""
    lacking = _Lacking(tx, config, name, now)
    waiting = [tx.scalar(sa.select(sa.func.min(t.due.c.since)).where(t.due.c.sync == name))]
    position = tx.scalar(sa.select(t.position.c.n).where(t.position.c.sync == name)) or 0
    unread = sa.select(sa.func.min(t.change_log.c.at)).where(
        t.change_log.c.n > position, t.change_log.c.side.in_(lacking.sides)
    )
    waiting.append(tx.scalar(unread))
    unjudged = sa.select(t.due.c.entity).where(t.due.c.sync == name)
    owing = sa.select(t.entity.c.id, t.entity.c.id.in_(unjudged).label("due")).where(
        t.entity.c.sync == name, t.entity.c.owing.is_(True), t.entity.c.parked.is_(False)
    )
    due = {row["id"]: row["due"] for row in tx.all(owing)}
    owed = 0
    for part in chunks(list(due), BATCH):
        for state in load(tx, part).values():
            fields, (ready, later) = _fields(state, lacking.sides), lacking.records(state)
            waiting += [at for at, shown in fields if shown]
            waiting += [state.created_at] if ready else []
            leaving = any(link.state == "leaving" for link in state.links.values())
            owed += not due[state.id] and bool(fields or ready or later or leaving)
    return Behind(min((at for at in waiting if at), default=None), owed)


class _Lacking:
    """On which sides records are to be made, and for which entities."""

    def __init__(self, tx: Tx, config: Config, name: str, now: datetime) -> None:
        configured = config.sync(name)
        self._rides = "." in name
        self.sides = sides_of(tx, name) if self._rides else [str(side) for side in configured.sides]
        self._whole = len(configured.sides)
        window = first_sync.window(configured.entity, config.first_sync.won_days)
        eligible: Eligible = (lambda rows, now: lambda state: True) if self._rides else window
        # Most rounds owe nothing, and ask nothing of the store for it.
        self._judge = cache(lambda: withheld(tx, name, eligible, now))
        kind = configured.entity
        self._into: Mapping[str, set[str]] = {
            str(side): needed(kind, place, config.model[kind])
            for side, place in configured.create.items()
            if config.connections[side.connection].access == "write"
        }

    def records(self, state: EntityState) -> tuple[bool, bool]:
        """Whether a record is to be made somewhere, and whether one is once it is known under what."""
        if self._rides:
            return False, len(state.links) < self._whole and not self._judge()(state)
        missing = [names for side, names in self._into.items() if side not in state.links]
        gone = any(link.state in ("gone", "deleted") for link in state.links.values())
        if not missing or gone or not state.agreed or self._judge()(state):
            return False, False
        ready = [all(state.value(name) is not None for name in names) for names in missing]
        return any(ready), not all(ready)


def sides_of(tx: Tx, sync: str) -> list[str]:
    """The sides on which a sync has links, where the configuration does not name them."""
    query = sa.select(t.link.c.side).join(t.entity, t.entity.c.id == t.link.c.entity).where(t.entity.c.sync == sync)
    return sorted(row["side"] for row in tx.all(query.distinct()))


def _fields(state: EntityState, sides: Collection[str]) -> list[tuple[str, bool]]:
    """The times of the agreed values that a live side does not show, and whether it showed an earlier one.

    A side that never showed any is to be filled, and late by nothing. A person whom it may not know stays out of it.
    """
    found = []
    for side, link in state.links.items():
        record = state.records.get(side)
        if side not in sides or link.state != "live" or record is None:
            continue
        for name, agreed in state.agreed.items():
            known = link.fields.get(name, UNKNOWN)
            if name in state.conflicts or known.refused == agreed.n or known.shows >= agreed.n:
                continue
            never = known.shows < 0
            if never and (STANDARD[state.kind].get(name) is Form.PERSON or name not in record["shown"]):
                continue
            # What no comparison has looked at yet may be set elsewhere: it is to be filled only where it is empty.
            if known is not UNKNOWN or (record["shown"].get(name) is None and agreed.value is not None):
                found.append((agreed.at or state.created_at, not never))
    return found
