"""Markers come off in batches: what stops the work is told or waited out, and the next one goes on where it stopped."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.base import Gate, Outcome, Write
from connectors.errors import GateClosed
from connectors.memory import Memory
from connectors.memory_service import STREAM, MemoryService
from connectors.preparing import Prepares
from connectors.sandbox.clock import VirtualClock
from connectors.sandbox.faults import Fault
from keepstep.engine.ports import Ports
from keepstep.engine.preparing import LEASE, Busy, Preparing, attach, detach, detached
from keepstep.engine.unmarking import BATCH, Unmarked, marked, unmark
from keepstep.runtime import Runtime
from keepstep.store import tables as t
from keepstep.store.store import Store

SIDE = f"desk.{STREAM}"
MANY = 2 * BATCH + 3


class Desk:
    """A memory service with many records of ours, and a store that knows them."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.service = MemoryService(self.clock)
        self.connector = Memory(self.service)
        self.store = Store("sqlite://", self.clock).open()
        writes = [Write(intent=str(n), kind="create", values={"title": str(n)}, marker=f"ks-{n}") for n in range(MANY)]
        made = [outcome.id or "" for outcome in self.connector.push(STREAM, writes, lambda: None)]
        plain = self.service.create("Ann", STREAM, {"title": "hers"})
        rows = [self._row(id, f"ks-{n}") for n, id in enumerate(made)] + [self._row(plain, None)]
        rows += [{**self._row("1", "ks-0"), "side": "desk_two.items"}]
        with self.store.write() as tx:
            tx.insert(t.record, rows)
        self.ids = sorted(made)

    def _row(self, id: str, marker: str | None) -> dict[str, Any]:
        return {
            "side": SIDE,
            "id": id,
            "kind": "task",
            "digest": b"",
            "shown": {},
            "deleted": False,
            "marker": marker,
            "ours": True,
            "url": f"https://desk.test/{id}",
            "seen_at": "",
        }

    def ports(self, holder: str = "me") -> Ports:
        runtime = Runtime.of(self.clock, 1)
        return Ports(self.clock, random.Random(1), runtime.ids, self.store, holder)

    def preparing(self, holder: str = "me") -> Preparing:
        return Preparing(self.ports(holder), "desk", "Ann")

    def left(self) -> int:
        with self.store.read() as tx:
            return marked(tx, "desk").get(SIDE, 0)

    def there(self) -> int:
        return sum(item.marker is not None for item in self.service.items.values())

    def audit(self, code: str) -> int:
        with self.store.read() as tx:
            return int(tx.scalar(sa.select(sa.func.count()).select_from(t.audit).where(t.audit.c.code == code)) or 0)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_every_marker_comes_off_and_each_is_noted(desk: Desk) -> None:
    assert isinstance(desk.connector, Prepares)
    seen: list[int] = []
    with desk.preparing() as work:
        result = unmark(work, desk.connector, SIDE, lambda so_far: seen.append(so_far.done))
    assert (result.done, result.gone, result.left) == (MANY, 0, [])
    assert seen == [BATCH, 2 * BATCH, MANY]
    assert (desk.left(), desk.there()) == (0, 0)
    assert desk.audit("unmark_done") == MANY
    titles = {item.values["title"] for item in desk.service.items.values()}
    assert titles == {*map(str, range(MANY)), "hers"}
    with desk.store.read() as tx:
        assert marked(tx, "desk_two") == {"desk_two.items": 1}


def test_a_kill_between_two_batches_loses_no_count(desk: Desk) -> None:
    def killed(so_far: Unmarked) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), desk.preparing() as work:
        unmark(work, desk.connector, SIDE, killed)
    assert desk.left() == MANY - BATCH
    desk.service.requests.clear()
    with desk.preparing("another") as work:
        assert unmark(work, desk.connector, SIDE).done == MANY - BATCH
    assert len([line for line in desk.service.requests if line == "write/unmark"]) == MANY - BATCH
    assert (desk.left(), desk.there()) == (0, 0)


def test_a_limit_is_waited_out(desk: Desk) -> None:
    desk.service.faults.switch_on(Fault("rate_limited", match="write", times=3))
    with desk.preparing() as work:
        result = unmark(work, desk.connector, SIDE)
    assert (result.done, result.left) == (MANY, [])
    assert desk.there() == 0


def test_what_is_gone_or_refused_or_in_doubt_is_told_apart(desk: Desk) -> None:
    gone, refused, lost = desk.ids[:3]
    desk.service.delete("Ann", STREAM, gone)

    class Stubborn(Memory):
        def unmark(self, stream: str, ids: Sequence[str], gate: Gate) -> list[Outcome]:
            found = super().unmark(stream, [id for id in ids if id != refused], gate)
            more = [Outcome(intent=refused, status="refused", reason="locked")] if refused in ids else []
            return [
                Outcome(intent=each.intent, status="unknown") if each.intent == lost else each for each in found
            ] + more

    with desk.preparing() as work:
        result = unmark(work, Stubborn(desk.service), SIDE)
    assert (result.done, result.gone) == (MANY - 3, 1)
    assert sorted((each.id, each.status, each.url) for each in result.left) == [
        (refused, "refused", f"https://desk.test/{refused}"),
        (lost, "unknown", f"https://desk.test/{lost}"),
    ]
    assert desk.left() == 2
    with desk.preparing() as work:
        assert unmark(work, desk.connector, SIDE).done == 2


def test_without_the_lease_nothing_leaves(desk: Desk) -> None:
    work = desk.preparing()
    for _ in range(3):
        desk.clock.advance(LEASE / 2)
        work.gate()
    desk.clock.advance(LEASE)
    with desk.preparing("another"), pytest.raises(Busy):
        desk.preparing("a third")
    with pytest.raises(GateClosed):
        work.gate()
    desk.service.requests.clear()
    outcomes = desk.connector.unmark(STREAM, desk.ids[:2], work.gate)
    assert [each.status for each in outcomes] == ["not_sent", "not_sent"]
    assert desk.service.requests == []


def test_leaving_waits_for_running_syncs_and_gives_their_leases_back(desk: Desk) -> None:
    ports = desk.ports()
    running = desk.store.acquire("sync:b", "another", 300)
    assert running is not None
    with pytest.raises(Busy):
        detach(ports, "desk", ["a", "b"], "Ann")
    with desk.store.read() as tx:
        assert detached(tx) == frozenset()
    desk.store.release(running)
    for _ in range(2):
        detach(ports, "desk", ["a", "b"], "Ann")
    assert desk.store.acquire("sync:a", "another", 300) is not None
    with desk.store.read() as tx:
        assert detached(tx) == {"desk"}
    assert desk.audit("detached") == 1


def test_taking_up_again_makes_the_next_plan_a_first_one(desk: Desk) -> None:
    ports = desk.ports()
    with desk.store.write() as tx:
        rows = [{"name": f"applied:{name}", "value": "f"} for name in ("a", "b")]
        tx.insert(t.setting, rows)
    assert attach(ports, "desk", ["a"], "Ann") is False
    detach(ports, "desk", ["a"], "Ann")
    assert attach(ports, "desk", ["a"], "Ann") is True
    with desk.store.read() as tx:
        assert [row["name"] for row in tx.all(sa.select(t.setting.c.name))] == ["applied:b"]
