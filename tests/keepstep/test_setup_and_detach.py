"""``setup`` and ``detach``: shown first, done on a word, noted down, and people's data stay as they are."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from connectors.jira.sandbox import SANDBOX as JIRA
from tests.keepstep.office import Office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def labels(office: Office) -> list[str]:
    return sorted(each["name"] for each in office.board.records("labels").values() if each["name"])


def audit(office: Office) -> list[str]:
    with sqlite3.connect(office.folder / "keep.db") as store:
        rows = store.execute("SELECT code FROM audit WHERE entity IS NULL AND code != 'let_through' ORDER BY n")
        return [code for (code,) in rows]


def carried(office: Office) -> str:
    """A task of the CRM, carried to the board; the card."""
    office.task("Order the cables")
    office.keep("sync")
    office.keep("apply", "--yes")
    (card,) = office.cards()
    office.settle()
    office.keep("sync")
    return card


def marker(office: Office, card: str) -> list[str]:
    found = office.board.records("attachments")
    return [id for id, each in found.items() if id.startswith(card) and "keepstep" in str(each.get("url"))]


# -- setup


def test_a_plan_shows_what_would_be_added_and_writes_nothing(office: Office) -> None:
    result = office.keep("setup", "board", "--plan")
    assert result.exit_code == 3
    assert "label feedback" in result.stdout
    assert "member of the board" in result.stdout
    assert "tells a kind of record" in result.stdout
    assert "to be added" in result.stdout
    assert office.writes() == []
    assert "待添加" in office.keep("setup", "board", "--plan", "--lang", "zh-CN").stdout


def test_what_each_of_several_boards_lacks_is_told_with_the_board(office: Office) -> None:
    office.board.create("Ada", "boards", {"name": "Roadmap"})
    shown = office.keep("setup", "board", "--plan").stdout.splitlines()
    assert ["`Work`" in line for line in shown if "label feedback" in line] == [True, False]
    assert ["`Roadmap`" in line for line in shown if "label feedback" in line] == [False, True]
    result = office.keep("setup", "board", "--yes", "--as", "Mei")
    assert "added: label feedback in `Roadmap`" in result.stdout


def test_what_is_agreed_to_is_added_once_and_noted(office: Office) -> None:
    result = office.keep("setup", "board", answer="y\n")
    assert result.exit_code == 0, result.output
    assert "added: label feedback" in result.stdout
    assert labels(office) == ["feedback"]
    assert audit(office) == ["addition_add", "addition_add_done"]
    again = office.document("setup", "board", "--yes")
    assert [each["present"] for each in again["connections"][0]["additions"]] == [True]
    assert again["connections"][0]["results"] == []
    assert [kind for _, kind, _ in office.writes()] == ["create"]


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_without_a_word_nothing_is_added(office: Office, answer: str) -> None:
    assert office.keep("setup", "board", answer=answer).exit_code == 3
    assert office.document("setup", "board", code=3)["connections"][0]["results"] == []
    assert office.writes() == []


def test_a_reader_and_an_observer_are_refused_clearly(office: Office) -> None:
    office.sync["mode"] = "observe"
    result = office.keep("setup", "board", "--yes")
    assert result.exit_code == 2
    assert "each of its syncs only observes" in result.stderr
    office.sync["mode"] = "write"
    office.connections["board"]["access"] = "read"
    office.sync["create"] = {}
    result = office.keep("setup", "board", "--yes")
    assert result.exit_code == 2
    assert "`access: read`" in result.stderr
    assert office.keep("detach", "board", "--yes").exit_code == 2
    assert office.keep("detach", "board", "--plan").exit_code == 0
    assert office.writes() == []


def test_what_the_account_may_not_add_says_what_to_grant(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.document("setup", "board", "--plan", code=3)
    asked = office.board._serve

    def hidden(request: Any) -> Any:
        if request.method == "POST":
            office.board.hide(office.place)
        return asked(request)

    monkeypatch.setattr(office.board, "_serve", hidden)
    result = office.keep("setup", "board", "--yes")
    assert result.exit_code == 1, result.output
    assert "not added: label feedback; it takes member of the board" in result.stdout
    assert audit(office) == ["addition_add", "addition_add_failed"]


# -- detach


def test_a_plan_counts_the_markers_and_takes_nothing_away(office: Office) -> None:
    card = carried(office)
    office.keep("setup", "board", "--yes")
    before = office.writes()
    result = office.keep("detach", "board", "--plan")
    assert result.exit_code == 0, result.output
    assert "board.cards: 1 record carries a marker" in result.stdout
    assert "label feedback" in result.stdout
    assert office.writes() == before
    assert marker(office, card)


def test_markers_and_additions_go_and_people_keep_the_rest(office: Office) -> None:
    card = carried(office)
    office.keep("setup", "board", "--yes")
    kept = {name: office.board.records("cards")[card][name] for name in ("name", "desc", "due", "idList")}
    result = office.keep("detach", "board", answer="y\n")
    assert result.exit_code == 0, result.output
    assert "1 marker taken off" in result.stdout
    assert "taken away: label feedback" in result.stdout
    assert marker(office, card) == []
    assert labels(office) == []
    assert {name: office.board.records("cards")[card][name] for name in kept} == kept
    assert audit(office)[2:] == ["detached", "unmark_done", "addition_remove", "addition_remove_done"]
    again = office.document("detach", "board", "--yes")["connections"][0]
    assert (again["detached"], again["markers"], again["results"]) == (True, {}, [])


def test_what_was_left_is_written_to_no_more_until_it_is_taken_up_again(office: Office) -> None:
    card = carried(office)
    office.keep("detach", "board", "--yes")
    before = office.writes()
    (task,) = office.crm.records("Tasks")
    office.crm.edit("Bo", "Tasks", task, {"Subject": "Order the new cables"})
    office.task("Another")
    for command in (["sync"], ["apply", "--yes"], ["sync"]):
        result = office.keep(*command)
        assert "board is detached" in result.stderr
    assert office.writes() == before
    assert office.cards() == {card: "Order the cables"}
    assert "board is detached" in office.keep("status").stdout
    assert office.document("status")["detached"] == ["board"]

    office.keep("setup", "board", "--yes")
    held = office.keep("sync")
    assert held.exit_code == 3
    assert "first plan of tasks" in held.stdout
    assert office.cards() == {card: "Order the cables"}
    assert office.keep("apply", "--yes").exit_code == 0
    assert sorted(office.cards().values()) == ["Another", "Order the new cables"]
    assert len(office.cards()) == 2


def test_an_edit_where_it_was_left_still_reaches_the_others(office: Office) -> None:
    card = carried(office)
    office.keep("detach", "board", "--yes")
    office.board.edit("Ada", "cards", card, {"name": "Order the red cables"})
    office.keep("sync")
    assert [each["Subject"] for each in office.crm.records("Tasks").values()] == ["Order the red cables"]


def test_a_write_in_doubt_keeps_the_markers_where_they_are(office: Office) -> None:
    card = carried(office)
    with sqlite3.connect(office.folder / "keep.db") as store:
        store.execute("UPDATE intent SET closed_at = NULL, state = 'unknown'")
    result = office.keep("detach", "board", "--yes")
    assert result.exit_code == 1
    assert "what became of 1 write to board is not known yet" in result.stderr
    assert marker(office, card)
    assert "detached" not in audit(office)


def test_a_sync_that_runs_just_now_is_waited_for(office: Office) -> None:
    carried(office)
    with sqlite3.connect(office.folder / "keep.db") as store:
        until = office.clock.now().timestamp() + 300
        store.execute("UPDATE lease SET holder = 'another', until = ? WHERE name = 'sync:tasks'", (until,))
    result = office.keep("detach", "board", "--yes")
    assert result.exit_code == 1
    assert "another worker is writing to board just now" in result.stderr
    assert "detached" not in audit(office)


def test_a_label_in_use_is_peoples_and_stays(office: Office) -> None:
    office.keep("setup", "board", "--yes")
    office.card("From the customer", labels=["feedback"])
    result = office.keep("detach", "board", "--yes")
    assert result.exit_code == 3
    assert "not taken away: label feedback" in result.stdout
    assert labels(office) == ["feedback"]


def test_jiras_labels_and_properties_come_off_its_issues(tmp_path: Path) -> None:
    office = Office(tmp_path)
    core: Any = JIRA.build(office.clock, 3)
    office.cores = {"crm": office.crm, "tracker": core}
    office.connections = {
        "crm": office.connections["crm"],
        "tracker": {"system": "jira", **JIRA.settings(core, "https://jira.test")},
    }
    office.rest = {}
    office.sync |= {"sides": ["crm.Tasks", "tracker.issues"], "create": {"tracker.issues": {"project": "ACME"}}}
    for number in range(12):
        office.task(f"Task {number}")
    office.keep("sync")
    office.keep("apply", "--yes")
    office.settle()
    office.keep("sync")
    issues = core.records("issues")
    assert len(issues) == 12
    assert all(any("keepstep" in label for label in each["fields"]["labels"]) for each in issues.values())
    document = office.document("detach", "tracker", "--yes")
    assert document["connections"][0]["markers"] == {"tracker.issues": 12}
    assert document["connections"][0]["unmarked"]["done"] == 12
    after = core.records("issues")
    assert [each["fields"]["summary"] for each in after.values()] == [
        each["fields"]["summary"] for each in issues.values()
    ]
    assert not any("keepstep" in str(each) for each in after.values())
