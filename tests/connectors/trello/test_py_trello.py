"""Another program's ordinary work against the stand-in: what it gets must be what the live service gives it."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from connectors.sandbox.hosting import SandboxTransport
from connectors.trello.sandbox.state import KEY, TOKEN

from .conftest import World

trello = pytest.importorskip("trello")


@pytest.fixture
def client(world: World) -> Any:
    session = requests.Session()
    session.mount("https://api.trello.com/", SandboxTransport(world.sandbox))
    return trello.TrelloClient(api_key=KEY, api_secret=TOKEN, http_service=session)


@pytest.fixture
def board(world: World, client: Any) -> Any:
    return client.get_board(world.board)


def test_boards_and_lists(world: World, client: Any) -> None:
    made = client.add_board("新项目 🚀", default_lists=False)
    assert {one.name for one in client.list_boards()} == {"客户项目", "新项目 🚀"}
    for name in ("A", "B"):
        made.add_list(name, pos="bottom")
    first, second = made.open_lists()
    assert (first.name, second.name) == ("A", "B")
    second.move("top")
    first.set_name("A2")
    assert [one.name for one in made.list_lists()] == ["B", "A2"]
    first.close()
    assert [one.name for one in made.closed_lists()] == ["A2"]
    made.set_name("other")
    made.close()
    assert client.get_board(made.id).closed is True
    assert [one.name for one in client.list_boards("open")] == ["客户项目"]


def test_a_card_through_its_life(world: World, client: Any, board: Any) -> None:
    todo, doing, _ = board.open_lists()
    card = todo.add_card("图标", desc="**drei**", due="2026-12-01T10:00:00.000Z", position="top")
    card.set_name("新图标 🎨")
    card.set_description("x" * 16384)
    card.set_due(datetime(2026, 12, 8, 9, tzinfo=UTC))
    card.set_due_complete()
    card.change_list(doing.id)
    card.set_pos(1.5)
    again = client.get_card(card.id)
    assert (again.name, len(again.description), again.is_due_complete) == ("新图标 🎨", 16384, True)
    assert (again.due_date, again.list_id, again.pos) == (datetime(2026, 12, 8, 9, tzinfo=UTC), doing.id, 1.5)
    assert [one.id for one in doing.list_cards()] == [card.id]
    assert todo.list_cards() == []
    (movement,) = again.list_movements()
    assert (movement["source"]["name"], movement["destination"]["name"]) == ("待办", "进行中")
    card.set_closed(True)
    assert doing.list_cards() == []
    assert [one.id for one in board.closed_cards()] == [card.id]
    card.delete()
    with pytest.raises(trello.exceptions.ResourceUnavailable):
        client.get_card(card.id)
    assert world.sandbox.records("cards") == {}


def test_a_card_goes_to_another_board(world: World, client: Any, board: Any) -> None:
    other = client.add_board("Other", default_lists=False)
    lane = other.add_list("L")
    card = board.open_lists()[0].add_card("n")
    card.change_board(other.id, lane.id)
    assert client.get_card(card.id).board_id == other.id
    assert board.all_cards() == []


def test_comments_labels_members(world: World, client: Any, board: Any) -> None:
    world.sandbox.person("李强")
    world.make("cards", "李强", idList=world.todo, name="joins")
    card = board.open_lists()[0].add_card("n")
    made = card.comment("first")
    card.update_comment(made["id"], "first, edited")
    world.clock.advance(1)
    card.comment("second")
    card.fetch()
    assert [one["data"]["text"] for one in card.get_comments()] == ["first, edited", "second"]
    card.delete_comment(made)
    assert [one["data"]["text"] for one in card.get_comments()] == ["second"]
    label = board.add_label("急", "red")
    card.add_label(label)
    assert [(one.name, one.color) for one in client.get_card(card.id).labels] == [("急", "red")]
    card.remove_label(label)
    assert client.get_card(card.id).labels == []
    board.delete_label(label.id)
    assert "急" not in [one.name for one in board.get_labels()]
    (member,) = (one for one in board.get_members() if one.full_name == "李强")
    card.add_member(member)
    assert client.get_card(card.id).member_ids == [member.id]
    card.remove_member(member)
    assert client.get_card(card.id).member_ids == []


def test_checklists(world: World, client: Any, board: Any) -> None:
    card = board.open_lists()[0].add_card("n")
    made = card.add_checklist("Vorher", ["a", "b"], [True, False])
    made.add_checklist_item("c")
    made.set_checklist_item("b", True)
    made.rename_checklist_item("c", "see")
    made.delete_checklist_item("a")
    made.rename("Nachher")
    (seen,) = client.get_card(card.id).checklists
    assert (seen.name, [(one["name"], one["checked"]) for one in seen.items]) == (
        "Nachher",
        [("b", True), ("see", False)],
    )
    made.delete()
    assert client.get_card(card.id).fetch_checklists() == []


def test_attachments(world: World, client: Any, board: Any) -> None:
    card = board.open_lists()[0].add_card("n")
    link = card.attach(name="Plan", url="https://example.com/plan")
    file = card.attach(name="计划.txt", mimeType="text/plain", file=io.BytesIO("内容".encode()))
    card.fetch()
    assert [(one.name, one.is_upload) for one in card.get_attachments()] == [("Plan", False), ("计划.txt", True)]
    assert (file["bytes"], file["mimeType"]) == (6, "text/plain")
    got = world.connector().download("attachments", f"{card.id}:{file['id']}")
    assert b"".join(got.chunks).decode() == "内容"
    card.remove_attachment(link["id"])
    assert [one.name for one in card.get_attachments()] == ["计划.txt"]


def test_custom_fields(world: World, client: Any, board: Any) -> None:
    for name, kind in (("T", "text"), ("N", "number"), ("C", "checkbox")):
        board.add_custom_field_definition(name, kind)
    board.add_custom_field_definition("L", "list", [{"value": {"text": "高"}}, {"value": {"text": "低"}}])
    card = board.open_lists()[0].add_card("n")
    fields = {one.name: one for one in board.get_custom_field_definitions()}
    card.set_custom_field("text", fields["T"])
    card.set_custom_field(12.5, fields["N"])
    card.set_custom_field("低", fields["L"])
    again = client.get_card(card.id)
    assert {one.name: one.value for one in again.custom_fields} == {"T": "text", "N": 12.5, "L": "低"}
    card.set_custom_field("", fields["T"])
    assert {one.name for one in client.get_card(card.id).custom_fields} == {"N", "L"}
    board.delete_custom_field_definition(fields["N"].id)
    (shown,) = world.connector().get("cards", [card.id])
    assert [one["idCustomField"] for one in shown.payload["customFieldItems"]] == [fields["L"].id]
