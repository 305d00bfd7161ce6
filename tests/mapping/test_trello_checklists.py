"""Checklist items: read in order, written as the fewest changes, one request each."""

from __future__ import annotations

import random
from typing import Any

import pytest

from mapping.fields import Unmappable
from mapping.trello.checklists import STEP, read_items, write_items


def checklist(*names: str, pos: float = 1, id: str = "k", name: str = "Checklist") -> dict[str, Any]:
    items = [{"id": name, "name": name, "state": "incomplete", "pos": n} for n, name in enumerate(names)]
    return {"id": id, "name": name, "pos": pos, "checkItems": items}


def item(id: str, text: str | None = None, done: int = 0, **more: str) -> dict[str, Any]:
    return {"id": id, "text": text or id, "done": bool(done), **more}


def carried_out(change: dict[str, Any], checklists: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The checklists as the service leaves them: changes first, then removals, then what is added."""
    after = {one["id"]: {**one, "checkItems": [dict(each) for each in one["checkItems"]]} for one in checklists}
    for wanted in change["set"]:
        (home,) = (one for one in after.values() if any(each["id"] == wanted["id"] for each in one["checkItems"]))
        (now,) = (each for each in home["checkItems"] if each["id"] == wanted["id"])
        home["checkItems"].remove(now)
        target = after[wanted.get("idChecklist", home["id"])]
        target["checkItems"].append({**now, **{name: wanted[name] for name in wanted if name != "idChecklist"}})
    for one in after.values():
        one["checkItems"] = [each for each in one["checkItems"] if each["id"] not in change["remove"]]
    if not after and any("checklist" not in wanted for wanted in change["add"]):
        after["new"] = {"id": "new", "pos": STEP, "checkItems": []}
    first = min(after.values(), key=lambda one: one["pos"], default=None)
    for wanted in change["add"]:
        called = wanted.get("checklist")
        if called is not None:
            bottom = max((one["pos"] for one in after.values()), default=0) + STEP
            named = next((id for id, one in after.items() if one.get("name") == called), f"+{called}")
            home = after.setdefault(named, {"id": named, "name": called, "pos": bottom, "checkItems": []})
        else:
            home = after.get(wanted.get("idChecklist"), first)
        row = home["checkItems"]
        bottom = max((each["pos"] for each in row), default=0) + STEP
        row.append({"id": f"+{wanted['name']}", "pos": bottom, **wanted})
    return list(after.values())


def texts(checklists: list[dict[str, Any]]) -> list[str]:
    return [each["text"] for each in read_items(checklists, {}) or ()]


def test_items_of_all_checklists_are_read_in_the_order_shown() -> None:
    second, first = checklist("c", pos=2, id="k2"), checklist("a", "b")
    first["checkItems"].reverse()
    first["checkItems"][0]["state"] = "complete"
    assert read_items([second, first], {}) == [item("a"), item("b", done=1), item("c")]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param([("a", "a", 0), ("b", "b", 0)], {"add": [], "set": [], "remove": []}, id="the same"),
        pytest.param(
            [("a", "A", 0)], {"add": [], "set": [{"id": "a", "name": "A"}], "remove": ["b"]}, id="renamed and removed"
        ),
        pytest.param(
            [("x", "a", 1), ("b", "b", 0)],
            {"add": [], "set": [{"id": "a", "state": "complete"}], "remove": []},
            id="known by text",
        ),
        pytest.param(
            [("a", "a", 0), ("b", "b", 0), ("z", "z", 1)],
            {"add": [{"name": "z", "state": "complete"}], "set": [], "remove": []},
            id="added at the end",
        ),
        pytest.param(
            [("b", "b", 0), ("a", "a", 0)],
            {"add": [], "set": [{"id": "b", "pos": 16384}, {"id": "a", "pos": 32768}], "remove": []},
            id="turned round",
        ),
    ],
)
def test_items_are_written_as_what_changes(wanted: list[tuple[str, str, int]], expected: dict[str, Any]) -> None:
    value = [{"id": id, "text": text, "done": bool(done)} for id, text, done in wanted]
    assert write_items(value, {"checklists": [checklist("a", "b")]}) == expected


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param("dabc", {"set": [{"id": "d", "pos": 50}]}, id="the last becomes the first: one request"),
        pytest.param("acbd", {"set": [{"id": "c", "pos": 150}]}, id="two neighbours"),
        pytest.param("abzcd", {"add": [{"name": "z", "state": "incomplete", "pos": 250}]}, id="new between two"),
        pytest.param("yzabcd", {"add": [
            {"name": "y", "state": "incomplete", "pos": 100 / 3},
            {"name": "z", "state": "incomplete", "pos": 200 / 3},
        ]}, id="new before all"),
        pytest.param("cd", {"remove": ["a", "b"]}, id="what stays need not move"),
    ],
)  # fmt: skip
def test_the_fewest_items_move(wanted: str, expected: dict[str, Any]) -> None:
    shown = checklist("a", "b", "c", "d")
    for each in shown["checkItems"]:
        each["pos"] = 100 * (each["pos"] + 1)
    change = write_items([item(each) for each in wanted], {"checklists": [shown]})
    assert change == {"add": [], "set": [], "remove": [], **expected}
    assert texts(carried_out(change, [shown])) == list(wanted)


def test_what_is_new_or_moved_joins_the_checklist_of_the_item_before_it() -> None:
    first, second = checklist("a", "b", pos=1, id="k1"), checklist("c", "d", pos=2, id="k2")
    for one in (first, second):
        for each in one["checkItems"]:
            each["pos"] = 100 * (each["pos"] + 1)
    change = write_items([item(each) for each in "bczad"], {"checklists": [second, first]})
    assert change == {
        "add": [{"name": "z", "state": "incomplete", "pos": pytest.approx(133.33, abs=0.1), "idChecklist": "k2"}],
        "set": [{"id": "a", "pos": pytest.approx(166.67, abs=0.1), "idChecklist": "k2"}],
        "remove": [],
    }


def test_an_item_stands_under_what_people_call_its_checklist() -> None:
    lists = [checklist("a"), checklist("b", pos=2, id="k2", name=" QA ✓"), checklist("c", pos=3, id="k3", name="")]
    assert read_items(lists, {}) == [item("a"), item("b", under="QA ✓"), item("c")]
    for odd in (None, 7, ["x"]):
        assert read_items([{**checklist("a"), "name": odd}], {}) == [item("a")]


@pytest.mark.parametrize(
    ("wanted", "added"),
    [
        pytest.param([item("z", under="QA")], {"checklist": "QA"}, id="a heading that is not there"),
        pytest.param([item("z", under="Later")], {"idChecklist": "k3"}, id="an empty checklist of that name"),
        pytest.param([item("z")], {"idChecklist": "k2"}, id="no heading"),
        pytest.param([item("z", under="Build")], {}, id="those of its heading stand in the first"),
        pytest.param([item("z", under="Test")], {"idChecklist": "k2"}, id="those of its heading stand before it"),
    ],
)
def test_what_is_new_goes_where_others_of_its_heading_are(wanted: list[Any], added: dict[str, Any]) -> None:
    # People here call the second list otherwise than it is called where its items came from.
    lists = [checklist("a", name="Build"), checklist("b", pos=2, id="k2", name="QA 2"),
             checklist(pos=3, id="k3", name="Later")]  # fmt: skip
    change = write_items([item("a", under="Build"), item("b", under="Test"), *wanted], {"checklists": lists})
    assert change == {"add": [{"name": "z", "state": "incomplete", **added}], "set": [], "remove": []}


def test_a_new_card_has_the_checklists_of_the_other() -> None:
    change = write_items([item("a", under="Build"), item("b"), item("c", under="QA"), item("d", under="QA")], {})
    assert [(each["name"], each.get("checklist")) for each in change["add"]] == [
        ("a", "Build"),
        ("b", "Checklist"),
        ("c", "QA"),
        ("d", "QA"),
    ]
    plain = write_items([item("a"), item("b")], {})
    assert [each.get("checklist") for each in plain["add"]] == [None, None]


def test_an_empty_first_checklist_takes_nothing_that_belongs_behind_another() -> None:
    empty, second = checklist(pos=1, id="k1"), checklist("c", pos=2, id="k2")
    change = write_items([item("c"), item("z")], {"checklists": [empty, second]})
    assert change["add"] == [{"name": "z", "state": "incomplete", "idChecklist": "k2"}]


def test_positions_that_leave_no_room_are_dealt_anew_in_that_checklist_alone() -> None:
    crowded, other = checklist("a", "b", pos=1, id="k1"), checklist("c", "d", pos=2, id="k2")
    for each in crowded["checkItems"]:
        each["pos"] = 7.25
    change = write_items([item("a"), item("z"), item("b"), item("c"), item("d")], {"checklists": [crowded, other]})
    assert change["set"] == [{"id": "a", "pos": STEP}, {"id": "b", "pos": 3 * STEP}]
    assert change["add"] == [{"name": "z", "state": "incomplete", "pos": 2 * STEP}]


def test_any_order_is_reached() -> None:
    dice = random.Random(7)
    for _ in range(2000):
        names = list("abcdefgh")[: dice.randrange(9)]
        cuts = [names[: len(names) // 2], names[len(names) // 2 :]] if dice.random() < 0.5 else [names]
        shown = [checklist(*part, pos=n + 1, id=f"k{n}") for n, part in enumerate(cuts)] if names else []
        for one in shown:
            for each in one["checkItems"]:
                each["pos"] = dice.choice([each["pos"], STEP * (each["pos"] + 1), dice.uniform(0, 3)])
        kept = [each for each in names if dice.random() < 0.8]
        wanted = dice.sample([*kept, *"xyz"[: dice.randrange(4)]], k=len(kept)) if kept else list("xy")
        change = write_items([item(each) for each in wanted], {"checklists": shown})
        assert texts(carried_out(change, shown)) == wanted
        assert not [each for each in change["set"] if "pos" not in each]


def test_with_any_headings_everything_wanted_is_there_and_then_stays() -> None:
    dice = random.Random(8)
    for _ in range(2000):
        names = list("abcdefgh")[: dice.randrange(9)]
        cut = dice.randrange(len(names) + 1)
        shown = [
            checklist(*part, pos=n + 1, id=f"k{n}", name=dice.choice(("Checklist", "A", "B")))
            for n, part in enumerate((names[:cut], names[cut:]))
            if part
        ]
        kept = [each for each in read_items(shown, {}) or () if dice.random() < 0.8]
        if dice.random() < 0.3:
            dice.shuffle(kept)
        for new in "xyz"[: dice.randrange(4)]:
            heading = dice.choice((None, "A", "B", "C"))
            kept.insert(dice.randrange(len(kept) + 1), item(new, **({"under": heading} if heading else {})))
        after = carried_out(write_items(kept, {"checklists": shown}), shown)
        assert sorted(texts(after)) == sorted(each["text"] for each in kept)
        again = write_items(read_items(after, {}), {"checklists": after})
        assert again == {"add": [], "set": [], "remove": []}


def test_a_text_longer_than_the_service_takes_is_told() -> None:
    assert write_items([item("a", "🧱" * 16384)], {})["add"]
    with pytest.raises(Unmappable, match="too_long"):
        write_items([item("a", "x" * 16385)], {})
