"""A ceiling for a connection's requests: counted, shared, kept by waiting, and told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Quota
from connectors.memory_service import Traits
from connectors.sandbox.clock import START
from keepstep.engine import budget
from keepstep.engine.budget import BURST, DAY, FAIR, RESERVE, Bucket, Meter, Room, ceiling
from keepstep.engine.observe import LATE
from keepstep.store import tables as t
from keepstep.testing.worlds import Bench, fresh_store

HOUR = 3600.0


@pytest.mark.parametrize(
    ("share", "calls", "quota", "most"),
    [
        pytest.param(None, None, None, None, id="no quota, nothing said"),
        pytest.param(None, None, Quota(unit="credits", amount=60_000, seconds=DAY), 15_000, id="a quarter of a day's"),
        pytest.param(0.5, None, Quota(unit="credits", amount=60_000, seconds=DAY), 30_000, id="a part"),
        pytest.param(None, 700, Quota(unit="credits", amount=60_000, seconds=DAY), 700, id="a number"),
        pytest.param(None, 700, None, 700, id="a number, and no quota"),
        pytest.param(0.5, None, Quota(unit="requests", amount=100, seconds=10.0), None, id="a pace has no day"),
        pytest.param(None, None, Quota(unit="credits", amount=70_000, seconds=7 * DAY), 2_500, id="a week's"),
    ],
)
def test_a_ceiling_is_as_configured_or_a_quarter_of_a_days_quota(
    share: float | None, calls: int | None, quota: Quota | None, most: int | None
) -> None:
    assert ceiling(share, calls, quota) == most


@given(st.lists(st.tuples(st.floats(0, 2 * HOUR), st.integers(1, 400)), max_size=60), st.integers(100, 5_000))
def test_no_day_wherever_it_begins_sees_more_than_the_ceiling(wishes: list[tuple[float, int]], most: int) -> None:
    bucket, passed = Bucket(most, most * BURST, START), 0.0
    spent: list[tuple[float, int]] = []
    for wait, wanted in wishes:
        passed += wait
        bucket = bucket.later(START + timedelta(seconds=passed))
        taken = min(wanted, max(0, int(bucket.left)))
        bucket = bucket.taken(taken)
        spent.append((passed, taken))
    for begun, _ in spent:
        assert sum(taken for at, taken in spent if begun <= at < begun + DAY) <= most
        assert sum(taken for at, taken in spent if begun <= at < begun + HOUR) <= most * 0.3


def test_a_clock_set_back_gives_nothing_and_a_new_ceiling_forgives_nothing() -> None:
    bucket = Bucket(1_000, 10.0, START)
    assert bucket.later(START - timedelta(days=2)).left == 10.0
    assert bucket.under(4_000).left == 10.0
    assert Bucket(4_000, 900.0, START).under(1_000).left == 250.0


def test_what_people_did_may_draw_deepest_and_who_spent_most_leaves_most() -> None:
    bucket = Bucket(1_000, 250.0, START)
    assert bucket.floor("edits", 0.0) < bucket.floor("look", 0.0) < bucket.floor("backfill", 0.0)
    assert bucket.floor("edits", 0.2) < bucket.floor("edits", 0.8)
    assert max(RESERVE.values()) + FAIR < 1  # nobody is kept out of a full bucket


def test_work_that_is_larger_than_any_room_goes_ahead_when_nothing_more_comes() -> None:
    assert Room(10, 50).fits(10)
    assert not Room(10, 50).fits(11)
    assert Room(50, 50).fits(400)
    assert not Room(-3, 50).fits(1)


def counted(bench: Bench) -> dict[str, int]:
    with bench.store.read() as tx:
        return budget.spent_on(tx, budget.day_of(bench.clock.now()))


def test_requests_are_counted_by_connection_and_day_whatever_restarts() -> None:
    bench = Bench(ceilings={"a": 50_000})
    begun = len(bench.services["a"].requests)
    bench.make("a", title="one")
    bench.settle()
    bench.restart()
    bench.make("b", title="two")
    bench.settle()
    assert counted(bench) == {"a": len(bench.services["a"].requests) - begun}
    bench.clock.advance(DAY)
    assert counted(bench) == {}
    bench.round()
    assert set(counted(bench)) == {"a"}


def test_what_is_written_down_survives_a_kill() -> None:
    bench = Bench(Traits(page=2), Traits(), ceilings={"a": 50_000})
    for number in range(10):
        bench.make("a", title=f"t{number}")
    begun = len(bench.services["a"].requests)
    assert bench.kill_at("observe.page.stored", after=3, work=bench.look)
    assert counted(bench) == {"a": 3} == {"a": len(bench.services["a"].requests) - begun}


def test_two_processes_share_one_count() -> None:
    bench = Bench(ceilings={"a": 1_000})
    sent = {"one": 0, "two": 0}
    meters = [Meter("a", 1_000, lambda name=name: sent[name]) for name in sent]
    sent["one"], sent["two"] = 100, 120
    with bench.store.write() as tx:
        for meter in meters:
            meter.book(tx, bench.clock.now(), "tasks")
    with bench.store.read() as tx:
        rooms = [meter.room(tx, bench.clock.now(), "edits", "other") for meter in meters]
    assert [room.calls for room in rooms] == [30.0, 30.0]
    sent["one"] += 30  # not written down yet, and counted all the same
    with bench.store.read() as tx:
        assert [meter.room(tx, bench.clock.now(), "edits", "other").calls for meter in meters] == [0.0, 30.0]


def test_without_a_ceiling_nothing_is_written_down() -> None:
    bench = Bench()
    bench.make("a", title="one")
    bench.settle()
    assert bench.rows(t.allowance) == bench.rows(t.spending) == []


def test_a_large_first_reading_spends_no_days_budget_in_an_hour_and_ends_all_the_same() -> None:
    bench = Bench(Traits(page=2), Traits(), ceilings={"a": 400})
    for number in range(240):  # 120 pages
        bench.make("a", title=f"t{number}")
    first = bench.services["a"]
    before = len(first.requests)
    for _ in range(12):
        bench.clock.advance(HOUR / 12)
        bench.look()
    in_an_hour = len(first.requests) - before
    assert 10 < in_an_hour < 400 * 0.3
    assert "budget_held" in bench.open_findings()
    for _ in range(24 * 4):
        bench.clock.advance(HOUR / 4)
        bench.look()
    assert bench.rows(t.feed, t.feed.c.name == "a/items")[0]["crawled"]
    assert len(bench.rows(t.record, t.record.c.side == "a.items")) == 240
    assert bench.findings()["budget_held"] == "resolved"
    assert len(first.requests) - before < 400


def drained(bench: Bench, name: str, left: float) -> None:
    """As if others had spent what there was, but for so much."""
    with bench.store.write() as tx:
        tx.execute(t.allowance.update().where(t.allowance.c.connection == name).values(left=left, at=bench.ports.now()))


def test_looking_is_stretched_without_a_word_and_told_when_it_takes_long() -> None:
    bench = Bench(ceilings={"a": 2_000})
    bench.make("a", title="one")
    bench.settle()
    drained(bench, "a", 0.0)
    looked = bench.engine.observe([bench.sync])
    assert [each.held for each in looked] == [True, False]
    assert bench.open_findings() == []
    bench.clock.advance(LATE.total_seconds() + 60)
    drained(bench, "a", 0.0)
    bench.look()
    assert bench.open_findings() == ["budget_held"]
    bench.clock.advance(8 * HOUR)
    assert not any(each.held for each in bench.engine.observe([bench.sync]))
    assert bench.open_findings() == []


def test_writes_that_do_not_fit_wait_and_are_made_later() -> None:
    bench = Bench(ceilings={"b": 2_000})
    bench.settle()
    for number in range(40):
        bench.make("a", title=f"t{number}")
    bench.look()
    bench.engine.run(bench.sync, "propose")
    bench.let_through()
    drained(bench, "b", 12.0)
    report = bench.engine.run(bench.sync)
    assert 0 < report.applied.done <= 12
    assert report.applied.done + report.applied.put_off >= 40
    assert [finding.code for finding in report.fresh] == ["budget_held"]
    (told,) = bench.rows(t.finding, t.finding.c.code == "budget_held")
    assert (told["params"]["what"], told["params"]["ceiling"]) == ("b.items", 2_000)
    for _ in range(8):
        bench.round(wait=HOUR)
    assert len(bench.shown("b")) == 40
    assert bench.open_findings() == []


def test_what_people_did_goes_before_what_comes_of_the_first_linking() -> None:
    bench = Bench(ceilings={"b": 2_000}, match=("title",))
    for number in range(30):
        bench.make("a", title=f"old {number}")
    bench.make("a", title="linked")
    bench.make("b", title="linked")
    bench.look()
    bench.engine.run(bench.sync, "propose")
    bench.let_through()
    bench.edit("a", bench.only_titled("a", "linked"), notes="decided")
    bench.clock.advance(60)
    bench.look()
    drained(bench, "b", 500 * RESERVE["backfill"])  # nothing for the first linking, half a bucket for people
    report = bench.engine.run(bench.sync)
    assert report.applied.done == 1
    assert [each for each in bench.shown("b") if each.get("notes")] == [{"title": "linked", "notes": "decided"}]
    assert len(bench.shown("b")) == 1


def test_a_busy_sync_leaves_others_of_the_connection_their_part() -> None:
    store = fresh_store(Bench().clock)
    sent = {"calls": 0}
    meter = Meter("a", 1_000, lambda: sent["calls"])
    now, done = START, {"busy": 0, "small": 0}

    def work(name: str, wanted: int) -> None:
        with store.write() as tx:
            room = meter.room(tx, now, "edits", name)
            calls = min(wanted, max(0, int(room.calls)))
            sent["calls"] += calls
            done[name] += calls
            meter.book(tx, now, name)

    for _ in range(24 * 12):
        now += timedelta(minutes=5)
        work("busy", 500)  # always first, and never satisfied
        work("small", 1)
    assert done["small"] == 24 * 12
    assert 400 < done["busy"] <= 1_000


def test_a_part_of_an_allowance_that_no_service_states_is_told_until_it_is_another() -> None:
    bench = Bench()
    day, pace = Quota(unit="credits", amount=9, seconds=DAY), Quota(unit="requests", amount=9, seconds=10.0)
    quotas = {"none": None, "pace": Quota(unit="slots", amount=9, seconds=10.0), "requests": pace, "day": day}

    def told(shares: dict[str, float | None]) -> list[str]:
        with bench.store.write() as tx:
            budget.tell_unmeasured(tx, bench.ports, quotas, shares)
            rows = tx.all(t.finding.select().where(t.finding.c.state == "open").order_by(t.finding.c.key))
        return [row["params"]["connection"] for row in rows]

    assert told(dict.fromkeys(quotas, 0.5)) == ["none", "pace"]
    assert told({"none": None, "pace": 0.5}) == ["pace"]
    assert told({}) == []
