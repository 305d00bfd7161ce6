"""One tick, without Prefect."""

from __future__ import annotations

from pathlib import Path

from connectors.memory_service import STREAM
from pipelines import hubs, rounds
from tests.pipelines.conftest import Company


def test_a_tick_does_what_a_round_does(tmp_path: Path) -> None:
    outcomes = []
    for way in ("tick", "round"):
        (tmp_path / way).mkdir()
        company = Company(tmp_path / way)
        company.write()
        company.service("one").create("Ada", STREAM, {"title": "Plan the kickoff"})
        company.service("two").create("Bo", STREAM, {"title": "Order the cake"})
        hub = company.keeper().hub()
        work = rounds.tick if way == "tick" else lambda hub: hub.round()
        work(hub)
        company.approve(hub)
        company.clock.advance(60)
        work(hub)
        requests = {name: service.requests for name, service in company.services.items()}
        outcomes.append((company.titles("one"), company.titles("two"), requests))
        hub.close()
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][0] == outcomes[0][1] == ["Order the cake", "Plan the kickoff"]


def test_the_first_plan_is_held_and_says_so(company: Company, keeper: hubs.Keeper) -> None:
    done = rounds.tick(keeper.hub())
    assert rounds.summary(done, "en") == "1 record changed; waiting for approval: tasks; 1 new finding"
    assert "等待批准：tasks" in rounds.summary(done, "zh-CN")
    assert done.eventful
    assert company.titles("two") == []


def test_a_tick_without_news_has_nothing_to_tell(company: Company, keeper: hubs.Keeper) -> None:
    hub = keeper.hub()
    rounds.tick(hub)
    company.approve(hub)
    company.clock.advance(60)
    written = rounds.tick(hub)
    assert written.written == 1
    assert written.closed == 1  # the hold is over
    company.clock.advance(60)
    rounds.tick(hub)  # our own write comes back
    company.clock.advance(60)
    quiet = rounds.tick(hub)
    assert not quiet.eventful
    assert rounds.summary(quiet, "en") == "nothing new"
    assert quiet.stale == {"tasks": None}


def test_what_waits_has_an_age(company: Company, keeper: hubs.Keeper) -> None:
    hub = keeper.hub()
    rounds.tick(hub)
    company.approve(hub)
    company.clock.advance(60)
    rounds.tick(hub)
    assert rounds.waiting(hub) == {"tasks": None}
    company.service("one").create("Ada", STREAM, {"title": "Seen, not carried over"})
    rounds.look(hub, None, "one")
    company.clock.advance(240)
    age = rounds.waiting(hub)["tasks"]
    assert age is not None
    assert age >= 240


def test_feeds_are_looked_at_by_connection(company: Company, keeper: hubs.Keeper) -> None:
    hub = keeper.hub()
    assert rounds.feed_groups(hub, None) == ["one", "two"]
    seen = rounds.look(hub, ["tasks"], "one")
    assert [each.feed.partition("/")[0] for each in seen] == ["one"]
    assert company.services["two"].requests == []


def test_a_connection_that_is_down_is_named_and_stops_no_other(company: Company, keeper: hubs.Keeper) -> None:
    company.refused.add("two")
    done = rounds.tick(keeper.hub())
    assert done.down == ["two"]
    assert "no answer from two" in rounds.summary(done, "en")


def test_a_conflict_that_opens_while_taking_in_is_news(company: Company, keeper: hubs.Keeper) -> None:
    hub = keeper.hub()
    rounds.tick(hub)
    company.approve(hub)
    for _ in range(2):
        company.clock.advance(60)
        rounds.tick(hub)
    [one], [two] = (list(company.services[name].records(STREAM)) for name in ("one", "two"))
    company.services["one"].edit("Ada", STREAM, one, {"title": "Plan the kickoff well"})
    company.services["two"].edit("Bo", STREAM, two, {"title": "Plan the kick-off"})
    company.clock.advance(60)
    done = rounds.tick(hub)
    assert [finding.code for finding in done.fresh] == ["conflict"]
    assert rounds.summary(done, "en") == "2 records changed; 1 new finding"
