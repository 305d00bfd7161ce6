"""A store that was put back from a copy: it has forgotten what happened since, the systems have not."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from connectors.memory_service import STREAM, Traits
from connectors.sandbox.clock import VirtualClock
from connectors.sandbox.faults import Fault
from keepstep.engine.restored import recognise
from keepstep.store import backup
from keepstep.store import tables as t
from keepstep.testing.checker import violations
from keepstep.testing.simulator import Simulation
from keepstep.testing.steps import Step, draw
from keepstep.testing.worlds import PAST_DOUBT, Bench, fresh_store

FILLED = {"notes": "one", "due": "2026-11-30"}


class Office:
    """A bench whose store is a file, with one record in step on both sides, and a copy of it."""

    def __init__(self, folder: Path, *traits: Traits, filled: dict[str, Any] = FILLED, **sync: Any) -> None:
        self.file, self.copy = folder / "keep.db", folder / "copy.db"
        self.bench = Bench(*traits, store=f"sqlite:///{self.file}", **sync)
        self.first = self.bench.make("a", title="Draft", **filled)
        self.bench.settle()
        self.other = self.bench.only("b")

    def back_up(self) -> None:
        backup.copy(self.file, self.copy, self.bench.ports.now())

    def restore(self, wait: float = PAST_DOUBT) -> None:
        self.bench.clock.advance(wait)
        self.bench.store.close()
        backup.put_back(self.file, self.copy, self.bench.ports.now())
        self.bench.store.open()
        assert recognise(self.bench.ports)
        self.bench.restart()

    def values(self, name: str, id: str) -> dict[str, Any]:
        return dict(self.bench.services[name].records(STREAM)[id])

    def titles(self) -> tuple[str, str]:
        """What both sides call the record."""
        return self.values("a", self.first)["title"], self.values("b", self.other)["title"]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_it_is_recognised_once(office: Office) -> None:
    assert not recognise(office.bench.ports)
    office.back_up()
    assert not recognise(office.bench.ports), "a store that was copied is still the store"
    office.restore()
    assert not recognise(office.bench.ports)
    [line] = office.bench.rows(t.audit, t.audit.c.code == "store_restored")
    assert line["params"].keys() == {"taken_at"}


def test_a_copy_that_was_put_there_by_hand_is_recognised_as_well(office: Office) -> None:
    office.back_up()
    office.bench.store.close()
    office.file.write_bytes(office.copy.read_bytes())
    office.bench.store.open()
    assert recognise(office.bench.ports)


def test_what_people_and_we_did_since_stays_as_it_is(office: Office) -> None:
    bench = office.bench
    office.back_up()
    bench.edit("a", office.first, title="Final", due="2026-12-24")
    bench.settle()
    bench.edit("b", office.other, notes="two")
    bench.settle()
    before, writes = (bench.shown("a"), bench.shown("b")), bench.writes()
    office.restore()
    bench.settle()
    assert (bench.shown("a"), bench.shown("b")) == before
    assert bench.writes() == writes
    assert bench.rows(t.conflict) == []
    bench.edit("a", office.first, title="Finished")
    bench.settle()
    assert office.values("b", office.other)["title"] == "Finished"


def test_a_write_that_was_owed_then_does_not_undo_what_came_after_it(office: Office) -> None:
    bench = office.bench
    bench.services["b"].faults.switch_on(Fault("unavailable", "write"))
    bench.edit("a", office.first, title="Owed")
    bench.round()
    assert any(row["owing"] for row in bench.rows(t.entity))
    office.back_up()
    bench.services["b"].faults.clear()
    bench.settle(PAST_DOUBT)
    assert office.values("b", office.other)["title"] == "Owed"
    bench.edit("b", office.other, title="Newer")
    bench.settle()
    office.restore()
    bench.settle(PAST_DOUBT)
    assert office.titles() == ("Newer", "Newer")


def test_edits_that_meet_since_are_asked_about_and_neither_is_lost(office: Office) -> None:
    bench = office.bench
    office.back_up()
    bench.edit("a", office.first, title="A's")
    bench.settle()
    bench.edit("b", office.other, title="B's")
    office.restore()
    bench.settle()
    assert office.titles() == ("A's", "B's")
    [row] = bench.rows(t.conflict)
    assert {each["value"] for each in row["state"]["candidates"].values()} >= {"A's", "B's"}


def test_what_a_person_set_back_since_is_not_written_over_by_what_it_was_set_back_from(office: Office) -> None:
    bench = office.bench
    office.back_up()
    bench.edit("a", office.first, title="Tried")
    bench.settle()
    bench.edit("a", office.first, title="Draft")
    office.restore()
    bench.settle()
    assert office.titles() == ("Draft", "Tried")
    [row] = bench.rows(t.conflict)
    assert {name: each["value"] for name, each in row["state"]["candidates"].items()} == {
        "a.items": "Draft", "b.items": "Tried", "agreed": "Draft",
    }  # fmt: skip
    bench.edit("b", office.other, notes="after it, an edit is an edit")
    bench.settle()
    assert office.values("a", office.first)["notes"] == "after it, an edit is an edit"


@pytest.mark.parametrize("lag", [0.0, 600.0])
def test_what_was_set_back_just_before_is_seen_though_the_index_does_not_show_it_yet(
    tmp_path: Path, lag: float
) -> None:
    """The index lags, or shows nothing at all of either record as everything is read anew."""
    office = Office(tmp_path, Traits(), Traits(lag=lag))
    bench = office.bench
    bench.clock.advance(2 * lag)
    office.back_up()
    bench.edit("a", office.first, title="Tried")
    bench.round()
    assert office.titles() == ("Tried", "Tried")
    bench.edit("b", office.other, title="Draft")
    if not lag:
        for name, id in (("a", office.first), ("b", office.other)):
            bench.services[name].items[id].visible_at = bench.clock.monotonic() + 1200.0
    office.restore(wait=1.0)
    bench.settle(PAST_DOUBT)
    bench.settle(PAST_DOUBT)
    assert office.titles() == ("Tried", "Draft")
    assert [row["field"] for row in bench.rows(t.conflict)] == ["title"]


def test_what_was_deleted_elsewhere_and_touched_since_is_not_deleted(tmp_path: Path) -> None:
    """Somebody set it back to what the store knows, after another one had deleted what it was carried to."""
    office = Office(tmp_path, deletes="propagate")
    bench = office.bench
    office.back_up()
    bench.edit("a", office.first, title="Tried")
    bench.settle()
    bench.services["b"].delete("Bo", STREAM, office.other)
    bench.edit("a", office.first, title="Draft")
    office.restore()
    for _ in range(3):
        bench.settle(PAST_DOUBT)
    assert office.values("a", office.first)["title"] == "Draft"
    assert bench.open_findings() == ["edit_against_delete", "gone"]


def test_what_was_deleted_elsewhere_and_nobody_touched_since_is_deleted(tmp_path: Path) -> None:
    office = Office(tmp_path, deletes="propagate")
    bench = office.bench
    bench.clock.advance(60)
    office.back_up()
    bench.services["b"].delete("Bo", STREAM, office.other)
    office.restore()
    for _ in range(3):
        bench.settle(PAST_DOUBT)
    assert (bench.shown("a"), bench.shown("b")) == ([], [])


def test_what_was_emptied_again_stands_among_what_others_disagree_about(tmp_path: Path) -> None:
    office = Office(tmp_path, Traits(), Traits(), Traits(), filled={})
    bench = office.bench
    office.back_up()
    bench.edit("a", office.first, notes="tried")
    bench.settle()
    bench.edit("a", office.first, notes=None)
    bench.edit("c", bench.only("c"), notes="hers")
    office.restore()
    bench.settle(PAST_DOUBT)
    [row] = bench.rows(t.conflict)
    assert {name: each["value"] for name, each in row["state"]["candidates"].items()} == {
        "a.items": None, "b.items": "tried", "c.items": "hers", "agreed": None,
    }  # fmt: skip


def test_what_was_emptied_on_what_we_made_since_is_asked_about_even_if_its_like_comes_to_light_later(
    tmp_path: Path,
) -> None:
    """The record that it was made for is gone: it waits untied until another that was made with it is seen."""
    office = Office(tmp_path, Traits(), Traits(), Traits(), filled={})
    bench = office.bench
    office.back_up()
    id = bench.make("a", title="New", due="2026-12-24")
    bench.settle()
    bench.edit("b", bench.only_titled("b", "New"), due=None)
    bench.services["a"].delete("Bo", STREAM, id)
    hidden = bench.services["c"].items[bench.only_titled("c", "New")]
    hidden.visible_at = bench.clock.monotonic() + 3600.0
    office.restore()
    for _ in range(3):
        bench.settle(PAST_DOUBT)
    assert bench.rows(t.conflict) == []
    for _ in range(3):
        bench.settle(3600.0)
    [row] = bench.rows(t.conflict)
    assert (row["field"], {each["value"] for each in row["state"]["candidates"].values()}) == (
        "due_date", {None, "2026-12-24"},
    )  # fmt: skip


def test_what_was_emptied_on_what_we_made_since_is_not_filled_again(tmp_path: Path) -> None:
    office = Office(tmp_path)
    bench = office.bench
    id = bench.make("a", title="New", notes="carried", due="2026-12-24")
    bench.look()
    bench.engine.take_in(bench.sync)
    office.back_up()
    bench.settle()
    bench.edit("b", bench.only_titled("b", "New"), notes=None)
    office.restore()
    for _ in range(2):
        bench.settle(PAST_DOUBT)
    assert office.values("a", id)["notes"] == "carried"
    assert [row["field"] for row in bench.rows(t.conflict)] == ["description"]
    assert {each["value"] for each in bench.rows(t.conflict)[0]["state"]["candidates"].values()} == {None, "carried"}


def test_what_was_set_back_on_what_we_made_since_is_not_written_over(tmp_path: Path) -> None:
    office = Office(tmp_path)
    bench = office.bench
    id = bench.make("a", title="New")
    bench.look()
    bench.engine.take_in(bench.sync)
    office.back_up()
    bench.settle()
    other = bench.only_titled("b", "New")
    bench.edit("a", id, title="Tried")
    bench.settle()
    bench.edit("b", other, title="New")
    office.restore()
    for _ in range(2):
        bench.settle(PAST_DOUBT)
    assert (office.values("a", id)["title"], office.values("b", other)["title"]) == ("Tried", "New")
    assert [row["field"] for row in bench.rows(t.conflict)] == ["title"]


def test_nothing_is_taken_in_while_what_looks_unchanged_cannot_be_looked_at(office: Office) -> None:
    bench = office.bench
    office.back_up()
    bench.edit("a", office.first, title="Tried")
    bench.round()
    bench.edit("b", office.other, title="Draft")
    office.restore()
    bench.services["b"].faults.switch_on(Fault("unavailable", "get"))
    bench.round()
    assert bench.rows(t.conflict) == []
    assert "connection_failed" in bench.open_findings()
    bench.services["b"].faults.clear()
    bench.settle()
    assert office.titles() == ("Tried", "Draft")
    assert [row["field"] for row in bench.rows(t.conflict)] == ["title"]
    assert "connection_failed" not in bench.open_findings()


def test_a_side_that_nobody_touched_since_follows_without_a_question(office: Office) -> None:
    bench = office.bench
    bench.clock.advance(60)
    office.back_up()
    office.restore()
    bench.edit("a", office.first, title="New")
    bench.settle()
    assert (office.values("b", office.other)["title"], bench.rows(t.conflict)) == ("New", [])


def test_a_side_that_could_not_be_read_anew_is_not_written_over(office: Office) -> None:
    bench = office.bench
    office.back_up()
    bench.edit("a", office.first, title="Tried")
    bench.settle()
    bench.edit("a", office.first, title="Draft")
    office.restore()
    bench.services["a"].faults.switch_on(Fault("unavailable"))
    bench.round()
    bench.services["a"].faults.clear()
    bench.settle()
    assert office.values("a", office.first)["title"] == "Draft"
    assert [row["field"] for row in bench.rows(t.conflict)] == ["title"]


def test_the_first_plan_waits_for_a_person_and_for_what_a_lagging_index_hides(tmp_path: Path) -> None:
    office = Office(tmp_path, Traits(), Traits(lag=600.0))
    bench = office.bench
    office.back_up()
    office.restore(wait=1.0)
    bench.edit("a", office.first, title="New")
    report = bench.round()
    [hold] = report.holds
    assert (hold.reason, hold.params["operations"]) == ("store_restored", 1)
    assert hold.params["until"] > bench.ports.now()
    bench.let_through()
    assert [hold.reason for hold in bench.round().holds] == ["store_restored"], "let through, but too early"
    bench.clock.advance(1300.0)
    assert bench.round().holds == []
    assert office.values("b", office.other)["title"] == "New"
    assert bench.open_findings() == []
    bench.edit("a", office.first, title="Newer")
    assert bench.round().holds == []


def test_nothing_to_do_settles_it_only_once_all_that_was_made_before_is_seen(tmp_path: Path) -> None:
    office = Office(tmp_path, Traits(), Traits(lag=600.0))
    bench = office.bench
    office.back_up()
    office.restore(wait=1.0)
    applied = (t.setting, t.setting.c.name == "applied:tasks")
    assert bench.round().planned == 0
    assert isinstance(bench.rows(*applied)[0]["value"], dict)
    bench.edit("b", office.other, title="On a lagging side")
    bench.round(2000.0)
    bench.let_through()
    bench.settle()
    assert bench.rows(*applied)[0]["value"] == bench.fingerprint
    assert office.values("a", office.first)["title"] == "On a lagging side"


@pytest.mark.parametrize("marker", ["in_create", "reserved_id", "unique_field", "fingerprint"])
def test_what_was_made_since_is_not_made_again(tmp_path: Path, marker: Any) -> None:
    office = Office(tmp_path, Traits(), Traits(marker=marker), Traits(marker=marker))
    bench = office.bench
    office.back_up()
    bench.make("a", title="Made since the copy")
    bench.settle()
    before = [bench.shown(name) for name in "abc"]
    assert [len(shown) for shown in before] == [2, 2, 2]
    office.restore()
    bench.settle()
    assert [bench.shown(name) for name in "abc"] == before
    assert bench.rows(t.proposal, t.proposal.c.state == "open") or len(bench.rows(t.entity)) == 2


def test_a_record_made_for_an_entity_that_the_copy_knows_finds_its_place_by_its_marker(office: Office) -> None:
    bench = office.bench
    bench.services["b"].faults.switch_on(Fault("unavailable", "write", times=1))
    bench.make("a", title="Second")
    bench.round()
    office.back_up()
    bench.settle(PAST_DOUBT)
    assert len(bench.shown("b")) == 2
    office.restore()
    bench.settle(PAST_DOUBT)
    assert (len(bench.shown("b")), len(bench.rows(t.entity)), len(bench.rows(t.link))) == (2, 2, 4)


@pytest.mark.parametrize("marker", ["in_create", "reserved_id", "unique_field"])
def test_what_was_made_since_and_deleted_again_is_not_made_a_second_time(tmp_path: Path, marker: Any) -> None:
    office = Office(tmp_path, Traits(), Traits(marker=marker))
    bench = office.bench
    bench.services["b"].faults.switch_on(Fault("unavailable", "write", times=1))
    bench.make("a", title="Second")
    bench.round()
    office.back_up()
    bench.settle(PAST_DOUBT)
    made = bench.only_titled("b", "Second")
    bench.services["b"].delete("Ada", STREAM, made)
    bench.settle()
    office.restore()
    sent = len(bench.sent("b"))
    bench.settle(PAST_DOUBT)
    assert len(bench.sent("b")) == sent
    assert bench.open_findings() == ["gone"]
    bench.services["b"].restore("Ada", STREAM, made)
    bench.settle(PAST_DOUBT)
    assert (bench.shown("b"), bench.open_findings()) == (bench.shown("a"), [])


def test_nothing_is_written_before_everything_was_read(office: Office) -> None:
    bench = office.bench
    office.back_up()
    bench.edit("a", office.first, title="A's")
    office.restore()
    bench.services["b"].faults.switch_on(Fault("unavailable", ""))
    report = bench.round()
    assert report.matched.waiting is not None
    assert report.matched.waiting.startswith("b/")
    assert report.holds == []
    bench.let_through()
    writes = bench.writes()
    bench.round()
    assert bench.writes() == writes
    bench.services["b"].faults.clear()
    bench.settle()
    assert office.values("b", office.other)["title"] == "A's"


def test_no_delete_follows_from_it(tmp_path: Path) -> None:
    office = Office(tmp_path, deletes="propagate")
    bench = office.bench
    bench.make("a", title="Second")
    bench.settle()
    office.back_up()
    office.restore()
    bench.services["a"].delete("Ada", STREAM, office.first)
    bench.edit("a", bench.only("a"), title="Third")
    report = bench.round()
    assert [hold.reason for hold in report.holds] == ["store_restored"]
    assert {operation.kind for operation in bench.engine.plan(bench.sync).operations} == {"update"}
    assert len(bench.shown("b")) == 2


def test_a_permission_that_was_given_before_is_not_used_again(office: Office) -> None:
    bench = office.bench
    with bench.store.write() as tx:
        row = {"sync": "tasks", "params": {}, "by": "Ann", "at": bench.ports.now()}
        tx.insert(t.hold, [row | {"reason": "too_many_deletes", "state": "let_through"}])
    lease = bench.store.acquire("sync:tasks", "a worker of then", 10_000.0)
    assert lease is not None
    office.back_up()
    bench.store.release(lease)
    office.restore()
    assert bench.rows(t.hold) == []
    bench.settle()


@pytest.mark.parametrize("seed", range(910_000, 910_020))
def test_no_history_ends_with_twins_or_differences_or_losses_that_nobody_is_told_of(seed: int) -> None:
    history, rng = draw(seed), random.Random(seed)
    # A record that an index or a missing right hides, just after the store lost its memory, is hidden from everybody.
    steps = [step for step in history.steps if step.action not in ("hide", "deny", "copy", "put_back")]
    at = rng.randrange(len(steps))
    steps.insert(at, Step("copy"))
    steps.insert(rng.randint(at + 1, len(steps)), Step("put_back"))
    simulation = Simulation(msgspec.structs.replace(history, steps=steps), fresh_store(VirtualClock()))
    simulation.run()
    with simulation.store.read() as tx:
        assert tx.scalar(sa.select(sa.func.count()).select_from(t.setting).where(t.setting.c.name == backup.COPY)) == 0
    assert violations(simulation) == []
