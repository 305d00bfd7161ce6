"""What Keepstep itself wants, folders and tasks, stands in a plan and is made by ``apply``, as in a round."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors.google_drive.sandbox import SANDBOX as DRIVE
from tests.keepstep.office import Office


class Firm(Office):
    """An office with a store of documents, and one open deal."""

    deal: str


@pytest.fixture
def office(tmp_path: Path) -> Firm:
    office = Firm(tmp_path)
    files: Any = DRIVE.build(office.clock, 3)
    office.cores["files"] = files
    office.connections["files"] = {"system": "google_drive", **DRIVE.settings(files, "http://files.test")}
    office.rest |= {
        "syncs": {
            "customers": {
                "entity": "customer",
                "mode": "write",
                "sides": ["crm.Accounts", "files.client_folders"],
                "create": {"files.client_folders": {}},
            },
            "projects": {
                "entity": "project",
                "mode": "write",
                "sides": ["crm.Deals", "files.project_folders"],
                "create": {"files.project_folders": {"parent": "customer"}},
            },
            "folders": {
                "entity": "folder",
                "mode": "write",
                "sides": ["files.category_folders"],
                "create": {"files.category_folders": {"parent": "project"}},
            },
            "tasks": office.sync,
        },
        "changes_to_tasks": {"watch": ["crm.Deals.due_date"], "create_in": "board.cards"},
        "documents": {"categories": ["plan", "design"]},
    }
    account = office.crm.create("Bo", "Accounts", {"Account_Name": "Müller GmbH"})
    office.deal = office.crm.create(
        "Bo",
        "Deals",
        {
            "Deal_Name": "Website",
            "Stage": "Qualification",
            "Closing_Date": "2026-11-30",
            "Account_Name": {"id": account},
        },
    )
    return office


def folders(office: Firm, stream: str) -> list[str]:
    return sorted(raw["name"] for raw in office.cores["files"].records(stream).values())


def test_one_apply_makes_a_project_s_folder_and_those_below_it(office: Firm) -> None:
    assert office.keep("apply", "--yes", "--as", "Ann").exit_code in (0, 3)
    assert folders(office, "project_folders") == ["Website"]
    assert folders(office, "category_folders") == ["Design", "Plan"]


def test_a_handoff_is_told_when_it_is_to_come_and_again_when_it_is_missed(office: Firm) -> None:
    office.rest["handoffs"] = {"use": ["won-deal-starts"]}
    del office.rest["syncs"]["projects"]["create"]
    for _ in range(2):
        office.keep("apply", "--yes", "--as", "Ann")
    office.crm.edit("Bo", "Deals", office.deal, {"Stage": "Closed Won"})
    office.settle()
    assert "Website: the project's folder is still to come" in office.keep("sync").stdout
    office.settle(6 * 86_400)
    assert "Website: the project's folder has been overdue since" in office.keep("sync").stdout
    assert "the project's folder" not in office.keep("sync").stdout


def test_a_name_that_is_only_given_at_creation_is_not_owed(office: Firm) -> None:
    for _ in range(2):
        office.keep("apply", "--yes", "--as", "Ann")
    office.crm.edit("Bo", "Deals", office.deal, {"Deal_Name": "Web shop"})
    office.settle()
    office.keep("apply", "--yes", "--as", "Ann")
    assert folders(office, "project_folders") == ["Website"]
    told = "files.project_folders shows Website: is only given when a record is made, and left to that side since"
    assert told in office.keep("explain", "Web shop").stdout


def test_a_plan_shows_the_folders_that_a_project_lacks(office: Firm) -> None:
    office.keep("apply", "--sync", "customers", "--sync", "projects", "--yes", "--as", "Ann")
    shown = office.document("plan", "folders", code=3)
    planned = [each for sync in shown["syncs"] for each in sync["operations"]]
    assert [(each["kind"], each["title"]) for each in planned] == [("create", "Design"), ("create", "Plan")]
    assert folders(office, "category_folders") == []


def test_what_is_filled_in_later_is_a_change_and_what_was_there_at_first_is_none(office: Firm) -> None:
    office.rest["changes_to_tasks"]["watch"] = ["crm.Deals.*"]
    for _ in range(2):
        office.keep("apply", "--yes", "--as", "Ann")
    assert office.cards() == {}
    office.crm.edit("Bo", "Deals", office.deal, {"Amount": 9000.0})
    account = next(iter(office.crm.records("Accounts")))
    new = {"Deal_Name": "Shop", "Stage": "Qualification", "Amount": 100.0, "Account_Name": {"id": account}}
    office.crm.create("Bo", "Deals", new)
    office.settle(900)
    office.keep("apply", "--yes", "--as", "Ann")
    assert list(office.cards().values()) == ["Website: revenue changed"]


def test_a_field_that_is_kept_in_step_from_now_on_is_no_change(office: Firm) -> None:
    office.rest["changes_to_tasks"]["watch"] = ["crm.Deals.*"]
    projects = office.rest["syncs"]["projects"]
    projects["fields"] = {"revenue": {"sides": {"crm": "off"}}}
    office.crm.edit("Bo", "Deals", office.deal, {"Amount": 9000.0})
    for _ in range(2):
        office.keep("apply", "--yes", "--as", "Ann")
    office.crm.edit("Bo", "Deals", office.deal, {"Amount": 9500.0})
    office.settle(900)
    office.keep("apply", "--yes", "--as", "Ann")
    del projects["fields"]
    for _ in range(2):
        office.keep("apply", "--yes", "--as", "Ann")
    assert office.cards() == {}


def test_a_customer_s_change_becomes_a_task_within_one_apply(office: Firm) -> None:
    for _ in range(2):
        office.keep("apply", "--yes", "--as", "Ann")
    office.crm.edit("Bo", "Deals", office.deal, {"Closing_Date": "2027-01-15"})
    office.settle(900)
    office.keep("apply", "--yes", "--as", "Ann")
    assert list(office.cards().values()) == ["Website: due date changed"]
