"""Labels and checklist items: read whole, written as what is added, changed and removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mapping.fields import clean
from mapping.trello.values import Section

STEP = 16384


def label_word(label: Section) -> str:
    """How a label is called: its name, or its colour where it has none."""
    return str(label.get("name") or label.get("color") or label.get("id"))


def objects(value: Any) -> list[Section]:
    return [each for each in value or () if isinstance(each, Mapping)]


def read_labels(value: Any, _: Section) -> Any:
    return sorted({label_word(each) for each in objects(value)})


def write_labels(value: Any, section: Section) -> Any:
    present = read_labels(section.get("labels"), section)
    wanted = list(value or ())
    return {
        "add": [name for name in wanted if name not in present],
        "remove": [name for name in present if name not in wanted],
    }


def _rows(checklists: Any) -> list[Section]:
    """The items of all checklists, in the order in which a card shows them."""
    lists = sorted(objects(checklists), key=lambda one: one.get("pos") or 0)
    return [
        item for one in lists for item in sorted(objects(one.get("checkItems")), key=lambda each: each.get("pos") or 0)
    ]


def read_items(value: Any, _: Section) -> Any:
    items = [
        {"id": item["id"], "text": clean(item.get("name")) or "", "done": item.get("state") == "complete"}
        for item in _rows(value)
    ]
    return items or None


def write_items(value: Any, section: Section) -> Any:
    """What to add, set and remove so that the card shows these items in this order.

    An item is known by its id, or, where it came from elsewhere, by its text. New ones join the first checklist.
    """
    present = {item["id"]: item for item in _rows(section.get("checklists"))}
    wanted = list(value or ())
    left = dict(present)
    paired: list[tuple[Section, Section | None]] = []
    known = {each.get("id") for each in wanted}
    for each in wanted:
        twin = left.pop(each.get("id"), None)
        if twin is None:
            same = (id for id, item in left.items() if id not in known and clean(item.get("name")) == each["text"])
            twin = left.pop(next(same, ""), None)
        paired.append((each, twin))
    kept = [twin["id"] for _, twin in paired if twin is not None]
    told = [twin is None for _, twin in paired]
    moved = kept != [id for id in present if id in set(kept)] or told != sorted(told)
    add: list[dict[str, Any]] = []
    change: list[dict[str, Any]] = []
    for index, (each, twin) in enumerate(paired):
        row = {"name": each["text"], "state": "complete" if each.get("done") else "incomplete"}
        place = {"pos": (index + 1) * STEP} if moved else {}
        if twin is None:
            add.append({**row, **place})
            continue
        shown = {"name": clean(twin.get("name")) or "", "state": twin.get("state") or "incomplete"}
        changes = {name: row[name] for name in row if row[name] != shown[name]} | place
        if changes:
            change.append({"id": twin["id"], **changes})
    return {"add": add, "set": change, "remove": list(left)}
