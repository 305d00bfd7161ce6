"""A plan file is carried out as written, on the records it names and no others; and what ``apply`` says at its end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.faults import Fault
from tests.keepstep.office import Office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Two tasks on both sides, in step."""
    office = Office(tmp_path)
    office.task("One", Due_Date="2026-11-30")
    office.task("Two", Due_Date="2026-11-30")
    assert office.keep("apply", "--yes", "--as", "Ann").exit_code == 0
    office.settle()
    assert office.keep("sync").exit_code == 0
    return office


def task(office: Office, subject: str) -> str:
    (id,) = [id for id, row in office.crm.records("Tasks").items() if row["Subject"] == subject]
    return id


def planned(office: Office) -> str:
    file = str(office.folder / "plan.json")
    assert office.keep("plan", "-o", file).exit_code == 0
    return file


def results(document: Any) -> dict[str, str]:
    return {each["title"]: each["result"] for each in document["syncs"][0]["operations"]}


def test_only_the_records_it_names_are_read_anew(office: Office) -> None:
    other = task(office, "Two")
    office.crm.edit("Bo", "Tasks", task(office, "One"), {"Subject": "First"})
    file = planned(office)
    office.crm.edit("Bo", "Tasks", other, {"Subject": "Second"})
    office.crm.requests.clear()
    assert results(office.document("apply", file)) == {"First": "done"}
    asked = [request for request in office.crm.requests if request.startswith("GET /crm/v8/Tasks")]
    assert len(asked) == 1
    assert sorted(office.cards().values()) == ["First", "Two"]


def test_it_holds_versions_and_exact_values(office: Office) -> None:
    (card,) = [card for card, name in office.cards().items() if name == "One"]
    office.board.edit("Ada", "cards", card, {"name": "First"})
    (operation,) = json.loads(Path(planned(office)).read_text(encoding="utf-8"))["operations"]["tasks"]
    assert operation["version"]
    assert operation["fields"] == {"title": ["First", 1, "First", "One"]}


@pytest.mark.parametrize("side", ["crm", "board"])
def test_an_edit_on_either_side_since_makes_it_move(office: Office, side: str) -> None:
    id = task(office, "One")
    office.crm.edit("Bo", "Tasks", id, {"Subject": "First"})
    file = planned(office)
    if side == "crm":
        office.crm.edit("Bo", "Tasks", id, {"Subject": "1st"})
    else:
        (card,) = [card for card, name in office.cards().items() if name == "One"]
        office.board.edit("Ada", "cards", card, {"name": "Eins"})
    before = office.writes()
    assert results(office.document("apply", file, code=3)) == {"First": "moved"}
    assert office.writes() == before


def test_what_another_field_has_come_to_owe_is_no_hindrance_and_waits(office: Office) -> None:
    id = task(office, "One")
    office.crm.edit("Bo", "Tasks", id, {"Subject": "First"})
    file = planned(office)
    office.crm.edit("Bo", "Tasks", id, {"Due_Date": "2026-12-24"})
    assert results(office.document("apply", file)) == {"First": "done"}
    (card,) = [card for card, name in office.cards().items() if name == "First"]
    assert office.board.records("cards")[card]["due"].startswith("2026-11-30")
    office.keep("apply")
    assert office.board.records("cards")[card]["due"].startswith("2026-12-24")


def test_what_moved_is_skipped_and_the_rest_is_written(office: Office) -> None:
    first, second = task(office, "One"), task(office, "Two")
    office.crm.edit("Bo", "Tasks", first, {"Subject": "First"})
    office.crm.edit("Bo", "Tasks", second, {"Subject": "Second"})
    file = planned(office)
    office.crm.edit("Bo", "Tasks", second, {"Subject": "2nd"})
    assert results(office.document("apply", file, code=3)) == {"First": "done", "Second": "moved"}
    assert sorted(office.cards().values()) == ["First", "Two"]


def test_a_value_changed_by_hand_in_the_file_is_not_written(office: Office) -> None:
    office.crm.edit("Bo", "Tasks", task(office, "One"), {"Subject": "First"})
    path = Path(planned(office))
    path.write_text(path.read_text(encoding="utf-8").replace("First", "Worst"), encoding="utf-8")
    before = office.writes()
    assert results(office.document("apply", str(path), code=3)) == {"Worst": "moved"}
    assert office.writes() == before


def test_a_limit_holds_for_a_file_too(office: Office) -> None:
    office.crm.edit("Bo", "Tasks", task(office, "One"), {"Subject": "First"})
    office.crm.edit("Bo", "Tasks", task(office, "Two"), {"Subject": "Second"})
    file = planned(office)
    before = len(office.writes())
    assert len(office.document("apply", file, "--limit", "1")["syncs"][0]["operations"]) == 1
    assert len(office.writes()) == before + 1
    assert sorted(results(office.document("apply", file)).values()) == ["before", "done"]
    assert len(office.writes()) == before + 2
    assert set(results(office.document("apply", file)).values()) == {"before"}
    assert len(office.writes()) == before + 2


def test_what_lets_a_held_file_through_carries_out_that_file(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.task("One")
    file = str(office.folder / "plan.json")
    assert office.keep("plan", "-o", file).exit_code == 3
    office.task("Two")
    held = office.keep("apply", file)
    assert held.exit_code == 3
    assert f"let it through: keepstep apply '{file}' --yes\n" in held.stdout
    assert "--sync" not in held.stdout
    office.environ["USER"] = "root"
    assert f"let it through: keepstep apply '{file}' --yes --as NAME\n" in office.keep("apply", file).stdout
    office.keep("apply", file, "--yes", "--as", "Ann")
    assert sorted(office.cards().values()) == ["One"]


def test_a_delete_is_carried_out_only_on_the_record_as_it_was_planned(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.sync["deletes"] = "propagate"
    one, _ = office.task("One"), office.task("Two")
    assert office.keep("apply", "--yes").exit_code == 0
    office.settle()
    office.keep("sync")
    (card,) = [card for card, name in office.cards().items() if name == "One"]
    office.board.delete("Ada", "cards", card)
    file = str(office.folder / "plan.json")
    office.keep("plan", "-o", file)
    (operation,) = json.loads(Path(file).read_text(encoding="utf-8"))["operations"]["tasks"]
    assert (operation["kind"], operation["record"]) == ("delete", one)
    office.crm.edit("Bo", "Tasks", one, {"Remind_At": None, "Send_Notification_Email": True})
    assert results(office.document("apply", file, "--yes", code=3)) == {"One": "moved"}
    assert one in office.crm.records("Tasks")
    office.keep("plan", "-o", file)
    assert results(office.document("apply", file, "--yes")) == {"One": "done"}
    assert one not in office.crm.records("Tasks")


def test_a_side_that_cannot_be_read_fails_and_writes_nothing(office: Office) -> None:
    office.crm.edit("Bo", "Tasks", task(office, "One"), {"Subject": "First"})
    file = planned(office)
    before = office.writes()
    office.crm.faults.switch_on(Fault("unavailable", "/Tasks", times=200))
    document = office.document("apply", file, code=1)
    assert (document["unread"], office.writes()) == (["tasks"], before)


def test_apply_needs_a_person_while_a_question_of_its_sync_is_open(office: Office) -> None:
    id = task(office, "One")
    (card,) = [card for card, name in office.cards().items() if name == "One"]
    office.crm.edit("Bo", "Tasks", id, {"Due_Date": "2026-12-05"})
    office.board.edit("Ada", "cards", card, {"due": "2026-12-08T10:00:00.000Z"})
    office.settle()
    assert office.keep("sync").exit_code == 3
    office.crm.edit("Bo", "Tasks", task(office, "Two"), {"Subject": "Second"})
    result = office.keep("apply")
    assert result.exit_code == 3
    assert "tasks: 1 written" in result.stdout
    assert "1 finding waits for a person" in result.stdout
    document = office.document("apply", code=3)
    assert [each["code"] for each in document["findings"]] == ["conflict"]
    office.keep("findings", "ack", document["findings"][0]["id"])
    assert office.keep("apply").exit_code == 0
