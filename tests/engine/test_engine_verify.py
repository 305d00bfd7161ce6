"""What is read anew is told as it stands: in step, about to be written, or different, where and since when."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.memory_service import STREAM, Traits
from connectors.sandbox.faults import Fault
from keepstep.engine.round import Report
from keepstep.engine.strays import Census, Stray
from keepstep.engine.verify import Checked
from keepstep.store import tables as t
from keepstep.testing.worlds import PAST_DOUBT, Bench


def settled(*traits: Traits, **sync: Any) -> Bench:
    """A bench with one task, titled "old", on every side."""
    bench = Bench(*traits, **sync)
    bench.make("a", title="old", notes="n")
    bench.settle()
    return bench


def verified(bench: Bench) -> dict[str, Checked]:
    """Side -> what was found of its only link. Nothing is written by it."""
    content, writes = bench.content(), bench.writes()
    found = list(bench.engine.verifier(bench.sync).links())
    assert (bench.content(), bench.writes()) == (content, writes)
    assert len({each.side for each in found}) == len(found)
    return {each.side.partition(".")[0]: each for each in found}


def standings(bench: Bench) -> dict[str, str]:
    return {name: each.standing for name, each in verified(bench).items()}


def strays(bench: Bench) -> list[Stray]:
    return list(Census(bench.ports, bench.sync).strays())


def test_what_is_in_step_is_told_as_even() -> None:
    assert standings(settled()) == {"a": "even", "b": "even"}


@pytest.mark.parametrize(
    "traits", [Traits(shouts=True), Traits(dots=True), Traits(versioned=False), Traits(history=True)]
)
def test_a_form_of_its_own_is_no_difference(traits: Traits) -> None:
    bench = settled(Traits(), traits)
    bench.edit("a", bench.only("a"), title="new", notes="more")
    bench.settle()
    assert standings(bench) == {"a": "even", "b": "even"}


def test_an_edit_that_nobody_has_seen_yet_differs_and_names_field_author_and_time() -> None:
    bench = settled()
    bench.clock.advance(60)
    bench.edit("b", bench.only("b"), title="new")
    told = verified(bench)
    assert told["a"].standing == "even"
    assert (told["b"].standing, told["b"].differs) == ("edited", True)
    (point,) = told["b"].fields
    assert (point.field, point.shown, point.agreed, point.by) == ("title", "new", "old", "Ada")
    assert point.since == told["b"].since == bench.ports.now()


def test_an_edit_that_a_look_should_have_seen_was_overlooked() -> None:
    bench = settled()
    bench.edit("b", bench.only("b"), title="new")
    bench.clock.advance(600)
    with bench.store.write() as tx:
        tx.execute(t.feed.update().values(observed_at=bench.ports.now()))
    assert standings(bench)["b"] == "overlooked"


def test_what_was_seen_and_what_is_owed_is_no_alarm() -> None:
    bench = settled()
    bench.edit("a", bench.only("a"), title="new")
    bench.look()
    told = verified(bench)
    assert (told["a"].standing, told["a"].differs) == ("pending", False)
    bench.engine.take_in(bench.sync)
    told = verified(bench)
    assert (told["a"].standing, told["b"].standing, told["b"].differs) == ("even", "owed", False)


@pytest.mark.parametrize("mode", ["observe", "propose"])
def test_what_nobody_is_about_to_write_needs_a_person(mode: Any) -> None:
    bench = Bench(mode=mode)
    bench.make("a", title="x")
    bench.round()
    told = verified(bench)
    assert (told["a"].standing, told["b"].standing, told["b"].record) == ("even", "held", None)
    assert told["b"].differs


def test_a_record_that_is_still_to_be_made_is_owed_once_the_plan_is_let_through() -> None:
    bench = Bench()
    bench.make("a", title="x")
    bench.round()
    assert standings(bench)["b"] == "held"
    bench.let_through()
    assert standings(bench)["b"] == "owed"


@pytest.mark.parametrize("fault", ["lost_after", "lost_before"])
def test_a_write_under_way_is_no_alarm(fault: Any) -> None:
    bench = settled()
    bench.edit("a", bench.only("a"), title="new")
    bench.services["b"].faults.switch_on(Fault(fault, "write", times=1))
    bench.round()
    assert standings(bench) == {"a": "even", "b": "doubt"}
    bench.settle(PAST_DOUBT)
    assert standings(bench) == {"a": "even", "b": "even"}


def test_a_lost_create_is_under_way_and_no_twin() -> None:
    bench = Bench()
    bench.make("a", title="x")
    bench.round()
    bench.let_through()
    bench.services["b"].faults.switch_on(Fault("lost_after", "write", times=1))
    bench.round()
    assert standings(bench) == {"a": "even", "b": "doubt"}
    assert strays(bench) == []


def test_a_conflict_is_told_with_its_finding() -> None:
    bench = settled()
    bench.edit("a", bench.only("a"), title="one")
    bench.edit("b", bench.only("b"), title="two")
    bench.round()
    (finding,) = bench.rows(t.finding, t.finding.c.code == "conflict")
    for each in verified(bench).values():
        assert (each.standing, each.fields[0].finding, each.differs) == ("asked", finding["id"], True)


def test_a_record_that_is_gone_is_missing_until_a_finding_says_so() -> None:
    bench = settled()
    id = bench.only("b")
    bench.services["b"].delete("Ada", STREAM, id)
    assert standings(bench) == {"a": "even", "b": "missing"}
    bench.look()
    assert standings(bench)["b"] == "pending"
    bench.settle()
    told = verified(bench)["b"]
    assert (told.standing, told.finding) == ("gone", bench.rows(t.finding, t.finding.c.code == "gone")[0]["id"])
    bench.services["b"].restore("Ada", STREAM, id)
    assert standings(bench)["b"] == "back"
    bench.settle()
    assert standings(bench) == {"a": "even", "b": "even"}


def test_a_side_that_may_not_be_written_to_and_is_behind_differs() -> None:
    bench = Bench(access={"b": "read"}, match=("title",))
    bench.make("a", title="x", notes="one")
    bench.make("b", title="x", notes="one")
    bench.settle()
    assert standings(bench) == {"a": "even", "b": "even"}
    bench.edit("a", bench.only("a"), notes="two")
    bench.settle()
    told = verified(bench)["b"]
    assert (told.standing, told.fields[0].field) == ("read_only", "description")


def test_a_side_that_cannot_be_asked_is_named_and_the_others_are_judged() -> None:
    bench = settled()
    bench.services["b"].faults.switch_on(Fault("unavailable", "get", times=50))
    verifier = bench.engine.verifier(bench.sync)
    assert {each.side: each.standing for each in verifier.links()} == {"a.items": "even", "b.items": "unread"}
    assert list(verifier.failed) == ["b.items"]


def test_a_sync_that_runs_meanwhile_gives_no_false_alarm() -> None:
    """The sync writes between the moment the store was read and the moment the records are."""
    bench = settled()
    bench.edit("a", bench.only("a"), title="new")
    bench.look()
    bench.engine.take_in(bench.sync)
    memory = bench.sync.sides["b.items"].connector
    get = memory.get
    runs: list[Report] = []

    def run_first(stream: str, ids: Any) -> Any:
        memory.get = get  # type: ignore[method-assign]
        runs.append(bench.engine.run(bench.sync))
        return get(stream, ids)

    memory.get = run_first  # type: ignore[method-assign]
    verifier = bench.engine.verifier(bench.sync)
    assert {each.side: each.standing for each in verifier.links()} == {"a.items": "even", "b.items": "even"}
    assert runs[0].applied.done == 1


def test_what_moves_each_time_it_is_read_is_busy_and_no_alarm() -> None:
    bench = settled()
    memory = bench.sync.sides["b.items"].connector
    get, titles = memory.get, iter(["one", "two", "three", "four"])

    def stir(stream: str, ids: Any) -> Any:
        found = list(get(stream, ids))
        bench.edit("a", bench.only("a"), title=next(titles))
        bench.look()
        return found

    memory.get = stir  # type: ignore[method-assign]
    told = list(bench.engine.verifier(bench.sync).links())
    assert {each.standing for each in told} == {"busy"}
    assert not any(each.differs for each in told)


def test_a_twin_is_told_by_its_marker() -> None:
    bench = settled()
    assert strays(bench) == []
    service = bench.services["b"]
    (first,) = service.items.values()
    bench.clock.advance(60)
    twin = service._create("keepstep", {"title": "old"}, first.marker, None, True)
    (stray,) = strays(bench)
    assert (stray.standing, stray.record, stray.first) == ("twin", twin.id, first.id)
    bench.settle()
    (stray,) = strays(bench)
    assert stray.finding == bench.rows(t.finding, t.finding.c.code == "twin")[0]["id"]


def test_what_our_account_made_and_nothing_knows_is_loose_unless_it_was_there_before() -> None:
    bench = Bench(match=("title",))
    bench.services["b"].create("keepstep", STREAM, {"title": "by hand, before"})
    bench.make("a", title="x")
    bench.settle()
    assert strays(bench) == []
    made = bench.services["b"].create("keepstep", STREAM, {"title": "strange"})
    assert [(each.standing, each.record, each.title) for each in strays(bench)] == [("loose", made, "strange")]


def test_what_people_made_is_no_stray() -> None:
    bench = settled()
    bench.make("b", title="fresh")
    assert strays(bench) == []


def test_many_links_are_read_in_batches() -> None:
    bench = Bench(Traits(page=500), Traits(page=500))
    for number in range(450):
        bench.make("a", title=f"t{number:03d}")
    bench.settle()
    before = bench.requests()
    assert {each.standing for each in bench.engine.verifier(bench.sync).links()} == {"even"}
    assert bench.requests() - before == 2 * (2 + 2 + 1)
