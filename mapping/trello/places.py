"""The directory of lists and labels that a connection's description carries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from connectors.base import Description, Field
from mapping.fields import Options
from mapping.model import STATUS


def fields_of(description: Description, stream: str) -> Sequence[Field]:
    return next((one.fields for one in description.streams if one.name == stream), [])


@dataclass(frozen=True, slots=True)
class Places:
    """The lists of all boards with their classes, and the labels of each board."""

    classes: Mapping[str, str]
    board: Mapping[str, str]
    by_board: Mapping[str, list[str]] = field(default_factory=dict)
    labels: Mapping[str, set[str]] = field(default_factory=dict)
    """board -> the names of its labels."""
    names: Mapping[str, str] = field(default_factory=dict)
    """List -> what people call it."""
    archived: Set[str] = frozenset()
    """Lists that nobody sees: cards lie there, and none is put there."""

    @classmethod
    def of(cls, description: Description, options: Options) -> Places:
        entries = [one for one in fields_of(description, "lists") if not one.writable]
        labels: dict[str, set[str]] = {}
        for one in fields_of(description, "labels"):
            if not one.writable:
                labels.setdefault(one.kind, set()).add(one.label)
        chosen = options.values.get("status", {})
        names = {one.name: one.label for one in entries if one.label}
        classes: dict[str, str] = {}
        board: dict[str, str] = {}
        by_board: dict[str, list[str]] = {}
        for one in entries:
            board[one.name] = one.kind
            by_board.setdefault(one.kind, []).append(one.name)
            known = chosen.get(one.name) or chosen.get(one.label) or (one.classes or {}).get(one.name)
            if known in STATUS:
                classes[one.name] = known
        offered = next((one.values for one in fields_of(description, "cards") if one.name == "idList"), None)
        archived = board.keys() - set(board if offered is None else offered)
        return cls(classes, board, by_board, labels, names, archived)

    def choose(self, status: str, board: str | None, present: str | None) -> str | None:
        """The list for a status: the present one if it has that class, else the first of the board. Without a board,
        only if there is no other board."""
        if present is not None and self.classes.get(present) == status:
            return present
        if board is None and len(self.by_board) > 1:
            return None
        rows = (id for id in self.classes if self.classes[id] == status and board in (None, self.board.get(id)))
        return next((id for id in rows if id not in self.archived), None)

    def offers(self, status: str) -> bool:
        """Whether any board has a list for it."""
        return any(kind == status and id not in self.archived for id, kind in self.classes.items())

    def entrance(self, board: str) -> str | None:
        """The list for a new card of which only the board is said: the first for what is to do, else the first."""
        rows = (id for id in self.by_board.get(board, ()) if id not in self.archived)
        return self.choose("todo", board, None) or next(rows, None)

    def put(self, placement: Mapping[str, Any]) -> dict[str, Any]:
        """Where a configuration puts new cards: ``list`` by id or name, ``board`` by id; a board alone means its first
        list for what is to do. What is not known goes out as it stands, for the service to refuse."""
        given = dict(placement)
        board, wanted = given.pop("board", None), given.pop("list", None)
        if wanted is not None:
            rows = [id for id, home in self.board.items() if board in (None, home)]
            rows.sort(key=lambda id: id in self.archived)  # of two lists of one name the one that people see
            given["idList"] = next((id for id in rows if wanted in (id, self.names.get(id))), wanted)
        elif board is not None:
            first = self.entrance(board)
            given |= {"idBoard": board} | ({"idList": first} if first else {})
        return given

    def knows_label(self, name: str, board: str | None) -> bool:
        if board is not None:
            return name in self.labels.get(board, set())
        return any(name in names for names in self.labels.values())
