"""A board's feed: one crawl, then its action log; what the log keeps quiet about is watched beside it.

The log tells of cards, lists, links and new comments. It is silent on edited and deleted comments, on labels, and on
items added to or removed from a checklist. So each look asks, in the same single batch, for the listings of those and
compares them with digests in the cursor.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec

from connectors.base import Ignored, Page, Record, Unreadable, chunks, utc
from connectors.errors import CursorLost, Malformed, NotFound
from connectors.rows import each_row
from connectors.trello.client import PAGE, Failure, TrelloClient, actions, objects, route
from connectors.trello.log import Touched, read_log
from connectors.trello.models import COMMENT_FILTER, Action, Raw, created_at
from connectors.trello.reading import Reader, address, listed_in_batch, listing
from connectors.trello.records import attachments, gone, record

OVERLAP = timedelta(seconds=60)
"""Ids made in the same second do not sort, and a log entry may appear late: look back a little, skip what was seen."""

PORTION = 100
WATCHED = {
    "labels": ("name", "color"),
    "checklists": ("name", "pos", "checkItems", "idCard"),
    "members": ("fullName", "username"),
    "comments": ("data",),
}
STAGES = ("board", "checklists", "cards", "comments")

Digests = dict[str, dict[str, str]]


class State(msgspec.Struct, omit_defaults=True):
    """A cursor. ``at``: date of the newest action known; ``seen``: ids within the overlap before it."""

    at: str
    seen: list[str] = []
    watch: Digests = {}
    stage: str | None = None
    before: str | None = None
    v: int = 1

    def text(self) -> str:
        return msgspec.json.encode(self).decode()

    @classmethod
    def of(cls, cursor: str) -> State:
        try:
            state = msgspec.json.decode(cursor, type=cls)
            datetime.fromisoformat(state.at)
        except (msgspec.DecodeError, msgspec.ValidationError, ValueError) as error:
            raise CursorLost(f"not a cursor of a Trello board: {error}") from error
        if state.v != 1 or state.stage not in (None, *STAGES):
            raise CursorLost("a cursor of another version")
        return state


class BoardFeed:
    """Pages of one board. Raises ``ConnectorError`` after the pages that were good."""

    def __init__(self, client: TrelloClient, reader: Reader, me: str, board: str) -> None:
        self._client = client
        self._reader = reader
        self._me = me
        self._board = board
        self._aside: list[Unreadable] = []

    def pages(self, cursor: str | None) -> Iterator[Page]:
        state = State.of(cursor) if cursor is not None else self._begin()
        if state.stage is not None:
            pages = self._crawl(state, complete=cursor is None)
        else:
            pages = self._follow(state)
        for page in pages:
            aside, self._aside = self._aside, []
            yield msgspec.structs.replace(page, unreadable=aside) if aside else page

    # -- the first time

    def _begin(self) -> State:
        """The place in the log is fixed before anything is listed, so that nothing falls between."""
        rows = self._client.listing(f"/boards/{self._board}/actions", {"limit": PAGE}, self._aside)
        newest = actions(rows, self._aside)
        at = max((one.date for one in newest), default=created_at(self._board))
        if at is None:
            raise Malformed(f"GET /boards/{self._board}/actions: neither actions nor a date")
        return State(at=at, seen=_recent(newest, at), stage=STAGES[0])

    def _crawl(self, state: State, complete: bool) -> Iterator[Page]:
        if state.stage == "board":
            records = []
            for stream, raws in self._whole_board():
                records += self._records(stream, raws)
                self._watch(state, stream, raws)
            state.stage = "checklists"
            yield Page(records=records, cursor=state.text())
        if state.stage == "checklists":
            raws = next(self._reader.listed("checklists", self._board, self._aside))
            self._watch(state, "checklists", raws)
            state.stage = "cards"
            yield Page(records=self._records("checklists", raws), cursor=state.text())
        if state.stage == "cards":
            cards = self._reader.cards(f"/boards/{self._board}/cards", aside=self._aside)
            # Until the last portion the cursor stays: a crawl that breaks off lists the cards again.
            for start in range(0, len(cards), PORTION):
                portion = cards[start : start + PORTION]
                if start + PORTION >= len(cards):
                    break
                yield Page(records=list(self._reader.card_records(portion, self._aside)), cursor=state.text())
            else:
                portion = []
            state.stage = "comments"
            yield Page(records=list(self._reader.card_records(portion, self._aside)), cursor=state.text())
        yield from self._crawl_comments(state, complete)

    def _whole_board(self) -> Iterator[tuple[str, list[Raw]]]:
        """The board itself and its short listings, in one request."""
        rows = ("members", "labels", "lists")
        routes = [address("boards", self._board), *(route(*listing(stream, self._board)) for stream in rows)]
        board, *answers = self._client.batch(routes)
        if isinstance(board, Failure):
            raise board.error
        yield "boards", objects([board], f"GET /boards/{self._board}")
        for stream, answer in zip(rows, answers, strict=True):
            yield stream, listed_in_batch(answer, f"GET /boards/{self._board}/{stream}", self._aside)

    def _crawl_comments(self, state: State, complete: bool) -> Iterator[Page]:
        for raws, more in self._client.comment_pages(self._board, state.before, self._aside):
            if state.before is None:
                self._watch(state, "comments", raws)
            if not more:
                state.stage = state.before = None
                records = self._records("comments", raws)
                yield Page(records=records, cursor=state.text(), last=True, complete=complete)
                return
            state.before = raws[-1]["id"]
            yield Page(records=self._records("comments", raws), cursor=state.text())

    # -- every time after

    def _follow(self, state: State) -> Iterator[Page]:
        since = utc(datetime.fromisoformat(state.at) - OVERLAP)
        path = f"/boards/{self._board}/actions"
        answers = self._client.batch(
            [
                route(path, {"filter": "all", "limit": PAGE, "since": since}),
                *(route(*listing(stream, self._board)) for stream in ("labels", "checklists", "members")),
                route(path, {"filter": COMMENT_FILTER, "limit": PAGE}),
            ]
        )
        try:
            odd: list[list[Unreadable]] = [[] for _ in answers]
            log, labels, checklists, members, comments = (
                listed_in_batch(one, f"GET {path}", aside) for one, aside in zip(answers, odd, strict=True)
            )
        except NotFound:
            yield Page(records=[gone("boards", self._board)], cursor=state.text(), last=True)
            return
        if log and len(log) + len(odd[0]) >= PAGE:
            for older in self._client.action_pages(path, since=since, before=log[-1]["id"], aside=odd[0]):
                log = log + older.rows
        for aside in odd:
            self._aside += aside
        seen = set(state.seen)
        entries = actions(log, self._aside)
        touched = read_log([one for one in entries if one.id not in seen], self._board)
        newest = max([state.at, *(one.date for one in entries)])
        after = State(at=newest, seen=_recent(entries, newest), watch=state.watch)
        records: list[Record] = []
        now = {"labels": labels, "checklists": checklists, "members": members, "comments": comments}
        whole = len(comments) + len(odd[-1]) < PAGE
        for stream, raws in now.items():
            records += self._differences(state, after, stream, raws, touched, whole or stream != "comments")
        yield from self._resolve(after, records, touched, cursor=state.text())

    def _differences(
        self, before: State, after: State, stream: str, raws: list[Raw], touched: Touched, whole: bool
    ) -> Iterator[Record]:
        """What a watched listing shows to be new or changed; what is missing there is looked up by id.

        ``whole``: it lists everything, not the newest alone.
        """
        old = before.watch.get(stream, {})
        self._watch(after, stream, raws)
        new = after.watch[stream]
        changed = [raw for raw in raws if old.get(raw["id"]) != new[raw["id"]]]
        missing = [id for id in old if id not in new]
        if not whole:
            oldest = min((raw["id"] for raw in raws), default="")
            missing = [id for id in missing if id > oldest]
        touched.ids[stream].update(missing)
        if stream == "labels" and (missing or any(raw["id"] in old for raw in changed)):
            touched.every_card = True  # a card's payload holds the names of its labels
        if stream == "checklists":
            touched.ids["cards"].update(raw["idCard"] for raw in changed if raw.get("idCard"))
        for raw in changed:
            touched.ids[stream].discard(raw["id"])
        return iter(self._records(stream, changed))

    def _resolve(self, after: State, records: list[Record], touched: Touched, cursor: str) -> Iterator[Page]:
        """Turn ids into records read by id. Only the last page moves the cursor: a pull that breaks off repeats."""
        ignored: list[Ignored] = touched.ignored
        for portion in self._lookups(touched):
            if records or ignored:
                yield Page(records=records, cursor=cursor, ignored=ignored)
                ignored = []
            records = portion
        yield Page(records=records, cursor=after.text(), last=True, ignored=ignored)

    def _lookups(self, touched: Touched) -> Iterator[list[Record]]:
        known: set[str] = set()
        paths = [f"/lists/{id}/cards" for id in sorted(touched.whole_lists)]
        if touched.every_card:
            paths.append(f"/boards/{self._board}/cards")
        for path in paths:
            cards = self._reader.cards(path, aside=self._aside)
            known |= {card["id"] for card in cards}
            for raws in chunks(cards, PORTION):
                yield list(self._reader.card_records(raws, self._aside))
        for stream, wanted in touched.ids.items():
            ids = sorted(wanted - known) if stream == "cards" else sorted(wanted)
            for part in chunks(ids, PORTION):
                found: list[Record] = []
                for one in self._reader.get(stream, part):
                    found.append(self._told_by(one, touched))
                    if stream == "cards" and not one.deleted and not one.forbidden:
                        found += attachments(one.payload, self._me, self._aside)
                yield found

    def _told_by(self, one: Record, touched: Touched) -> Record:
        newest = touched.newest.get(one.id) if one.stream == "cards" and not one.deleted else None
        if newest is None:
            return one
        return msgspec.structs.replace(one, modified_by=newest.idMemberCreator, modified_by_name=newest.author)

    def _records(self, stream: str, raws: list[Raw]) -> list[Record]:
        return list(each_row(stream, raws, partial(record, stream, me=self._me), self._aside))

    @staticmethod
    def _watch(state: State, stream: str, raws: list[Raw]) -> None:
        if stream in WATCHED:
            state.watch = {**state.watch, stream: {raw["id"]: _digest(raw, WATCHED[stream]) for raw in raws}}


def _digest(raw: Raw, fields: tuple[str, ...]) -> str:
    shown: list[Any] = [raw.get(field) for field in fields]
    if fields == ("data",):
        data = raw.get("data")
        shown = [data.get("text"), data.get("dateLastEdited")] if isinstance(data, dict) else []
    return f"{zlib.crc32(msgspec.json.encode(shown, order='sorted')):08x}"


def _recent(log: list[Action], at: str) -> list[str]:
    edge = utc(datetime.fromisoformat(at) - OVERLAP)
    return [one.id for one in log if one.date >= edge]
