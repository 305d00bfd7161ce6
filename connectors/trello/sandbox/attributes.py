"""Older forms of requests that the service still takes: one attribute at a time, parts under their card, and
``/card/`` for ``/cards/``. Other programs use them; the connector does not."""

from __future__ import annotations

import re
from typing import Any

from connectors.sandbox.core import route
from connectors.sandbox.exchange import Refusal, Request, Response
from connectors.trello.sandbox.reads import Reads, answer
from connectors.trello.sandbox.shapes import NOT_FOUND, Raw
from connectors.trello.sandbox.writes import FLAGS, NOTHING, Writes, flag, sent

SINGULAR = re.compile(r"^/1/(card|board|list|checklist|label|member)/")


def attribute(request: Request, name: str) -> Raw:
    """``value`` under the attribute's own name, and what else was sent."""
    values = sent(request)
    if "value" not in values:
        raise Refusal(400, f"invalid value for {name}")
    value: Any = values.pop("value")
    return {**values, name: flag(value, name) if name in FLAGS else value}


class Attributes(Writes, Reads):
    def handle(self, request: Request) -> Response:
        request.path = SINGULAR.sub(r"/1/\1s/", request.path)
        return super().handle(request)

    @route("PUT", "/1/cards/{id}/{name}")
    def put_card_attribute(self, request: Request, id: str, name: str) -> Response:
        raw = self.card(id)
        self.change_card(self.us, id, attribute(request, name))
        return Response.json(self.shown(raw))

    @route("PUT", "/1/lists/{id}/{name}")
    def put_list_attribute(self, request: Request, id: str, name: str) -> Response:
        raw = self.one(self.lists, id)
        self.may(raw["idBoard"])
        self.change_list(self.us, id, attribute(request, name))
        return Response.json(raw)

    @route("PUT", "/1/boards/{id}/{name}")
    def put_board_attribute(self, request: Request, id: str, name: str) -> Response:
        raw = self._board(id)
        self.change_board(self.us, id, attribute(request, name))
        return Response.json(raw)

    @route("PUT", "/1/checklists/{id}/{name}")
    def put_checklist_attribute(self, request: Request, id: str, name: str) -> Response:
        raw = self._checklist(id)
        self.change_checklist(self.us, id, attribute(request, name))
        return Response.json(raw)

    # -- parts under their card

    @route("GET", "/1/cards/{id}/checklists")
    def read_card_checklists(self, request: Request, id: str) -> Response:
        self.card(id)
        return answer(self.checklists_of(id), request)

    @route("POST", "/1/cards/{id}/checklists")
    def post_card_checklist(self, request: Request, id: str) -> Response:
        self.card(id)
        return Response.json(self.make_checklist(self.us, {**sent(request), "idCard": id}) | NOTHING)

    @route("PUT", "/1/cards/{id}/checklist/{checklist}/checkItem/{item}")
    def put_item_of_checklist(self, request: Request, id: str, checklist: str, item: str) -> Response:
        self.card(id)
        if self.item(id, item)[0]["id"] != checklist:
            raise Refusal(404, NOT_FOUND)
        return Response.json(self.change_item(self.us, id, item, sent(request)))

    @route("DELETE", "/1/checklists/{id}/checkItems/{item}")
    def delete_item_of_checklist(self, request: Request, id: str, item: str) -> Response:
        self.remove_item(self.us, self._checklist(id)["idCard"], item)
        return Response.json(NOTHING)

    @route("DELETE", "/1/cards/{id}/actions/{comment}/comments")
    def delete_comment_of_card(self, request: Request, id: str, comment: str) -> Response:
        self.card(id)
        self.remove_comment(self.us, comment)
        return Response.json({"_value": None})

    @route("GET", "/1/cards/{id}/pluginData")
    def read_plugin_data(self, request: Request, id: str) -> Response:
        """Power-Ups' own data: none of the stand-in's keep any on cards."""
        self.card(id)
        return Response.json([])

    # -- parts of custom fields

    @route("PUT", "/1/customFields/{id}")
    def put_custom_field(self, request: Request, id: str) -> Response:
        self.may(self.custom_field(id)["idModel"])
        return Response.json(self.change_custom_field(self.us, id, request.json() or {}))

    @route("GET", "/1/customFields/{id}/options")
    def read_options(self, request: Request, id: str) -> Response:
        return answer(self.custom_field(id).get("options", []), request)

    @route("POST", "/1/customFields/{id}/options")
    def post_option(self, request: Request, id: str) -> Response:
        raw = self.custom_field(id)
        self.may(raw["idModel"])
        if raw["type"] != "list":
            raise Refusal(400, "invalid value for type")
        return Response.json(self.make_option(raw, request.json() or {}))
