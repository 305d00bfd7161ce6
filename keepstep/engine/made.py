"""Entities that Keepstep itself begins: they owe every side with a route a record, like any other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import sqlalchemy as sa

from keepstep.engine.ports import Ports
from keepstep.engine.world import Sync
from keepstep.store import tables as t
from keepstep.store.store import Tx
from mapping.agreement import Agreed

SOURCE = "keepstep"


def begin(tx: Tx, ports: Ports, sync: Sync, id: str, values: Mapping[str, Any]) -> bool:
    """Make the entity with these agreed values. False if it is there already: safe to repeat."""
    if tx.one(sa.select(t.entity.c.id).where(t.entity.c.id == id)) is not None:
        return False
    now = ports.now()
    agreed = {name: Agreed(value, 0, SOURCE, now) for name, value in values.items() if value not in (None, [])}
    tx.insert(
        t.entity,
        [
            {
                "id": id,
                "sync": sync.name,
                "kind": sync.kind.value,
                "agreed": msgspec.to_builtins(agreed),
                "parked": False,
                "old": False,
                "owing": True,
                "created_at": now,
            }
        ],
    )
    tx.insert(t.audit, [_line(now, id, name, value.value) for name, value in agreed.items()])
    return True


def amend(tx: Tx, ports: Ports, sync: Sync, id: str, values: Mapping[str, Any]) -> None:
    """Agree on new values for an entity of ours; its sides are owed them."""
    row = tx.one(sa.select(t.entity.c.agreed).where(t.entity.c.id == id))
    if row is None:
        return
    now = ports.now()
    agreed = msgspec.convert(row["agreed"], dict[str, Agreed])
    for name, value in values.items():
        before = agreed.get(name, Agreed())
        if before.value != value:
            agreed[name] = Agreed(value, before.n + 1, SOURCE, now)
            tx.insert(t.audit, [_line(now, id, name, value)])
    tx.execute(sa.update(t.entity).where(t.entity.c.id == id).values(agreed=msgspec.to_builtins(agreed), owing=True))


def _line(now: str, id: str, name: str, value: Any) -> dict[str, Any]:
    return {
        "at": now,
        "run": None,
        "code": "begun",
        "entity": id,
        "side": SOURCE,
        "field": name,
        "params": {"value": value},
    }
