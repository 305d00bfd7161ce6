"""Custom fields: what a board's fields are called, and their values on a card.

``Write.values["customFieldItems"]`` holds ``{field id: item}``. An item is what the card shows of it: ``{"value":
{"text" | "number" | "date" | "checked": text}}``, or ``{"idValue": option id}`` for a list; None takes the value away.
Each field is one request.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.errors import RecordRefused
from connectors.rows import identified
from connectors.trello.attempt import Attempt, Refused
from connectors.trello.models import Raw, pos

KEYS = ("text", "number", "date", "checked")
"""Where an item keeps its value, by the type of its field; the value itself is text in every one of them
(recorded answers: ``{"number": "10"}``)."""

EMPTY = {"value": "", "idValue": ""}
"""What takes a value away (developer.atlassian.com/cloud/trello/guides/rest-api/getting-started-with-custom-fields)."""


def option_words(field: Raw) -> dict[str, str]:
    """Option id -> what it says, in the order of the list."""
    options = field.get("options")
    rows = sorted(identified("options", options if isinstance(options, list) else (), []), key=pos)
    return {each["id"]: _said(each.get("value")) for each in rows}


def _said(value: Any) -> str:
    return str(value.get("text") or "") if isinstance(value, Mapping) else ""


class CustomValues:
    """What is wanted of the custom fields of one card. False: nothing."""

    def __init__(self, value: Any) -> None:
        if value is not None and not isinstance(value, Mapping):
            raise Refused("values of custom fields are given by field id", "bad_form", "customFieldItems")
        self._items: dict[str, Any] = dict(value or {})
        for id, item in self._items.items():
            if item is not None and not _is_item(item):
                raise Refused(f"not a value of a custom field: {id}", "bad_form", "customFieldItems")

    def __bool__(self) -> bool:
        return bool(self._items)

    def fill(self, attempt: Attempt, card: Raw) -> None:
        """Of a card just made: only the fields of the board where it lies, since a create may name its list alone."""
        self._items = {id: item for id, item in self._items.items() if item is not None}
        if self._items:
            known = {each["id"] for each in attempt.client.listing(f"/boards/{card['idBoard']}/customFields")}
            self._items = {id: item for id, item in self._items.items() if id in known}
        self.write(attempt, card["id"])
        self.lay_over(card)

    def write(self, attempt: Attempt, card: str) -> None:
        for id, item in self._items.items():
            try:
                attempt.send("PUT", f"/cards/{card}/customField/{id}/item", body=EMPTY if item is None else dict(item))
            except RecordRefused as error:
                raise RecordRefused(
                    str(error), status=error.status, code=error.code, field="customFieldItems"
                ) from error

    def lay_over(self, card: Raw) -> None:
        """Put what was written into the card's payload; an empty value has no item there."""
        kept = {each["idCustomField"]: each for each in card.get("customFieldItems") or () if "idCustomField" in each}
        for id, item in self._items.items():
            before = kept.pop(id, {"idCustomField": id, "idModel": card["id"], "modelType": "card"})
            if item is not None:
                kept[id] = {**before, "value": item.get("value"), "idValue": item.get("idValue")}
        card["customFieldItems"] = list(kept.values())


def _is_item(item: Any) -> bool:
    if not isinstance(item, Mapping) or len(item) != 1:
        return False
    value = item.get("value")
    if isinstance(value, Mapping):
        return len(value) == 1 and all(key in KEYS and isinstance(each, str) for key, each in value.items())
    return isinstance(item.get("idValue"), str) and bool(item["idValue"])
