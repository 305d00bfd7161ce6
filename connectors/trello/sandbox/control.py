"""The control verbs: named people act on boards, tests look at what is there."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import msgspec

from connectors.sandbox.exchange import Refusal
from connectors.trello.cards import label_word
from connectors.trello.sandbox.customs import Customs
from connectors.trello.sandbox.shapes import NOT_FOUND, Raw
from connectors.trello.sandbox.state import Actor


class Control(Customs):
    """Values are in the words of ``Write.values``; a person in ``idMembers`` may be named instead of numbered."""

    def create(self, person: str, stream: str, values: Mapping[str, Any]) -> str:
        with self._lock:
            return self._create(self.person(person), stream, dict(values))

    def _create(self, actor: Actor, stream: str, values: Raw) -> str:
        match stream:
            case "boards":
                return str(self.make_board(actor, values)["id"])
            case "lists":
                return str(self.make_list(actor, {"pos": "bottom", **values})["id"])
            case "labels":
                return str(self.make_label(actor, values)["id"])
            case "cards":
                return self._create_card(actor, values)
            case "checklists":
                items = values.pop("checkItems", None)
                made = self.make_checklist(actor, values)
                self.change_items(actor, values["idCard"], items or {}, made["id"])
                return str(made["id"])
            case "comments":
                return str(self.make_comment(actor, values["idCard"], values["text"])["id"])
            case "attachments":
                return f"{values['idCard']}:{self.make_attachment(actor, values['idCard'], values)['id']}"
            case "members":
                return self.person(values["fullName"]).member
            case "customFields":
                return str(self.make_custom_field(actor, values)["id"])
            case _:
                raise Refusal(404, NOT_FOUND)

    def _create_card(self, actor: Actor, values: Raw) -> str:
        board = self.lists[values["idList"]]["idBoard"]
        items, closed = values.pop("checklists", None), values.pop("closed", False)
        custom = values.pop("customFieldItems", None)
        card = self.make_card(actor, self._resolved(values, board, {}))["id"]
        self.change_items(actor, card, items or {})
        self._set_customs(actor, card, custom or {})
        if closed:
            self.change_card(actor, card, {"closed": True})
        return str(card)

    def edit(self, person: str, stream: str, id: str, values: Mapping[str, Any]) -> None:
        with self._lock:
            self._edit(self.person(person), stream, id, dict(values))

    def _edit(self, actor: Actor, stream: str, id: str, values: Raw) -> None:
        match stream:
            case "boards":
                self.join(actor, id)
                self.change_board(actor, id, values)
            case "lists":
                self.change_list(actor, id, values)
            case "labels":
                self.change_label(actor, id, values)
            case "cards":
                raw = self.one(self.cards, id)
                items = values.pop("checklists", None)
                custom = values.pop("customFieldItems", None)
                self.change_card(actor, id, self._resolved(values, values.get("idBoard") or raw["idBoard"], raw))
                self.change_items(actor, id, items or {})
                self._set_customs(actor, id, custom or {})
            case "customFields":
                self.change_custom_field(actor, id, values)
            case "checklists":
                raw = self.one(self.checklists, id)
                items = values.pop("checkItems", None)
                self.change_checklist(actor, id, values)
                self.change_items(actor, raw["idCard"], items or {}, id)
            case "comments":
                self.change_comment(actor, id, values["text"])
            case _:
                raise Refusal(404, NOT_FOUND)

    def _set_customs(self, actor: Actor, card: str, values: Mapping[str, Any]) -> None:
        for field, item in values.items():
            self.set_custom(actor, card, field, dict(item or {}))

    def _resolved(self, values: Raw, board: str, now: Raw) -> Raw:
        """Names of labels and people as ids, deltas as whole sets."""
        values = dict(values)
        if "labels" in values:
            words = {label_word(raw): id for id, raw in reversed(self.labels.items()) if raw["idBoard"] == board}
            on_card = [label_word(self.labels[each]) for each in now.get("idLabels") or ()]
            values["idLabels"] = [words[name] for name in _whole(values.pop("labels"), on_card)]
        elif "idLabels" in values:
            values["idLabels"] = _whole(values["idLabels"], now.get("idLabels") or [])
        if "idMembers" in values:
            members = [self._member(each, board) for each in _whole(values["idMembers"], now.get("idMembers") or [])]
            values["idMembers"] = members
        return values

    def _member(self, who: str, board: str) -> str:
        actor = Actor(who, self.members[who]["fullName"]) if who in self.members else self.person(who)
        self.join(actor, board)
        return actor.member

    def delete(self, person: str, stream: str, id: str) -> None:
        with self._lock:
            actor = self.person(person)
            match stream:
                case "cards":
                    self.one(self.cards, id)
                    self.remove_card(actor, id)
                case "labels":
                    self.one(self.labels, id)
                    self.remove_label(actor, id)
                case "checklists":
                    self.one(self.checklists, id)
                    self.remove_checklist(actor, id)
                case "comments":
                    self.remove_comment(actor, id)
                case "customFields":
                    self.remove_custom_field(actor, id)
                case "attachments":
                    card, _, own = id.partition(":")
                    self.remove_attachment(actor, card, own)
                case "lists":
                    self.change_list(actor, id, {"closed": True})
                case "boards":
                    self._remove_board(actor, id)
                case _:
                    raise Refusal(404, NOT_FOUND)

    def _remove_board(self, actor: Actor, id: str) -> None:
        for raw in self.cards_of(idBoard=id):
            self.remove_card(actor, raw["id"])
        self.labels = {key: raw for key, raw in self.labels.items() if raw["idBoard"] != id}
        self.lists = {key: raw for key, raw in self.lists.items() if raw["idBoard"] != id}
        del self.boards[id]
        self.note(actor, "delete", "boards", id, {})

    def restore(self, person: str, stream: str, id: str) -> None:
        """What is archived comes back. What is deleted never does."""
        with self._lock:
            table = {"cards": self.cards, "lists": self.lists, "boards": self.boards}.get(stream, {})
            self.one(table, id)
            self._edit(self.person(person), stream, id, {"closed": False})

    def hide(self, board: str) -> None:
        """Take the hub's account off a board."""
        with self._lock:
            self.on_board[board].remove(self.hub)

    def deliveries(self, board: str, secret: str, url: str) -> list[tuple[dict[str, str], bytes]]:
        """What a webhook on the board would have been sent, oldest first: headers and body of each."""
        with self._lock:
            told = [raw for raw in self.actions if (raw["data"].get("board") or {}).get("id") == board]
            bodies = [msgspec.json.encode({"model": self.boards[board], "action": raw}) for raw in told]
        proofs = [base64.b64encode(hmac.digest(secret.encode(), body + url.encode(), "sha1")) for body in bodies]
        heads = [{"Content-Type": "application/json", "X-Trello-Webhook": proof.decode()} for proof in proofs]
        return list(zip(heads, bodies, strict=True))

    def records(self, stream: str) -> dict[str, Raw]:
        with self._lock:
            match stream:
                case "cards":
                    parts = {"checklists": "all", "attachments": "true", "customFieldItems": "true"}
                    return {id: self.shown(raw, parts) for id, raw in self.cards.items()}
                case "comments":
                    return {raw["id"]: deepcopy(raw) for raw in self.actions if raw["type"] == "commentCard"}
                case "attachments":
                    rows = self.attachments.items()
                    return {f"{card}:{raw['id']}": {**raw, "idCard": card} for card, row in rows for raw in row}
                case "customFields":
                    return {raw["id"]: deepcopy(raw) for row in self.custom_fields.values() for raw in row}
                case "boards" | "lists" | "labels" | "checklists" | "members":
                    return deepcopy(dict(getattr(self, stream)))
                case _:
                    raise KeyError(stream)


def _whole(value: Any, now: list[str]) -> list[str]:
    if not isinstance(value, Mapping):
        return list(value or ())
    kept = [each for each in now if each not in (value.get("remove") or ())]
    whole = kept + [each for each in value.get("add") or () if each not in kept]
    first = [each for each in whole if each == value.get("first")]
    return first + [each for each in whole if each not in first]
