"""How fast a connection may call, shared by all its threads, on a clock that is handed in."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from connectors.base import Clock


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``calls`` requests in any ``seconds``."""

    calls: int
    seconds: float


class Budget:
    """Sliding windows over the sent requests, and a pause that the service asked for.

    ``take`` waits on the clock until a request may leave and counts it. One per connection; thread-safe. ``share``:
    part of the rates that may be used, at least one request of each.
    """

    def __init__(self, clock: Clock, rates: Sequence[Rate] = (), share: float = 1.0) -> None:
        self._clock = clock
        ours = [Rate(max(1, int(rate.calls * share)), rate.seconds) for rate in rates]
        self._windows = [(rate, deque[float]()) for rate in ours]
        self._resume_at = 0.0
        self._lock = threading.Lock()
        self.calls = 0

    def pause(self, seconds: float) -> None:
        """Let nothing leave for ``seconds``; a longer pause already in force stands."""
        with self._lock:
            self._resume_at = max(self._resume_at, self._clock.monotonic() + seconds)

    def take(self) -> None:
        while True:
            with self._lock:
                delay = self._delay()
                if delay <= 0:
                    now = self._clock.monotonic()
                    for _, sent in self._windows:
                        sent.append(now)
                    self.calls += 1
                    return
            self._clock.wait(delay)

    def _delay(self) -> float:
        now = self._clock.monotonic()
        delay = self._resume_at - now
        for rate, sent in self._windows:
            while sent and sent[0] <= now - rate.seconds:
                sent.popleft()
            if len(sent) >= rate.calls:
                delay = max(delay, sent[0] + rate.seconds - now)
        return delay
