"""Stand-ins of all four systems within the process, with many records in them, and the hub that keeps them in step.

The clock stands still unless somebody waits, so a pause that a service asks for costs nothing: what is counted is
requests, and what is timed is Keepstep and the stand-ins together.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.sandbox.clock import VirtualClock
from connectors.sandbox.hosting import SandboxTransport
from connectors.zoho_crm.sandbox.modules import FieldDef, Pick
from keepstep import logs
from keepstep.config import loads
from keepstep.engine import guard
from keepstep.hub import Hub
from keepstep.redaction import Redaction
from keepstep.registry import Registry
from keepstep.runtime import Runtime

SYSTEMS = {"crm": "zoho_crm", "tracker": "jira", "board": "trello", "files": "google_drive"}

STATUSES = {"Not begun": "todo", "Running": "doing", "Delivered": "done"}
"""What the customer's own field of a deal says, and what it means."""

SYNCS: dict[str, Any] = {
    "customers": {
        "entity": "customer",
        "mode": "write",
        "sides": ["crm.Accounts", "files.client_folders"],
        "create": {"files.client_folders": {}},
        "match": ["name"],
    },
    "projects": {
        "entity": "project",
        "mode": "write",
        "sides": ["crm.Deals", "tracker.epics"],
        "create": {"tracker.epics": {"project": "ACME"}},
        "match": ["name"],
    },
    "tasks": {
        "entity": "task",
        "mode": "write",
        "sides": ["tracker.issues", "board.cards"],
        "match": ["title"],
    },
}

ASKING = re.compile(
    r"GET |POST .*(/search/jql|/approximate-count|/bulkfetch|/comment/list|/worklog/list|/oauth/|/coql)"
)
"""Requests that change nothing."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Requests of one system."""

    asked: int
    wrote: int


class Crowd:
    """The four systems and their hub, on one clock."""

    def __init__(self, store: Path, *syncs: str) -> None:
        logs.configure(Redaction())
        registry, self.clock = Registry.installed(), VirtualClock()
        self.cores: dict[str, Any] = {
            name: registry.sandbox(system).build(self.clock, 7) for name, system in SYSTEMS.items()
        }
        picks = [Pick(word, word) for word in STATUSES]
        self.cores["crm"].ledger.modules["Deals"]["Delivery"] = FieldDef(
            "Delivery", "picklist", picks=picks, custom=True
        )
        chosen = {name: SYNCS[name] for name in syncs}
        used = {side.partition(".")[0] for sync in chosen.values() for side in sync["sides"]}
        connections = {
            name: {"system": system, **registry.sandbox(system).settings(self.cores[name], "http://127.0.0.1:1")}
            for name, system in SYSTEMS.items()
            if name in used
        }
        if "crm" in connections:
            connections["crm"] |= {"custom": {"Deals": {"status": "Delivery"}}, "values": {"status": STATUSES}}
        text = {"version": 1, "store": f"sqlite:///{store}", "connections": connections, "syncs": chosen}
        transports = {name: SandboxTransport(self.cores[name]) for name in connections}
        config = loads(json.dumps(text), {}, registry)
        self.hub = Hub(config, registry, Runtime.of(self.clock, 1), transports)
        self._counted: Counter[str] = Counter()

    def spent(self) -> dict[str, Spent]:
        """Requests of each system since this was asked last."""
        found = {}
        for name, core in self.cores.items():
            fresh = core.requests[self._counted[name] :]
            self._counted[name] = len(core.requests)
            asked = sum(1 for line in fresh if ASKING.match(line))
            found[name] = Spent(asked, len(fresh) - asked)
        return found

    def let_through(self) -> None:
        """A person lets through whatever is held."""
        with self.hub.store.write() as tx:
            for name in self.hub.config.syncs:
                guard.let_through(tx, self.hub.ports, name, "Paula")

    def look(self) -> None:
        """Look at every feed, long enough after what was done for every index to know of it."""
        self.clock.advance(300)
        self.hub.observe()

    def settled(self, sync: str) -> bool:
        """Whether nothing is owed any more."""
        return not self.hub.plan(sync).operations
