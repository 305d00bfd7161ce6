"""What whoever runs the hub does to it, and what befalls its store and its workers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import sqlalchemy as sa

from connectors.errors import ConnectorError
from keepstep.engine import decisions, guard, preparing
from keepstep.engine.restored import recognise
from keepstep.store import tables as t
from keepstep.store.errors import Fenced
from keepstep.testing.company_config import POLICIES, SYSTEMS
from keepstep.testing.company_steps import Step
from keepstep.testing.copies import Copies
from keepstep.testing.simulator import PAUSES

if TYPE_CHECKING:
    from keepstep.testing.company_world import Company


class Operator:
    """Lets plans through, decides, takes back, leaves connections, changes the configuration, copies the store."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self.left: dict[str, list[tuple[int, int | None]]] = {}
        """Connection -> from which place in the log to which it was left."""
        self.copies = Copies(company.store)

    def let_through(self) -> None:
        company = self._company
        with company.store.write() as tx:
            for sync in company.engine_syncs():
                guard.let_through(tx, company.hub.ports, sync, "Judge")

    def decide(self, step: Step) -> None:
        """Decide an open conflict for one of its candidates."""
        company = self._company
        with company.store.read() as tx:
            rows = tx.all(sa.select(t.conflict).order_by(t.conflict.c.entity, t.conflict.c.field))
            if not rows:
                return
            row = rows[step.item % len(rows)]
            sync = str(tx.scalar(sa.select(t.entity.c.sync).where(t.entity.c.id == row["entity"])))
        candidates = sorted(row["state"]["candidates"])
        chosen = candidates[step.value % len(candidates)]
        decisions.resolve(company.hub.ports, sync, row["entity"], row["field"], chosen, row["state"]["rev"], "Judge")

    def undo(self, step: Step) -> None:
        """Take back what a run wrote."""
        company = self._company
        with company.store.read() as tx:
            query = sa.select(t.intent.c.run, t.intent.c.sync).distinct().order_by(t.intent.c.run, t.intent.c.sync)
            runs = tx.all(query)
        if not runs:
            return
        run = runs[step.item % len(runs)]
        sync = company.hub.engine.world.syncs.get(run["sync"])
        if sync is None:
            return
        undoing = company.hub.engine.undoing(sync, run["run"])
        try:
            read = company.hub.engine.reread(sync, undoing.entities)
        except ConnectorError:
            read = False
        if read:
            fresh = undoing.decide("Judge")
            if fresh is not None:
                company.hub.engine.run(sync, run=fresh)

    def leave(self, step: Step) -> None:
        """Leave a connection, or take up again one that was left."""
        company = self._company
        name = sorted(SYSTEMS)[step.item % len(SYSTEMS)]
        syncs = [sync for sync in company.engine_syncs() if _uses(company, sync, name)]
        spans = self.left.setdefault(name, [])
        if self._is_left(name):
            preparing.attach(company.hub.ports, name, syncs, "Judge")
            spans[-1] = (spans[-1][0], len(company.log))
        else:
            try:
                preparing.detach(company.hub.ports, name, syncs, "Judge")
            except (preparing.Busy, preparing.Unsettled):
                return
            spans.append((len(company.log), None))
        company.hub.reconnect()

    def _is_left(self, name: str) -> bool:
        spans = self.left.get(name, [])
        return bool(spans) and spans[-1][1] is None

    def take_up_all(self) -> None:
        """Nothing stays left."""
        for number, name in enumerate(sorted(SYSTEMS)):
            if self._is_left(name):
                self.leave(Step("leave", item=number))

    def reconfigure(self, step: Step) -> None:
        """Another policy, and whether done tasks belong, from a new start on."""
        self._company.configure(POLICIES[step.value % len(POLICIES)], where=step.item % 2 > 0)

    def put_back(self) -> None:
        """Put the copy in the store's place: whatever happened since is unknown to it."""
        company = self._company
        if not self.copies.put_back():
            return
        company.restart()
        recognise(company.hub.ports)
        company.hub.reconnect()
        with company.store.read() as tx:
            left = preparing.detached(tx)
        for name in SYSTEMS:
            open_now = self._is_left(name)
            if open_now and name not in left:
                self.left[name][-1] = (self.left[name][-1][0], len(company.log))
            elif name in left and not open_now:
                self.left.setdefault(name, []).append((len(company.log), None))

    def work_twice(self, step: Step, work: Callable[[], None]) -> None:
        """In the midst of a round the worker stands still, for ``amount`` points of it; another one works meanwhile."""
        company = self._company

        def meanwhile(at: str) -> None:
            company.say(f"stands still at {at}")
            company.pass_time(PAUSES[step.value % len(PAUSES)])
            other = company.worker()
            try:
                other.round()
            except Fenced:
                company.say("the other is fenced")
            company.say("goes on")

        fence = company.fence
        fence.stand_still(int(step.amount), meanwhile)
        work()
        fence.stand_still(0, None)


def _uses(company: Company, sync: str, connection: str) -> bool:
    parent = sync.partition(".")[0]
    return any(side.connection == connection for side in company.config.syncs[parent].sides)
