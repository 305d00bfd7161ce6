"""Wrong engines, one line wrong each: a simulator that does not catch them is blind.

Each is a context manager that bends the engine while it is open. Only tests switch them on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
import sqlalchemy as sa

from connectors.base import Outcome, Record
from keepstep.engine import census, intake, observe, read_back, receipts, recover, settle
from keepstep.engine import round as rounds
from keepstep.engine.job import Job, Reading
from keepstep.engine.lens import Lens
from keepstep.engine.state import FieldState, load, save
from keepstep.store import tables as t
from mapping import merge as merging
from mapping.agreement import Agreed, Merge, View


@contextmanager
def _bent(owner: Any, name: str, value: Any) -> Iterator[None]:
    right = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, right)


@contextmanager
def shadow_is_what_we_sent() -> Iterator[None]:
    """X1: believe that the side shows what was sent, and never look."""

    def took_effect(lens: Lens, state: Any, intent: Any, history: Any, tied: bool, now: str) -> None:
        for name, planned in settle.planned_fields(intent).items():
            known = state.links[lens.side.name].field(name)
            known.shadow, known.shows = planned.value, planned.n
        state.touch(lens.side.name)

    with _bent(settle, "took_effect", took_effect):
        yield


@contextmanager
def retry_without_looking() -> Iterator[None]:
    """X2: what has no answer was not applied."""

    def forget(job: Job) -> recover.Recovered:
        ports, sync = job.ports, job.sync
        with job.write() as tx:
            open_ones = tx.all(sa.select(t.intent).where(t.intent.c.closed_at.is_(None)))
            for row in open_ones:
                settle.close_intent(tx, row, "not_applied", ports.now())
                side = sync.sides.get(row["side"])
                if side is not None:
                    receipts.requeue(tx, sync, row, side, ports.now())
        return recover.Recovered()

    with _bent(rounds, "recover", forget):
        yield


@contextmanager
def cursor_before_the_page() -> Iterator[None]:
    """X3: keep the cursor first, then the records."""
    right = observe._take

    def take(reading: Reading, page: Any, seen: Any, crawl: Any) -> None:
        with reading.write() as tx:
            values: dict[str, Any] = {"cursor": page.cursor} | ({"crawled": True} if page.last else {})
            tx.execute(sa.update(t.feed).where(t.feed.c.name == reading.key).values(**values))
        reading.ports.fence.point("observe.cursor.stored")
        right(reading, page, seen, crawl)

    with _bent(observe, "_take", take):
        yield


@contextmanager
def receipt_before_the_answer() -> Iterator[None]:
    """X4: note the write as done when it is sent."""
    right = receipts.Receipts.keep

    def keep(self: Any, tx: Any, side: Any, intent: dict[str, Any], outcome: Outcome, applied: Any) -> None:
        known = outcome.status == "unknown" and intent["kind"] == "update"
        if known:
            outcome = msgspec.structs.replace(outcome, status="done", id=intent["record"])
        right(self, tx, side, intent, outcome, applied)
        if known:
            states = load(tx, [intent["entity"]])
            for state in states.values():
                for name, planned in settle.planned_fields(intent).items():
                    state.links[side.name].fields[name] = FieldState(planned.local, planned.n)
                state.touch(side.name)
            save(tx, states.values(), self._ports.now())
            settle.close_intent(tx, intent, "done", self._ports.now())

    with _bent(receipts.Receipts, "keep", keep):
        yield


def _deaf(hears: Callable[[Any, Any, Record], bool]) -> Any:
    right = intake.store_records

    def store_records(
        tx: Any, ports: Any, world: Any, connection: Any, records: Any, *more: Any, **named: Any
    ) -> intake.Stored:
        heard = [record for record in records if hears(ports, connection, record)]
        return right(tx, ports, world, connection, heard, *more, **named)

    return store_records


@contextmanager
def echo_by_author() -> Iterator[None]:
    """X5: whatever our account touched last is our own echo."""
    accounts: dict[str, str] = {}

    def not_us(ports: Any, connection: Any, record: Record) -> bool:
        if connection.name not in accounts:
            accounts[connection.name] = connection.connector.check().id
        return record.modified_by != accounts[connection.name]

    deaf = _deaf(not_us)
    with _bent(observe, "store_records", deaf), _bent(read_back, "store_records", deaf):
        yield


@contextmanager
def echo_by_time() -> Iterator[None]:
    """X6: whatever changed within a minute of now is our own echo."""

    def old_enough(ports: Any, connection: Any, record: Record) -> bool:
        from datetime import datetime

        changed = datetime.fromisoformat(record.modified_at or record.created_at or "2000-01-01T00:00:00Z")
        return (record.ours is False and record.deleted) or (ports.clock.now() - changed).total_seconds() > 60

    deaf = _deaf(old_enough)
    with _bent(observe, "store_records", deaf), _bent(read_back, "store_records", deaf):
        yield


@contextmanager
def unseen_is_deleted() -> Iterator[None]:
    """X7: a record that a look does not show is gone."""

    def count_missed(reading: Reading, streams: Any) -> int:
        ports, connection = reading.ports, reading.connection
        with reading.write() as tx:
            for stream in streams:
                for row in tx.all(sa.select(t.record).where(census.unseen(f"{connection.name}.{stream}"))):
                    tx.upsert(t.record, [row | {"deleted": True, "digest": b"gone"}])
                    tx.insert(t.change_log, [{"side": row["side"], "id": row["id"], "at": ports.now()}])
        return 0

    with _bent(observe, "count_missed", count_missed), _bent(census, "count_missed", count_missed):
        yield


@contextmanager
def loser_dropped() -> Iterator[None]:
    """X15: where two values meet, the first one is agreed on, and nobody hears of the other."""
    from keepstep.engine import absorb

    right = merging.merge

    def careless(agreed: Any, views: Any, conflict: Any, *rest: Any) -> Merge:
        result = right(agreed, views, conflict, *rest)
        if conflict is not None or result.conflict is None:
            return result
        first = min(view for view in (view.side for view in views if view.changed))
        value = next(view.cur for view in views if view.side == first)
        sides = {side: (shadow, agreed.n + (shadow == value)) for side, (shadow, _) in result.sides.items()}
        return Merge(agreed=Agreed(value, agreed.n + 1, first, rest[2]), sides=sides)

    with _bent(absorb, "merge", careless):
        yield


@contextmanager
def debt_forgotten() -> Iterator[None]:
    """X21: no versions; a side that moved is believed to be the last word, and what it did not get is not owed."""
    right = merging.merge

    def forgetful(
        agreed: Any, views: Any, conflict: Any, rule: Any, equality: Any, now: str, in_doubt: bool = False
    ) -> Merge:
        level = [msgspec.structs.replace(view, shows=agreed.n) for view in views]
        result = right(agreed, level, conflict, rule, equality, now, in_doubt)
        changed: Mapping[str, View] = {view.side: view for view in views if view.changed}
        for side, (shadow, _) in list(result.sides.items()):
            if side in changed:
                result.sides[side] = (shadow, result.agreed.n)
        return result

    from keepstep.engine import absorb

    with _bent(absorb, "merge", forgetful):
        yield


SABOTAGES = {
    "X1": shadow_is_what_we_sent,
    "X2": retry_without_looking,
    "X3": cursor_before_the_page,
    "X4": receipt_before_the_answer,
    "X5": echo_by_author,
    "X6": echo_by_time,
    "X7": unseen_is_deleted,
    "X15": loser_dropped,
    "X21": debt_forgotten,
}
