"""An edit that was seen on a side while a write there was in doubt, and that the write then buried."""

from __future__ import annotations

import pytest

from connectors.memory_service import Traits
from connectors.sandbox.faults import Fault
from keepstep.store import tables as t
from keepstep.testing.worlds import PAST_DOUBT, Bench

pytestmark = pytest.mark.usefixtures("benches")


def in_doubt(*, history: bool = False, versioned: bool = True, late: bool = True) -> tuple[Bench, str, str]:
    """A bench on which `a` said "theirs", whether `b` took that is not known, and somebody set `b` to "hers"."""
    bench = Bench(Traits(), Traits(guarded=False, history=history, versioned=versioned))
    mine = bench.make("a", title="x")
    bench.settle()
    yours = bench.only("b")
    bench.edit("a", mine, title="theirs")
    fault = Fault("late", "write", times=1, delay=300) if late else Fault("lost_before", "write", times=1)
    bench.services["b"].faults.switch_on(fault)
    assert bench.round().applied.unknown == 1
    bench.edit("b", yours, title="hers")
    bench.round()
    return bench, mine, yours


def candidates(bench: Bench) -> dict[str, object]:
    [row] = bench.rows(t.conflict)
    found, [line] = row["state"]["candidates"], bench.rows(t.audit, t.audit.c.code == "conflict")
    named = line["params"]["candidates"]["candidates"]
    values = {side: each["value"] for side, each in found.items()}
    assert {side: each["value"] for side, each in named.items()} == values, "the audit names it as well"
    assert line["run"]
    return values


@pytest.mark.parametrize("versioned", [True, False])
def test_what_was_seen_and_buried_is_asked_about(versioned: bool) -> None:
    bench, _, _ = in_doubt(versioned=versioned)
    bench.settle(PAST_DOUBT)
    assert [each["title"] for each in bench.shown("b")] == ["theirs"], "it landed over what she wrote"
    assert candidates(bench) == {"agreed": "theirs", "b.items": "hers"}


def test_a_history_tells_it_by_itself() -> None:
    bench, _, yours = in_doubt(history=True)
    bench.settle(PAST_DOUBT)
    assert candidates(bench) == {"agreed": "theirs", "b.items": "hers"}
    assert bench.only("b") == yours


def test_what_was_seen_and_still_stands_is_asked_about_once() -> None:
    bench, _, _ = in_doubt(late=False)
    bench.settle(PAST_DOUBT)
    assert [each["title"] for each in bench.shown("b")] == ["hers"]
    assert candidates(bench) == {"agreed": "theirs", "b.items": "hers"}


def test_what_its_author_took_back_is_nobodys_question() -> None:
    bench, _, yours = in_doubt(late=False, versioned=False)
    bench.edit("b", yours, title="x")
    bench.settle(PAST_DOUBT)
    assert bench.rows(t.conflict) == []
    assert [each["title"] for each in bench.shown("b")] == ["theirs"]


def test_what_may_have_been_set_back_unseen_is_asked_about_where_only_the_time_of_the_last_change_is_told() -> None:
    bench = Bench(Traits(), Traits(versioned=False))
    mine = bench.make("a", title="x")
    bench.settle()
    bench.edit("a", mine, title="theirs")
    bench.services["b"].faults.switch_on(Fault("lost_after", "write", times=1))
    assert bench.round().applied.unknown == 1
    bench.clock.advance(1.0)
    bench.edit("b", bench.only("b"), title="x")
    bench.settle(PAST_DOUBT)
    assert [each["title"] for each in bench.shown("b")] == ["x"]
    assert candidates(bench) == {"agreed": "theirs", "b.items": "x"}


def test_what_was_seen_of_a_record_that_is_gone_is_forgotten() -> None:
    bench, _, yours = in_doubt(late=False)
    bench.services["b"].delete("Ada", "items", yours)
    bench.settle(PAST_DOUBT)
    [row] = bench.rows(t.link, t.link.c.side == "b.items")
    assert row["state"] == "gone"
    assert all(each[5] is None for each in row["fields"].values())
