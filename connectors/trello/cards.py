"""Writes to cards: plain fields in one request, sets and checklist items as what is added and what is taken away.

``idLabels``, ``idMembers`` and ``labels`` (names) take a list, meaning exactly these, or ``{"add": [...], "remove":
[...]}``; members also ``"first": id``, because the first one counts. ``checklists`` (of a card) and ``checkItems`` (of
a checklist) take ``{"add": [{"name", "state"?, "pos"?, "idChecklist"?, "checklist"?}], "set": [{"id", "name"?,
"state"?, "pos"?, "idChecklist"?}], "remove": [id]}``; ``checklist`` names one that is made if the card has none of that
name. ``customFieldItems`` is told in ``connectors.trello.custom``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from connectors.errors import NotFound, RecordRefused
from connectors.rows import identified
from connectors.trello.attempt import Attempt, Refused
from connectors.trello.client import PAGE
from connectors.trello.custom import CustomValues
from connectors.trello.models import CARD, DEFAULT_CHECKLIST, Raw, pos
from connectors.trello.records import marker_url

PLAIN = ("name", "desc", "closed", "due", "start", "dueComplete", "idList", "idBoard", "pos")
SETS = ("idLabels", "labels", "idMembers")
WORDS = (*PLAIN, *SETS, "checklists", "customFieldItems")

ITEM_WORDS = ("name", "state", "pos", "idChecklist")
MOST_ITEMS = 200
"""Items of one checklist (``limits.checkItems.perChecklist.disableAt`` of a board); more go into a further one."""

Delta = tuple[list[str], list[str]]
ALREADY = ("already on the card", "is not on the card", "not a member of the card")


def create(attempt: Attempt, values: dict[str, Any]) -> None:
    """The card with everything that fits into its create; what does not fit follows."""
    items = Items(values.pop("checklists", None))
    custom = CustomValues(values.pop("customFieldItems", None))
    closed = values.pop("closed", None)
    sent = {name: value for name, value in values.items() if name in PLAIN and value is not None}
    board = sent.pop("idBoard", None)
    labels, names = _wanted(values, "idLabels"), _wanted(values, "labels")
    if names:
        if board is None:
            board = attempt.client.get(f"/lists/{sent['idList']}", {"fields": "idBoard"})["idBoard"]
        labels += _named(names, _labels_of(attempt, board), board)
    members = _wanted(values, "idMembers")
    if labels:
        sent["idLabels"] = list(dict.fromkeys(labels))
    if members:
        sent["idMembers"] = members
    if attempt.write.marker:
        sent["urlSource"] = marker_url(attempt.write.marker)
    card = attempt.send("POST", "/cards", sent, whole=True)
    attempt.id = card["id"]
    if items.any:
        card = {**card, "checklists": _write_items(attempt, card["id"], [], items)}
    if closed:
        card |= attempt.send("PUT", f"/cards/{card['id']}", {"closed": True}, whole=True)
    card = {"checklists": [], "customFieldItems": [], **card}
    custom.fill(attempt, card)
    attempt.answer = card


def update(attempt: Attempt, id: str, values: dict[str, Any]) -> None:
    """Only what changes. Sets and items are compared with a look at the card taken directly before the first request;
    the record told back is that look with every answer of this write laid over it."""
    items = Items(values.get("checklists"))
    custom = CustomValues(values.get("customFieldItems"))
    plain = {name: value for name, value in values.items() if name in PLAIN}
    if not (items.any or any(name in values for name in SETS)):
        if plain or not custom:
            attempt.send("PUT", f"/cards/{id}", plain, whole=True)
        custom.write(attempt, id)
        # These answers leave out checklists and attachments, the marker's place among them: they are no whole card.
        attempt.answer = None
        return
    card: Raw = attempt.client.get(f"/cards/{id}", CARD)
    place = card.get("idList")
    board = values.get("idBoard") or card["idBoard"]
    known = _labels_of(attempt, board) if "labels" in values or "idLabels" in values else []
    labels = _label_changes(card, values, known, board)
    if plain:
        card |= attempt.send("PUT", f"/cards/{id}", plain, whole=True)
    _write_labels(attempt, card, labels, known)
    if values.get("idMembers") is not None:
        _write_members(attempt, card, values["idMembers"])
    if items.any:
        card["checklists"] = _write_items(attempt, id, card.get("checklists") or [], items)
    custom.write(attempt, id)
    custom.lay_over(card)
    # Of another list than the one it was in, no answer says whether it is archived.
    attempt.answer = card if card.get("idList") == place else None


def create_checklist(attempt: Attempt, values: dict[str, Any]) -> None:
    items = Items(values.pop("checkItems", None))
    made = attempt.send("POST", "/checklists", values, whole=True)
    attempt.id = made["id"]
    attempt.answer = _write_items(attempt, values["idCard"], [made], items)[0]


def update_checklist(attempt: Attempt, id: str, values: dict[str, Any]) -> None:
    items = Items(values.pop("checkItems", None))
    now: Raw = attempt.client.get(f"/checklists/{id}") if items.any else {}
    if values:
        now |= attempt.send("PUT", f"/checklists/{id}", values, whole=True)
    if items.any:
        attempt.answer = _write_items(attempt, now["idCard"], [now], items)[0]


# -- labels and members


def _wanted(values: Mapping[str, Any], name: str) -> list[str]:
    value = values.get(name)
    return list(value.get("add") or ()) if isinstance(value, Mapping) else list(value or ())


def _changes(value: Any, now: Iterable[str]) -> Delta:
    """What to add and what to remove, to come from ``now`` to what ``value`` asks for."""
    if value is None:
        return [], []
    present = list(now)
    if isinstance(value, Mapping):
        return (
            [each for each in value.get("add") or () if each not in present],
            [each for each in value.get("remove") or () if each in present],
        )
    return [each for each in value if each not in present], [each for each in present if each not in value]


def _label_changes(card: Raw, values: Mapping[str, Any], known: list[Raw], board: str) -> Delta:
    added, removed = _changes(values.get("idLabels"), card.get("idLabels") or [])
    if values.get("labels") is not None:
        on_card = card.get("labels") or []
        more, less = _changes(values["labels"], [label_word(label) for label in on_card])
        added += _named(more, known, board)
        removed += [label["id"] for label in on_card if label_word(label) in less]
    return added, removed


def _write_labels(attempt: Attempt, card: Raw, labels: Delta, known: list[Raw]) -> None:
    added, removed = labels
    path = f"/cards/{card['id']}/idLabels"
    for each in added:
        _settled(attempt, "POST", path, {"value": each}, "labels")
    for each in removed:
        _settled(attempt, "DELETE", f"{path}/{each}", None, "labels")
    kept = [each for each in card.get("idLabels") or () if each not in removed]
    card["idLabels"] = kept + [each for each in added if each not in kept]
    objects = {label["id"]: label for label in [*known, *(card.get("labels") or ())]}
    card["labels"] = [objects[each] for each in card["idLabels"] if each in objects]


def _write_members(attempt: Attempt, card: Raw, value: Any) -> None:
    """By adding and removing; as a whole set only to put somebody ``first``, which no other request can."""
    present = list(card.get("idMembers") or ())
    added, removed = _changes(value, present)
    first = value.get("first") if isinstance(value, Mapping) else None
    kept = [each for each in present if each not in removed]
    wanted = kept + added
    path = f"/cards/{card['id']}"
    if first in wanted and wanted[0] != first:
        wanted = [first, *(each for each in wanted if each != first)]
        attempt.send("PUT", path, {"idMembers": wanted}, whole=True)
    else:
        for each in added:
            _settled(attempt, "POST", f"{path}/idMembers", {"value": each}, "idMembers")
        for each in removed:
            _settled(attempt, "DELETE", f"{path}/idMembers/{each}", None, "idMembers")
    card["idMembers"] = wanted


def label_word(label: Mapping[str, Any]) -> str:
    """How a label is called: its name, or its colour where it has none."""
    return str(label.get("name") or label.get("color") or label.get("id"))


def _labels_of(attempt: Attempt, board: str) -> list[Raw]:
    return attempt.client.listing(f"/boards/{board}/labels", {"limit": PAGE})


def _named(names: list[str], known: list[Raw], board: str) -> list[str]:
    ids = {label_word(label): label["id"] for label in reversed(known)}
    for name in names:
        if name not in ids:
            raise Refused(f"board {board} has no label {name!r}", "no_such_label", "labels")
    return [ids[name] for name in names]


def _settled(attempt: Attempt, verb: str, path: str, values: dict[str, Any] | None, field: str) -> None:
    """Adding what is there, or removing what is not, has come true already."""
    try:
        attempt.send(verb, path, values)
    except NotFound as error:
        if verb == "DELETE":
            return
        raise RecordRefused(str(error), status=error.status, code=error.code, field=field) from error
    except RecordRefused as error:
        if any(words in str(error) for words in ALREADY):
            return
        raise RecordRefused(str(error), status=error.status, code=error.code, field=field) from error


# -- items of checklists


class Items:
    """What is wanted of checklist items."""

    def __init__(self, value: Any) -> None:
        if value is not None and (not isinstance(value, Mapping) or set(value) - {"add", "set", "remove"}):
            raise Refused("items are given as add, set and remove", "bad_form", "checklists")
        told: Mapping[str, Any] = value or {}
        self.add: list[Raw] = list(told.get("add") or ())
        self.set: list[Raw] = list(told.get("set") or ())
        self.remove: list[str] = list(told.get("remove") or ())
        self.any = bool(self.add or self.set or self.remove)


def _write_items(attempt: Attempt, card: str, checklists: list[Raw], items: Items) -> list[Raw]:
    """Carry it out; the checklists as the answers leave them."""
    after = [{**one, "checkItems": _items(one)} for one in checklists]
    home = {item["id"]: one for one in after for item in one["checkItems"]}
    for wanted in items.set:
        if wanted["id"] not in home:
            raise Refused(f"no item {wanted['id']} on the card", "no_such_item", "checklists")
    known = {one["id"]: one for one in after}
    for wanted in items.set:
        row = home[wanted["id"]]["checkItems"]
        now = {"idChecklist": home[wanted["id"]]["id"], **next(item for item in row if item["id"] == wanted["id"])}
        changed = {name: wanted[name] for name in ITEM_WORDS if name in wanted and wanted[name] != now.get(name)}
        if changed:
            told = attempt.send("PUT", f"/cards/{card}/checkItem/{wanted['id']}", changed, whole=True)
            row[:] = [item for item in row if item["id"] != wanted["id"]]
            moved = {**now, **{name: told[name] for name in ITEM_WORDS if name in told}}
            home[wanted["id"]] = known.get(moved["idChecklist"], home[wanted["id"]])
            home[wanted["id"]]["checkItems"].append(moved)
    for id in items.remove:
        if id in home:
            attempt.send("DELETE", f"/cards/{card}/checkItem/{id}")
            home[id]["checkItems"] = [item for item in home[id]["checkItems"] if item["id"] != id]
    for wanted in items.add:
        named = wanted.get("checklist")
        into, there = (
            (_named_place(attempt, card, after, str(named)), True)
            if named
            else _place_for(attempt, card, after, wanted.get("idChecklist"))
        )
        sent = {"name": wanted["name"], "checked": wanted.get("state") == "complete"}
        if wanted.get("pos") is not None and there:
            sent["pos"] = wanted["pos"]
        into["checkItems"].append(attempt.send("POST", f"/checklists/{into['id']}/checkItems", sent, whole=True))
    for one in after:
        one["checkItems"].sort(key=pos)
    return after


def _items(checklist: Raw) -> list[Raw]:
    found = checklist.get("checkItems")
    return identified("checkItems", found if isinstance(found, list) else (), [])


def _place_for(attempt: Attempt, card: str, checklists: list[Raw], wanted: str | None) -> tuple[Raw, bool]:
    """The checklist that takes one more item, and whether it is the one that was meant: one that is full is gone on
    with in the last one, else in a new one at the end."""
    row = sorted(checklists, key=pos)
    meant = next((one for one in row if one["id"] == wanted), row[0] if row else None)
    for one in (meant, *row[-1:]):
        if one is not None and len(one["checkItems"]) < MOST_ITEMS:
            return one, one is meant
    return _made(attempt, card, checklists, DEFAULT_CHECKLIST), meant is None


def _named_place(attempt: Attempt, card: str, checklists: list[Raw], name: str) -> Raw:
    """The checklist of that name, made if there is none or each is full."""
    named = [one for one in checklists if str(one.get("name") or "").strip() == name]
    room = [one for one in sorted(named, key=pos) if len(one["checkItems"]) < MOST_ITEMS]
    return room[0] if room else _made(attempt, card, checklists, name)


def _made(attempt: Attempt, card: str, checklists: list[Raw], name: str) -> Raw:
    made = attempt.send("POST", "/checklists", {"idCard": card, "name": name}, whole=True)
    checklists.append({**made, "checkItems": []})
    return checklists[-1]
