"""Custom fields: described by board, read with their card, told by the log, written one by one."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.sandbox.faults import Fault

from .conftest import World, one

VALUES: dict[str, Any] = {
    "text": {"value": {"text": "长城 🧱"}},
    "number": {"value": {"number": "12.50"}},
    "date": {"value": {"date": "2026-12-01T10:00:00.000Z"}},
    "checkbox": {"value": {"checked": "true"}},
}


def field(world: World, kind: str, name: str = "F", board: str | None = None, **more: Any) -> str:
    return world.make("customFields", idModel=board or world.board, name=name, type=kind, **more)


def items(world: World, card: str) -> dict[str, Any]:
    return {
        each["idCustomField"]: {"idValue": each["idValue"]} if each.get("idValue") else {"value": each["value"]}
        for each in world.sandbox.records("cards")[card]["customFieldItems"]
    }


def test_a_field_is_described_with_its_board_type_and_options(world: World) -> None:
    other = world.make("boards", name="Other")
    ids = [field(world, "list", "优先级", options=["高", "低"]), field(world, "number", "优先级", other)]
    found = {each.name: each for each in world.connector().describe().stream("cards").fields if each.custom}
    assert [(found[id].label, found[id].kind, found[id].scope, found[id].writable) for id in ids] == [
        ("优先级", "list", world.board, True),
        ("优先级", "number", other, True),
    ]
    options = world.sandbox.records("customFields")[ids[0]]["options"]
    assert found[ids[0]].values == [each["id"] for each in options]
    assert found[ids[0]].called == {options[0]["id"]: "高", options[1]["id"]: "低"}
    assert (found[ids[1]].values, found[ids[1]].called) == (None, None)


@pytest.mark.parametrize("kind", VALUES)
def test_a_value_is_set_and_taken_away_with_one_request_each(world: World, kind: str) -> None:
    id = field(world, kind)
    card = world.make("cards", idList=world.todo, name="n")
    connector = world.connector()
    assert one(connector, "cards", "update", card, customFieldItems={id: VALUES[kind]}).status == "done"
    assert items(world, card) == {id: VALUES[kind]}
    (shown,) = next(connector.get("cards", [card])).payload["customFieldItems"]
    assert (shown["idCustomField"], shown["value"]) == (id, VALUES[kind]["value"])
    assert one(connector, "cards", "update", card, customFieldItems={id: None}).status == "done"
    assert items(world, card) == {}
    assert [each.partition("/customField/")[1] for each in world.sandbox.requests if each.startswith("PUT")] == [
        "/customField/",
        "/customField/",
    ]


def test_an_option_is_chosen_and_no_other_form_is_taken(world: World) -> None:
    id = field(world, "list", options=["高", "低"])
    high, _ = (each["id"] for each in world.sandbox.records("customFields")[id]["options"])
    card = world.make("cards", idList=world.todo, name="n")
    connector = world.connector()
    assert one(connector, "cards", "update", card, customFieldItems={id: {"idValue": high}}).status == "done"
    assert items(world, card) == {id: {"idValue": high}}
    wrong = one(connector, "cards", "update", card, customFieldItems={id: {"value": {"text": "高"}}})
    assert (wrong.status, wrong.field) == ("refused", "customFieldItems")
    assert items(world, card) == {id: {"idValue": high}}


@pytest.mark.parametrize("value", [[], {"f": "高"}, {"f": {"value": {"text": 1}}}, {"f": {"idValue": ""}}, {"f": {}}])
def test_what_is_no_value_is_refused_before_anything_is_sent(world: World, value: Any) -> None:
    card = world.make("cards", idList=world.todo, name="n")
    outcome = one(world.connector(), "cards", "update", card, name="x", customFieldItems=value)
    assert (outcome.status, outcome.code, outcome.field) == ("refused", "bad_form", "customFieldItems")
    assert world.sandbox.records("cards")[card]["name"] == "n"


def test_a_new_card_takes_the_fields_of_its_own_board(world: World) -> None:
    other = world.make("boards", name="Other")
    own, foreign = field(world, "text"), field(world, "text", board=other)
    connector = world.connector()
    value = VALUES["text"]
    outcome = one(
        connector,
        "cards",
        "create",
        marker="m",
        idList=world.todo,
        name="n",
        customFieldItems={own: value, foreign: value},
    )
    assert outcome.status == "done"
    assert items(world, outcome.id) == {own: value}
    (shown,) = outcome.record.payload["customFieldItems"]
    assert (shown["idCustomField"], shown["value"]) == (own, value["value"])


def test_values_beside_labels_are_told_back_with_the_record(world: World) -> None:
    kept, changed = field(world, "text", "A"), field(world, "text", "B")
    world.make("labels", idBoard=world.board, name="bug", color="red")
    card = world.make("cards", idList=world.todo, name="n", customFieldItems={kept: VALUES["text"]})
    items_wanted = {changed: {"value": {"text": "b"}}}
    outcome = one(world.connector(), "cards", "update", card, labels={"add": ["bug"]}, customFieldItems=items_wanted)
    told = {each["idCustomField"]: each["value"] for each in outcome.record.payload["customFieldItems"]}
    assert told == {kept: VALUES["text"]["value"], changed: {"text": "b"}}
    real = next(world.connector().get("cards", [card])).payload["customFieldItems"]
    assert told == {each["idCustomField"]: each["value"] for each in real}


def test_a_second_value_that_fails_is_never_told_as_nothing_happened(world: World) -> None:
    first, second = field(world, "text", "A"), field(world, "text", "B")
    card = world.make("cards", idList=world.todo, name="n")
    world.sandbox.faults.switch_on(Fault("unavailable", match=second))
    wanted = dict.fromkeys((first, second), VALUES["text"])
    assert one(world.connector(), "cards", "update", card, customFieldItems=wanted).status == "unknown"
    assert items(world, card) == {first: VALUES["text"]}


def test_the_log_tells_of_values_and_of_fields_that_go(world: World) -> None:
    id = field(world, "text")
    cards = [world.make("cards", idList=world.todo, name=name, customFieldItems={id: VALUES["text"]}) for name in "ab"]
    connector = world.connector()
    crawled = [record for page in connector.pull(world.feed) for record in page.records]
    assert [len(one.payload["customFieldItems"]) for one in crawled if one.stream == "cards"] == [1, 1]
    cursor = list(connector.pull(world.feed))[-1].cursor

    def pulled(cursor: str) -> tuple[dict[str, Any], str]:
        pages = list(connector.pull(world.feed, cursor))
        assert [each for page in pages for each in page.ignored] == []
        records = [record for page in pages for record in page.records if record.stream == "cards"]
        return {record.id: record.payload["customFieldItems"] for record in records}, pages[-1].cursor

    world.clock.advance(61)
    world.sandbox.edit("李强", "cards", cards[0], {"customFieldItems": {id: {"value": {"text": "new"}}}})
    seen, cursor = pulled(cursor)
    assert {card: row[0]["value"] for card, row in seen.items()} == {cards[0]: {"text": "new"}}
    world.clock.advance(61)
    world.sandbox.delete("李强", "customFields", id)
    seen, cursor = pulled(cursor)
    assert seen == {cards[0]: [], cards[1]: []}
    assert pulled(cursor)[0] == {}
