"""One day in each language, played once for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from keepstep.demo.day import ScriptedDay
from keepstep.demo.play import prepare
from keepstep.hub import Hub
from keepstep.logs import configure
from keepstep.redaction import Redaction


@dataclass
class Played:
    day: ScriptedDay
    hub: Hub
    known: dict[str, set[str]]
    """connection.stream -> the records that were there before anything was written."""


STREAMS = {
    "crm": ("Accounts", "Contacts", "Deals", "Notes", "Tasks"),
    "tracker": ("epics", "issues", "comments", "remote_links"),
    "board": ("boards", "lists", "cards", "comments"),
    "files": ("client_folders", "project_folders", "category_folders", "folders", "files", "comments", "permissions"),
}


def there(day: ScriptedDay) -> dict[str, set[str]]:
    return {
        f"{name}.{stream}": set(day.stage.cores[name].records(stream))
        for name, streams in STREAMS.items()
        for stream in streams
    }


@pytest.fixture(scope="session", autouse=True)
def quiet() -> None:
    configure(Redaction(), verbose=False)


@pytest.fixture(scope="session", params=["en", "zh-CN"])
def played(request: pytest.FixtureRequest) -> Iterator[Played]:
    day, hub = prepare(request.param)
    known = there(day)
    day.play()
    yield Played(day, hub, known)
    hub.close()
