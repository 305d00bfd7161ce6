"""A stand-in, a connector beside it, and what went over the wire between them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import requests

from connectors.base import Outcome, Page, Record, Write
from connectors.context import Context
from connectors.sandbox.clock import VirtualClock
from connectors.sandbox.hosting import SandboxTransport
from connectors.zoho_crm import CONNECTOR, ZohoCrm
from connectors.zoho_crm.sandbox import SANDBOX, ZohoSandbox

BASE = "https://www.zohoapis.com"


class NoTokens:
    def load(self, name: str) -> str | None:
        return None

    def save(self, name: str, secret: str) -> None:
        raise AssertionError("nothing to remember")


class Wire(SandboxTransport):
    """Keeps what went over the wire."""

    def __init__(self, core: ZohoSandbox) -> None:
        super().__init__(core)
        self.exchanges: list[tuple[requests.PreparedRequest, requests.Response]] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        answer = super().send(request, *args, **kwargs)
        self.exchanges.append((request, answer))
        return answer


@dataclass
class World:
    clock: VirtualClock = field(default_factory=VirtualClock)
    model: Any = None
    """The canonical fields of connections made from now on."""

    def __post_init__(self) -> None:
        self.core = SANDBOX.build(self.clock, 1)
        assert isinstance(self.core, ZohoSandbox)
        self.wire = Wire(self.core)
        self.crm = self.connect()

    def ground(self, access: Any = "write", **changes: Any) -> tuple[Any, Any]:
        settings = CONNECTOR.settings(**{**SANDBOX.settings(self.core, BASE), **changes})
        context = Context(
            name="crm", clock=self.clock, tokens=NoTokens(), access=access, transport=self.wire, model=self.model
        )
        return context, settings

    def connect(self, access: Any = "write", **changes: Any) -> ZohoCrm:
        context, settings = self.ground(access, **changes)
        connector = CONNECTOR.build(settings, context)
        assert isinstance(connector, ZohoCrm)
        return connector

    def deal(self, name: str = "Portal", **values: Any) -> str:
        return self.core.create("Anna Berg", "Deals", {"Deal_Name": name, "Stage": "Qualification", **values})

    def push(self, stream: str, *writes: Write) -> list[Outcome]:
        return list(self.crm.push(stream, writes, lambda: None))

    def pull(self, feed: str, cursor: str | None = None) -> list[Page]:
        return list(self.crm.pull(feed, cursor))

    def sent(self, method: str, path: str) -> list[requests.PreparedRequest]:
        return [
            request
            for request, _ in self.wire.exchanges
            if request.method == method and (request.url or "").split("?")[0].endswith(path)
        ]

    def bodies(self, method: str, path: str) -> list[Any]:
        return [json.loads(request.body or "null") for request in self.sent(method, path)]


def records(pages: list[Page]) -> list[Record]:
    return [record for page in pages for record in page.records]
