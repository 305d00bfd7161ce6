"""Requests per kind of write: the README's table, counted."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import connectors.google_drive
from connectors.base import Write
from connectors.google_drive.connector import GoogleDrive
from connectors.google_drive.sandbox.core import GoogleDriveSandbox

from .conftest import Office, connect, pages
from .test_content import BYTES, content

README = Path(connectors.google_drive.__file__).with_name("README.md").read_text()


def sent(connector: GoogleDrive, core: GoogleDriveSandbox, stream: str, write: Write) -> tuple[int, int]:
    """How many requests read and how many wrote."""
    start = len(core.requests)
    [outcome] = connector.push(stream, [write], lambda: None)
    assert outcome.status == "done", outcome
    lines = core.requests[start:]
    reads = [line for line in lines if line.startswith(("GET", "POST /batch"))]
    return len(reads), len(lines) - len(reads)


def create(parent: str | None, **more: Any) -> Write:
    values = {"name": "n"} | ({"parents": [parent]} if parent else {})
    return Write(intent="i", kind="create", values=values, **more)


def update(id: str, **values: Any) -> Write:
    return Write(intent="i", kind="update", id=id, values=values)


WRITES: list[tuple[str, str, Callable[[Office, Any], Write]]] = [
    ("create a client folder", "client_folders", lambda o, _: create(None)),
    ("create deeper", "category_folders", lambda o, _: create(o.project)),
    ("rename, describe", "files", lambda o, _: update(o.file, name="x")),
    ("move", "files", lambda o, _: update(o.file, parents=[o.project])),
    ("trash, take out of it", "files", lambda o, _: Write(intent="i", kind="delete", id=o.file)),
    ("create with content", "files", lambda o, c: create(o.plan, content=c)),
    ("new content", "files", lambda o, c: Write(intent="i", kind="update", id=o.file, content=c)),
]


@pytest.mark.parametrize(("name", "stream", "write"), [pytest.param(*each, id=each[0]) for each in WRITES])
def test_a_write_takes_the_requests_that_the_table_says(
    connector: GoogleDrive,
    office: Office,
    tmp_path: Path,
    name: str,
    stream: str,
    write: Callable[[Office, Any], Write],
) -> None:
    row = next(line for line in README.splitlines() if line.startswith(f"| {name} |"))
    told, wrote = (int(re.search(r"\d+", cell)[0]) for cell in row.split("|")[2:4])  # type: ignore[index]
    pages(connector)
    made = write(office, content(tmp_path, BYTES))
    assert sent(connector, office.core, stream, made) == (told, wrote)


def test_a_fresh_process_climbs_once_and_then_knows_what_to_ask(office: Office) -> None:
    connector = connect(office.core)
    connector.check()
    assert sent(connector, office.core, "files", update(office.file, name="a")) == (4, 1)
    assert sent(connector, office.core, "files", update(office.file, name="b")) == (1, 1)


def test_what_is_remembered_says_what_to_ask_and_never_where_a_thing_lies(
    connector: GoogleDrive, office: Office
) -> None:
    core = office.core
    pages(connector)
    outside = core.create("Ada", "folders", {"name": "archive", "parents": [core.drive_id]})
    core.edit("Ada", "project_folders", office.project, {"parents": [outside]})
    [outcome] = connector.push("files", [update(office.file, name="x")], lambda: None)
    assert (outcome.status, outcome.code) == ("refused", "elsewhere")
    [outcome] = connector.push("files", [create(office.plan)], lambda: None)
    assert (outcome.status, outcome.code) == ("refused", "outside")
    core.edit("Ada", "project_folders", office.project, {"parents": [office.client]})
    assert sent(connector, core, "files", update(office.file, name="x"))[1] == 1
    assert core.records("files")[office.file]["name"] == "x"


def test_reads_by_id_place_everything_in_one_batch_more(connector: GoogleDrive, office: Office) -> None:
    pages(connector)
    start = connector.calls
    [record] = connector.get("files", [office.file])
    assert record.payload["ancestors"] == [office.client, office.project, office.plan]
    assert connector.calls - start == 2


def test_it_forgets_rather_than_grow_for_ever(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.google_drive.tree.REMEMBERED", 3)
    connector = connect(office.core)
    pages(connector)
    for number in range(20):
        office.core.create("Ada", "client_folders", {"name": f"c{number}"})
    pages(connector)
    assert sent(connector, office.core, "files", update(office.file, name="x"))[1] == 1
