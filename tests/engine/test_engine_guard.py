"""Plans that wait for a person, what is left alone, and references that wait for their target."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.memory_service import STREAM, Traits
from keepstep.engine import decisions
from keepstep.engine.decisions import WorldMoved
from keepstep.engine.world import World
from keepstep.store import tables as t
from keepstep.testing.worlds import Bench

pytestmark = pytest.mark.usefixtures("benches")


def many(count: int, *traits: Traits, **sync: Any) -> Bench:
    bench = Bench(*traits, **sync)
    for number in range(count):
        bench.make("a", title=f"t{number}", due="2026-11-30")
    bench.settle()
    return bench


def held(bench: Bench) -> list[str]:
    return [hold.reason for hold in bench.round().holds]


def ids(bench: Bench, name: str) -> list[str]:
    return sorted(bench.services[name].records(STREAM))


def test_the_first_plan_waits_and_is_told_once() -> None:
    bench = Bench()
    bench.make("a", title="x")
    report = bench.round()
    assert [hold.reason for hold in report.holds] == ["first_plan"]
    assert [finding.code for finding in report.fresh] == ["guard_first_plan"]
    assert bench.round().fresh == []
    assert bench.writes() == 0


def test_what_was_let_through_is_carried_out_and_later_plans_are_not_held() -> None:
    bench = Bench()
    bench.make("a", title="x")
    bench.round()
    assert bench.let_through() == ["first_plan"]
    assert held(bench) == []
    assert len(bench.shown("b")) == 1
    bench.make("a", title="y")
    assert held(bench) == []
    assert bench.open_findings() == []


def test_a_changed_configuration_is_shown_to_a_person_first() -> None:
    bench = many(1)
    bench.fingerprint = "two"
    bench.restart()
    bench.clock.advance(400)
    bench.edit("a", bench.only("a"), title="new")
    assert held(bench) == ["configuration_changed"]
    bench.let_through()
    assert held(bench) == []
    assert bench.shown("b")[0]["title"] == "new"


def test_too_many_deletes_are_held() -> None:
    bench = many(30, deletes="propagate")
    for id in ids(bench, "a")[:11]:
        bench.services["a"].delete("Ada", STREAM, id)
    assert held(bench) == ["too_many_deletes"]
    assert len(bench.shown("b")) == 30


def test_few_deletes_are_not_held() -> None:
    bench = many(30, deletes="propagate")
    for id in ids(bench, "a")[:3]:
        bench.services["a"].delete("Ada", STREAM, id)
    assert held(bench) == []
    assert len(bench.shown("b")) == 27


def test_a_place_that_would_be_emptied_is_held() -> None:
    bench = many(3, deletes="propagate")
    for id in ids(bench, "a"):
        bench.services["a"].delete("Ada", STREAM, id)
    assert held(bench) == ["scope_emptied"]
    assert len(bench.shown("b")) == 3


@pytest.mark.parametrize("deletes", ["propagate", "flag"])
def test_what_may_only_be_out_of_sight_is_deleted_nowhere_unseen(deletes: Any) -> None:
    bench = many(30, Traits(deletes=False, hides=True), Traits(), deletes=deletes)
    hidden = ids(bench, "a")[0]
    bench.services["a"].denied.add(hidden)
    reasons = [hold.reason for _ in range(4) for hold in bench.round(7 * 3600.0).holds]
    assert set(reasons) == ({"perhaps_hidden"} if deletes == "propagate" else set())
    assert len(bench.shown("b")) == 30
    bench.services["a"].grant()
    for _ in range(3):
        assert bench.round(7 * 3600.0).holds == []
    assert len(bench.shown("b")) == 30
    assert bench.open_findings() == []


def test_what_was_deleted_where_nobody_can_tell_is_deleted_elsewhere_once_a_person_has_looked() -> None:
    bench = many(30, Traits(deletes=False, hides=True), Traits(), deletes="propagate")
    bench.services["a"].delete("Ada", STREAM, ids(bench, "a")[0])
    for _ in range(3):
        report = bench.round(7 * 3600.0)
    assert [(hold.reason, hold.params) for hold in report.holds] == [
        ("perhaps_hidden", {"side": "a.items", "deletes": 1})
    ]
    bench.let_through()
    bench.round()
    assert len(bench.shown("b")) == 29


def test_what_was_surely_deleted_on_another_side_too_is_not_held() -> None:
    bench = many(30, Traits(deletes=False, hides=True), Traits(), Traits(), deletes="propagate")
    first = ids(bench, "a")[0]
    title = bench.services["a"].records(STREAM)[first]["title"]
    bench.services["a"].delete("Ada", STREAM, first)
    bench.services["b"].delete("Ada", STREAM, bench.only_titled("b", title))
    for _ in range(3):
        assert bench.round(7 * 3600.0).holds == []
    assert [len(bench.shown(name)) for name in "abc"] == [29, 29, 29]


def test_letting_deletes_through_covers_no_more_than_was_shown() -> None:
    bench = many(30, deletes="propagate")
    for id in ids(bench, "a")[:11]:
        bench.services["a"].delete("Ada", STREAM, id)
    bench.round()
    bench.let_through()
    bench.services["a"].delete("Ada", STREAM, ids(bench, "a")[0])
    assert held(bench) == ["too_many_deletes"]
    assert len(bench.shown("b")) == 30


def test_a_held_plan_that_is_not_there_any_more_is_not_told_any_more() -> None:
    bench = many(3, deletes="propagate")
    gone = ids(bench, "a")
    for id in gone:
        bench.services["a"].delete("Ada", STREAM, id)
    bench.round()
    for id in gone:
        bench.services["a"].restore("Ada", STREAM, id)
    bench.round()
    assert bench.rows(t.hold) == []
    assert bench.open_findings() == []


def test_one_field_changed_on_over_half_of_a_stream_at_once_is_held() -> None:
    bench = many(20)
    for id in ids(bench, "a")[:12]:
        bench.edit("a", id, due="2026-11-29")
    assert held(bench) == ["mass_change"]
    assert {each["due"] for each in bench.shown("b")} == {"2026-11-30"}


def restore_backup(bench: Bench, count: int, title: str) -> None:
    """A service shows records as they were before what is known of them."""
    service = bench.services["a"]
    for number, id in enumerate(ids(bench, "a")[:count], 1):
        item = service.items[id]
        item.values = {**item.values, "title": f"{title} {id}"}
        item.seq = number


def test_many_records_in_an_older_version_are_a_restored_backup_and_held() -> None:
    bench = many(20)
    for id in ids(bench, "a")[:10]:
        bench.edit("a", id, notes="later")
    bench.settle()
    bench.clock.advance(3600)
    restore_backup(bench, 6, "old")
    forget_cursor(bench)
    assert held(bench) == ["back_in_time"]
    assert all(each["title"].startswith("t") for each in bench.shown("b"))
    bench.let_through()
    bench.settle()
    assert sum(each["title"].startswith("old") for each in bench.shown("b")) == 6
    assert bench.rows(t.went_back) == []


def test_few_records_in_an_older_version_are_taken_for_what_they_show() -> None:
    bench = many(20)
    for id in ids(bench, "a")[:10]:
        bench.edit("a", id, notes="later")
    bench.settle()
    bench.clock.advance(3600)
    restore_backup(bench, 2, "old")
    forget_cursor(bench)
    assert held(bench) == []
    assert sum(each["title"].startswith("old") for each in bench.shown("b")) == 2


def forget_cursor(bench: Bench) -> None:
    with bench.store.write() as tx:
        tx.execute(sa.update(t.feed).values(cursor=None))


def test_holds_of_one_reason_at_two_sides_are_each_let_through() -> None:
    bench = many(24)
    for id in ids(bench, "a")[:13]:
        bench.edit("a", id, due="2026-11-29")
    for id in ids(bench, "b")[:13]:
        bench.edit("b", id, notes="moved")
    for id in ids(bench, "b"):
        bench.edit("b", id, notes="first")
    bench.settle()
    for id in ids(bench, "a")[:13]:
        bench.edit("a", id, due="2026-11-28")
    for id in ids(bench, "b")[:13]:
        bench.edit("b", id, notes="second")
    assert held(bench) == ["mass_change", "mass_change"]
    assert bench.let_through() == ["mass_change"]
    assert held(bench) == []


def test_nothing_is_deleted_by_the_first_plan_under_a_changed_configuration() -> None:
    bench = many(5, deletes="propagate")
    bench.fingerprint = "two"
    bench.restart()
    bench.services["a"].delete("Ada", STREAM, ids(bench, "a")[0])
    bench.edit("a", ids(bench, "a")[0], title="new")
    assert held(bench) == ["configuration_changed"]
    bench.let_through()
    assert bench.round().applied.done == 1
    assert len(bench.shown("b")) == 5
    bench.settle(wait=1000)
    bench.settle(wait=1000)
    assert len(bench.shown("b")) == 4


def test_a_field_that_two_systems_set_back_and_forth_is_put_before_a_person() -> None:
    bench = many(1)
    one, other = bench.only("a"), bench.only("b")
    for _ in range(2):
        bench.edit("a", one, title="A")
        bench.round()
        bench.edit("b", other, title="B")
        bench.round()
    assert bench.open_findings() == ["conflict"]
    (conflict,) = bench.rows(t.conflict)
    assert sorted(each["value"] for each in conflict["state"]["candidates"].values()) == ["A", "B"]
    before = bench.writes()
    bench.round()
    assert bench.writes() == before


def test_one_person_may_change_their_mind_as_often_as_they_like() -> None:
    bench = many(1)
    for _ in range(3):
        for title in ("A", "B"):
            bench.edit("a", bench.only("a"), title=title)
            bench.round()
    assert bench.open_findings() == []
    assert bench.shown("b")[0]["title"] == "B"


# -- parking


def test_what_leaves_the_scope_is_left_alone_and_compared_whole_when_it_returns() -> None:
    bench = Bench(scope=lambda seen: seen["a"].get("description") != "private")
    bench.make("a", title="x")
    bench.settle()
    bench.edit("a", bench.only("a"), notes="private", title="secret")
    bench.settle()
    assert bench.shown("b") == [{"title": "x"}]
    assert bench.rows(t.entity)[0]["parked"] is True
    assert len(bench.rows(t.link, t.link.c.state == "live")) == 2
    bench.edit("a", bench.only("a"), notes="open")
    bench.settle()
    assert bench.shown("b") == [{"title": "secret", "notes": "open"}]


# -- references and people


def test_a_parent_is_made_before_its_child_and_named_as_the_side_knows_it() -> None:
    bench = Bench()
    bench.make("b", title="only here")
    parent = bench.make("a", title="parent")
    bench.make("a", title="child", parent=parent)
    bench.settle()
    there = {each["title"]: each for each in bench.services["b"].records(STREAM).values()}
    names = {values["title"]: id for id, values in bench.services["b"].records(STREAM).items()}
    assert there["child"]["parent"] == names["parent"]


def test_a_reference_to_what_is_not_linked_waits_and_clears_nothing() -> None:
    bench = Bench(create={"b.items": {}})
    parent = bench.make("a", title="parent")
    child = bench.make("a", title="child", parent=parent)
    bench.settle()
    lonely = bench.make("b", title="not on a")
    (record,) = [id for id, values in bench.services["b"].records(STREAM).items() if values["title"] == "child"]
    bench.edit("b", record, parent=lonely)
    wrote = len(bench.sent("a"))
    bench.settle()
    assert bench.services["a"].records(STREAM)[child]["parent"] == parent
    assert len(bench.sent("a")) == wrote


def test_an_assignee_who_has_no_account_there_is_told_and_clears_nobody() -> None:
    bench = Bench()
    bench.make("a", title="x")
    bench.settle()
    bench.edit("b", bench.only("b"), owner="bo@example.com")
    bench.settle()
    assert bench.open_findings() == ["assignee_unmatched"]
    assert bench.sent("a") == []
    bench.make("a", title="bo's own", owner="bo@example.com")
    bench.settle()
    bench.edit("b", bench.only_titled("b", "x"), notes="look again")
    bench.settle()
    assert bench.services["a"].records(STREAM)["000001"]["owner"] == "bo@example.com"
    assert bench.open_findings() == []


# -- conflicts


def conflicted() -> Bench:
    bench = Bench(Traits(), Traits())
    bench.make("a", title="old")
    bench.settle()
    bench.edit("a", bench.only("a"), title="ada's")
    bench.edit("b", bench.only("b"), title="bo's")
    bench.settle()
    return bench


def test_a_conflict_is_told_once_with_both_values_and_decided_by_a_person() -> None:
    bench = conflicted()
    (finding,) = bench.rows(t.finding, t.finding.c.code == "conflict")
    assert {each["value"] for each in finding["params"]["candidates"]} == {"ada's", "bo's"}
    assert finding["times"] == 1
    decisions.resolve(bench.ports, "tasks", finding["entity"], "title", "b.items", finding["params"]["rev"], "Chen")
    bench.settle()
    assert bench.shown("a") == bench.shown("b") == [{"title": "bo's"}]
    assert bench.findings()["conflict"] == "resolved"
    assert bench.rows(t.conflict) == []


def test_a_decision_about_something_that_moved_is_refused() -> None:
    bench = conflicted()
    (finding,) = bench.rows(t.finding, t.finding.c.code == "conflict")
    bench.edit("a", bench.only("a"), title="ada's second")
    bench.settle()
    with pytest.raises(WorldMoved):
        decisions.resolve(bench.ports, "tasks", finding["entity"], "title", "b.items", finding["params"]["rev"], "Chen")
    assert bench.shown("b")[0]["title"] == "bo's"


def test_a_conflict_that_comes_again_is_the_same_finding_open_again() -> None:
    bench = conflicted()
    bench.edit("a", bench.only("a"), title="bo's")
    bench.settle()
    assert bench.findings()["conflict"] == "resolved"
    bench.edit("a", bench.only("a"), title="one")
    bench.edit("b", bench.only("b"), title="two")
    bench.settle()
    (finding,) = bench.rows(t.finding, t.finding.c.code == "conflict")
    assert (finding["state"], finding["times"]) == ("open", 2)


def test_a_sync_that_another_worker_has_is_left_alone() -> None:
    bench = conflicted()
    bench.make("a", title="news")
    bench.look()
    assert bench.store.acquire("sync:tasks", "another", 600) is not None
    assert bench.engine.run(bench.sync).busy is True


def test_a_changed_configuration_reads_maps_and_compares_everything_again() -> None:
    bench = many(3)
    entities = len(bench.rows(t.entity))
    before = len(bench.services["a"].requests)
    bench.fingerprint = "two"
    bench.restart()
    bench.round()
    assert len(bench.rows(t.entity)) == entities, "what is linked stays linked"
    assert bench.open_findings() == []
    assert len(bench.services["a"].requests) > before
    seen = [row["n"] for row in bench.rows(t.change_log)]
    assert len(seen) >= 2 * entities, "each record was mapped again, although nothing in it changed"


def test_a_side_that_joins_later_gets_what_was_there_before() -> None:
    bench = Bench(Traits(), Traits(), Traits())
    whole = bench.world
    few = {name: side for name, side in bench.sync.sides.items() if name != "c.items"}
    create: dict[str, dict[str, Any]] = {name: {} for name in few}
    bench.sync = replace(bench.sync, sides=few, create=create)
    bench.world = World(whole.connections, {"tasks": bench.sync})
    bench.restart()
    bench.make("a", title="from before")
    bench.settle()
    assert bench.shown("c") == []
    bench.sync, bench.world = whole.syncs["tasks"], whole
    bench.fingerprint = "two"
    bench.restart()
    bench.settle()
    assert [row["title"] for row in bench.shown("c")] == ["from before"]
