"""What rides with a sync has a name of its own for every command, and comes along where the sync is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.keepstep.office import Office


@pytest.fixture
def talking(tmp_path: Path) -> Office:
    """A task on both sides and a note on it, which is planned and held."""
    office = Office(tmp_path)
    office.sync["with"] = ["comments"]
    task = office.task("Draft the plan")
    assert office.keep("apply", "--yes", "--as", "Ann").exit_code in (0, 3)
    office.settle()
    office.keep("sync")
    parent = {"module": {"api_name": "Tasks"}, "id": task}
    office.crm.create("Bo", "Notes", {"Note_Content": "who has the key?", "Parent_Id": parent})
    office.settle()
    return office


def said(office: Office) -> list[str]:
    return [raw["data"]["text"] for raw in office.board.records("comments").values()]


def test_its_plan_is_shown_with_the_sync_and_let_through_by_its_own_name(talking: Office) -> None:
    result = talking.keep("plan", "tasks")
    assert "board.comments: create 1" in result.stdout
    assert "let it through: keepstep apply --sync 'tasks.comments'" in result.stdout
    assert said(talking) == []
    applied = talking.keep("apply", "--sync", "tasks.comments", "--yes", "--as", "Ann")
    assert applied.exit_code == 0, applied.output
    (text,) = said(talking)
    assert text.startswith("Bo, 2026-11-")
    assert text.endswith(":\n\nwho has the key?")


def test_a_plan_file_holds_it_and_is_carried_out_exactly(talking: Office, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    assert talking.keep("plan", "-o", str(file)).exit_code == 3
    applied = talking.keep("apply", str(file), "--yes", "--as", "Ann")
    assert applied.exit_code == 0, applied.output
    assert len(said(talking)) == 1
    assert talking.keep("apply", str(file), "--yes", "--as", "Ann").exit_code == 0
    assert len(said(talking)) == 1


def test_status_counts_it_apart(talking: Office) -> None:
    talking.keep("sync")
    shown = {each["name"]: each for each in talking.document("status", code=3)["syncs"]}
    assert list(shown) == ["tasks", "tasks.comments"]
    assert shown["tasks.comments"]["entity"] == "comment"
    assert shown["tasks.comments"]["owed"] == 1
    assert talking.keep("status", "tasks.notes").exit_code == 2
