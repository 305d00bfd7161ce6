from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Write
from connectors.context import Context
from connectors.sandbox.clock import VirtualClock
from connectors.sandbox.hosting import SandboxTransport
from connectors.trello import CONNECTOR, TrelloConnector
from connectors.trello.sandbox import SANDBOX, TrelloSandbox

BASE = "https://trello.test"


class NoTokens:
    def load(self, name: str) -> str | None:
        return None

    def save(self, name: str, secret: str) -> None:
        raise AssertionError("Trello keeps no tokens")


class World:
    """A stand-in with one Chinese board, and a connector that looks at it."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.sandbox: TrelloSandbox = SANDBOX.build(self.clock, 1)  # type: ignore[assignment]
        self.board = self.make("boards", name="客户项目")
        self.todo, self.doing, self.done = (
            self.make("lists", idBoard=self.board, name=name) for name in ("待办", "进行中", "已完成")
        )
        self.feed = f"board:{self.board}"

    def make(self, stream: str, person: str = "王芳", **values: Any) -> str:
        return self.sandbox.create(person, stream, values)

    def connector(self, model: Any = None, **more: Any) -> TrelloConnector:
        settings = CONNECTOR.settings(**{**SANDBOX.settings(self.sandbox, BASE), **more})
        built = CONNECTOR.build(settings, context(self.clock, SandboxTransport(self.sandbox), model=model))
        assert isinstance(built, TrelloConnector)
        return built

    def crawl(self, connector: TrelloConnector) -> str:
        return list(connector.pull(self.feed))[-1].cursor


def context(clock: VirtualClock, transport: Any = None, **more: Any) -> Context:
    return Context("board", clock, NoTokens(), transport=transport, **more)


def one(
    connector: TrelloConnector, stream: str, kind: Any, id: str | None = None, marker: str | None = None, **values: Any
) -> Any:
    """The outcome of one write."""
    write = Write(intent="i1", kind=kind, id=id, values=values, marker=marker)
    (outcome,) = connector.push(stream, [write], lambda: None)
    return outcome


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(scope="session")
def shared() -> Path:
    place = Path(os.environ.get("KEEPSTEP_SHARED", Path(__file__).parents[3].parent / "shared"))
    if not (place / "recorded" / "MANIFEST.json").exists():
        pytest.skip("recorded payloads are not here: set KEEPSTEP_SHARED")
    return place
