"""A mild judge proves nothing: what excuses an edit, a twin or an unseen record is excused with its evidence only."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.memory_service import BOT, STREAM, Traits
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.findings import Finding
from keepstep.testing.checker import violations
from keepstep.testing.copies import Copies
from keepstep.testing.worlds import Bench


class Judged:
    """A bench as the checker wants it."""

    def __init__(self, bench: Bench) -> None:
        self.services, self.store, self.sync = bench.services, bench.store, bench.sync
        self.copies = Copies(bench.store)
        self.round = lambda: bench.round().planned
        self.hidden: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self.looks: list[dict[str, tuple[int, int]]] = []


def judged(bench: Bench, rule: str, **more: Any) -> list[str]:
    judge = Judged(bench)
    judge.__dict__.update(more)
    return [each for each in violations(judge) if each.partition(" ")[0] == rule]  # type: ignore[arg-type]


@pytest.fixture
def bench() -> Bench:
    bench = Bench(Traits(), Traits())
    bench.make("a", title="old", notes="n")
    bench.settle()
    bench.clock.advance(60)
    return bench


def overwrite(bench: Bench, name: str, **values: Any) -> None:
    """As if a wrong engine had written over what a person said."""
    bench.clock.advance(60)
    bench.services[name].edit(BOT, STREAM, bench.only(name), values)


def note(bench: Bench, code: str, params: dict[str, Any], at: str | None = None) -> None:
    [entity] = bench.rows(t.entity)
    line = {"at": at or bench.ports.now(), "run": None, "entity": entity["id"], "side": None, "field": "title"}
    with bench.store.write() as tx:
        tx.insert(t.audit, [line | {"code": code, "params": params}])


def conflict(*values: str) -> dict[str, Any]:
    return {"candidates": {"candidates": {str(n): {"value": value} for n, value in enumerate(values)}}}


def test_an_edit_that_was_written_over_is_lost(bench: Bench) -> None:
    bench.edit("a", bench.only("a"), title="new")
    overwrite(bench, "a", title="old")
    assert len(judged(bench, "P1")) == 1


@pytest.mark.parametrize(
    ("code", "params"),
    [("conflict", conflict("new", "other")), ("lost_to_policy", {"value": "new"}), ("added_wins", {"value": "new"})],
)
def test_it_is_accounted_for_by_what_people_were_told_since_and_not_by_what_they_were_told_before(
    bench: Bench, code: str, params: dict[str, Any]
) -> None:
    before = bench.ports.now()
    bench.clock.advance(60)
    bench.edit("a", bench.only("a"), title="new")
    overwrite(bench, "a", title="old")
    note(bench, code, params, at=before)
    assert len(judged(bench, "P1")) == 1
    note(bench, code, params)
    assert judged(bench, "P1") == []


def test_what_people_were_told_of_another_value_is_no_excuse(bench: Bench) -> None:
    bench.edit("a", bench.only("a"), title="new")
    overwrite(bench, "a", title="old")
    note(bench, "conflict", conflict("other", "old"))
    assert len(judged(bench, "P1")) == 1


def test_a_later_edit_replaces_what_its_author_saw_and_nothing_else(bench: Bench) -> None:
    bench.edit("a", bench.only("a"), title="new")
    overwrite(bench, "a", title="old")
    bench.edit("a", bench.only("a"), title="newest")
    overwrite(bench, "b", title="newest")
    assert len(judged(bench, "P1")) == 1, "we had taken it from before the eyes of whoever edited next"


def test_a_later_edit_by_somebody_who_saw_it_replaces_it(bench: Bench) -> None:
    bench.edit("a", bench.only("a"), title="new")
    overwrite(bench, "b", title="new")
    bench.edit("b", bench.only("b"), title="newest")
    overwrite(bench, "a", title="newest")
    assert judged(bench, "P1") == []


def test_a_later_edit_where_it_never_came_replaces_nothing(bench: Bench) -> None:
    bench.edit("a", bench.only("a"), title="new")
    bench.edit("b", bench.only("b"), title="newest")
    overwrite(bench, "a", title="newest")
    assert len(judged(bench, "P1")) == 1


def test_a_delete_replaces_what_its_side_showed_before_somebody_said_the_same_elsewhere(bench: Bench) -> None:
    bench.edit("b", bench.only("b"), title="new")
    bench.clock.advance(60)
    bench.edit("a", bench.only("a"), title="new")
    bench.clock.advance(60)
    bench.services["b"].delete("Bo", STREAM, bench.only("b"))
    bench.services["a"].delete(BOT, STREAM, bench.only("a"))
    assert judged(bench, "P1") == []


def test_a_delete_replaces_what_was_said_on_two_sides_in_one_instant(bench: Bench) -> None:
    bench.services["b"].edit(BOT, STREAM, bench.only("b"), {"title": "between"})
    for name in "ab":
        bench.edit(name, bench.only(name), title="new")
    bench.clock.advance(60)
    bench.services["b"].delete("Bo", STREAM, bench.only("b"))
    bench.services["a"].delete(BOT, STREAM, bench.only("a"))
    assert judged(bench, "P1") == []


@pytest.mark.parametrize("remembered", [True, False])
def test_a_delete_by_us_follows_one_by_a_person_though_the_store_has_forgotten_that_record(remembered: bool) -> None:
    bench = Bench(Traits(), Traits(), deletes="propagate")
    bench.make("a", title="old")
    bench.settle()
    copies = Copies(bench.store)
    [link] = bench.rows(t.link, t.link.c.side == "b.items")
    with bench.store.write() as tx:
        tx.execute(t.link.delete().where(t.link.c.side == "b.items"))
    if remembered:
        copies._forgotten["link"].append(link)
    bench.clock.advance(60)
    bench.services["b"].delete("Bo", STREAM, bench.only("b"))
    bench.services["a"].delete(BOT, STREAM, bench.only("a"))
    told = judged(bench, "P14", copies=copies)
    assert len([each for each in told if "by nobody before" in each]) == (not remembered)


def test_a_delete_replaces_what_stood_there_unless_it_is_taken_back(bench: Bench) -> None:
    id = bench.only("a")
    bench.edit("a", id, title="new")
    bench.services["a"].delete("Ada", STREAM, id)
    assert judged(bench, "P1") == []
    bench.services["a"].restore("Ada", STREAM, id)
    overwrite(bench, "a", title="old")
    assert len(judged(bench, "P1")) == 1


@pytest.mark.parametrize(
    ("traits", "late", "seen", "lost"),
    [
        (Traits(guarded=False, history=False), True, False, 0),
        (Traits(guarded=False, history=False), True, True, 1),
        (Traits(guarded=False, history=False), False, False, 1),
        (Traits(guarded=True, history=False), True, False, 1),
        (Traits(guarded=False, history=True), True, False, 1),
    ],
    ids=["nobody knew", "a round saw it", "in its time", "versions are compared", "there is a history"],
)
def test_what_a_late_write_buried_is_excused_where_nobody_could_know(
    traits: Traits, late: bool, seen: bool, lost: int
) -> None:
    bench = Bench(traits, Traits())
    bench.make("a", title="old")
    bench.settle()
    bench.edit("a", bench.only("a"), title="new")
    there = len(bench.services["a"].truth.entries)
    overwrite(bench, "a", title="old")
    if late:
        bench.services["a"].late.add(there)
    looks = [{"a": (there if seen else there - 1, there), "b": (0, 0)}]
    assert len(judged(bench, "P1", looks=looks)) == lost


@pytest.mark.parametrize(("told", "lost"), [(False, 0), (True, 1)])
def test_a_delete_where_the_field_is_unknown_takes_it_along_unless_people_were_told_that_it_stays(
    told: bool, lost: int
) -> None:
    bench = Bench(Traits(fields=("title", "labels")), Traits(fields=("title", "due", "labels")))
    bench.make("a", title="x")
    bench.settle()
    [entity] = bench.rows(t.entity)
    bench.edit("b", bench.only("b"), due="2026-12-31")
    bench.services["a"].delete("Ada", STREAM, bench.only("a"))
    bench.services["b"].delete(BOT, STREAM, bench.only("b"))
    if told:
        stays = Finding(
            key="edit_against_delete", code="edit_against_delete", severity="error", sync="tasks", entity=entity["id"]
        )
        with bench.store.write() as tx:
            findings.report(tx, [stays], bench.ports.now(), bench.ports.new_id)
    assert len(judged(bench, "P1")) == lost


def test_nobody_shows_anything_is_no_proof(bench: Bench) -> None:
    bench.edit("a", bench.only("a"), title="new")
    overwrite(bench, "a", title="old")
    for name in "ab":
        bench.services[name].delete("Bo", STREAM, bench.only(name))
    assert len(judged(bench, "P1")) == 1


def test_a_detour_from_a_value_that_others_had_is_no_edit(bench: Bench) -> None:
    for title in ("detour", "old"):
        bench.edit("a", bench.only("a"), title=title)
    bench.edit("b", bench.only("b"), title="hers")
    overwrite(bench, "a", title="hers")
    assert judged(bench, "P1") == []


def test_what_others_had_only_in_the_instant_in_which_they_were_made_they_had() -> None:
    bench = Bench(Traits(), Traits())
    bench.make("a", title="t")
    bench.round(0)
    bench.let_through()
    bench.round(0)
    bench.edit("b", bench.only("b"), notes="hers")
    bench.clock.advance(60)
    for notes in ("detour", None):
        bench.edit("a", bench.only("a"), notes=notes)
    overwrite(bench, "a", notes="hers")
    assert judged(bench, "P1") == []


def test_a_detour_from_a_value_that_nobody_else_had_is_one(bench: Bench) -> None:
    for title in ("new", "detour", "new"):
        bench.edit("a", bench.only("a"), title=title)
    overwrite(bench, "a", title="old")
    assert len(judged(bench, "P1")) == 1


def test_a_detour_that_was_carried_is_an_edit_when_it_is_taken_back(bench: Bench) -> None:
    bench.edit("a", bench.only("a"), title="detour")
    overwrite(bench, "b", title="detour")
    bench.edit("a", bench.only("a"), title="old")
    overwrite(bench, "a", title="detour")
    assert len(judged(bench, "P1")) == 1


@pytest.mark.parametrize(
    ("traits", "instant", "lost"),
    [
        (Traits(versioned=False), "same", 0),
        (Traits(versioned=False), "later", 1),
        (Traits(versioned=False, history=True), "same", 1),
        (Traits(), "same", 1),
    ],
)
def test_what_was_set_back_in_the_instant_of_a_lost_write_is_excused_where_nothing_tells_the_two_apart(
    traits: Traits, instant: str, lost: int
) -> None:
    bench = Bench(traits, Traits())
    bench.make("a", title="old")
    bench.settle()
    bench.clock.advance(60)
    record, written_at = bench.only("a"), bench.ports.now()
    bench.services["a"].edit(BOT, STREAM, record, {"title": "new"})
    bench.clock.advance(0 if instant == "same" else 1)
    bench.edit("a", record, title="old")
    set_back_at = bench.ports.now()
    [intent] = [row for row in bench.rows(t.intent) if row["kind"] == "create"]
    mine = {"id": "lost", "kind": "update", "side": "a.items", "record": record, "state": "not_applied"}
    with bench.store.write() as tx:
        tx.insert(
            t.intent, [{**intent, **mine, "written_at": written_at, "fields": {"title": ["new", 1, "new", None]}}]
        )
    overwrite(bench, "a", title="new")
    overwrite(bench, "b", title="new")
    assert len([each for each in judged(bench, "P1") if set_back_at in each]) == lost


def test_a_side_that_shouts_excuses_only_what_looks_alike_there() -> None:
    bench = Bench(Traits(shouts=True), Traits())
    bench.make("b", title="old")
    bench.settle()
    bench.edit("a", bench.only("a"), title="OLD ONE")
    overwrite(bench, "a", title="old")
    assert len(judged(bench, "P1")) == 1


# -- unseen, twins, unwritten


def test_a_later_edit_replaces_what_two_said_at_once_though_one_of_them_was_shown_in_capitals() -> None:
    bench = Bench(Traits(), Traits(shouts=True))
    bench.make("a", title="old")
    bench.settle()
    bench.clock.advance(60)
    for name in "ab":
        bench.edit(name, bench.only(name), title="new")
    bench.edit("a", bench.only("a"), title="other")
    overwrite(bench, "b", title="other")
    assert judged(bench, "P1") == []


def told(bench: Bench, state: str = "open", **params: Any) -> None:
    with bench.store.write() as tx:
        findings.report(tx, [Finding(key="k", code="twin", params=params)], bench.ports.now(), bench.ports.new_id)
        if state != "open":
            findings.close(tx, ["k"], bench.ports.now())


@pytest.mark.parametrize(
    ("side", "state", "excused"),
    [("a.items", "open", True), ("b.items", "open", False), ("a.items", "closed", False)],
)
def test_a_record_that_is_tied_to_nothing_is_excused_by_an_open_finding_about_that_very_record(
    bench: Bench, side: str, state: str, excused: bool
) -> None:
    id = bench.make("a", title="unseen")
    told(bench, state, side=side, record=id)
    assert (judged(bench, "P13") == []) is excused


def twin(bench: Bench) -> str:
    """A second record for the same place, as if a wrong engine had made it."""
    bench.clock.advance(60)
    [entity] = bench.rows(t.entity)
    service = bench.services["b"]
    return service._create(BOT, {"title": "old"}, entity["id"], None, True).id


@pytest.mark.parametrize(
    ("hidden", "tell", "excused"),
    [
        (True, "second", True),
        (True, "first", True),
        (True, "", False),
        (False, "second", False),
        (False, "first", False),
    ],
)
def test_a_twin_is_excused_if_the_first_was_hidden_when_it_was_made_and_one_of_them_is_told(
    bench: Bench, hidden: bool, tell: str, excused: bool
) -> None:
    first, since = bench.only("b"), bench.ports.now()
    second = twin(bench)
    if tell:
        told(bench, side="b.items", record=first if tell == "first" else second)
    spans = {("b", first): [(since, bench.ports.now())]} if hidden else {}
    assert (judged(bench, "P2", hidden=spans) == []) is excused


def test_a_record_that_was_hidden_at_another_time_excuses_no_twin(bench: Bench) -> None:
    first, since = bench.only("b"), bench.ports.now()
    bench.clock.advance(10)
    spans = {("b", first): [(since, bench.ports.now())]}
    second = twin(bench)
    told(bench, side="b.items", record=second)
    assert len(judged(bench, "P2", hidden=spans)) == 1


def test_a_write_without_an_intent_and_one_before_its_intent_are_told(bench: Bench) -> None:
    assert judged(bench, "P4") == []
    twin(bench)
    with bench.store.write() as tx:
        tx.execute(t.intent.delete().where(t.intent.c.kind == "create"))
    assert len(judged(bench, "P4")) >= 1


def test_a_create_is_meant_by_the_first_that_was_to_make_it_and_found_again_by_a_later_one(bench: Bench) -> None:
    [made] = bench.rows(t.intent, t.intent.c.kind == "create")
    again = made | {"id": "again", "written_at": "2027-01-01T00:00:00.000Z"}
    with bench.store.write() as tx:
        tx.insert(t.intent, [again])
        tx.change(t.intent, [{"id": made["id"], "record": None}])
    assert judged(bench, "P4") == []


def test_a_write_that_came_before_its_intent_is_told(bench: Bench) -> None:
    bench.edit("a", bench.only("a"), title="new")
    bench.settle()
    with bench.store.write() as tx:
        tx.execute(t.intent.update().values(written_at="2027-01-01T00:00:00.000Z"))
    assert len(judged(bench, "P4")) == 2
