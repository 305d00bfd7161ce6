"""Makings, changes and removals, with their entries in both logs."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from connectors.sandbox.exchange import Refusal
from connectors.trello.sandbox import shapes
from connectors.trello.sandbox.shapes import COLORS, FIRST_LABELS, Raw
from connectors.trello.sandbox.state import Actor, State

DATES = ("due", "start")
LARGEST, LARGEST_FREE = 250 * 1024**2, 10 * 1024**2
"""Bytes of one file, by plan."""


class Changes(State):
    """What can happen to boards, lists, cards and labels, whoever does it."""

    def make_board(self, actor: Actor, values: Raw) -> Raw:
        if not values.get("name"):
            raise Refusal(400, "invalid value for name")
        id = self.new_id()
        short = self.new_id()[-8:]
        self.boards[id] = shapes.board(id, short, values, self.organization)
        self.on_board[id] = list(dict.fromkeys([actor.member, self.hub]))
        if values.get("defaultLabels") not in (False, "false"):
            for color in FIRST_LABELS:
                self.make_label(actor, {"idBoard": id, "name": "", "color": color}, quiet=True)
        self.log(actor, "createBoard", {"board": self.board_ref(id)})
        self.note(actor, "create", "boards", id, {"name": (None, values["name"])})
        return self.boards[id]

    def change_board(self, actor: Actor, id: str, values: Raw) -> None:
        raw = self.boards[id]
        for name, value in values.items():
            if name not in ("name", "desc", "closed", "idOrganization"):
                raise Refusal(400, f"invalid value for {name}")
            self._set(actor, "boards", raw, name, value)

    def make_list(self, actor: Actor, values: Raw) -> Raw:
        self.join(actor, values["idBoard"])
        id = self.new_id()
        others = [raw["pos"] for raw in self.lists.values() if raw["idBoard"] == values["idBoard"]]
        self.lists[id] = shapes.list_(id, values, self.pos(values.get("pos", "top"), others))
        self.log(actor, "createList", {"list": self.list_ref(id), "board": self.board_ref(values["idBoard"])})
        self.note(actor, "create", "lists", id, {"name": (None, values["name"])})
        return self.lists[id]

    def change_list(self, actor: Actor, id: str, values: Raw) -> None:
        raw = self.lists[id]
        for name, value in values.items():
            if name == "idBoard":
                self._move_list(actor, raw, value)
            elif name == "pos":
                others = [each["pos"] for each in self.lists.values() if each["idBoard"] == raw["idBoard"]]
                self._set(actor, "lists", raw, name, self.pos(value, others))
            elif name in ("name", "closed"):
                self._set(actor, "lists", raw, name, value)
            else:
                raise Refusal(400, f"invalid value for {name}")

    def _move_list(self, actor: Actor, raw: Raw, target: str) -> None:
        """The cards come along without an action of their own."""
        source = raw["idBoard"]
        if target == source:
            return
        raw["idBoard"] = target
        for card in self.cards_of(idList=raw["id"]):
            self._carry(card, target)
        who = {"id": actor.member, "name": actor.name}
        ref, here = self.list_ref(raw["id"]), {"list": self.list_ref(raw["id"]), "member": who}
        self.log(actor, "moveListFromBoard", {**here, "board": self.board_ref(source), "boardTarget": {"id": target}})
        self.log(actor, "moveListToBoard", {**here, "board": self.board_ref(target), "boardSource": {"id": source}})
        self.note(actor, "update", "lists", ref["id"], {"idBoard": (source, target)})

    def _carry(self, card: Raw, target: str) -> None:
        """A card and all that belongs to it on another board; its labels become those of the same name and colour."""
        labels = []
        for own in (self.labels[label] for label in card["idLabels"]):
            twins = [each for each in self.labels.values() if each["idBoard"] == target]
            same = [each["id"] for each in twins if (each["name"], each["color"]) == (own["name"], own["color"])]
            labels += same[:1]
        card["idBoard"], card["idLabels"] = target, labels
        self._carry_customs(card["id"], target)
        for one in self.checklists_of(card["id"]):
            one["idBoard"] = target
        for comment in self.comments_of(card["id"]):
            comment["data"]["board"] = self.board_ref(target)

    def _carry_customs(self, card: str, target: str) -> None:
        """Values go to the fields of the same name and type; those without one are lost."""
        known = {each["id"]: each for row in self.custom_fields.values() for each in row}
        twins = {(each["name"], each["type"]): each for each in self.custom_fields.get(target, [])}
        kept = []
        for item in self.custom_items.get(card, []):
            own = known[item["idCustomField"]]
            twin = twins.get((own["name"], own["type"]))
            if twin is None:
                continue
            moved = {**item, "idCustomField": twin["id"]}
            if item.get("idValue"):
                said = next(each["value"] for each in own["options"] if each["id"] == item["idValue"])
                option = next((each["id"] for each in twin["options"] if each["value"] == said), None)
                if option is None:
                    continue
                moved["idValue"] = option
            kept.append(moved)
        self.custom_items[card] = kept

    def make_label(self, actor: Actor, values: Raw, *, quiet: bool = False) -> Raw:
        color = values.get("color") or None
        if color is not None and color not in COLORS:
            raise Refusal(400, "invalid value for color")
        id = self.new_id()
        self.labels[id] = {
            "id": id,
            "idBoard": values["idBoard"],
            "name": values.get("name") or "",
            "color": color,
            "uses": 0,
        }
        if not quiet:
            self.note(actor, "create", "labels", id, {"name": (None, values.get("name") or "")})
        return self.labels[id]

    def change_label(self, actor: Actor, id: str, values: Raw) -> None:
        for name, value in values.items():
            if name not in ("name", "color"):
                raise Refusal(400, f"invalid value for {name}")
            self._set(actor, "labels", self.labels[id], name, value)

    def make_card(self, actor: Actor, values: Raw) -> Raw:
        home = self.lists.get(values.get("idList") or "")
        if home is None:
            raise Refusal(400, "invalid value for idList")
        board = home["idBoard"]
        self.join(actor, board)
        link = values.get("urlSource")
        filled = {**values, "name": values.get("name") or link or ""}
        for name in DATES:
            filled[name] = self.moment(values.get(name), name)
        self._known(filled, board)
        id = self.new_id()
        others = [raw["pos"] for raw in self.cards_of(idList=home["id"])]
        number = 1 + max((raw["idShort"] for raw in self.cards_of(idBoard=board)), default=0)
        pos = self.pos(values.get("pos"), others)
        self.cards[id] = shapes.card(id, self.new_id()[-8:], number, filled, board, pos, self.now())
        self.log(actor, "createCard", self.place(id))
        shown = {name: (None, filled[name]) for name in values if name not in ("urlSource", "idBoard")}
        self.note(actor, "create", "cards", id, shown)
        for member in self.cards[id]["idMembers"]:
            self._log_member(actor, "addMemberToCard", id, member)
        if link:
            self.make_attachment(actor, id, {"url": link}, quiet=True)
        return self.cards[id]

    def _known(self, values: Mapping[str, Any], board: str) -> None:
        for label in values.get("idLabels") or ():
            if self.labels.get(label, {}).get("idBoard") != board:
                raise Refusal(400, "invalid value for idLabels")
        for member in values.get("idMembers") or ():
            if member not in self.on_board[board]:
                raise Refusal(400, "invalid value for idMembers")

    def change_card(self, actor: Actor, id: str, values: Raw) -> None:
        raw = self.cards[id]
        self.join(actor, raw["idBoard"])
        values = dict(values)
        if "idList" in values and self.lists.get(values["idList"] or "") is None:
            raise Refusal(400, "invalid value for idList")
        board = values.pop("idBoard", None) or raw["idBoard"]
        if "idList" in values and self.lists[values["idList"]]["idBoard"] != board:
            raise Refusal(400, "invalid value for idList")
        for name in DATES:
            if name in values:
                values[name] = self.moment(values[name], name)
        self._known(values, board)
        if board != raw["idBoard"]:
            self._move_card(actor, raw, board, values.pop("idList", None))
        for name, value in values.items():
            if name == "pos":
                value = self.pos(value, [each["pos"] for each in self.cards_of(idList=raw["idList"])])
            if name == "idMembers":
                self.set_members(actor, raw, value)
            elif name in ("name", "desc", "closed", "dueComplete", "idList", "idLabels", "pos", *DATES):
                self._set(actor, "cards", raw, name, "" if name == "desc" and value is None else value)
            else:
                raise Refusal(400, f"invalid value for {name}")

    def set_members(self, actor: Actor, raw: Raw, wanted: list[str]) -> None:
        old = list(raw["idMembers"])
        if old == wanted:
            return
        raw["idMembers"] = list(wanted)
        self._touch(raw)
        for member in [each for each in wanted if each not in old]:
            self._log_member(actor, "addMemberToCard", raw["id"], member)
        for member in [each for each in old if each not in wanted]:
            self._log_member(actor, "removeMemberFromCard", raw["id"], member)
        self.note(actor, "update", "cards", raw["id"], {"idMembers": (old, list(wanted))})

    def _log_member(self, actor: Actor, type: str, card: str, member: str) -> None:
        data = self.place(card)
        del data["list"]
        who = {"id": member, "name": self.members[member]["fullName"]}
        self.log(actor, type, {"idMember": member, **data, "member": who})

    def _move_card(self, actor: Actor, raw: Raw, target: str, home: str | None) -> None:
        source, old = raw["idBoard"], raw["idList"]
        if home is None:
            row = sorted(
                (each for each in self.lists.values() if each["idBoard"] == target), key=lambda each: each["pos"]
            )
            if not row:
                raise Refusal(400, "invalid value for idBoard")
            home = row[0]["id"]
        left = {"card": self.card_ref(raw["id"]), "list": self.list_ref(old), "board": self.board_ref(source)}
        self._carry(raw, target)
        raw["idList"] = home
        self._touch(raw)
        self.log(actor, "moveCardFromBoard", {**left, "boardTarget": {"id": target}})
        self.log(actor, "moveCardToBoard", {**self.place(raw["id"]), "boardSource": {"id": source}})
        self.note(actor, "update", "cards", raw["id"], {"idBoard": (source, target), "idList": (old, home)})

    def remove_card(self, actor: Actor, id: str) -> None:
        """Gone for good, and with it all that the log told of it but its end."""
        data = self.place(id)
        del data["card"]["name"]
        self.actions = [raw for raw in self.actions if (raw["data"].get("card") or {}).get("id") != id]
        for one in self.checklists_of(id):
            del self.checklists[one["id"]]
        self.attachments.pop(id, None)
        self.custom_items.pop(id, None)
        del self.cards[id]
        self.log(actor, "deleteCard", data)
        self.note(actor, "delete", "cards", id, {})

    def remove_label(self, actor: Actor, id: str) -> None:
        for raw in self.cards.values():
            raw["idLabels"] = [each for each in raw["idLabels"] if each != id]
        del self.labels[id]
        self.note(actor, "delete", "labels", id, {})

    def make_attachment(self, actor: Actor, card: str, values: Raw, *, quiet: bool = False) -> Raw:
        """A link, or an uploaded file: ``file`` its bytes."""
        content, url = values.get("file"), values.get("url") or ""
        if content is None and not url.startswith(("http://", "https://")):
            raise Refusal(400, "invalid value for url")
        row = self.attachments.setdefault(card, [])
        pos, id = self.pos("bottom", [each["pos"] for each in row]), self.new_id()
        if content is None:
            raw = shapes.attachment(id, url, values.get("name") or "", actor.member, pos, self.now())
        else:
            if len(content) > (LARGEST if self.paid else LARGEST_FREE):
                raise Refusal(413, "The file is too large.")
            name, kind = values.get("name") or values["fileName"], values.get("mimeType") or ""
            raw = shapes.file(id, card, values["fileName"], kind, len(content), actor.member, pos, self.now())
            raw["name"] = name
            self.files[id] = content
        row.append(raw)
        self._touch(self.cards[card])
        told = {name: raw[name] for name in ("id", "name", "url")}
        self.log(actor, "addAttachmentToCard", {"attachment": told, **self.place(card)})
        if not quiet:
            self.note(actor, "create", "attachments", f"{card}:{raw['id']}", {"url": (None, raw["url"])})
        return raw

    def remove_attachment(self, actor: Actor, card: str, id: str) -> None:
        row = self.attachments.get(card, [])
        raw = next((each for each in row if each["id"] == id), None)
        if raw is None:
            raise Refusal(404, shapes.NOT_FOUND)
        row.remove(raw)
        self.files.pop(id, None)
        data = self.place(card)
        del data["list"]
        self.log(actor, "deleteAttachmentFromCard", {"attachment": {"name": raw["name"], "id": id}, **data})
        self.note(actor, "delete", "attachments", f"{card}:{id}", {})

    # -- one field

    def _set(self, actor: Actor, stream: str, raw: Raw, name: str, value: Any) -> None:
        old = raw[name]
        if old == value:
            return
        raw[name] = value
        self.note(actor, "update", stream, raw["id"], {name: (deepcopy(old), deepcopy(value))})
        if stream == "cards":
            self._touch(raw)
            data = self.place(raw["id"])
            data["card"] = {name: value, **data["card"]}
            if name == "idList":
                data |= {"listBefore": self.list_ref(old), "listAfter": self.list_ref(value)}
                del data["list"]
            # Seen in every recorded change of labels: what should be the old list repeats the new one.
            self.log(actor, "updateCard", {"old": {name: value if name == "idLabels" else old}, **data})
        elif stream == "lists":
            told = {name: value, **self.list_ref(raw["id"])}
            self.log(actor, "updateList", {"list": told, "old": {name: old}, "board": self.board_ref(raw["idBoard"])})
        elif stream == "boards":
            told = {name: value, **self.board_ref(raw["id"])}
            self.log(actor, "updateBoard", {"board": told, "old": {name: old}})

    def _touch(self, card: Raw) -> None:
        card["dateLastActivity"] = self.now()
