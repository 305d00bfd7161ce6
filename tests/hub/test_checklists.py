"""Checklists between two Trello accounts, and with a paragraph field of Jira: merged item by item."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from keepstep.config import ConfigurationError
from keepstep.hub import Hub
from keepstep.store import tables as t
from tests.databases import Databases
from tests.hub.conftest import Company

FIELD = "customfield_10300"


@pytest.fixture
def boards(company: Company, databases: Databases) -> Callable[..., Hub]:
    """Two accounts of Trello, each with a board of its own."""
    company.another("other", "trello")
    company.board("board")
    company.board("other")
    store = databases.url()

    def build(**changes: Any) -> Hub:
        create = {"board.cards": {"list": "To Do"}, "other.cards": {"list": "To Do"}}
        sync = {"entity": "task", "mode": "write", "sides": list(create), "create": create, "with": ["checklist"]}
        return company.only({"tasks": sync | changes}, store=store)

    return build


def card(company: Company, side: str, title: str = "Design") -> str:
    return next(id for id, raw in company.cores[side].records("cards").items() if raw["name"] == title)


def rows(company: Company, side: str) -> list[dict[str, Any]]:
    lists = company.cores[side].records("cards")[card(company, side)]["checklists"]
    return [
        item
        for one in sorted(lists, key=lambda each: each["pos"])
        for item in sorted(one["checkItems"], key=lambda each: each["pos"])
    ]


def shown(company: Company, side: str) -> list[str]:
    return [item["name"] + "+" * (item["state"] == "complete") for item in rows(company, side)]


def edit(company: Company, side: str, **change: Any) -> None:
    """A person's hand on the items: ``add`` texts, ``set`` text -> changes, ``remove`` texts."""
    ids = {item["name"]: item["id"] for item in rows(company, side)}
    checklists = {
        "add": [{"name": name} for name in change.get("add", ())],
        "set": [{"id": ids[name], **values} for name, values in change.get("set", {}).items()],
        "remove": [ids[name] for name in change.get("remove", ())],
    }
    company.cores[side].edit("Bert", "cards", card(company, side), {"checklists": checklists})


def begin(company: Company, *names: str, side: str = "board") -> None:
    checklists = {"add": [{"name": name} for name in names]}
    lists = company.cores[side].records("lists")
    company.cores[side].create(
        "Bert", "cards", {"idList": next(iter(lists)), "name": "Design", "checklists": checklists}
    )


def named(company: Company, side: str) -> dict[str, list[str]]:
    """Name of each checklist -> its items."""
    lists = company.cores[side].records("cards")[card(company, side)]["checklists"]
    return {
        one["name"]: [each["name"] for each in sorted(one["checkItems"], key=lambda each: each["pos"])]
        for one in sorted(lists, key=lambda each: each["pos"])
    }


def checklist(company: Company, side: str, name: str) -> str:
    lists = company.cores[side].records("cards")[card(company, side)]["checklists"]
    return next(one["id"] for one in lists if one["name"] == name)


def put(company: Company, side: str, into: str, *names: str) -> None:
    """A person adds items to the checklist of that name, which is made if there is none."""
    core, here = company.cores[side], card(company, side)
    if into not in named(company, side):
        core.create("Bert", "checklists", {"idCard": here, "name": into})
    add = [{"name": name} for name in names]
    core.edit("Bert", "checklists", checklist(company, side, into), {"checkItems": {"add": add}})


def conflicts(hub: Hub) -> list[dict[str, Any]]:
    with hub.store.read() as tx:
        return tx.all(sa.select(t.finding).where(t.finding.c.code == "conflict", t.finding.c.state == "open"))


def test_what_is_done_to_items_on_either_board_comes_together(company: Company, boards: Callable[..., Hub]) -> None:
    hub = boards()
    begin(company, "Sketch 👩‍🔧", "Review", "Ship")
    company.rounds(3)
    assert shown(company, "other") == ["Sketch 👩‍🔧", "Review", "Ship"]
    company.quiet()

    edit(company, "board", add=["Tell"], set={"Sketch 👩‍🔧": {"state": "complete"}})
    edit(company, "other", set={"Review": {"name": "Review twice"}}, remove=["Ship"])
    before = company.written()
    company.rounds(3)
    assert shown(company, "board") == shown(company, "other") == ["Sketch 👩‍🔧+", "Review twice", "Tell"]
    # One request for each item that changed: renamed and removed here; ticked and added there.
    sent = {name: now - before[name] for name, now in company.written().items()}
    assert {name: count for name, count in sent.items() if count} == {"board": 2, "other": 2}
    company.quiet()

    edit(company, "other", set={"Tell": {"name": "Tell Ann", "pos": 1}})
    edit(company, "board", set={"Review twice": {"state": "complete"}})
    company.rounds(3)
    assert shown(company, "board") == shown(company, "other") == ["Tell Ann", "Sketch 👩‍🔧+", "Review twice+"]
    assert conflicts(hub) == []
    company.quiet()


def test_checklists_are_called_the_same_when_they_are_made_and_what_people_like_afterwards(
    company: Company, boards: Callable[..., Hub]
) -> None:
    hub = boards()
    begin(company)
    put(company, "board", "Build", "Saw", "Nail")
    put(company, "board", "Checklist", "Pay")
    put(company, "board", "验收", "Look")
    company.rounds(3)
    assert named(company, "other") == {"Build": ["Saw", "Nail"], "Checklist": ["Pay"], "验收": ["Look"]}
    company.quiet()

    # Either side calls one of them otherwise: that stays there, and what is new still finds its place.
    company.cores["board"].edit("Bert", "checklists", checklist(company, "board", "Build"), {"name": "Make"})
    company.cores["other"].edit("Bert", "checklists", checklist(company, "other", "验收"), {"name": "Accept"})
    company.quiet()
    put(company, "board", "Make", "Glue")
    put(company, "other", "Accept", "Sign")
    put(company, "board", "Ship", "Pack")
    company.rounds(3)
    assert named(company, "board") == {
        "Make": ["Saw", "Nail", "Glue"], "Checklist": ["Pay"], "验收": ["Look", "Sign"], "Ship": ["Pack"]
    }  # fmt: skip
    assert named(company, "other") == {
        "Build": ["Saw", "Nail", "Glue"], "Checklist": ["Pay"], "Accept": ["Look", "Sign"], "Ship": ["Pack"]
    }  # fmt: skip
    assert conflicts(hub) == []
    company.quiet()


def test_a_conflict_names_the_item_and_a_decision_keeps_the_rest(company: Company, boards: Callable[..., Hub]) -> None:
    from keepstep.engine.decisions import resolve

    hub = boards()
    begin(company, "Sketch", "Review")
    company.rounds(3)
    edit(company, "board", set={"Review": {"name": "Review it"}}, add=["Tell"])
    edit(company, "other", set={"Review": {"name": "Check it"}, "Sketch": {"state": "complete"}})
    company.rounds(3)
    [finding] = conflicts(hub)
    assert finding["params"]["field"] == "checklist"
    assert sorted(finding["params"]["items"]) == ["Review it"]
    said = {each["side"]: [item["text"] for item in each["value"]] for each in finding["params"]["candidates"]}
    assert said == {"board.cards": ["Review it"], "other.cards": ["Check it"]}
    edit(company, "board", set={"Tell": {"state": "complete"}})
    company.rounds(3)
    assert shown(company, "other") == ["Sketch+", "Check it"], "nothing is written while the question is open"
    [finding] = conflicts(hub)
    resolve(hub.ports, "tasks", finding["entity"], "checklist", "other.cards", finding["params"]["rev"], "Ada")
    company.rounds(3)
    assert shown(company, "board") == shown(company, "other") == ["Sketch+", "Check it", "Tell+"]
    company.quiet()


def test_two_checklists_of_one_name_stay_two_and_items_stay_in_theirs(
    company: Company, boards: Callable[..., Hub]
) -> None:
    boards()
    begin(company, "a", "b")
    company.rounds(3)
    home = card(company, "board")
    second = company.cores["board"].create(
        "Bert", "checklists", {"idCard": home, "name": "Checklist", "checkItems": {"add": [{"name": "a"}]}}
    )
    company.rounds(3)
    assert shown(company, "other") == ["a", "b", "a"]
    twin = rows(company, "other")[2]["id"]
    company.cores["other"].edit(
        "Bert", "cards", card(company, "other"), {"checklists": {"set": [{"id": twin, "name": "c"}]}}
    )
    edit(company, "other", add=["d"])
    company.rounds(3)
    assert shown(company, "board") == shown(company, "other") == ["a", "b", "c", "d"]
    lists = company.cores["board"].records("cards")[home]["checklists"]
    assert [item["name"] for one in lists if one["id"] == second for item in one["checkItems"]] == ["c", "d"]
    assert len(lists) == 2
    company.quiet()


def test_more_than_a_hundred_items(company: Company, boards: Callable[..., Hub]) -> None:
    boards()
    names = [f"Step {n}" for n in range(130)]
    begin(company, *names)
    company.rounds(3)
    assert shown(company, "other") == names
    edit(company, "other", remove=["Step 7"], set={"Step 100": {"state": "complete"}})
    company.rounds(3)
    expected = ["Step 100+" if name == "Step 100" else name for name in names if name != "Step 7"]
    assert shown(company, "board") == shown(company, "other") == expected
    company.quiet()


def test_cards_that_are_linked_with_different_lists_ask_first(company: Company, boards: Callable[..., Hub]) -> None:
    hub = boards(match=["title"])
    begin(company, "a", "b")
    begin(company, "a", "c", side="other")
    company.rounds(3)
    [finding] = conflicts(hub)
    assert sorted(finding["params"]["items"]) == ["b", "c"]
    assert (shown(company, "board"), shown(company, "other")) == (["a", "b"], ["a", "c"])


def test_without_it_checklists_are_left_alone_and_with_it_all_are_compared(
    company: Company, boards: Callable[..., Hub]
) -> None:
    boards(**{"with": []})
    begin(company, "a")
    company.rounds(3)
    assert company.cores["other"].records("cards")[card(company, "other")]["checklists"] == []
    boards()
    company.rounds(3)
    assert shown(company, "other") == ["a"]
    boards(**{"with": []})
    edit(company, "board", add=["b"])
    company.rounds(3)
    assert shown(company, "other") == ["a"]


def test_an_undone_run_brings_removed_items_back(company: Company, boards: Callable[..., Hub]) -> None:
    hub = boards()
    begin(company, "a", "b")
    company.rounds(3)
    edit(company, "board", remove=["a"], set={"b": {"state": "complete"}})
    report = next(each for each in hub.round() if each.applied.done)
    company.clock.advance(300)
    assert shown(company, "other") == ["b+"]
    hub.engine.undoing(hub.engine.world.syncs["tasks"], report.run).decide("Ada")
    company.rounds(3)
    assert shown(company, "board") == shown(company, "other") == ["a", "b"]
    company.quiet()


def test_a_side_that_holds_none_is_refused_with_place_and_cure(company: Company) -> None:
    def tried(*sides: str, **custom: Any) -> list[tuple[str, dict[str, Any]]]:
        sync = {"entity": "task", "sides": list(sides), "with": ["checklist"]}
        connections = {name: dict(each) for name, each in company.settings.items()}
        connections["tracker"] |= custom
        with pytest.raises(ConfigurationError) as caught:
            company.build(connections=connections, syncs={"tasks": sync}, changes_to_tasks=None)
        return [(each.code, dict(each.params)) for each in caught.value.problems]

    assert tried("crm.Tasks", "board.cards") == [("holds_no_checklist", {"side": "crm.Tasks"})]
    [(code, params)] = tried("tracker.issues", "board.cards")
    assert code == "checklist_needs_field"
    assert params == {"side": "tracker.issues", "connection": "tracker", "stream": "issues"}


def test_a_paragraph_field_of_jira_holds_it_and_keeps_what_else_is_there(company: Company) -> None:
    tracker: Any = company.cores["tracker"]
    tracker.add_field(FIELD, "Steps", "textarea", None)
    company.settings["tracker"]["custom"] = {"issues": {"checklist": FIELD}}
    company.board()
    sync = {
        "entity": "task",
        "mode": "write",
        "sides": ["tracker.issues", "board.cards"],
        "create": {"tracker.issues": {"project": "ACME"}, "board.cards": {"list": "To Do"}},
        "with": ["checklist"],
    }
    hub = company.only({"tasks": sync})
    begin(company, "Sketch *it*", "Review")
    company.rounds(3)
    [(issue, raw)] = [
        (id, raw) for id, raw in tracker.records("issues").items() if raw["fields"]["summary"] == "Design"
    ]
    (found,) = raw["fields"][FIELD]["content"]
    assert [each["attrs"]["state"] for each in found["content"]] == ["TODO", "TODO"]
    assert [each["content"][0]["text"] for each in found["content"]] == ["Sketch *it*", "Review"]
    company.quiet()

    note = {"type": "paragraph", "content": [{"type": "text", "text": "Ask Ann first."}]}
    bold = {"type": "text", "text": "Ship", "marks": [{"type": "strong"}]}
    first, second = found["content"]
    ticked = {**second, "attrs": {**second["attrs"], "state": "DONE"}}
    added = {"type": "taskItem", "attrs": {"localId": "own", "state": "TODO"}, "content": [bold]}
    doc = {"version": 1, "type": "doc", "content": [note, {**found, "content": [first, ticked, added]}]}
    tracker.edit("Ann", "issues", issue, {FIELD: doc})
    edit(company, "board", set={"Sketch *it*": {"name": "Sketch"}})
    company.rounds(3)
    assert shown(company, "board") == ["Sketch", "Review+", "Ship"]
    content = tracker.records("issues")[issue]["fields"][FIELD]["content"]
    assert content[0] == note
    assert [each["content"][0] for each in content[1]["content"]][2] == bold
    assert [each["content"][0]["text"] for each in content[1]["content"]] == ["Sketch", "Review", "Ship"]
    assert conflicts(hub) == []
    company.quiet()
