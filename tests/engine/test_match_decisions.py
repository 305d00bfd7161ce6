"""What people say about proposals: carried out, refused, taken back; and what refers to the entities concerned."""

from __future__ import annotations

import pytest

from connectors.memory_service import Traits
from keepstep.engine.match import Refused, decide, decide_all, undo
from keepstep.engine.match.decide import Decision
from keepstep.engine.match.summary import linked_by, linked_count
from keepstep.store import tables as t
from keepstep.testing.worlds import Bench

pytestmark = pytest.mark.usefixtures("benches")


def asked(*titles: tuple[str, str], **sync: object) -> Bench:
    """Records that are alike on two sides, and a proposal for each pair."""
    bench = Bench(**sync)
    for number, (one, other) in enumerate(titles):
        bench.make("a", title=one, notes=f"a{number}")
        bench.make("b", title=other, notes=f"b{number}")
    bench.round()
    return bench


def proposals(bench: Bench, state: str = "open") -> list[str]:
    return [row["id"] for row in bench.rows(t.proposal, t.proposal.c.state == state)]


def test_what_was_there_and_is_alike_is_asked_about_and_not_made() -> None:
    bench = asked(("Acme GmbH", "ACME"), ("Globex", "Initech"))
    bench.settle()
    (row,) = bench.rows(t.proposal)
    assert row["evidence"] == {"by": "likeness", "score": 100.0}
    assert [each["title"] for each in bench.shown("a")] == ["Acme GmbH", "Globex", "Initech"]
    assert [each["title"] for each in bench.shown("b")] == ["ACME", "Initech", "Globex"]


def test_what_comes_later_is_never_asked_about_by_likeness() -> None:
    bench = Bench(create={})
    bench.make("a", title="Globex")
    bench.settle()
    bench.make("a", title="Acme GmbH")
    bench.make("b", title="ACME")
    bench.settle()
    assert bench.rows(t.proposal) == []


def test_what_a_side_that_joins_later_had_is_old_and_asked_about() -> None:
    bench = Bench(Traits(), Traits(), create={"b.items": {}})
    sides = bench.sync.sides
    object.__setattr__(bench.sync, "sides", {"a.items": sides["a.items"]})
    bench.make("a", title="Acme GmbH")
    bench.make("b", title="ACME")
    bench.settle()
    object.__setattr__(bench.sync, "sides", sides)
    bench.fingerprint = "two"
    bench.settle()
    assert len(proposals(bench)) == 1
    assert {row["old"] for row in bench.rows(t.entity)} == {True}
    assert bench.writes() == 0


def test_a_kill_before_likeness_was_stored_asks_later() -> None:
    bench = Bench()
    bench.make("a", title="Acme GmbH")
    bench.make("b", title="ACME")
    assert bench.kill_at("match.storing", after=2)
    assert bench.rows(t.entity) != []
    assert bench.rows(t.proposal) == []
    bench.settle(700.0)
    assert len(proposals(bench)) == 1
    assert bench.writes() == 0


def test_what_was_found_about_an_entity_that_is_no_more_is_over() -> None:
    bench = Bench(Traits(), Traits(), Traits(), match=("title",), create={})
    bench.make("a", title="ACME")
    for name, notes in (("b", "one"), ("c", "two")):
        bench.make(name, title="Acme GmbH", notes=notes)
    bench.round()
    (row,) = bench.rows(t.proposal)
    (conflict,) = bench.rows(t.finding, t.finding.c.code == "conflict")
    kept = decide(bench.ports, bench.sync, row["id"], True, "Bo")
    assert conflict["entity"] == row["entity"] != kept
    bench.round()
    open_ones = bench.rows(t.finding, t.finding.c.code == "conflict", t.finding.c.state == "open")
    assert {each["entity"] for each in open_ones} == {kept}


def test_undone_both_stand_as_before_and_the_pair_is_asked_about_again() -> None:
    bench = asked(("Acme GmbH", "ACME"), create={})
    before = {row["side"]: row["entity"] for row in bench.rows(t.link)}
    decide(bench.ports, bench.sync, proposals(bench)[0], True, "Bo")
    bench.round()
    assert len(bench.rows(t.entity)) == 1
    assert {row["field"] for row in bench.rows(t.conflict)} == {"title", "description"}
    undo(bench.ports, proposals(bench, "accepted")[0], "Bo")
    bench.round()
    assert {row["side"]: row["entity"] for row in bench.rows(t.link)} == before
    assert {row["side"]: row["entity"] for row in bench.rows(t.record)} == before
    assert bench.rows(t.conflict) == []
    agreed = {row["id"]: row["agreed"]["title"]["value"] for row in bench.rows(t.entity)}
    assert agreed == {before["a.items"]: "Acme GmbH", before["b.items"]: "ACME"}
    bench.settle()
    assert bench.writes() == 0
    (row,) = bench.rows(t.proposal)
    assert (row["state"], row["by"], row["before"]) == ("open", None, None)
    (line,) = bench.rows(t.audit, t.audit.c.code == "parted")
    assert (line["params"]["by"], line["params"]["proposal"]) == ("Bo", row["id"])


@pytest.mark.parametrize("accept", [True, False])
def test_what_was_taken_back_can_be_answered_again_and_nothing_is_made_before(accept: bool) -> None:
    bench = asked(("Acme GmbH", "ACME"))
    (id,) = proposals(bench)
    for first in (True, False, True):
        decide(bench.ports, bench.sync, id, first, "Bo")
        undo(bench.ports, id, "Bo")
        bench.settle()
        assert (proposals(bench), bench.writes(), len(bench.rows(t.entity))) == ([id], 0, 2)
    decide(bench.ports, bench.sync, id, accept, "Bo")
    bench.settle()
    creates = len(bench.rows(t.intent, t.intent.c.kind == "create"))
    assert (len(bench.rows(t.entity)), creates) == ((1, 0) if accept else (2, 2))


def test_taking_a_rejection_back_leaves_a_line() -> None:
    bench = asked(("Acme GmbH", "ACME"))
    (row,) = bench.rows(t.proposal)
    decide(bench.ports, bench.sync, row["id"], False, "Bo")
    undo(bench.ports, row["id"], "Mei")
    (line,) = bench.rows(t.audit, t.audit.c.code == "asked_again")
    assert (line["entity"], line["params"]["other"], line["params"]["by"]) == (row["entity"], row["other"], "Mei")


def test_a_rejection_stands_once_both_have_a_record_on_one_side() -> None:
    bench = asked(("Acme GmbH", "ACME"))
    (id,) = proposals(bench)
    decide(bench.ports, bench.sync, id, False, "Bo")
    bench.settle()
    before = bench.content()
    with pytest.raises(Refused) as caught:
        undo(bench.ports, id, "Bo")
    assert caught.value.code == "both_there"
    assert bench.content() == before


def test_a_rejection_stands_while_what_was_to_be_asked_about_is_part_of_another() -> None:
    bench = Bench(Traits(), Traits(), Traits(), create={})
    for name, title in (("a", "Acme GmbH"), ("b", "ACME"), ("c", "Acme AG")):
        bench.make(name, title=title)
    bench.round()
    rows = bench.rows(t.proposal)
    rejected, accepted = next(
        (one, two) for one in rows for two in rows if one != two and two["entity"] in (one["entity"], one["other"])
    )
    decide(bench.ports, bench.sync, rejected["id"], False, "Bo")
    decide(bench.ports, bench.sync, accepted["id"], True, "Bo")
    with pytest.raises(Refused) as caught:
        undo(bench.ports, rejected["id"], "Bo")
    assert caught.value.code == "joined_since"
    undo(bench.ports, accepted["id"], "Bo")
    undo(bench.ports, rejected["id"], "Bo")
    assert {rejected["id"], accepted["id"]} <= set(proposals(bench))


def test_what_another_answer_settled_is_not_taken_back_by_itself() -> None:
    bench = Bench(match=("title",), create={})
    bench.make("a", title="Acme")
    bench.make("a", title="Acme")
    bench.make("b", title="Acme")
    bench.round()
    one, other = proposals(bench)
    decide(bench.ports, bench.sync, one, True, "Bo")
    assert proposals(bench) == []
    with pytest.raises(KeyError):
        undo(bench.ports, other, "Bo")
    undo(bench.ports, one, "Bo")
    assert proposals(bench) == [one, other]


def test_nothing_is_undone_once_a_write_was_carried_between_them() -> None:
    bench = asked(("Acme GmbH", "ACME"), create={})
    id = proposals(bench)[0]
    decide(bench.ports, bench.sync, id, True, "Bo")
    bench.settle()
    bench.edit("a", bench.only("a"), due="2026-12-01")
    bench.settle()
    assert bench.writes() == 1
    before = bench.content()
    with pytest.raises(Refused) as caught:
        undo(bench.ports, id, "Bo")
    assert (caught.value.code, caught.value.params["side"]) == ("written_since", "b.items")
    assert bench.content() == before


def test_only_what_was_answered_can_be_undone_and_only_once() -> None:
    bench = asked(("Acme GmbH", "ACME"))
    id = proposals(bench)[0]
    with pytest.raises(KeyError):
        undo(bench.ports, id, "Bo")
    decide(bench.ports, bench.sync, id, True, "Bo")
    undo(bench.ports, id, "Bo")
    with pytest.raises(KeyError):
        undo(bench.ports, id, "Bo")


def test_what_was_joined_with_more_since_is_parted_from_the_end() -> None:
    bench = Bench(Traits(), Traits(), Traits(), create={})
    for name, title in (("a", "Acme GmbH"), ("b", "ACME"), ("c", "Acme AG")):
        bench.make(name, title=title)
    bench.round()
    first, *_ = proposals(bench)
    decide(bench.ports, bench.sync, first, True, "Bo")
    second, *_ = proposals(bench)
    decide(bench.ports, bench.sync, second, True, "Bo")
    assert len(bench.rows(t.entity)) == 1
    undo(bench.ports, second, "Bo")
    undo(bench.ports, first, "Bo")
    assert len(bench.rows(t.entity)) == 3
    bench.settle()
    assert bench.writes() == 0


def test_all_or_nothing_leaves_nothing_behind() -> None:
    bench = asked(("Acme GmbH", "ACME"), ("Globex", "Globex AG"))
    one, two = proposals(bench)
    before = bench.content()
    decided = decide_all(bench.ports, [Decision(one, True), Decision("nonsense", True)], "Bo", whole=True)
    assert (decided.done, list(decided.refused)) == ([], ["nonsense"])
    assert bench.content() == before
    decided = decide_all(bench.ports, [Decision(one, True), Decision(two, False)], "Bo", whole=True)
    assert len(decided.done) == 2
    assert len(bench.rows(t.entity)) == 3


def test_a_person_names_another_record() -> None:
    bench = asked(("Acme GmbH", "ACME"), ("Globex", "Initech"), create={})
    (row,) = bench.rows(t.proposal)
    other = bench.only_titled("b", "Initech") if row["entity"] else ""
    (place,) = bench.rows(t.link, t.link.c.entity == row["entity"])
    target = ("b.items", other) if place["side"] == "a.items" else ("a.items", bench.only_titled("a", "Globex"))
    decided = decide_all(bench.ports, [Decision(row["id"], False, target)], "Bo", whole=True)
    assert decided.refused == {}
    (linked,) = bench.rows(t.link, t.link.c.side == target[0], t.link.c.record == target[1])
    assert {each["side"] for each in bench.rows(t.link, t.link.c.entity == linked["entity"])} == {"a.items", "b.items"}
    (accepted,) = bench.rows(t.proposal, t.proposal.c.state == "accepted")
    assert accepted["evidence"] == {"by": "person"}
    undo(bench.ports, accepted["id"], "Bo")
    assert len(bench.rows(t.entity)) == 4
    (again,) = bench.rows(t.proposal, t.proposal.c.state == "open")
    assert {name: again[name] for name in ("id", "entity", "other")} == {
        name: row[name] for name in ("id", "entity", "other")
    }
    with pytest.raises(KeyError):
        undo(bench.ports, accepted["id"], "Bo")


@pytest.mark.parametrize(("record", "code"), [(("a.items", "none"), "no_such_record"), (None, "own_record")])
def test_a_record_that_cannot_be_meant_is_refused(record: tuple[str, str] | None, code: str) -> None:
    bench = asked(("Acme GmbH", "ACME"))
    (row,) = bench.rows(t.proposal)
    (own,) = bench.rows(t.link, t.link.c.entity == row["entity"])
    decided = decide_all(
        bench.ports, [Decision(row["id"], False, record or (own["side"], own["record"]))], "Bo", whole=True
    )
    assert [each.code for each in decided.refused.values()] == [code]


def test_what_refers_to_an_entity_follows_it_and_is_matched_by_its_new_key() -> None:
    bench = Bench(match=("title", "parent"), create={})
    parents = {name: bench.make(name, title=title) for name, title in (("a", "Acme GmbH"), ("b", "ACME"))}
    bench.round()
    for name, parent in parents.items():
        bench.make(name, title="Kickoff", parent=parent)
    bench.round()
    bench.round()
    assert len(bench.rows(t.entity)) == 4
    kept = decide(bench.ports, bench.sync, proposals(bench)[0], True, "Bo")
    bench.round()
    children = [row for row in bench.rows(t.entity) if row["agreed"]["title"]["value"] == "Kickoff"]
    assert {row["agreed"]["parent"]["value"] for row in children} == {kept}
    (row,) = bench.rows(t.proposal, t.proposal.c.state == "open")
    assert row["evidence"]["unique"]
    decide(bench.ports, bench.sync, row["id"], True, "Bo")
    bench.settle()
    assert len(bench.rows(t.entity)) == 2
    assert bench.writes() == 0


def test_what_refers_to_one_that_is_joined_twice_follows_to_the_end() -> None:
    bench = Bench(Traits(), Traits(), Traits(), create={})
    ids = {name: bench.make(name, title=title) for name, title in (("a", "Acme GmbH"), ("b", "ACME"), ("c", "Acme AG"))}
    bench.round()
    bench.make("c", title="Kickoff", parent=ids["c"])
    bench.round()
    entity = {row["side"][0]: row["entity"] for row in bench.rows(t.link) if row["record"] == ids[row["side"][0]]}
    asked_about = {(row["entity"], row["other"]): row["id"] for row in bench.rows(t.proposal)}
    chain = [asked_about[entity["c"], entity["b"]], asked_about[entity["b"], entity["a"]]]
    assert len(decide_all(bench.ports, [Decision(id, True) for id in chain], "Bo", whole=True).done) == 2
    (child,) = [row for row in bench.rows(t.entity) if "parent" in row["agreed"]]
    assert child["agreed"]["parent"]["value"] == entity["a"]
    (link,) = bench.rows(t.link, t.link.c.entity == child["id"])
    assert link["fields"]["parent"][0] == entity["a"]
    bench.settle()
    assert bench.writes() == 0


def test_records_under_what_is_known_to_be_apart_are_not_alike() -> None:
    bench = Bench(match=("title",), create={})
    for title in ("Acme", "Globex"):
        for name in ("a", "b"):
            bench.make(name, title=title)
    one = bench.only_titled("a", "Acme")
    other = bench.only_titled("b", "Globex")
    bench.make("a", title="Kick-off meeting", parent=one)
    bench.make("b", title="Kick off meeting", parent=other)
    bench.round()
    assert proposals(bench) == []


def test_one_key_of_names_and_what_they_lie_under_links_across_sides() -> None:
    bench = Bench(match=("title",), create={})
    for name in ("a", "b"):
        bench.make(name, title="Acme")
    bench.round()
    object.__setattr__(bench.sync, "match", ("title", "parent"))
    for name in ("a", "b"):
        bench.make(name, title="Kickoff", parent=bench.only_titled(name, "Acme"))
        bench.make(name, title="Kickoff")
    bench.round()
    linked = [row for row in bench.rows(t.link) if row["evidence"]]
    keys = sorted(row["evidence"]["keys"] for row in linked)
    assert keys == [["title"], ["title", "parent"]]


def test_what_was_linked_on_three_sides_counts_once() -> None:
    bench = Bench(Traits(), Traits(), Traits(), match=("title",), create={})
    for name in ("a", "b", "c"):
        bench.make(name, title="Acme")
    bench.make("a", title="Globex")
    bench.round()
    with bench.store.read() as tx:
        assert linked_by(tx, "tasks") == {"key": linked_count(tx, "tasks")} == {"key": 1}
