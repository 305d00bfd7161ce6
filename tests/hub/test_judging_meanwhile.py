"""Handoffs are judged as they are at one moment, while others write to the store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from keepstep.engine import forget, told, waivers
from keepstep.engine.people import People
from keepstep.engine.snapshot import graph
from keepstep.hub import Hub
from keepstep.store import databases as kinds
from keepstep.store import tables as t
from tests.databases import Databases
from tests.hub.conftest import Company


@pytest.fixture
def colleague(company: Company, databases: Databases, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """Another worker; both are over a store that several can open. A deal is won in it, and nothing told of that."""
    # Who forgets somebody waits so long for those that read, and here the one who reads waits for that.
    monkeypatch.setattr(kinds, "PATIENCE", 1)
    url = databases.url()
    company.hub.close()
    company.hub = company.build(store=url)
    company.deal(Stage="Qualification")
    company.rounds(2)
    becomes(company, company.hub, "Closed Won")
    company.clock.advance(timedelta(days=30).total_seconds())
    return company.build(store=url)


def becomes(company: Company, hub: Hub, stage: str) -> None:
    """A person moves the deal on, and that is taken in."""
    (deal,) = company.cores["crm"].records("Deals")
    company.cores["crm"].edit("Anna", "Deals", deal, {"Stage": stage})
    company.clock.advance(300)
    hub.observe()
    assert not any(hub.engine.take_in(sync).busy for sync in hub.syncs())


def meanwhile(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> None:
    """Have that happen once, as the graph has been read."""
    left = [work]

    def read(*args: Any) -> Any:
        found = graph(*args)
        if left:
            left.pop()()
        return found

    monkeypatch.setattr(told, "graph", read)


def findings(company: Company) -> dict[str, dict[str, Any]]:
    """Key -> each finding that tells of an expectation."""
    with company.hub.store.read() as tx:
        rows = tx.all(sa.select(t.finding).where(t.finding.c.code.in_(waivers.WAIVABLE)))
    return {row["key"]: row for row in rows}


def test_what_is_waived_meanwhile_stays_so(company: Company, colleague: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    assert company.hub.judge()
    key, row = min(findings(company).items())
    assert row["state"] == "open"

    def waive() -> None:
        with colleague.store.write() as tx:
            waivers.waive(tx, colleague.ports, row, "Mei", "a small one", None)

    company.clock.advance(timedelta(hours=1).total_seconds())
    meanwhile(monkeypatch, waive)
    company.hub.judge()
    others = {each["state"] for other, each in findings(company).items() if other != key}
    assert (findings(company)[key]["state"], others) == ("waived", {"open"})
    company.hub.judge()
    assert findings(company)[key]["state"] == "waived"


def test_who_judged_an_earlier_moment_does_not_tell_after_who_judged_a_later_one(
    company: Company, colleague: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost_and_judged() -> None:
        becomes(company, colleague, "Closed Lost")
        assert colleague.judge() == []

    meanwhile(monkeypatch, lost_and_judged)
    assert company.hub.judge() == []
    assert findings(company) == {}


def test_what_moved_meanwhile_is_judged_in_the_next_round(
    company: Company, colleague: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(monkeypatch, lambda: becomes(company, colleague, "Closed Lost"))
    assert company.hub.judge()
    assert {each["state"] for each in findings(company).values()} == {"open"}
    company.hub.judge()
    assert {each["state"] for each in findings(company).values()} == {"resolved"}


def test_nobody_is_named_who_was_forgotten_meanwhile(
    company: Company, colleague: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def named() -> list[str]:
        return [str(each["params"]["owner"]) for each in findings(company).values()]

    with company.hub.store.read() as tx:
        people = People(tx)
        names = {people.name(id): id for id in people.known()}

    def forgotten() -> None:
        for name in names:
            for person in forget.known_people(colleague.ports, name):
                assert forget.forget(colleague.ports, name, person, [], "Mei").rows

    meanwhile(monkeypatch, forgotten)
    assert company.hub.judge() == []
    assert findings(company) == {}
    assert company.hub.judge()
    assert not names.keys() & set(named())
