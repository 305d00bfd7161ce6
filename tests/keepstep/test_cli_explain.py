"""``keepstep explain`` and ``keepstep timeline`` over stand-ins of a CRM and a board."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.keepstep.office import Office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """One task on both sides, in step."""
    office = Office(tmp_path)
    office.task("Draft the plan", Due_Date="2026-11-30", Description="with **care**")
    assert office.keep("apply", "--yes", "--as", "Ann").exit_code == 0
    office.settle()
    assert office.keep("sync").exit_code == 0
    return office


def task(office: Office) -> str:
    return str(next(iter(office.crm.records("Tasks"))))


def card(office: Office) -> str:
    return str(next(iter(office.board.records("cards"))))


def edited(office: Office, title: str = "Draft the big plan") -> str:
    """An edit of the task was carried to the card; the run that did so."""
    office.crm.edit("Bo", "Tasks", task(office), {"Subject": title})
    office.settle()
    (run,) = office.document("sync")["syncs"][0]["runs"]
    return str(run)


def decided(office: Office) -> None:
    """Both sides set another date, and Mei decided for the CRM's."""
    office.crm.edit("Bo", "Tasks", task(office), {"Due_Date": "2026-12-05"})
    office.board.edit("Ada", "cards", card(office), {"due": "2026-12-08T10:00:00.000Z"})
    office.settle()
    office.keep("sync")
    office.keep("resolve", f"crm.Tasks:{task(office)}.due_date", "crm", "--as", "Mei")
    office.settle()
    office.keep("sync")


def side(facts: Any, name: str) -> Any:
    (found,) = [each for each in facts["sides"] if each["side"] == name]
    return found


def events(office: Office, *args: str) -> list[dict[str, Any]]:
    result = office.keep("timeline", *args, "--json")
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_field_tells_its_source_mapping_author_and_the_run_that_wrote_it(office: Office) -> None:
    run = edited(office)
    facts = office.document("explain", f"crm.Tasks:{task(office)}.title")
    agreed = facts["agreed"]
    assert (agreed["value"], agreed["version"], agreed["because"]["code"]) == ("Draft the big plan", 1, "brought")
    origin = agreed["origin"]
    assert (origin["side"], origin["record"], origin["by"]) == ("crm.Tasks", task(office), "Bo")
    assert (origin["system_field"], facts["rule"]["policy"]) == ("Subject", "ask")
    board = side(facts, "board.cards")
    assert (board["mapping"]["system_field"], board["mapping"]["mode"], board["standing"]) == ("name", "both", "even")
    assert (board["written"]["run"], board["written"]["value"], board["written"]["state"]) == (
        run,
        "Draft the big plan",
        "done",
    )
    assert board["seen_at"] >= board["written"]["at"]
    assert side(facts, "crm.Tasks")["modified_by"] == "Bo"
    said = office.keep("explain", "Draft the big plan.title").stdout
    for words in (
        "agreed: Draft the big plan (version 1, from crm.Tasks,",
        "brought by crm.Tasks; no other side had changed",
        f"from crm.Tasks {task(office)}, field Subject, last changed by Bo",
        "if sides differ: a person decides",
        "kept there in name, read and written",
        f"(run {run}, intent ",
        f"Draft the big plan was written to board.cards (run {run})",
    ):
        assert words in said


def test_a_decision_is_told_with_who_made_it(office: Office) -> None:
    decided(office)
    facts = office.document("explain", f"crm.Tasks:{task(office)}.due_date")
    assert facts["agreed"]["because"] | {"run": ""} == {"code": "decided", "by": "Mei", "run": ""}
    codes = [line["code"] for line in facts["history"]]
    order = ["conflict", "decided", "write_done"]
    assert [code for code in codes[codes.index("conflict") :] if code in order] == order
    assert "decided by Mei" in office.keep("explain", "Draft the plan.due_date").stdout


def test_what_a_side_makes_of_a_value_is_told(office: Office) -> None:
    facts = office.document("explain", f"crm.Tasks:{task(office)}.due_date")
    shown = {each["side"]: each["mapping"]["shown_as"] for each in facts["sides"]}
    assert shown == {"crm.Tasks": None, "board.cards": "2026-11-30T17:00:00.000Z"}
    assert "shows what is agreed as Nov 30, 2026, 5:00:00" in office.keep("explain", "Draft the plan.due_date").stdout


def test_a_side_that_may_not_be_written_is_owed_nothing(office: Office) -> None:
    office.crm.withhold("Tasks", "Due_Date")
    office.board.edit("Ada", "cards", card(office), {"due": "2026-12-08T10:00:00.000Z"})
    office.settle()
    office.keep("sync")
    facts = office.document("explain", f"crm.Tasks:{task(office)}.due_date")
    assert (side(facts, "crm.Tasks")["standing"], side(facts, "board.cards")["standing"]) == ("read_only", "even")
    assert "differs, and may not be written there" in office.keep("explain", "Draft the plan.due_date").stdout


def test_the_owner_is_named_where_its_value_holds(office: Office) -> None:
    office.sync["fields"] = {"due_date": {"policy": "owner", "owner": "crm"}}
    said = office.keep("explain", "Draft the plan.due_date").stdout
    assert "if sides differ: the owner's value holds, the owner is crm.Tasks" in said


def test_what_was_taken_back_is_told(office: Office) -> None:
    run = edited(office)
    assert office.keep("undo", run, "--yes", "--as", "Mei").exit_code == 0
    facts = office.document("explain", f"crm.Tasks:{task(office)}.title")
    assert facts["agreed"]["because"]["code"] == "undone"
    assert facts["agreed"]["because"]["by"] == "Mei"
    assert f"Mei took back run {run}: Draft the plan in place of Draft the big plan" in facts["history"][-3]["message"]


def test_an_entity_tells_of_all_its_fields(office: Office) -> None:
    edited(office)
    facts = office.document("explain", f"crm.Tasks:{task(office)}")
    assert {each["side"]: each["record"] for each in facts["records"]} == {
        "crm.Tasks": task(office),
        "board.cards": card(office),
    }
    linked = {each["side"]: each["linked_by"] for each in facts["records"]}
    assert linked == {"crm.Tasks": None, "board.cards": "marker"}
    fields = {each["field"]: each for each in facts["fields"]}
    assert fields["title"]["agreed"]["value"] == "Draft the big plan"
    assert fields["due_date"]["agreed"]["value"] == "2026-11-30"
    said = office.keep("explain", "Draft the big plan").stdout
    assert "title: Draft the big plan (from crm.Tasks," in said
    assert "made by Keepstep" in said
    assert "任务" in office.keep("--lang", "zh-CN", "explain", "Draft the big plan").stdout


def test_a_title_with_full_stops_is_a_title(office: Office) -> None:
    edited(office, "Version 2.0")
    assert office.document("explain", "Version 2.0")["title"] == "Version 2.0"
    assert office.document("explain", "Version 2.0.title")["field"] == "title"
    result = office.keep("explain", "Version 3.0")
    assert result.exit_code == 2
    assert "nothing is known as `Version 3.0`" in result.stderr


def test_while_a_connection_is_down_all_but_the_mapping_is_told(office: Office) -> None:
    office.connections["board"]["token"] = "wrong"
    result = office.keep("explain", "Draft the plan.title")
    assert result.exit_code == 0
    assert "agreed: Draft the plan" in result.stdout
    assert "how it is mapped can be told only" in result.stderr
    assert all(each["mapping"] is None for each in office.document("explain", "Draft the plan.title")["sides"])


def test_the_timeline_tells_in_order_what_was_seen_decided_and_written(office: Office) -> None:
    decided(office)
    told = events(office)
    assert [each["at"] for each in told] == sorted(each["at"] for each in told)
    codes = [each["code"] for each in told]
    for code in ("seen", "agreed", "let_through", "write_done", "conflict", "finding_opened", "decided", "ran"):
        assert code in codes
    wanted = ["finding_opened", "decided", "write_done", "finding_closed"]
    of_conflict = [
        each
        for each in told[codes.index("conflict") :]
        if each["code"] in ("decided", "write_done")
        or (each["code"].startswith("finding") and each["params"]["code"] == "conflict")
    ]
    assert sorted({each["code"] for each in of_conflict}) == sorted(wanted)
    assert {each["title"] for each in told if each["entity"]} == {"Draft the plan"}
    assert all(each["message"] for each in told)
    said = office.keep("timeline").stdout
    assert "Ann let the plan of tasks through" in said
    assert "Draft the plan: due date: Mei decided for Dec 5, 2026" in said
    assert "Draft the plan: Bo in crm.Tasks: description: with **care**; status: to do; due date: Nov 30, 2026" in said
    whole = office.keep("timeline", "--all").stdout
    assert len(whole.splitlines()) == len(told) > 2 * len(said.splitlines())
    assert "Draft the plan: a change by Bo was seen in crm.Tasks" in whole
    assert "Draft the plan: due date: Bo brought Nov 30, 2026 in place of empty, in crm.Tasks: version 0" in whole
    assert "in place of empty" not in said


def test_the_timeline_of_a_run_of_an_entity_and_since(office: Office) -> None:
    office.task("Second")
    office.settle()
    office.keep("sync")
    run = edited_other = edited(office)
    told = events(office, run)
    assert {each["run"] for each in told} == {edited_other}
    assert "write_done" in {each["code"] for each in told}
    second = events(office, "Second")
    assert {each["title"] for each in second} == {"Second"}
    assert events(office, "Second", "--since", "2030-01-01") == []
    assert office.keep("timeline", "--since", "2030-01-01").stdout == "nothing happened\n"
    recent = events(office, "--since", "10m")
    assert 0 < len(recent) < len(events(office))
    assert (
        "Bo 在 crm.Tasks 中：标题：Draft the plan → Draft the big plan"
        in office.keep("--lang", "zh-CN", "timeline").stdout
    )


@pytest.mark.parametrize("args", [("--since", "soon"), ("--since", "2026-13-01"), ("nobody",)])
def test_what_is_no_time_and_no_thing_is_wrong_usage(office: Office, args: tuple[str, ...]) -> None:
    result = office.keep("timeline", *args)
    assert (result.exit_code, result.stdout) == (2, "")
