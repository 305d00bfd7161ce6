"""Open cards in archived lists: Trello shows them nowhere, and nothing is made of them until their list is back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.hub.conftest import SYNCS, Company


@pytest.fixture
def lists(company: Company) -> dict[str, str]:
    """A board with an open list and an archived one, each with an open card, before the first sync."""
    board = company.cores["board"]
    inbox = company.board()
    home = board.records("lists")[inbox]["idBoard"]
    old = board.create("Bert", "lists", {"name": "Doing", "idBoard": home})
    board.create("Bert", "cards", {"name": "Old", "idList": old})
    board.create("Bert", "cards", {"name": "New", "idList": inbox})
    for name, odd in (("Template", {"isTemplate": True}), ("Mirror", {"cardRole": "mirror"})):
        board.cards[board.create("Bert", "cards", {"name": name, "idList": inbox})] |= odd
    board.edit("Bert", "lists", old, {"closed": True})
    company.only({"tasks": SYNCS["tasks"]})
    company.rounds(3)
    return {"inbox": inbox, "old": old}


def issues(company: Company) -> dict[str, Any]:
    return {each["fields"]["summary"]: each["fields"] for each in company.cores["tracker"].records("issues").values()}


def card(company: Company, name: str) -> str:
    return next(id for id, each in company.cores["board"].records("cards").items() if each["name"] == name)


def test_a_first_sync_makes_nothing_of_them_and_a_list_that_is_back_brings_them(
    company: Company, lists: dict[str, str]
) -> None:
    assert set(issues(company)) == {"New"}
    company.quiet()
    company.cores["board"].edit("Bert", "lists", lists["old"], {"closed": False})
    company.rounds(2)
    assert set(issues(company)) == {"New", "Old"}
    company.quiet()


def test_what_is_archived_or_no_work_when_it_is_first_seen_is_made_nowhere_until_it_is_work(
    company: Company, lists: dict[str, str]
) -> None:
    board = company.cores["board"]
    made = {name: board.create("Bert", "cards", {"name": name, "idList": lists["inbox"]}) for name in ("Early", "Twin")}
    board.edit("Bert", "cards", made["Early"], {"closed": True})
    board.cards[made["Twin"]]["cardRole"] = "mirror"
    company.rounds(2)
    assert set(issues(company)) == {"New"}
    company.quiet()
    board.edit("Bert", "cards", made["Early"], {"closed": False})
    company.rounds(2)
    assert set(issues(company)) == {"New", "Early"}
    company.quiet()


def test_a_linked_card_whose_list_is_archived_is_not_deleted_and_goes_on_in_step(
    company: Company, lists: dict[str, str]
) -> None:
    board, tracker = company.cores["board"], company.cores["tracker"]
    told = company.told()
    board.edit("Bert", "lists", lists["inbox"], {"closed": True})
    company.quiet()
    company.clock.advance(26 * 3600.0)  # past every census
    company.quiet()
    assert company.told() == told
    issue = next(iter(tracker.records("issues")))
    tracker.edit("Jana", "issues", issue, {"summary": "Renamed"})
    company.clock.advance(600)
    company.rounds(2)
    assert board.records("cards")[card(company, "Renamed")]["closed"] is False
    board.edit("Bert", "lists", lists["inbox"], {"closed": False})
    company.quiet()
    assert set(issues(company)) == {"Renamed"}


def test_a_card_that_is_taken_out_of_the_archived_list_is_made_elsewhere(
    company: Company, lists: dict[str, str]
) -> None:
    company.cores["board"].edit("Bert", "cards", card(company, "Old"), {"idList": lists["inbox"]})
    company.rounds(2)
    assert set(issues(company)) == {"New", "Old"}
