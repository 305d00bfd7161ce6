"""Reading by id and by listing: every record whole, and read strongly."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from connectors.base import Record, Unreadable, chunks
from connectors.errors import Forbidden, NotFound
from connectors.rows import each_row, id_of
from connectors.trello.client import PAGE, Failure, TrelloClient, objects, route
from connectors.trello.models import BOARD_FIELDS, CARD, CARD_PARTS, MEMBER_FIELDS, Raw
from connectors.trello.records import attachments, gone, is_comment, is_marker, on_card, record

TOO_MUCH = "API_TOO_MANY_"
"""What the code begins with of a refusal (403) of a listing that would hold too much at once: how much that is, the
service does not say (developer.atlassian.com/cloud/trello/guides/rest-api/rate-limits)."""
AT_ONCE = 100
"""Cards of a page where a board cannot be listed whole."""


def address(stream: str, id: str) -> str:
    """The route by which one record is read."""
    match stream:
        case "boards":
            return route(f"/boards/{id}", {"fields": BOARD_FIELDS})
        case "cards":
            return route(f"/cards/{id}", CARD)
        case "comments":
            return route(f"/actions/{id}", {"display": "false"})
        case "members":
            return route(f"/members/{id}", {"fields": MEMBER_FIELDS})
        case "attachments":
            card, _, own = id.partition(":")
            return route(f"/cards/{card}/attachments/{own}")
        case "lists" | "labels" | "checklists":
            return route(f"/{stream}/{id}")
        case _:
            raise KeyError(stream)


class Reader:
    """Records of one account. ``me`` is asked for when first needed.

    ``own_fields``: custom fields are mapped. Then each card says under ``customFields`` which ones its board had once
    it was read: a field that somebody deletes takes its values off all cards, and that clears nothing elsewhere.
    """

    def __init__(self, client: TrelloClient, me: Callable[[], str], *, own_fields: bool = False) -> None:
        self._client = client
        self._me = me
        self._own_fields = own_fields

    def get(self, stream: str, ids: Sequence[str]) -> Iterator[Record]:
        """One record per distinct id, ten a request: live, deleted or forbidden."""
        me = self._me()
        for part in chunks(list(dict.fromkeys(ids)), 100):
            answers = self._client.batch([address(stream, id) for id in part])
            if stream == "cards":
                answers = self._with_fields(answers)
            for id, answer in zip(part, answers, strict=True):
                yield self._one(stream, id, answer, me)

    def _one(self, stream: str, id: str, answer: object, me: str) -> Record:
        if isinstance(answer, Failure):
            if isinstance(answer.error, Forbidden):
                return Record(stream=stream, id=id, forbidden=True)
            if isinstance(answer.error, NotFound) or answer.error.status == 400:
                return gone(stream, id)  # 400 "invalid id": nothing can have such an id
            raise answer.error
        return next(each_row(stream, [answer], partial(self._read, stream, id, me), []), None) or Record(
            # Not as the others are: nothing may be concluded from it, least of all that it is gone.
            stream=stream,
            id=id,
            forbidden=True,
        )

    @staticmethod
    def _read(stream: str, id: str, me: str, answer: Raw) -> Record:
        id_of(answer)
        if stream == "comments" and not is_comment(answer):
            return gone(stream, id)
        if stream == "attachments":
            if is_marker(answer):
                return gone(stream, id)
            card = id.partition(":")[0]
            return record(stream, {**answer, "idCard": card}, me)
        return record(stream, answer, me)

    def cards(self, path: str, *, brief: bool = False, aside: list[Unreadable] | None = None) -> list[Raw]:
        """All cards of a board or list, archived ones and those in archived lists included; ``brief``: ids alone."""
        asked = {"filter": "all"} | ({"fields": "id"} if brief else CARD_PARTS)
        odd: list[Unreadable] = []
        most = PAGE
        try:
            cards = self._client.listing(path, asked, odd)
        except Forbidden as error:
            if not error.code.startswith(TOO_MUCH):
                raise
            most = AT_ONCE
            asked["limit"] = str(most)
            cards = self._client.listing(path, asked, odd)
        seen = {card["id"] for card in cards}
        page, size = cards, len(cards) + len(odd)
        # The listing is said to come whole; should it be cut at the usual page size, what is missing is older.
        while page and size >= most:
            older = self._client.listing(path, {**asked, "before": min(card["id"] for card in page)}, odd)
            page = [card for card in older if card["id"] not in seen]
            size = len(page)
            seen |= {card["id"] for card in page}
            cards += page
        if aside is not None:
            aside += odd
        if brief or not cards:
            return cards
        return self._with_fields(self._with_archived_lists(path.removesuffix("/cards"), cards))

    def _with_archived_lists(self, place: str, cards: list[Raw]) -> list[Raw]:
        """The cards of a board or list; those of archived lists say so, as they do when read by id. One request."""
        if place.startswith("/lists/"):
            rows = [self._client.get(place, {"fields": "closed"})]
        else:
            rows = self._client.listing(f"{place}/lists", {"filter": "closed", "fields": "closed"})
        closed = {row["id"] for row in rows if row.get("closed") is True}
        return [card | {"list": {"closed": True}} if card.get("idList") in closed else card for card in cards]

    def _with_fields(self, cards: list[Any]) -> list[Any]:
        """The cards among these answers with the custom fields of their boards. One request for ten boards."""
        boards = {board for card in cards if isinstance(card, dict) and isinstance(board := card.get("idBoard"), str)}
        if not self._own_fields or not boards:
            return cards
        there: dict[str, list[str]] = {}
        paths = {board: f"/boards/{board}/customFields" for board in sorted(boards)}
        answers = self._client.batch([route(path) for path in paths.values()])
        for (board, path), answer in zip(paths.items(), answers, strict=True):
            if isinstance(answer, Failure) and not isinstance(answer.error, (Forbidden, NotFound)):
                raise answer.error
            rows = [] if isinstance(answer, Failure) else objects(answer, f"GET {path}", [])
            there[board] = sorted(str(each["id"]) for each in rows)
        return [
            {**card, "customFields": there[card["idBoard"]]}
            if isinstance(card, dict) and card.get("idBoard") in there
            else card
            for card in cards
        ]

    def card_records(self, raws: Sequence[Raw], aside: list[Unreadable]) -> Iterator[Record]:
        """Cards, each followed by the links and files on it."""
        me = self._me()
        for raw in raws:
            yield from each_row("cards", [raw], partial(record, "cards", me=me), aside)
            yield from attachments(raw, me, aside)

    def listed(self, stream: str, board: str, aside: list[Unreadable] | None = None) -> Iterator[list[Raw]]:
        """Everything of a stream on a board, in pages, from strong listings."""
        client = self._client
        match stream:
            case "boards":
                yield [client.get(f"/boards/{board}", {"fields": BOARD_FIELDS})]
            case "comments":
                yield from (page.rows for page in client.comment_pages(board, aside=aside))
            case "cards":
                yield self.cards(f"/boards/{board}/cards", aside=aside)
            case "attachments":
                for card in self.cards(f"/boards/{board}/cards"):
                    yield on_card(card, [])
            case _:
                path, asked = listing(stream, board)
                yield client.listing(path, asked, aside)


def listing(stream: str, board: str) -> tuple[str, dict[str, str]]:
    """Path and parameters of the listings that come in one piece."""
    asked = {
        "lists": {"filter": "all"},
        "labels": {"limit": str(PAGE)},
        "checklists": {},
        "members": {},
    }[stream]
    return f"/boards/{board}/{stream}", asked


def listed_in_batch(answer: object, line: str, aside: list[Unreadable] | None = None) -> list[Raw]:
    """A listing that came as part of a batch. Raises what the service refused it with."""
    if isinstance(answer, Failure):
        raise answer.error
    return objects(answer, line, aside)
