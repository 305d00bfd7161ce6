"""How fast a connection may call, shared by all its threads, on a clock that is handed in."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta

from connectors.context import Context, Limit, Wait

LONG = 10.0
"""Seconds of waiting about which a person wonders. What is shorter happens all the time, and is said by nobody."""


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``calls`` requests in any ``seconds``."""

    calls: int
    seconds: float


class Budget:
    """Sliding windows over the sent requests, and a pause that the service asked for.

    ``take`` waits on the clock until a request may leave and counts it, also as the ``units`` that the service takes
    for it. One per connection; thread-safe. The context's
    ``share`` is the part of the rates that may be used, at least one request of each; a long wait is told to it.
    """

    def __init__(self, context: Context, rates: Sequence[Rate] = ()) -> None:
        self._context = context
        self._clock = context.clock
        ours = [Rate(max(1, int(rate.calls * context.share)), rate.seconds) for rate in rates]
        self._windows = [(rate, deque[float]()) for rate in ours]
        self._resume_at = 0.0
        self._limit: Limit = "asked"
        self._told_until = 0.0
        self._lock = threading.Lock()
        self.calls = 0
        self.units = 0

    def pause(self, seconds: float, limit: Limit = "asked") -> None:
        """Let nothing leave for ``seconds``; a longer pause already in force stands."""
        with self._lock:
            resume_at = self._clock.monotonic() + seconds
            if resume_at > self._resume_at:
                self._resume_at, self._limit = resume_at, limit

    def take(self, units: int = 1) -> None:
        while True:
            with self._lock:
                delay, limit = self._delay()
                if delay <= 0:
                    now = self._clock.monotonic()
                    for _, sent in self._windows:
                        sent.append(now)
                    self.calls += 1
                    self.units += units
                    return
                told = self._told(delay, limit)
            with told:
                self._clock.wait(delay)

    def _told(self, delay: float, limit: Limit) -> AbstractContextManager[object]:
        """Told once, however many threads wait for the same."""
        until = self._clock.monotonic() + delay
        if delay <= LONG or until <= self._told_until + 1.0:
            return nullcontext()
        self._told_until = until
        return self._context.waiting(Wait(self._context.name, limit, self._clock.now() + timedelta(seconds=delay)))

    def _delay(self) -> tuple[float, Limit]:
        now = self._clock.monotonic()
        delay, limit = self._resume_at - now, self._limit
        for rate, sent in self._windows:
            while sent and sent[0] <= now - rate.seconds:
                sent.popleft()
            if len(sent) >= rate.calls and sent[0] + rate.seconds - now > delay:
                delay, limit = sent[0] + rate.seconds - now, "pace"
        return delay, limit
