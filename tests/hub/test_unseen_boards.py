"""A board that our account was taken off, or that is gone: the others go on, and somebody is told."""

from __future__ import annotations

import pytest

from tests.hub.conftest import SYNCS, Company


@pytest.mark.parametrize("gone", [False, True])
def test_one_of_several_boards_that_cannot_be_seen_keeps_no_other_back(company: Company, gone: bool) -> None:
    place = company.board()
    board, tracker = company.cores["board"], company.cores["tracker"]
    [seen] = board.records("boards")
    other = board.create("Bert", "boards", {"name": "Second", "defaultLists": False})
    elsewhere = board.create("Bert", "lists", {"name": "To Do", "idBoard": other})
    company.settings["board"]["boards"] = [seen, other]
    company.only({"tasks": SYNCS["tasks"]})
    company.rounds(2)
    card = board.create("Bert", "cards", {"name": "Here", "idList": place})
    board.create("Bert", "cards", {"name": "There", "idList": elsewhere})
    company.rounds(3)
    if gone:
        board.delete("Bert", "boards", other)
    else:
        board.hide(other)  # type: ignore[attr-defined]
    company.hub.reconnect()  # as after a restart
    board.edit("Bert", "cards", card, {"name": "Here again"})
    board.create("Bert", "cards", {"name": "New here", "idList": place})
    company.rounds(3)
    titles = sorted(issue["fields"]["summary"] for issue in tracker.records("issues").values())
    assert titles == ["Here again", "New here", "There"]
    assert ("connection_failed" in company.told()) is not gone
