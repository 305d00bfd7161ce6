"""Comments between Jira, Trello and Zoho CRM, over the stand-ins: once each, where nobody outside reads them."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.base import Record
from keepstep.engine import guard
from keepstep.hub import Hub
from tests.hub.conftest import SYNCS, Company

DOC = {"version": 1, "type": "doc", "content": [{"type": "paragraph", "content": [{"type": "text", "text": "hello"}]}]}


def run(company: Company, hub: Hub, rounds: int = 3) -> None:
    for _ in range(rounds):
        hub.round()
        with hub.store.write() as tx:
            for sync in hub.syncs():
                guard.let_through(tx, hub.ports, sync.name, "Paula")
        company.clock.advance(300)


def shown(company: Company, side: str) -> list[str]:
    connection, _, stream = side.partition(".")
    hub_connection = company.hub.engine.world.connections[connection]
    mapper = hub_connection.mappers[stream]
    ids = [id for page in hub_connection.connector.ids(stream) for id in page]
    records: list[Record] = list(hub_connection.connector.get(stream, ids))
    return sorted(str(mapper.canon(each).values.get("body")) for each in records if not each.deleted)


@pytest.fixture
def talking(company: Company) -> Hub:
    tasks: Any = SYNCS["tasks"] | {
        "with": ["comments"],
        "create": {"tracker.issues": {"project": "ACME"}, "board.cards": {"list": "To Do"}},
    }
    company.hub = company.build(syncs={"tasks": tasks}, handoffs={}, changes_to_tasks=None)
    return company.hub


def test_comments_of_a_task_meet_on_both_sides(company: Company, talking: Hub) -> None:
    tracker, board = company.cores["tracker"], company.cores["board"]
    issue = tracker.create("Ann", "issues", {"summary": "Design", "project": {"key": "ACME"}})
    run(company, talking)
    card = next(iter(id for id, raw in board.records("cards").items() if raw["name"] == "Design"))
    tracker.create("Ann", "comments", {"issueId": issue, "body": DOC})
    board.create("Bert", "comments", {"idCard": card, "text": "well **done** @ann"})
    run(company, talking)
    jira, trello = shown(company, "tracker.comments"), shown(company, "board.comments")
    assert len(jira) == len(trello) == 2
    assert "hello" in jira
    assert "well **done** @ann" in trello
    carried = next(text for text in trello if text.endswith("hello"))
    assert carried.split("\n")[0].startswith("Ann")
    assert carried.split("\n")[0].endswith(":")
    assert next(text for text in jira if "done" in text).split("\n")[0].startswith("Bert")
    writes = [len(core.truth.writes()) for core in company.cores.values()]
    run(company, talking)
    assert [len(core.truth.writes()) for core in company.cores.values()] == writes
