"""A field that goes back and forth between two values: two systems answer each other, and a person must end it.

Each round would write what the other side then takes back, for ever. After three turns within a few hours, by more than
one side, the field is put before a person as a conflict of both values, which stops all writes to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from connectors.base import utc
from keepstep.store import tables as t
from keepstep.store.store import Tx

WINDOW = timedelta(hours=6)
TURNS = 3


class Step(NamedTuple):
    """One value that was agreed on, and the side that it came from."""

    value: Any
    source: str | None


Past = Mapping[tuple[str, str], Sequence[Step]]
"""(entity, field) -> what was agreed on lately, oldest first."""


def recent(tx: Tx, entities: Iterable[str], now: str) -> Past:
    """The agreements of these entities within the window. One query."""
    since = utc(datetime.fromisoformat(now) - WINDOW)
    audit = t.audit.c
    query = sa.select(audit.entity, audit.field, audit.side, audit.params).where(
        audit.entity.in_(list(entities)), audit.code == "agreed", audit.at >= since
    )
    found: dict[tuple[str, str], list[Step]] = {}
    for row in tx.all(query.order_by(audit.n)):
        found.setdefault((row["entity"], row["field"]), []).append(Step(row["params"]["to"], row["side"]))
    return found


def flips(past: Sequence[Step], value: Any, source: str | None) -> bool:
    """Whether agreeing on this value would be one more turn between the same two, brought by more than one side."""
    steps = [*past, Step(value, source)][-(TURNS + 1) :]
    if len(steps) <= TURNS:
        return False
    swings = all(steps[n].value == steps[n - 2].value for n in range(2, len(steps)))
    return swings and steps[0].value != steps[1].value and len({step.source for step in steps}) > 1
