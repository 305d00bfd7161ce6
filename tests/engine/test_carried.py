"""Comments go from where they were written to the other sides, once, and never back."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.memory_service import COMMENTS, STREAM, Traits
from connectors.sandbox.faults import Fault
from keepstep.engine.carried import JOINER
from keepstep.store import tables as t
from keepstep.testing.worlds import PAST_DOUBT, Talk


def talk(*traits: Traits, **more: Any) -> Talk:
    """A bench with one task on every side, nothing said about it yet."""
    bench = Talk(*traits, **more)
    bench.make("a", title="x")
    bench.settle()
    return bench


def test_a_comment_is_carried_once_with_author_and_time_in_its_first_line() -> None:
    bench = talk(Traits(), Traits(), Traits())
    bench.say("a", bench.only("a"), "hello")
    bench.settle()
    assert bench.said("a") == ["hello"]
    assert bench.said("b") == bench.said("c")
    first, empty, text = bench.said("b")[0].split("\n")
    assert (first[:5], first[-1], empty, text) == ("Ada, ", ":", "", "hello")
    writes = bench.writes()
    for _ in range(3):
        bench.round()
    assert bench.writes() == writes


def test_comments_of_both_sides_meet_and_none_comes_back() -> None:
    bench = talk()
    for number in range(3):
        bench.say("a", bench.only("a"), f"a{number}")
        bench.say("b", bench.only("b"), f"b{number}", person="Bo")
        bench.settle()
    assert sorted(text.split("\n")[-1] for text in bench.said("a")) == ["a0", "a1", "a2", "b0", "b1", "b2"]
    assert sorted(text.split("\n")[-1] for text in bench.said("b")) == ["a0", "a1", "a2", "b0", "b1", "b2"]
    assert all(text.startswith("Bo, ") for text in bench.said("a") if text.endswith(("b0", "b1", "b2")))


def test_an_edit_of_the_origin_is_carried() -> None:
    bench = talk()
    id = bench.say("a", bench.only("a"), "hello")
    bench.settle()
    bench.services["a"].edit("Ada", COMMENTS, id, {"text": "hello you"})
    bench.settle()
    assert [text.split("\n")[-1] for text in bench.said("b")] == ["hello you"]
    assert bench.said("a") == ["hello you"]


def test_an_edit_of_a_copy_stays_there_is_told_and_is_not_overwritten() -> None:
    bench = talk()
    id = bench.say("a", bench.only("a"), "hello")
    bench.settle()
    (copy,) = bench.services["b"].records(COMMENTS)
    was = bench.said("b")[0]
    bench.services["b"].edit("Bo", COMMENTS, copy, {"text": "mine now"})
    bench.settle()
    assert (bench.said("a"), bench.said("b")) == (["hello"], ["mine now"])
    assert bench.open_findings() == ["copy_edited"]
    bench.services["a"].edit("Ada", COMMENTS, id, {"text": "hello you"})
    bench.settle()
    assert (bench.said("a"), bench.said("b")) == (["hello you"], ["mine now"])
    bench.services["b"].edit("Bo", COMMENTS, copy, {"text": was})
    bench.settle()
    assert bench.said("b")[0].endswith("hello you")
    assert bench.open_findings() == []


def test_what_was_said_before_the_task_was_linked_stays_where_it_is_unless_asked_for() -> None:
    for older, copies in ((False, 0), (True, 1)):
        bench = Talk(carried={"older": older})
        bench.say("a", bench.make("a", title="x"), "long ago")
        bench.settle()
        assert len(bench.said("b")) == copies
        bench.say("a", bench.only("a"), "today")
        bench.settle()
        assert len(bench.said("b")) == copies + 1


def test_what_was_said_about_a_new_task_comes_with_it() -> None:
    bench = talk()
    id = bench.make("a", title="new")
    bench.say("a", id, "at once")
    bench.settle()
    assert [text.split("\n")[-1] for text in bench.said("b")] == ["at once"]


def test_a_comment_waits_for_its_task() -> None:
    bench = talk()
    bench.services["b"].faults.switch_on(Fault("429", "write"))
    bench.say("a", bench.make("a", title="new"), "at once")
    bench.round()
    assert bench.said("b") == []
    bench.services["b"].faults.clear()
    bench.settle(PAST_DOUBT)
    assert len(bench.said("b")) == 1


def test_nobody_is_called_by_name_and_no_name_breaks_the_line() -> None:
    bench = talk()
    bench.say("a", bench.only("a"), "ask @bo, not mail@bo", person="**Ada**\n[x](y) @all " + "a" * 200)
    bench.settle()
    (text,) = bench.said("b")
    assert f"ask @{JOINER}bo, not mail@bo" in text
    first = text.split("\n")[0]
    assert first.startswith(f"Ada x (y) @{JOINER}all aaa")
    assert len(first) < 110


@pytest.mark.parametrize("marker", ["in_create", "reserved_id", "unique_field", "fingerprint"])
@pytest.mark.parametrize("fault", ["lost_after", "lost_before", "broken_after"])
def test_a_comment_whose_answer_was_lost_is_made_once(marker: Any, fault: Any) -> None:
    bench = talk(Traits(), Traits(marker=marker))
    bench.say("a", bench.only("a"), "one")
    bench.round()
    bench.let_through()
    bench.services["b"].faults.switch_on(Fault(fault, "write", times=1))
    bench.say("a", bench.only("a"), "two")
    bench.round()
    bench.settle(PAST_DOUBT)
    assert sorted(text.split("\n")[-1] for text in bench.said("b")) == ["one", "two"]
    assert len(bench.said("a")) == 2


def test_a_deleted_comment_is_told_and_its_copies_stay() -> None:
    bench = talk()
    id = bench.say("a", bench.only("a"), "hello")
    bench.settle()
    bench.services["a"].delete("Ada", COMMENTS, id)
    bench.settle()
    assert len(bench.said("b")) == 1
    assert bench.open_findings() == ["gone"]


def test_a_deleted_comment_takes_its_copies_along_where_that_is_asked_for() -> None:
    bench = talk(deletes="propagate")
    ids = [bench.say("a", bench.only("a"), text) for text in ("one", "two", "three")]
    bench.settle()
    bench.services["a"].delete("Ada", COMMENTS, ids[0])
    bench.settle()
    assert sorted(text.split("\n")[-1] for text in bench.said("b")) == ["three", "two"]


def test_who_deletes_a_copy_deletes_nothing_else_and_it_is_not_made_again() -> None:
    bench = talk(deletes="propagate")
    bench.say("a", bench.only("a"), "hello")
    bench.settle()
    (copy,) = bench.services["b"].records(COMMENTS)
    bench.services["b"].delete("Bo", COMMENTS, copy)
    bench.settle()
    assert (bench.said("a"), bench.said("b")) == (["hello"], [])


def test_a_copy_that_a_person_edited_is_not_deleted() -> None:
    bench = talk(deletes="propagate")
    id, *_ = [bench.say("a", bench.only("a"), text) for text in ("one", "two", "three")]
    bench.settle()
    copy = next(id for id, values in bench.services["b"].records(COMMENTS).items() if values["text"].endswith("one"))
    bench.services["b"].edit("Bo", COMMENTS, copy, {"text": "mine"})
    bench.services["a"].delete("Ada", COMMENTS, id)
    bench.settle()
    assert "mine" in bench.said("b")
    assert "edit_against_delete" in bench.open_findings()


def test_comments_that_went_with_their_task_are_no_news_of_their_own() -> None:
    bench = talk()
    for text in ("one", "two"):
        bench.say("a", bench.only("a"), text)
    bench.settle()
    bench.services["b"].delete("Bo", STREAM, bench.only("b"))
    bench.settle()
    assert bench.open_findings() == ["gone"]
    assert bench.said("a") == ["one", "two"]


def test_nothing_is_carried_where_a_client_would_see_it() -> None:
    bench = talk(Traits(), Traits(audience="client"))
    bench.say("a", bench.only("a"), "between us")
    bench.say("b", bench.only("b"), "dear team", person="Client")
    bench.settle()
    assert bench.said("b") == ["dear team"]
    assert [text.split("\n")[-1] for text in bench.said("a")] == ["between us", "dear team"]


def test_a_persons_comment_under_our_account_is_carried_where_ours_are_marked() -> None:
    bench = talk()
    bench.say("a", bench.only("a"), "typed by hand", person="keepstep")
    bench.settle()
    assert [text.split("\n")[-1] for text in bench.said("b")] == ["typed by hand"]
    shared = talk(Traits(marker="fingerprint"), Traits())
    shared.say("a", shared.only("a"), "typed by hand", person="keepstep")
    shared.settle()
    assert shared.said("b") == []
    assert shared.open_findings() == ["own_left"]


def test_a_store_that_was_lost_carries_no_copy_again() -> None:
    bench = talk()
    bench.say("a", bench.only("a"), "hello")
    bench.settle()
    again = Talk(carried={"older": True})
    again.services.update(bench.services)
    for name, connection in again.connections.items():
        connection.connector.service = bench.services[name]  # type: ignore[attr-defined]
    again.clock.advance(3600)
    again.settle()
    assert len(again.said("a")) == 1
    assert len(again.rows(t.entity, t.entity.c.kind == "comment")) == 1


def test_comments_under_things_of_another_sync_are_left_alone() -> None:
    bench = talk()
    bench.world.syncs["tasks.comments"].carried.under.clear()  # type: ignore[union-attr,attr-defined]
    bench.talk.carried.under.update({side: frozenset() for side in bench.talk.sides})  # type: ignore[union-attr,attr-defined]
    bench.say("a", bench.only("a"), "hello")
    bench.settle()
    assert bench.said("b") == []
    assert bench.rows(t.entity, t.entity.c.kind == "comment") == []


def test_a_lost_comment_is_not_taken_for_one_that_lies_elsewhere() -> None:
    bench = talk(Traits(), Traits(marker="fingerprint", returns_record=False))
    bench.make("a", title="y")
    bench.settle()
    bench.say("a", bench.only_titled("a", "x"), "first")
    bench.settle()
    bench.say("a", bench.only_titled("a", "x"), "second")
    bench.services["b"].faults.switch_on(Fault("lost_before", "write", times=1))
    bench.round()
    stray = bench.services["b"].create("keepstep", COMMENTS, {"item": bench.only_titled("b", "y"), "text": "by a tool"})
    bench.settle(PAST_DOUBT)
    assert sorted(text.split("\n")[-1] for text in bench.said("b")) == ["by a tool", "first", "second"]
    assert bench.rows(t.link, t.link.c.side == "b.comments", t.link.c.record == stray) == []
