"""Take back what one run wrote: where the value is still what that run wrote, and nowhere else.

A value that all sides had agreed on before is agreed on again, as if a person had set it back: every side is owed it. A
value that only the written side had shown goes back to that side alone, and the others keep theirs. A record that was
made goes into the archive, never into the bin, or is left where there is none; either way it is not made anew until the
undoing is undone. All of it is a stored fact before anything is sent, so a crash in between loses nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from connectors.base import chunks
from keepstep.engine.observe import LEASE
from keepstep.engine.operations import Operation, beyond
from keepstep.engine.owed import owed
from keepstep.engine.ports import Ports
from keepstep.engine.references import References
from keepstep.engine.state import load, save
from keepstep.engine.taken_back import UNDONE, Batch, Line, Undone
from keepstep.engine.world import Sync, World
from keepstep.store import tables as t
from keepstep.store.store import Tx

BATCH = 200


class Undoing:
    """What one run of one sync did, and taking it back. ``only``: no other entities than these."""

    def __init__(self, ports: Ports, world: World, sync: Sync, run: str, only: Collection[str] | None = None) -> None:
        self._ports = ports
        self._world = world
        self._sync = sync
        self._run = run
        self._only = only
        with ports.store.read() as tx:
            self.entities = self._concerned(tx)

    def _concerned(self, tx: Tx) -> list[str]:
        wrote = sa.select(t.intent.c.entity).where(t.intent.c.run == self._run, t.intent.c.sync == self._sync.name)
        undid = sa.select(t.audit.c.entity).where(t.audit.c.run == self._run, t.audit.c.code.in_(UNDONE))
        found = {row["entity"] for query in (wrote, undid) for row in tx.all(query.distinct())}
        return sorted(found if self._only is None else found & set(self._only))

    @contextmanager
    def rehearsed(self) -> Iterator[tuple[Tx, list[Undone], list[Operation]]]:
        """What would be taken back, and the writes that follow from it, within a transaction that is rolled back. What
        is owed to these entities anyway is none of them."""
        with self._ports.store.rehearse() as tx:
            done: list[Undone] = []
            operations: list[Operation] = []
            for part in chunks(self.entities, BATCH):
                anyway = self._owed(tx, part)
                done += self._step(tx, part, None, "")
                operations += beyond(anyway, self._owed(tx, part))
            yield tx, done, operations

    def _owed(self, tx: Tx, entities: Sequence[str]) -> list[Operation]:
        states = load(tx, entities)
        references = References(tx, self._world)
        references.prepare(self._sync, states.values())
        return owed(states.values(), self._sync, references, lambda state: True).operations

    def decide(self, by: str) -> str | None:
        """Make it a fact that all of it is taken back; the writes are owed from now on. Safe to repeat.

        Returns the id of the run that is to carry it out, by which it can be undone in turn; None while another
        worker has the sync.
        """
        ports = self._ports
        lease = ports.store.acquire(f"sync:{self._sync.name}", ports.holder, LEASE)
        if lease is None:
            return None
        run = ports.new_id()
        try:
            with ports.store.write(lease) as tx:
                tx.insert(t.audit, [self._row(run, Line("undo", None, None, None, {}), by)])
            for part in chunks(self.entities, BATCH):
                with ports.store.write(lease) as tx:
                    self._step(tx, part, run, by)
                    ports.fence.point("undo.storing")
                ports.fence.point("undo.stored")
        finally:
            ports.store.release(lease)
        return run

    # -- one batch

    def _step(self, tx: Tx, entities: Sequence[str], run: str | None, by: str) -> list[Undone]:
        states = load(tx, entities)
        batch = Batch(tx, self._ports, self._sync, self._run, states)
        done = [each for state in states.values() for each in batch.entity(state)]
        now = self._ports.now()
        for state in states.values():
            if state.dirty or state.dirty_links:
                state.owing = state.dirty = True
        tx.insert(t.audit, [self._row(run, line, by) for line in batch.audit])
        tx.upsert(t.due, [{"sync": self._sync.name, "entity": s.id, "since": now} for s in states.values() if s.dirty])
        save(tx, states.values(), now)
        return done

    def _row(self, run: str | None, line: Line, by: str) -> dict[str, Any]:
        row = line._asdict() | {"params": {"of": self._run, "sync": self._sync.name, "by": by, **line.params}}
        return row | {"at": self._ports.now(), "run": run}


def sync_of(tx: Tx, run: str) -> str | None:
    """The sync that a run was of; None if there is no such run."""
    for query in (
        sa.select(t.run.c.sync).where(t.run.c.id == run),
        sa.select(t.intent.c.sync).where(t.intent.c.run == run).limit(1),
    ):
        found = tx.scalar(query)
        if found is not None:
            return str(found)
    line = tx.one(sa.select(t.audit.c.params).where(t.audit.c.run == run, t.audit.c.code == "undo").limit(1))
    return str(line["params"]["sync"]) if line is not None else None
