"""A card's checklists as one ordered list of items, written with one request for each item that really changes.

An item is known by its id, or, where it came from elsewhere, by its text. Items stay in their checklists, and what is
new or moved joins that of the item before it; unless it came from under a heading of which there is no item there: then
it goes into the checklist of that name, which is made if need be. What is there is never renamed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.trello.models import DEFAULT_CHECKLIST, pos
from mapping.fields import Unmappable
from mapping.items import UNDER, Fresh, homes, longest_rise
from mapping.pairs import clean, identifier
from mapping.trello.sets import objects
from mapping.trello.values import LIMIT, Section

STEP = 16384
"""The service's own distance between positions."""
NARROW = 0.01
"""Positions nearer than this are dealt anew: halving goes on only so long in a floating-point number."""

Item = Mapping[str, Any]
Pair = tuple[Item, Section | None]
"""A wanted item and the one on the card that it is."""


def read_items(value: Any, _: Section) -> Any:
    called = _called(objects(value))
    items = []
    for row in _rows(value):
        item = {"id": identifier(row), "text": clean(row.get("name")) or "", "done": row.get("state") == "complete"}
        heading = called.get(row["idChecklist"])
        items.append({**item, UNDER: heading} if heading is not None else item)
    return items or None


def write_items(value: Any, section: Section) -> Any:
    """What to add, set and remove so that the card shows these items in this order.

    Raises ``Unmappable`` for a text longer than the service takes.
    """
    wanted: list[Item] = list(value or ())
    for each in wanted:
        if len(each["text"]) > LIMIT:
            raise Unmappable("too_long", LIMIT)
    lists = sorted(objects(section.get("checklists")), key=pos)
    shown = _rows(lists)
    pairs, left = _paired(wanted, shown)
    places = _places(pairs, shown, _called(lists), lists[0].get("id") if lists else None)
    add: list[dict[str, Any]] = []
    change: list[dict[str, Any]] = []
    for (each, twin), place in zip(pairs, places, strict=True):
        row = {"name": each["text"], "state": "complete" if each.get("done") else "incomplete"}
        if twin is None:
            add.append({**row, **place})
            continue
        now = {"name": clean(twin.get("name")) or "", "state": twin.get("state") or "incomplete"}
        changes = {name: row[name] for name in row if row[name] != now[name]} | place
        if changes:
            change.append({"id": twin["id"], **changes})
    return {"add": add, "set": change, "remove": left}


def _called(lists: Sequence[Section]) -> dict[Any, str | None]:
    """Checklist -> what people call it; None for one that has the name that the service gives."""
    names = {one.get("id"): one.get("name") for one in lists}
    plain = {id: clean(name) if isinstance(name, str) else None for id, name in names.items()}
    return {id: None if name == DEFAULT_CHECKLIST else name for id, name in plain.items()}


def _rows(checklists: Any) -> list[Section]:
    """The items of all checklists, in the order in which a card shows them, each with its checklist's id."""
    lists = sorted(objects(checklists), key=pos)
    return [
        {**item, "idChecklist": one.get("id")}
        for one in lists
        for item in sorted(objects(one.get("checkItems")), key=pos)
    ]


def _paired(wanted: Sequence[Item], shown: Sequence[Section]) -> tuple[list[Pair], list[str]]:
    """Each wanted item with the one it is, and the ids of those that nobody wants."""
    left = {item["id"]: item for item in shown}
    known = {each.get("id") for each in wanted}
    pairs: list[Pair] = []
    for each in wanted:
        twin = left.pop(each.get("id"), None)
        if twin is None:
            same = (id for id, item in left.items() if id not in known and clean(item.get("name")) == each["text"])
            twin = left.pop(next(same, ""), None)
        pairs.append((each, twin))
    return pairs, list(left)


def _places(
    pairs: Sequence[Pair], shown: Sequence[Section], called: Mapping[Any, str | None], first: Any
) -> list[dict[str, Any]]:
    """Where each wanted item goes; empty for one that stays. As few move as possible. ``first``: the checklist that
    takes items without one."""
    index = {item["id"]: at for at, item in enumerate(shown)}
    kept = longest_rise([index[twin["id"]] for _, twin in pairs if twin is not None])
    stays = [twin if twin is not None and index[twin["id"]] in kept else None for _, twin in pairs]
    stood = [None if twin is None else (index[twin["id"]], twin["idChecklist"]) for _, twin in pairs]
    goes = homes([each for each, _ in pairs], stood, called, first)
    spots: list[float | None] = [None] * len(pairs)
    crowded: set[Any] = set()
    for start, end in _runs(stays):
        before = stays[start - 1] if start else None
        after = stays[end] if end < len(pairs) else None
        beside = before if before is not None else after
        home = beside["idChecklist"] if beside is not None else first
        low = pos(before) if before is not None else 0.0
        high = pos(after) if after is not None and after["idChecklist"] == home else None
        gap = STEP if high is None else (high - low) / (end - start + 1)
        if gap < NARROW:
            crowded.add(home)
        for step, at in enumerate(range(start, end), 1):
            # What is new and comes last needs no position: the service puts it there.
            last = high is None and all(twin is None for _, twin in pairs[at:end])
            if goes[at] == home and not last:
                spots[at] = low + gap * step
    for home in crowded:
        for step, at in enumerate((at for at, each in enumerate(goes) if each == home), 1):
            spots[at] = step * STEP
    places: list[dict[str, Any]] = []
    several = any(isinstance(home, Fresh) for home in goes)
    for (_, twin), home, spot in zip(pairs, goes, spots, strict=True):
        place: dict[str, Any] = {} if spot is None else {"pos": int(spot) if spot == int(spot) else spot}
        if isinstance(home, Fresh):
            place["checklist"] = home.name
        elif home is None and several:
            place["checklist"] = DEFAULT_CHECKLIST
        elif home != (first if twin is None else twin["idChecklist"]):
            place["idChecklist"] = home
        places.append(place)
    return places


def _runs(stays: Sequence[Section | None]) -> Iterator[tuple[int, int]]:
    """Half-open ranges of what has to be placed."""
    start = None
    for at in range(len(stays) + 1):
        placed = at < len(stays) and stays[at] is None
        if placed and start is None:
            start = at
        elif not placed and start is not None:
            yield start, at
            start = None
