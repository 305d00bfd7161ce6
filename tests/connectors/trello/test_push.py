"""Writes against the stand-in: what is sent, what comes back, and what a crash leaves to be found."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.base import Write
from connectors.errors import Forbidden, GateClosed, NotFound
from connectors.sandbox.faults import Fault

from .conftest import World, one

MARKER = "acme/c-17"


def sent(world: World) -> list[str]:
    """The writing requests served, without ids."""
    lines = [line for line in world.sandbox.requests if not line.startswith("GET ")]
    return ["/".join(part for part in line.split("/") if len(part) != 24) for line in lines]


def test_a_created_card_carries_its_marker_and_hides_it(world: World) -> None:
    world.make("labels", idBoard=world.board, name="feedback", color="red")
    connector = world.connector()
    outcome = one(connector, "cards", "create", marker=MARKER, idList=world.todo, name="图标", labels=["feedback"])
    assert outcome.status == "done"
    assert sent(world) == ["POST /1/cards"]
    kept = world.sandbox.records("cards")[outcome.id]
    assert kept["attachments"][0]["url"] == "https://keepstep.invalid/m/acme%2Fc-17"
    for record in (outcome.record, next(connector.get("cards", [outcome.id])), connector.find("cards", MARKER)[0]):
        assert (record.id, record.marker, record.ours) == (outcome.id, MARKER, True)
        assert record.payload["attachments"] == []
        assert record.payload["badges"]["attachments"] == 0
    assert connector.find("cards", "another") == []


@pytest.mark.parametrize("kind", ["lost_after", "broken_after", "cut_off", "html"])
def test_a_create_whose_answer_is_lost_is_found_by_its_marker(world: World, kind: Any) -> None:
    connector = world.connector()
    world.sandbox.faults.switch_on(Fault(kind, match="POST /1/cards", times=1))
    outcome = one(connector, "cards", "create", marker=MARKER, idList=world.todo, name="n")
    assert outcome.status == "unknown"
    assert "token" not in outcome.reason
    found = connector.find("cards", MARKER)
    assert len(found) == len(world.sandbox.records("cards")) == (0 if kind == "html" else 1)
    for record in found:
        world.sandbox.edit("王芳", "cards", record.id, {"closed": True})
        world.sandbox.edit("王芳", "lists", world.todo, {"closed": True})
    assert [record.id for record in connector.find("cards", MARKER)] == [record.id for record in found]


def test_a_late_create_is_found_after_the_wait(world: World) -> None:
    connector = world.connector()
    world.sandbox.faults.switch_on(Fault("late", match="POST /1/cards", times=1, delay=10))
    assert one(connector, "cards", "create", marker=MARKER, idList=world.todo, name="n").status == "unknown"
    assert connector.find("cards", MARKER) == []
    world.clock.advance(11)
    assert len(connector.find("cards", MARKER)) == 1


def test_only_changed_fields_are_sent_and_the_part_that_answers_is_not_told_as_the_record(world: World) -> None:
    card = world.make("cards", idList=world.todo, name="n", due="2026-12-01T10:00:00.000Z", desc="d")
    outcome = one(world.connector(), "cards", "update", card, due=None, pos=123.5, idList=world.doing)
    assert (outcome.status, outcome.record) == ("done", None)
    kept = world.sandbox.records("cards")[card]
    assert (kept["due"], kept["pos"]) == (None, 123.5)
    assert sent(world) == ["PUT /1/cards"]
    changed = {name for entry in world.sandbox.truth.writes() for name in entry.changes}
    assert changed == {"due", "pos", "idList"}


def test_labels_and_members_are_added_and_removed_never_replaced(world: World) -> None:
    for name in ("a", "b", "c"):
        world.make("labels", idBoard=world.board, name=name, color="red")
    card = world.make("cards", idList=world.todo, name="n", labels=["a", "b"], idMembers=["李强", "王芳"])
    world.sandbox.person("赵敏")
    hub = world.sandbox.hub
    connector = world.connector()
    outcome = one(
        connector,
        "cards",
        "update",
        card,
        labels={"add": ["c"], "remove": ["a"]},
        idMembers={"add": [hub], "remove": []},
    )
    assert outcome.status == "done"
    assert sent(world) == ["POST /1/cards/idLabels", "DELETE /1/cards/idLabels", "POST /1/cards/idMembers"]
    real = next(connector.get("cards", [card])).payload
    for name in ("idLabels", "idMembers", "labels"):
        told = outcome.record.payload[name]
        plain = [each["name"] for each in told] if name == "labels" else told
        assert plain == ([each["name"] for each in real[name]] if name == "labels" else real[name])
    assert len(real["idMembers"]) == 3


def test_the_first_member_changes_and_nobody_else_leaves(world: World) -> None:
    card = world.make("cards", idList=world.todo, name="n", idMembers=["李强", "王芳"])
    old, stays = world.sandbox.records("cards")[card]["idMembers"]
    hub = world.sandbox.hub
    outcome = one(world.connector(), "cards", "update", card, idMembers={"add": [hub], "remove": [old], "first": hub})
    assert outcome.record.payload["idMembers"] == [hub, stays]
    assert world.sandbox.records("cards")[card]["idMembers"] == [hub, stays]


def test_a_label_that_the_board_does_not_have_is_refused_before_anything_is_sent(world: World) -> None:
    card = world.make("cards", idList=world.todo, name="n")
    outcome = one(world.connector(), "cards", "update", card, name="x", labels=["nowhere"])
    assert (outcome.status, outcome.code, outcome.field) == ("refused", "no_such_label", "labels")
    assert sent(world) == []


def test_items_are_added_changed_checked_and_removed(world: World) -> None:
    card = world.make("cards", idList=world.todo, name="n", checklists={"add": [{"name": "a"}, {"name": "b"}]})
    items = world.sandbox.records("cards")[card]["checklists"][0]["checkItems"]
    a, b = items[0]["id"], items[1]["id"]
    connector = world.connector()
    change = {"add": [{"name": "c", "state": "complete"}], "set": [{"id": a, "state": "complete"}], "remove": [b]}
    outcome = one(connector, "cards", "update", card, checklists=change)
    assert outcome.status == "done"
    (real,) = next(connector.get("cards", [card])).payload["checklists"]
    assert [(item["name"], item["state"]) for item in real["checkItems"]] == [("a", "complete"), ("c", "complete")]
    (shown,) = outcome.record.payload["checklists"]
    assert [item["id"] for item in shown["checkItems"]] == [item["id"] for item in real["checkItems"]]
    world.sandbox.requests.clear()
    assert (
        one(connector, "cards", "update", card, checklists={"set": [{"id": a, "state": "complete"}]}).status == "done"
    )
    assert sent(world) == []


def test_what_does_not_fit_into_a_checklist_goes_into_a_further_one(world: World) -> None:
    connector = world.connector()
    names = [f"{n}" for n in range(205)]
    card = one(
        connector, "cards", "create", idList=world.todo, name="n", checklists={"add": [{"name": n} for n in names]}
    )
    outcome = one(connector, "cards", "update", card.id, checklists={"add": [{"name": "more", "pos": 1}]})
    lists = sorted(world.sandbox.records("cards")[card.id]["checklists"], key=lambda each: each["pos"])
    assert [len(each["checkItems"]) for each in lists] == [200, 6]
    assert [item["name"] for each in lists for item in each["checkItems"]] == [*names, "more"]
    told = [item["id"] for each in outcome.record.payload["checklists"] for item in each["checkItems"]]
    assert told == [item["id"] for each in lists for item in each["checkItems"]]


def test_each_stream_is_made_changed_and_removed(world: World) -> None:
    connector = world.connector()
    card = world.make("cards", idList=world.todo, name="n")
    rows: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
        ("lists", {"idBoard": world.board, "name": "L"}, {"name": "M", "pos": 1.5}, "archive"),
        ("labels", {"idBoard": world.board, "name": "l", "color": None}, {"name": "m", "color": "red"}, "delete"),
        ("checklists", {"idCard": card, "name": "C", "checkItems": {"add": [{"name": "i"}]}}, {"name": "D"}, "delete"),
        ("comments", {"idCard": card, "text": "t" * 5000}, {"text": "u"}, "delete"),
        ("boards", {"name": "B", "desc": "d"}, {"name": "C"}, "archive"),
    ]
    for stream, values, changes, end in rows:
        made = one(connector, stream, "create", **values)
        assert made.status == "done", made
        updated = one(connector, stream, "update", made.id, **changes)
        assert updated.status == "done", updated
        (record,) = connector.get(stream, [made.id])
        for name, value in changes.items():
            assert record.payload[name] == updated.record.payload[name] == value
        assert one(connector, stream, end, made.id).status == "done"
        (record,) = connector.get(stream, [made.id])
        assert record.deleted == (end == "delete")
        if end == "delete":
            assert one(connector, stream, end, made.id).status == "gone"
    link = one(connector, "attachments", "create", idCard=card, url="https://example.com/x", name="X")
    assert next(connector.get("attachments", [link.id])).payload["name"] == "X"
    assert one(connector, "attachments", "delete", link.id).status == "done"
    assert next(connector.get("attachments", [link.id])).deleted


def test_a_board_keeps_its_marker_line_when_its_description_changes(world: World) -> None:
    connector = world.connector()
    board = one(connector, "boards", "create", marker=MARKER, name="B", desc="one").id
    assert one(connector, "boards", "update", board, desc="two").record.payload["desc"] == "two"
    (found,) = connector.find("boards", MARKER)
    assert (found.id, found.payload["desc"], found.marker) == (board, "two", MARKER)


@pytest.mark.parametrize(
    ("stream", "kind", "values", "code"),
    [
        ("cards", "create", {"name": "n"}, "field_missing"),
        ("cards", "update", {"colour": "red"}, "unknown_field"),
        ("lists", "delete", {}, "unsupported"),
        ("comments", "archive", {}, "unsupported"),
        ("members", "update", {"fullName": "x"}, "unsupported"),
        ("attachments", "update", {"name": "x"}, "unsupported"),
        ("comments", "update", {"idCard": "0" * 24}, "unsupported"),
        ("cards", "update", {"checklists": []}, "bad_form"),
    ],
)
def test_what_cannot_be_written_is_refused_here(world: World, stream: str, kind: str, values: Any, code: str) -> None:
    id = None if kind == "create" else world.make("cards", idList=world.todo, name="n")
    outcome = one(world.connector(), stream, kind, id, **values)
    assert (outcome.status, outcome.code) == ("refused", code)
    assert sent(world) == []


@pytest.mark.parametrize(
    ("fault", "status"),
    [("rate_limited", "not_sent"), ("expired", "not_sent"), ("lost_after", "unknown"), ("unavailable", "unknown")],
)
def test_every_write_has_one_outcome_whatever_happens(world: World, fault: Any, status: str) -> None:
    cards = [world.make("cards", idList=world.todo, name=f"c{n}") for n in range(3)]
    world.sandbox.faults.switch_on(Fault(fault, match=f"PUT /1/cards/{cards[1]}"))
    writes = [Write(intent=card, kind="update", id=card, values={"name": "x"}) for card in cards]
    outcomes = list(world.connector().push("cards", writes, lambda: None))
    assert [(outcome.intent, outcome.status) for outcome in outcomes] == list(
        zip(cards, ["done", status, "done"], strict=True)
    )


def test_a_failure_after_the_first_request_is_never_told_as_nothing_happened(world: World) -> None:
    card = world.make("cards", idList=world.todo, name="n")
    world.sandbox.faults.switch_on(Fault("rate_limited", match="idMembers"))
    outcome = one(world.connector(), "cards", "update", card, name="x", idMembers={"add": [world.sandbox.hub]})
    assert outcome.status == "unknown"
    assert world.sandbox.records("cards")[card]["name"] == "x"


def test_a_gate_that_closes_midway_stops_before_the_next_request(world: World) -> None:
    card = world.make("cards", idList=world.todo, name="n")
    passed: list[int] = []

    def gate() -> None:
        if passed:
            raise GateClosed("lease lost")
        passed.append(1)

    writes = [Write(intent=str(n), kind="update", id=card, values={"name": str(n)}) for n in range(2)]
    outcomes = list(world.connector().push("cards", writes, gate))
    assert [outcome.status for outcome in outcomes] == ["done", "not_sent"]
    assert world.sandbox.records("cards")[card]["name"] == "0"


def test_what_we_made_is_found_by_author_and_time(world: World) -> None:
    connector = world.connector()
    card = world.make("cards", idList=world.todo, name="n")
    world.make("comments", idCard=card, text="theirs")
    one(connector, "comments", "create", idCard=card, text="too early")
    world.clock.advance(100)
    since = world.sandbox.now()
    mine = {
        "comments": one(connector, "comments", "create", idCard=card, text="ours").id,
        "lists": one(connector, "lists", "create", idBoard=world.board, name="ours").id,
        "checklists": one(connector, "checklists", "create", idCard=card, name="ours").id,
        "attachments": one(connector, "attachments", "create", idCard=card, url="https://example.com/o").id,
        "labels": one(connector, "labels", "create", idBoard=world.board, name="ours", color="red").id,
    }
    world.make("comments", idCard=card, text="theirs again")
    world.make("checklists", idCard=card, name="theirs")
    for stream, id in mine.items():
        for scope in (None, world.board, card):
            assert [record.id for record in connector.made_since(stream, scope, since)] == [id], stream


def test_history_tells_old_and_new_time_and_author(world: World) -> None:
    card = world.make("cards", idList=world.todo, name="one", idMembers=["李强"])
    (first,) = world.sandbox.records("cards")[card]["idMembers"]
    connector = world.connector()
    world.clock.advance(60)
    since = world.sandbox.now()
    world.clock.advance(1)
    world.sandbox.edit("李强", "cards", card, {"name": "two"})
    world.clock.advance(1)
    one(connector, "cards", "update", card, name="three", idMembers={"add": [world.sandbox.hub]})
    world.clock.advance(1)
    world.sandbox.edit("李强", "cards", card, {"idMembers": {"remove": [first]}, "idList": world.done})
    told = list(connector.history("cards", [card], since))
    hub = world.sandbox.hub
    assert [(each.field, each.old, each.new, each.ours) for each in told] == [
        ("name", "one", "two", False),
        ("name", "two", "three", True),
        ("idMembers", [first], [first, hub], True),
        ("idMembers", [first, hub], [hub], False),
        ("idList", world.todo, world.done, False),
    ]
    assert [each.at for each in told] == sorted(each.at for each in told)
    assert (told[0].by, told[0].by_name) == (first, "李强")
    assert list(connector.history("comments", [card], since)) == []


def test_label_history_is_told_against_the_entry_before_because_the_log_repeats_the_new_value(world: World) -> None:
    a, b = (world.make("labels", idBoard=world.board, name=name, color="red") for name in "ab")
    card = world.make("cards", idList=world.todo, name="n")
    for labels in ([a], [a, b], [b]):
        world.clock.advance(1)
        world.sandbox.edit("李强", "cards", card, {"idLabels": labels})
    told = list(world.connector().history("cards", [card], "2026-01-01T00:00:00.000Z"))
    assert [(each.old, each.new) for each in told] == [([a], [a, b]), ([a, b], [b])]


def test_description_names_lists_labels_people_and_what_lists_mean(world: World) -> None:
    world.make("lists", idBoard=world.board, name="Ideen")
    world.make("labels", idBoard=world.board, name="feedback", color="red")
    described = world.connector().describe()
    fields = {field.name: field for field in described.stream("cards").fields}
    assert fields["idList"].classes == {world.todo: "todo", world.doing: "doing", world.done: "done"}
    assert len(fields["idList"].values or ()) == 4
    assert "feedback" in (fields["labels"].values or ())
    entries = {field.label: field.kind for field in described.stream("lists").fields if not field.writable}
    assert entries["进行中"] == world.board
    assert "王芳" in {field.label for field in described.stream("members").fields}
    cards = described.stream("cards").abilities
    assert (cards.guarded, cards.history, cards.versioned, cards.returns_record) == (False, True, False, False)


def test_check_names_the_account_and_a_board_out_of_reach(world: World) -> None:
    account = world.connector().check()
    assert (account.id, account.name, account.site) == (world.sandbox.hub, "Keepstep", "trello.com")
    assert [feed.name for feed in world.connector(boards=[world.board]).describe().feeds] == [world.feed]
    away = world.make("boards", name="away")
    world.sandbox.hide(away)
    for boards in ([away], ["0" * 24], [away, "0" * 24]):
        with pytest.raises((Forbidden, NotFound)):
            world.connector(boards=boards).check()
    mixed = world.connector(boards=[world.board, away, "0" * 24])
    assert mixed.check() == account
    names = [feed.name.partition(":")[2] for feed in mixed.describe().feeds]
    assert names == [world.board, away, "0" * 24]  # whose pulls say what is wrong with them
    for board in (away, "0" * 24):
        with pytest.raises((Forbidden, NotFound)):
            list(mixed.pull(f"board:{board}"))


def test_an_item_moves_to_another_checklist_and_back_into_order(world: World) -> None:
    card = world.make("cards", idList=world.todo, name="n")
    one_list, other = (
        world.make(
            "checklists", idCard=card, name=name, checkItems={"add": [{"name": f"{name}1"}, {"name": f"{name}2"}]}
        )
        for name in "AB"
    )
    lists = world.sandbox.records("checklists")
    moved = lists[one_list]["checkItems"][0]["id"]
    pos = lists[other]["checkItems"][0]["pos"] + 1
    change = {"set": [{"id": moved, "idChecklist": other, "pos": pos}]}
    outcome = one(world.connector(), "cards", "update", card, checklists=change)
    assert sent(world) == ["PUT /1/cards/checkItem"]
    for shown in (
        outcome.record.payload["checklists"],
        next(world.connector().get("cards", [card])).payload["checklists"],
    ):
        assert {one["name"]: [item["name"] for item in one["checkItems"]] for one in shown} == {
            "A": ["A2"],
            "B": ["B1", "A1", "B2"],
        }
    assert outcome.record.payload["checklists"] == next(world.connector().get("cards", [card])).payload["checklists"]


def test_a_comment_is_edited_by_its_author_alone(world: World) -> None:
    card = world.make("cards", idList=world.todo, name="n")
    theirs = world.make("comments", idCard=card, text="theirs")
    outcome = one(world.connector(), "comments", "update", theirs, text="ours now")
    assert outcome.status == "refused"
    assert world.sandbox.records("comments")[theirs]["data"]["text"] == "theirs"
