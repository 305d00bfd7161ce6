"""Which records become one entity, and what is never taken for new."""

from __future__ import annotations

import random
from typing import Any

import pytest

from connectors.memory_service import BOT, STREAM, Traits
from connectors.sandbox.faults import Fault
from keepstep.engine.match import decide
from keepstep.engine.match.summary import open_proposals
from keepstep.store import tables as t
from keepstep.testing.worlds import PAST_DOUBT, Bench

pytestmark = pytest.mark.usefixtures("benches")


def keyed(*traits: Traits) -> Bench:
    return Bench(*traits, match=("title",))


def test_records_with_one_key_are_one_entity_whatever_case_and_width_they_are_written_in() -> None:
    bench = keyed()
    bench.make("a", title="Ａcme  GmbH")
    bench.make("b", title="acme gmbh")
    bench.round()
    assert len(bench.rows(t.entity)) == 1
    assert len(bench.rows(t.link)) == 2


def test_a_whole_mail_pasted_into_a_title_is_a_key_as_well() -> None:
    words = random.Random(1)
    mail = " ".join(f"{words.getrandbits(64):x}" for _ in range(900))
    bench = keyed()
    bench.make("a", title=mail)
    bench.make("b", title=f" {mail.upper()}")
    bench.make("b", title=f"{mail} ps")
    bench.look()
    bench.round()
    assert len(bench.rows(t.entity)) == 2
    assert len(bench.rows(t.link)) == 3


def test_without_a_declared_key_equal_records_stay_two() -> None:
    bench = Bench()
    bench.make("a", title="x")
    bench.make("b", title="x")
    bench.round()
    assert len(bench.rows(t.entity)) == 2


def test_an_empty_key_leads_nowhere() -> None:
    bench = Bench(match=("due_date",))
    bench.make("a", title="x")
    bench.make("b", title="x")
    bench.round()
    assert len(bench.rows(t.entity)) == 2


def test_a_key_that_two_records_have_is_a_question_and_nothing_is_made_while_it_is_open() -> None:
    bench = keyed()
    bench.make("a", title="x")
    bench.make("a", title="x")
    bench.make("b", title="x")
    bench.settle()
    assert len(bench.rows(t.proposal, t.proposal.c.state == "open")) == 2
    assert bench.writes() == 0


def test_an_accepted_proposal_joins_both_and_a_rejected_one_lets_them_be_made() -> None:
    bench = keyed()
    bench.make("a", title="x", notes="first")
    bench.make("a", title="x", notes="second")
    bench.make("b", title="x", notes="first")
    bench.settle()
    (theirs,) = bench.rows(t.link, t.link.c.side == "b.items")
    mine = {row["record"]: row["entity"] for row in bench.rows(t.link, t.link.c.side == "a.items")}
    for row in bench.rows(t.proposal):
        assert theirs["entity"] in (row["entity"], row["other"])
        if mine["000001"] not in (row["entity"], row["other"]):
            decide(bench.ports, bench.sync, row["id"], False, "Bo")
    (last,) = bench.rows(t.proposal, t.proposal.c.state == "open")
    decide(bench.ports, bench.sync, last["id"], True, "Bo")
    bench.settle()
    assert bench.shown("a") == bench.shown("b")
    assert len(bench.rows(t.entity)) == 2
    assert bench.open_findings() == ["key_not_unique", "key_not_unique"]  # two called x on either side, as decided


def test_a_proposal_is_answered_once() -> None:
    bench = keyed()
    bench.make("a", title="x")
    bench.make("a", title="x")
    bench.make("b", title="x")
    bench.round()
    (first, _) = bench.rows(t.proposal)
    decide(bench.ports, bench.sync, first["id"], False, "Bo")
    with pytest.raises(KeyError):
        decide(bench.ports, bench.sync, first["id"], True, "Bo")


def test_nothing_is_asked_about_what_is_gone_until_it_is_back() -> None:
    bench = keyed()
    gone = bench.make("a", title="x")
    bench.make("a", title="x")
    bench.make("b", title="x")
    bench.settle()
    (entity,) = (row["entity"] for row in bench.rows(t.link, t.link.c.record == gone, t.link.c.side == "a.items"))
    (dead,) = (row["id"] for row in bench.rows(t.proposal) if entity in (row["entity"], row["other"]))
    bench.services["a"].delete("Ada", STREAM, gone)
    bench.settle()
    with bench.ports.store.read() as tx:
        assert open_proposals(tx, bench.sync.name) == 1
    with pytest.raises(KeyError):
        decide(bench.ports, bench.sync, dead, True, "Bo")
    bench.services["a"].restore("Ada", STREAM, gone)
    bench.settle()
    with bench.ports.store.read() as tx:
        assert open_proposals(tx, bench.sync.name) == 2
    assert bench.writes() == 0


def test_two_entities_with_a_record_on_one_side_each_are_never_joined() -> None:
    bench = keyed()
    bench.make("a", title="x")
    bench.make("a", title="x")
    bench.make("b", title="x")
    bench.round()
    one, two = bench.rows(t.proposal)
    decide(bench.ports, bench.sync, one["id"], True, "Bo")
    left = bench.rows(t.proposal, t.proposal.c.state == "open")
    for row in left:
        with pytest.raises(ValueError, match="taken"):
            decide(bench.ports, bench.sync, row["id"], True, "Bo")
    assert len(bench.rows(t.link)) == 3
    assert two["id"] != one["id"]


def test_a_key_that_leads_to_a_taken_place_is_a_finding_and_never_a_second_entity() -> None:
    bench = keyed()
    id = bench.make("a", title="x")
    bench.make("b", title="x")
    bench.settle()
    bench.services["a"].delete("Ada", STREAM, id)
    bench.round()
    bench.make("a", title="x")
    bench.settle()
    assert len(bench.rows(t.entity)) == 1
    assert len(bench.shown("b")) == 1
    assert "taken_place" in bench.open_findings()


def test_a_record_that_carries_our_marker_belongs_to_its_entity() -> None:
    bench = Bench(create={})
    bench.make("a", title="x")
    bench.settle()
    (entity,) = bench.rows(t.entity)
    bench.services["b"]._create(BOT, {"title": "x"}, entity["id"], None, True)
    bench.settle()
    assert len(bench.rows(t.entity)) == 1
    assert {row["side"] for row in bench.rows(t.link)} == {"a.items", "b.items"}


def test_a_second_record_with_the_marker_is_a_twin() -> None:
    bench = Bench()
    bench.make("a", title="x")
    bench.settle()
    (entity,) = bench.rows(t.entity)
    bench.services["b"]._create(BOT, {"title": "x"}, entity["id"], None, True)
    bench.settle()
    assert len(bench.rows(t.entity)) == 1
    assert bench.open_findings() == ["twin"]


def test_an_unlinked_record_of_our_own_account_is_never_new() -> None:
    bench = Bench()
    bench.make("a", title="x")
    bench.settle()
    bench.services["b"].create(BOT, STREAM, {"title": "whence?"})
    bench.settle()
    assert len(bench.rows(t.entity)) == 1
    assert [each["title"] for each in bench.shown("a")] == ["x"]
    assert bench.open_findings() == ["made_unknown"]


def test_what_our_account_had_made_before_the_first_look_is_a_record_like_any_other() -> None:
    bench = Bench()
    bench.services["b"].create(BOT, STREAM, {"title": "imported"})
    bench.settle()
    assert bench.shown("a") == [{"title": "imported"}]
    assert bench.open_findings() == []


def test_a_kill_during_the_first_matching_does_not_make_the_rest_look_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keepstep.engine.match.steps.BATCH", 2)
    bench = Bench(eligible=lambda rows, now: lambda state: False)
    for title in "abcde":
        bench.make("a", title=title)
    bench.look()
    assert bench.kill_at("match.stored", work=lambda: bench.round(look=False))
    bench.settle(PAST_DOUBT)
    assert len(bench.rows(t.entity, t.entity.c.old.is_(True))) == 5
    assert bench.shown("b") == []
    bench.make("a", title="made later")
    bench.settle()
    assert bench.shown("b") == [{"title": "made later"}]


@pytest.mark.parametrize("fault", ["late", "lost_before"])
def test_while_a_create_is_in_doubt_nobody_elses_record_gets_its_place(fault: Any) -> None:
    bench = Bench(match=("title",))
    bench.make("a", title="x", notes="ours")
    bench.round()
    bench.let_through()
    bench.services["b"].faults.switch_on(Fault(fault, "write", times=1, delay=100))
    assert bench.round().applied.unknown == 1
    hers = bench.make("b", title="x", notes="hers")
    assert bench.round().matched.held >= 1
    [link] = bench.rows(t.link)
    bench.settle(PAST_DOUBT)
    ours = [id for id, item in bench.services["b"].items.items() if item.ours and item.marker == link["entity"]]
    [there] = bench.rows(t.link, t.link.c.side == "b.items", t.link.c.entity == link["entity"])
    assert there["record"] == (hers if fault == "lost_before" else ours[0])
    assert bench.services["b"].records(STREAM)[hers]["notes"] == "hers"
    assert bench.services["a"].records(STREAM)[link["record"]]["notes"] == "ours"
    assert [each["field"] for each in bench.rows(t.conflict)] == ["description"] * (fault == "lost_before")
