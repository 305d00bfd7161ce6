"""Carry out what is owed: look, write the intent down, pass the gate, send, keep the receipt, read back.

Whatever happens between two of these steps, the store says enough to go on: nothing is sent that was not written down,
and nothing that was written down is forgotten.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

from connectors.base import Content, Outcome, Write, chunks
from connectors.errors import ConnectorError, GateClosed
from connectors.http import REQUEST_TIMEOUT
from keepstep.engine.budget import Meter, Purpose
from keepstep.engine.failures import tell_failure
from keepstep.engine.files import Unasked, fetched
from keepstep.engine.forecast import cost
from keepstep.engine.intents import Intents, Look, carries_bytes
from keepstep.engine.job import Job
from keepstep.engine.made_since import not_made
from keepstep.engine.match.linking import forgotten_since
from keepstep.engine.operations import Operation, Owed, Wanted, anything, parts
from keepstep.engine.owed import update
from keepstep.engine.read_back import read_back
from keepstep.engine.receipts import Applied, Receipts
from keepstep.engine.references import References
from keepstep.engine.state import LOAD, load
from keepstep.engine.world import Side

PURPOSES: tuple[Purpose, ...] = ("edits", "backfill")


class Applier:
    """Carries out operations in one job.

    ``wanted`` says how much of an operation that is owed now may be carried out (a plan file narrows it).
    """

    def __init__(self, job: Job, wanted: Wanted = anything) -> None:
        self._job = job
        self._ports = job.ports
        self._sync = job.sync
        self.applied = Applied()
        self._forgetful = False
        """The store was put back from a copy, and no plan passed since."""
        self._wanted = wanted
        self._intents = Intents(job, self._may, self.applied)
        self._receipts = Receipts(job)
        self._unfinished: dict[str, list[str]] = {}
        """Side -> entities whose new records lack something still."""
        self.failed: set[str] = set()
        """Sides that could not be talked to."""
        self.held: dict[str, Meter] = {}
        """Sides whose connection's budget had no room for all."""

    def carry_out(self, operations: Sequence[Operation]) -> None:
        """Part by part, what people did before what comes of the first linking, as far as budgets go. One bad record
        never stops the others."""
        with self._job.read() as tx:
            self._forgetful = forgotten_since(tx, self._sync.name) is not None
        for purpose in PURPOSES:
            mine = [operation for operation in operations if operation.backfill == (purpose == "backfill")]
            creates = [operation for operation in mine if operation.kind == "create"]
            self._part_by_part(creates, purpose)
            made = self.applied.done
            self._part_by_part(self._finishing(), purpose)
            self.applied.done = made
            self._part_by_part([operation for operation in mine if operation.kind != "create"], purpose)

    def _part_by_part(self, operations: Sequence[Operation], purpose: Purpose) -> None:
        for side, part in parts(operations, self._sync):
            allowed = self._within_budget(side, part, purpose)
            alone = [operation for operation in allowed if carries_bytes(self._sync, side, operation)]
            for operation in alone:
                self._with_bytes(side, operation)
            if len(alone) < len(allowed):
                self._chunk(side, [operation for operation in allowed if operation not in alone])

    def _finishing(self) -> list[Operation]:
        """What the records that were just made still lack: a create sets it only by an update that follows.

        It belongs to the creates: nobody is asked about it, and it is not counted apart from them. If this worker is
        killed before, it is owed like anything else.
        """
        found: list[Operation] = []
        for name, entities in self._unfinished.items():
            for part in chunks(entities, LOAD):
                with self._job.read() as tx:
                    states = load(tx, part)
                    references = References(tx, self._job.world)
                    references.prepare(self._sync, states.values())
                    owed = Owed(operations=[], findings=[], waiting={})
                    updates = (update(s, self._sync, self._sync.sides[name], references, owed) for s in states.values())
                    found += [operation for operation in updates if operation is not None]
        return found

    def _may(self, operation: Operation) -> Operation | None:
        finishes = operation.kind == "update" and operation.entity in self._unfinished.get(operation.side, ())
        return operation if finishes else self._wanted(operation)

    def _within_budget(self, side: Side, part: Sequence[Operation], purpose: Purpose) -> Sequence[Operation]:
        """As many of them as may be sent now; the others wait for a later round."""
        meter = side.connection.meter
        if meter is None:
            return part
        with self._job.read() as tx:
            room = meter.room(tx, self._ports.clock.now(), purpose, self._sync.name)
        count = len(part)
        if not room.fits(cost(self._sync, side, part).booked):
            prices = range(1, len(part))
            count = bisect_right(prices, room.calls, key=lambda n: cost(self._sync, side, part[:n]).booked)
            if count == 0 and room.fits(cost(self._sync, side, part[:1]).booked):
                count = 1
            self.held[side.name] = meter
            self.applied.put_off += len(part) - count
        return part[:count]

    def _with_bytes(self, side: Side, operation: Operation) -> None:
        """One file: its bytes come first, so that none is held longer than its own write lasts."""
        try:
            with fetched(self._job, side, operation.entity) as content:
                self._ports.fence.point("apply.fetched")
                if content is None:
                    self.applied.put_off += 1
                else:
                    self._chunk(side, [operation], content)
        except Unasked as asked:
            self.applied.put_off += 1
            self.failed.add(asked.side.name)
            with self._job.write() as tx:
                tell_failure(tx, self._ports, asked.side, asked.error)

    def _chunk(self, side: Side, operations: Sequence[Operation], content: Content | None = None) -> None:
        try:
            if self._forgetful and operations[0].kind == "create":
                asked = operations
                operations = not_made(self._job, side, asked)
                self.applied.confirmed += len(asked) - len(operations)
            look = self._intents.look(side, operations)
            writes, intents = self._intents.write_down(side, operations, look, content)
            if writes:
                self._send(side, writes, intents, look)
        except ConnectorError as error:
            self.applied.put_off += len(operations)
            self.failed.add(side.name)
            with self._job.write() as tx:
                tell_failure(tx, self._ports, side, error)

    def _gate(self, send_by: str, before: Callable[[], None]) -> Callable[[], None]:
        def gate() -> None:
            before()
            self._ports.fence.point("apply.gate")
            if self._ports.now() > send_by:
                raise GateClosed("the intent's time to be sent has passed")
            if self._ports.store.left(self._job.lease) < REQUEST_TIMEOUT:
                raise GateClosed("the lease ends before the request could")

        return gate

    def _send(self, side: Side, writes: Sequence[Write], intents: dict[str, dict[str, Any]], look: Look) -> None:
        answered: list[tuple[dict[str, Any], Outcome]] = []
        kept = 0

        def keep() -> None:
            """Receipts of one request are kept together, before the next one leaves."""
            nonlocal kept
            if kept == len(answered):
                return
            self._receipts.keep_all(side, answered[kept:], self.applied)
            kept = len(answered)
            self._ports.fence.point("apply.receipt.committed")

        gate = self._gate(min(intent["send_by"] for intent in intents.values()), keep)
        try:
            for outcome in side.connector.push(side.stream, writes, gate):
                self._ports.fence.point("apply.answered")
                answered.append((intents[outcome.intent], outcome))
        except ConnectorError:
            keep()
            raise
        keep()
        done = [(intent, outcome) for intent, outcome in answered if outcome.status == "done"]
        if done:
            closed = read_back(self._job, side, done, look)
            self.applied.done += closed.done
            self._unfinished.setdefault(side.name, []).extend(closed.unfinished)
