"""``keepstep undo`` over stand-ins of a CRM and a board."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.faults import Fault
from tests.keepstep.office import Office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """One task on both sides, in step."""
    office = Office(tmp_path)
    office.task("Draft the plan", Due_Date="2026-11-30")
    assert office.keep("apply", "--yes", "--as", "Ann").exit_code == 0
    office.settle()
    assert office.keep("sync").exit_code == 0
    return office


def task(office: Office) -> str:
    return str(next(iter(office.crm.records("Tasks"))))


def card(office: Office) -> str:
    return str(next(iter(office.board.records("cards"))))


def shown(office: Office) -> tuple[str, str]:
    return office.crm.records("Tasks")[task(office)]["Subject"], office.board.records("cards")[card(office)]["name"]


def edited(office: Office, title: str = "Draft the big plan") -> str:
    """An edit of the task was carried to the card; the run that did so."""
    office.crm.edit("Bo", "Tasks", task(office), {"Subject": title})
    office.settle()
    (run,) = office.document("sync")["syncs"][0]["runs"]
    assert shown(office) == (title, title)
    return str(run)


def first_run(office: Office) -> str:
    with sqlite3.connect(office.folder / "keep.db") as db:
        return str(db.execute("SELECT run FROM intent WHERE kind = 'create'").fetchone()[0])


def test_a_plan_is_shown_in_the_words_of_plans_and_writes_nothing(office: Office) -> None:
    run = edited(office)
    before = office.writes()
    result = office.keep("undo", run, "--plan")
    assert result.exit_code == 0
    for words in (
        f"what run {run} of tasks wrote:",
        "board.cards: change 1",
        "crm.Tasks: change 1",
        "title: Draft the big plan -> Draft the plan",
    ):
        assert words in result.stdout
    assert office.writes() == before
    document = office.document("undo", run, "--plan")
    assert [(each["kind"], each["side"]) for each in document["operations"]] == [
        ("update", "crm.Tasks"),
        ("update", "board.cards"),
    ]
    assert (document["run"], document["done"]) == (None, None)
    assert "各侧" not in office.keep("--lang", "zh-CN", "undo", run, "--plan").stdout


def test_what_is_owed_anyway_is_no_part_of_an_undoing(office: Office) -> None:
    run = edited(office)
    office.crm.edit("Bo", "Tasks", task(office), {"Due_Date": "2026-12-24"})
    office.task("Second")
    office.settle()
    document = office.document("undo", run, "--plan")
    told = [(each["side"], [field["field"] for field in each["fields"]]) for each in document["operations"]]
    assert told == [("crm.Tasks", ["title"]), ("board.cards", ["title"])]
    back = office.document("undo", run, "--yes", "--as", "Mei")
    assert {each["result"] for each in back["done"]["operations"]} == {"done"}
    assert shown(office) == ("Draft the plan", "Draft the plan")
    assert office.board.records("cards")[card(office)]["due"].startswith("2026-11-30")
    assert office.keep("sync").exit_code == 0
    assert office.board.records("cards")[card(office)]["due"].startswith("2026-12-24")
    document = office.document("undo", back["run"], "--yes")
    assert {each["field"] for each in document["writes"]} == {"title"}
    assert office.board.records("cards")[card(office)]["due"].startswith("2026-12-24")


def test_a_person_is_asked_and_no_is_no(office: Office) -> None:
    run = edited(office)
    before = office.writes()
    for answer in ("n\n", ""):
        result = office.keep("undo", run, answer=answer)
        assert result.exit_code == 3
        assert "Take this back?" in result.stderr
    assert office.document("undo", run, code=3)["run"] is None
    assert office.writes() == before
    result = office.keep("undo", run, "--as", "Mei", answer="y\n")
    assert result.exit_code == 0
    assert shown(office) == ("Draft the plan", "Draft the plan")


def test_what_is_taken_back_stays_back_and_can_be_brought_again(office: Office) -> None:
    run = edited(office)
    document = office.document("undo", run, "--yes", "--as", "Mei")
    assert {each["result"] for each in document["done"]["operations"]} == {"done"}
    writes = office.writes()
    for _ in range(3):
        office.settle()
        assert office.keep("sync").exit_code == 0
    assert office.writes() == writes
    assert office.keep("verify").exit_code == 0
    result = office.keep("undo", run, "--yes")
    assert (result.exit_code, office.writes()) == (0, writes)
    assert "1 was taken back before" in result.stdout
    assert office.keep("undo", document["run"], "--yes").exit_code == 0
    assert shown(office) == ("Draft the big plan", "Draft the big plan")
    with sqlite3.connect(office.folder / "keep.db") as db:
        rows = db.execute("SELECT params FROM audit WHERE code = 'undo' ORDER BY n").fetchall()
    assert [json.loads(row[0])["of"] for row in rows] == [run, document["run"]]
    assert json.loads(rows[0][0])["by"] == "Mei"


def test_what_a_person_changed_since_is_left_and_listed(office: Office) -> None:
    run = edited(office)
    office.board.edit("Ada", "cards", card(office), {"name": "Mine"})
    result = office.keep("undo", run, "--yes")
    assert result.exit_code == 3
    assert "1 is left as it is:" in result.stdout
    assert "title: was edited after that run, since Nov 2, 2026" in result.stdout
    assert "by board.cards" in result.stdout
    office.settle()
    office.keep("sync")
    assert shown(office) == ("Mine", "Mine")


def test_a_made_card_goes_into_the_archive_and_is_not_made_again(office: Office) -> None:
    run = first_run(office)
    result = office.keep("undo", run, "--yes")
    assert result.exit_code == 0, result.output
    assert "board.cards: archive 1" in result.stdout
    assert office.board.records("cards")[card(office)]["closed"] is True
    kinds = [kind for _, kind, _ in office.writes()]
    assert "delete" not in kinds
    office.crm.edit("Bo", "Tasks", task(office), {"Subject": "Other"})
    for _ in range(3):
        office.settle()
        assert office.keep("sync").exit_code == 0
    assert [kind for _, kind, _ in office.writes()] == kinds
    assert len(office.board.records("cards")) == 1
    assert office.document("verify")["syncs"][0]["counts"] == {"apart": 1, "even": 1}


def test_a_card_comes_out_of_the_archive_when_that_is_undone(office: Office) -> None:
    back = office.document("undo", first_run(office), "--yes")["run"]
    office.settle()
    office.keep("sync")
    document = office.document("undo", back, "--yes")
    assert [each["how"] for each in document["writes"]] == ["again"]
    office.settle()
    assert office.keep("sync").exit_code == 0
    assert office.board.records("cards")[card(office)]["closed"] is False
    edited(office, "In step again")
    assert office.document("verify")["syncs"][0]["counts"] == {"even": 2}


def test_a_made_record_that_cannot_be_archived_stays_and_is_named(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.sync["create"] = {"crm.Tasks": {}}
    office.card("From the board")
    office.keep("apply", "--yes")
    run = first_run(office)
    made = task(office)
    result = office.keep("undo", run, "--yes")
    assert result.exit_code == 3
    assert "1 is no longer kept in step, and stays where it is" in result.stdout
    office.settle()
    office.keep("sync")
    assert list(office.crm.records("Tasks")) == [made]
    assert office.keep("undo", run, "--yes").exit_code == 0


def test_only_one_of_several(office: Office) -> None:
    office.task("Second")
    office.settle()
    office.keep("sync")
    ids = {row["Subject"]: id for id, row in office.crm.records("Tasks").items()}
    office.crm.edit("Bo", "Tasks", ids["Draft the plan"], {"Subject": "One"})
    office.crm.edit("Bo", "Tasks", ids["Second"], {"Subject": "Two"})
    office.settle()
    (run,) = office.document("sync")["syncs"][0]["runs"]
    assert office.keep("undo", run, "--only", f"crm.Tasks:{ids['Second']}", "--yes").exit_code == 0
    assert sorted(row["Subject"] for row in office.crm.records("Tasks").values()) == ["One", "Second"]
    assert sorted(office.cards().values()) == ["One", "Second"]


@pytest.mark.parametrize("args", [("undo", "nothing"), ("undo", "nothing", "--plan"), ("undo",)])
def test_a_run_that_is_none_is_wrong_usage(office: Office, args: tuple[str, ...]) -> None:
    result = office.keep(*args)
    assert (result.exit_code, result.stdout) == (2, "")


def test_nothing_is_taken_back_where_a_sync_only_observes(office: Office) -> None:
    run = edited(office)
    office.sync["mode"] = "observe"
    before = office.writes()
    assert office.keep("undo", run, "--yes").exit_code == 2
    assert office.writes() == before
    assert office.keep("undo", run, "--plan").exit_code == 0


def test_a_side_that_cannot_be_read_fails_and_nothing_is_decided(office: Office) -> None:
    run = edited(office)
    office.crm.faults.switch_on(Fault("unavailable", "/Tasks", times=200))
    before = office.writes()
    assert office.keep("undo", run, "--yes").exit_code == 1
    office.crm.faults.clear()
    assert office.writes() == before
    office.settle(600)
    office.keep("sync")
    assert shown(office) == ("Draft the big plan", "Draft the big plan")


def test_it_is_said_in_chinese(office: Office) -> None:
    run = edited(office)
    office.board.edit("Ada", "cards", card(office), {"name": "Mine"})
    said: Any = office.keep("--lang", "zh-CN", "undo", run, "--yes").stdout
    assert "标题：此后又被修改" in said


def test_a_large_undoing_is_held_like_any_other_plan_until_it_is_let_through(tmp_path: Path) -> None:
    office = Office(tmp_path)
    for number in range(11):
        office.task(f"Task {number:02d}")
    assert office.keep("apply", "--yes").exit_code == 0
    run = first_run(office)
    result = office.keep("undo", run, answer="y\nn\n")
    assert result.exit_code == 3
    assert "written once its plan is let through: keepstep apply --sync 'tasks'" in result.stdout
    assert not any(row["closed"] for row in office.board.records("cards").values())
    office.settle()
    assert office.keep("apply", "--yes").exit_code == 0
    assert all(row["closed"] for row in office.board.records("cards").values())
