"""A board that our account was taken off, or that is gone: the others go on, and somebody is told."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from keepstep.store import tables as t
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


def test_a_board_of_all_that_the_account_sees_is_told_once_it_goes_and_until_it_is_back(company: Company) -> None:
    board = company.cores["board"]
    place = company.board()
    other = board.create("Bert", "boards", {"name": "Second", "defaultLists": False})
    elsewhere = board.create("Bert", "lists", {"name": "To Do", "idBoard": other})
    company.only({"tasks": SYNCS["tasks"]})
    board.create("Bert", "cards", {"name": "Here", "idList": place})
    card = board.create("Bert", "cards", {"name": "There", "idList": elsewhere})
    company.rounds(3)
    assert company.told() == []

    board.edit("Bert", "boards", other, {"closed": True})
    company.hub.reconnect()
    company.rounds(2)
    assert company.told() == ["place_gone"]
    with company.hub.store.read() as tx:
        [told] = tx.all(sa.select(t.finding).where(t.finding.c.state == "open"))
    assert told["params"] == {"connection": "board", "place": "Second"}

    board.edit("Bert", "boards", other, {"closed": False})
    board.edit("Bert", "cards", card, {"name": "There again"})
    company.hub.reconnect()
    company.rounds(3)
    assert company.told() == []
    titles = sorted(issue["fields"]["summary"] for issue in company.cores["tracker"].records("issues").values())
    assert titles == ["Here", "There again"]
