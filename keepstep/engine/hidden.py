"""Records to which something is owed, and which our account may not see (403), or which are in another stream now: told
until one of the two is over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from connectors.base import Record
from keepstep.engine.operations import Operation
from keepstep.engine.ports import Ports
from keepstep.engine.state import EntityState
from keepstep.engine.world import Side, Sync
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.findings import Finding
from keepstep.store.store import Tx


def hidden_key(entity: str, side: str) -> str:
    """Of the finding that the entity's record on that side may not be seen."""
    return f"hidden:{entity}:{side}"


def tell_hidden(
    tx: Tx,
    ports: Ports,
    sync: Sync,
    side: Side,
    operations: Sequence[Operation],
    looked: Mapping[str, Record],
    states: Mapping[str, EntityState],
) -> None:
    """By the look directly before a write: which records may not be seen, or are something else now, and which may be
    written again."""
    there, over = [], []
    for operation in operations:
        record = looked.get(operation.record or "")
        state = states.get(operation.entity)
        if record is None or state is None:
            continue
        key = hidden_key(state.id, side.name)
        if not record.forbidden:
            over.append(key)
            continue
        there.append(_finding(key, sync, side, state, record))
    findings.report(tx, there, ports.now(), ports.new_id)
    findings.close(tx, over, ports.now())


def _finding(key: str, sync: Sync, side: Side, state: EntityState, record: Record) -> Finding:
    place = record.payload.get("place")
    if place in {stream.name for stream in side.connection.description.streams}:
        now = f"{side.connection.name}.{place}"
        return Finding(
            key=key,
            code="record_converted",
            severity="error",
            sync=sync.name,
            entity=state.id,
            params={"title": state.title, "side": side.name, "record": record.id, "now": now},
        )
    return Finding(
        key=key,
        code="record_hidden",
        severity="error",
        sync=sync.name,
        entity=state.id,
        params={"title": state.title, "side": side.name, "record": record.id},
    )


def close_hidden(tx: Tx, entities: Iterable[str], operations: Iterable[Operation], now: str) -> None:
    """Of those entities, what is owed nothing any more need not be seen."""
    query = sa.select(t.finding.c.key).where(
        t.finding.c.entity.in_(list(entities)),
        t.finding.c.code.in_(("record_hidden", "record_converted")),
        t.finding.c.state.in_(findings.OPEN),
    )
    owed = {hidden_key(operation.entity, operation.side) for operation in operations}
    findings.close(tx, [row["key"] for row in tx.all(query) if row["key"] not in owed], now)
