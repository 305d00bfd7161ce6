"""A line of the table, and how long something took."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line. ``limit`` None: a figure to know, without a promise."""

    what: str
    ours: str
    beside: str
    ratio: float | None = None
    limit: float | None = None

    @property
    def reached(self) -> bool | None:
        return None if self.limit is None or self.ratio is None else self.ratio <= self.limit


@dataclass(frozen=True, slots=True)
class Took:
    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall:.3f} s ({self.cpu:.3f} s of processor)"


def took(work: Callable[[], object]) -> Took:
    """Processes that end within it count as well."""
    wall, cpu = time.perf_counter(), _processor()
    work()
    return Took(time.perf_counter() - wall, _processor() - cpu)


def _processor() -> float:
    ended = os.times()
    return time.process_time() + ended.children_user + ended.children_system
