"""What the engine is given instead of reaching for it: time, randomness, ids, the store, and the crash points."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from connectors.base import Clock, utc
from keepstep.store.store import Store


class Fence(Protocol):
    """Named places at which a worker may die. Real life does nothing here; tests kill and freeze."""

    def point(self, name: str) -> None: ...


class NoFence:
    def point(self, name: str) -> None:
        """Go on."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The seams of the engine, handed in from the first line on."""

    clock: Clock
    rng: random.Random
    new_id: Callable[[], str]
    store: Store
    holder: str
    """Names this worker among all that share the store."""
    fence: Fence = field(default_factory=NoFence)

    def now(self) -> str:
        return utc(self.clock.now())
