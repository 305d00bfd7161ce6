"""The contract suite against Trello's stand-in, stream by stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.sandbox.clock import VirtualClock
from connectors.trello import CONNECTOR
from connectors.trello.sandbox import SANDBOX
from keepstep.testing.contract import ConnectorContract, World

PERSON = "王芳"


class TrelloContract(ConnectorContract):
    unknown = "f" * 24

    def make(self, clock: VirtualClock) -> World:
        world = World.served(CONNECTOR, SANDBOX, clock)
        board = world.core.create(PERSON, "boards", {"name": "客户项目"})
        world.feed = f"board:{board}"
        world.place = self.place(world, board)
        return world

    def place(self, world: World, board: str) -> dict[str, Any]:
        return {"idBoard": board}


class TestCards(TrelloContract):
    stream = "cards"
    marker_stream = "attachments"
    sample = {"name": "Order the cables", "desc": "forty metres", "due": "2026-12-01T12:00:00.000Z"}
    edit = {"name": "Order the new cables", "due": "2026-12-08T12:00:00.000Z"}

    def place(self, world: World, board: str) -> dict[str, Any]:
        return {"idList": world.core.create(PERSON, "lists", {"idBoard": board, "name": "待办"})}


class TestLists(TrelloContract):
    stream = "lists"
    lasting = True
    sample = {"name": "Doing"}
    edit = {"name": "Being done"}


class TestLabels(TrelloContract):
    stream = "labels"
    sample = {"name": "site", "color": "green"}
    edit = {"name": "on site", "color": "red"}

    def number(self, n: int) -> Mapping[str, Any]:
        return {"name": f"site {n}"}


class OnCardContract(TrelloContract):
    def place(self, world: World, board: str) -> dict[str, Any]:
        todo = world.core.create(PERSON, "lists", {"idBoard": board, "name": "待办"})
        return {"idCard": world.core.create(PERSON, "cards", {"idList": todo, "name": "Order the cables"})}


class TestChecklists(OnCardContract):
    stream = "checklists"
    beside = frozenset({"cards"})
    sample = {"name": "Before the order"}
    edit = {"name": "Before we order"}


class TestComments(OnCardContract):
    stream = "comments"
    own_only = True
    sample = {"text": "Which colour?"}
    edit = {"text": "Which colour, and how many?"}


class TestAttachments(OnCardContract):
    stream = "attachments"
    sample = {"url": "https://files.example/plan", "name": "Plan"}
    unknown = f"{'f' * 24}:{'e' * 24}"
