"""The core of a stand-in: a plain object that takes a request and gives a response.

A subclass declares routes and refusals in the vendor's words, and the control verbs by which people act.
"""

from __future__ import annotations

import random
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from connectors.base import Clock, utc
from connectors.sandbox import faults as trouble
from connectors.sandbox.exchange import Refusal, Request, Response
from connectors.sandbox.truth import Truth

Handler = Callable[..., Response]
F = TypeVar("F", bound=Callable[..., Response])


def route(method: str, template: str) -> Callable[[F], F]:
    """Declare a handler for ``METHOD /path/{name}``; names become keyword arguments, ``{name+}`` spans slashes."""

    def mark(handler: F) -> F:
        handler.__dict__.setdefault("routes", []).append((method, template))
        return handler

    return mark


class SandboxCore(ABC):
    """State of one stand-in behind one lock, with faults in front and the true log behind.

    ``handle`` is the service's API. The control verbs (``edit``, ``create``, ``delete``, ``restore``,
    ``records``) let named people act and tests look; the hub never uses them.
    """

    system: ClassVar[str]
    _table: ClassVar[list[tuple[str, re.Pattern[str], str]]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        table = []
        for owner in reversed(cls.__mro__):
            for name, member in vars(owner).items():
                for method, template in getattr(member, "routes", ()):
                    pattern = re.sub(r"\{(\w+)\+\}", r"(?P<\1>.+)", template)
                    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)
                    table.append((method, re.compile(pattern + r"/?\Z"), name))
        cls._table = table

    def __init__(self, clock: Clock, seed: int = 1) -> None:
        self.clock = clock
        self.rng = random.Random(seed)
        self.faults = trouble.Faults(random.Random(seed + 1))
        self.truth = Truth()
        self.requests: list[str] = []
        """``METHOD path`` of every request served, in order."""
        self._later: list[tuple[float, Callable[[], Response]]] = []
        self._lock = threading.RLock()

    # -- the service's API

    def handle(self, request: Request) -> Response:
        """Serve one request, with whatever fault is switched on. Raises ``ConnectionBroken``."""
        with self._lock:
            self.settle()
            self.requests.append(f"{request.method} {request.path}")
            fault = self.faults.draw(request)
            if fault is None:
                return self._serve(request)
            return trouble.apply(fault, lambda: self._serve(request), self.refuse, self._postpone)

    @property
    def awaits_effects(self) -> bool:
        """Whether requests are on their way whose connection broke."""
        return bool(self._later)

    def settle(self) -> None:
        """Let effects come whose time has come."""
        now = self.clock.monotonic()
        due = [serve for at, serve in self._later if at <= now]
        self._later = [(at, serve) for at, serve in self._later if at > now]
        for serve in due:
            serve()

    def _postpone(self, delay: float, serve: Callable[[], Response]) -> None:
        self._later.append((self.clock.monotonic() + delay, serve))

    def _serve(self, request: Request) -> Response:
        try:
            self.admit(request)
            allowed = []
            for method, pattern, name in self._table:
                match = pattern.match(request.path)
                if match and method == request.method:
                    answer: Response = getattr(self, name)(request, **match.groupdict())
                    return answer
                if match:
                    allowed.append(method)
            return self.no_route(request, allowed)
        except Refusal as refusal:
            return refusal.response

    @abstractmethod
    def admit(self, request: Request) -> None:
        """Check credentials and rate limits. Raises ``Refusal`` in the vendor's words."""

    @abstractmethod
    def refuse(self, kind: str) -> Response:
        """The vendor's answer for ``rate_limited`` and ``expired``."""

    def no_route(self, request: Request, allowed: list[str]) -> Response:
        """The vendor's answer for an address it does not have."""
        return Response.text(f"{request.method} {request.path} not found", 405 if allowed else 404)

    def now(self) -> str:
        return utc(self.clock.now())

    # -- the control API: people act, tests look

    @abstractmethod
    def create(self, person: str, stream: str, values: Mapping[str, Any]) -> str:
        """A named person makes a record; the id. Values in the words of ``Write.values``."""

    @abstractmethod
    def edit(self, person: str, stream: str, id: str, values: Mapping[str, Any]) -> None:
        """A named person changes fields. A no-op edit changes nothing, not even the modified time."""

    @abstractmethod
    def delete(self, person: str, stream: str, id: str) -> None:
        """A named person deletes a record, as the service's own button does."""

    @abstractmethod
    def restore(self, person: str, stream: str, id: str) -> None:
        """A named person takes it back, where the service can. Raises ``Refusal`` where it cannot."""

    @abstractmethod
    def records(self, stream: str) -> dict[str, dict[str, Any]]:
        """All live records by id, as payloads that the API shows, markers included."""


@dataclass(frozen=True, slots=True)
class SandboxPlugin:
    """What an entry point of the group ``keepstep.sandboxes`` names."""

    system: str
    build: Callable[[Clock, int], SandboxCore]
    """A stand-in with an account for the hub and nothing else in it, from a clock and a seed."""
    settings: Callable[[SandboxCore, str], dict[str, Any]]
    """The connection's part of a configuration that points at the core, served at a base address."""
