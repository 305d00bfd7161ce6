"""A new card on one of several boards: which list stands for its status is known once it is there."""

from __future__ import annotations

from typing import Any

import pytest

from tests.hub.conftest import SYNCS, Company


@pytest.mark.parametrize("others", [0, 1])
def test_a_new_card_comes_into_the_list_of_its_status_on_its_own_board(company: Company, others: int) -> None:
    tracker, board = company.cores["tracker"], company.cores["board"]
    lists: dict[str, str] = {}
    for number in range(1 + others):
        place = board.create("Bert", "boards", {"name": f"Acme {number}", "defaultLists": False})
        for name in ("To Do", "Done"):
            lists[f"{name} {number}"] = board.create("Bert", "lists", {"name": name, "idBoard": place})
    last = others  # the first board found must not be taken for the card's
    tasks: Any = SYNCS["tasks"] | {"create": {"board.cards": {"list": lists[f"To Do {last}"]}}}
    company.only({"tasks": tasks})
    company.rounds(2)
    issue = tracker.create("Ann", "issues", {"summary": "Design", "project": {"key": "ACME"}})
    for status in ("10001", "10002", "10003"):
        tracker.edit("Ann", "issues", issue, {"status": {"id": status}})
    company.rounds(3)
    [card] = board.records("cards").values()
    assert (card["name"], card["idList"]) == ("Design", lists[f"Done {last}"])
    assert tracker.records("issues")[issue]["fields"]["status"]["name"] == "Done"
    assert [report.planned for report in company.rounds(1)] == [0]
