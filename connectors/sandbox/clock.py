"""A clock that stands still until it is told to move."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)


class VirtualClock:
    """Time for simulations: waiting costs nothing and moves it on. Thread-safe."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._passed = 0.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        return self._passed

    def wait(self, seconds: float) -> None:
        with self._lock:
            self._passed += max(0.0, seconds)

    advance = wait
