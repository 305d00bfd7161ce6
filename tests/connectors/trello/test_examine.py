"""Looking over, preparing and taking away: what is told, what is sent, and what stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connectors.errors import AuthFailed, RecordRefused, ScopeMissing
from connectors.examining import Examines, KnowsPlaces, Symptom
from connectors.preparing import Prepares
from connectors.sandbox.hosting import SandboxTransport
from connectors.trello import CONNECTOR
from connectors.trello.sandbox import SANDBOX
from mapping.model import Form, Kind, Model, OwnField

from .conftest import BASE, World, context, one


def symptoms(world: World, **more: Any) -> list[Symptom]:
    connector = world.connector(**more)
    assert isinstance(connector, Examines)
    found = connector.examine()
    assert {line.split(" ")[0] for line in world.sandbox.requests} == {"GET"}
    return [each for each in found if each.code != "window"]


def told(found: list[Symptom]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(each.code, each.severity, dict(each.params)) for each in found]


def test_a_good_account_has_only_windows_to_tell(world: World) -> None:
    assert symptoms(world) == []
    assert len(world.sandbox.requests) <= 5
    windows = {each.params["stream"] for each in world.connector().examine() if each.code == "window"}
    assert windows == {"boards", "lists", "checklists", "labels", "comments"}


def test_scopes_clock_and_end_of_the_token_are_told(world: World) -> None:
    world.sandbox.scopes = ["read", "account"]
    world.sandbox.skew = timedelta(seconds=-95)
    world.sandbox.token_expires = "2026-11-20T00:00:00.000Z"
    assert told(symptoms(world)) == [
        ("clock_skew", "warning", {"seconds": -95}),
        ("scope_missing", "error", {"scope": "write", "needed_for": "push"}),
        ("scope_excess", "warning", {"scope": "account", "needed_for": None}),
        ("expires", "warning", {"what": "token", "at": "2026-11-20T00:00:00.000Z"}),
    ]
    world.sandbox.scopes = ["read", "write"]
    world.sandbox.token_expires = "2027-11-20T00:00:00.000Z"
    world.sandbox.skew = timedelta(seconds=20)
    settings = CONNECTOR.settings(**SANDBOX.settings(world.sandbox, BASE))
    reading: Any = CONNECTOR.build(settings, context(world.clock, SandboxTransport(world.sandbox), access="read"))
    assert told(reading.examine()) == [("scope_excess", "warning", {"scope": "write", "needed_for": None})]


def test_boards_gone_hidden_and_closed_are_told(world: World) -> None:
    hidden, closed = world.make("boards", name="hidden"), world.make("boards", name="closed")
    world.sandbox.hide(hidden)
    world.sandbox.edit("王芳", "boards", closed, {"closed": True})
    assert told(symptoms(world, boards=[world.board, hidden, "f" * 24, closed])) == [
        ("place_missing", "error", {"place": hidden}),
        ("place_missing", "error", {"place": "f" * 24}),
        ("place_closed", "warning", {"place": "closed"}),
    ]


def test_lists_without_a_meaning_and_of_one_name_are_told(world: World) -> None:
    for name in ("Ideen", "Später 🧊", "进行中", "Alt"):
        last = world.make("lists", idBoard=world.board, name=name)
    world.sandbox.edit("王芳", "lists", last, {"closed": True})
    about = {"stream": "cards", "field": "idList", "where": "客户项目"}
    assert told(symptoms(world, values={"status": {"Ideen": "todo"}})) == [
        ("value_unmapped", "warning", {**about, "value": "Später 🧊"}),
        ("value_ambiguous", "warning", {**about, "value": "进行中"}),
    ]


def test_configured_fields_are_looked_for(world: World) -> None:
    other = world.make("boards", name="Other")
    for board, name, kind in [
        (world.board, "Both", "text"),
        (other, "Both", "checkbox"),
        (world.board, "Twice", "text"),
        (world.board, "Twice", "text"),
        (world.board, "Fine", "date"),
        (other, "Fine", "date"),
    ]:
        id = world.make("customFields", idModel=board, name=name, type=kind)
    custom = {"title": "Both", "description": "Twice", "due_date": "Fine", "priority": "None", "start_date": id}
    assert told(symptoms(world, custom={"cards": custom})) == [
        ("field_retyped", "error", {"stream": "cards", "field": "Both", "kinds": ["checkbox"]}),
        ("field_ambiguous", "warning", {"stream": "cards", "field": "Twice", "where": "客户项目"}),
        ("field_missing", "info", {"stream": "cards", "field": "Twice", "where": "Other"}),
        ("field_missing", "error", {"stream": "cards", "field": "None"}),
    ]


def test_limits_that_are_near_and_other_tools_are_told(world: World) -> None:
    world.sandbox.limits[world.board] = {
        "labels": {"perBoard": {"status": "warn", "warnAt": 800, "disableAt": 1000, "count": 812}},
        "cards": {"openPerBoard": {"status": "ok", "warnAt": 4000, "disableAt": 5000}},
    }
    world.sandbox.plugins[world.board] = [{"id": "1" * 24, "name": "Unito"}, {"id": "2" * 24, "name": "Makeover"}]
    assert told(symptoms(world)) == [
        ("other_tool", "warning", {"tool": "Unito", "where": "客户项目"}),
        ("limit_near", "warning", {"what": "labels.perBoard", "where": "客户项目", "most": 1000}),
    ]


def test_where_nothing_can_be_seen_that_is_raised(world: World) -> None:
    with pytest.raises(AuthFailed):
        world.connector(token="wrong").examine()


# -- preparing


def test_labels_are_told_made_once_and_taken_away(world: World) -> None:
    other = world.make("boards", name="Other")
    world.make("labels", idBoard=other, name="Feedback", color="red")
    connector = world.connector(labels={"milestone": "里程碑"})
    assert isinstance(connector, Prepares)
    ids = [f"label:{board}:{name}" for board in (world.board, other) for name in ("feedback", "里程碑")]
    assert [(each.id, each.present, each.manual) for each in connector.additions()] == [
        (ids[0], False, False),
        (ids[1], False, False),
        (ids[2], True, False),
        (ids[3], False, False),
    ]
    home = world.sandbox.records("boards")[world.board]["name"]
    assert [each.place for each in connector.additions()] == [home, home, "Other", "Other"]
    assert {each.place for each in world.connector(boards=[other]).additions()} == {""}
    for id in (*ids, *ids):
        connector.add(id, lambda: None)
    assert all(each.present for each in connector.additions())
    assert [line for line in world.sandbox.requests if not line.startswith("GET")] == ["POST /1/labels"] * 3
    world.sandbox.requests.clear()
    world.make("cards", idList=world.todo, name="n", labels=["feedback"])
    with pytest.raises(RecordRefused) as refused:
        connector.remove(ids[0], lambda: None)
    assert refused.value.code == "in_use"
    for _ in range(2):
        connector.remove(ids[1], lambda: None)
    assert [each.present for each in connector.additions()] == [True, False, True, True]
    with pytest.raises(KeyError):
        connector.remove(f"label:{world.board}:somebody else's", lambda: None)


def test_custom_fields_that_are_missing_are_told_made_with_their_options_and_never_taken_away(world: World) -> None:
    other = world.make("boards", name="Other")
    world.make("customFields", idModel=other, name="Hours ", type="number")
    level = OwnField(form=Form.CHOICE, classes=("bronze", "gold"))
    model = Model({Kind.TASK: {"level": level, "hours": OwnField(form=Form.NUMBER), "seen": OwnField(form=Form.FLAG)}})
    custom = {"level": "Level", "hours": "Hours", "priority": "Prio", "seen": "5" * 24}
    values = {"level": {"Gold 24x7": "gold"}}
    connector = world.connector(model, custom={"cards": custom}, values=values, labels={})
    told = [each for each in connector.additions() if each.purpose == "field"]
    ids = [f"field:{world.board}:Level", f"field:{world.board}:Hours", f"field:{other}:Level"]
    assert [(each.id, each.present, each.manual) for each in told] == [(id, False, False) for id in ids]
    assert "of type list" in told[0].steps
    world.sandbox.requests.clear()
    for id in (*ids, *ids):
        connector.add(id, lambda: None)
    sent = [line for line in world.sandbox.requests if not line.startswith("GET")]
    assert [line.partition("?")[0] for line in sent if "options" not in line] == ["POST /1/customFields"] * 3
    made = {
        each["name"]: each for each in world.sandbox.records("customFields").values() if each["idModel"] == world.board
    }
    assert [option["value"]["text"] for option in made["Level"]["options"]] == ["bronze", "Gold 24x7"]
    assert made["Hours"]["type"] == "number"
    assert not [each for each in connector.additions() if each.purpose == "field"], "what is there is people's"
    with pytest.raises(RecordRefused, match="it stays"):
        connector.remove(ids[0], lambda: None)
    for id in (f"field:{world.board}:Prio", f"field:{world.board}:{'5' * 24}"):
        with pytest.raises(KeyError):
            connector.add(id, lambda: None)


def test_a_board_that_may_not_be_changed_says_what_to_grant(world: World) -> None:
    connector = world.connector(boards=[world.board])
    world.sandbox.hide(world.board)
    assert connector.additions() == []
    with pytest.raises(ScopeMissing, match="member of the board"):
        connector.add(f"label:{world.board}:feedback", lambda: None)
    assert world.sandbox.records("labels") != {}
    assert not any(each["name"] == "feedback" for each in world.sandbox.records("labels").values())


def test_markers_come_off_and_people_keep_the_rest(world: World) -> None:
    connector = world.connector()
    board = one(connector, "boards", "create", marker="b", name="B", desc="ours").id
    card = one(connector, "cards", "create", marker="m", idList=world.todo, name="n", desc="d").id
    link = world.make("attachments", idCard=card, url="https://example.com/")
    plain = world.make("cards", idList=world.todo, name="plain")
    gone = "f" * 24
    outcomes = connector.unmark("cards", [card, plain, gone], lambda: None)
    assert [(each.intent, each.status) for each in outcomes] == [(card, "done"), (plain, "done"), (gone, "gone")]
    assert [each.status for each in connector.unmark("boards", [board, world.board], lambda: None)] == ["done", "done"]
    assert [each.status for each in connector.unmark("comments", ["c"], lambda: None)] == ["done"]
    assert connector.find("cards", "m") == connector.find("boards", "b") == []
    kept = next(connector.get("cards", [card]))
    assert (kept.marker, kept.payload["name"], kept.payload["desc"]) == (None, "n", "d")
    assert [f"{card}:{each['id']}" for each in kept.payload["attachments"]] == [link]
    assert world.sandbox.records("boards")[board]["desc"] == "ours"
    writes = [line.split(" ")[0] for line in world.sandbox.requests if not line.startswith(("GET", "POST"))]
    assert writes == ["DELETE", "PUT"]


def test_a_list_for_new_cards_that_is_not_there_or_closed_is_told(world: World) -> None:
    board = world.sandbox.create("Ann", "boards", {"name": "Acme"})
    there = world.sandbox.create("Ann", "lists", {"name": "To do", "idBoard": board})
    closed = world.sandbox.create("Ann", "lists", {"name": "Old", "idBoard": board})
    world.sandbox.edit("Ann", "lists", closed, {"closed": True})
    connector = world.connector()
    assert isinstance(connector, KnowsPlaces)
    assert told(connector.misplaced("cards", {"idList": there, "idBoard": board})) == []
    assert told(connector.misplaced("cards", {"idList": closed})) == [
        ("place_closed", "warning", {"place": "list Old"})
    ]
    assert told(connector.misplaced("cards", {"idList": "Todoo/../x"})) == [
        ("place_missing", "error", {"place": "list Todoo/../x"})
    ]
    assert {line.split(" ")[0] for line in world.sandbox.requests} == {"GET"}
