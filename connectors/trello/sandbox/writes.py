"""The writing half of the API: parameters in the query, in a form or in a JSON body."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from connectors.sandbox.core import route
from connectors.sandbox.exchange import Refusal, Request, Response
from connectors.trello.sandbox.customs import Customs
from connectors.trello.sandbox.shapes import Raw

FLAGS = ("closed", "dueComplete", "defaultLists", "defaultLabels")
LISTS = ("idLabels", "idMembers")
NOTHING: Raw = {"limits": {}}


def sent(request: Request) -> Raw:
    """The parameters, wherever they came; credentials left out, flags and lists in their own form."""
    values: Raw = {name: value for name, value in request.query if name not in ("key", "token")}
    if request.headers.get("content-type", "").startswith("application/json"):
        values |= request.json() or {}
    elif request.headers.get("content-type", "").startswith("multipart/form-data"):
        values |= form(request)
    elif request.body:
        values |= dict(parse_qsl(request.body.decode(), keep_blank_values=True))
    for name in FLAGS:
        if name in values:
            values[name] = flag(values[name], name)
    for name in LISTS:
        if isinstance(values.get(name), str):
            values[name] = [each for each in values[name].split(",") if each]
    return values


def form(request: Request) -> Raw:
    """The parts of a form: text, and one file with its name."""
    values: Raw = {}
    for name, part in request.form().items():
        if part.filename is None:
            values[name] = part.body.decode()
        else:
            values |= {name: part.body, "fileName": part.filename}
            values.setdefault("mimeType", part.kind)
    return values


def flag(value: Any, name: str) -> bool:
    if value in (True, "true"):
        return True
    if value in (False, "false"):
        return False
    raise Refusal(400, f"invalid value for {name}")


class Writes(Customs):
    @route("POST", "/1/boards")
    def post_board(self, request: Request) -> Response:
        values = sent(request)
        raw = self.make_board(self.us, values)
        if values.get("defaultLists", True):
            for name in ("To Do", "Doing", "Done"):
                self.make_list(self.us, {"idBoard": raw["id"], "name": name, "pos": "bottom"})
        return Response.json(raw | NOTHING)

    @route("PUT", "/1/boards/{id}")
    def put_board(self, request: Request, id: str) -> Response:
        raw = self.one(self.boards, id)
        self.may(id)
        self.change_board(self.us, id, sent(request))
        return Response.json({name: value for name, value in raw.items() if name != "shortLink"})

    @route("POST", "/1/lists")
    def post_list(self, request: Request) -> Response:
        values = sent(request)
        self._on(values.get("idBoard"), "idBoard")
        return Response.json(self.make_list(self.us, values) | NOTHING)

    def _on(self, board: Any, name: str) -> None:
        if board not in self.boards:
            raise Refusal(400, f"invalid value for {name}")
        self.may(board)

    @route("PUT", "/1/lists/{id}")
    def put_list(self, request: Request, id: str) -> Response:
        raw = self.one(self.lists, id)
        self.may(raw["idBoard"])
        self.change_list(self.us, id, sent(request))
        return Response.json(raw)

    @route("POST", "/1/cards")
    def post_card(self, request: Request) -> Response:
        values = sent(request)
        if values.get("idList") in self.lists:
            self.may(self.lists[values["idList"]]["idBoard"])
        raw = self.make_card(self.us, values)
        return Response.json(self.shown(raw, {"attachments": "true"}) | {"stickers": [], **NOTHING})

    @route("PUT", "/1/cards/{id}")
    def put_card(self, request: Request, id: str) -> Response:
        raw = self.card(id)
        self.change_card(self.us, id, sent(request))
        return Response.json(self.shown(raw))

    @route("DELETE", "/1/cards/{id}")
    def delete_card(self, request: Request, id: str) -> Response:
        self.card(id)
        self.remove_card(self.us, id)
        return Response.json(NOTHING)

    @route("POST", "/1/cards/{id}/idLabels")
    def post_card_label(self, request: Request, id: str) -> Response:
        raw, value = self.card(id), sent(request).get("value")
        if value in raw["idLabels"]:
            raise Refusal(400, "that label is already on the card")
        self.change_card(self.us, id, {"idLabels": [*raw["idLabels"], value]})
        return Response.json(raw["idLabels"])

    @route("DELETE", "/1/cards/{id}/idLabels/{label}")
    def delete_card_label(self, request: Request, id: str, label: str) -> Response:
        raw = self.card(id)
        if label not in raw["idLabels"]:
            raise Refusal(400, "that label is not on the card")
        self.change_card(self.us, id, {"idLabels": [each for each in raw["idLabels"] if each != label]})
        return Response.json({"_value": None})

    @route("POST", "/1/cards/{id}/idMembers")
    def post_card_member(self, request: Request, id: str) -> Response:
        raw, value = self.card(id), sent(request).get("value")
        if value in raw["idMembers"]:
            raise Refusal(400, "member is already on the card")
        self.change_card(self.us, id, {"idMembers": [*raw["idMembers"], value]})
        return self._members_of(raw)

    @route("DELETE", "/1/cards/{id}/idMembers/{member}")
    def delete_card_member(self, request: Request, id: str, member: str) -> Response:
        raw = self.card(id)
        if member not in raw["idMembers"]:
            raise Refusal(400, "member is not on the card")
        self.set_members(self.us, raw, [each for each in raw["idMembers"] if each != member])
        return self._members_of(raw)

    def _members_of(self, raw: Raw) -> Response:
        return Response.json([self.members[each] for each in raw["idMembers"]])

    # -- custom fields

    @route("PUT", "/1/cards/{id}/customField/{field}/item")
    def put_custom_item(self, request: Request, id: str, field: str) -> Response:
        self.card(id)
        return Response.json(self.set_custom(self.us, id, field, request.json() or {}))

    @route("POST", "/1/customFields")
    def post_custom_field(self, request: Request) -> Response:
        values = request.json() or {}
        self._on(values.get("idModel"), "idModel")
        return Response.json(self.make_custom_field(self.us, values) | NOTHING)

    @route("POST", "/1/customFields/{id}/options")
    def post_option(self, request: Request, id: str) -> Response:
        field = self.custom_field(id)
        self.may(field["idModel"])
        value = (request.json() or {}).get("value")
        if field["type"] != "list" or not isinstance(value, dict) or not value.get("text"):
            raise Refusal(400, "invalid value for value")
        return Response.json(self.make_option(field, {"value": value}))

    @route("DELETE", "/1/customFields/{id}")
    def delete_custom_field(self, request: Request, id: str) -> Response:
        self.may(self.custom_field(id)["idModel"])
        self.remove_custom_field(self.us, id)
        return Response.json(NOTHING)

    # -- comments and links

    @route("POST", "/1/cards/{id}/actions/comments")
    def post_comment(self, request: Request, id: str) -> Response:
        self.card(id)
        return Response.json(self.make_comment(self.us, id, sent(request).get("text") or ""))

    @route("PUT", "/1/actions/{id}")
    def put_comment(self, request: Request, id: str) -> Response:
        raw = self.comment(id)
        if raw["idMemberCreator"] != self.hub:
            raise Refusal(401, "unauthorized permission requested")
        return Response.json(self.change_comment(self.us, id, sent(request).get("text") or ""))

    @route("DELETE", "/1/actions/{id}")
    def delete_comment(self, request: Request, id: str) -> Response:
        self.remove_comment(self.us, id)
        return Response.json({"_value": None})

    @route("POST", "/1/cards/{id}/attachments")
    def post_attachment(self, request: Request, id: str) -> Response:
        self.card(id)
        return Response.json(self.make_attachment(self.us, id, sent(request)) | NOTHING)

    @route("DELETE", "/1/cards/{id}/attachments/{own}")
    def delete_attachment(self, request: Request, id: str, own: str) -> Response:
        self.card(id)
        self.remove_attachment(self.us, id, own)
        return Response.json(NOTHING)

    # -- labels, checklists and items

    @route("POST", "/1/labels")
    def post_label(self, request: Request) -> Response:
        values = sent(request)
        self._on(values.get("idBoard"), "idBoard")
        return Response.json(self.make_label(self.us, values) | NOTHING)

    @route("PUT", "/1/labels/{id}")
    def put_label(self, request: Request, id: str) -> Response:
        raw = self.one(self.labels, id)
        self.may(raw["idBoard"])
        self.change_label(self.us, id, sent(request))
        return Response.json(raw)

    @route("DELETE", "/1/labels/{id}")
    def delete_label(self, request: Request, id: str) -> Response:
        self.may(self.one(self.labels, id)["idBoard"])
        self.remove_label(self.us, id)
        return Response.json(NOTHING)

    @route("POST", "/1/checklists")
    def post_checklist(self, request: Request) -> Response:
        values = sent(request)
        self.card(values.get("idCard") or "")
        return Response.json(self.make_checklist(self.us, values) | NOTHING)

    @route("PUT", "/1/checklists/{id}")
    def put_checklist(self, request: Request, id: str) -> Response:
        raw = self._checklist(id)
        self.change_checklist(self.us, id, sent(request))
        return Response.json(raw)

    def _checklist(self, id: str) -> Raw:
        raw = self.one(self.checklists, id)
        self.may(raw["idBoard"])
        return raw

    @route("DELETE", "/1/checklists/{id}")
    def delete_checklist(self, request: Request, id: str) -> Response:
        self._checklist(id)
        self.remove_checklist(self.us, id)
        return Response.json(NOTHING)

    @route("POST", "/1/checklists/{id}/checkItems")
    def post_item(self, request: Request, id: str) -> Response:
        self._checklist(id)
        return Response.json(self.make_item(self.us, id, sent(request)) | NOTHING)

    @route("PUT", "/1/cards/{id}/checkItem/{item}")
    def put_item(self, request: Request, id: str, item: str) -> Response:
        self.card(id)
        return Response.json(self.change_item(self.us, id, item, sent(request)) | {"creationMethod": None})

    @route("DELETE", "/1/cards/{id}/checkItem/{item}")
    def delete_item(self, request: Request, id: str, item: str) -> Response:
        self.card(id)
        self.remove_item(self.us, id, item)
        return Response.json(NOTHING)
