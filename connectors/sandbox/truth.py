"""The true log: every edit and write with its author, which no API of the stand-in shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(slots=True)
class Entry:
    """One thing that happened to one record. ``changes`` holds field -> (old, new) in the payload's forms."""

    n: int
    at: str
    actor: str
    kind: Literal["create", "update", "delete", "restore", "archive"]
    stream: str
    id: str
    changes: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    ours: bool = False
    """Came through the API with the hub's own credentials."""
    place: str | None = None
    """What the hub said it made the record for: a truth that no API shows, by which twins are counted."""
    notified: int = 0
    """People to whom the service sent mail because of it."""
    automation: bool = False
    """It set off the customer's own workflows."""


class Truth:
    """Append-only; the checker of a simulation reads it, the hub never does."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def add(self, **what: Any) -> Entry:
        entry = Entry(n=len(self.entries), **what)
        self.entries.append(entry)
        return entry

    def writes(self) -> list[Entry]:
        """What the hub itself did."""
        return [entry for entry in self.entries if entry.ours]
