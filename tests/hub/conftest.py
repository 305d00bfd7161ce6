"""The whole application over the four stand-ins, without a socket."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.sandbox.clock import VirtualClock
from connectors.sandbox.core import SandboxCore
from connectors.sandbox.hosting import SandboxTransport
from keepstep.config import loads
from keepstep.engine import guard
from keepstep.engine.round import Report
from keepstep.hub import Hub
from keepstep.registry import Registry
from keepstep.runtime import Runtime
from keepstep.store import tables as t
from tests.databases import Databases

SYSTEMS = {"crm": "zoho_crm", "tracker": "jira", "board": "trello", "files": "google_drive"}

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
        "sides": ["crm.Deals", "tracker.epics", "files.project_folders"],
        "create": {"tracker.epics": {"project": "ACME"}, "files.project_folders": {"parent": "customer"}},
        "match": ["name"],
    },
    "folders": {
        "entity": "folder",
        "mode": "write",
        "sides": ["files.category_folders"],
        "create": {"files.category_folders": {"parent": "project"}},
    },
    "tasks": {
        "entity": "task",
        "mode": "write",
        "sides": ["tracker.issues", "board.cards"],
        "create": {"tracker.issues": {"project": "ACME"}},
    },
    "documents": {
        "entity": "document",
        "mode": "write",
        "sides": ["files.files", "tracker.remote_links"],
        "create": {"tracker.remote_links": {"parent": "project"}},
    },
    "feedback": {
        "entity": "feedback",
        "mode": "write",
        "sides": ["crm.Notes", "tracker.issues"],
        "create": {"tracker.issues": {"project": "ACME"}},
    },
}


@dataclass
class Company:
    """Four stand-ins and the hub that keeps them in step."""

    registry: Registry
    clock: VirtualClock
    cores: dict[str, SandboxCore]
    settings: dict[str, dict[str, Any]]
    build: Callable[..., Hub]
    hub: Hub

    def another(self, name: str, system: str) -> Any:
        """The stand-in of one more account of a system that is there already."""
        seed = 7 + len(self.cores)
        core = self.cores[name] = self.registry.sandbox(system).build(self.clock, seed)
        settings = self.registry.sandbox(system).settings(core, f"http://127.0.0.1:{seed}")
        self.settings[name] = {"system": system, **settings}
        return core

    def only(self, syncs: Mapping[str, Any], **changes: Any) -> Hub:
        """From now on a hub that keeps just these in step, and wants nothing by itself; the former one is closed."""
        self.hub.close()
        bare: dict[str, Any] = {"handoffs": {}, "changes_to_tasks": None, "documents": {"categories": []}}
        self.hub = self.build(syncs=syncs, **bare | changes)
        return self.hub

    def rounds(self, count: int = 1, let_through: bool = True) -> list[Report]:
        """Rounds with some minutes between; a person lets every held plan through."""
        reports: list[Report] = []
        for _ in range(count):
            reports += self.hub.round()
            if let_through:
                syncs = self.hub.syncs()
                with self.hub.store.write() as tx:
                    for sync in syncs:
                        guard.let_through(tx, self.hub.ports, sync.name, "Paula")
            self.clock.advance(300)
        return reports

    def written(self) -> dict[str, int]:
        """How much the hub has written in each system."""
        return {name: len(core.truth.writes()) for name, core in self.cores.items()}

    def quiet(self) -> None:
        """Rounds in which it writes nothing."""
        before = self.written()
        self.rounds(3)
        assert self.written() == before

    def told(self) -> list[str]:
        """Codes of the open findings."""
        with self.hub.store.read() as tx:
            rows = tx.all(sa.select(t.finding.c.code).where(t.finding.c.state == "open"))
        return sorted(row["code"] for row in rows)

    def board(self, name: str = "board") -> str:
        """A board with one list, `To Do`; the list's id."""
        core = self.cores[name]
        place = core.create("Bert", "boards", {"name": "Acme", "defaultLists": False})
        return core.create("Bert", "lists", {"name": "To Do", "idBoard": place})

    def deal(self, **values: Any) -> tuple[str, str]:
        """A customer with an open deal, made by a person; their ids."""
        crm = self.cores["crm"]
        account = crm.create("Anna", "Accounts", {"Account_Name": "Müller GmbH"})
        fields = {
            "Deal_Name": "Website",
            "Stage": "Qualification",
            "Closing_Date": "2026-11-30",
            "Account_Name": {"id": account},
        }
        return account, crm.create("Anna", "Deals", fields | values)


@pytest.fixture
def company(databases: Databases) -> Iterator[Company]:
    registry, clock = Registry.installed(), VirtualClock()
    cores = {name: registry.sandbox(system).build(clock, 7) for name, system in SYSTEMS.items()}
    settings = {
        name: {"system": system, **registry.sandbox(system).settings(cores[name], "http://127.0.0.1:1")}
        for name, system in SYSTEMS.items()
    }
    hubs: list[Hub] = []

    def build(**changes: Any) -> Hub:
        """A hub over the stand-ins; ``changes`` are merged into the configuration's top level."""
        text = {
            "version": 1,
            "store": databases.quick(),
            "timezone": "Europe/Berlin",
            "connections": settings,
            "syncs": SYNCS,
            "changes_to_tasks": {"watch": ["crm.Deals.due_date", "crm.Deals.stage"], "create_in": "tracker.issues"},
            "handoffs": {"use": ["won-deal-starts"]},
            **changes,
        }
        config = loads(json.dumps(text), {}, registry, "keepstep.yaml")
        transports = {name: SandboxTransport(core) for name, core in cores.items()}
        hubs.append(Hub(config, registry, Runtime.of(clock, 1), transports))
        return hubs[-1]

    yield Company(registry, clock, cores, settings, build, build())
    for hub in hubs:
        hub.close()
