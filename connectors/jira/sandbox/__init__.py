"""A stand-in for one Jira Cloud site."""

from __future__ import annotations

from typing import Any

from connectors.base import Clock
from connectors.jira.sandbox.core import HUB_EMAIL, HUB_TOKEN, JiraSandbox
from connectors.sandbox.core import SandboxCore, SandboxPlugin


def build(clock: Clock, seed: int = 1) -> JiraSandbox:
    """A site with the project ACME, the hub's account, and no issue."""
    return JiraSandbox(clock, seed)


def settings(core: SandboxCore, base: str) -> dict[str, Any]:
    """Basic auth against the core, served at ``base``."""
    return {"url": base, "base_url": base, "email": HUB_EMAIL, "token": HUB_TOKEN}


SANDBOX = SandboxPlugin(system="jira", build=build, settings=settings)

__all__ = ["HUB_EMAIL", "HUB_TOKEN", "SANDBOX", "JiraSandbox"]
