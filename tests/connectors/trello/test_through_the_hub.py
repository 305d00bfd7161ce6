"""A custom field through the whole hub: a CRM's priority and a board's list of options kept in step."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.keepstep.office import Office


class Desk:
    """An office whose board keeps priorities in a custom field, with one task on both sides."""

    def __init__(self, folder: Path) -> None:
        self.office = Office(folder)
        board = self.office.board
        field = {"idModel": self.office.place, "name": "Wichtigkeit", "type": "list"}
        self.field = board.create("Ada", "customFields", {**field, "options": ["Hoch", "Normal", "Niedrig"]})
        self.options = {
            each["value"]["text"]: each["id"] for each in board.records("customFields")[self.field]["options"]
        }
        self.bare = board.create("Ada", "boards", {"name": "Without the field"})
        self.lane = board.create("Ada", "lists", {"name": "Inbox", "idBoard": self.bare})
        board.join(board.us, self.bare)
        self.office.connections["board"] |= {
            "custom": {"cards": {"priority": "Wichtigkeit"}},
            "values": {"priority": {"Hoch": "high", "Normal": "medium", "Niedrig": "low"}},
        }
        self.task = self.office.task("Draft the plan", Priority="High")
        assert self.office.keep("apply", "--yes", "--as", "Ann").exit_code == 0
        self.card = next(iter(self.office.cards()))
        self.round()

    def round(self) -> int:
        """One sync; how many writes it sent."""
        self.office.settle()
        before = len(self.office.writes())
        assert self.office.keep("sync").exit_code in (0, 3)
        return len(self.office.writes()) - before

    def shown(self) -> tuple[list[str], str]:
        words = {id: text for text, id in self.options.items()}
        items = self.office.board.records("cards")[self.card]["customFieldItems"]
        return [words[each["idValue"]] for each in items], self.office.crm.records("Tasks")[self.task]["Priority"]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_priority_is_carried_both_ways_and_then_nothing_is_written(desk: Desk) -> None:
    assert desk.shown() == (["Hoch"], "High")
    desk.office.board.edit(
        "Ada", "cards", desk.card, {"customFieldItems": {desk.field: {"idValue": desk.options["Niedrig"]}}}
    )
    assert desk.round() == 1
    assert desk.shown() == (["Niedrig"], "Low")
    desk.office.crm.edit("Bo", "Tasks", desk.task, {"Priority": "Normal"})
    assert desk.round() == 1
    assert desk.shown() == (["Normal"], "Normal")
    assert [desk.round(), desk.round()] == [0, 0]


def test_a_board_without_the_field_never_clears_it_elsewhere(desk: Desk) -> None:
    desk.office.board.edit("Ada", "cards", desk.card, {"idBoard": desk.bare, "idList": desk.lane})
    assert [desk.round(), desk.round()] == [0, 0]
    assert desk.shown() == ([], "High")
    desk.office.crm.edit("Bo", "Tasks", desk.task, {"Priority": "Low"})
    assert [desk.round(), desk.round()] == [0, 0]
    assert desk.shown() == ([], "Low")
