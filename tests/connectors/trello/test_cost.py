"""What reading and writing cost in requests, as the guide says, and data that is odd and still comes whole."""

from __future__ import annotations

from typing import Any

import pytest

from mapping.fields import Options
from mapping.trello import MAPPING

from .conftest import World, one


def count(world: World) -> int:
    found = len(world.sandbox.requests)
    world.sandbox.requests.clear()
    return found


@pytest.mark.parametrize(("cards", "requests"), [(0, 6), (3, 7), (250, 7)])
def test_a_crawl_costs_the_same_whatever_lies_on_the_board(world: World, cards: int, requests: int) -> None:
    for n in range(cards):
        card = world.make("cards", idList=world.todo, name=f"c{n}", checklists={"add": [{"name": "i"}]})
        world.make("attachments", idCard=card, url="https://example.com/")
    world.crawl(world.connector())
    assert count(world) == requests  # where there are cards, the archived lists are asked for


@pytest.mark.parametrize(("changed", "requests"), [(0, 1), (1, 2), (10, 2), (25, 4)])
def test_changed_cards_are_read_ten_a_request(world: World, changed: int, requests: int) -> None:
    cards = [world.make("cards", idList=world.todo, name=f"c{n}") for n in range(30)]
    connector = world.connector()
    cursor = world.crawl(connector)
    world.clock.advance(61)
    for card in cards[:changed]:
        world.sandbox.edit("王芳", "cards", card, {"name": "new", "pos": 1.5})
    count(world)
    pages = list(connector.pull(world.feed, cursor))
    assert {record.id for page in pages for record in page.records} == set(cards[:changed])
    assert count(world) == requests


@pytest.mark.parametrize(
    ("values", "requests"),
    [
        ({"name": "x", "desc": "d", "due": None, "pos": 2.5}, 1),
        ({"name": "x", "labels": {"add": ["a", "b"]}}, 2 + 3),
        ({"checklists": {"add": [{"name": "i"}, {"name": "j"}]}}, 1 + 1 + 2),
        ({"idMembers": {"add": ["HUB"]}}, 1 + 1),
        ({"customFieldItems": {"FIELD": {"value": {"text": "t"}}}}, 1),
        ({"name": "x", "customFieldItems": {"FIELD": {"value": {"text": "t"}}}}, 2),
    ],
)
def test_a_write_costs_what_the_guide_says(world: World, values: dict[str, Any], requests: int) -> None:
    for name in "ab":
        world.make("labels", idBoard=world.board, name=name, color="red")
    field = world.make("customFields", idModel=world.board, name="F", type="text")
    card = world.make("cards", idList=world.todo, name="n")
    if "customFieldItems" in values:
        values = {**values, "customFieldItems": {field: values["customFieldItems"]["FIELD"]}}
    if "idMembers" in values:
        values = {"idMembers": {"add": [world.sandbox.hub]}}
    connector = world.connector()
    connector.check()
    count(world)
    assert one(connector, "cards", "update", card, **values).status == "done"
    assert count(world) == requests


ODD = "👩‍👩‍👧 مرحبا 𠜎 e\u0301 \u200b"


def test_odd_texts_and_positions_come_back_as_they_went(world: World) -> None:
    connector = world.connector()
    desc = ("🧱" * 16384)[:16384]
    card = one(connector, "cards", "create", idList=world.todo, name=ODD, desc=desc, pos=0.0000152587890625).id
    (record,) = connector.get("cards", [card])
    assert (record.payload["name"], record.payload["desc"]) == (ODD, desc)
    assert record.payload["pos"] == 0.0000152587890625
    comment = one(connector, "comments", "create", idCard=card, text=ODD).id
    assert next(connector.get("comments", [comment])).payload["text"] == ODD
    lane = one(connector, "lists", "create", idBoard=world.board, name="🚀").id
    assert next(connector.get("lists", [lane])).payload["name"] == "🚀"


def test_open_cards_in_a_closed_list_are_read_as_archived_and_keep_their_status(world: World) -> None:
    card = world.make("cards", idList=world.doing, name="n")
    world.sandbox.edit("王芳", "lists", world.doing, {"closed": True})
    connector = world.connector()
    records = {record.id: record for page in connector.pull(world.feed) for record in page.records}
    mapped = MAPPING.build(Options(), connector.describe())["cards"].canon(records[card])
    assert (mapped.values["status"], mapped.values["archived"], mapped.losses) == ("doing", True, [])
    (offered,) = (each.values for each in connector.describe().stream("cards").fields if each.name == "idList")
    assert offered is not None
    assert (world.todo in offered, world.doing in offered) == (True, False)


def test_a_member_who_is_gone_stays_a_person_without_a_name(world: World) -> None:
    card = world.make("cards", idList=world.todo, name="n", idMembers=["李强"])
    connector = world.connector()
    cursor = world.crawl(connector)
    (gone,) = world.sandbox.records("cards")[card]["idMembers"]
    world.sandbox.on_board[world.board].remove(gone)
    del world.sandbox.members[gone]
    told = [record for page in connector.pull(world.feed, cursor) for record in page.records]
    assert [(one.stream, one.id, one.deleted) for one in told] == [("members", gone, True)]
    mapper = MAPPING.build(Options(), connector.describe())["cards"]
    (record,) = connector.get("cards", [card])
    assert mapper.canon(record).values["assignee"] == {"account": gone, "name": None, "email": None}


def test_a_card_moved_between_boards_keeps_its_values_where_the_other_board_has_the_field(world: World) -> None:
    other = world.make("boards", name="Other")
    lane = world.make("lists", idBoard=other, name="L")
    ids = {
        (board, name): world.make("customFields", idModel=board, name=name, type="text")
        for board, name in ((world.board, "Both"), (world.board, "Here"), (other, "Both"))
    }
    text = {"value": {"text": "t"}}
    items = {ids[world.board, name]: text for name in ("Both", "Here")}
    card = world.make("cards", idList=world.todo, name="n", customFieldItems=items)
    connector = world.connector()
    mapper = MAPPING.build(Options(custom={"cards": {"priority": "Both"}}), connector.describe())["cards"]
    world.sandbox.edit("王芳", "cards", card, {"idBoard": other, "idList": lane})
    (record,) = connector.get("cards", [card])
    assert [one["idCustomField"] for one in record.payload["customFieldItems"]] == [ids[other, "Both"]]
    assert [loss.why for loss in mapper.canon(record).losses if loss.field == "customFieldItems"] == ["unknown_value"]
