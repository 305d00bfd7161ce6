"""What people convert into something else is not deleted, not written to as what it was, and told once it matters."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from keepstep.store import tables as t
from tests.hub.conftest import Company

SYNCS = {
    "projects": {"entity": "project", "mode": "write", "sides": ["crm.Deals", "tracker.epics"]},
    "tasks": {
        "entity": "task",
        "mode": "write",
        "sides": ["tracker.issues", "board.cards"],
        "create": {"board.cards": {"list": "To Do"}},
    },
}


def found(company: Company, code: str) -> list[dict[str, Any]]:
    with company.hub.store.read() as tx:
        query = sa.select(t.finding.c.params).where(t.finding.c.code == code, t.finding.c.state == "open")
        return [row["params"] for row in tx.all(query)]


def test_a_task_that_became_an_epic_is_no_delete_and_no_task_any_more(company: Company) -> None:
    company.board()
    company.only(SYNCS)
    tracker, board = company.cores["tracker"], company.cores["board"]
    issue = tracker.create("Ann", "issues", {"summary": "Order cables"})
    company.rounds(3)
    [card] = board.records("cards")

    tracker.convert("Ann", issue, "epics")
    tracker.edit("Ann", "epics", issue, {"summary": "Cabling"})
    for _ in range(4):  # censuses: the issue is missed, looked at by id, and there
        company.rounds(2)
        company.clock.advance(7 * 3600)
    assert company.told() == []
    assert {id: (raw["name"], raw["closed"]) for id, raw in board.records("cards").items()} == {
        card: ("Order cables", False)
    }

    board.edit("Bert", "cards", card, {"name": "Order pipes"})
    company.rounds(3)
    assert tracker.records("epics")[issue]["fields"]["summary"] == "Cabling"
    assert found(company, "record_converted") == [
        {"title": "Order pipes", "side": "tracker.issues", "record": issue, "now": "tracker.epics"}
    ]

    tracker.convert("Ann", issue, "issues")
    company.rounds(3)
    assert "record_converted" not in company.told()
    assert found(company, "conflict")[0]["field"] == "title"  # both were renamed meanwhile
