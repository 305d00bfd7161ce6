"""Writes that a service refused: told until they took place or are owed no more, and tried again now and then.

Most refusals are of the value, and the same would be refused again. Others end without a word to us: a right is
granted, a list brought back, a required field dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from connectors.base import utc
from keepstep.engine.carried import follows, rests
from keepstep.engine.job import Job
from keepstep.engine.operations import Operation
from keepstep.engine.ports import Ports
from keepstep.engine.references import References
from keepstep.engine.state import EntityState, load, save
from keepstep.engine.world import Sync
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.store import Tx

CODE = "record_refused"

AGAIN = timedelta(hours=6)
"""After which the same is tried once more."""

_F = t.finding.c
OPEN = sa.and_(_F.code == CODE, _F.state.in_(findings.OPEN))
"""Whether a finding tells of a refusal that is not over."""

RIPE = sa.and_(OPEN, _F.seen_at <= sa.bindparam("refused_before"))
"""Whether it is time to try again; with ``refused_before`` as ``before`` says."""


def before(ports: Ports) -> str:
    """What was refused by then is tried again now."""
    return utc(ports.clock.now() - AGAIN)


def try_again(job: Job) -> None:
    """What was refused long enough ago is owed anew. Safe to be killed in."""
    ports = job.ports
    ripe = sa.select(t.finding).where(_F.sync == job.sync.name, RIPE)
    with job.read() as tx:
        rows = tx.all(ripe, refused_before=before(ports))
    if rows:
        with job.write() as tx:
            forgive(tx, rows, ports.now())


def forgive(tx: Tx, rows: Sequence[Mapping[str, Any]], now: str) -> None:
    """Let those findings' writes be owed anew, as if they had not been refused. The findings stay open meanwhile."""
    states = load(tx, [row["entity"] for row in rows])
    i = t.intent.c
    for row in rows:
        state, side = states.get(row["entity"]), row["params"]["side"]
        if state is None:
            continue
        link = state.links.get(side)
        if link is None:
            creates = sa.update(t.intent).where(
                i.entity == state.id, i.side == side, i.kind == "create", i.state == "refused"
            )
            tx.execute(creates.values(state="not_applied"))
        else:
            for known in link.fields.values():
                known.refused = -1
            state.touch(side)
        state.owing = state.dirty = True
    save(tx, states.values(), now)
    tx.execute(sa.update(t.finding).where(t.among(_F.id, [row["id"] for row in rows])).values(seen_at=now))


def close_over(
    tx: Tx,
    states: Mapping[str, EntityState],
    sync: Sync,
    references: References,
    owed: Iterable[Operation],
    now: str,
) -> None:
    """What a side refused is over once it has the record, the value moved on, or nothing may be written for the entity;
    not while it is ``owed`` anew."""
    rows = tx.all(sa.select(_F.key, _F.entity, _F.params).where(_F.entity.in_(list(states)), OPEN))
    creates = {(operation.entity, operation.side) for operation in owed if operation.kind == "create"}

    def stands(state: EntityState, side: str, told: Mapping[str, int]) -> bool:
        link = state.links.get(side)
        if state.parked or rests(state, sync, references) or side not in sync.sides:
            return False
        if link is None:
            again = (state.id, side) in creates
            return again or (side in state.refused and follows(state, sync, sync.sides[side], references))
        return any(
            link.field(name).refused == agreed.n or (told.get(name) == agreed.n and link.field(name).shows < agreed.n)
            for name, agreed in state.agreed.items()
        )

    over = [
        row["key"]
        for row in rows
        if not stands(states[row["entity"]], row["params"]["side"], row["params"]["versions"])
    ]
    findings.close(tx, over, now)
