"""What happened on the scripted day, as data: every face says it in its reader's language."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from connectors.base import Clock, utc

What = Literal["scene", "person", "plan", "decision", "trouble", "write", "finding", "settled", "note"]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened. ``code`` and ``params`` make a sentence."""

    at: str
    scene: str
    what: What
    code: str
    params: dict[str, Any] = {}


class Tale:
    """The day so far."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.events: list[Event] = []
        self.scene = ""

    def begin(self, scene: str) -> None:
        self.scene = scene
        self.add("scene", f"demo_scene_{scene}")

    def add(self, what: What, code: str, /, **params: Any) -> None:
        at = utc(self._clock.now())
        self.events.append(Event(at=at, scene=self.scene, what=what, code=code, params=params))

    def of(self, scene: str, what: What | None = None) -> list[Event]:
        """The events of one scene, in order."""
        return [event for event in self.events if event.scene == scene and what in (None, event.what)]
