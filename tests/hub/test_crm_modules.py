"""A CRM's further modules through the whole hub: one of the customer's own, cases, and one that is not there."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from connectors.zoho_crm.sandbox import ZohoSandbox
from connectors.zoho_crm.sandbox.modules import FieldDef, Pick
from keepstep.store import tables as t
from tests.hub.conftest import Company

PROJECTS: dict[str, Any] = {
    "entity": "project",
    "mode": "write",
    "sides": ["crm.Projects", "tracker.epics"],
    "create": {"tracker.epics": {"project": "ACME"}, "crm.Projects": {}},
    "match": ["name"],
}
FEEDBACK: dict[str, Any] = {
    "entity": "feedback",
    "mode": "write",
    "sides": ["crm.Cases", "tracker.issues"],
    "create": {"tracker.issues": {"project": "ACME"}, "crm.Cases": {"Case_Origin": "Web"}},
}


def crm_of(company: Company) -> ZohoSandbox:
    core = company.cores["crm"]
    assert isinstance(core, ZohoSandbox)
    return core


def configured(company: Company, **syncs: Any) -> None:
    company.only(syncs)


def sent(company: Company) -> list[str]:
    return [line for line in crm_of(company).requests if not line.startswith(("GET", "POST /oauth"))]


def test_a_module_of_the_customers_own_is_kept_in_step_with_its_own_fields(company: Company) -> None:
    crm, tracker = crm_of(company), company.cores["tracker"]
    phases = [Pick(word, word) for word in ("Entwurf", "Läuft", "Vorbei")]
    crm.add_module(
        "Projects",
        FieldDef("Go_Live", "date", custom=True),
        FieldDef("Phase", "picklist", picks=phases, custom=True),
        FieldDef("Scope", "textarea", length=32000, custom=True),
    )
    company.settings["crm"] |= {
        "modules": ["Projects"],
        "custom": {"Projects": {"due_date": "Go_Live", "stage": "Phase", "description": "Scope"}},
        "values": {"stage": {"Entwurf": "open", "Läuft": "won", "Vorbei": "lost"}},
    }
    configured(company, projects=PROJECTS)
    made = crm.create("Anna", "Projects", {"Name": "Website", "Go_Live": "2026-11-30", "Phase": "Läuft"})
    company.rounds(4)
    ((epic, shown),) = tracker.records("epics").items()
    assert (shown["fields"]["summary"], shown["fields"]["duedate"]) == ("Website", "2026-11-30")

    tracker.edit("Bert", "epics", epic, {"duedate": "2026-12-24"})
    company.rounds(2)
    assert crm.records("Projects")[made]["Go_Live"] == "2026-12-24"
    assert sent(company) == [f"PUT /crm/v8/Projects/{made}"]
    crm.edit("Anna", "Projects", made, {"Name": "Website 2"})
    company.rounds(2)
    assert tracker.records("epics")[epic]["fields"]["summary"] == "Website 2"
    before = company.written()
    company.rounds(2)
    assert company.written() == before
    assert company.told() == []


def test_an_epic_becomes_a_record_of_the_customers_own_module_once(company: Company) -> None:
    crm = crm_of(company)
    crm.add_module("Projects", FieldDef("Go_Live", "date", custom=True))
    company.settings["crm"] |= {"modules": ["Projects"], "custom": {"Projects": {"due_date": "Go_Live"}}}
    configured(company, projects=PROJECTS)
    company.cores["tracker"].create("Bert", "epics", {"summary": "App", "duedate": "2026-12-01"})
    company.rounds(5)
    (shown,) = crm.records("Projects").values()
    assert (shown["Name"], shown["Go_Live"]) == ("App", "2026-12-01")
    assert sent(company) == ["POST /crm/v8/Projects/upsert"]
    assert [entry.automation for entry in crm.truth.writes()] == [False]


def test_a_case_becomes_an_issue_and_its_end_comes_back(company: Company) -> None:
    crm, tracker = crm_of(company), company.cores["tracker"]
    configured(company, feedback=FEEDBACK)
    company.rounds(3)
    case = crm.create("Anna", "Cases", {"Subject": "Slow", "Status": "New", "Case_Origin": "Email"})
    company.rounds(4)
    ((issue, shown),) = tracker.records("issues").items()
    assert shown["fields"]["summary"] == "Slow"
    tracker.edit("Bert", "issues", issue, {"summary": "Slow export"})
    company.rounds(2)
    assert crm.records("Cases")[case]["Subject"] == "Slow export"
    crm.edit("Anna", "Cases", case, {"Status": "Closed"})
    company.rounds(3)
    assert tracker.records("issues")[issue]["fields"]["status"]["statusCategory"]["key"] == "done"
    before = company.written()
    company.rounds(2)
    assert company.written() == before


def test_a_stream_that_the_edition_lacks_is_told_once_and_the_others_go_on(company: Company) -> None:
    crm = crm_of(company)
    crm.editions_lack.add("Cases")
    customers = {"entity": "customer", "sides": ["crm.Accounts", "files.client_folders"]}
    configured(company, feedback=FEEDBACK, customers=customers)
    crm.create("Anna", "Accounts", {"Account_Name": "Acme"})
    company.rounds(2)
    with company.hub.store.read() as tx:
        rows = tx.all(sa.select(t.finding).where(t.finding.c.key == "connection_down:crm.Cases"))
    assert [(row["code"], row["params"]["reason"]) for row in rows] == [
        ("connection_failed_configured", "this account has no Cases")
    ]
    assert [sync.name for sync in company.hub.syncs()] == ["customers"]
    assert company.hub.down == {}
    crm.editions_lack.clear()
    company.hub.reconnect()
    company.rounds(1)
    assert {sync.name for sync in company.hub.syncs()} == {"customers", "feedback"}
    assert "connection_failed_configured" not in company.told()


def test_a_field_that_our_profile_may_not_edit_is_read_and_never_written(company: Company) -> None:
    crm, tracker = crm_of(company), company.cores["tracker"]
    crm.withhold("Deals", "Closing_Date")
    sync = {"entity": "project", "mode": "write", "sides": ["crm.Deals", "tracker.epics"]}
    configured(company, projects=sync | {"create": {"tracker.epics": {"project": "ACME"}}})
    deal = crm.create("Anna", "Deals", {"Deal_Name": "Website", "Stage": "Qualification"})
    company.rounds(3)
    (epic,) = tracker.records("epics")
    crm.edit("Anna", "Deals", deal, {"Closing_Date": "2026-12-24"})
    company.rounds(3)
    assert tracker.records("epics")[epic]["fields"]["duedate"] == "2026-12-24"
    tracker.edit("Bert", "epics", epic, {"duedate": "2027-01-15"})
    company.rounds(3)
    assert sent(company) == []
    tracker.edit("Bert", "epics", epic, {"summary": "Portal"})
    company.rounds(3)
    shown = crm.records("Deals")[deal]
    assert (shown["Deal_Name"], shown["Closing_Date"]) == ("Portal", "2026-12-24")
    company.quiet()
