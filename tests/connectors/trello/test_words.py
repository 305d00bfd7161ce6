"""List names and what they mean."""

from __future__ import annotations

import pytest

from connectors.trello.words import classes


def row(*names: str, closed: tuple[str, ...] = ()) -> list[dict[str, object]]:
    return [{"id": name, "name": name, "pos": n, "closed": name in closed} for n, name in enumerate(names)]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(["To Do", "Doing", "Done"], ["todo", "doing", "done"], id="english"),
        pytest.param(["TODO!", "✅ done", "In-Progress"], ["todo", "done", "doing"], id="signs and case"),
        pytest.param(["Zu erledigen", "In Arbeit", "Erledigt"], ["todo", "doing", "done"], id="german"),
        pytest.param(["待办", "进行中", "已完成"], ["todo", "doing", "done"], id="chinese"),
        pytest.param(["Ideas", "Doing", "Later"], ["todo", "doing", "done"], id="position decides beside doing"),
        pytest.param(["Ideas", "Misc", "Later"], [None, None, None], id="nothing known, nothing guessed"),
        pytest.param(["Ideas", "Doing", "Later", "Shop"], [None, "doing", None, None], id="four lists, no guess"),
        pytest.param(["Not done", "Undone"], [None, None], id="parts of names do not count"),
    ],
)
def test_a_list_has_the_class_its_name_says_or_none(names: list[str], expected: list[str | None]) -> None:
    found = classes(row(*names))
    assert [found.get(name) for name in names] == expected


def test_an_archived_list_takes_no_part_in_the_order() -> None:
    found = classes(row("Ideas", "Old", "Doing", "Later", closed=("Old",)))
    assert found == {"Ideas": "todo", "Doing": "doing", "Later": "done"}
