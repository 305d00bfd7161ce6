"""``--limit``: no more records are written than that, by all syncs together, and as many are told as were written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.jira.sandbox import SANDBOX as JIRA
from tests.keepstep.office import Office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Four cards of a list that stands for work in progress become issues, which begin as to do. Two tasks of the CRM
    become cards."""
    office = Office(tmp_path)
    office.cores["tracker"] = JIRA.build(office.clock, 3)
    office.connections["tracker"] = {"system": "jira", **JIRA.settings(office.cores["tracker"], "http://tracker.test")}
    other = office.board.create("Ada", "boards", {"name": "Works"})
    office.board.join(office.board.us, other)
    doing = office.board.create("Ada", "lists", {"name": "Doing", "idBoard": other})
    office.connections["works"] = office.connections["board"] | {"boards": [other]}
    office.cores["works"] = office.board
    office.connections["board"]["boards"] = [office.place]
    office.rest["syncs"] = {
        "tasks": office.sync,
        "works": {
            "entity": "task",
            "mode": "write",
            "sides": ["works.cards", "tracker.issues"],
            "create": {"tracker.issues": {"project": "ACME"}},
        },
    }
    for number in range(4):
        office.board.create("Ada", "cards", {"name": f"Work {number}", "idList": doing})
    for number in range(2):
        office.task(f"Task {number}")
    return office


def made(office: Office) -> tuple[int, int]:
    """How many cards and issues there are of those that Keepstep is to make."""
    cards = [name for name in office.cards().values() if name.startswith("Task")]
    return len(cards), len(office.cores["tracker"].records("issues"))


def test_a_record_counts_once_even_if_it_takes_an_update_to_make_it_whole(office: Office) -> None:
    result = office.keep("apply", "--yes", "--sync", "works", "--limit", "3")
    assert "works: 3 written" in result.stdout
    assert "1 more left out by --limit" in result.stdout
    assert made(office) == (0, 3)
    issues = office.cores["tracker"].records("issues").values()
    assert {each["fields"]["status"]["statusCategory"]["key"] for each in issues} == {"indeterminate"}
    assert "3 written, 4 were planned" in office.keep("timeline").stdout
    assert "works: 1 written" in office.keep("apply", "--yes", "--sync", "works").stdout
    assert made(office) == (0, 4)


@pytest.mark.parametrize(("limit", "cards", "issues"), [(1, 1, 0), (2, 2, 0), (3, 2, 1), (9, 2, 4)])
def test_a_limit_is_one_of_all_syncs_together(office: Office, limit: int, cards: int, issues: int) -> None:
    document = office.document("plan", "--limit", str(limit), code=3)
    planned = {each["name"]: (len(each["operations"]), each["left_out"]) for each in document["syncs"]}
    assert planned == {"tasks": (cards, 2 - cards), "works": (issues, 4 - issues)}
    assert office.keep("apply", "--yes", "--limit", str(limit)).exit_code == 0
    assert made(office) == (cards, issues)


def test_a_limit_is_one_of_a_whole_file_too(office: Office) -> None:
    file = str(office.folder / "plan.json")
    office.keep("plan", "-o", file)
    assert [len(each) for each in json.loads(Path(file).read_text(encoding="utf-8"))["operations"].values()] == [2, 4]
    for limit, expected in ((3, (2, 1)), (3, (2, 4))):
        office.keep("apply", file, "--yes", "--limit", str(limit))
        assert made(office) == expected, limit


def test_what_is_left_out_by_all_is_no_reason_to_say_that_there_is_nothing(office: Office) -> None:
    said: Any = office.keep("apply", "--yes", "--limit", "2").stdout
    works = said[said.index("works (") :]
    assert "4 more left out by --limit" in works
    assert "nothing to do" not in works


@pytest.mark.parametrize("from_file", [False, True])
def test_a_hold_is_not_let_through_for_a_sync_of_which_nothing_is_carried_out(office: Office, from_file: bool) -> None:
    file = str(office.folder / "plan.json")
    office.keep("plan", "-o", file)
    said = office.keep("apply", *([file] if from_file else []), "--yes", "--limit", "2").stdout
    assert "4 more left out by --limit" in said
    told = office.keep("timeline").stdout
    assert "let the plan of tasks through" in told
    assert "let the plan of works through" not in told
    assert made(office) == (2, 0)
    assert "1 more left out by --limit" in office.keep("apply", file, "--yes", "--limit", "3").stdout
    assert made(office) == (2, 3)
