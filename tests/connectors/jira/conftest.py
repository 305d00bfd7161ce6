"""A connector against the stand-in, on a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connectors.base import Outcome, Page, Record, Write
from connectors.context import Context
from connectors.jira import CONNECTOR, Jira
from connectors.jira.sandbox import SANDBOX, JiraSandbox
from connectors.sandbox.clock import VirtualClock
from connectors.sandbox.exchange import Request, Response
from connectors.sandbox.hosting import SandboxTransport

SITE = "https://acme.atlassian.net"


class Tokens:
    """A token store in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def load(self, name: str) -> str | None:
        return self.kept.get(name)

    def save(self, name: str, secret: str) -> None:
        self.kept[name] = secret


class Watched(JiraSandbox):
    """Keeps every request and answer, to see what was sent."""

    def __init__(self, clock: VirtualClock, seed: int = 1) -> None:
        super().__init__(clock, seed)
        self.traffic: list[tuple[Request, Response]] = []

    def handle(self, request: Request) -> Response:
        answer = super().handle(request)
        self.traffic.append((request, answer))
        return answer

    def sent(self, method: str, path: str) -> list[Any]:
        """Bodies of the requests to an address, in order."""
        return [r.json() for r, _ in self.traffic if r.method == method and r.path == f"/rest/api/3{path}"]

    def wrote(self) -> list[str]:
        """Lines of the requests that are no reading."""
        asking = ("/search/jql", "/bulkfetch", "/comment/list", "/approximate-count")
        return [
            f"{r.method} {r.path.removeprefix('/rest/api/3')}"
            for r, _ in self.traffic
            if r.method != "GET" and not r.path.endswith(asking)
        ]


def open_gate() -> None:
    """Lets everything through."""


class Desk:
    """A connector, its stand-in, and short ways to use them."""

    def __init__(self, clock: VirtualClock, sandbox: Watched) -> None:
        self.clock = clock
        self.sandbox = sandbox
        self.tokens = Tokens()
        self.jira = self.connect()

    def connect(self, access: Any = "write", **settings: Any) -> Jira:
        """One more connector: a restart remembers nothing."""
        given = {**SANDBOX.settings(self.sandbox, SITE), **settings}
        chosen = CONNECTOR.settings(**{name: value for name, value in given.items() if value is not None})
        context = Context("tracker", self.clock, self.tokens, access=access, transport=SandboxTransport(self.sandbox))
        return Jira(chosen, context)

    def push(self, stream: str, *writes: Write, gate: Callable[[], None] = open_gate) -> list[Outcome]:
        return list(self.jira.push(stream, writes, gate))

    def one(self, stream: str, id: str) -> Record:
        return next(iter(self.jira.get(stream, [id])))

    def issue(self, person: str = "Ann", **values: Any) -> str:
        return self.sandbox.create(person, "issues", {"summary": "Order the cables", **values})

    def settled(self) -> None:
        """Long enough for the search index to know."""
        self.clock.advance(self.sandbox.search_lag + 1)

    def pull(self, feed: str = "issues", cursor: str | None = None) -> tuple[list[Record], Page]:
        pages = list(self.jira.pull(feed, cursor))
        return [record for page in pages for record in page.records], pages[-1]


@pytest.fixture
def desk() -> Desk:
    clock = VirtualClock()
    return Desk(clock, Watched(clock))
