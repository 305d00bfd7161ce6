"""Custom fields: their definitions on a board, and their values on a card."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime
from typing import Any

from connectors.sandbox.exchange import Refusal
from connectors.trello.sandbox import shapes
from connectors.trello.sandbox.details import Details
from connectors.trello.sandbox.shapes import Raw
from connectors.trello.sandbox.state import Actor

KEY = {"text": "text", "number": "number", "date": "date", "checkbox": "checked"}
INVALID = "Invalid custom field item value."


class Customs(Details):
    def make_custom_field(self, actor: Actor, values: Raw) -> Raw:
        """``options`` are texts, or objects that hold one."""
        board, kind = values["idModel"], values.get("type")
        if not values.get("name") or kind not in (*KEY, "list"):
            raise Refusal(400, "invalid value for type")
        self.join(actor, board)
        row = self.custom_fields.setdefault(board, [])
        pos = self.pos(values.get("pos"), [each["pos"] for each in row])
        raw = shapes.custom_field(self.new_id(), board, values["name"], kind, pos)
        row.append(raw)
        if kind == "list":
            raw["options"] = []
            for option in values.get("options") or ():
                self.make_option(raw, option)
        self.log(actor, "createCustomField", {"customField": _ref(raw), "board": self.board_ref(board)})
        return raw

    def make_option(self, field: Raw, option: Any) -> Raw:
        text = option["value"]["text"] if isinstance(option, Mapping) else option
        pos = self.pos("bottom", [each["pos"] for each in field["options"]])
        raw = {
            "id": self.new_id(),
            "idCustomField": field["id"],
            "value": {"text": text},
            "color": "none",
            "pos": pos,
        }
        field["options"].append(raw)
        return raw

    def custom_field(self, id: str) -> Raw:
        return self.one({raw["id"]: raw for row in self.custom_fields.values() for raw in row}, id)

    def change_custom_field(self, actor: Actor, id: str, values: Raw) -> Raw:
        raw = self.custom_field(id)
        for name, value in values.items():
            if name not in ("name", "pos", "display/cardFront"):
                raise Refusal(400, f"invalid value for {name}")
            if name == "display/cardFront":
                raw["display"] = {"cardFront": value in (True, "true")}
            else:
                raw[name] = value
        told = {"customField": _ref(raw), "board": self.board_ref(raw["idModel"])}
        self.log(actor, "updateCustomField", told)
        return raw

    def remove_custom_field(self, actor: Actor, id: str) -> None:
        """With its values on all cards, of which the log says nothing."""
        raw = self.custom_field(id)
        self.custom_fields[raw["idModel"]].remove(raw)
        for card in list(self.custom_items):
            before = deepcopy(self.custom_items[card])
            self.custom_items[card] = [each for each in before if each["idCustomField"] != id]
            self._note_custom(actor, card, before)
        told = {"customField": _ref(raw), "board": self.board_ref(raw["idModel"])}
        self.log(actor, "deleteCustomField", told)

    # -- values

    def set_custom(self, actor: Actor, card: str, field: str, told: Raw) -> Raw:
        """``{"value": {key: text}}``, ``{"idValue": option}``, or both empty."""
        raw = self.cards[card]
        self.join(actor, raw["idBoard"])
        known = next((each for each in self.custom_fields.get(raw["idBoard"], []) if each["id"] == field), None)
        if known is None:
            raise Refusal(404, shapes.NOT_FOUND)
        value, option = _as_shown(told.get("value") or None), told.get("idValue") or None
        if known["type"] == "list":
            if value is not None or (option is not None and option not in {each["id"] for each in known["options"]}):
                raise Refusal(400, INVALID)
        elif option is not None or not _fits(known["type"], value):
            raise Refusal(400, INVALID)
        before = deepcopy(self.custom_items.setdefault(card, []))
        row = [each for each in before if each["idCustomField"] != field]
        old = next((each for each in before if each["idCustomField"] == field), None)
        id = old["id"] if old else self.new_id()
        item = {"id": id, "value": value, "idCustomField": field, "idModel": card, "modelType": "card"}
        if known["type"] == "list":
            item["idValue"] = option
        if old is not None and (old.get("value"), old.get("idValue")) == (value, option):
            return item
        self.custom_items[card] = row if value is None and option is None else [*row, item]
        if before != self.custom_items[card]:
            self._touch(raw)
            data = {"old": {"value": old["value"] if old else None}, "customField": _ref(known)}
            self.log(actor, "updateCustomFieldItem", {**data, "customFieldItem": item, **self.place(card)})
        self._note_custom(actor, card, before)
        return item

    def _note_custom(self, actor: Actor, card: str, before: list[Raw]) -> None:
        after = deepcopy(self.custom_items.get(card, []))
        if before != after:
            self.note(actor, "update", "cards", card, {"customFieldItems": (before, after)})


def _ref(raw: Raw) -> Raw:
    return {name: raw[name] for name in ("id", "name", "type")}


def _as_shown(value: Any) -> Any:
    """Numbers and flags are taken as such or as text, and shown as text."""
    if not isinstance(value, Mapping):
        return value
    return {key: str(each).lower() if isinstance(each, (bool, int, float)) else each for key, each in value.items()}


def _fits(kind: str, value: Any) -> bool:
    if value is None:
        return True
    if not isinstance(value, Mapping) or list(value) != [KEY[kind]] or not isinstance(value[KEY[kind]], str):
        return False
    told = value[KEY[kind]]
    try:
        match kind:
            case "number":
                float(told)
            case "date":
                datetime.fromisoformat(told)
            case "checkbox":
                return bool(told == "true")
    except ValueError:
        return False
    return True
