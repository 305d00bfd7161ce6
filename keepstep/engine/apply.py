"""Carry out what is owed: look, write the intent down, pass the gate, send, keep the receipt, read back.

Whatever happens between two of these steps, the store says enough to go on: nothing is sent that was not written down,
and nothing that was written down is forgotten.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from connectors.base import Change, Content, Outcome, Record, Write, utc
from connectors.errors import ConnectorError, GateClosed
from connectors.http import REQUEST_TIMEOUT
from keepstep.engine import settle
from keepstep.engine.absorb import Noted, see_links
from keepstep.engine.budget import Meter, Purpose
from keepstep.engine.carried import worded
from keepstep.engine.failures import tell_failure
from keepstep.engine.files import fetched
from keepstep.engine.forecast import cost
from keepstep.engine.made_since import not_made
from keepstep.engine.match import link_record
from keepstep.engine.match.linking import forgotten_since
from keepstep.engine.observe import store_looks, store_records
from keepstep.engine.owed import Operation, Owed, create, deletes, leave, parts, update
from keepstep.engine.ports import Ports
from keepstep.engine.receipts import Applied, Receipts
from keepstep.engine.references import References
from keepstep.engine.state import EntityState, load, save
from keepstep.engine.world import Side, Sync, World
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.store import Lease, Tx

SEND_BY = timedelta(seconds=120)
PURPOSES: tuple[Purpose, ...] = ("edits", "backfill")


class Applier:
    """Carries out operations of one sync in one run, under its lease.

    ``wanted`` says whether an operation that is owed now is one that may be carried out (a plan file narrows it).
    """

    def __init__(
        self,
        ports: Ports,
        world: World,
        sync: Sync,
        lease: Lease,
        run: str,
        too_old: Callable[[EntityState], bool],
        wanted: Callable[[Operation], bool] = lambda operation: True,
    ) -> None:
        self._ports = ports
        self._world = world
        self._sync = sync
        self._lease = lease
        self._run = run
        self._too_old = too_old
        self._wanted = wanted
        self.applied = Applied()
        self._forgetful = False
        """The store was put back from a copy, and no plan passed since."""
        self._content: Content | None = None
        """What the create under way carries."""
        self._receipts = Receipts(ports, sync, lease)
        self.failed: set[str] = set()
        """Sides that could not be talked to."""
        self.held: dict[str, Meter] = {}
        """Sides whose connection's budget had no room for all."""

    def carry_out(self, operations: Sequence[Operation]) -> None:
        """Part by part, what people did before what comes of the first linking, as far as budgets go. One bad record
        never stops the others."""
        carries = self._sync.carried is not None and self._sync.carried.largest > 0
        with self._ports.store.read() as tx:
            self._forgetful = forgotten_since(tx, self._sync.name) is not None
        for purpose in PURPOSES:
            mine = [operation for operation in operations if operation.backfill == (purpose == "backfill")]
            for side, part in parts(mine, self._sync):
                allowed = self._within_budget(side, part, purpose)
                if carries and part[0].kind == "create":
                    for operation in allowed:
                        self._with_bytes(side, operation)
                elif allowed:
                    self._chunk(side, allowed)

    def _within_budget(self, side: Side, part: Sequence[Operation], purpose: Purpose) -> Sequence[Operation]:
        """As many of them as may be sent now; the others wait for a later round."""
        meter = side.connection.meter
        if meter is None:
            return part
        with self._ports.store.read() as tx:
            room = meter.room(tx, self._ports.clock.now(), purpose, self._sync.name)
        count = len(part)
        if not room.fits(cost(self._sync, side, part).calls):
            prices = range(1, len(part))
            count = bisect_right(prices, room.calls, key=lambda n: cost(self._sync, side, part[:n]).calls)
            if count == 0 and room.fits(cost(self._sync, side, part[:1]).calls):
                count = 1
            self.held[side.name] = meter
            self.applied.put_off += len(part) - count
        return part[:count]

    def _with_bytes(self, side: Side, operation: Operation) -> None:
        """One file: its bytes come first, so that none is held longer than its own write lasts."""
        try:
            with fetched(self._ports, self._sync, self._lease, side, operation.entity) as content:
                self._content = content
                self._ports.fence.point("apply.fetched")
                if content is None:
                    self.applied.put_off += 1
                else:
                    self._chunk(side, [operation])
        except ConnectorError as error:
            source = self._sync.sides[operation.because[0]]
            self.applied.put_off += 1
            self.failed.add(source.name)
            with self._ports.store.write(self._lease) as tx:
                tell_failure(tx, self._ports, source, error)
        finally:
            self._content = None

    def _chunk(self, side: Side, operations: Sequence[Operation]) -> None:
        try:
            if self._forgetful and operations[0].kind == "create":
                asked = operations
                operations = not_made(self._ports, self._world, self._sync, side, self._lease, asked)
                self.applied.confirmed += len(asked) - len(operations)
            asked_at = self._ports.now()
            looked = self._look(side, operations)
            writes, intents = self._write_down(side, operations, looked, asked_at)
            if writes:
                self._send(side, writes, intents)
        except ConnectorError as error:
            self.applied.put_off += len(operations)
            self.failed.add(side.name)
            with self._ports.store.write(self._lease) as tx:
                tell_failure(tx, self._ports, side, error)

    # -- before

    def _look(self, side: Side, operations: Sequence[Operation]) -> dict[str, Record]:
        """Read the records directly before they are written."""
        ids = [operation.record for operation in operations if operation.record]
        self._ports.fence.point("apply.looking")
        return {record.id: record for record in side.connector.get(side.stream, ids)} if ids else {}

    def _write_down(
        self, side: Side, operations: Sequence[Operation], looked: Mapping[str, Record], asked_at: str
    ) -> tuple[list[Write], dict[str, dict[str, Any]]]:
        """Store the looks, judge again by them, and commit an intent for each write that still stands."""
        ports = self._ports
        reserved = self._reserve(side, operations)
        with ports.store.write(self._lease) as tx:
            if looked:
                findings.close(tx, [f"connection_failed:{side.name}"], ports.now())
            store_looks(tx, ports, self._world, side.connection, list(looked.values()), asked_at)
            states = load(tx, [operation.entity for operation in operations])
            references = References(tx, self._world)
            references.prepare(self._sync, states.values())
            writes: list[Write] = []
            intents: dict[str, dict[str, Any]] = {}
            for operation in operations:
                state = states.get(operation.entity)
                if state is None:
                    continue
                noted = Noted(audit=[])
                see_links(state, ports.now(), noted, self._run)
                tx.insert(t.audit, noted.audit)
                now_owed = self._again(state, side, operation, looked, references)
                if now_owed is None:
                    self.applied.put_off += 1
                    continue
                self._confirm(state, side, now_owed)
                if now_owed.kind == "update" and not now_owed.fields:
                    continue
                self._intend(tx, state, side, now_owed, looked, references, reserved, writes, intents)
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
        with self._ports.store.read() as tx:
            rows = tx.all(
                sa.select(t.create_slot).where(t.create_slot.c.side == side.name, t.create_slot.c.entity.in_(entities))
            )
        slots = {row["entity"]: row["reserved_id"] for row in rows}
        missing = [entity for entity in entities if entity not in slots]
        if missing:
            ids = side.connector.reserve(side.stream, len(missing))
            fresh = dict(zip(missing, ids, strict=True))
            with self._ports.store.write(self._lease) as tx:
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
    ) -> Operation | None:
        """The operation as it is owed after the look; None if the world moved and it must be planned anew."""
        record = looked.get(operation.record or "")
        if operation.kind != "create" and (record is None or record.deleted or record.forbidden):
            return None
        owed = Owed(operations=[], findings=[], waiting={})
        found: Operation | None
        if operation.kind == "create":
            found = create(state, self._sync, side, references, owed, self._too_old)
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
        return found if found is not None and self._wanted(found) else None

    def _moved(self, state: EntityState, side: Side, references: References) -> bool:
        link = state.links[side.name]
        shown = settle.shown_now(state, self._sync, side, references, list(link.fields))
        return any(link.fields[name].shadow != value for name, value in shown.items())

    def _confirm(self, state: EntityState, side: Side, operation: Operation) -> None:
        """The look just now shows the agreed value already: the debt is paid without a write."""
        for name, n in operation.confirm.items():
            state.links[side.name].field(name).shows = n
            state.touch(side.name)
            self.applied.confirmed += 1

    def _intend(
        self,
        tx: Tx,
        state: EntityState,
        side: Side,
        operation: Operation,
        looked: Mapping[str, Record],
        references: References,
        reserved: Mapping[str, str],
        writes: list[Write],
        intents: dict[str, dict[str, Any]],
    ) -> None:
        record = looked.get(operation.record or "")
        values = {
            name: worded(
                state,
                self._sync,
                side.name,
                name,
                references.outward(self._sync.fields[name], planned.value, side.connection.name),
                references,
            )
            for name, planned in operation.fields.items()
        }
        base = record.payload if record is not None else None
        unmapped = side.mapper.unmap(self._sync.kind, values, base)
        sent = dict(unmapped.values)
        refused = {loss.field for loss in unmapped.losses}
        for loss in unmapped.losses:
            if operation.kind == "update" and loss.field in operation.fields:
                state.links[side.name].field(loss.field).refused = operation.fields[loss.field].n
                state.touch(side.name)
                versions = {loss.field: operation.fields[loss.field].n}
                self._receipts.tell_refused(tx, side, state, operation.record, loss.field, loss.why, versions)
        fields = {name: planned for name, planned in operation.fields.items() if name not in refused}
        if operation.kind == "update" and not sent:
            return
        if operation.kind == "create":
            placement = self._sync.create[side.name]
            agreed = {name: each.value for name, each in state.agreed.items()}
            computed = self._sync.computed
            literal = {
                key: computed[value](agreed) if value in computed else value
                for key, value in placement.items()
                if value not in self._sync.fields
            }
            # What the values themselves say, a list that stands for the status, is nearer than the general place.
            sent = {**side.mapper.place(literal), **sent}
        ports = self._ports
        id = ports.new_id()
        now = ports.clock.now()
        intents[id] = {
            "id": id,
            "run": self._run,
            "sync": self._sync.name,
            "kind": operation.kind,
            "entity": state.id,
            "side": side.name,
            "record": operation.record,
            "fields": msgspec.to_builtins(fields),
            "before": {name: planned.was for name, planned in fields.items()},
            "compared": {name: planned.was for name, planned in fields.items()},
            "compared_version": record.version if record is not None else None,
            "state": "written",
            "written_at": utc(now),
            "send_by": utc(now + SEND_BY),
            "epoch": self._lease.epoch,
            "reserved_id": reserved.get(state.id),
            "answer_version": None,
            # What the side cannot hold is not sent; a refusal is of what was left out, too.
            "outcome": {"lost": {name: operation.fields[name].n for name in sorted(refused & operation.fields.keys())}},
            "closed_at": None,
        }
        writes.append(
            Write(
                intent=id,
                kind=operation.kind,
                id=operation.record,
                values=sent,
                expected_version=record.version if record is not None and side.abilities.guarded else None,
                marker=state.id if operation.kind == "create" else None,
                content=self._content if operation.kind == "create" else None,
                reserved_id=reserved.get(state.id),
            )
        )

    # -- the write

    def _gate(self, send_by: str) -> Callable[[], None]:
        def gate() -> None:
            self._ports.fence.point("apply.gate")
            if self._ports.now() > send_by:
                raise GateClosed("the intent's time to be sent has passed")
            if self._ports.store.left(self._lease) < REQUEST_TIMEOUT:
                raise GateClosed("the lease ends before the request could")

        return gate

    def _send(self, side: Side, writes: Sequence[Write], intents: dict[str, dict[str, Any]]) -> None:
        gate = self._gate(min(intent["send_by"] for intent in intents.values()))
        answered: list[tuple[dict[str, Any], Outcome]] = []
        for outcome in side.connector.push(side.stream, writes, gate):
            self._ports.fence.point("apply.answered")
            intent = intents[outcome.intent]
            self._receipt(side, intent, outcome)
            if outcome.status == "done":
                answered.append((intent, outcome))
            self._ports.fence.point("apply.receipt.committed")
        if answered:
            self._read_back(side, answered)

    def _receipt(self, side: Side, intent: dict[str, Any], outcome: Outcome) -> None:
        self._receipts.keep(side, intent, outcome, self.applied)

    # -- after

    def _read_back(self, side: Side, answered: Sequence[tuple[dict[str, Any], Outcome]]) -> None:
        intents = [intent for intent, _ in answered]
        carried = {outcome.id: outcome.record for _, outcome in answered if outcome.record is not None}
        self._ports.fence.point("apply.reading_back")
        missing = [i["record"] for i in intents if i["record"] and i["record"] not in carried and i["kind"] != "delete"]
        looked = {record.id: record for record in side.connector.get(side.stream, missing)} if missing else {}
        history: dict[str, list[Change]] = {}
        updates = [i for i in intents if i["kind"] == "update"]
        if side.abilities.history and updates:
            since = min(intent["written_at"] for intent in updates)
            for change in side.connector.history(side.stream, [i["record"] for i in updates], since):
                history.setdefault(change.id, []).append(change)
        # What may not be seen just now (403) stays acknowledged: recovery looks again, and says so.
        intents = [i for i in intents if i["record"] not in looked or not looked[i["record"]].forbidden]
        now = self._ports.now()
        with self._ports.store.write(self._lease) as tx:
            # A delete that the service confirmed is seen at once: until its feed says so it would look restored.
            graves = [
                Record(stream=side.stream, id=intent["record"], version=outcome.version, deleted=True)
                for intent, outcome in answered
                if intent["kind"] == "delete"
            ]
            records = [*graves, *(record for record in [*carried.values(), *looked.values()] if record is not None)]
            for intent in intents:
                if intent["kind"] == "create":
                    adopt(tx, self._ports, self._world, self._sync, side, intent, records)
            store_records(tx, self._ports, self._world, side.connection, records)
            states = load(tx, [intent["entity"] for intent in intents])
            references = References(tx, self._world)
            references.prepare(self._sync, states.values())
            for intent in intents:
                state = states[intent["entity"]]
                record = carried.get(intent["record"]) or looked.get(intent["record"])
                tied = intent["record"] in carried or (
                    record is not None and record.version is not None and record.version == intent["answer_version"]
                )
                finish(state, self._sync, side, references, intent, record, history, tied, now)
                settle.close_intent(tx, intent, "done", now)
                self.applied.done += 1
            save(tx, states.values(), now)
            references.people.save()
            tx.upsert(
                t.due,
                [{"sync": self._sync.name, "entity": i["entity"], "since": now} for i in _once(intents)],
            )
            self._ports.fence.point("apply.read_back.committing")
        self._ports.fence.point("apply.read_back.committed")


def _once(intents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({intent["entity"]: intent for intent in intents}.values())


def finish(
    state: EntityState,
    sync: Sync,
    side: Side,
    references: References,
    intent: dict[str, Any],
    record: Record | None,
    history: Mapping[str, Sequence[Change]],
    tied: bool,
    now: str,
) -> None:
    """What a write that is known to have taken effect leaves behind."""
    if intent["kind"] in ("delete", "archive"):
        if side.name in state.links:
            state.links[side.name].state = "deleted" if intent["kind"] == "delete" else "archived"
            state.touch(side.name)
        return
    if intent["kind"] == "create" and state.links[side.name].record != intent["record"]:
        return  # the place went to another record: what that one shows is nothing that we wrote
    if record is not None and record.deleted:
        settle.lost_sight(state, side.name)
        return
    settle.took_effect(state, sync, side, references, intent, history.get(intent["record"], ()), tied, now)


def adopt(
    tx: Tx, ports: Ports, world: World, sync: Sync, side: Side, intent: dict[str, Any], records: Sequence[Record]
) -> None:
    """Link the record that our create made, before anything else is judged by it: one place, one record."""
    id = intent["record"]
    record = next((each for each in records if each.id == id), None)
    if record is not None:
        store_records(tx, ports, world, side.connection, [record])
    if tx.one(sa.select(t.link.c.record).where(t.link.c.entity == intent["entity"], t.link.c.side == side.name)):
        return
    # Made and gone again already: still linked, so that it is never made twice and a restore finds its place.
    alive = record is not None and not record.deleted
    fields = {name: [None, -1, -1] for name in intent["fields"] if side.mapper.mode(sync.kind, name) == "both"}
    row = {"side": side.name, "id": id}
    link_record(tx, row, intent["entity"], ports.now(), fields, "live" if alive else "gone", {"by": "marker"})
