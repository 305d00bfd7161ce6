"""What a message is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plural:
    """A message that depends on the number in the parameter ``by``."""

    one: str
    other: str
    by: str = "count"


Message = str | Plural
