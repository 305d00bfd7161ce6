"""Comments between Jira, Trello and Zoho CRM, over the stand-ins: once each, where nobody outside reads them."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from connectors.base import Record
from keepstep.hub import Hub
from keepstep.store import tables as t
from tests.hub.conftest import SYNCS, Company

DOC = {"version": 1, "type": "doc", "content": [{"type": "paragraph", "content": [{"type": "text", "text": "hello"}]}]}


def shown(company: Company, side: str) -> list[str]:
    connection, _, stream = side.partition(".")
    hub_connection = company.hub.engine.world.connections[connection]
    mapper = hub_connection.mappers[stream]
    ids = [id for page in hub_connection.connector.ids(stream) for id in page]
    records: list[Record] = list(hub_connection.connector.get(stream, ids))
    return sorted(str(mapper.canon(each).values.get("body")) for each in records if not each.deleted)


@pytest.fixture
def talking(company: Company) -> Company:
    company.board()
    tasks: Any = SYNCS["tasks"] | {
        "with": ["comments"],
        "create": {"tracker.issues": {"project": "ACME"}, "board.cards": {"list": "To Do"}},
    }
    company.only({"tasks": tasks})
    return company


def test_comments_of_a_task_meet_on_both_sides(talking: Company) -> None:
    tracker, board = talking.cores["tracker"], talking.cores["board"]
    issue = tracker.create("Ann", "issues", {"summary": "Design", "project": {"key": "ACME"}})
    talking.rounds(3)
    card = next(id for id, raw in board.records("cards").items() if raw["name"] == "Design")
    tracker.create("Ann", "comments", {"issue": {"id": issue}, "body": DOC})
    board.create("Bert", "comments", {"idCard": card, "text": "well **done** @ann"})
    talking.rounds(3)
    jira, trello = shown(talking, "tracker.comments"), shown(talking, "board.comments")
    assert len(jira) == len(trello) == 2
    assert "hello" in jira
    assert "well **done** @ann" in trello
    carried = next(text for text in trello if text.endswith("hello"))
    assert carried.split("\n")[0].startswith("Ann")
    assert carried.split("\n")[0].endswith(":")
    assert next(text for text in jira if "done" in text).split("\n")[0].startswith("Bert")
    talking.quiet()


@pytest.mark.parametrize(
    "whom",
    [
        {"visibility": {"type": "role", "value": "Administrators", "identifier": "Administrators"}},
        {"properties": {"sd.public.comment": {"internal": True}}},  # how a service desk marks a note for its agents
    ],
)
def test_what_is_said_to_some_only_stays_with_them(talking: Company, whom: dict[str, Any]) -> None:
    tracker = talking.cores["tracker"]
    issue = tracker.create("Ann", "issues", {"summary": "Design", "project": {"key": "ACME"}})
    talking.rounds(3)
    tracker.create("Ann", "comments", {"issue": {"id": issue}, "body": DOC, **whom})
    talking.rounds(3)
    assert shown(talking, "board.comments") == []


def test_what_is_carried_to_the_board_calls_nobody_there(talking: Company) -> None:
    tracker, board = talking.cores["tracker"], talking.cores["board"]
    issue = tracker.create("Ann", "issues", {"summary": "Design", "project": {"key": "ACME"}})
    talking.rounds(3)
    asked = {"type": "mention", "attrs": {"id": "bert", "text": "@Bert"}}
    words = [asked, {"type": "text", "text": " and @board: ready?"}]
    doc = {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": words}]}
    tracker.create("Ann", "comments", {"issue": {"id": issue}, "body": doc})
    talking.rounds(3)
    [said] = [each["data"]["text"] for each in board.records("comments").values()]
    assert said.endswith("@\u2060Bert and @\u2060board: ready?")
    talking.quiet()


def test_where_a_service_desk_is_nothing_is_said_to_clients_and_that_is_told(talking: Company) -> None:
    tracker, board = talking.cores["tracker"], talking.cores["board"]
    tracker.create("Ann", "issues", {"summary": "Design", "project": {"key": "ACME"}})
    talking.rounds(3)
    tracker.add_project("HELP", "Help", "service_desk")  # type: ignore[attr-defined]
    card = next(id for id, raw in board.records("cards").items() if raw["name"] == "Design")
    board.create("Bert", "comments", {"idCard": card, "text": "between us"})
    talking.hub.reconnect()
    talking.rounds(3)
    assert shown(talking, "tracker.comments") == []
    with talking.hub.store.read() as tx:
        told = tx.all(sa.select(t.finding).where(t.finding.c.code == "client_would_see"))
    assert [row["params"] for row in told] == [{"side": "tracker.comments", "what": "comments"}]


def test_notes_on_a_deal_and_comments_on_its_epic_meet(company: Company) -> None:
    projects: Any = SYNCS["projects"] | {"with": ["comments"], "sides": ["crm.Deals", "tracker.epics"]}
    projects["create"] = {"tracker.epics": {"project": "ACME"}}
    company.only({"projects": projects})
    _, deal = company.deal()
    company.rounds(3)
    crm, tracker = company.cores["crm"], company.cores["tracker"]
    parent = {"module": {"api_name": "Deals"}, "id": deal}
    crm.create("Anna", "Notes", {"Note_Content": "they hesitate", "Parent_Id": parent})
    crm.create("Anna", "Notes", {"Note_Title": "[feedback] slow", "Note_Content": "too slow", "Parent_Id": parent})
    epic = next(iter(tracker.records("epics")))
    tracker.create("Ann", "comments", {"issue": {"id": epic}, "body": DOC})
    company.rounds(3)
    jira, notes = shown(company, "tracker.comments"), shown(company, "crm.Notes")
    assert len(jira) == 2
    assert any(text.startswith("Anna") and text.endswith("they hesitate") for text in jira)
    assert any(text.startswith("Ann,") and text.endswith("hello") for text in notes)
    company.quiet()


def test_what_can_go_nowhere_is_told_until_it_is_not_asked_for_any_more(company: Company) -> None:
    projects: Any = SYNCS["projects"] | {"with": ["attachments"], "sides": ["crm.Deals", "tracker.epics"]}
    projects["create"] = {"tracker.epics": {"project": "ACME"}}

    def told(hub: Hub) -> list[Any]:
        hub.syncs()
        with hub.store.read() as tx:
            rows = tx.all(sa.select(t.finding).where(t.finding.c.code == "nothing_rides", t.finding.c.state == "open"))
        return [row["params"] for row in rows]

    hub = company.only({"projects": projects})
    assert told(hub) == [{"sync": "projects", "what": "attachments"}]
    again = company.build(syncs={"projects": {**projects, "with": []}}, handoffs={}, changes_to_tasks=None)
    again.store, again.ports = hub.store, hub.ports
    assert told(again) == []
