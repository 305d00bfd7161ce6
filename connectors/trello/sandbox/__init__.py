"""A stand-in for Trello: boards that people and the hub change, seen through REST v1."""

from __future__ import annotations

from typing import Any

from connectors.base import Clock
from connectors.sandbox.core import SandboxCore, SandboxPlugin
from connectors.trello.sandbox.attributes import Attributes
from connectors.trello.sandbox.control import Control
from connectors.trello.sandbox.state import KEY, TOKEN


class TrelloSandbox(Control, Attributes):
    """The whole service. ``rate_limits`` switches both limits; ``hub`` is the member whose token the hub has."""

    system = "trello"


def _build(clock: Clock, seed: int) -> SandboxCore:
    return TrelloSandbox(clock, seed)


def _settings(core: SandboxCore, base: str) -> dict[str, Any]:
    return {"key": KEY, "token": TOKEN, "base_url": f"{base.rstrip('/')}/1"}


SANDBOX = SandboxPlugin(system="trello", build=_build, settings=_settings)

__all__ = ["SANDBOX", "TrelloSandbox"]
