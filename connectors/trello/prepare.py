"""What would be added to boards: labels that tell a kind of card, and custom fields that the configuration names. And
taking labels away again, with our markers.

Markers themselves are set within the create of a card or board and need no preparation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from connectors.base import Gate, Outcome, Write
from connectors.errors import Forbidden, NotFound, RecordRefused, ScopeMissing
from connectors.preparing import Addition
from connectors.trello.attempt import Attempt
from connectors.trello.client import PAGE, Failure, TrelloClient, route
from connectors.trello.models import Raw
from connectors.trello.own_fields import OwnFields, refused
from connectors.trello.reading import listed_in_batch
from connectors.trello.records import MARKER_LINE, is_marker, record
from connectors.trello.settings import TrelloSettings
from mapping.model import Model

GRANT = "member of the board"


class Preparation:
    def __init__(
        self, client: TrelloClient, settings: TrelloSettings, boards: Callable[[], list[str]], model: Model
    ) -> None:
        self._client = client
        self._own_fields = OwnFields(client, settings.custom.get("cards", {}), settings.values, model)
        self._names = settings.marks
        self._boards = boards

    def additions(self) -> list[Addition]:
        """One label for each kind and board that can be seen, with the id ``label:<board>:<name>``; then the custom
        fields that are missing, ``field:<board>:<name>``."""
        boards = self._boards()
        answers = self._client.batch([_labels(board) for board in boards])
        found: list[Addition] = []
        for board, answer in zip(boards, answers, strict=True):
            if isinstance(answer, Failure) and isinstance(answer.error, (NotFound, Forbidden)):
                continue
            known = {_plain(each.get("name")) for each in listed_in_batch(answer, f"GET /boards/{board}/labels")}
            found += [_addition(board, name, _plain(name) in known) for name in self._names]
        return self._placed([*found, *self._own_fields.missing(boards)])

    def _placed(self, found: list[Addition]) -> list[Addition]:
        """The same with the names of their boards, if they are of several."""
        boards = list(dict.fromkeys(_board(addition.id) for addition in found))
        if len(boards) < 2:
            return found
        answers = self._client.batch([route(f"/boards/{board}", {"fields": "name"}) for board in boards])
        names = {
            board: str((not isinstance(answer, Failure) and answer.get("name")) or board)
            for board, answer in zip(boards, answers, strict=True)
        }
        return [msgspec.structs.replace(each, place=names[_board(each.id)]) for each in found]

    def add(self, id: str, gate: Gate) -> None:
        kind, board, name = self._parted(id)
        try:
            if kind == "field":
                self._own_fields.add(board, name, gate)
            elif not self._own(board, name):
                self._client.send("POST", "/labels", gate, {"idBoard": board, "name": name, "color": None})
        except Forbidden as error:
            said = f"{kind} {name!r}: the account must be a {GRANT} {board}"
            raise ScopeMissing(said, status=error.status) from error

    def remove(self, id: str, gate: Gate) -> None:
        """A label goes only while no card has it: on a card it is people's data. Raises ``RecordRefused`` otherwise."""
        kind, board, name = self._parted(id)
        if kind == "field":
            raise refused(name)
        labels = self._own(board, name)
        used = sum(int(self._client.get(f"/labels/{label['id']}").get("uses") or 0) for label in labels)
        if used:
            raise RecordRefused(f"label {name!r} is on {used} cards of board {board}", code="in_use")
        for label in labels:
            try:
                self._client.send("DELETE", f"/labels/{label['id']}", gate)
            except NotFound:
                continue

    def unmark(self, stream: str, ids: Sequence[str], gate: Gate) -> list[Outcome]:
        """Cards lose the link and boards the line that carried the marker; nothing else of ours is on a record."""
        taking: dict[str, Callable[[Attempt], None]] = {"cards": _unmark_card, "boards": _unmark_board}
        outcomes = []
        for id in ids:
            write = Write(intent=id, kind="update", id=id)
            work = taking.get(stream, lambda _: None)
            outcomes.append(Attempt(self._client, write, gate).run(work, lambda raw: record(stream, raw, "")))
        return outcomes

    def _parted(self, id: str) -> tuple[str, str, str]:
        kind, _, rest = id.partition(":")
        board, _, name = rest.partition(":")
        if not (kind == "label" and name in self._names) and not (kind == "field" and self._own_fields.has(name)):
            raise KeyError(id)
        return kind, board, name

    def _own(self, board: str, name: str) -> list[Raw]:
        labels = self._client.listing(f"/boards/{board}/labels", {"limit": PAGE})
        return [each for each in labels if _plain(each.get("name")) == _plain(name)]


def _board(id: str) -> str:
    return id.split(":")[1]


def _labels(board: str) -> str:
    return route(f"/boards/{board}/labels", {"limit": PAGE})


def _plain(name: Any) -> str:
    """Labels are compared as the mapping compares them."""
    return str(name or "").strip().casefold()


def _addition(board: str, name: str, present: bool) -> Addition:
    return Addition(
        id=f"label:{board}:{name}",
        kind="label",
        name=name,
        stream="cards",
        purpose="mark",
        grant=GRANT,
        present=present,
    )


def _unmark_card(attempt: Attempt) -> None:
    path = f"/cards/{attempt.id}/attachments"
    for each in attempt.client.listing(path):
        if is_marker(each):
            attempt.send("DELETE", f"{path}/{each['id']}")


def _unmark_board(attempt: Attempt) -> None:
    now = attempt.client.get(f"/boards/{attempt.id}", {"fields": "desc"}).get("desc") or ""
    if MARKER_LINE.search(now):
        attempt.send("PUT", f"/boards/{attempt.id}", {"desc": MARKER_LINE.sub("", now)})
