"""``keepstep verify`` over stand-ins of a CRM and a board."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.sandbox.faults import Fault
from tests.keepstep.office import Office


@pytest.fixture
def settled(tmp_path: Path) -> tuple[Office, str, str]:
    """One task on both sides, in step; its ids there."""
    office = Office(tmp_path)
    task = office.task("Draft the plan", Due_Date="2026-11-30")
    office.keep("apply", "--yes", "--as", "Ann")
    office.settle()
    office.keep("sync")
    return office, task, next(iter(office.cards()))


def test_what_is_in_step_is_counted_and_writes_nothing(settled: tuple[Office, str, str]) -> None:
    office, _, _ = settled
    before = office.writes()
    result = office.keep("verify")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "2 of 2 links are in step" in result.stdout
    document = office.document("verify")
    assert document == {
        "syncs": [
            {"name": "tasks", "links": [], "strays": [], "counts": {"even": 2}, "differs": 0, "unread": {}},
        ],
        "unreachable": [],
    }
    assert office.writes() == before


def test_a_difference_names_field_side_author_and_time_and_needs_a_person(settled: tuple[Office, str, str]) -> None:
    office, task, card = settled
    office.board.edit("Ada", "cards", card, {"name": "Draft the big plan"})
    office.settle()
    result = office.keep("verify", "tasks")
    assert result.exit_code == 3
    assert f"Draft the plan (board.cards {card}): changed there since the last look, since Nov 2, 2026" in result.stdout
    assert "title is Draft the big plan, agreed is Draft the plan" in result.stdout
    (link,) = office.document("verify", code=3)["syncs"][0]["links"]
    assert (link["side"], link["record"], link["standing"], link["differs"]) == ("board.cards", card, "edited", True)
    (field,) = link["fields"]
    assert (field["field"], field["shown"], field["agreed"]) == ("title", "Draft the big plan", "Draft the plan")
    assert "上次查看之后在该处被修改" in office.keep("--lang", "zh-CN", "verify").stdout
    assert office.keep("sync").exit_code == 0
    assert office.keep("verify").exit_code == 0
    assert office.crm.records("Tasks")[task]["Subject"] == "Draft the big plan"


def test_what_is_missing_and_what_is_twice_is_told(settled: tuple[Office, str, str]) -> None:
    office, task, _ = settled
    office.crm.delete("Bo", "Tasks", task)
    document = office.document("verify", code=3)["syncs"][0]
    assert document["counts"] == {"even": 1, "missing": 1}
    assert f"Draft the plan (crm.Tasks {task}): is missing there" in office.keep("verify").stdout


def test_a_side_that_cannot_be_read_fails(settled: tuple[Office, str, str]) -> None:
    office, _, _ = settled
    office.crm.faults.switch_on(Fault("unavailable", "/Tasks", times=200))
    result = office.keep("verify")
    assert result.exit_code == 1
    assert "crm.Tasks could not be read" in result.stderr
    assert office.document("verify", code=1)["syncs"][0]["counts"] == {"even": 1, "unread": 1}
