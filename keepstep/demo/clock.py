"""A clock that begins a year ago and catches up with another one."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from connectors.base import Clock


class CatchingUp:
    """Time of ``base``, ``behind`` seconds ago; ``advance`` lessens the distance, ``arrive`` ends it.

    A company's past is lived through on it; from then on it is ``base`` itself, virtual or real.
    """

    def __init__(self, base: Clock, behind: float) -> None:
        self._base = base
        self._behind = behind
        self._lock = threading.Lock()

    def now(self) -> datetime:
        return self._base.now() - timedelta(seconds=self._behind)

    def present(self) -> datetime:
        """The time to which this clock catches up."""
        return self._base.now()

    def monotonic(self) -> float:
        return self._base.monotonic() - self._behind

    def wait(self, seconds: float) -> None:
        self._base.wait(seconds)

    def advance(self, seconds: float) -> None:
        """Live so many seconds of the past; never beyond the present."""
        with self._lock:
            self._behind = max(0.0, self._behind - max(0.0, seconds))

    def until(self, ago: float) -> None:
        """Go on until ``ago`` seconds before the present, if that lies ahead."""
        with self._lock:
            self._behind = min(self._behind, max(0.0, ago))

    def arrive(self) -> None:
        self.until(0.0)
