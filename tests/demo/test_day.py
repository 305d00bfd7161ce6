"""Each scene of the day led to what it was written for."""

from __future__ import annotations

import re
from typing import Any

from keepstep.cli.sandbox import _gathered
from keepstep.demo.company import CONTRACT
from keepstep.demo.events import Event
from keepstep.language import say
from tests.demo.conftest import Played


def of(played: Played, scene: str, code: str) -> list[Event]:
    return [event for event in played.day.tale.of(scene) if event.code == code]


def made(played: Played, scene: str) -> list[tuple[str, str]]:
    return [(event.params["side"], event.params["title"]) for event in of(played, scene, "demo_created")]


def issue(played: Played, id: str) -> dict[str, Any]:
    return dict(played.day.company.tracker.records("issues")[id]["fields"])


def project(played: Played, key: str) -> str:
    return next(each.name for each in played.day.cast.projects if each.key == key)


def test_the_first_plan_is_held_until_a_named_person_lets_it_through(played: Played) -> None:
    first = played.day.tale.of("first_plan")
    kinds = [event.what for event in first]
    assert kinds.index("plan") < kinds.index("decision") < kinds.index("write")
    held = [event for event in first if event.code == "demo_plan_held"]
    assert {event.params["sync"] for event in held} >= {"customers", "projects", "folders", "tasks"}
    assert {event.params["reason"] for event in held} == {"first_plan"}
    assert all(event.params["who"] == played.day.staff.lead for event in first if event.what == "decision")


def test_a_customer_without_a_folder_gets_one_before_the_project_does(played: Played) -> None:
    order = [side for side, _ in made(played, "first_plan")]
    assert order.index("files.client_folders") < order.index("files.project_folders")
    assert order.index("files.project_folders") < len(order) - 1 - order[::-1].index("files.category_folders")
    tops = played.day.company.files.records("client_folders").values()
    names = [row["name"] for row in tops]
    named = next(each.name for each in played.day.cast.customers if each.key == "brightwater")
    assert names.count(named) == 1


def test_a_won_deal_becomes_an_epic_with_its_folders(played: Played) -> None:
    order = played.day.cast.day.order
    assert ("tracker.epics", order) in made(played, "won")
    assert ("files.project_folders", order) in made(played, "won")
    files = played.day.company.files
    top = next(id for id, row in files.records("project_folders").items() if row["name"] == order)
    names = {row["name"] for row in files.records("category_folders").values() if row["parents"] == [top]}
    assert names == set(played.day.cast.categories.values())


def test_two_edits_of_one_date_are_a_conflict_with_both_values(played: Played) -> None:
    (found,) = of(played, "conflict", "demo_found_conflict")
    assert found.params["field"] == "due_date"
    assert found.params["title"] == project(played, "routes")
    values = {each["side"]: each["value"] for each in found.params["candidates"]}
    assert values["crm.Deals"] == played.day.tale.of("conflict", "person")[0].params["day"]
    assert values["tracker.epics"] == played.day.tale.of("conflict", "person")[1].params["day"]
    assert not of(played, "conflict", "demo_updated")


def test_the_decision_holds_on_both_sides(played: Played) -> None:
    ids = played.day.company.ids
    deal = played.day.company.crm.records("Deals")[ids["deal:routes"]]
    epic = played.day.company.tracker.records("epics")[ids["epic:routes"]]
    promised = played.day.tale.of("conflict", "person")[0].params["day"]
    assert (deal["Closing_Date"], epic["fields"]["duedate"]) == (promised, promised)
    assert [event.params["finding"] for event in of(played, "decision", "demo_settled")] == ["finding.conflict"]


def test_an_issue_follows_its_card_to_done(played: Played) -> None:
    title = played.day.tale.of("card", "person")[0].params["title"]
    there = issue(played, played.day.company.ids[f"issue:{title}"])
    assert there["status"]["statusCategory"]["key"] == "done"
    assert [event.params["fields"] for event in of(played, "card", "demo_updated")] == [["status"]]


def test_a_document_is_linked_at_its_projects_epic(played: Played) -> None:
    links = played.day.company.tracker.records("remote_links").values()
    (link,) = [row for row in links if row["object"]["title"] == played.day.cast.day.document]
    assert link["issue"]["id"] == played.day.company.ids["epic:erp"]
    files = played.day.company.files.records("files").values()
    (file,) = [row for row in files if row["name"] == played.day.cast.day.document]
    assert link["object"]["url"] == file["webViewLink"]


def test_a_document_in_the_wrong_folder_is_told_and_left_there(played: Played) -> None:
    (found,) = of(played, "document", "demo_found_document_misplaced")
    names = played.day.cast.categories
    assert found.params["title"] == played.day.cast.day.stray
    assert names["plan"] in found.params["place"]
    assert names["requirements"] in found.params["folder"]
    files = played.day.company.files.records("files").values()
    (file,) = [row for row in files if row["name"] == played.day.cast.day.stray]
    assert file["parents"] == [played.day.company.ids["plan:erp"]]


def test_what_a_customer_said_becomes_an_issue_of_the_project(played: Played) -> None:
    (id,) = played.day.issues_called(played.day.cast.day.note_title)
    there = issue(played, id)
    assert there["parent"]["id"] == played.day.company.ids["epic:erp"]
    assert "feedback" in there["labels"]


def test_a_watched_edit_becomes_a_task_for_the_project_lead(played: Played) -> None:
    ((side, title),) = made(played, "amount")
    assert side == "tracker.issues"
    assert project(played, "portal") in title
    (id,) = played.day.issues_called(title)
    there = issue(played, id)
    assert there["assignee"]["accountId"] == played.day.company.ids["jira:lead"]
    assert there["parent"]["id"] == played.day.company.ids["epic:portal"]


def test_a_lost_answer_leaves_one_issue(played: Played) -> None:
    codes = [event.code for event in played.day.tale.of("lost_answer")]
    assert codes.index("demo_line_cut") < codes.index("demo_unknown") < codes.index("demo_recovered")
    assert played.day.company.tracker.faults.injected == {"lost_after": 1}
    assert len(played.day.issues_called(played.day.cast.day.loose_card)) == 1


def test_a_project_that_nobody_started_is_told_when_it_is_due_and_when_it_is_missed(played: Played) -> None:
    due = of(played, "won", "demo_found_handoff_due")
    missed = of(played, "handoff", "demo_found_handoff_breached")
    wanted = {
        (title, f"expectation.{what}")
        for title in (project(played, "shop"), played.day.cast.day.order)
        for what in ("accountable-person", "kickoff-dated")
    }
    assert {(event.params["title"], event.params["expectation"]) for event in due} == wanted
    assert {(event.params["title"], event.params["expectation"]) for event in missed} == wanted


def test_every_event_can_be_said_in_both_languages(played: Played) -> None:
    for event in played.day.tale.events:
        english, chinese = say(event.code, event.params, "en"), say(event.code, event.params, "zh-CN")
        assert english
        assert re.search("[\u4e00-\u9fff]", chinese)


def test_what_is_made_together_is_one_line_that_lists_as_its_language_does(played: Played) -> None:
    language = played.day.cast.language
    own, other = ("、", ", ") if language == "zh-CN" else (", ", "、")
    lines = [str(event.params.get("title")) for event in _gathered(played.day.tale.events, language)]
    assert any(own in line for line in lines)
    assert not any(other in line for line in lines)


def test_the_chinese_company_is_chinese_throughout(played: Played) -> None:
    if played.day.cast.language != "zh-CN":
        return
    company = played.day.company
    stages = {row["Stage"] for row in company.crm.records("Deals").values()}
    assert "已赢单" in stages
    assert {row["fields"]["issuetype"]["name"] for row in company.tracker.records("epics").values()} == {"史诗"}
    assert {"待办", "进行中", "已完成"} <= {row["name"] for row in company.board.records("lists").values()}


def test_a_field_of_the_companys_own_reaches_the_epic_of_a_won_deal(played: Played) -> None:
    company = played.day.company
    numbers = {raw["Deal_Name"]: raw["Contract_No"] for raw in company.crm.records("Deals").values()}
    epics = {raw["fields"]["summary"]: raw["fields"][CONTRACT] for raw in company.tracker.records("epics").values()}
    carried = {name: number for name, number in numbers.items() if number and name in epics}
    assert len(carried) >= 3
    assert {name: epics[name] for name in carried} == carried
