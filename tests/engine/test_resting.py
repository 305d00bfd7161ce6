"""A plan that waits is counted once, and again as soon as anything moved that it may follow from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.memory_service import STREAM, Traits
from keepstep.engine import guard, moved, resting, round
from keepstep.engine.round import Report
from keepstep.store import tables as t
from keepstep.testing.worlds import Bench


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The countings, as they happen."""
    seen: list[str] = []
    right = round.outstanding

    def outstanding(job: Any, allowed: Any) -> Any:
        seen.append(job.sync.name)
        return right(job, allowed)

    monkeypatch.setattr(round, "outstanding", outstanding)
    return seen


def held(**more: Any) -> Bench:
    """A first plan of two creates, which waits, counted as often as it takes to know that nothing moves any more."""
    bench = Bench(**more)
    for number in range(2):
        bench.make("a", title=f"Task {number}")
    bench.round()
    bench.round()
    return bench


def said(report: Report) -> tuple[int, list[tuple[str, dict[str, Any]]]]:
    return report.planned, [(hold.key, hold.params) for hold in report.holds]


@pytest.mark.usefixtures("benches")
def test_a_held_plan_is_counted_once_and_told_in_each_round(counted: list[str]) -> None:
    bench = Bench()
    for number in range(2):
        bench.make("a", title=f"Task {number}")
    first = bench.round()
    counted.clear()
    for _ in range(3):
        report = bench.round()
        assert report.rested
        assert said(report) == said(first)
        assert [hold.reason for hold in report.holds] == ["first_plan"]
    assert counted == []
    assert len(bench.rows(t.run)) == 1
    bench.let_through()
    report = bench.round()
    assert (report.rested, report.holds, report.applied.done) == (False, [], 2)
    assert len(bench.shown("b")) == 2


@pytest.mark.parametrize("mode", ["observe", "propose"])
def test_so_is_one_whose_mode_is_to_write_nothing(counted: list[str], mode: Any) -> None:
    bench = held(mode=mode)
    bench.let_through()
    assert not bench.round().rested
    counted.clear()
    report = bench.round()
    assert (report.rested, report.planned, report.holds, counted) == (True, 2, [], [])
    assert bench.engine.run(bench.sync, mode="write").applied.done == 2


def edited(bench: Bench) -> None:
    bench.edit("a", bench.only_titled("a", "Task 0"), title="Renamed")


def deleted(bench: Bench) -> None:
    bench.services["a"].delete("Ada", STREAM, bench.only_titled("a", "Task 0"))


def another_configuration(bench: Bench) -> None:
    bench.fingerprint = "two"


def a_side_that_may_not_be_written_to(bench: Bench) -> None:
    bench._rights["b"] = "read"
    bench._connect()
    bench.restart()


def a_finding_that_somebody_has_seen(bench: Bench) -> None:
    with bench.store.write() as tx:
        assert tx.execute(t.finding.update().values(state="acknowledged")) > 0


def a_quarter_of_an_hour(bench: Bench) -> None:
    bench.clock.advance(moved.AGAIN.total_seconds())


@pytest.mark.parametrize(
    "happened",
    [
        lambda bench: bench.make("a", title="Another"),
        edited,
        deleted,
        Bench.let_through,
        another_configuration,
        a_side_that_may_not_be_written_to,
        a_finding_that_somebody_has_seen,
        a_quarter_of_an_hour,
    ],
    ids=["new", "edited", "deleted", "let through", "configuration", "access", "seen", "time"],
)
def test_whatever_moved_has_it_counted_again(counted: list[str], happened: Callable[[Bench], object]) -> None:
    bench = held()
    assert bench.round().rested
    counted.clear()
    happened(bench)
    assert not bench.round().rested
    assert counted


def test_what_is_owed_and_not_held_is_tried_in_each_round(counted: list[str]) -> None:
    bench = held(ceilings={"b": 8})
    bench.let_through()
    while not bench.round().held:
        bench.make("a", title=f"Task {len(bench.shown('a'))}")
    counted.clear()
    assert not bench.round(look=False).rested
    assert counted


def test_a_hold_that_ends_by_itself_is_judged_in_each_round(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(mode="observe")
    bench.make("a", title="Task")
    later = guard.Hold("store_restored", {"operations": 1, "until": "2999-01-01T00:00:00Z"})
    monkeypatch.setattr(guard, "reasons", lambda *_: [later])
    assert [bench.round().rested for _ in range(3)] == [False] * 3


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("make"), st.sampled_from("ab"), st.integers(0, 3)),
        st.tuples(st.just("edit"), st.sampled_from("ab"), st.integers(0, 5)),
        st.tuples(st.just("delete"), st.sampled_from("ab"), st.integers(0, 5)),
        st.tuples(st.just("let through"), st.just(""), st.just(0)),
        st.tuples(st.just("nothing"), st.just(""), st.just(0)),
    ),
    min_size=1,
    max_size=12,
)


def happen(bench: Bench, step: tuple[str, str, int], turn: int) -> None:
    what, side, number = step
    ids = sorted(bench.services[side].records(STREAM)) if side else []
    if what == "make":
        bench.make(side, title=f"Task {number}", notes=f"{turn}")
    elif what == "edit" and ids:
        bench.edit(side, ids[number % len(ids)], title=f"Title {turn}")
    elif what == "delete" and ids:
        bench.services[side].delete("Ada", STREAM, ids[number % len(ids)])
    elif what == "let through":
        bench.let_through()


@given(STEPS, st.sampled_from(["observe", "write"]), st.sampled_from(["flag", "propagate"]))
@settings(max_examples=15)
def test_a_hub_that_rests_finds_and_writes_the_same_as_one_that_counts_in_each_round(
    steps: list[tuple[str, str, int]], mode: Any, deletes: Any
) -> None:
    """A minute passes between rounds: far less than what time alone may bring anything in."""
    resters, counters = benches = [Bench(Traits(), Traits(), mode=mode, deletes=deletes) for _ in range(2)]
    for turn, step in enumerate(steps):
        for bench in benches:
            happen(bench, step, turn)
        for _ in range(2):
            rested = resters.round()
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(resting, "recall", lambda *_: None)
                counted = counters.round()
            assert not counted.rested
            assert said(rested) == said(counted)
            assert [resters.shown(side) for side in "ab"] == [counters.shown(side) for side in "ab"]
    for bench in benches:
        bench.store.close()
