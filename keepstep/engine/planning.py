"""What a round of a sync would write, counted at one moment of the store: nobody waits for it, and nothing is kept."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import sqlalchemy as sa

from connectors.base import chunks
from keepstep.engine import guard
from keepstep.engine.operations import Operation
from keepstep.engine.owed import owed
from keepstep.engine.ports import Ports
from keepstep.engine.references import References
from keepstep.engine.state import load
from keepstep.engine.withheld import withheld
from keepstep.engine.world import Sync, World
from keepstep.store import tables as t
from keepstep.store.findings import Finding
from keepstep.store.store import Tx

BATCH = 400

Allowed = Callable[[Tx, Sync, list[Operation]], list[Operation]]
"""Those of the operations that may be planned at all."""


class Plan(msgspec.Struct, kw_only=True):
    """What a sync would write now, and why it would not be allowed to without a person."""

    sync: str
    operations: list[Operation] = []
    holds: list[guard.Hold] = []
    findings: list[Finding] = []
    """What is to be told about the entities that owe something, or would, apart from conflicts."""
    waits: list[str] = []
    """Entities for which something is to be written once what it refers to is there."""
    later: list[Operation] = []
    """What that is, as far as it is known by now."""
    waiting: str | None = None
    """The feed whose first crawl is not complete yet: nothing is planned before it is."""
    busy: bool = False
    """Another worker has the sync just now: this plan is of what was taken in before."""


_OWING = (
    sa.select(t.entity.c.id)
    .where(t.entity.c.sync == sa.bindparam("sync"), t.entity.c.owing.is_(True))
    .order_by(t.entity.c.id)
)


def entities_owing(tx: Tx, sync: Sync) -> list[str]:
    """The entities that may owe something, in the order in which they are gone through."""
    return [row["id"] for row in tx.all(_OWING, sync=sync.name)]


def plan(tx: Tx, ports: Ports, world: World, sync: Sync, allowed: Allowed, fingerprint: str) -> Plan:
    """What ``outstanding`` would find at the moment of the transaction, and the holds that would stand. Only reads.

    What was observed and not taken in yet is no part of it, as it is none of what is carried out.
    """
    found = Plan(sync=sync.name, operations=[], holds=[], findings=[], waits=[], later=[])
    references = References(tx, world)
    kept_back = withheld(tx, sync.name, sync.eligible, ports.clock.now())
    for part in chunks(entities_owing(tx, sync), BATCH):
        states = load(tx, part)
        references.prepare(sync, states.values())
        there = owed(states.values(), sync, references, kept_back)
        found.operations += allowed(tx, sync, there.operations)
        found.findings += there.findings
        found.waits += sorted(there.waiting)
        found.later += [each for id in sorted(there.waiting) for each in there.waiting[id]]
    found.holds = guard.standing(tx, ports, sync, found.operations, fingerprint)
    return found
