"""Writes to cards: plain fields in one request, sets and checklist items as what is added and what is taken away.

``idLabels``, ``idMembers`` and ``labels`` (names) take either a list, meaning exactly these, or ``{"add": [...],
"remove": [...]}``. ``checklists`` (of a card) and ``checkItems`` (of a checklist) take ``{"add": [{"name", "state"?,
"pos"?, "idChecklist"?}], "set": [{"id", "name"?, "state"?, "pos"?}], "remove": [id]}``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from connectors.errors import NotFound, RecordRefused
from connectors.trello.attempt import Attempt, Refused
from connectors.trello.client import PAGE
from connectors.trello.models import Raw
from connectors.trello.records import marker_url

PLAIN = ("name", "desc", "closed", "due", "start", "dueComplete", "idList", "idBoard", "pos")
SETS = ("idLabels", "labels", "idMembers")
WORDS = (*PLAIN, *SETS, "checklists")

DEFAULT_CHECKLIST = "Checklist"
ALREADY = ("already on the card", "is not on the card", "not a member of the card")


def create(attempt: Attempt, values: dict[str, Any]) -> None:
    """The card with everything that fits into its create; what does not fit follows."""
    items = _items(values.pop("checklists", None))
    closed = values.pop("closed", None)
    sent = {name: value for name, value in values.items() if name in PLAIN and value is not None}
    board = sent.pop("idBoard", None)
    labels = _wanted(values, "idLabels")
    names = _wanted(values, "labels")
    if names:
        if board is None:
            board = attempt.client.get(f"/lists/{sent['idList']}", {"fields": "idBoard"})["idBoard"]
        labels += _label_ids(attempt, board, names)
    members = _wanted(values, "idMembers")
    if labels:
        sent["idLabels"] = list(dict.fromkeys(labels))
    if members:
        sent["idMembers"] = members
    if attempt.write.marker:
        sent["urlSource"] = marker_url(attempt.write.marker)
    card = attempt.send("POST", "/cards", sent, whole=True)
    attempt.id = card["id"]
    _write_items(attempt, card["id"], [], items)
    if closed:
        attempt.send("PUT", f"/cards/{card['id']}", {"closed": True}, whole=True)


def update(attempt: Attempt, id: str, values: dict[str, Any]) -> None:
    """Only what changes. The sets and items are compared with a look taken directly before the first request."""
    items = _items(values.get("checklists"))
    sets = {name: values[name] for name in SETS if name in values}
    labels: tuple[list[str], list[str]] = ([], [])
    members: tuple[list[str], list[str]] = ([], [])
    now: Raw = {}
    if sets or items.any:
        now = attempt.client.get(
            f"/cards/{id}", {"fields": "idBoard,idLabels,labels,idMembers", "checklists": "all", "attachments": "false"}
        )
        board = values.get("idBoard") or now["idBoard"]
        labels = _label_changes(attempt, board, now, sets)
        members = _changes(sets.get("idMembers"), now.get("idMembers") or [])
    plain = {name: value for name, value in values.items() if name in PLAIN}
    if plain:
        attempt.send("PUT", f"/cards/{id}", plain, whole=True)
    for name, (added, removed) in (("idLabels", labels), ("idMembers", members)):
        for each in added:
            _settled(attempt, "POST", f"/cards/{id}/{name}", {"value": each}, name)
        for each in removed:
            _settled(attempt, "DELETE", f"/cards/{id}/{name}/{each}", None, name)
    _write_items(attempt, id, now.get("checklists") or [], items)


def create_checklist(attempt: Attempt, values: dict[str, Any]) -> None:
    items = _items(values.pop("checkItems", None))
    made = attempt.send("POST", "/checklists", values, whole=True)
    attempt.id = made["id"]
    _write_items(attempt, values["idCard"], [made], items)


def update_checklist(attempt: Attempt, id: str, values: dict[str, Any]) -> None:
    items = _items(values.pop("checkItems", None))
    now = attempt.client.get(f"/checklists/{id}") if items.any else {}
    if values:
        attempt.send("PUT", f"/checklists/{id}", values, whole=True)
    if items.any:
        _write_items(attempt, now["idCard"], [now], items)


# -- labels and members


def _wanted(values: Mapping[str, Any], name: str) -> list[str]:
    value = values.get(name)
    return list(value.get("add") or ()) if isinstance(value, Mapping) else list(value or ())


def _changes(value: Any, now: Iterable[str]) -> tuple[list[str], list[str]]:
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


def _label_changes(attempt: Attempt, board: str, now: Raw, sets: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    added, removed = _changes(sets.get("idLabels"), now.get("idLabels") or [])
    if "labels" in sets:
        on_card = now.get("labels") or []
        more, less = _changes(sets["labels"], [label_word(label) for label in on_card])
        added += _label_ids(attempt, board, more) if more else []
        removed += [label["id"] for label in on_card if label_word(label) in less]
    return added, removed


def label_word(label: Mapping[str, Any]) -> str:
    """How a label is called: its name, or its colour where it has none."""
    return str(label.get("name") or label.get("color") or label.get("id"))


def _label_ids(attempt: Attempt, board: str, names: list[str]) -> list[str]:
    known: dict[str, str] = {}
    for label in attempt.client.listing(f"/boards/{board}/labels", {"limit": PAGE}):
        known.setdefault(label_word(label), label["id"])
    for name in names:
        if name not in known:
            raise Refused(f"board {board} has no label {name!r}", "no_such_label", "labels")
    return [known[name] for name in names]


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
    """What is wanted of a card's checklist items."""

    def __init__(self, value: Mapping[str, Any]) -> None:
        self.add: list[Raw] = list(value.get("add") or ())
        self.set: list[Raw] = list(value.get("set") or ())
        self.remove: list[str] = list(value.get("remove") or ())
        self.any = bool(self.add or self.set or self.remove)


def _items(value: Any) -> Items:
    if value is None:
        return Items({})
    if not isinstance(value, Mapping) or set(value) - {"add", "set", "remove"}:
        raise Refused("items are given as add, set and remove", "bad_form", "checklists")
    return Items(value)


def _write_items(attempt: Attempt, card: str, checklists: list[Raw], items: Items) -> None:
    present = {item["id"]: item for one in checklists for item in one.get("checkItems") or ()}
    for wanted in items.set:
        now = present.get(wanted["id"])
        if now is None:
            raise Refused(f"no item {wanted['id']} on the card", "no_such_item", "checklists")
        changed: dict[str, Any] = {
            name: wanted[name] for name in ("name", "state", "pos") if name in wanted and wanted[name] != now.get(name)
        }
        if changed:
            attempt.send("PUT", f"/cards/{card}/checkItem/{wanted['id']}", changed)
    for id in items.remove:
        if id in present:
            attempt.send("DELETE", f"/cards/{card}/checkItem/{id}")
    home = min(checklists, key=lambda one: one.get("pos") or 0)["id"] if checklists else None
    for wanted in items.add:
        if home is None and not wanted.get("idChecklist"):
            home = attempt.send("POST", "/checklists", {"idCard": card, "name": DEFAULT_CHECKLIST}, whole=True)["id"]
        sent = {"name": wanted["name"], "checked": wanted.get("state") == "complete"}
        if wanted.get("pos") is not None:
            sent["pos"] = wanted["pos"]
        attempt.send("POST", f"/checklists/{wanted.get('idChecklist') or home}/checkItems", sent)
