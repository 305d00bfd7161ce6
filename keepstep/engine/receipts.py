"""What a service answered to a write, kept before anything else is done with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from connectors.base import Outcome
from keepstep.engine import settle
from keepstep.engine.job import Job
from keepstep.engine.state import EntityState, load, save
from keepstep.engine.world import Side, Sync
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.findings import Finding
from keepstep.store.store import Tx


class Applied(msgspec.Struct, kw_only=True):
    """What was done, by outcome."""

    done: int = 0
    """Records that were written. What a new one lacked, and an update brought at once, counts with its create."""
    confirmed: int = 0
    refused: int = 0
    unknown: int = 0
    put_off: int = 0

    @property
    def settled(self) -> int:
        """Operations that nothing is owed for any more, or not before it is known what became of them."""
        return self.done + self.refused + self.unknown

    @property
    def progress(self) -> bool:
        return self.done > 0 or self.confirmed > 0


class Receipts:
    """Keeps the answers to the writes of one job, and tells what was refused."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._ports = job.ports
        self._sync = job.sync

    def keep_all(self, side: Side, answered: Sequence[tuple[dict[str, Any], Outcome]], applied: Applied) -> None:
        """Keep what the service said before anything else is done with it, in one transaction."""
        if not answered:
            return
        with self._job.write() as tx:
            self._acknowledge(tx, [each for each in answered if each[1].status == "done"])
            for intent, outcome in answered:
                if outcome.status != "done":
                    self.keep(tx, side, intent, outcome, applied)
            if any(intent["kind"] == "create" for intent, _ in answered):
                wake_held(tx, side, self._ports.now())

    def keep(self, tx: Tx, side: Side, intent: dict[str, Any], outcome: Outcome, applied: Applied) -> None:
        """Keep one answer."""
        now = self._ports.now()
        kept = _said(outcome)
        status = outcome.status
        if status == "gone" and intent["kind"] == "create":
            status = "refused"  # what is gone before it was made is the place that it was to be made in
        match status:
            case "done":
                self._acknowledge(tx, [(intent, outcome)])
            case "unknown":
                tx.execute(
                    sa.update(t.intent).where(t.intent.c.id == intent["id"]).values(state="unknown", outcome=kept)
                )
                applied.unknown += 1
            case "refused":
                if intent["kind"] == "create":
                    kept["place"] = dict(self._sync.create[side.name])
                    kept["lost"] = intent["outcome"]["lost"]
                settle.close_intent(tx, intent, "refused", now, kept)
                self._refused(tx, side, intent, outcome)
                applied.refused += 1
            case "gone":
                settle.close_intent(tx, intent, "gone", now, kept)
                states = load(tx, [intent["entity"]])
                for state in states.values():
                    settle.lost_sight(state, side.name)
                save(tx, states.values(), now)
            case _:
                settle.close_intent(tx, intent, "not_sent", now, kept)
                applied.put_off += 1
        if outcome.status in ("stale", "gone", "refused") or intent["kind"] == "create":
            look_again(tx, self._sync, [intent], now)

    def _acknowledge(self, tx: Tx, answered: Sequence[tuple[dict[str, Any], Outcome]]) -> None:
        """Done, and not yet read back. Each intent learns the id of what it made."""
        rows = []
        for intent, outcome in answered:
            intent["record"] = outcome.id or intent["record"]
            intent["answer_version"] = outcome.version
            learned = {name: intent[name] for name in ("id", "record", "answer_version")}
            rows.append(learned | {"state": "acknowledged", "outcome": _said(outcome)})
        tx.change(t.intent, rows)
        creates = [intent for intent, _ in answered if intent["kind"] == "create"]
        look_again(tx, self._sync, creates, self._ports.now())

    def _refused(self, tx: Tx, side: Side, intent: dict[str, Any], outcome: Outcome) -> None:
        states = load(tx, [intent["entity"]])
        state = states.get(intent["entity"])
        if state is None:
            return
        if intent["kind"] == "update":
            blamed = self._blamed(side, outcome.field, intent)
            for name in blamed:
                state.links[side.name].field(name).refused = settle.planned_fields(intent)[name].n
            state.touch(side.name)
            save(tx, states.values(), self._ports.now())
        elif intent["kind"] == "archive" and state.links[side.name].state == "leaving":
            # What cannot be archived after all is left where it is: asking again would be refused again.
            state.links[side.name].state = "declined"
            state.touch(side.name)
            save(tx, states.values(), self._ports.now())
        versions = {name: planned[1] for name, planned in intent["fields"].items()}
        self.tell_refused(tx, side, state, intent["record"], outcome.field, outcome.reason, versions)

    def tell_refused(
        self,
        tx: Tx,
        side: Side,
        state: EntityState,
        record: str | None,
        field: str | None,
        reason: str,
        versions: Mapping[str, int],
    ) -> None:
        findings.report(
            tx,
            [
                Finding(
                    key=f"refused:{state.id}:{side.name}",
                    code="record_refused",
                    severity="error",
                    sync=self._sync.name,
                    entity=state.id,
                    params={
                        "entity": state.id,
                        "kind": self._sync.kind.value,
                        "title": state.title,
                        "side": side.name,
                        "record": record,
                        "field": field,
                        "reason": reason,
                        "versions": dict(versions),
                    },
                )
            ],
            self._ports.now(),
            self._ports.new_id,
        )

    def _blamed(self, side: Side, field: str | None, intent: dict[str, Any]) -> list[str]:
        """The canonical fields that the service would not have: the one it named, else all that were sent."""
        names = list(intent["fields"])
        named = [name for name in names if field is not None and side.mapper.system(self._sync.kind, name) == field]
        return named or names


def _said(outcome: Outcome) -> dict[str, Any]:
    return {"status": outcome.status, "reason": outcome.reason, "code": outcome.code, "field": outcome.field}


def requeue(tx: Tx, sync: Sync, intent: dict[str, Any], side: Side, now: str) -> None:
    """Look at the entity again, and at records of the side that were held back while a create was open."""
    look_again(tx, sync, [intent], now)
    if intent["kind"] == "create":
        wake_held(tx, side, now)


def look_again(tx: Tx, sync: Sync, intents: Sequence[Mapping[str, Any]], now: str) -> None:
    """Judge the intents' entities once more, by what is known then."""
    entities = dict.fromkeys(intent["entity"] for intent in intents)
    tx.upsert(t.due, [{"sync": sync.name, "entity": entity, "since": now} for entity in entities])


def wake_held(tx: Tx, side: Side, now: str) -> None:
    """Records that were held back while a create was open are matched anew."""
    loose = tx.all(
        sa.select(t.record.c.id).where(
            t.record.c.side == side.name, t.record.c.entity.is_(None), t.record.c.deleted.is_(False)
        )
    )
    tx.insert(t.change_log, [{"side": side.name, "id": row["id"], "at": now} for row in loose])
