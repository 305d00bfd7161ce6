"""How many queries matching needs: per batch, never per record."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from keepstep.engine.job import Job
from keepstep.engine.match import steps
from keepstep.engine.match.steps import match
from keepstep.store import tables as t
from keepstep.testing.worlds import Bench


def queries(records: int, title: Callable[[str, int], str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(steps, "BATCH", 1000)
    bench = Bench(match=("title",))
    for number in range(records):
        bench.make("a", title=title("a", number))
        bench.make("b", title=title("b", number))
    bench.look()
    lease = bench.store.acquire("sync:tasks", "me", 300.0)
    assert lease is not None
    seen: list[str] = []

    def count(connection: object, cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    sa.event.listen(bench.store._engine, "before_cursor_execute", count)
    match(Job(bench.ports, bench.world, bench.sync, lease, "run"))
    sa.event.remove(bench.store._engine, "before_cursor_execute", count)
    assert len(bench.rows(t.link)) == 2 * records
    return len(seen)


@pytest.mark.parametrize(
    "title",
    [
        pytest.param(lambda side, number: f"Task {number}", id="linked"),
        pytest.param(lambda side, number: f"{side}{number * 7919}", id="alone"),
        pytest.param(lambda side, number: f"Kickoff {number // 2}", id="asked"),
    ],
)
def test_a_batch_of_any_size_takes_the_same_number(
    title: Callable[[str, int], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert queries(20, title, monkeypatch) == queries(180, title, monkeypatch)


def test_a_word_that_many_share_is_asked_about_a_handful_of_times_a_record_and_nothing_is_made() -> None:
    bench = Bench(match=("title",))
    for number in range(150):
        bench.make("a", title="Kickoff")
        if number < 20:
            bench.make("b", title="Kickoff")
    bench.settle()
    proposals = bench.rows(t.proposal)
    assert len(proposals) == 20 * 5 + 145
    assert {each for row in proposals for each in (row["entity"], row["other"])} == {
        row["id"] for row in bench.rows(t.entity)
    }
    (finding,) = bench.rows(t.finding, t.finding.c.key == "key_not_unique:tasks:a.items")
    assert (finding["params"]["count"], finding["params"]["values"]) == (150, 1)
    assert len(finding["params"]["records"]) == 20
    assert bench.writes() == 0
