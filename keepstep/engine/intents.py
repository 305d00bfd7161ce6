"""Before a write leaves: look, judge again by what the look showed, and commit the intent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from connectors.base import Content, Record, Write, utc
from keepstep.engine.absorb import Noted, has_a_say, see_links
from keepstep.engine.carried import is_copy
from keepstep.engine.hidden import tell_hidden
from keepstep.engine.intake import store_looks
from keepstep.engine.job import Job
from keepstep.engine.lens import Lens
from keepstep.engine.operations import Operation, Owed, Planned, Wanted
from keepstep.engine.owed import create, spoken, update
from keepstep.engine.receipts import Applied, Receipts
from keepstep.engine.references import References
from keepstep.engine.removals import deletes, leave
from keepstep.engine.state import EntityState, load, save
from keepstep.engine.withheld import withheld
from keepstep.engine.world import Side, Sync
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.store import Tx
from mapping.model import CONTENT, REQUIRED_PARENT, Loss

SEND_BY = timedelta(seconds=120)
"""So long after it was written down a write may be sent: whoever takes over later knows that it has not left since."""


class Look(NamedTuple):
    """Records as they were read directly before they are written, and when the reading began."""

    at: str
    records: Mapping[str, Record]


def carries_bytes(sync: Sync, side: Side, operation: Operation) -> bool:
    """Whether bytes go along with it."""
    if operation.kind == "create":
        return sync.largest > 0 and (sync.carried is not None or sync.copies(side))
    return CONTENT in operation.fields


class Intents:
    """Writes down what one job is about to send, as far as it is ``wanted``. Counts into ``applied``."""

    def __init__(self, job: Job, wanted: Wanted, applied: Applied) -> None:
        self._job = job
        self._ports = job.ports
        self._sync = job.sync
        self._wanted = wanted
        self._applied = applied
        self._receipts = Receipts(job)

    def look(self, side: Side, operations: Sequence[Operation]) -> Look:
        """Read the records directly before they are written."""
        at = self._ports.now()
        ids = [operation.record for operation in operations if operation.record]
        self._ports.fence.point("apply.looking")
        return Look(at, {record.id: record for record in side.connector.get(side.stream, ids)} if ids else {})

    def write_down(
        self,
        side: Side,
        operations: Sequence[Operation],
        look: Look,
        content: Content | None = None,
    ) -> tuple[list[Write], dict[str, dict[str, Any]]]:
        """Store the looks, judge again by them, and commit an intent for each write that still stands.

        ``content``: the bytes that the only one of them carries.
        """
        ports, looked = self._ports, look.records
        reserved = self._reserve(side, operations)
        with self._job.write() as tx:
            if _held_up(tx, self._sync, side, operations):
                self._applied.put_off += len(operations)
                return [], {}
            if looked:
                findings.close(tx, [f"connection_failed:{side.name}"], ports.now())
            store_looks(tx, ports, self._job.world, side.connection, list(looked.values()), look.at)
            states = load(tx, [operation.entity for operation in operations])
            references = References(tx, self._job.world)
            references.prepare(self._sync, states.values())
            tell_hidden(tx, ports, self._sync, side, operations, looked, states)
            too_old = withheld(tx, self._sync.name, self._sync.eligible, ports.clock.now())
            writes: list[Write] = []
            intents: dict[str, dict[str, Any]] = {}
            for operation in operations:
                state = states.get(operation.entity)
                if state is None:
                    continue
                noted = Noted(audit=[])
                see_links(state, self._sync, ports.now(), noted, self._job.run)
                tx.insert(t.audit, noted.audit)
                now_owed = self._again(state, side, operation, looked, references, too_old)
                filled = now_owed is not None and carries_bytes(self._sync, side, now_owed)
                if now_owed is None or (filled and content is None):  # the bytes come first
                    self._applied.put_off += 1
                    continue
                self._confirm(state, side, now_owed)
                if now_owed.kind == "update" and not now_owed.fields:
                    continue
                intended = self._intend(tx, state, side, now_owed, looked.get(now_owed.record or ""), references)
                if intended is None:
                    continue
                write, intent = intended
                intent["reserved_id"] = reserved.get(state.id)
                intents[write.intent] = intent
                bytes_along = content if filled else None
                writes.append(msgspec.structs.replace(write, reserved_id=intent["reserved_id"], content=bytes_along))
            tx.insert(t.intent, list(intents.values()))
            if side.connection.meter is not None:
                side.connection.meter.book(tx, ports.clock.now(), self._sync.name)
            save(tx, states.values(), ports.now())
            references.people.save()
            ports.fence.point("apply.intent.committing")
        ports.fence.point("apply.intent.committed")
        return writes, intents

    def _reserve(self, side: Side, operations: Sequence[Operation]) -> dict[str, str]:
        """Ids for creates on a side where ids can be reserved: one per place, for ever."""
        if side.abilities.marker != "reserved_id":
            return {}
        entities = [operation.entity for operation in operations if operation.kind == "create"]
        if not entities:
            return {}
        with self._job.read() as tx:
            rows = tx.all(
                sa.select(t.create_slot).where(t.create_slot.c.side == side.name, t.create_slot.c.entity.in_(entities))
            )
        slots = {row["entity"]: row["reserved_id"] for row in rows}
        missing = [entity for entity in entities if entity not in slots]
        if missing:
            ids = side.connector.reserve(side.stream, len(missing))
            fresh = dict(zip(missing, ids, strict=True))
            with self._job.write() as tx:
                tx.insert(
                    t.create_slot,
                    [{"entity": entity, "side": side.name, "reserved_id": id} for entity, id in fresh.items()],
                )
            slots |= fresh
        return slots

    def _again(
        self,
        state: EntityState,
        side: Side,
        operation: Operation,
        looked: Mapping[str, Record],
        references: References,
        too_old: Callable[[EntityState], bool],
    ) -> Operation | None:
        """The operation as it is owed after the look; None if the world moved and it must be planned anew."""
        record = looked.get(operation.record or "")
        if operation.kind != "create" and (record is None or record.deleted or record.forbidden):
            return None
        owed = Owed(operations=[], findings=[], waiting={})
        found: Operation | None
        if operation.kind == "create":
            found = create(state, self._sync, side, references, owed, too_old)
        elif operation.kind == "update":
            found = update(state, self._sync, side, references, owed)
        elif state.links[side.name].state == "leaving":
            found = leave(state, self._sync, side)
            if self._moved(state, side, references):
                # Somebody works with it since its making was taken back: it stays, and that edit is taken in.
                state.links[side.name].state = "live"
                state.touch(side.name)
                found = None
        else:
            going = deletes(state, self._sync, references, owed.findings)
            found = next((each for each in going if each.side == side.name), None)
            if found is not None and self._moved(state, side, references):
                found = None
        return self._wanted(found) if found is not None else None

    def _moved(self, state: EntityState, side: Side, references: References) -> bool:
        """Whether the record shows what was not taken in: somebody works with it."""
        known, shown_there = state.links[side.name].fields, state.records[side.name]["shown"]
        names = list(known)
        if not is_copy(state, self._sync, side.name):
            names = [name for name in shown_there if has_a_say(state, self._sync, side, name)]
        shown = Lens(self._sync, side, references).shown(state, names)
        return any(value != (known[name].shadow if name in known else None) for name, value in shown.items())

    def _confirm(self, state: EntityState, side: Side, operation: Operation) -> None:
        """The look just now shows the agreed value already: the debt is paid without a write."""
        for name, n in operation.confirm.items():
            state.links[side.name].field(name).shows = n
            state.touch(side.name)
            self._applied.confirmed += 1

    def _intend(
        self,
        tx: Tx,
        state: EntityState,
        side: Side,
        operation: Operation,
        record: Record | None,
        references: References,
    ) -> tuple[Write, dict[str, Any]] | None:
        """The write of an operation and its intent. None: the side can hold nothing of it."""
        planned = self._sendable(side, operation)
        values = {name: spoken(state, self._sync, side, name, each.value, references) for name, each in planned.items()}
        unmapped = side.mapper.unmap(self._sync.kind, values, record.payload if record is not None else None)
        if operation.kind == "update":
            self._refuse(tx, state, side, operation, unmapped.losses)
        sent = dict(unmapped.values)
        if operation.kind == "update" and not sent and not carries_bytes(self._sync, side, operation):
            return None
        if operation.kind == "create":
            # What the values themselves say, a list that stands for the status, is nearer than the general place.
            sent = {**side.mapper.place(self._place(state, side)), **sent}
        intent = self._intent(state, side, operation, record, planned, {loss.field for loss in unmapped.losses})
        write = Write(
            intent=intent["id"],
            kind=operation.kind,
            id=operation.record,
            values=sent,
            expected_version=record.version if record is not None and side.abilities.guarded else None,
            marker=state.id if operation.kind == "create" else None,
        )
        return write, intent

    def _sendable(self, side: Side, operation: Operation) -> dict[str, Planned]:
        """The fields that go along; some are set by an update only, once the record is there."""
        if operation.kind != "create":
            return operation.fields
        return {name: each for name, each in operation.fields.items() if not side.sets_later(self._sync.kind, name)}

    def _refuse(self, tx: Tx, state: EntityState, side: Side, operation: Operation, losses: Sequence[Loss]) -> None:
        """What of an update the side cannot hold is told, and not owed any more until it is another value."""
        for loss in losses:
            if loss.field in operation.fields:
                n = operation.fields[loss.field].n
                state.links[side.name].field(loss.field).refused = n
                state.touch(side.name)
                self._receipts.tell_refused(tx, side, state, operation.record, loss.field, loss.why, {loss.field: n})

    def _place(self, state: EntityState, side: Side) -> dict[str, Any]:
        """Where a new record is made, its expressions computed. What names a field goes along as that field's value."""
        agreed = {name: each.value for name, each in state.agreed.items()}
        computed = self._sync.computed
        return {
            key: computed[value](agreed) if value in computed else value
            for key, value in self._sync.create[side.name].items()
            if value not in self._sync.fields
        }

    def _intent(
        self,
        state: EntityState,
        side: Side,
        operation: Operation,
        record: Record | None,
        planned: Mapping[str, Planned],
        lost: Set[str],
    ) -> dict[str, Any]:
        """The row of the intent: written, and not yet sent. ``lost``: the fields that the side cannot hold."""
        now = self._ports.clock.now()
        fields = {name: each for name, each in planned.items() if name not in lost}
        return {
            "id": self._ports.new_id(),
            "run": self._job.run,
            "sync": self._sync.name,
            "kind": operation.kind,
            "entity": state.id,
            "side": side.name,
            "record": operation.record,
            "fields": msgspec.to_builtins(fields),
            "before": {name: each.was for name, each in fields.items()},
            "compared": {name: each.was for name, each in fields.items()},
            "compared_version": record.version if record is not None else None,
            "state": "written",
            "written_at": utc(now),
            "send_by": utc(now + SEND_BY),
            "epoch": self._job.lease.epoch,
            "reserved_id": None,
            "answer_version": None,
            # What the side cannot hold is not sent; a refusal is of what was left out, too.
            "outcome": {"lost": {name: operation.fields[name].n for name in sorted(lost & operation.fields.keys())}},
            "closed_at": None,
        }


def _held_up(tx: Tx, sync: Sync, side: Side, operations: Sequence[Operation]) -> bool:
    """Whether a create waits for another one that is in doubt under the same parent: of two that are lost, a
    fingerprint could not tell which is which."""
    if side.abilities.marker != "fingerprint" or not any(each.kind == "create" for each in operations):
        return False
    intent, parent = t.intent.c, REQUIRED_PARENT.get(sync.kind, "")
    in_doubt = (intent.closed_at.is_(None), intent.kind == "create", intent.side == side.name, intent.record.is_(None))
    open_ones = [row["fields"] for row in tx.all(sa.select(intent.fields).where(*in_doubt))]
    above = {fields[parent][0] if parent in fields else None for fields in open_ones}
    wanted = {each.fields[parent].value if parent in each.fields else None for each in operations}
    return bool(above) and (None in above | wanted or not above.isdisjoint(wanted))
