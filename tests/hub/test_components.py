"""Jira's components and versions, kept in step with a multi-select of the CRM and with another Jira's labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.sandbox.faults import Fault
from connectors.zoho_crm.sandbox.modules import FieldDef, Pick
from keepstep.store import tables as t
from tests.hub.conftest import SYNCS, Company

NAMES = ("Cables", "Docks", "Power", "Ropes")


def named(*names: str) -> list[dict[str, str]]:
    return [{"name": name} for name in names]


class Areas:
    """A deal with a multi-select and its epic, of which components or versions are the same."""

    def __init__(self, company: Company, field: str) -> None:
        self.company, self.field = company, field
        self.crm: Any = company.cores["crm"]
        self.tracker: Any = company.cores["tracker"]
        picks = [Pick(name, name) for name in NAMES]
        self.crm.ledger.modules["Deals"]["Areas"] = FieldDef("Areas", "multiselectpicklist", picks=picks, custom=True)
        stream = "components" if field == "components" else "versions"
        self.ids = {name: self.tracker.create("Bo", stream, {"name": name}) for name in NAMES[:3]}
        projects = SYNCS["projects"] | {"sides": ["crm.Deals", "tracker.epics"]}
        projects["create"] = {"tracker.epics": {"project": "ACME"}}
        company.only(
            {"projects": projects},
            fields={"project": {"areas": "set"}},
            connections={
                "crm": company.settings["crm"] | {"custom": {"Deals": {"areas": "Areas"}}},
                "tracker": company.settings["tracker"] | {"custom": {"epics": {"areas": field}}},
            },
        )
        _, self.deal = company.deal(Areas=["Cables", "Docks"])
        company.rounds(3)
        [self.epic] = self.tracker.records("epics")

    def shown(self) -> tuple[list[str], list[str]]:
        epic = self.tracker.records("epics")[self.epic]["fields"][self.field]
        return sorted(self.crm.records("Deals")[self.deal]["Areas"] or ()), sorted(each["name"] for each in epic)

    def in_crm(self, *names: str) -> None:
        self.crm.edit("Anna", "Deals", self.deal, {"Areas": list(names)})

    def in_jira(self, *names: str) -> None:
        self.tracker.edit("Bo", "epics", self.epic, {self.field: named(*names)})

    def at_the_edit(self, before: Callable[[], None] = lambda: None, after: Callable[[], None] = lambda: None) -> None:
        """What people do directly before and after the hub's next edit of the epic."""
        serve = self.tracker.handle

        def handle(request: Any) -> Any:
            if request.method != "PUT" or not request.path.endswith(f"/issue/{self.epic}"):
                return serve(request)
            self.tracker.handle = serve
            before()
            answer = serve(request)
            after()
            return answer

        self.tracker.handle = handle

    def findings(self) -> dict[str, dict[str, Any]]:
        with self.company.hub.store.read() as tx:
            rows = tx.all(sa.select(t.finding.c.code, t.finding.c.params).where(t.finding.c.state == "open"))
        return {row["code"]: row["params"] for row in rows}


@pytest.fixture(params=["components", "fixVersions", "versions"])
def areas(company: Company, request: pytest.FixtureRequest) -> Areas:
    return Areas(company, request.param)


def test_they_come_with_a_create_and_an_edit_on_either_side_reaches_the_other(areas: Areas) -> None:
    assert areas.shown() == (["Cables", "Docks"], ["Cables", "Docks"])
    areas.in_jira("Docks", "Power")
    areas.company.rounds(2)
    assert areas.shown() == (["Docks", "Power"], ["Docks", "Power"])
    areas.in_crm("Cables")
    areas.company.rounds(2)
    assert areas.shown() == (["Cables"], ["Cables"])
    areas.in_jira()
    areas.company.rounds(2)
    assert areas.shown() == ([], [])
    areas.company.quiet()
    assert areas.findings() == {}


def test_an_edit_between_our_look_and_our_write_is_asked_about(areas: Areas) -> None:
    areas.in_crm("Cables")
    areas.at_the_edit(before=lambda: areas.in_jira("Docks", "Power"))
    areas.company.rounds(1)
    assert areas.shown() == (["Cables"], ["Cables"])
    told = areas.findings()["conflict"]
    assert told["field"] == "areas"
    candidates = [(each["value"], each["by"]) for each in told["candidates"]]
    assert candidates == [(["Cables"], "crm.Deals"), (["Docks", "Power"], "Bo")]


def test_an_edit_directly_after_our_write_flows(areas: Areas) -> None:
    areas.in_crm("Cables")
    areas.at_the_edit(after=lambda: areas.in_jira("Cables", "Power"))
    areas.company.rounds(3)
    assert areas.shown() == (["Cables", "Power"], ["Cables", "Power"])
    assert areas.findings() == {}
    areas.company.quiet()


@pytest.mark.parametrize("trouble", ["lost_after", "lost_before"])
def test_a_write_whose_answer_is_lost_happens_once_and_is_no_edit_of_jiras(areas: Areas, trouble: str) -> None:
    areas.in_crm("Cables", "Power")
    areas.tracker.faults.switch_on(Fault(trouble, "PUT /rest/api/3/issue/*", times=1))
    areas.company.rounds(1)
    areas.in_jira(*areas.shown()[1], "Docks")
    areas.company.rounds(3)
    assert areas.shown()[0] == areas.shown()[1]
    assert {"Cables", "Power"} <= set(areas.shown()[0])
    assert areas.findings() == {}
    areas.company.quiet()


def test_edits_on_both_sides_come_together(areas: Areas) -> None:
    areas.in_crm("Cables")
    areas.in_jira("Cables", "Docks", "Power")
    areas.company.rounds(2)
    assert areas.shown() == (["Cables", "Power"], ["Cables", "Power"])
    assert areas.findings() == {}


def test_a_name_that_jira_lacks_is_told_and_the_rest_goes_on(areas: Areas) -> None:
    areas.crm.edit("Anna", "Deals", areas.deal, {"Areas": ["Cables", "Ropes"], "Deal_Name": "Shop"})
    areas.company.rounds(3)
    assert areas.shown() == (["Cables", "Ropes"], ["Cables", "Docks"])
    assert areas.tracker.records("epics")[areas.epic]["fields"]["summary"] == "Shop"
    told = areas.findings()
    assert list(told) == ["record_refused"]
    assert "no_such_value" in str(told["record_refused"])
    areas.in_crm("Cables")
    areas.company.rounds(3)
    assert areas.shown() == (["Cables"], ["Cables"])
    assert areas.findings() == {}


def test_what_people_add_to_the_project_meanwhile_stays_on_the_issue(areas: Areas) -> None:
    stream = "components" if areas.field == "components" else "versions"
    areas.tracker.create("Bo", stream, {"name": "Ropes"})
    areas.in_jira("Cables", "Ropes")
    areas.company.rounds(2)
    areas.in_crm("Docks", "Ropes")
    areas.company.rounds(2)
    assert areas.shown() == (["Docks", "Ropes"], ["Docks", "Ropes"])
    assert areas.findings() == {}


def test_components_of_tasks_are_another_jiras_labels(company: Company) -> None:
    other = company.another("partner", "jira")
    other.add_project("PART", "Partner")
    tracker: Any = company.cores["tracker"]
    other.add_field("customfield_10300", "Areas", "labels")
    for name in NAMES:
        tracker.create("Bo", "components", {"name": name})
    tasks = SYNCS["tasks"] | {"sides": ["tracker.issues", "partner.issues"]}
    tasks["create"] = {"tracker.issues": {"project": "ACME"}, "partner.issues": {"project": "PART"}}
    company.only(
        {"tasks": tasks},
        fields={"task": {"areas": "set"}},
        connections={
            "tracker": company.settings["tracker"] | {"custom": {"issues": {"areas": "components"}}},
            "partner": company.settings["partner"] | {"custom": {"issues": {"areas": "customfield_10300"}}},
        },
    )
    here = tracker.create("Bo", "issues", {"summary": "Order", "components": named("Power", "Cables")})
    company.rounds(3)
    [there] = other.records("issues")
    assert other.records("issues")[there]["fields"]["customfield_10300"] == ["Cables", "Power"]
    other.edit("Pia", "issues", there, {"customfield_10300": ["Docks", "Power"]})
    company.rounds(2)
    assert [each["name"] for each in tracker.records("issues")[here]["fields"]["components"]] == ["Docks", "Power"]
    company.quiet()
    assert company.told() == []
