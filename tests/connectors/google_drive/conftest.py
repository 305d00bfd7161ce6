"""A sandbox on a virtual clock, connectors to it, and Ada, who works in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from connectors.base import Description, Page, Record
from connectors.context import Context
from connectors.google_drive import CONNECTOR
from connectors.google_drive.connector import GoogleDrive
from connectors.google_drive.sandbox import SANDBOX
from connectors.google_drive.sandbox.core import GoogleDriveSandbox
from connectors.sandbox.clock import VirtualClock
from connectors.sandbox.hosting import SandboxTransport

BASE = "https://drive.test"


class NoTokens:
    def load(self, name: str) -> str | None:
        return None

    def save(self, name: str, secret: str) -> None:
        raise AssertionError("Drive's refresh tokens do not rotate")


def context(clock: VirtualClock, transport: Any, **more: Any) -> Context:
    return Context("files", clock, NoTokens(), transport=transport, **more)


def connect(core: GoogleDriveSandbox, transport: Any = None, settings: Any = None, **more: Any) -> GoogleDrive:
    """A connector as a fresh process would have it."""
    made = CONNECTOR.settings(**(settings or SANDBOX.settings(core, BASE)))
    clock: Any = core.clock
    built: Any = CONNECTOR.build(made, context(clock, transport or SandboxTransport(core), **more))
    return built


@dataclass
class Office:
    """A small company: one client with one project, its plan folder, and a file in it."""

    core: GoogleDriveSandbox
    client: str
    project: str
    plan: str
    file: str
    shortcut: str


def furnish(core: GoogleDriveSandbox) -> Office:
    client = core.create("Ada", "client_folders", {"name": "Müller & Söhne"})
    project = core.create("Ada", "project_folders", {"name": "Website", "parents": [client]})
    plan = core.create("Ada", "category_folders", {"name": "项目计划", "parents": [project]})
    file = core.create("Ada", "files", {"name": "plan.txt", "parents": [plan], "content": "first"})
    shortcut = core.create(
        "Ada", "shortcuts", {"name": "to the plan", "parents": [plan], "shortcutDetails": {"targetId": file}}
    )
    return Office(core, client, project, plan, file, shortcut)


def pages(connector: GoogleDrive, feed: str = "files", cursor: str | None = None) -> list[Page]:
    return list(connector.pull(feed, cursor))


def records(found: list[Page]) -> list[Record]:
    return [record for page in found for record in page.records]


def places(found: list[Page]) -> set[tuple[str, str]]:
    """(stream, id) of the records that are live here."""
    return {(each.stream, each.id) for each in records(found) if not each.deleted and not each.forbidden}


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def core(clock: VirtualClock) -> GoogleDriveSandbox:
    return GoogleDriveSandbox(clock, 1)


@pytest.fixture
def office(core: GoogleDriveSandbox) -> Office:
    return furnish(core)


@pytest.fixture
def connector(core: GoogleDriveSandbox) -> GoogleDrive:
    return connect(core)


@pytest.fixture
def gate() -> Callable[[], None]:
    return lambda: None


@pytest.fixture
def description(connector: GoogleDrive) -> Description:
    return connector.describe()
