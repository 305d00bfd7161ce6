"""Looking at feeds: what is stored, what is not believed, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from connectors.base import Page, Record, Unreadable
from connectors.errors import CursorLost, Transient
from connectors.memory_service import STREAM, Traits
from connectors.sandbox.faults import Fault
from keepstep.engine.intake import store_records
from keepstep.store import tables as t
from keepstep.testing.worlds import MINUTE, PAST_DOUBT, Bench

pytestmark = pytest.mark.usefixtures("benches")

HOUR = 3600.0


def test_the_cursor_is_stored_with_its_page_and_the_next_look_goes_on_there() -> None:
    bench = Bench(Traits(page=2), Traits())
    for title in "abcde":
        bench.make("a", title=title)
    assert bench.kill_at("observe.page.storing", after=2, work=bench.look)
    (feed,) = bench.rows(t.feed, t.feed.c.name == "a/items")
    assert (feed["cursor"], feed["crawled"]) == ("2", False)
    assert len(bench.rows(t.record, t.record.c.side == "a.items")) == 2
    bench.clock.advance(PAST_DOUBT)  # the dead worker's lease must end first
    bench.look()
    assert len(bench.rows(t.record, t.record.c.side == "a.items")) == 5
    assert bench.rows(t.feed, t.feed.c.name == "a/items")[0]["crawled"] is True


def test_our_own_write_coming_back_costs_nothing_more() -> None:
    bench = Bench()
    bench.make("a", title="x")
    bench.settle()
    before = bench.rows(t.change_log)
    bench.look()
    assert bench.rows(t.change_log) == before


def test_an_older_look_at_a_record_is_ignored() -> None:
    bench = Bench()
    id = bench.make("a", title="new")
    bench.look()
    connection = bench.world.connections["a"]
    stale = Record(stream=STREAM, id=id, version="000000000000", payload={"title": "old"})
    with bench.store.write() as tx:
        assert store_records(tx, bench.ports, bench.world, connection, [stale]) == (0, [stale])
    (held,) = bench.rows(t.record, t.record.c.side == "a.items")
    assert held["shown"]["title"] == "new"


def test_a_tombstone_is_believed_only_after_a_look_by_id() -> None:
    bench = Bench()
    id = bench.make("a", title="x")
    bench.settle()
    service = bench.services["a"]
    service.delete("Ada", STREAM, id)
    service.restore("Ada", STREAM, id)
    connector = bench.world.connections["a"].connector
    (page,) = connector.pull(STREAM, "0")
    grave = Record(stream=STREAM, id=id, version="000000000009", deleted=True)
    page = type(page)(records=[grave], cursor=page.cursor, last=True)
    connector.pull = lambda feed, cursor=None: iter([page])  # type: ignore[method-assign,attr-defined]
    asked = service.requests.count("get")
    bench.look()
    assert service.requests.count("get") == asked + 1
    (held,) = bench.rows(t.record, t.record.c.side == "a.items")
    assert held["deleted"] is False


def test_a_record_deleted_without_a_word_is_gone_after_two_listings_and_a_404() -> None:
    bench = Bench(Traits(deletes=False), Traits())
    gone = bench.make("a", title="x")
    bench.make("a", title="y")
    bench.settle()
    bench.services["a"].delete("Ada", STREAM, gone)
    bench.round(7 * HOUR)
    (held,) = bench.rows(t.record, t.record.c.side == "a.items", t.record.c.id == gone)
    assert (held["missed"], held["deleted"]) == (1, False)
    assert bench.open_findings() == []
    bench.round(11 * MINUTE)
    (held,) = bench.rows(t.record, t.record.c.side == "a.items", t.record.c.id == gone)
    assert held["deleted"] is True
    assert bench.open_findings() == ["gone"]
    assert len(bench.shown("b")) == 2


def test_a_listing_that_forgets_a_record_twice_does_not_delete_what_is_there_by_id() -> None:
    bench = Bench(Traits(deletes=False), Traits())
    bench.make("a", title="x")
    bench.settle()
    connector = bench.world.connections["a"].connector
    connector.ids = lambda stream: iter([[]])  # type: ignore[method-assign]
    bench.round(7 * HOUR)
    bench.round(11 * MINUTE)
    (held,) = bench.rows(t.record, t.record.c.side == "a.items")
    assert (held["missed"], held["deleted"]) == (0, False)


def test_a_listing_that_broke_off_is_begun_anew() -> None:
    bench = Bench(Traits(deletes=False), Traits())
    gone = bench.make("a", title="x")
    bench.settle()
    connector = bench.world.connections["a"].connector
    whole = connector.ids

    def broken(stream: str) -> Iterator[list[str]]:
        yield [gone]
        raise Transient("a/items: no answer")

    connector.ids = broken  # type: ignore[method-assign]
    bench.round(7 * HOUR)
    assert bench.open_findings() == ["connection_failed"]
    bench.services["a"].delete("Ada", STREAM, gone)
    connector.ids = whole  # type: ignore[method-assign]
    bench.round()
    (held,) = bench.rows(t.record, t.record.c.side == "a.items")
    assert (held["missed"], held["deleted"]) == (1, False)
    assert bench.rows(t.listed) == []


def test_a_feed_that_fails_is_a_finding_and_the_others_go_on() -> None:
    bench = Bench()
    bench.make("b", title="x")
    bench.services["a"].faults.switch_on(Fault("unavailable"))
    bench.look()
    assert bench.open_findings() == ["connection_failed"]
    assert len(bench.rows(t.record)) == 1
    (feed,) = bench.rows(t.feed, t.feed.c.name == "a/items")
    assert feed["failed"]["error"] == "Transient"
    bench.services["a"].faults.clear()
    bench.look()
    assert bench.findings() == {"connection_failed": "resolved"}
    assert bench.rows(t.feed, t.feed.c.name == "a/items")[0]["failed"] is None


def test_nothing_is_matched_before_every_side_was_crawled_once() -> None:
    bench = Bench()
    bench.make("a", title="x")
    bench.services["b"].faults.switch_on(Fault("unavailable"))
    report = bench.round()
    assert report.matched.waiting == "b/items"
    assert bench.rows(t.entity) == []


def test_a_lost_cursor_is_a_new_crawl_and_never_a_delete() -> None:
    bench = Bench()
    bench.make("a", title="x")
    bench.settle()
    connector = bench.world.connections["a"].connector
    right = connector.pull

    def lost(feed: str, cursor: str | None = None) -> object:
        if cursor is not None:
            raise CursorLost("410")
        return right(feed, None)

    connector.pull = lost  # type: ignore[method-assign,assignment]
    bench.look()
    assert bench.rows(t.feed, t.feed.c.name == "a/items")[0]["cursor"] is None
    bench.look()
    assert bench.rows(t.record, t.record.c.deleted.is_(True)) == []
    assert bench.findings()["connection_failed"] == "resolved"


def test_two_workers_do_not_look_at_one_feed_at_once() -> None:
    bench = Bench()
    lease = bench.store.acquire("feed:a/items", "another", 60)
    assert lease is not None
    seen = {each.feed: each.busy for each in bench.engine.observe([bench.sync])}
    assert seen == {"a/items": True, "b/items": False}


@pytest.mark.parametrize("count", [10, 300])
def test_when_nothing_changed_a_round_costs_what_the_feeds_declare(count: int) -> None:
    bench = Bench(Traits(page=500), Traits(page=500), Traits(page=500))
    for number in range(count):
        for name in bench.services:
            bench.make(name, title=f"title {number}")
    bench.sync = type(bench.sync)(**{f: getattr(bench.sync, f) for f in bench.sync.__slots__} | {"match": ("title",)})
    bench.settle()
    assert len(bench.rows(t.link)) == 3 * count
    before, wrote = bench.requests(), bench.writes()
    declared = sum(feed.cost for c in bench.world.connections.values() for feed in c.description.feeds)
    bench.round()
    assert bench.requests() - before == declared
    assert bench.writes() == wrote


def test_a_record_of_which_nothing_can_be_made_is_told_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    bench.make("a", title="x")
    connector = bench.world.connections["a"].connector
    pull = connector.pull
    odd = [Unreadable(stream=STREAM, id="7", why="no `title`"), Unreadable(stream=STREAM, id=None, why="no `id`")]

    def pulled(feed: str, cursor: str | None = None) -> Iterator[Page]:
        yield from (msgspec.structs.replace(page, unreadable=odd) for page in pull(feed, cursor))

    monkeypatch.setattr(connector, "pull", pulled)
    bench.look()
    bench.look()
    assert [row["shown"]["title"] for row in bench.rows(t.record, t.record.c.side == "a.items")] == ["x"]
    told = bench.rows(t.finding)
    assert sorted((row["code"], row["params"]["record"] or "", row["params"]["reason"]) for row in told) == [
        ("record_unreadable", "", "no `id`"),
        ("record_unreadable", "7", "no `title`"),
    ]
    assert {row["params"]["side"] for row in told} == {"a.items"}
    monkeypatch.undo()
    readable = Record(stream=STREAM, id="7", version="000000000009", payload={"title": "mended"})
    with bench.store.write() as tx:
        store_records(tx, bench.ports, bench.world, bench.world.connections["a"], [readable])
    states = {row["params"]["record"]: row["state"] for row in bench.rows(t.finding)}
    assert states == {"7": "resolved", None: "open"}
