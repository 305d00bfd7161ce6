"""The only place where real time, randomness, new ids and the process's environment come from."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from connectors.base import Clock

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: sorts as text in the order of its numbers, and has no letters that look alike."""

RANDOM_BITS = 80


class Rng(Protocol):
    """Random numbers; ``random.Random`` is one."""

    def random(self) -> float: ...

    def getrandbits(self, k: int, /) -> int: ...


class SystemClock:
    """Time as it passes."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        if seconds > 0:
            time.sleep(seconds)


class Ids:
    """Unique text ids of 26 characters that sort in the order they were made; deterministic if clock and rng are.

    Two processes never meet on an id but by an accident of 80 random bits. Safe to use from several threads.
    """

    def __init__(self, clock: Clock, rng: Rng) -> None:
        self._clock = clock
        self._rng = rng
        self._last = -1
        self._lock = threading.Lock()

    def __call__(self) -> str:
        with self._lock:
            millis = int(self._clock.now().timestamp() * 1000)
            number = (millis << RANDOM_BITS) | self._rng.getrandbits(RANDOM_BITS)
            # Within one millisecond, or when the clock was set back, the next id is the last one plus one.
            if millis <= self._last >> RANDOM_BITS:
                number = self._last + 1
            self._last = number
        return "".join(ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


@dataclass(frozen=True, slots=True)
class Runtime:
    """Ports to the world, handed to everything that needs them."""

    clock: Clock
    rng: Rng
    ids: Callable[[], str]
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def real(cls) -> Runtime:
        """This machine's clock, randomness and environment."""
        clock, rng = SystemClock(), random.SystemRandom()
        return cls(clock, rng, Ids(clock, rng), os.environ)

    @classmethod
    def of(cls, clock: Clock, seed: int, environ: Mapping[str, str] | None = None) -> Runtime:
        """For simulations: the same clock and seed give the same ids and numbers."""
        rng = random.Random(seed)  # noqa: S311
        return cls(clock, rng, Ids(clock, rng), environ or {})
