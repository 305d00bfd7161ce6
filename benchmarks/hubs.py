"""Keepstep itself, over the stub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.environment import ENVIRON
from keepstep import logs
from keepstep.config import loads
from keepstep.hub import Hub
from keepstep.redaction import Redaction
from keepstep.registry import Registry
from keepstep.runtime import Runtime

JIRA = {"system": "jira", "url": "https://acme.atlassian.net", "email": "bot@acme.example", "token": "${TOKEN}"}


def said(base: str, path: Path, connections: tuple[str, ...]) -> dict[str, Any]:
    """A configuration with one sync of tasks, whose sides are the issues of each connection."""
    return {
        "version": 1,
        "store": f"sqlite:///{path}",
        "connections": {name: {**JIRA, "base_url": base} for name in connections},
        "syncs": {"tasks": {"entity": "task", "mode": "write", "sides": [f"{name}.issues" for name in connections]}},
    }


def hub(base: str, path: Path, connections: tuple[str, ...] = ("tracker",), **more: object) -> Hub:
    """A hub over that configuration."""
    logs.configure(Redaction())
    registry = Registry.installed()
    config = loads(json.dumps(said(base, path, connections) | more), ENVIRON, registry)
    runtime = Runtime.real()
    return Hub(config, registry, Runtime(runtime.clock, runtime.rng, runtime.ids, ENVIRON))
