"""Deals become epics for the first time: made in few requests, moved to their statuses in few more."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from connectors.sandbox.faults import ConnectionBroken, Fault
from connectors.zoho_crm.sandbox.modules import FieldDef, Pick
from keepstep.store import tables as t
from tests.hub.conftest import SYNCS, Company

BULK = "/rest/api/3/bulk/issues/transition"
COUNT = 12


class Linking:
    """Open deals on one side and an empty tracker on the other."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.crm: Any = company.cores["crm"]
        self.tracker: Any = company.cores["tracker"]
        words = {"Not begun": "todo", "Running": "doing", "Delivered": "done"}
        picks = [Pick(word, word) for word in words]
        self.crm.ledger.modules["Deals"]["Delivery"] = FieldDef("Delivery", "picklist", picks=picks, custom=True)
        company.settings["crm"] |= {"custom": {"Deals": {"status": "Delivery"}}, "values": {"status": words}}
        projects = SYNCS["projects"] | {"sides": ["crm.Deals", "tracker.epics"]}
        projects["create"] = {"tracker.epics": {"project": "ACME"}}
        company.only({"projects": projects})

    def deals(self, count: int = COUNT, delivery: str = "Delivered") -> list[str]:
        values = {"Stage": "Qualification", "Closing_Date": "2026-11-30", "Delivery": delivery}
        return [self.crm.create("Anna", "Deals", values | {"Deal_Name": f"Deal {n}"}) for n in range(count)]

    def statuses(self) -> list[str]:
        return sorted(epic["fields"]["status"]["name"] for epic in self.tracker.records("epics").values())

    def requests(self, path: str) -> int:
        return self.tracker.requests.count(f"POST {path}")

    def conflicts(self) -> int:
        with self.company.hub.store.read() as tx:
            return int(tx.scalar(sa.select(sa.func.count()).select_from(t.conflict)) or 0)

    def findings(self, code: str) -> list[dict[str, Any]]:
        with self.company.hub.store.read() as tx:
            return tx.all(sa.select(t.finding).where(t.finding.c.code == code, t.finding.c.closed_at.is_(None)))


@pytest.fixture
def linking(company: Company) -> Linking:
    return Linking(company)


def test_epics_reach_a_status_several_steps_away_in_one_request_a_step(linking: Linking) -> None:
    linking.deals()
    reports = linking.company.rounds(3)
    assert linking.statuses() == ["Done"] * COUNT
    assert (linking.requests("/rest/api/3/issue/bulk"), linking.requests(BULK)) == (1, 3)
    assert not any("/transitions" in line for line in linking.tracker.requests if line.startswith("POST"))
    assert linking.conflicts() == 0
    assert reports[-1].planned == 0
    assert {deal["Delivery"] for deal in linking.crm.records("Deals").values()} == {"Delivered"}


def test_epics_that_begin_where_they_shall_be_are_not_touched_again(linking: Linking) -> None:
    linking.deals(delivery="Not begun")
    linking.company.rounds(3)
    assert linking.statuses() == ["To Do"] * COUNT
    assert [entry.kind for entry in linking.tracker.truth.writes()] == ["create"] * COUNT


def test_a_status_that_a_person_sets_on_a_fresh_epic_is_asked_about_and_not_overwritten(linking: Linking) -> None:
    linking.deals()
    serve = linking.tracker.handle

    def quick(request: Any) -> Any:
        answer = serve(request)
        if request.path == "/rest/api/3/issue/bulk":
            first = min(linking.tracker.records("epics"), key=int)
            linking.tracker.edit("Bert", "epics", first, {"status": {"name": "In Progress"}})
        return answer

    linking.tracker.handle = quick
    linking.company.rounds(3)
    assert linking.statuses() == ["Done"] * (COUNT - 1) + ["In Progress"]
    assert len(linking.findings("conflict")) == 1


def test_an_epic_whose_status_is_refused_says_so_and_keeps_the_rest(linking: Linking) -> None:
    linking.deals()
    linking.tracker.require_on_transition("Done", "customfield_10016")
    linking.company.rounds(3)
    assert linking.statuses() == ["In Review"] * COUNT
    refused = linking.findings("record_refused")
    assert {row["params"]["field"] for row in refused} == {"customfield_10016"}
    assert len(refused) == COUNT


@pytest.mark.parametrize("kind", ["lost_after", "lost_before", "late", "broken_after", "rate_limited"])
def test_after_any_trouble_with_a_bulk_request_every_status_arrives(linking: Linking, kind: Any) -> None:
    linking.deals()
    linking.tracker.faults.switch_on(Fault(kind, match=f"POST {BULK}", times=1))
    linking.company.rounds(8)
    assert linking.statuses() == ["Done"] * COUNT
    assert linking.conflicts() == 0
    assert len(linking.tracker.records("epics")) == COUNT


def test_what_came_half_way_goes_on_from_there(linking: Linking) -> None:
    linking.deals()
    serve, sent = linking.tracker.handle, []

    def broken(request: Any) -> Any:
        if request.path == BULK:
            sent.append(request)
            if len(sent) == 2:
                raise ConnectionBroken("before the second step")
        return serve(request)

    linking.tracker.handle = broken
    linking.company.rounds(2)
    assert linking.statuses() == ["In Progress"] * COUNT
    linking.company.rounds(6)
    assert linking.statuses() == ["Done"] * COUNT
    assert linking.conflicts() == 0
    assert {deal["Delivery"] for deal in linking.crm.records("Deals").values()} == {"Delivered"}


def test_a_task_that_goes_on_unseen_is_waited_for_and_nothing_is_carried_back(linking: Linking) -> None:
    linking.deals()
    linking.company.rounds(1)
    linking.tracker.bulk_delay = 200.0
    linking.company.rounds(1)
    linking.tracker.bulk_delay = 0.5
    linking.company.rounds(8)
    assert linking.statuses() == ["Done"] * COUNT
    assert linking.conflicts() == 0
    assert {deal["Delivery"] for deal in linking.crm.records("Deals").values()} == {"Delivered"}


def test_statuses_that_cannot_be_set_at_once_stay_owed(linking: Linking) -> None:
    linking.deals()
    linking.company.rounds(1)
    linking.tracker.faults.switch_on(Fault("unavailable", match="POST .*/issue/bulkfetch", times=10))
    linking.company.rounds(1)
    linking.tracker.faults.clear()
    linking.company.rounds(8)
    assert linking.statuses() == ["Done"] * COUNT
    assert linking.conflicts() == 0
