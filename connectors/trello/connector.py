"""The connector: the verbs of the contract, each carried out by the module of its subject."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

from connectors.base import Account, Change, Description, Gate, Outcome, Page, Record, Write, utc
from connectors.content import Download
from connectors.context import Context
from connectors.errors import ConnectorError, Forbidden, Malformed, Misconfigured, NotFound, RecordRefused
from connectors.examining import Symptom
from connectors.hooks import Delivery
from connectors.preparing import Addition
from connectors.trello.client import TrelloClient
from connectors.trello.content import download
from connectors.trello.description import describe
from connectors.trello.examine import examine, misplaced
from connectors.trello.feed import BoardFeed
from connectors.trello.history import CardHistory
from connectors.trello.hook import parse_hook
from connectors.trello.look import Look
from connectors.trello.models import STREAMS
from connectors.trello.prepare import Preparation
from connectors.trello.reading import Reader
from connectors.trello.settings import TrelloSettings
from connectors.trello.writes import Writer
from mapping.model import STANDARD


class TrelloConnector:
    """A Trello account. Thread-safe; keeps nothing but who it is and which boards it was given."""

    def __init__(self, settings: TrelloSettings, context: Context) -> None:
        self.settings = settings
        self._client = TrelloClient(settings, context)
        self._lock = threading.Lock()
        self._me: str | None = None
        self._reader = Reader(self._client, self._own_id, own_fields=self._own_fields)
        self._look = Look(self._client, self._reader, self._own_id, self._boards)
        self._history = CardHistory(self._client, self._own_id)
        self._writer = Writer(self._client, self._own_id, own_fields=self._own_fields)
        self._preparation = Preparation(self._client, settings, self._boards, context.model or STANDARD)
        self._context = context

    @property
    def _own_fields(self) -> bool:
        return bool(self.settings.custom.get("cards"))

    @property
    def calls(self) -> int:
        return self._client.http.budget.calls

    @property
    def units(self) -> int:
        return self._client.http.budget.units

    def check(self) -> Account:
        answer = self._client.http.read("GET", "/members/me", params={})
        me = answer.decode(dict[str, object])
        if not isinstance(me.get("id"), str):
            raise Malformed("GET /members/me: an account without an id")
        self._me = str(me["id"])
        unseen: list[ConnectorError] = []
        for board in self.settings.boards:
            try:
                self._client.get(f"/boards/{board}", {"fields": "name"})
            except (Forbidden, NotFound) as error:
                unseen.append(error)
        if unseen and len(unseen) == len(self.settings.boards):
            raise unseen[0]  # of one among others its own pull tells
        prefs = me.get("prefs")
        zone = (prefs.get("timezone") or None) if isinstance(prefs, dict) else None
        date = answer.headers.get("Date")
        return Account(
            id=self._me,
            name=str(me.get("fullName") or me.get("username") or ""),
            site="trello.com",
            timezone=zone if isinstance(zone, str) else None,
            server_time=utc(parsedate_to_datetime(date)) if date else None,
        )

    def describe(self) -> Description:
        return describe(self._client, self._boards(), self.settings.boards, own_fields=self._own_fields)

    def pull(self, feed: str, cursor: str | None = None) -> Iterator[Page]:
        kind, _, board = feed.partition(":")
        if kind != "board" or not board:
            raise Misconfigured(f"Trello has no feed {feed!r}; feeds are called board:<board id>")
        return BoardFeed(self._client, self._reader, self._own_id(), board).pages(cursor)

    def get(self, stream: str, ids: Sequence[str]) -> Iterator[Record]:
        return self._reader.get(_known(stream), ids)

    def push(self, stream: str, writes: Sequence[Write], gate: Gate) -> Iterator[Outcome]:
        return self._writer.push(_known(stream), writes, gate)

    def download(self, stream: str, id: str) -> Download:
        if _known(stream) != "attachments":
            raise RecordRefused(f"{stream} have no bytes", code="no_content")
        return download(self._client, id)

    def parse_hook(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        return parse_hook(self.settings, headers, body)

    def examine(self) -> list[Symptom]:
        return examine(self._client, self.settings, self._context, self._boards())

    def misplaced(self, stream: str, place: Mapping[str, Any]) -> list[Symptom]:
        return list(misplaced(self._client, place))

    def additions(self) -> list[Addition]:
        return self._preparation.additions()

    def add(self, id: str, gate: Gate) -> None:
        self._preparation.add(id, gate)

    def remove(self, id: str, gate: Gate) -> None:
        self._preparation.remove(id, gate)

    def unmark(self, stream: str, ids: Sequence[str], gate: Gate) -> list[Outcome]:
        return self._preparation.unmark(_known(stream), ids, gate)

    def find(self, stream: str, marker: str) -> list[Record]:
        return self._look.find(_known(stream), marker)

    def made_since(self, stream: str, scope: str | None, since: str) -> Iterator[Record]:
        return self._look.made_since(_known(stream), scope, since)

    def reserve(self, stream: str, count: int) -> list[str]:
        """Trello gives no ids away beforehand."""
        return []

    def history(self, stream: str, ids: Sequence[str], since: str) -> Iterator[Change]:
        return self._history.changes(ids, since) if _known(stream) == "cards" else iter(())

    def ids(self, stream: str) -> Iterator[list[str]]:
        return self._look.ids(_known(stream))

    def _own_id(self) -> str:
        with self._lock:
            if self._me is None:
                me = self._client.get("/members/me", {})
                if not isinstance(me, dict) or not isinstance(me.get("id"), str):
                    raise Malformed("GET /members/me: an account without an id")
                self._me = me["id"]
            return self._me

    def _boards(self) -> list[str]:
        if self.settings.boards:
            return list(self.settings.boards)
        return [board["id"] for board in self._client.listing(f"/members/{self._own_id()}/boards", {"filter": "open"})]


def _known(stream: str) -> str:
    if stream not in STREAMS:
        raise KeyError(stream)
    return stream
