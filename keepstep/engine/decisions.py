"""What a person decides about a conflict: valid only for what that person was shown."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from keepstep.engine.ports import Ports
from keepstep.store import tables as t
from mapping.agreement import Conflict, Decision


class WorldMoved(Exception):
    """The conflict changed since it was shown, or is over: look again."""


def resolve(
    ports: Ports, sync: str, entity: str, field: str, candidate: str, rev: int, by: str, value: Any = None
) -> None:
    """Choose a candidate by its name (a side, or ``agreed``), or ``value`` if the candidate is ``value``.

    Takes effect in the next round. Repeating it changes nothing. Raises ``WorldMoved`` if ``rev`` is not the one open,
    KeyError for a candidate that is not there.
    """
    with ports.store.write() as tx:
        row = tx.one(sa.select(t.conflict).where(t.conflict.c.entity == entity, t.conflict.c.field == field))
        if row is None:
            raise WorldMoved(f"{entity}.{field}")
        conflict = msgspec.convert(row["state"], Conflict)
        if conflict.rev != rev:
            raise WorldMoved(f"{entity}.{field}")
        chosen = value if candidate == "value" else conflict.candidates[candidate].value
        decided = msgspec.structs.replace(conflict, decision=Decision(rev, chosen, by))
        tx.execute(
            sa.update(t.conflict)
            .where(t.conflict.c.entity == entity, t.conflict.c.field == field)
            .values(state=msgspec.to_builtins(decided))
        )
        tx.upsert(t.due, [{"sync": sync, "entity": entity, "since": ports.now()}])
