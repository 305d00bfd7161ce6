"""What is old leaves the store, what something open needs stays, and no reader of the change log misses anything."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.errors import RecordRefused
from connectors.memory_service import STREAM, Traits
from keepstep.engine import retention
from keepstep.engine.news import POSITION
from keepstep.engine.retention import Swept, sweep
from keepstep.engine.round import Engine
from keepstep.engine.world import Sync, World
from keepstep.store import tables as t
from keepstep.testing.checker import violations
from keepstep.testing.simulator import Simulation
from keepstep.testing.steps import draw
from keepstep.testing.worlds import Bench
from mapping.model import Kind

DAY = 86_400.0
READERS = {"tasks": ["a.items", "b.items"]}


def clean(bench: Bench, before_images: int = 90, audit: int = 400, told: bool = False) -> Swept:
    return sweep(bench.ports, timedelta(days=before_images), timedelta(days=audit), READERS, told)


def lived_in() -> Bench:
    """Two records that were made and edited, each edit carried over."""
    bench = Bench()
    first, second = bench.make("a", title="one"), bench.make("a", title="two")
    bench.settle()
    for number in range(3):
        bench.edit("a", first, title=f"one {number}")
        bench.settle()
    bench.edit("a", second, title="two again")
    bench.settle()
    return bench


def entity_of(bench: Bench, id: str) -> str:
    [row] = bench.rows(t.record, t.record.c.side == "a.items", t.record.c.id == id)
    return str(row["entity"])


def test_nothing_that_is_young_leaves_but_superseded_entries_of_the_change_log() -> None:
    bench = lived_in()
    before = {table: len(bench.rows(table)) for table in (t.intent, t.audit, t.run, t.finding)}
    swept = clean(bench)
    assert swept == Swept(changes=swept.changes)
    assert swept.changes > 0
    assert {table: len(bench.rows(table)) for table in before} == before


def test_each_record_keeps_its_first_and_its_last_entry_of_the_change_log() -> None:
    bench = lived_in()
    before = [(row["side"], row["id"], row["n"]) for row in bench.rows(t.change_log)]
    clean(bench)
    after = {(row["side"], row["id"], row["n"]) for row in bench.rows(t.change_log)}
    for place in {(side, id) for side, id, _ in before}:
        numbers = sorted(n for *where, n in before if tuple(where) == place)
        assert {n for *where, n in after if tuple(where) == place} == {numbers[0], numbers[-1]}


def test_what_a_sync_has_not_read_yet_stays_in_the_change_log() -> None:
    bench = lived_in()
    bench.edit("a", sorted(bench.services["a"].records(STREAM))[0], title="unread")
    for number in range(3):
        bench.edit("a", sorted(bench.services["a"].records(STREAM))[0], title=f"unread {number}")
        bench.clock.advance(60)
        bench.look()
    [position] = [row["n"] for row in bench.rows(t.position)]
    unread = bench.rows(t.change_log, t.change_log.c.n > position)
    assert len(unread) == 3
    clean(bench)
    assert bench.rows(t.change_log, t.change_log.c.n > position) == unread
    bench.settle()
    clean(bench)
    assert len(bench.rows(t.change_log, t.change_log.c.n > position)) < 3


def test_a_sync_that_is_added_later_meets_every_record() -> None:
    bench = lived_in()
    clean(bench, 1, 1)
    late = Sync(name="late", kind=Kind.TASK, sides=bench.sync.sides, mode="observe")
    engine = Engine(bench.ports, World(bench.world.connections, {"late": late}), lambda sync: "one")
    before = len(bench.rows(t.record))
    report = engine.take_in(late)
    assert before == 4
    assert report.matched.queued == 0  # all belong to the other sync's entities
    [row] = bench.rows(t.position, t.position.c.sync == "late")
    assert row["n"] == max(entry["n"] for entry in bench.rows(t.change_log))


def test_what_was_there_before_the_hub_stays_known_as_that() -> None:
    """A side that joins finds the first entries, by which a record is known to be older than the hub."""
    bench = Bench(Traits(), Traits(), create={})
    id = bench.make("a", title="old")
    bench.round()
    for number in range(3):
        bench.edit("a", id, title=f"old {number}")
        bench.round()
    with bench.store.write() as tx:  # as after a question that was taken back
        for table in (t.entity, t.link, t.due):
            tx.execute(sa.delete(table))
        tx.execute(sa.update(t.record).values(entity=None))
        tx.execute(sa.update(t.position).values(n=0))
    clean(bench)
    bench.engine.take_in(bench.sync)
    assert [row["old"] for row in bench.rows(t.entity)] == [True]


@pytest.mark.parametrize("table", [t.change_log, t.audit])
def test_numbers_are_never_given_twice(table: sa.Table) -> None:
    bench = lived_in()
    bench.clock.advance(500 * DAY)
    newest = max(row["n"] for row in bench.rows(table))
    clean(bench)
    assert max(row["n"] for row in bench.rows(table)) == newest
    bench.edit("b", sorted(bench.services["b"].records(STREAM))[0], title="later")
    bench.settle()
    assert max(row["n"] for row in bench.rows(table)) > newest
    assert bench.shown("a") == bench.shown("b")


def test_old_intents_audit_lines_runs_and_settled_findings_leave() -> None:
    bench = lived_in()
    assert bench.findings() == {"guard_first_plan": "resolved"}
    bench.clock.advance(91 * DAY)
    swept = clean(bench)
    assert (swept.before_images > 0, swept.audit, swept.runs, swept.findings) == (True, 0, 0, 0)
    assert bench.rows(t.intent) == []
    bench.clock.advance(400 * DAY)
    swept = clean(bench)
    assert (swept.audit > 0, swept.findings) == (True, 1)
    assert len(bench.rows(t.audit)) == 1
    assert bench.findings() == {}
    started = sorted(row["started_at"] for row in bench.rows(t.run))
    assert len(started) <= 3, "the first that wrote, the last, and the one that the newest line is of"
    assert clean(bench).rows == 0
    bench.edit("a", sorted(bench.services["a"].records(STREAM))[0], title="again")
    bench.settle()
    assert bench.shown("a") == bench.shown("b")


def test_the_first_run_that_wrote_stays_because_handoffs_count_from_it() -> None:
    bench = lived_in()
    first = min(row["started_at"] for row in bench.rows(t.run, t.run.c.mode == "write"))
    last = max(row["started_at"] for row in bench.rows(t.run))
    bench.clock.advance(500 * DAY)
    clean(bench)
    kept = {row["started_at"] for row in bench.rows(t.run)}
    assert {first, last} <= kept


def test_an_unresolved_conflict_keeps_all_that_is_known_of_it() -> None:
    bench = lived_in()
    first, second = sorted(bench.services["a"].records(STREAM))
    entity, other = entity_of(bench, first), entity_of(bench, second)
    [link] = bench.rows(t.link, t.link.c.entity == entity, t.link.c.side == "b.items")
    bench.edit("a", first, title="here")
    bench.edit("b", link["record"], title="there")
    bench.round()
    assert [row["entity"] for row in bench.rows(t.conflict)] == [entity]
    audit, intents = bench.rows(t.audit, t.audit.c.entity == entity), bench.rows(t.intent, t.intent.c.entity == entity)
    bench.clock.advance(500 * DAY)
    clean(bench)
    assert bench.rows(t.audit, t.audit.c.entity == entity) == audit
    assert bench.rows(t.intent, t.intent.c.entity == entity) == intents
    assert bench.rows(t.intent, t.intent.c.entity == other) == []


def test_an_open_intent_keeps_its_run_and_its_entity_whole() -> None:
    bench = lived_in()
    run = bench.rows(t.intent)[0]["run"]
    whole = [row for row in bench.rows(t.intent) if row["run"] == run]
    with bench.store.write() as tx:
        open_one = whole[0] | {"id": "open", "state": "unknown", "closed_at": None, "entity": "elsewhere"}
        tx.insert(t.intent, [open_one])
    bench.clock.advance(500 * DAY)
    clean(bench)
    left = bench.rows(t.intent)
    assert [row for row in left if row["id"] != "open"] == whole
    assert any(row["id"] == "open" for row in left)


def test_a_refused_create_is_not_forgotten_and_so_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def write(*_: object) -> None:
        raise RecordRefused("not that title", status=422, field="title")

    bench = Bench()
    monkeypatch.setattr(bench.services["b"], "write", write)
    bench.make("a", title="bad")
    bench.settle()
    sent = len(bench.sent("b"))
    bench.clock.advance(500 * DAY)
    with bench.store.write() as tx:  # even if a person has seen it and it counts as over
        tx.execute(sa.update(t.finding).values(state="resolved", closed_at="2020-01-01T00:00:00.000Z"))
        tx.execute(sa.update(t.entity).values(owing=True))
    clean(bench)
    assert [(row["kind"], row["state"]) for row in bench.rows(t.intent)] == [("create", "refused")]
    bench.settle()
    assert len(bench.sent("b")) == sent


def test_edits_that_were_not_told_yet_stay_in_the_audit() -> None:
    bench = lived_in()
    [middle] = [sorted(row["n"] for row in bench.rows(t.audit))[3]]
    with bench.store.write() as tx:
        tx.upsert(t.setting, [{"name": POSITION, "value": middle}])
    bench.clock.advance(500 * DAY)
    clean(bench, told=True)
    assert min(row["n"] for row in bench.rows(t.audit)) == middle + 1
    clean(bench)
    assert len(bench.rows(t.audit)) == 1


def test_an_accepted_match_cannot_be_parted_once_its_writes_are_no_longer_known() -> None:
    bench = lived_in()
    row: dict[str, Any] = {"sync": "tasks", "evidence": {}, "state": "accepted", "by": "Ann", "before": {"x": 1}}
    now = bench.ports.now()
    with bench.store.write() as tx:
        tx.insert(t.proposal, [row | {"id": "p", "entity": "x", "other": "y", "at": now}])
    bench.clock.advance(91 * DAY)
    with bench.store.write() as tx:
        tx.insert(t.proposal, [row | {"id": "q", "entity": "x", "other": "z", "at": bench.ports.now()}])
    clean(bench)
    assert {each["id"]: each["before"] for each in bench.rows(t.proposal)} == {"p": None, "q": {"x": 1}}


def test_it_goes_by_batches_and_another_worker_leaves_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    monkeypatch.setattr(retention, "SUPERSEDED", 3)
    bench = lived_in()
    bench.clock.advance(500 * DAY)
    lease = bench.store.acquire("retention", "another", 60)
    assert lease is not None
    assert clean(bench) == Swept(busy=True)
    bench.store.release(lease)
    clean(bench)
    assert (len(bench.rows(t.intent)), len(bench.rows(t.audit))) == (0, 1)
    places = [(row["side"], row["id"]) for row in bench.rows(t.change_log)]
    assert max(places.count(place) for place in places) == 2


class Forgetful(Simulation):
    """A history in which everything that may leave does so before and after each round."""

    def round(self) -> int:
        for _ in range(2):
            sweep(self.engine.ports, timedelta(), timedelta(days=4000), {"tasks": list(self.sync.sides)}, False)
        return super().round()


@pytest.mark.parametrize("seed", range(900_000, 900_012))
def test_no_history_breaks_a_promise_because_old_data_left(seed: int) -> None:
    simulation = Forgetful(draw(seed))
    simulation.run()
    # There are writes whose intents have left: that is what this is about.
    assert [each for each in violations(simulation) if not re.fullmatch(r"P4 \w+ of .* written down at .*", each)] == []
