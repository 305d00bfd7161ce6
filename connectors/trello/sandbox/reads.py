"""The reading half of the API."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote

import msgspec

from connectors.base import utc
from connectors.sandbox.core import route
from connectors.sandbox.exchange import Refusal, Request, Response
from connectors.trello.sandbox import shapes
from connectors.trello.sandbox.customs import Customs
from connectors.trello.sandbox.shapes import Raw
from connectors.trello.sandbox.state import TOKEN

MOST = 1000
BATCH = 10


def chosen(raw: Raw, request: Request) -> Raw:
    """The fields asked for, and the id; what was asked for as a part stays."""
    asked = request.arg("fields")
    if asked in (None, "", "all"):
        return raw
    names = {"id", "checklists", "attachments", "customFieldItems", *str(asked).split(",")}
    return {name: value for name, value in raw.items() if name in names}


def answer(raws: Raw | Iterable[Raw], request: Request) -> Response:
    if isinstance(raws, dict):
        return Response.json(chosen(deepcopy(raws), request))
    return Response.json([chosen(deepcopy(raw), request) for raw in raws])


class Reads(Customs):
    @route("GET", "/1/batch")
    def batch(self, request: Request) -> Response:
        routes = [each for each in (request.arg("urls") or "").split(",") if each]
        if not routes or len(routes) > BATCH:
            raise Refusal(400, "invalid value for urls")
        return Response.json([self._one_of_batch(each) for each in routes])

    def _one_of_batch(self, address: str) -> Any:
        inner = Request.of("GET", f"/1{address}", {}, None)
        for method, pattern, name in self._table:
            match = pattern.match(unquote(inner.path))
            if method == "GET" and match and name != "batch":
                try:
                    got: Response = getattr(self, name)(inner, **match.groupdict())
                except Refusal as refusal:
                    got = refusal.response
                if got.status == 200:
                    return {"200": msgspec.json.decode(got.body)}
                words = got.body.decode()
                return {"name": "Error", "message": words, "statusCode": got.status}
        return {"name": "Error", "message": f"Cannot GET {inner.path}", "statusCode": 404}

    # -- members and tokens

    @route("GET", "/1/tokens/{token}")
    def read_token(self, request: Request, token: str) -> Response:
        if token != TOKEN:
            raise Refusal(404, "model not found")
        return answer(shapes.token(self.token_id, self.hub, self.scopes, self.token_expires, self.since), request)

    @route("GET", "/1/members/{id}")
    def read_member(self, request: Request, id: str) -> Response:
        raw = self.members[self.hub] if id == "me" else self.one(self.members, id)
        full = raw | {"idBoards": [board for board, row in self.on_board.items() if raw["id"] in row]}
        if raw["id"] == self.hub:
            full["prefs"] = {"locale": "en-US", "timezone": "Europe/Berlin"}
            full["email"] = "hub@keepstep.example" if "account" in self.scopes else None
        got = answer(full, request)
        got.headers["Date"] = format_datetime(self.clock.now() + self.skew, usegmt=True)
        return got

    @route("GET", "/1/members/{id}/boards")
    def read_boards(self, request: Request, id: str) -> Response:
        member = self.hub if id == "me" else self.one(self.members, id)["id"]
        kind = request.arg("filter") or "all"
        rows = [raw for raw in self.boards.values() if member in self.on_board[raw["id"]]]
        if kind in ("open", "closed"):
            rows = [raw for raw in rows if raw["closed"] == (kind == "closed")]
        return answer([shapes.listing_of_board(raw, self.now(), self.on_board[raw["id"]]) for raw in rows], request)

    # -- boards

    @route("GET", "/1/boards/{id}")
    def read_board(self, request: Request, id: str) -> Response:
        raw = dict(self._board(id))
        if "premiumFeatures" in (request.arg("fields") or "").split(","):
            raw["premiumFeatures"] = list(shapes.PAID if self.paid else shapes.FREE)
        if "limits" in (request.arg("fields") or "").split(","):
            raw["limits"] = deepcopy(self.limits.get(id, shapes.LIMITS))
        if request.arg("fields") is None:
            del raw["shortLink"]
        return answer(raw, request)

    def _board(self, id: str) -> Raw:
        raw = self.one(self.boards, id)
        self.may(id)
        return raw

    @route("GET", "/1/boards/{id}/lists")
    def read_lists(self, request: Request, id: str) -> Response:
        self._board(id)
        rows = sorted((raw for raw in self.lists.values() if raw["idBoard"] == id), key=lambda raw: float(raw["pos"]))
        more = [raw | {"subscribed": False, "softLimit": None} for raw in self._open(rows, request, "open")]
        return answer(more, request)

    @staticmethod
    def _open(rows: list[Raw], request: Request, default: str) -> list[Raw]:
        kind = request.arg("filter") or default
        if kind == "none":
            return []
        if kind in ("open", "closed"):
            return [raw for raw in rows if raw["closed"] == (kind == "closed")]
        return rows

    @route("GET", "/1/boards/{id}/cards")
    def read_board_cards(self, request: Request, id: str) -> Response:
        self._board(id)
        rows = self.cards_of(idBoard=id)
        if request.arg("filter") in (None, "", "visible"):
            rows = [raw for raw in rows if not raw["closed"] and not self.lists[raw["idList"]]["closed"]]
        return self._cards(rows, request)

    @route("GET", "/1/lists/{id}/cards")
    def read_list_cards(self, request: Request, id: str) -> Response:
        self.may(self.one(self.lists, id)["idBoard"])
        return self._cards(self._open(self.cards_of(idList=id), request, "open"), request)

    def _cards(self, rows: list[Raw], request: Request) -> Response:
        before = request.arg("before")
        if before:
            rows = [raw for raw in rows if raw["id"] < before]
        if request.arg("limit"):
            rows = sorted(rows, key=lambda raw: raw["id"], reverse=True)[: self._limit(request)]
        if request.arg("checklists") and self.most_cards is not None and len(rows) > self.most_cards:
            message = "Requested too many cards with what is on them, please use the limit parameter"
            raise Refusal(403, {"error": "API_TOO_MANY_CARDS_REQUESTED", "message": message})
        return answer([self.shown(raw, dict(request.query)) for raw in rows], request)

    @route("GET", "/1/boards/{id}/labels")
    def read_labels(self, request: Request, id: str) -> Response:
        self._board(id)
        rows = [raw for raw in self.labels.values() if raw["idBoard"] == id]
        return answer([self._label(raw) for raw in rows][: self._limit(request)], request)

    def _label(self, raw: Raw) -> Raw:
        return raw | {"uses": sum(raw["id"] in card["idLabels"] for card in self.cards.values())}

    @route("GET", "/1/boards/{id}/checklists")
    def read_checklists(self, request: Request, id: str) -> Response:
        self._board(id)
        return answer([raw for raw in self.checklists.values() if raw["idBoard"] == id], request)

    @route("GET", "/1/boards/{id}/members")
    def read_members(self, request: Request, id: str) -> Response:
        self._board(id)
        names = ("id", "fullName", "username")
        return answer([{name: self.members[each][name] for name in names} for each in self.on_board[id]], request)

    @route("GET", "/1/boards/{id}/plugins")
    def read_plugins(self, request: Request, id: str) -> Response:
        self._board(id)
        return answer(self.plugins.get(id, []), request)

    @route("GET", "/1/boards/{id}/customFields")
    def read_custom_fields(self, request: Request, id: str) -> Response:
        self._board(id)
        return answer(self.custom_fields.get(id, []), request)

    @route("GET", "/1/customFields/{id}")
    def read_custom_field(self, request: Request, id: str) -> Response:
        raw = self.custom_field(id)
        self.may(raw["idModel"])
        return answer(raw, request)

    @route("GET", "/1/cards/{id}/customFieldItems")
    def read_custom_items(self, request: Request, id: str) -> Response:
        self.card(id)
        return answer(self.custom_items.get(id, []), request)

    @route("GET", "/1/boards/{id}/actions")
    def read_board_actions(self, request: Request, id: str) -> Response:
        self._board(id)
        return self._log(lambda raw: (raw["data"].get("board") or {}).get("id") == id, request)

    # -- single records

    @route("GET", "/1/lists/{id}")
    def read_list(self, request: Request, id: str) -> Response:
        raw = self.one(self.lists, id)
        self.may(raw["idBoard"])
        return answer(raw, request)

    @route("GET", "/1/cards/{id}")
    def read_card(self, request: Request, id: str) -> Response:
        return answer(self.shown(self.card(id), dict(request.query)), request)

    @route("GET", "/1/cards/{id}/actions")
    def read_card_actions(self, request: Request, id: str) -> Response:
        self.card(id)
        default = "commentCard,updateCard:idList"
        return self._log(lambda raw: (raw["data"].get("card") or {}).get("id") == id, request, default)

    @route("GET", "/1/cards/{id}/attachments")
    def read_attachments(self, request: Request, id: str) -> Response:
        self.card(id)
        return answer(self.attachments.get(id, []), request)

    @route("GET", "/1/cards/{id}/attachments/{own}")
    def read_attachment(self, request: Request, id: str, own: str) -> Response:
        self.card(id)
        return answer(self.one({raw["id"]: raw for raw in self.attachments.get(id, [])}, own), request)

    @route("GET", "/1/cards/{id}/attachments/{own}/download/{name}")
    def read_file(self, request: Request, id: str, own: str, name: str) -> Response:
        self.card(id)
        raw = self.one({raw["id"]: raw for raw in self.attachments.get(id, [])}, own)
        if raw["id"] not in self.files or unquote(name) != unquote(raw["fileName"]):
            raise Refusal(404, shapes.NOT_FOUND)
        if self.files_elsewhere:
            return Response(302, headers={"Location": f"https://files.trello.test/store/{own}"})
        return self._file(raw["mimeType"], own)

    @route("GET", "/store/{own}")
    def read_stored_file(self, request: Request, own: str) -> Response:
        kinds = {raw["id"]: raw["mimeType"] for row in self.attachments.values() for raw in row}
        return self._file(kinds[own], own)

    def _file(self, kind: str, own: str) -> Response:
        content = self.files[own]
        headers = {"Content-Type": kind or "application/octet-stream", "Content-Length": str(len(content))}
        return Response(200, content, headers)

    @route("GET", "/1/labels/{id}")
    def read_label(self, request: Request, id: str) -> Response:
        raw = self.one(self.labels, id)
        self.may(raw["idBoard"])
        return answer(self._label(raw), request)

    @route("GET", "/1/checklists/{id}")
    def read_checklist(self, request: Request, id: str) -> Response:
        raw = self.one(self.checklists, id)
        self.may(raw["idBoard"])
        return answer(raw, request)

    @route("GET", "/1/actions/{id}")
    def read_action(self, request: Request, id: str) -> Response:
        raw = self.comment(id)
        self.may(raw["data"]["board"]["id"])
        wanted = raw["type"] == "commentCard" and request.arg("display") != "false"
        return answer(raw | ({"display": shapes.display(raw)} if wanted else {}), request)

    # -- pages of actions

    def _log(self, mine: Callable[[Raw], bool], request: Request, default: str = "all") -> Response:
        """Newest first. ``since`` and ``before`` are ids or dates, and neither includes what it names."""
        rows = [raw for raw in reversed(self.actions) if mine(raw)]
        kinds = request.arg("filter") or default
        if kinds != "all":
            rows = [raw for raw in rows if self._kind(raw, kinds.split(","))]
        since, before = request.arg("since"), request.arg("before")
        if since:
            rows = rows[: self._cut(rows, since, inclusive=False)]
        if before:
            rows = rows[self._cut(rows, before, inclusive=True) :]
        return answer(rows[: self._limit(request, 50)], request)

    @staticmethod
    def _kind(raw: Raw, kinds: list[str]) -> bool:
        old = raw["data"].get("old") or {}
        return any(raw["type"] == kind or kind in {f"{raw['type']}:{name}" for name in old} for kind in kinds)

    @staticmethod
    def _cut(rows: list[Raw], mark: str, *, inclusive: bool) -> int:
        """The index at which the rows, newest first, pass the mark."""
        for index, raw in enumerate(rows):
            if raw["id"] == mark:
                return index + 1 if inclusive else index
        try:
            at = utc(datetime.fromisoformat(mark))
        except ValueError:
            if len(mark) != 24:
                raise Refusal(400, "invalid value for since or before") from None
            at = shapes.second_of(mark)
        return sum(raw["date"] > at for raw in rows) if not inclusive else sum(raw["date"] >= at for raw in rows)

    @staticmethod
    def _limit(request: Request, default: int = MOST) -> int:
        value = request.arg("limit")
        if value is None:
            return default
        if not value.isdigit() or not 0 <= int(value) <= MOST:
            raise Refusal(400, "invalid value for limit")
        return int(value)
