"""The words of the merge: what sides show of a field, what they agree on, and what people are asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

UNSURE: Final[dict[str, bool]] = {"$unsure": True}
"""A shadow that equals nothing: the side may show anything, and nobody knows since when."""


AGREED: Final = "agreed"
"""The name under which the agreed value stands among the candidates of a conflict."""


Policy = Literal["ask", "owner", "newest", "set", "append", "rank"]


class Agreed(msgspec.Struct, frozen=True):
    """The value that all sides should show. Version -1: nothing was agreed yet."""

    value: Any = None
    n: int = -1
    source: str = ""
    at: str = ""


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What one side shows of the field. ``at`` and ``by``: when and by whom its record was changed last.

    ``follows``: it is declared that this side only receives. It has no say, and what people change there is set back.
    """

    side: str
    cur: Any
    shadow: Any = None
    shows: int = -1
    at: str | None = None
    by: str | None = None
    follows: bool = False

    @property
    def changed(self) -> bool:
        return bool(self.cur != self.shadow)


class Candidate(msgspec.Struct, frozen=True):
    """One value that stands in a conflict, with where it came from."""

    value: Any
    at: str | None = None
    by: str | None = None


class Decision(msgspec.Struct, frozen=True):
    """What a person chose, and the revision of the conflict that this person was shown."""

    rev: int
    value: Any
    by: str


class Conflict(msgspec.Struct, frozen=True):
    """An open question. ``rev`` grows with each change, so that a decision holds only for what was shown."""

    candidates: dict[str, Candidate]
    rev: int = 1
    decision: Decision | None = None


class Note(msgspec.Struct, frozen=True):
    """A line for the audit: a value that lost, and why."""

    code: Literal["lost_to_policy", "filled", "decided", "added_wins", "settled"]
    side: str
    value: Any


@dataclass(frozen=True, slots=True)
class Rule:
    """How a field is decided. ``grain``: how many seconds apart two times must be for ``newest`` to trust them.

    ``order``: for ``rank``, the values from the least to the furthest; the furthest wins, or the least if ``backward``.
    ``append``: lines that several people added below the same text are all kept, the earlier ones above.
    """

    policy: Policy = "ask"
    owner: str | None = None
    first: Literal["ask", "owner", "newest"] = "ask"
    grain: float = 2.0
    order: tuple[Any, ...] = ()
    backward: bool = False
    by_item: bool = False
    """The values are lists of items (``mapping.items``), merged item by item; the policy is for items alone that are
    wanted in different ways."""


@dataclass(frozen=True, slots=True)
class Equality:
    """When values mean the same. ``shown(side, value)``: the form in which that side would show it.

    ``finer(a, b)`` picks the one with more information of two values that are the same (an instant over its day).
    """

    shown: Callable[[str, Any], Any] = lambda side, value: value
    same: Callable[[Any, Any], bool] = lambda a, b: bool(a == b)
    finer: Callable[[Any, Any], Any] = lambda a, b: a
    spelling: bool = False
    """Values that mean the same differ in spelling only: a side that shows one of them shows the other too."""

    def shows(self, view: View, value: Any) -> bool:
        """Whether the side shows this value, in its own form."""
        if view.cur == value or view.cur == self.shown(view.side, value):
            return True
        return self.spelling and self.same(view.cur, value)

    def means(self, side: str, cur: Any, value: Any) -> bool:
        """Whether what the side shows says nothing else than the value does."""
        return bool(self.same(cur, value) or cur == self.shown(side, value))


class Merge(msgspec.Struct, kw_only=True):
    """What follows for the field. ``sides`` holds side -> (shadow, shows) for each that moves."""

    agreed: Agreed
    sides: dict[str, tuple[Any, int]] = {}
    conflict: Conflict | None = None
    notes: list[Note] = []
