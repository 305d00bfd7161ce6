"""What the hub would add to a system to work safely there: told first, made when asked, taken away again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import msgspec

from connectors.base import Gate, Outcome


class Addition(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that would be added: a field, a label, a property, a line."""

    id: str
    """Stable within the connection: ``field:Deals.Keepstep_Key``."""
    kind: str
    """The system's own word for it: custom field, label, property."""
    name: str
    """What people over there would see."""
    stream: str
    place: str = ""
    """Where in the stream, as people over there call it; nothing, where the stream has it once."""
    purpose: str
    """A code: ``marker`` (finding our own creates again), ``mark`` (telling a kind of record), ``subscription``,
    ``field`` (one that the configuration names, and that holds what people put there: never taken away)."""
    grant: str
    """The role or scope that adding it takes, in the system's own words."""
    manual: bool = False
    """The service offers no request for it: a person must add it by hand. ``steps`` says where."""
    steps: str = ""
    present: bool = False


@runtime_checkable
class Prepares(Protocol):
    """A connector whose system needs, or is better with, something of ours in it."""

    def additions(self) -> list[Addition]:
        """All of them, in the order in which they are made, each with whether it is there. Writes nothing."""
        ...

    def add(self, id: str, gate: Gate) -> None:
        """Make one. Does nothing if it is there. Raises ``ScopeMissing`` with what to grant, or ``ConnectorError``."""
        ...

    def remove(self, id: str, gate: Gate) -> None:
        """Take one away, with what it holds of ours and nothing else. Does nothing if it is not there."""
        ...

    def unmark(self, stream: str, ids: Sequence[str], gate: Gate) -> list[Outcome]:
        """Take our marker off these records and leave the rest of them as it is; one outcome per id, named by it."""
        ...
