"""What a plan says it will take, beside the requests that the stand-ins really served."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from keepstep.engine import guard
from keepstep.engine.forecast import FEW, LONG, SHORT, Forecast, forecast
from tests.hub.conftest import SYNCS, Company

MANY = 12


class Busy:
    """The company with a board beside the tracker, and people at work in all four systems."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.crm, self.tracker, self.board, self.files = (company.cores[name] for name in company.settings)
        board: Any = self.board
        place = board.create("Ada", "boards", {"name": "Work"})
        board.join(board.us, place)
        names = ("To Do", "Doing", "Done")
        self.lists = [board.create("Ada", "lists", {"name": name, "idBoard": place}) for name in names]
        for colour in ("red", "green", "blue"):
            board.create("Ada", "labels", {"name": f"{colour}-one", "color": colour, "idBoard": place})
        into = {"tracker.issues": {"project": "ACME"}, "board.cards": {"idList": self.lists[0]}}
        tasks = SYNCS["tasks"] | {"create": into, "deletes": "propagate"}
        self.hub = company.build(syncs=SYNCS | {"tasks": tasks})
        self.deals: list[str] = []

    def begin(self) -> None:
        for number in range(MANY):
            _, deal = self.company.deal(Deal_Name=f"Website {number}")
            self.deals.append(deal)
            about = {"module": {"api_name": "Deals"}, "id": deal}
            self.crm.create("Anna", "Notes", {"Note_Title": "[feedback] slow", "Note_Content": "!", "Parent_Id": about})
            issue = {"summary": f"Write {number}", "labels": ["red-one"], "status": {"name": "In Progress"}}
            self.tracker.create("Bert", "issues", issue)
            card = {"name": f"Draw {number}", "idList": self.lists[number % 3], "labels": ["green-one"]}
            self.board.create("Ada", "cards", card | {"checklists": {"add": [{"name": "a"}, {"name": "b"}]}})

    def edit_issues(self) -> None:
        for number, id in enumerate(sorted(self.tracker.records("issues"))):
            values = {"summary": f"Other {number}", "labels": ["blue-one", "red-one"], "status": {"name": "Done"}}
            self.tracker.edit("Bert", "issues", id, values)

    def edit_cards_and_epics(self) -> None:
        for number, id in enumerate(sorted(self.board.records("cards"))):
            self.board.edit("Ada", "cards", id, {"name": f"More {number}", "idList": self.lists[1]})
        for number, id in enumerate(sorted(self.tracker.records("epics"))):
            self.tracker.edit("Bert", "epics", id, {"summary": f"Epic {number}", "duedate": "2026-12-24"})

    def edit_deals(self) -> None:
        for number, deal in enumerate(self.deals):
            self.crm.edit("Anna", "Deals", deal, {"Deal_Name": f"Named {number}", "Closing_Date": "2026-12-27"})

    def delete_cards(self) -> None:
        for id in sorted(self.board.records("cards"))[:MANY]:
            self.board.delete("Ada", "cards", id)

    def planned(self) -> dict[str, Forecast]:
        """All syncs taken in and planned, as `keepstep plan` does it."""
        self.hub.observe()
        syncs = self.hub.syncs()
        for sync in syncs:
            self.hub.engine.take_in(sync)
        plans = {sync.name: self.hub.plan(sync.name) for sync in syncs}
        now = [(sync, plans[sync.name].operations) for sync in syncs]
        return forecast(self.hub.engine.world, now, [(sync, plans[sync.name].later) for sync in syncs])

    def applied(self) -> dict[str, int]:
        """Requests that each stand-in served while all of it was applied, a person letting through what is held."""
        before = {name: len(core.requests) for name, core in self.company.cores.items()}
        for sync in self.hub.syncs():
            self.hub.run(sync.name, "propose")
            with self.hub.store.write() as tx:
                guard.let_through(tx, self.hub.ports, sync.name, "Paula")
            self.hub.run(sync.name)
        return {name: len(core.requests) - before[name] for name, core in self.company.cores.items()}


def test_a_plan_tells_the_requests_that_applying_it_takes(company: Company) -> None:
    busy = Busy(company)
    steps: list[Callable[[], None]] = [
        busy.begin,
        busy.edit_issues,
        busy.edit_cards_and_epics,
        busy.edit_deals,
        busy.delete_cards,
    ]
    worked: set[str] = set()
    for step in steps:
        step()
        company.clock.advance(300)
        told = busy.planned()
        took = busy.applied()
        assert sum(took.values()) > 0, step.__name__
        for name, each in told.items():
            about = (step.__name__, name, each, took[name])
            assert took[name] <= (each.read + each.write) * (1 + SHORT) + FEW, about
            assert each.read + each.write <= took[name] * (1 + LONG) + FEW, about
            worked |= {name} if took[name] > MANY else set()
    assert worked == {"crm", "tracker", "board", "files"}


def test_looking_and_signing_in_are_told_as_they_are(company: Company) -> None:
    company.deal()
    before = {name: len(core.requests) for name, core in company.cores.items()}
    world = company.hub.engine.world
    signing = {name: len(core.requests) - before[name] for name, core in company.cores.items()}
    company.rounds(6)
    company.clock.advance(600)
    told = forecast(world, [(sync, []) for sync in company.hub.syncs()], [])
    before = {name: len(core.requests) for name, core in company.cores.items()}
    company.hub.observe()
    looking = {name: len(core.requests) - before[name] for name, core in company.cores.items()}
    assert {name: each.look for name, each in told.items()} == looking
    for name, each in told.items():
        assert (each.sign_in, each.read, each.write) == (signing[name], 0, 0)
        assert each.calls == signing[name] + looking[name]


def test_what_it_takes_is_told_as_a_share_of_what_is_allowed(company: Company) -> None:
    told = forecast(company.hub.engine.world, [(sync, []) for sync in company.hub.syncs()], [])
    quotas = {name: each.quota and (each.quota.unit, each.quota.amount) for name, each in told.items()}
    assert quotas == {
        "crm": ("credits", company.cores["crm"].credits),  # type: ignore[attr-defined]
        "tracker": None,
        "board": ("requests", 100),
        "files": ("requests", 12_000),
    }
    looked_for_deletes = 3  # in each of the modules that are used, and of these requests each is two credits
    assert told["crm"].share == pytest.approx((told["crm"].calls + looked_for_deletes) / 60_000)
    assert told["tracker"].share is None
