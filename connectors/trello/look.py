"""Looking for what we made: by marker, by author and time; and the census."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import msgspec

from connectors.base import Record, utc
from connectors.errors import NotFound, RecordRefused
from connectors.trello.client import TrelloClient, actions
from connectors.trello.reading import Reader
from connectors.trello.records import attachments, is_marker, marker_url, on_card, record

SLACK = timedelta(seconds=5)
"""Ids tell whole seconds, and the service's clock is not ours."""

MADE_BY = {"lists": ("createList", "list"), "checklists": ("addChecklistToCard,copyChecklist", "checklist")}
"""Things without an author of their own: the log entry that tells who made them."""


class Look:
    def __init__(
        self, client: TrelloClient, reader: Reader, me: Callable[[], str], boards: Callable[[], list[str]]
    ) -> None:
        self._client = client
        self._reader = reader
        self._me = me
        self._boards = boards

    def find(self, stream: str, marker: str) -> list[Record]:
        """Cards by the marker link set inside their create; boards by the line in ``desc``; closed ones included."""
        found: list[Record] = []
        if stream == "cards":
            address = marker_url(marker)
            for board in self._boards():
                for raw in self._reader.cards(f"/boards/{board}/cards"):
                    if any(is_marker(each) and each["url"] == address for each in on_card(raw, [])):
                        found.append(record("cards", raw, self._me()))
        elif stream == "boards":
            for raw in self._client.listing(f"/members/{self._me()}/boards", {"filter": "all"}):
                one = record("boards", raw, self._me())
                if one.marker == marker:
                    found += self._reader.get("boards", [one.id])
        return sorted(found, key=lambda one: (one.created_at or "", one.id))

    def made_since(self, stream: str, scope: str | None, since: str) -> Iterator[Record]:
        """Records by our account since then, on a board or on the board of the card ``scope``, listed strongly.

        Labels name no author: there, everybody's are given.
        """
        edge = utc(datetime.fromisoformat(since) - SLACK)
        for board in self._scoped(scope):
            if stream in MADE_BY:
                yield from self._by_log(stream, board, edge)
                continue
            for raws in self._reader.listed(stream, board):
                for raw in raws:
                    if stream == "attachments" and is_marker(raw):
                        continue
                    one = record(stream, raw, self._me())
                    if (one.created_at or "") < edge[:19]:
                        if stream == "comments":
                            return
                        continue
                    if one.ours or stream == "labels":
                        yield one

    def _by_log(self, stream: str, board: str, edge: str) -> Iterator[Record]:
        kinds, part = MADE_BY[stream]
        mine: list[str] = []
        for page in self._client.action_pages(f"/boards/{board}/actions", since=edge, kinds=kinds):
            entries = [action for action in actions(page.rows) if action.by(self._me())]
            mine += [id for action in entries if isinstance(id := action.at(part, "id"), str) and id]
        for one in self._reader.get(stream, mine):
            if not one.deleted and not one.forbidden:
                yield msgspec.structs.replace(one, ours=True)

    def _scoped(self, scope: str | None) -> list[str]:
        boards = self._boards()
        if scope is None or scope in boards:
            return boards if scope is None else [scope]
        try:
            return [self._client.get(f"/cards/{scope}", {"fields": "idBoard"})["idBoard"]]
        except NotFound:
            return []
        except RecordRefused:
            return [scope]

    def ids(self, stream: str) -> Iterator[list[str]]:
        """Ids of everything live, a page for each listing."""
        met: set[str] = set()
        for board in self._boards():
            if stream == "cards":
                yield [raw["id"] for raw in self._reader.cards(f"/boards/{board}/cards", brief=True)]
            elif stream == "attachments":
                cards = self._reader.cards(f"/boards/{board}/cards")
                yield [one.id for card in cards for one in attachments(card, self._me(), [])]
            else:
                for page in self._reader.listed(stream, board):
                    ids = [raw["id"] for raw in page if raw["id"] not in met]
                    met.update(ids)
                    yield ids
