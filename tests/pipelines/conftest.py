"""Two services in memory behind a configuration file, and one Prefect server for the few tests that need it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import BaseModel

from connectors.context import ConnectorPlugin, Context
from connectors.errors import AuthFailed
from connectors.memory import Memory
from connectors.memory import Settings as MemorySettings
from connectors.memory_service import STREAM, MemoryService
from connectors.sandbox.clock import VirtualClock
from keepstep.engine import guard
from keepstep.hub import Hub
from keepstep.redaction import Redaction
from keepstep.registry import Registry
from keepstep.runtime import Runtime
from mapping.memory import MAPPING
from pipelines import hubs
from tests.keepstep.plugins import Entry

CONFIG = """\
version: 1
store: sqlite:///{folder}/keepstep.db
language: en
connections:
  one: {{system: memory}}
  two: {{system: memory}}
syncs:
  tasks:
    entity: task
    mode: {mode}
    sides: [one.items, two.items]
    create: {{one.items: {{}}, two.items: {{}}}}
    every: {every}
"""


@dataclass
class Company:
    """The services, the file and its keeper. ``refused``: connections that refuse to sign in."""

    folder: Path
    clock: VirtualClock = field(default_factory=VirtualClock)
    services: dict[str, MemoryService] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    signed_in: int = 0
    contexts: dict[str, Context] = field(default_factory=dict)
    """What the connectors were built with last."""

    @property
    def path(self) -> Path:
        return self.folder / "keepstep.yaml"

    def write(self, mode: str = "write", every: str = "5m", more: str = "") -> None:
        self.path.write_text(CONFIG.format(folder=self.folder, mode=mode, every=every) + more, encoding="utf-8")

    def keeper(self, build: hubs.Build = Hub) -> hubs.Keeper:
        return hubs.Keeper(self.path, self.registry(), self.runtime(), Redaction(), build)

    def runtime(self) -> Runtime:
        return Runtime.of(self.clock, 1, {"SECRET": "a-very-secret-value"})

    def registry(self) -> Registry:
        def build(settings: BaseModel, context: Context) -> Memory:
            if context.name in self.refused:
                raise AuthFailed("GET /me: 401", status=401)
            self.signed_in += 1
            self.contexts[context.name] = context
            return Memory(self.service(context.name))

        plugin = ConnectorPlugin("memory", MemorySettings, build)
        return Registry(
            connectors=[Entry("memory", "fake.memory:CONNECTOR", lambda: plugin)],
            mappings=[Entry("memory", "fake.memory:MAPPING", lambda: MAPPING)],
        )

    def service(self, name: str) -> MemoryService:
        if name not in self.services:
            self.services[name] = MemoryService(self.clock, seed=len(self.services) + 1)
        return self.services[name]

    def titles(self, name: str) -> list[str]:
        return sorted(values["title"] for values in self.service(name).records(STREAM).values())

    def approve(self, hub: Hub) -> None:
        """A person lets the held plan through."""
        with hub.store.write() as tx:
            guard.let_through(tx, hub.ports, "tasks", "Ada")


@pytest.fixture
def company(tmp_path: Path) -> Company:
    made = Company(tmp_path)
    made.write()
    made.service("one").create("Ada", STREAM, {"title": "Plan the kickoff"})
    made.service("two")
    return made


@pytest.fixture
def keeper(company: Company) -> Iterator[hubs.Keeper]:
    kept = hubs.keep(company.keeper())
    yield kept
    hubs.forget(kept)
    kept.close()


@pytest.fixture(scope="session")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A Prefect server for the whole session. That it answers shows that it starts with the FastAPI we pin.

    Yields a copy of its database as it began: whoever puts it into the home of a server of their own spares that one
    what takes it longest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_HOME", str(tmp_path_factory.mktemp("prefect")))
        patch.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        patch.setenv("DO_NOT_TRACK", "1")
        from prefect.settings import PREFECT_SERVER_DATABASE_CONNECTION_URL
        from prefect.testing.utilities import prefect_test_harness

        with prefect_test_harness(server_startup_timeout=120):
            begun = tmp_path_factory.mktemp("begun") / "prefect.db"
            there = sa.make_url(PREFECT_SERVER_DATABASE_CONNECTION_URL.value()).database
            with closing(sqlite3.connect(str(there))) as source, closing(sqlite3.connect(begun)) as target:
                source.backup(target)
            yield begun
