"""Creates that happen once, updates that lose nothing, deletes that ask first."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from connectors.errors import NotFound, RecordRefused
from connectors.memory_service import STREAM, Item, Traits
from connectors.sandbox.faults import Fault
from keepstep.engine import answers
from keepstep.engine.refusals import AGAIN
from keepstep.store import tables as t
from keepstep.testing.worlds import PAST_DOUBT, Bench
from mapping.model import Loss

pytestmark = pytest.mark.usefixtures("benches")


def settled(*traits: Traits, **sync: Any) -> Bench:
    """A bench with one task, titled "old", on every side."""
    bench = Bench(*traits, **sync)
    bench.make("a", title="old", notes="n")
    bench.settle()
    return bench


def refuse(bench: Bench, name: str, *titles: str) -> None:
    service = bench.services[name]
    right = service.write

    def write(write: Any, stream: str = STREAM) -> Item:
        if write.values.get("title") in titles:
            raise RecordRefused("not that title", status=422, field="title")
        return right(write, stream)

    service.write = write  # type: ignore[method-assign]


# -- creates


@pytest.mark.parametrize("marker", ["in_create", "reserved_id", "unique_field", "fingerprint"])
@pytest.mark.parametrize("fault", ["lost_after", "lost_before", "broken_after"])
def test_a_create_whose_answer_was_lost_makes_one_record(marker: Any, fault: Any) -> None:
    bench = Bench(Traits(), Traits(marker=marker))
    bench.make("a", title="x")
    bench.round()
    bench.let_through()
    bench.services["b"].faults.switch_on(Fault(fault, "write", times=1))
    assert bench.round().applied.unknown == 1
    sent = len(bench.sent("b"))
    bench.round()
    assert len(bench.sent("b")) == sent  # in doubt: nothing is sent again
    bench.settle(PAST_DOUBT)
    assert bench.shown("b") == [{"title": "x"}]
    assert len(bench.rows(t.link)) == 2


def test_while_a_create_is_in_doubt_no_other_is_sent_where_only_a_fingerprint_tells_them_apart() -> None:
    bench = Bench(Traits(), Traits(marker="fingerprint"))
    bench.make("a", title="x")
    bench.make("a", title="y")
    bench.round()
    bench.let_through()
    bench.services["b"].faults.switch_on(Fault("lost_before", "write", times=1))
    applied = bench.round().applied
    assert (applied.unknown, applied.done, applied.put_off) == (1, 0, 1)
    bench.services["b"].faults.switch_on(Fault("lost_after", "write", times=1))
    bench.settle(PAST_DOUBT)
    bench.settle(PAST_DOUBT)
    assert sorted(each["title"] for each in bench.shown("b")) == ["x", "y"]
    titles = {(row["entity"], row["side"]): bench.services[row["side"][0]].items[row["record"]].values["title"]
              for row in bench.rows(t.link)}  # fmt: skip
    assert all(titles[entity, "a.items"] == titles[entity, "b.items"] for entity, _ in titles)


def test_a_lost_create_that_nothing_marks_is_a_finding_and_never_sent_again() -> None:
    bench = Bench(Traits(), Traits(marker="none"))
    bench.make("a", title="x")
    bench.round()
    bench.let_through()
    bench.services["b"].faults.switch_on(Fault("lost_after", "write", times=1))
    for _ in range(4):
        bench.round(PAST_DOUBT)
    assert len(bench.sent("b")) == 1
    assert bench.open_findings() == ["unknown_create"]
    assert [each["title"] for each in bench.shown("a")] == ["x"]


def lost_unmarked(fault: Any) -> tuple[Bench, dict[str, Any]]:
    """A create that nothing marks and whose answer was lost, with its finding."""
    bench = settled(Traits(), Traits(marker="none"))
    bench.make("a", title="x")
    bench.services["b"].faults.switch_on(Fault(fault, "write", times=1))
    bench.round()
    bench.round(PAST_DOUBT)
    (finding,) = bench.rows(t.finding, t.finding.c.code == "unknown_create", t.finding.c.state == "open")
    return bench, finding


def test_a_person_says_which_record_a_lost_create_made() -> None:
    bench, finding = lost_unmarked("lost_after")
    made = bench.only_titled("b", "x")
    answers.answer(bench.ports, bench.world, finding, made, "Mei")
    answers.answer(bench.ports, bench.world, finding, made, "Mei")
    bench.edit("b", made, notes="by hand")
    bench.settle()
    assert len(bench.sent("b")) == 2
    assert bench.open_findings() == []
    assert bench.shown("a") == bench.shown("b") == [{"title": "old", "notes": "n"}, {"title": "x", "notes": "by hand"}]
    lines = bench.rows(t.audit, t.audit.c.code == "create_answered")
    assert [(line["params"]["record"], line["params"]["by"]) for line in lines] == [(made, "Mei")] * 2
    with pytest.raises(answers.NothingToAnswer):
        answers.answer(bench.ports, bench.world, finding, None, "Mei")


def test_a_person_says_that_a_lost_create_made_nothing() -> None:
    bench, finding = lost_unmarked("lost_before")
    assert [each["title"] for each in bench.shown("b")] == ["old"]
    answers.answer(bench.ports, bench.world, finding, None, "Mei")
    bench.settle()
    assert len(bench.sent("b")) == 3
    assert bench.open_findings() == []
    assert [each["title"] for each in bench.shown("b")] == ["old", "x"]


def test_an_answer_can_be_taken_back_before_the_next_round() -> None:
    bench, finding = lost_unmarked("lost_after")
    answers.answer(bench.ports, bench.world, finding, None, "Mei")
    answers.answer(bench.ports, bench.world, finding, bench.only_titled("b", "x"), "Mei")
    bench.settle()
    assert len(bench.shown("b")) == 2
    assert len(bench.rows(t.link)) == 4


def test_a_record_that_is_not_there_or_linked_is_no_answer() -> None:
    bench, finding = lost_unmarked("lost_before")
    with pytest.raises(answers.RecordUnfit, match="absent"):
        answers.answer(bench.ports, bench.world, finding, "nowhere", "Mei")
    (linked,) = [row["record"] for row in bench.rows(t.link, t.link.c.side == "b.items")]
    with pytest.raises(answers.RecordUnfit, match="taken"):
        answers.answer(bench.ports, bench.world, finding, linked, "Mei")
    bench.round(PAST_DOUBT)
    assert bench.open_findings() == ["unknown_create"]
    assert len(bench.sent("b")) == 2


def test_what_a_person_did_to_a_lost_create_meanwhile_is_kept() -> None:
    bench = Bench(Traits(), Traits(marker="fingerprint"))
    bench.make("a", title="x")
    bench.round()
    bench.let_through()
    bench.services["b"].faults.switch_on(Fault("lost_after", "write", times=1))
    bench.round()
    bench.edit("b", bench.only("b"), notes="by hand")
    bench.settle(PAST_DOUBT)
    assert bench.shown("a") == bench.shown("b") == [{"title": "x", "notes": "by hand"}]


def test_a_refused_create_is_sent_again_only_when_the_value_changed() -> None:
    bench = Bench()
    refuse(bench, "b", "bad", "worse")
    id = bench.make("a", title="bad")
    bench.make("a", title="good")
    bench.round()
    bench.let_through()
    for _ in range(4):
        bench.round()
    assert len(bench.sent("b")) == 2
    assert bench.shown("b") == [{"title": "good"}]
    assert bench.open_findings() == ["record_refused"]
    bench.edit("a", id, title="worse")
    bench.settle()
    assert len(bench.sent("b")) == 3
    bench.edit("a", id, title="fine")
    bench.settle()
    assert sorted(each["title"] for each in bench.shown("b")) == ["fine", "good"]
    assert bench.findings()["record_refused"] == "resolved"


def test_a_refused_create_that_leaves_out_what_the_side_cannot_hold_is_not_sent_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()
    refuse(bench, "b", "bad")
    mapper = bench.connections["b"].mappers[STREAM]
    right = mapper.unmap

    def unmap(kind: Any, values: Any, base: Any = None) -> Any:
        found = right(kind, {name: value for name, value in values.items() if name != "description"}, base)
        lost = [Loss("description", "no room")] if "description" in values else []
        return msgspec.structs.replace(found, losses=[*found.losses, *lost])

    monkeypatch.setattr(mapper, "unmap", unmap)
    id = bench.make("a", title="bad", notes="n")
    bench.make("a", title="good")
    bench.round()
    bench.let_through()
    for _ in range(4):
        bench.round()
    assert (len(bench.sent("b")), bench.round().planned) == (2, 0)
    bench.edit("a", id, notes="another one may fit")
    bench.round()
    assert len(bench.sent("b")) == 3


def test_a_record_that_was_deleted_at_once_after_its_create_is_not_made_again() -> None:
    bench = Bench(Traits(), Traits(returns_record=False))
    bench.make("a", title="x")
    bench.round()
    bench.let_through()
    assert bench.kill_at("apply.reading_back")
    made = bench.only("b")
    bench.services["b"].delete("Ada", STREAM, made)
    bench.settle(PAST_DOUBT)
    assert bench.shown("b") == []
    assert len(bench.sent("b")) == 1
    assert bench.open_findings() == ["gone"]
    bench.services["b"].restore("Ada", STREAM, made)
    bench.edit("b", made, notes="back again")
    bench.settle(PAST_DOUBT)
    assert bench.shown("a") == bench.shown("b") == [{"title": "x", "notes": "back again"}]
    assert (len(bench.sent("b")), bench.open_findings()) == (1, [])


def test_without_a_route_nothing_is_made() -> None:
    bench = Bench(create={})
    bench.make("a", title="x")
    bench.settle()
    assert bench.writes() == 0


# -- updates


def test_only_what_changed_is_sent() -> None:
    bench = settled()
    bench.edit("a", bench.only("a"), title="new")
    bench.settle()
    (entry,) = [e for e in bench.services["b"].truth.writes() if e.kind == "update"]
    assert entry.changes == {"title": ("old", "new")}


def test_a_guarded_side_refuses_a_write_over_an_edit_that_came_in_between() -> None:
    bench = settled(Traits(), Traits(guarded=True))
    bench.edit("a", bench.only("a"), title="new")
    service = bench.services["b"]
    right = service.write

    def write(write: Any, stream: str = STREAM) -> Item:
        service.write = right  # type: ignore[method-assign]
        service.edit("Bo", STREAM, write.id, {"title": "bo's"})
        return right(write, stream)

    service.write = write  # type: ignore[method-assign]
    bench.settle()
    assert bench.shown("b")[0]["title"] == "bo's"
    assert bench.open_findings() == ["conflict"]


def test_an_unguarded_side_is_read_directly_before_it_is_written() -> None:
    bench = settled()
    bench.edit("a", bench.only("a"), title="new")
    bench.look()
    bench.edit("b", bench.only("b"), title="bo's")
    report = bench.round(look=False)
    assert report.applied.put_off == 1
    assert bench.shown("b")[0]["title"] == "bo's"
    bench.settle()
    assert bench.open_findings() == ["conflict"]


def test_an_edit_that_our_write_overwrote_is_found_in_the_history() -> None:
    bench = settled(Traits(), Traits(history=True))
    bench.edit("a", bench.only("a"), title="new")
    service = bench.services["b"]
    right = service.write

    def write(write: Any, stream: str = STREAM) -> Item:
        service.write = right  # type: ignore[method-assign]
        service.edit("Bo", STREAM, write.id, {"title": "bo's"})
        return right(write, stream)

    service.write = write  # type: ignore[method-assign]
    bench.settle()
    (conflict,) = bench.rows(t.conflict)
    assert {each["value"] for each in conflict["state"]["candidates"].values()} == {"new", "bo's"}


def test_a_field_that_is_refused_does_not_keep_the_others_from_other_records() -> None:
    bench = settled()
    other = bench.make("a", title="second")
    bench.settle()
    refuse(bench, "b", "bad")
    bench.edit("a", "000001", title="bad")
    bench.edit("a", other, title="good")
    bench.settle()
    assert sorted(each["title"] for each in bench.shown("b")) == ["good", "old"]
    sent = len(bench.sent("b"))
    bench.round()
    assert len(bench.sent("b")) == sent
    assert bench.open_findings() == ["record_refused"]


def test_a_refusal_is_over_when_the_value_is_set_back() -> None:
    bench = settled()
    refuse(bench, "b", "bad")
    bench.edit("a", bench.only("a"), title="bad")
    bench.settle()
    bench.edit("a", bench.only("a"), title="old")
    bench.settle()
    assert bench.findings() == {"guard_first_plan": "resolved", "record_refused": "resolved"}


@pytest.mark.parametrize("kind", ["create", "update"])
def test_what_was_refused_is_tried_again_now_and_then_and_is_over_once_it_is_taken(kind: str) -> None:
    bench = settled()
    right = bench.services["b"].write
    refuse(bench, "b", "bad")
    if kind == "update":
        bench.edit("a", bench.only("a"), title="bad")
    else:
        bench.make("a", title="bad")
    bench.round()
    sent = len(bench.sent("b"))
    bench.round()
    assert len(bench.sent("b")) == sent
    [told] = bench.rows(t.finding, t.finding.c.code == "record_refused")
    again = AGAIN.total_seconds()
    bench.round(again)
    assert len(bench.sent("b")) == sent + 1
    [still] = bench.rows(t.finding, t.finding.c.code == "record_refused")
    assert (still["state"], still["opened_at"], still["times"]) == ("open", told["opened_at"], 1)
    bench.round(again / 2)
    assert len(bench.sent("b")) == sent + 1
    bench.services["b"].write = right  # type: ignore[method-assign]
    bench.round(again)
    assert len(bench.sent("b")) == sent + 2
    bench.settle()
    assert (bench.shown("b"), bench.open_findings()) == (bench.shown("a"), [])


def test_a_create_whose_place_is_gone_is_a_refusal_and_not_sent_again_in_each_round() -> None:
    bench = settled()
    service, right = bench.services["b"], bench.services["b"].write

    def write(write: Any, stream: str = STREAM) -> Item:
        raise NotFound("no project could be found with key 'OLD'", status=404)

    service.write = write  # type: ignore[method-assign]
    bench.make("a", title="new")
    bench.round()
    sent = len(bench.sent("b"))
    [told] = bench.rows(t.finding, t.finding.c.state == "open")
    assert (told["code"], told["params"]["record"]) == ("record_refused", None)
    assert "'OLD'" in told["params"]["reason"]
    bench.round()
    assert len(bench.sent("b")) == sent
    service.write = right  # type: ignore[method-assign]
    bench.fingerprint = "two"
    bench.settle()
    assert (bench.shown("b"), bench.open_findings()) == (bench.shown("a"), [])


def test_what_was_refused_is_tried_again_after_the_configuration_changed() -> None:
    bench = settled()
    right = bench.services["b"].write
    refuse(bench, "b", "bad")
    bench.edit("a", bench.only("a"), title="bad")
    bench.settle()
    bench.services["b"].write = right  # type: ignore[method-assign]
    bench.fingerprint = "two"
    bench.settle()
    assert (bench.shown("b")[0]["title"], bench.open_findings()) == ("bad", [])


def test_an_unknown_write_on_one_side_keeps_no_other_side_waiting() -> None:
    bench = settled(Traits(), Traits(), Traits())
    bench.services["b"].faults.switch_on(Fault("lost_before", "write", times=1))
    bench.edit("a", bench.only("a"), title="new")
    bench.round()
    assert (bench.shown("b")[0]["title"], bench.shown("c")[0]["title"]) == ("old", "new")
    bench.settle(PAST_DOUBT)
    assert bench.shown("b")[0]["title"] == "new"


def test_a_side_that_cannot_be_asked_about_an_open_write_stops_neither_the_round_nor_the_others() -> None:
    bench = settled(Traits(), Traits(), Traits())
    bench.services["b"].faults.switch_on(Fault("lost_after", "write", times=1))
    bench.edit("a", bench.only("a"), title="new")
    bench.round()
    bench.services["b"].faults.switch_on(Fault("unavailable"))
    bench.edit("a", bench.only("a"), notes="more")
    report = bench.round(PAST_DOUBT)
    assert report.recovered.waiting == 1
    assert bench.shown("c") == [{"title": "new", "notes": "more"}]
    assert set(bench.open_findings()) == {"connection_failed"}
    bench.services["b"].faults.clear()
    bench.settle(PAST_DOUBT)
    assert bench.shown("b") == [{"title": "new", "notes": "more"}]
    assert bench.open_findings() == []


def test_a_field_that_both_sides_were_given_alike_is_not_written() -> None:
    bench = settled()
    wrote = bench.writes()
    bench.edit("a", bench.only("a"), title="same")
    bench.edit("b", bench.only("b"), title="same")
    bench.settle()
    assert bench.writes() == wrote


# -- deletes


def delete(bench: Bench, name: str = "a") -> str:
    id = bench.only(name)
    bench.services[name].delete("Ada", STREAM, id)
    return id


def test_a_delete_is_told_and_the_others_keep_their_record() -> None:
    bench = settled(Traits(), Traits(), Traits())
    delete(bench)
    bench.settle()
    assert bench.open_findings() == ["gone"]
    bench.edit("b", bench.only("b"), title="goes on")
    bench.settle()
    assert bench.shown("c")[0]["title"] == "goes on"
    assert bench.shown("a") == []


def test_a_restored_record_is_brought_up_to_date_again() -> None:
    bench = settled()
    id = delete(bench)
    bench.settle()
    bench.edit("b", bench.only("b"), title="new")
    bench.settle()
    bench.services["a"].restore("Ada", STREAM, id)
    bench.settle()
    assert bench.shown("a")[0]["title"] == "new"
    assert bench.findings()["gone"] == "resolved"


def test_under_propagate_a_delete_is_carried_once_a_person_let_it_through() -> None:
    bench = settled(deletes="propagate")
    delete(bench)
    assert [hold.reason for hold in bench.round().holds] == ["scope_emptied"]
    assert len(bench.shown("b")) == 1
    bench.settle()
    assert bench.shown("b") == []


def test_an_edit_against_a_delete_is_kept_and_asked_about() -> None:
    bench = settled(deletes="propagate")
    delete(bench)
    bench.edit("b", bench.only("b"), title="still needed")
    bench.settle()
    assert bench.shown("b")[0]["title"] == "still needed"
    assert bench.open_findings() == ["edit_against_delete", "gone"]


def test_an_edit_that_only_the_look_before_a_delete_shows_keeps_the_record() -> None:
    """Also of a field that was empty ever since, and of which nothing is remembered."""
    bench = settled(deletes="propagate")
    delete(bench)
    bench.round()
    assert bench.let_through() == ["scope_emptied"]
    bench.edit("b", bench.only("b"), due="2027-01-15")
    bench.round(look=False)
    assert len(bench.shown("b")) == 1
    bench.settle()
    assert bench.shown("b")[0]["due"] == "2027-01-15"
    assert bench.open_findings() == ["edit_against_delete", "gone"]


def test_an_edit_of_a_field_that_the_deleted_side_lacks_keeps_the_record_as_well() -> None:
    """Also once the edit was carried to all sides that can show it: who was told that it stays is not told twice."""
    bench = settled(Traits(fields=("title",)), Traits(), Traits(), deletes="propagate")
    delete(bench)
    bench.edit("b", bench.only("b"), due="2027-01-15")
    for _ in range(3):
        bench.settle()
    assert [each[0]["due"] for each in (bench.shown("b"), bench.shown("c"))] == ["2027-01-15", "2027-01-15"]
    assert bench.open_findings() == ["edit_against_delete", "gone"]


@pytest.mark.parametrize("hours", [1, 12])
def test_an_edit_since_the_last_listing_that_showed_the_deleted_record_keeps_the_others(hours: int) -> None:
    """A feed that tells of no deletes: they come to light hours later, and nobody can say that the edit was first."""
    bench = settled(Traits(fields=("title",), deletes=False), Traits(), Traits(), deletes="propagate")
    bench.round(7 * 3600.0)
    delete(bench)
    bench.edit("b", bench.only("b"), due="2027-01-15")
    bench.settle()
    assert [each[0]["due"] for each in (bench.shown("b"), bench.shown("c"))] == ["2027-01-15", "2027-01-15"]
    for _ in range(3):
        bench.round(hours * 3600.0)
        bench.settle(8 * 3600.0)
    assert [len(bench.shown(each)) for each in "abc"] == [0, 1, 1]
    assert bench.open_findings() == ["edit_against_delete", "gone"]


def test_an_edit_that_was_taken_in_before_a_lagging_feed_told_of_the_delete_keeps_the_others() -> None:
    bench = settled(Traits(fields=("title",), lag=600.0), Traits(), Traits(), deletes="propagate")
    bench.settle(1300.0)
    delete(bench)
    bench.clock.advance(20.0)
    bench.edit("b", bench.only("b"), due="2027-01-15")
    for _ in range(3):
        bench.settle(400.0)
    assert [len(bench.shown(each)) for each in "abc"] == [0, 1, 1]
    assert bench.open_findings() == ["edit_against_delete", "gone"]


def test_an_edit_before_the_last_listing_that_showed_the_deleted_record_does_not_keep_the_others() -> None:
    bench = settled(Traits(fields=("title",), deletes=False), Traits(), Traits(), deletes="propagate")
    bench.edit("b", bench.only("b"), due="2027-01-15")
    bench.settle()
    bench.settle(8 * 3600.0)
    delete(bench)
    for _ in range(3):
        bench.settle(8 * 3600.0)
    assert [bench.shown(each) for each in "abc"] == [[], [], []]
    assert bench.open_findings() == []


def test_what_comes_back_after_we_deleted_the_others_is_told_and_nothing_is_made_by_itself() -> None:
    bench = settled(deletes="propagate")
    id = delete(bench)
    bench.settle()
    bench.services["a"].restore("Ada", STREAM, id)
    bench.settle()
    assert bench.shown("b") == []
    assert bench.open_findings() == ["gone"]


# -- read only, and modes


def test_a_connection_that_may_only_be_read_is_read_only() -> None:
    bench = Bench(access={"b": "read"})
    bench.make("a", title="x")
    bench.make("b", title="y")
    bench.settle()
    bench.edit("b", bench.only("b"), title="z")
    bench.settle()
    assert bench.sent("b") == []
    assert sorted(each["title"] for each in bench.shown("a")) == ["x", "z"]


@pytest.mark.parametrize("mode", ["observe", "propose"])
def test_in_these_modes_a_round_writes_nothing(mode: Any) -> None:
    bench = Bench(mode=mode)
    bench.make("a", title="x")
    bench.round()
    bench.let_through()
    assert bench.round().planned == 1
    assert bench.writes() == 0
    assert bench.open_intents() == []


def test_a_plan_writes_to_no_system_and_keeps_nothing() -> None:
    bench = settled()
    bench.edit("a", bench.only("a"), title="new")
    bench.make("b", title="another")
    bench.look()
    bench.clock.advance(1)
    bench.engine.run(bench.sync, mode="observe")
    kept, wrote, asked = bench.content(), bench.writes(), bench.requests()
    plan = bench.engine.plan(bench.sync)
    assert sorted((each.kind, each.side) for each in plan.operations) == [("create", "a.items"), ("update", "b.items")]
    assert (bench.content(), bench.writes(), bench.requests()) == (kept, wrote, asked)
