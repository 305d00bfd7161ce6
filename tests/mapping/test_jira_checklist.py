"""A checklist in a paragraph field of Jira: tasks in, tasks out, and everything else as it was."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from connectors.base import Abilities, Description, Field, Record, Stream
from mapping.fields import Options, Unmappable
from mapping.jira import MAPPING
from mapping.model import Kind
from tests.connectors.jira.test_recorded import SHARED

FIELD = "customfield_1"


def mapper() -> Any:
    stream = Stream(name="issues", abilities=Abilities(), fields=[Field(name=FIELD, kind="textarea")])
    described = Description(system="jira", streams=[stream], feeds=[])
    return MAPPING.build(Options(custom={"issues": {"checklist": FIELD}}), described)["issues"]


def task(id: str, text: str, state: str = "TODO", **mark: Any) -> dict[str, Any]:
    content = [{"type": "text", "text": text, **mark}]
    return {"type": "taskItem", "attrs": {"localId": id, "state": state}, "content": content}


def doc(*blocks: Any) -> dict[str, Any]:
    return {"type": "doc", "version": 1, "content": list(blocks)}


def tasks(*items: Any, id: str = "l") -> dict[str, Any]:
    return {"type": "taskList", "attrs": {"localId": id}, "content": list(items)}


def canon(value: Any) -> Any:
    return mapper().canon(Record(stream="issues", id="1", payload={"fields": {FIELD: value}}))


def write(items: Any, base: Any = None) -> Any:
    found = mapper().unmap(Kind.TASK, {"checklist": items}, {"fields": {FIELD: base}})
    assert found.losses == []
    return found.values[FIELD]


NOTE = {"type": "paragraph", "content": [{"type": "text", "text": "Ask first."}]}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(None, None, id="empty"),
        pytest.param(doc(NOTE), None, id="no tasks"),
        pytest.param(
            doc(tasks(task("1", "a"), task("2", "b *c*", "DONE"))),
            [("1", "a", False), ("2", "b *c*", True)],
            id="in order",
        ),
        pytest.param(
            doc(tasks(task("1", "a"), tasks(task("2", "b")), task("3", "c")), NOTE, tasks(task("4", "d"))),
            [("1", "a", False), ("2", "b", False), ("3", "c", False), ("4", "d", False)],
            id="lists within, and several",
        ),
        pytest.param(
            doc(tasks(task("1", "a"), task("1", "b"), task("", "c"))),
            [("1", "a", False), ("1#1", "b", False), ("#2", "c", False)],
            id="ids that are none",
        ),
    ],
)
def test_tasks_are_read_in_order(value: Any, expected: Any) -> None:
    found = canon(value).values["checklist"]
    assert (found and [(each["id"], each["text"], each["done"]) for each in found]) == expected


def test_markup_of_an_item_is_told_as_lost_and_kept_where_nobody_edits_it() -> None:
    bold = task("1", "a", marks=[{"type": "strong"}])
    shown = canon(doc(tasks(bold, task("2", "b"))))
    assert [(loss.field, loss.why) for loss in shown.losses] == [(f"{FIELD}.text", "markup_dropped")]
    items = [{**shown.values["checklist"][0], "done": True}, {"id": "x", "text": "new", "done": False}]
    assert write(items, doc(NOTE, tasks(bold, task("2", "b")))) == doc(
        NOTE, tasks({**bold, "attrs": {"localId": "1", "state": "DONE"}}, task("x", "new"))
    )


def test_what_is_no_task_stays_and_an_empty_list_leaves_nothing_behind() -> None:
    base = doc(NOTE, tasks(task("1", "a")), NOTE)
    assert write(None, base) == doc(NOTE, NOTE)
    assert write([], doc(tasks(task("1", "a")))) is None
    assert write([{"id": "2", "text": "b\nc", "done": True}], doc(NOTE)) == doc(
        NOTE, tasks(task("2", "b c", "DONE"), id="checklist")
    )


def test_a_task_stays_as_deep_as_it_stands_and_what_is_no_task_stays_in_its_list() -> None:
    odd = {"type": "unsupportedBlock", "attrs": {"originalValue": {"type": "later"}}}
    base = doc(tasks(task("1", "a"), tasks(task("2", "b"), tasks(task("3", "c"), id="n")), odd, task("4", "d")))
    items = canon(base).values["checklist"]
    assert write(items, base) == base
    ticked = [{**each, "done": each["id"] == "3"} for each in items]
    more = [*ticked[:2], {"id": "x", "text": "new", "done": False}, *ticked[2:]]
    assert write(more, base) == doc(
        tasks(
            task("1", "a"),
            tasks(task("2", "b"), task("x", "new"), tasks(task("3", "c", "DONE"), id="n")),
            odd,
            task("4", "d"),
        )
    )
    assert write(items[1:], base) == doc(  # no list begins with a list
        tasks(task("2", "b"), tasks(task("3", "c"), id="n"), odd, task("4", "d"))
    )
    assert write([items[3], *items[:3]], base) == doc(
        tasks(task("4", "d"), task("1", "a"), task("2", "b"), task("3", "c"), odd)
    )


def test_a_task_that_holds_paragraphs_is_one() -> None:
    paragraphs = [{"type": "paragraph", "content": [{"type": "text", "text": text}]} for text in ("ask", "them")]
    block = {"type": "blockTaskItem", "attrs": {"localId": "1", "state": "TODO"}, "content": paragraphs}
    base = doc(tasks(block, task("2", "b")))
    [first, second] = canon(base).values["checklist"]
    assert (first["id"], first["text"], first["done"]) == ("1", "ask them", False)
    assert write([first, {**second, "done": True}], base) == doc(tasks(block, task("2", "b", "DONE")))
    assert write([{**first, "done": True}, second], base) == doc(
        tasks({**block, "attrs": {"localId": "1", "state": "DONE"}}, task("2", "b"))
    )
    assert write([{**first, "text": "ask"}, second], base) == doc(tasks(task("1", "ask"), task("2", "b")))


def heading(text: str, level: int = 3) -> dict[str, Any]:
    return {"type": "heading", "attrs": {"level": level}, "content": [{"type": "text", "text": text}]}


def item(id: str, text: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "text": text, "done": False, **more}


def test_a_heading_is_what_the_tasks_below_it_stand_under() -> None:
    base = doc(tasks(task("1", "a")), heading("Build", 2), NOTE, tasks(task("2", "b")), heading("QA"), NOTE,
               heading("测试"), tasks(task("3", "c")))  # fmt: skip
    items = [item("1", "a"), item("2", "b", under="Build"), item("3", "c", under="测试")]
    assert canon(base).values["checklist"] == items
    assert write(items, base) == base  # nothing is gathered into one list
    more = [*items, item("x", "d", under="Build"), item("y", "e", under="Ship"), item("z", "f", under="Ship")]
    assert write(more, base) == doc(
        *base["content"][:3],
        tasks(task("2", "b"), task("x", "d")),
        *base["content"][4:],
        heading("Ship"),
        tasks(task("y", "e"), task("z", "f"), id="checklist"),
    )
    left = write([items[0], items[2]], base)
    assert left == doc(*base["content"][:3], *base["content"][4:])
    again = write([items[0], item("n", "new", under="Build"), items[2]], left)
    assert again == doc(*base["content"][:2], tasks(task("n", "new"), id="checklist"), NOTE, *base["content"][4:])
    assert canon(again).values["checklist"] == [items[0], item("n", "new", under="Build"), items[2]]
    twice = write([items[0], item("n", "new", under="Build"), items[2], item("m", "more", under="Ship")], again)
    assert twice["content"][-1]["attrs"] == {"localId": "checklist-1"}


def block(dice: random.Random, number: int) -> dict[str, Any]:
    match dice.choice(("tasks", "heading", "note")):
        case "tasks":
            return tasks(
                *(task(id, id) for id in (f"{number}.{n}" for n in range(dice.randrange(1, 4)))), id=f"l{number}"
            )
        case "heading":
            return heading(dice.choice("ABC"))
    return NOTE


def test_whatever_stands_there_everything_wanted_does_and_nothing_else_goes() -> None:
    dice = random.Random(9)
    for _ in range(250):
        blocks = [block(dice, number) for number in range(dice.randrange(5))]
        base = doc(*blocks) if blocks else None
        items = canon(base).values["checklist"] or []
        assert write(items, base) == base
        wanted = [each for each in items if dice.random() < 0.8]
        if dice.random() < 0.3:
            dice.shuffle(wanted)
        for id in "xyz"[: dice.randrange(4)]:
            under = dice.choice((None, "A", "D"))
            wanted.insert(dice.randrange(len(wanted) + 1), item(id, id, **({"under": under} if under else {})))
        after = write(wanted, base)
        shown = canon(after).values["checklist"] or []
        assert sorted(each["id"] for each in shown) == sorted(each["id"] for each in wanted)
        there = (after or doc())["content"]
        assert all(each in there for each in blocks if each["type"] != "taskList")
        assert write(shown, after) == after
        lists = [each["attrs"]["localId"] for each in there if each["type"] == "taskList"]
        assert len(set(lists)) == len(lists)


def test_an_empty_field_gets_the_headings_with_the_tasks() -> None:
    made = write([item("1", "a", under="Build"), item("2", "b"), item("3", "c", under="QA  1")])
    assert made == doc(
        tasks(task("2", "b"), id="checklist"),
        heading("Build"),
        tasks(task("1", "a"), id="checklist-1"),
        heading("QA 1"),
        tasks(task("3", "c"), id="checklist-2"),
    )
    assert canon(made).values["checklist"] == [
        item("2", "b"),
        item("1", "a", under="Build"),
        item("3", "c", under="QA 1"),
    ]


def test_a_history_tells_no_checklist_and_too_long_a_one_is_refused() -> None:
    with pytest.raises(Unmappable, match="not_a_checklist"):
        mapper().canon_field(Kind.TASK, "checklist", "* [ ] a")
    many = [{"id": str(n), "text": "x" * 400, "done": False} for n in range(90)]
    [loss] = mapper().unmap(Kind.TASK, {"checklist": many}, {"fields": {}}).losses
    assert (loss.field, loss.why) == ("checklist", "too_long")


@pytest.mark.skipif(not SHARED.exists(), reason="no recordings here")
def test_a_recorded_list_survives_the_round_trip() -> None:
    found = json.loads((SHARED / "recorded" / "jira" / "adf" / "node_task_list.json").read_text())
    value = canon(found).values["checklist"]
    assert [each["text"] for each in value][:2] == ["item 1", "item 1.1"]
    again = canon(write([{**each, "done": not each["done"]} for each in value], found)).values["checklist"]
    assert again == [{**each, "done": not each["done"]} for each in value]
