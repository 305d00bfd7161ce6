"""Writes that the CRM compares with the version we saw: a history is asked for only where it can tell something."""

from __future__ import annotations

from typing import Any

import pytest

from tests.hub.conftest import SYNCS, Company

COUNT = 5


class Pairs:
    """Deals and epics that were linked long ago."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.crm: Any = company.cores["crm"]
        self.tracker: Any = company.cores["tracker"]
        projects = SYNCS["projects"] | {"sides": ["crm.Deals", "tracker.epics"]}
        projects["create"] = {"tracker.epics": {"project": "ACME"}}
        company.only({"projects": projects})
        values = {"Stage": "Qualification", "Closing_Date": "2026-11-30"}
        for number in range(COUNT):
            self.crm.create("Anna", "Deals", values | {"Deal_Name": f"Deal {number}"})
        company.rounds(3)

    def rename(self) -> None:
        for id in self.tracker.records("epics"):
            self.tracker.edit("Bert", "epics", id, {"summary": f"Epic {id}"})
        self.company.clock.advance(10)

    def names(self) -> tuple[list[str], list[str]]:
        deals = sorted(deal["Deal_Name"] for deal in self.crm.records("Deals").values())
        return deals, sorted(epic["fields"]["summary"] for epic in self.tracker.records("epics").values())

    def timelines(self) -> int:
        return sum("__timeline" in line for line in self.crm.requests)


@pytest.fixture
def pairs(company: Company) -> Pairs:
    return Pairs(company)


def test_what_stands_there_as_it_was_sent_needs_no_history(pairs: Pairs) -> None:
    pairs.rename()
    before = pairs.timelines()
    pairs.company.rounds(2)
    deals, epics = pairs.names()
    assert deals == epics
    assert deals[0].startswith("Epic ")
    assert pairs.timelines() == before


def test_a_record_that_was_edited_a_moment_ago_is_asked_for_its_history(pairs: Pairs) -> None:
    pairs.rename()
    fresh = min(pairs.crm.records("Deals"))
    pairs.crm.edit("Anna", "Deals", fresh, {"Closing_Date": "2026-12-24"})
    before = pairs.timelines()
    pairs.company.rounds(1)
    assert pairs.timelines() - before == 1
    assert any(fresh in line for line in pairs.crm.requests if "__timeline" in line)


def test_an_edit_in_the_second_of_our_write_is_not_taken_for_ours(pairs: Pairs) -> None:
    pairs.rename()
    chosen = min(pairs.crm.records("Deals"))
    serve = pairs.crm.handle

    def quick(request: Any) -> Any:
        answer = serve(request)
        if request.method == "PUT" and chosen in request.path + request.body.decode():
            pairs.crm.edit("Anna", "Deals", chosen, {"Deal_Name": "Anna was quicker"})
        return answer

    pairs.crm.handle = quick
    pairs.company.rounds(1)
    pairs.crm.handle = serve
    pairs.company.rounds(3)
    deals, epics = pairs.names()
    assert "Anna was quicker" in deals
    assert deals == epics
