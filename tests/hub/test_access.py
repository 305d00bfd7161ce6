"""A connection that was read only and may be written to: what it was not owed meanwhile is owed, and held first."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from keepstep.hub import Hub
from keepstep.store import tables as t
from tests.databases import Databases
from tests.hub.conftest import SYNCS, Company


class Desk:
    """Tasks in Jira and Trello, and a board whose access the file changes."""

    def __init__(self, company: Company, databases: Databases) -> None:
        self.company = company
        self.tracker, self.board = company.cores["tracker"], company.cores["board"]
        self.list = company.board()
        self.store = databases.url()
        self.hub = self.open("write")

    def open(self, access: str) -> Hub:
        connections = self.company.settings | {"board": self.company.settings["board"] | {"access": access}}
        tasks: Any = SYNCS["tasks"] | {"deletes": "propagate"}
        self.hub = self.company.only({"tasks": tasks}, store=self.store, connections=connections)
        return self.hub

    def card(self, title: str) -> str:
        return self.board.create("Bert", "cards", {"name": title, "idList": self.list})

    def issue(self, title: str) -> str:
        found = self.tracker.records("issues").items()
        return next(id for id, raw in found if raw["fields"]["summary"] == title)

    def cards(self) -> list[str]:
        return sorted(raw["name"] for raw in self.board.records("cards").values())

    def held(self) -> list[str]:
        with self.hub.store.read() as tx:
            rows = tx.all(sa.select(t.hold.c.reason).where(t.hold.c.state == "open"))
        return [row["reason"] for row in rows]

    def owing(self) -> int:
        with self.hub.store.read() as tx:
            return int(tx.scalar(sa.select(sa.func.count()).where(t.entity.c.owing.is_(True))))


@pytest.fixture
def desk(company: Company, databases: Databases) -> Desk:
    return Desk(company, databases)


def test_what_was_crossed_off_while_it_was_read_only_is_owed_and_waits_for_a_person(desk: Desk) -> None:
    for title in ("Dig", "Gone", "Pour"):
        desk.card(title)
    desk.company.rounds(3)
    first, gone = desk.issue("Dig"), desk.issue("Gone")

    desk.open("read")
    desk.tracker.edit("Ann", "issues", first, {"summary": "Dig deep"})
    desk.tracker.delete("Ann", "issues", gone)
    desk.company.clock.advance(90_000)
    written = len(desk.board.truth.writes())
    desk.company.rounds(5)
    assert desk.cards() == ["Dig", "Gone", "Pour"]
    assert desk.owing() == 0, "nobody could have paid it"

    desk.open("write")
    desk.company.rounds(2, let_through=False)
    assert "configuration_changed" in desk.held()
    assert len(desk.board.truth.writes()) == written
    desk.company.rounds(1)
    desk.company.rounds(1, let_through=False)
    assert desk.cards() == ["Dig deep", "Gone", "Pour"], "nothing is deleted in the first plan"
    desk.company.rounds(4)
    assert desk.cards() == ["Dig deep", "Pour"]
    written = len(desk.board.truth.writes())
    desk.company.rounds(3)
    assert len(desk.board.truth.writes()) == written
