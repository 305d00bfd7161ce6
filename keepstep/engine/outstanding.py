"""What is owed by all entities of a sync that may owe something; those that owe nothing are crossed off."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from connectors.base import chunks
from keepstep.engine import refusals
from keepstep.engine.hidden import close_hidden
from keepstep.engine.job import Job
from keepstep.engine.operations import Operation, Owed
from keepstep.engine.owed import owed
from keepstep.engine.planning import BATCH, Allowed, entities_owing
from keepstep.engine.references import References
from keepstep.engine.state import EntityState, load
from keepstep.engine.trouble import PREFIX
from keepstep.engine.withheld import withheld
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.findings import Finding
from keepstep.store.store import Tx


def outstanding(job: Job, allowed: Allowed) -> tuple[list[Operation], list[Finding]]:
    """The operations that are owed, and the findings about entities that were not open before."""
    ports, sync = job.ports, job.sync
    operations: list[Operation] = []
    fresh: list[Finding] = []
    with job.read() as tx:
        ids = entities_owing(tx, sync)
    for part in chunks(ids, BATCH):
        with job.write() as tx:
            states = load(tx, part)
            references = References(tx, job.world)
            references.prepare(sync, states.values())
            found = owed(states.values(), sync, references, withheld(tx, sync.name, sync.eligible, ports.clock.now()))
            operations += allowed(tx, sync, found.operations)
            fresh += findings.reconcile(tx, list(states), PREFIX, found.findings, ports.now(), ports.new_id)
            refusals.close_over(tx, states, sync, references, found.operations, ports.now())
            close_hidden(tx, states, found.operations, ports.now())
            _cross_off(tx, states, found)
    return operations, fresh


def _cross_off(tx: Tx, states: Mapping[str, EntityState], found: Owed) -> None:
    owing = {operation.entity for operation in found.operations} | found.waiting.keys()
    settled = [id for id, state in states.items() if id not in owing and not state.intents]
    if settled:
        tx.execute(sa.update(t.entity).where(t.entity.c.id.in_(settled)).values(owing=False))
