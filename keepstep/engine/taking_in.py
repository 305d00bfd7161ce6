"""Take in what people changed, entity by entity: what is agreed on moves, and what cannot be agreed on is told."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import sqlalchemy as sa

from connectors.base import chunks
from keepstep.engine import glimpses, guard
from keepstep.engine.absorb import absorb, conflict_findings, scope_findings
from keepstep.engine.authors import name_authors
from keepstep.engine.carried import stir
from keepstep.engine.flips import recent
from keepstep.engine.job import Job
from keepstep.engine.match import Matched
from keepstep.engine.match.linking import forgotten_since, made_in_oblivion
from keepstep.engine.oblivion import unknown_of
from keepstep.engine.quiet import look_closely
from keepstep.engine.references import References
from keepstep.engine.state import EntityState, load, save
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.findings import Finding
from keepstep.store.store import Tx
from mapping.model import Form

BATCH = 400

_DUE = sa.select(t.due.c.entity).where(t.due.c.sync == sa.bindparam("sync")).order_by(t.due.c.entity).limit(BATCH)


def take_in(job: Job, matched: Matched) -> list[Finding]:
    """Judge every entity of the sync that is due, after what was ``matched``; returns findings not open before."""
    with job.read() as tx:
        forgotten = None if guard.taken_in_since(tx, job.sync.name) else forgotten_since(tx, job.sync.name)
    if forgotten is not None:
        matched.waiting = matched.waiting or look_closely(job)
        if matched.waiting:
            return []  # what a side does not show yet may have been set back there: it is all taken in at once
    fresh: list[Finding] = []
    while (told := _batch(job, forgotten)) is not None:
        fresh += told
    asked = [finding.entity for finding in fresh if finding.entity]
    if asked:
        name_authors(job, asked)
    return fresh


def _batch(job: Job, forgotten: str | None) -> list[Finding] | None:
    """The next entities that are due, in one transaction; None where there are no more."""
    ports, sync = job.ports, job.sync
    with job.write() as tx:
        due = tx.all(_DUE, sync=sync.name)
        ids = [row["entity"] for row in due]
        if not ids:
            if forgotten is not None:
                guard.took_in(tx, sync.name, ports.now())
            return None
        states = load(tx, ids)
        references = References(tx, job.world)
        references.prepare(sync, states.values())
        now = ports.now()
        glimpses.keep(states.values(), sync, references)
        unknown = partial(unknown_of, forgotten=forgotten, left=made_in_oblivion(tx))
        noted = absorb(states.values(), sync, references, now, job.run, recent(tx, states, now), unknown)
        for state in states.values():
            if not state.owing:
                state.owing = state.dirty = True
        tx.insert(t.audit, noted.audit)
        save(tx, states.values(), now)
        references.people.save()
        conflicts = conflict_findings(states.values(), sync, references)
        fresh = findings.reconcile(tx, list(states), "conflict:", conflicts, now, ports.new_id)
        unjudged = scope_findings(states.values(), sync)
        fresh += findings.reconcile(tx, list(states), "scope_unjudged:", unjudged, now, ports.new_id)
        if sync.references:
            tx.execute(sa.delete(t.awaited).where(t.awaited.c.entity.in_(ids)))
            tx.insert(t.awaited, references.awaited(sync, states.values()))
        _stir(tx, job, states)
        tx.execute(sa.delete(t.due).where(t.due.c.sync == sync.name, t.due.c.entity.in_(ids)))
        ports.fence.point("absorb.storing")
    ports.fence.point("absorb.stored")
    return fresh


def _stir(tx: Tx, job: Job, states: Mapping[str, EntityState]) -> None:
    """What an entity refers to may be wanted elsewhere because of it: a customer, once a project of it is open."""
    sync = job.sync
    if sync.carried is not None:
        return  # a comment changes nothing about its task
    names = [name for name, form in sync.fields.items() if form is Form.REF]
    targets = {state.value(name) for state in states.values() for name in names} - {None}
    for part in chunks(sorted(targets), BATCH):
        tx.execute(sa.update(t.entity).where(t.entity.c.id.in_(part)).values(owing=True))
    stir(tx, (each.carried for each in job.world.syncs.values()), sync, states)
