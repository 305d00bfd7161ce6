"""Checklists, their items, and comments: what Trello's log is mostly silent about."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from connectors.sandbox.exchange import Refusal
from connectors.trello.sandbox import shapes
from connectors.trello.sandbox.changes import Changes
from connectors.trello.sandbox.shapes import Raw
from connectors.trello.sandbox.state import Actor

MOST_ITEMS = 200
"""Items that a checklist takes."""


class Details(Changes):
    def make_checklist(self, actor: Actor, values: Raw) -> Raw:
        card = self.cards[values["idCard"]]
        self.join(actor, card["idBoard"])
        before = self._items(card["id"])
        id = self.new_id()
        others = [raw["pos"] for raw in self.checklists_of(card["id"])]
        self.checklists[id] = {
            "id": id,
            "name": values.get("name") or "Checklist",
            "idBoard": card["idBoard"],
            "idCard": card["id"],
            "pos": self.pos(values.get("pos"), others),
            "checkItems": [],
        }
        self._log_checklist(actor, "addChecklistToCard", id)
        self.note(actor, "create", "checklists", id, {"name": (None, self.checklists[id]["name"])})
        self._note_items(actor, card["id"], before)
        return self.checklists[id]

    def change_checklist(self, actor: Actor, id: str, values: Raw) -> None:
        raw = self.checklists[id]
        for name, value in values.items():
            if name == "pos":
                value = self.pos(value, [each["pos"] for each in self.checklists_of(raw["idCard"])])
            elif name != "name":
                raise Refusal(400, f"invalid value for {name}")
            old = raw[name]
            if old == value:
                continue
            before = self._items(raw["idCard"])
            raw[name] = value
            if name == "name":
                self._log_checklist(actor, "updateChecklist", id, {"old": {name: old}})
            self.note(actor, "update", "checklists", id, {name: (old, value)})
            self._note_items(actor, raw["idCard"], before)

    def remove_checklist(self, actor: Actor, id: str) -> None:
        card = self.checklists[id]["idCard"]
        before = self._items(card)
        self._log_checklist(actor, "removeChecklistFromCard", id)
        del self.checklists[id]
        self.note(actor, "delete", "checklists", id, {})
        self._note_items(actor, card, before)

    def _log_checklist(self, actor: Actor, type: str, id: str, more: Mapping[str, Any] | None = None) -> None:
        raw = self.checklists[id]
        data = self.place(raw["idCard"])
        del data["list"]
        self.log(actor, type, {**data, "checklist": {"id": id, "name": raw["name"]}, **(more or {})})

    # -- items: only ticking one is told in the log

    def make_item(self, actor: Actor, checklist: str, values: Raw) -> Raw:
        raw = self.checklists[checklist]
        if not values.get("name"):
            raise Refusal(400, "invalid value for name")
        if len(raw["checkItems"]) >= MOST_ITEMS:
            raise Refusal(400, "a checklist takes no more items")
        before = self._items(raw["idCard"])
        pos = self.pos(values.get("pos"), [each["pos"] for each in raw["checkItems"]])
        state = "complete" if values.get("checked") in (True, "true") else values.get("state") or "incomplete"
        item = shapes.check_item(self.new_id(), checklist, values["name"], state, pos)
        raw["checkItems"] = sorted([*raw["checkItems"], item], key=lambda each: each["pos"])
        self._touch(self.cards[raw["idCard"]])
        self._note_items(actor, raw["idCard"], before)
        return item

    def item(self, card: str, id: str) -> tuple[Raw, Raw]:
        for raw in self.checklists_of(card):
            for each in raw["checkItems"]:
                if each["id"] == id:
                    return raw, each
        raise Refusal(404, shapes.NOT_FOUND)

    def change_item(self, actor: Actor, card: str, id: str, values: Raw) -> Raw:
        raw, item = self.item(card, id)
        before = self._items(card)
        values = dict(values)
        target = values.pop("idChecklist", raw["id"])
        if target != raw["id"]:
            if self.checklists.get(target, {}).get("idCard") != card:
                raise Refusal(400, "invalid value for idChecklist")
            raw["checkItems"].remove(item)
            raw = self.checklists[target]
            raw["checkItems"].append(item)
            item["idChecklist"] = target
            item["pos"] = self.pos("bottom", [each["pos"] for each in raw["checkItems"] if each is not item])
        for name, value in values.items():
            if name == "pos":
                value = self.pos(value, [each["pos"] for each in raw["checkItems"]])
            elif name == "state" and value not in ("complete", "incomplete"):
                raise Refusal(400, "invalid value for state")
            elif name not in ("name", "state"):
                raise Refusal(400, f"invalid value for {name}")
            if item[name] == value:
                continue
            item[name] = value
            if name == "state":
                told = {"id": id, "name": item["name"], "state": value, "textData": {"emoji": {}}}
                self._log_checklist(actor, "updateCheckItemStateOnCard", raw["id"], {"checkItem": told})
        raw["checkItems"].sort(key=lambda each: each["pos"])
        self._note_items(actor, card, before)
        return item

    def remove_item(self, actor: Actor, card: str, id: str) -> None:
        raw, item = self.item(card, id)
        before = self._items(card)
        raw["checkItems"].remove(item)
        self._note_items(actor, card, before)

    def change_items(self, actor: Actor, card: str, wanted: Mapping[str, Any], checklist: str | None = None) -> None:
        """``add``, ``set`` and ``remove``, as a write to a card says it."""
        for each in wanted.get("set") or ():
            self.change_item(actor, card, each["id"], {name: each[name] for name in each if name != "id"})
        for id in wanted.get("remove") or ():
            self.remove_item(actor, card, id)
        for each in wanted.get("add") or ():
            home = each.get("idChecklist") or checklist
            if home is None:
                row = self.checklists_of(card)
                home = row[0]["id"] if row else self.make_checklist(actor, {"idCard": card, "name": "Checklist"})["id"]
            self.make_item(actor, home, each)

    def _items(self, card: str) -> list[Raw]:
        return deepcopy(self.checklists_of(card))

    def _note_items(self, actor: Actor, card: str, before: list[Raw]) -> None:
        after = self._items(card)
        if before != after:
            self.note(actor, "update", "cards", card, {"checklists": (before, after)})

    # -- comments: actions that can be edited and deleted without a trace in the log

    def make_comment(self, actor: Actor, card: str, text: str) -> Raw:
        if not text:
            raise Refusal(400, "invalid value for text")
        self.join(actor, self.cards[card]["idBoard"])
        told = {"idCard": card, "idAuthor": actor.member, "text": text, "textData": {"emoji": {}}}
        raw = self.log(actor, "commentCard", {**told, **self.place(card)})
        self._touch(self.cards[card])
        self.note(actor, "create", "comments", raw["id"], {"text": (None, text)})
        return raw

    def comment(self, id: str) -> Raw:
        for raw in self.actions:
            if raw["id"] == id:
                return raw
        self.one({}, id)
        raise AssertionError("one() refuses an id that is not there")

    def change_comment(self, actor: Actor, id: str, text: str) -> Raw:
        raw = self.comment(id)
        if raw["type"] != "commentCard":
            raise Refusal(404, shapes.NOT_FOUND)
        old = raw["data"]["text"]
        if old != text:
            raw["data"] |= {"text": text, "dateLastEdited": self.now()}
            self.note(actor, "update", "comments", id, {"text": (old, text)})
        return raw

    def remove_comment(self, actor: Actor, id: str) -> None:
        raw = self.comment(id)
        if raw["type"] != "commentCard":
            raise Refusal(404, shapes.NOT_FOUND)
        self.actions.remove(raw)
        self.note(actor, "delete", "comments", id, {})
