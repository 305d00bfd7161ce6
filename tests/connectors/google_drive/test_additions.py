"""Private properties: listed, taken off again, and nothing else of a record touched."""

from __future__ import annotations

from connectors.base import Write
from connectors.errors import GateClosed
from connectors.google_drive.connector import GoogleDrive

from .conftest import Office


def made(connector: GoogleDrive, office: Office) -> str:
    values = {"name": "ours", "parents": [office.plan], "appProperties": {"theirs": "1"}}
    [outcome] = connector.push("files", [Write(intent="i", kind="create", values=values, marker="m")], lambda: None)
    return str(outcome.id)


def test_every_stream_that_is_written_carries_the_property(connector: GoogleDrive) -> None:
    listed = connector.additions()
    written = {stream.name for stream in connector.describe().streams if stream.abilities.create}
    assert {each.stream for each in listed} == written
    assert {(each.name, each.purpose, each.present) for each in listed} == {("appProperties.keepstep", "marker", True)}
    connector.add(listed[0].id, lambda: None)
    connector.remove(listed[0].id, lambda: None)
    assert connector.calls == 0, "it comes with the first record and goes with the last"


def test_unmarking_takes_the_property_off_and_nothing_else(connector: GoogleDrive, office: Office) -> None:
    core = office.core
    id = made(connector, office)
    asked: list[int] = []
    outcomes = connector.unmark("files", [id, office.file, "nowhere", office.client], lambda: asked.append(1))
    assert [(each.intent, each.status, each.code) for each in outcomes] == [
        (id, "done", ""),
        (office.file, "done", ""),
        ("nowhere", "gone", "NotFound"),
        (office.client, "refused", "elsewhere"),
    ]
    assert len(asked) == 1, "what carries no marker is not written"
    shown = core.records("files")[id]
    assert (shown["name"], shown["appProperties"]) == ("ours", {"theirs": "1"})
    [record] = connector.get("files", [id])
    assert (record.marker, record.ours) == (None, False)
    assert [each.status for each in connector.unmark("files", [id], lambda: asked.append(1))] == ["done"]
    assert len(asked) == 1


def test_a_closed_gate_stops_it(connector: GoogleDrive, office: Office) -> None:
    def closed() -> None:
        raise GateClosed("the lease is gone")

    id = made(connector, office)
    [outcome] = connector.unmark("files", [id], closed)
    assert (outcome.status, outcome.reason) == ("not_sent", "the lease is gone")
    assert "keepstep" in office.core.records("files")[id]["appProperties"]


def test_what_never_carries_a_marker_is_told(connector: GoogleDrive) -> None:
    assert [each.code for each in connector.unmark("comments", ["a/b"], lambda: None)] == ["read_only"]
