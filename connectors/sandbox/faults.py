"""Trouble on demand: what networks and services do to a request, injected where the service would do it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from connectors.sandbox.exchange import Request, Response

Kind = Literal[
    "lost_before",  # the connection breaks before the service saw the request
    "lost_after",  # it took effect, and the answer is lost
    "late",  # the connection breaks, and the effect comes later
    "rate_limited",
    "unavailable",  # 503 before any effect
    "broken_after",  # it took effect, and the answer is a 502
    "cut_off",  # half a body
    "html",  # a login page with status 200
    "expired",  # 401: the token ended early
]
KINDS: tuple[Kind, ...] = Kind.__args__  # type: ignore[attr-defined]


class ConnectionBroken(Exception):
    """The transport turns this into what ``requests`` raises when a connection breaks."""


@dataclass(slots=True)
class Fault:
    """One kind of trouble, for requests whose ``METHOD path`` matches, ``times`` times or with a probability."""

    kind: Kind
    match: str = ""
    times: int | None = None
    probability: float = 1.0
    delay: float = 10.0
    """Seconds until a ``late`` effect comes."""


class Faults:
    """The switchboard. Faults are tried in order; the first that applies is used up once."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._active: list[Fault] = []
        self.injected: dict[str, int] = {}

    def switch_on(self, fault: Fault) -> None:
        self._active.append(fault)

    def clear(self) -> None:
        self._active.clear()

    def draw(self, request: Request) -> Fault | None:
        line = f"{request.method} {request.path}"
        for fault in self._active:
            if not re.search(fault.match, line) or self._rng.random() >= fault.probability:
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self._active.remove(fault)
            self.injected[fault.kind] = self.injected.get(fault.kind, 0) + 1
            return fault
        return None


def apply(
    fault: Fault,
    serve: Callable[[], Response],
    refuse: Callable[[str], Response],
    later: Callable[[float, Callable[[], Response]], None],
) -> Response:
    """Answer a request under a fault. ``refuse`` gives the vendor's own words for a kind of refusal."""
    match fault.kind:
        case "lost_before":
            raise ConnectionBroken("before the effect")
        case "lost_after":
            serve()
            raise ConnectionBroken("after the effect")
        case "late":
            later(fault.delay, serve)
            raise ConnectionBroken("the effect comes later")
        case "broken_after":
            serve()
            return Response.text("Bad gateway", 502)
        case "unavailable":
            return Response.text("Service unavailable", 503)
        case "cut_off":
            answer = serve()
            return Response(answer.status, answer.body[: len(answer.body) // 2], answer.headers)
        case "html":
            return Response(200, b"<!doctype html><title>Log in</title>", {"Content-Type": "text/html"})
        case _:
            return refuse(fault.kind)
