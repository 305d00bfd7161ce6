"""The main job, end to end: four systems kept in step."""

from __future__ import annotations

from connectors.sandbox.faults import Fault
from tests.hub.conftest import Company


def test_a_deal_becomes_an_epic_and_a_folder_under_its_customer(company: Company) -> None:
    company.deal()
    company.rounds(4)
    epics = company.cores["tracker"].records("epics")
    assert [epic["fields"]["summary"] for epic in epics.values()] == ["Website"]
    assert [epic["fields"]["duedate"] for epic in epics.values()] == ["2026-11-30"]
    folders = company.cores["files"].records("project_folders")
    customer = next(iter(company.cores["files"].records("client_folders")))
    assert [(folder["name"], folder["parents"]) for folder in folders.values()] == [("Website", [customer])]


def test_the_first_plan_waits_for_a_person(company: Company) -> None:
    company.deal()
    company.rounds(3, let_through=False)
    assert not any(company.written().values())
    assert company.told().count("guard_first_plan") == 2, "one for the customers, one for the projects"


def test_an_edit_comes_back_from_the_tracker(company: Company) -> None:
    _, deal = company.deal()
    company.rounds(4)
    tracker = company.cores["tracker"]
    epic = next(iter(tracker.records("epics")))
    tracker.edit("Bert", "epics", epic, {"duedate": "2026-12-24"})
    company.rounds(2)
    assert company.cores["crm"].records("Deals")[deal]["Closing_Date"] == "2026-12-24"


def test_two_people_who_move_one_date_differently_are_asked(company: Company) -> None:
    _, deal = company.deal()
    company.rounds(4)
    crm, tracker = company.cores["crm"], company.cores["tracker"]
    epic = next(iter(tracker.records("epics")))
    crm.edit("Anna", "Deals", deal, {"Closing_Date": "2026-12-01"})
    tracker.edit("Bert", "epics", epic, {"duedate": "2026-12-15"})
    company.rounds(3)
    assert crm.records("Deals")[deal]["Closing_Date"] == "2026-12-01"
    assert tracker.records("epics")[epic]["fields"]["duedate"] == "2026-12-15"
    assert "conflict" in company.told()


def test_category_folders_are_made_once(company: Company) -> None:
    company.deal()
    company.rounds(7)
    names = [folder["name"] for folder in company.cores["files"].records("category_folders").values()]
    assert sorted(names) == ["Design", "Plan", "Report", "Requirements", "Test"]


def test_a_changed_closing_date_becomes_a_task(company: Company) -> None:
    _, deal = company.deal()
    company.rounds(5)
    company.cores["crm"].edit("Anna", "Deals", deal, {"Closing_Date": "2026-12-20"})
    company.rounds(4)
    issues = company.cores["tracker"].records("issues")
    assert len(issues) == 1
    assert "Website" in next(iter(issues.values()))["fields"]["summary"]


def test_a_customers_note_becomes_an_issue(company: Company) -> None:
    _, deal = company.deal()
    company.rounds(5)
    note = {
        "Note_Title": "[feedback] Slow",
        "Note_Content": "The page is slow.",
        "Parent_Id": {"module": {"api_name": "Deals"}, "id": deal},
    }
    company.cores["crm"].create("Anna", "Notes", note)
    company.rounds(3)
    issues = company.cores["tracker"].records("issues")
    assert [issue["fields"]["summary"] for issue in issues.values()] == ["Slow"]
    assert "conflict" not in company.told()


def test_a_document_is_linked_at_the_epic(company: Company) -> None:
    company.deal()
    company.rounds(7)
    files = company.cores["files"]
    folder = next(iter(files.records("category_folders")))
    files.create("Bert", "files", {"name": "spec.pdf", "mimeType": "application/pdf", "parents": [folder]})
    company.rounds(3)
    links = company.cores["tracker"].records("remote_links")
    assert [link["object"]["title"] for link in links.values()] == ["spec.pdf"]


def test_a_create_whose_answer_is_lost_makes_no_twin(company: Company) -> None:
    company.deal()
    company.rounds(2)
    company.cores["tracker"].faults.switch_on(Fault("lost_after", "POST /rest/api/3/issue/bulk", times=1))
    company.rounds(6)
    assert len(company.cores["tracker"].records("epics")) == 1


def test_a_won_deal_without_a_kickoff_is_told(company: Company) -> None:
    _, deal = company.deal()
    company.rounds(5)
    company.cores["crm"].edit("Anna", "Deals", deal, {"Stage": "Closed Won"})
    company.rounds(3)
    assert "handoff_due" in company.told()
    company.clock.advance(6 * 86400)
    company.rounds(1)
    assert "handoff_breached" in company.told()


def test_when_nothing_changed_nothing_is_written_and_the_cost_is_the_declared_one(company: Company) -> None:
    company.deal()
    company.rounds(8)
    company.clock.advance(600)
    before = company.written()
    connections = company.hub.engine.world.connections
    calls = {name: connection.connector.calls for name, connection in connections.items()}
    company.rounds(1)
    assert company.written() == before
    for name, connection in connections.items():
        used = {feed.name: feed.cost for sync in company.hub.syncs() for c, feed in company.hub.engine.world.feeds(sync) if c is connection}  # fmt: skip  # noqa: E501
        assert connection.connector.calls - calls[name] <= sum(used.values()), name


def test_nothing_is_shared_mailed_deleted_or_set_off(company: Company) -> None:
    company.deal(Stage="Closed Won")
    company.rounds(8)
    ours = [entry for core in company.cores.values() for entry in core.truth.writes()]
    assert ours
    assert {entry.kind for entry in ours} <= {"create", "update"}
    assert not [entry for entry in ours if entry.stream in ("permissions", "comments")]
    assert not [entry for entry in ours if entry.automation]
