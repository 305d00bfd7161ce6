"""What a run wrote is taken back where it still stands, stays taken back, and can be done again."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.memory_service import STREAM, Traits
from connectors.sandbox.faults import Fault
from keepstep.engine.taken_back import Undone
from keepstep.store import tables as t
from keepstep.testing.worlds import PAST_DOUBT, Bench
from mapping.agreement import Rule


def settled(*traits: Traits, **sync: Any) -> Bench:
    """A bench with one task, titled "old", on every side."""
    bench = Bench(*traits, **sync)
    bench.make("a", title="old", notes="n")
    bench.settle()
    return bench


def last_run(bench: Bench) -> str:
    """The run that wrote last."""
    return str(bench.rows(t.intent)[-1]["run"])


def edited(*traits: Traits, **sync: Any) -> tuple[Bench, str]:
    """The same after an edit in ``a`` was carried over, and the run that did that."""
    bench = settled(*traits, **sync)
    bench.edit("a", bench.only("a"), title="new")
    bench.settle()
    return bench, last_run(bench)


def rehearsed(bench: Bench, run: str) -> tuple[list[Undone], list[tuple[str, str]]]:
    content = bench.content()
    with bench.engine.undoing(bench.sync, run).rehearsed() as (_, done, operations):
        planned = [(each.kind, each.side) for each in operations]
    assert bench.content() == content
    return done, planned


def undo(bench: Bench, run: str) -> str:
    """Take back, and carry that out; the run that did it."""
    bench.look()
    bench.engine.take_in(bench.sync)
    fresh = bench.engine.undoing(bench.sync, run).decide("Bo")
    assert fresh is not None
    bench.engine.run(bench.sync, run=fresh)
    return fresh


def hows(bench: Bench, run: str) -> list[tuple[str, str | None, str]]:
    return [(each.side, each.field, each.how) for each in rehearsed(bench, run)[0]]


@pytest.mark.parametrize("traits", [Traits(), Traits(shouts=True), Traits(versioned=False), Traits(history=True)])
def test_a_value_goes_back_on_every_side_and_stays_back(traits: Traits) -> None:
    bench, run = edited(Traits(), traits)
    done, planned = rehearsed(bench, run)
    assert [(each.field, each.how, each.value) for each in done] == [("title", "agreed", "old")]
    assert sorted(planned) == [("update", "a.items"), ("update", "b.items")]
    undo(bench, run)
    assert bench.shown("a") == [{"title": "old", "notes": "n"}]
    assert bench.services["b"].form("title", "old") == bench.shown("b")[0]["title"]
    writes = bench.writes()
    bench.settle()
    assert (bench.writes(), bench.open_findings()) == (writes, [])


def test_only_the_fields_of_that_run_are_touched() -> None:
    bench, run = edited()
    bench.edit("b", bench.only("b"), notes="later")
    bench.settle()
    undo(bench, run)
    assert bench.shown("a") == bench.shown("b") == [{"title": "old", "notes": "later"}]


@pytest.mark.parametrize("name", ["a", "b"])
def test_what_a_person_edited_since_is_left(name: str) -> None:
    bench, run = edited()
    bench.edit(name, bench.only(name), title="newer")
    bench.look()
    bench.engine.take_in(bench.sync)
    (left,) = rehearsed(bench, run)[0]
    assert (left.how, left.left, left.by) == ("edited", True, f"{name}.items")
    undo(bench, run)
    bench.settle()
    assert [each["title"] for each in bench.shown("a") + bench.shown("b")] == ["newer", "newer"]


def test_it_is_done_once() -> None:
    bench, run = edited()
    undo(bench, run)
    content, writes = bench.rows(t.entity), bench.writes()
    assert hows(bench, run) == [("b.items", "title", "before")]
    undo(bench, run)
    assert (bench.rows(t.entity), bench.writes()) == (content, writes)


def test_an_undoing_can_be_undone() -> None:
    bench, run = edited()
    again = undo(bench, undo(bench, run))
    bench.settle()
    assert bench.shown("a") == bench.shown("b") == [{"title": "new", "notes": "n"}]
    undo(bench, again)
    bench.settle()
    assert bench.shown("a") == bench.shown("b") == [{"title": "old", "notes": "n"}]


def test_an_undoing_that_was_decided_and_not_written_yet_can_be_undone() -> None:
    bench, run = edited()
    fresh = bench.engine.undoing(bench.sync, run).decide("Bo")
    assert fresh is not None
    assert hows(bench, fresh) == [("keepstep", "title", "agreed")]
    undo(bench, fresh)
    bench.settle()
    assert bench.shown("a") == bench.shown("b") == [{"title": "new", "notes": "n"}]
    assert hows(bench, fresh) == [("keepstep", "title", "before")]


def test_who_took_back_what_of_which_run_is_in_the_audit() -> None:
    bench, run = edited()
    fresh = undo(bench, run)
    (line,) = bench.rows(t.audit, t.audit.c.code == "undone")
    assert (line["run"], line["field"]) == (fresh, "title")
    assert line["params"] | {"sync": ""} == {"of": run, "by": "Bo", "from": "new", "to": "old", "n": 2, "sync": ""}
    assert {row["run"] for row in bench.rows(t.intent, t.intent.c.written_at >= line["at"])} == {fresh}


def test_a_person_may_edit_after_it_and_that_edit_is_carried() -> None:
    bench, run = edited()
    undo(bench, run)
    bench.edit("b", bench.only("b"), title="third")
    bench.settle()
    assert bench.shown("a") == bench.shown("b") == [{"title": "third", "notes": "n"}]
    assert bench.open_findings() == []


def test_a_field_that_was_filled_goes_back_to_empty_on_that_side_alone() -> None:
    bench = Bench(match=("title",))
    bench.make("a", title="x", notes="precious")
    bench.make("b", title="x")
    bench.settle()
    assert bench.shown("b") == [{"title": "x", "notes": "precious"}]
    run = last_run(bench)
    assert hows(bench, run) == [("b.items", "description", "here")]
    back = undo(bench, run)
    bench.settle()
    assert (bench.shown("a"), bench.shown("b")) == ([{"title": "x", "notes": "precious"}], [{"title": "x"}])
    assert [each.standing for each in bench.engine.verifier(bench.sync).links()] == ["even", "even"]
    undo(bench, back)
    bench.settle()
    assert bench.shown("b") == [{"title": "x", "notes": "precious"}]


def test_what_was_kept_apart_follows_again_once_somebody_edits() -> None:
    bench = Bench(match=("title",))
    bench.make("a", title="x", notes="precious")
    bench.make("b", title="x")
    bench.settle()
    undo(bench, last_run(bench))
    bench.edit("a", bench.only("a"), notes="more")
    bench.settle()
    assert bench.shown("b") == [{"title": "x", "notes": "more"}]
    bench.edit("b", bench.only("b"), notes="less")
    bench.settle()
    assert bench.shown("a") == [{"title": "x", "notes": "less"}]


def test_a_value_that_a_decision_overruled_goes_back_to_its_side_alone() -> None:
    bench = Bench(match=("title",), default=Rule(first="owner", owner="a.items"))
    bench.make("a", title="x", notes="mine")
    bench.make("b", title="x", notes="yours")
    bench.settle()
    assert bench.shown("b")[0]["notes"] == "mine"
    undo(bench, last_run(bench))
    bench.settle()
    assert (bench.shown("a")[0]["notes"], bench.shown("b")[0]["notes"]) == ("mine", "yours")


def test_a_record_that_cannot_be_archived_stays_and_is_left_alone() -> None:
    bench = settled()
    run = last_run(bench)
    assert hows(bench, run) == [("b.items", None, "decline")]
    undo(bench, run)
    for title in ("one", "two"):
        bench.edit("a", bench.only("a"), title=title)
        bench.settle()
    assert (bench.shown("a")[0]["title"], bench.shown("b")[0]["title"]) == ("two", "old")
    assert [len(bench.services[name].items) for name in "ab"] == [1, 1]
    assert [each.standing for each in bench.engine.verifier(bench.sync).links()] == ["even", "apart"]
    assert hows(bench, run) == [("b.items", None, "before")]


def test_a_record_that_was_set_apart_is_kept_in_step_again_when_the_undoing_is_undone() -> None:
    bench = settled()
    back = undo(bench, last_run(bench))
    bench.edit("a", bench.only("a"), title="one")
    bench.settle()
    assert hows(bench, back) == [("b.items", None, "again")]
    undo(bench, back)
    bench.settle()
    assert bench.shown("a") == bench.shown("b") == [{"title": "one", "notes": "n"}]


def test_a_made_record_that_somebody_edited_is_left() -> None:
    bench = settled()
    run = last_run(bench)
    bench.edit("b", bench.only("b"), notes="by hand")
    bench.settle()
    assert hows(bench, run) == [("b.items", None, "edited")]
    undo(bench, run)
    bench.edit("a", bench.only("a"), title="still in step")
    bench.settle()
    assert bench.shown("b") == [{"title": "still in step", "notes": "by hand"}]


def test_a_made_record_that_holds_what_others_put_there_is_left() -> None:
    bench = settled()
    run = last_run(bench)
    bench.make("b", title="child", parent=bench.only("b"))
    bench.settle()
    assert hows(bench, run) == [("b.items", None, "holds")]


def test_what_was_made_with_its_contents_in_one_run_goes_as_a_whole() -> None:
    bench = Bench()
    parent = bench.make("a", title="whole")
    bench.make("a", title="part", parent=parent)
    bench.settle()
    (run,) = {row["run"] for row in bench.rows(t.intent, t.intent.c.kind == "create")}
    assert {how for _, _, how in hows(bench, run)} == {"decline"}


def test_a_field_in_question_and_a_write_under_way_are_left() -> None:
    bench, run = edited()
    bench.edit("a", bench.only("a"), title="one")
    bench.edit("b", bench.only("b"), title="two")
    bench.round()
    assert hows(bench, run) == [("b.items", "title", "asked")]
    bench, run = edited()
    bench.edit("b", bench.only("b"), title="third")
    bench.services["a"].faults.switch_on(Fault("lost_after", "write", times=1))
    bench.round()
    assert hows(bench, run) == [("b.items", "title", "doubt")]


def test_a_delete_cannot_be_taken_back_from_here() -> None:
    bench = settled(deletes="propagate")
    bench.services["a"].delete("Ada", STREAM, bench.only("a"))
    bench.settle()
    assert bench.shown("b") == []
    assert hows(bench, last_run(bench)) == [("b.items", None, "deleted")]


def test_a_record_that_is_gone_by_now_is_left() -> None:
    bench, run = edited()
    bench.services["b"].delete("Ada", STREAM, bench.only("b"))
    bench.settle()
    assert hows(bench, run) == [("b.items", "title", "gone")]


def test_only_the_entities_that_were_named() -> None:
    bench = settled()
    other = bench.make("a", title="second")
    bench.settle()
    bench.edit("a", bench.only_titled("a", "old"), title="new")
    bench.edit("a", other, title="2nd")
    bench.settle()
    run = last_run(bench)
    whole = bench.engine.undoing(bench.sync, run).entities
    assert len(whole) == 2
    narrowed = bench.engine.undoing(bench.sync, run, [whole[0], "stranger"])
    assert narrowed.entities == whole[:1]


@pytest.mark.parametrize("point", ["undo.storing", "undo.stored", "apply.intent.committed", "apply.answered"])
def test_a_worker_that_dies_in_it_loses_nothing(point: str) -> None:
    bench, run = edited()
    assert bench.kill_at(point, work=lambda: undo(bench, run))
    bench.settle(PAST_DOUBT)
    undo(bench, run)
    bench.settle(PAST_DOUBT)
    assert bench.shown("a") == bench.shown("b") == [{"title": "old", "notes": "n"}]


def test_while_another_worker_has_the_sync_nothing_is_decided() -> None:
    bench, run = edited()
    bench.store.acquire("sync:tasks", "someone else", 300.0)
    content = bench.rows(t.entity)
    assert bench.engine.undoing(bench.sync, run).decide("Bo") is None
    assert bench.rows(t.entity) == content
