"""A plan is counted at one moment of the store, while others write to it; and it is what a round then carries out."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from keepstep.engine import guard, planning
from keepstep.engine.observe import LEASE
from keepstep.engine.operations import Operation
from keepstep.engine.ports import Ports
from keepstep.engine.round import Engine
from keepstep.store import tables as t
from keepstep.store.store import Store
from keepstep.testing.worlds import Bench, NamedFence
from tests.databases import Databases


@pytest.fixture
def bench(databases: Databases) -> Bench:
    return Bench(store=databases.url(), create={"b.items": {}})


@pytest.fixture
def colleague(bench: Bench) -> Iterator[Engine]:
    """Another worker over the same store."""
    store = Store(bench.store.url, bench.clock).open()
    ids = (f"c{number:06d}" for number in range(1_000_000))
    ports = Ports(bench.clock, random.Random(9), lambda: next(ids), store, "colleague", NamedFence())
    yield Engine(ports, bench.world, lambda sync: bench.fingerprint)
    store.close()


def meanwhile(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> list[int]:
    """Plan in parts of two entities, and have that happen after the first part. Returns how large the parts were."""
    parts: list[int] = []
    counted = planning.owed

    def owed(states: Any, *rest: Any) -> Any:
        found = counted(states, *rest)
        parts.append(len(states))
        if len(parts) == 1:
            work()
        return found

    monkeypatch.setattr(planning, "BATCH", 2)
    monkeypatch.setattr(planning, "owed", owed)
    return parts


def said(operations: list[Operation]) -> list[tuple[str, str, str, dict[str, Any]]]:
    fields = [{name: planned.local for name, planned in each.fields.items()} for each in operations]
    return sorted(
        ((each.kind, each.side, each.entity, values) for each, values in zip(operations, fields, strict=True)),
        key=lambda each: each[:3],
    )


def carried_out(bench: Bench) -> list[tuple[str, str, str, dict[str, Any]]]:
    rows = bench.rows(t.intent)
    found = [
        (row["kind"], row["side"], row["entity"], {n: each[2] for n, each in row["fields"].items()}) for row in rows
    ]
    return sorted(found, key=lambda each: each[:3])


def test_another_worker_writes_while_a_plan_is_made_which_is_of_the_moment_it_began(
    bench: Bench, colleague: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        bench.make("a", title=f"Task {number}")
    assert [hold.reason for hold in bench.round().holds] == ["first_plan"]

    def round_of_a_colleague() -> None:
        with colleague.ports.store.write() as tx:
            assert guard.let_through(tx, colleague.ports, bench.sync.name, "Bo") == ["first_plan"]
        report = colleague.run(bench.sync)
        assert (report.busy, report.holds, report.applied.done) == (False, [], 5)

    parts = meanwhile(monkeypatch, round_of_a_colleague)
    plan = bench.engine.plan(bench.sync)
    assert parts == [2, 2, 1]
    assert [hold.reason for hold in plan.holds] == ["first_plan"]
    assert said(plan.operations) == carried_out(bench)
    assert len(plan.operations) == len(bench.shown("b")) == 5
    assert bench.engine.plan(bench.sync).operations == []


def test_a_plan_leaves_nothing_in_the_store(bench: Bench) -> None:
    bench.make("a", title="Task")
    bench.look()
    bench.engine.take_in(bench.sync)
    before = bench.content()
    plan = bench.engine.plan(bench.sync)
    assert [hold.reason for hold in plan.holds] == ["first_plan"]
    assert bench.content() == before
    assert bench.rows(t.hold) == []


def test_what_is_still_to_be_taken_in_is_no_part_of_a_plan(bench: Bench) -> None:
    bench.make("a", title="Task")
    bench.settle()
    bench.edit("a", bench.only("a"), title="Renamed")
    bench.clock.advance(60)
    bench.look()
    assert bench.kill_at("absorb.storing", work=lambda: bench.engine.take_in(bench.sync))
    assert len(bench.rows(t.due)) == 1
    assert bench.engine.take_in(bench.sync).busy  # in the hands of the dead
    assert bench.engine.plan(bench.sync).operations == []
    bench.clock.advance(LEASE + 1)
    assert not bench.engine.take_in(bench.sync).busy
    (operation,) = bench.engine.plan(bench.sync).operations
    assert (operation.kind, operation.side, operation.fields["title"].local) == ("update", "b.items", "Renamed")
