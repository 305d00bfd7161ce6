"""What the stand-in holds, and the changes that the API and people's clicks share."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.base import Clock, utc
from connectors.sandbox.core import SandboxCore
from connectors.sandbox.exchange import Refusal, Request, Response
from connectors.trello.sandbox import shapes
from connectors.trello.sandbox.shapes import NOT_FOUND, Raw

KEY = "sandbox-key-0123456789"
TOKEN = "sandbox-token-0123456789"
LIMITS = (("API_TOKEN_LIMIT_EXCEEDED", 100), ("API_KEY_LIMIT_EXCEEDED", 300))
WINDOW = 10.0
HEADER = re.compile(r'OAuth oauth_consumer_key="([^"]*)", oauth_token="([^"]*)"\Z')
DOWNLOAD = re.compile(r"/attachments/[^/]+/download/")
"""What takes credentials in the header alone."""
STORE = "/store/"
"""Where files are kept, on another host."""
STEP = 16384


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: a member, through an app or on the web page."""

    member: str
    name: str
    ours: bool = False


class State(SandboxCore):
    """Boards and what lies on them, the action log, and the hub's account."""

    def __init__(self, clock: Clock, seed: int = 1) -> None:
        super().__init__(clock, seed)
        self.boards: dict[str, Raw] = {}
        self.lists: dict[str, Raw] = {}
        self.cards: dict[str, Raw] = {}
        self.labels: dict[str, Raw] = {}
        self.checklists: dict[str, Raw] = {}
        self.attachments: dict[str, list[Raw]] = {}
        self.files: dict[str, bytes] = {}
        """Attachment id -> the bytes of an uploaded file."""
        self.paid = True
        """Whether the boards' plan takes large files and custom fields."""
        self.files_elsewhere = False
        """Whether downloads are sent on to another host."""
        self.members: dict[str, Raw] = {}
        self.actions: list[Raw] = []
        self.custom_fields: dict[str, list[Raw]] = {}
        self.custom_items: dict[str, list[Raw]] = {}
        self.on_board: dict[str, list[str]] = {}
        self.rate_limits = True
        self.most_cards: int | None = None
        """Cards that are listed at once with what is on them. None: any number."""
        self._made = 0
        self._app = self.new_id()
        self._sent: deque[float] = deque()
        self.organization = self.new_id()
        self.hub = self.person("Keepstep").member
        self.token_id = self.new_id()
        self.scopes = ["read", "write"]
        self.token_expires: str | None = None
        self.since = self.now()
        self.skew = timedelta()
        """By how much the service's clock is ahead of everybody's."""
        self.limits: dict[str, Raw] = {}
        self.plugins: dict[str, list[Raw]] = {}
        """Board -> its Power-Ups."""

    # -- who and when

    def new_id(self) -> str:
        """Creation second, then digits in no order, as real ids of one second have none either."""
        self._made += 1
        return f"{int(self.clock.now().timestamp()):08x}{self.rng.getrandbits(40):010x}{self._made:06x}"

    def person(self, name: str) -> Actor:
        for id, raw in self.members.items():
            if raw["fullName"] == name:
                return Actor(id, name)
        id = self.new_id()
        self.members[id] = shapes.member(id, name, f"member{len(self.members) + 1}")
        return Actor(id, name)

    @property
    def us(self) -> Actor:
        return Actor(self.hub, "Keepstep", ours=True)

    def join(self, actor: Actor, board: str) -> None:
        """Whoever acts on a board is on it."""
        if actor.member not in self.on_board[board]:
            self.on_board[board].append(actor.member)
            added = {"idMemberAdded": actor.member, "memberType": "normal", "board": self.board_ref(board)}
            self.log(actor, "addMemberToBoard", added)

    # -- asking for credentials

    def admit(self, request: Request) -> None:
        if request.path.startswith(STORE):
            if request.query or "authorization" in request.headers:
                raise Refusal(400, "credentials where none belong")
            return
        key, token = request.arg("key"), request.arg("token")
        found = HEADER.match(request.headers.get("authorization", ""))
        if found:
            key, token = found[1], found[2]
        elif DOWNLOAD.search(request.path):
            raise Refusal(401, "unauthorized permission requested")
        if key != KEY:
            raise Refusal(401, "invalid key")
        if token != TOKEN:
            raise Refusal(401, "invalid token")
        now = self.clock.monotonic()
        while self._sent and self._sent[0] <= now - WINDOW:
            self._sent.popleft()
        self._sent.append(now)
        for code, most in LIMITS:
            if self.rate_limits and len(self._sent) > most:
                raise Refusal(429, {"error": code, "message": "Rate limit exceeded"})

    def refuse(self, kind: str) -> Response:
        if kind == "rate_limited":
            body = {"error": "API_TOKEN_LIMIT_EXCEEDED", "message": "Rate limit exceeded"}
            return Response.json(body, 429)
        return Response.text("expired token", 401)

    def no_route(self, request: Request, allowed: list[str]) -> Response:
        query = "&".join(f"{name}={value}" for name, value in request.query)
        return Response.text(f"Cannot {request.method} {request.path}?{query}", 404)

    # -- the log

    def log(self, actor: Actor, type: str, data: Raw) -> Raw:
        raw = {
            "id": self.new_id(),
            "idMemberCreator": actor.member,
            "data": deepcopy(data),
            "agenticIdentity": None,
            "appCreator": {"id": self._app} if actor.ours else None,
            "type": type,
            "date": self.now(),
            "limits": None,
            "memberCreator": shapes.creator(self.members[actor.member]),
        }
        self.actions.append(raw)
        return raw

    def board_ref(self, id: str) -> Raw:
        return {name: self.boards[id][name] for name in ("id", "name", "shortLink")}

    def list_ref(self, id: str) -> Raw:
        return {name: self.lists[id][name] for name in ("id", "name")}

    def card_ref(self, id: str) -> Raw:
        return {name: self.cards[id][name] for name in ("id", "name", "idShort", "shortLink")}

    def place(self, card: str) -> Raw:
        """Card, list and board, as most actions name them."""
        raw = self.cards[card]
        where = {"list": self.list_ref(raw["idList"]), "board": self.board_ref(raw["idBoard"])}
        return {"card": self.card_ref(card), **where}

    def note(self, actor: Actor, kind: Any, stream: str, id: str, changes: Mapping[str, tuple[Any, Any]]) -> None:
        """An entry of the true log."""
        self.truth.add(
            at=self.now(), actor=actor.name, kind=kind, stream=stream, id=id, changes=dict(changes), ours=actor.ours
        )

    # -- finding

    def one(self, table: Mapping[str, Raw], id: str) -> Raw:
        if len(id) != 24 or not all(digit in "0123456789abcdef" for digit in id.lower()):
            raise Refusal(400, "invalid id")
        if id not in table:
            raise Refusal(404, NOT_FOUND)
        return table[id]

    def may(self, board: str, what: str = "") -> None:
        """Refuse what lies on a board that the hub's account is not on."""
        if self.hub not in self.on_board[board]:
            raise Refusal(401, f"unauthorized {what + ' ' if what else ''}permission requested")

    def card(self, id: str) -> Raw:
        raw = self.one(self.cards, id)
        self.may(raw["idBoard"], "card")
        return raw

    def cards_of(self, **where: str) -> list[Raw]:
        (name, value), *_ = where.items()
        return sorted((raw for raw in self.cards.values() if raw[name] == value), key=lambda raw: float(raw["pos"]))

    def checklists_of(self, card: str) -> list[Raw]:
        return sorted((raw for raw in self.checklists.values() if raw["idCard"] == card), key=lambda raw: raw["pos"])

    def comments_of(self, card: str) -> list[Raw]:
        return [raw for raw in self.actions if raw["type"] == "commentCard" and raw["data"]["card"]["id"] == card]

    # -- showing

    def shown(self, raw: Raw, parts: Mapping[str, str] | None = None) -> Raw:
        """A card as it is answered, with the parts asked for."""
        id, asked = raw["id"], parts or {}
        checklists = self.checklists_of(id)
        items = [item for one in checklists for item in one["checkItems"]]
        links = self.attachments.get(id, [])
        full = deepcopy(raw) | {
            "labels": [deepcopy(self.labels[label]) for label in raw["idLabels"]],
            "idChecklists": [one["id"] for one in checklists],
            "badges": shapes.badges(raw, items, len(links), len(self.comments_of(id))),
        }
        if asked.get("checklists") == "all":
            full["checklists"] = deepcopy(checklists)
        if asked.get("attachments") == "true":
            full["attachments"] = deepcopy(links)
        if asked.get("list") == "true":
            full["list"] = deepcopy(self.lists[raw["idList"]])
        if asked.get("customFieldItems") == "true":
            full["customFieldItems"] = deepcopy(self.custom_items.get(id, []))
        return full

    # -- values

    def pos(self, value: Any, others: Iterable[float]) -> float:
        row = sorted(float(each) for each in others)
        if value == "top":
            return row[0] / 2 if row else STEP
        if value in (None, "", "bottom"):
            return row[-1] + STEP if row else STEP
        try:
            number = float(value)
        except ValueError as error:
            raise Refusal(400, "invalid value for pos") from error
        return int(number) if number.is_integer() else number

    def moment(self, value: Any, name: str) -> str | None:
        if value in (None, "", "null"):
            return None
        try:
            stamp = datetime.fromisoformat(str(value))
        except ValueError as error:
            raise Refusal(400, f"invalid value for {name}") from error
        return utc(stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC))
