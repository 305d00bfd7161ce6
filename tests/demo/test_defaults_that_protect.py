"""What must never happen under the shipped configuration, over the whole day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connectors.base import Write
from connectors.errors import WriteForbidden
from keepstep.demo.play import play, prepare
from tests.demo.conftest import Played, there


def test_mode_observe_writes_nothing_anywhere() -> None:
    day, hub = prepare(mode="observe")
    before = there(day)
    reports = hub.round() + hub.round()
    assert sum(report.planned for report in reports) > 10
    assert [core.truth.writes() for core in day.stage.cores.values()] == [[], [], [], []]
    assert there(day) == before
    hub.close()


def test_access_read_refuses_every_request_that_writes() -> None:
    day, hub = prepare(access="read")
    reports = hub.round()
    assert [report.applied.done for report in reports] == [0] * len(reports)
    writes: dict[tuple[str, str], dict[str, Any]] = {
        ("tracker", "issues"): {"summary": "x", "project": {"key": "ACME"}},
        ("board", "boards"): {"name": "x"},
        ("files", "client_folders"): {"name": "x"},
        ("crm", "Accounts"): {"Account_Name": "x"},
    }
    for (name, stream), values in writes.items():
        connector = hub.engine.world.connections[name].connector
        write = Write(
            intent="i", kind="create", values=values, marker="m", reserved_id="r" if name == "files" else None
        )
        with pytest.raises(WriteForbidden):
            list(connector.push(stream, [write], lambda: None))
    assert all(not core.truth.writes() for core in day.stage.cores.values())
    hub.close()


def test_nothing_from_before_the_window_is_created(played: Played) -> None:
    deals = played.day.company.crm.records("Deals").values()
    horizon = (played.day.clock.now() - timedelta(days=100)).date().isoformat()
    old = {row["Deal_Name"] for row in deals if row["Closing_Date"] < horizon}
    assert old
    made = {event.params["title"] for event in played.day.tale.events if event.code == "demo_created"}
    assert not old & made
    fresh = set(played.day.company.files.records("category_folders")) - played.known["files.category_folders"]
    rows = played.day.company.files.records("category_folders")
    tops = played.day.company.files.records("project_folders")
    assert not {tops[rows[id]["parents"][0]]["name"] for id in fresh} & old


def test_no_permission_is_ever_written(played: Played) -> None:
    written = played.day.company.files.truth.writes()
    assert written
    assert not [entry for entry in written if entry.stream in ("permissions", "drives")]
    requests = played.day.company.files.requests
    assert not [line for line in requests if "/permissions" in line and not line.startswith(("GET", "POST /batch"))]


def test_no_comment_that_a_client_can_see_is_written(played: Played) -> None:
    for core in played.day.stage.cores.values():
        assert not [entry for entry in core.truth.writes() if entry.stream in ("comments", "Notes")]


def test_no_automation_is_set_off(played: Played) -> None:
    for core in played.day.stage.cores.values():
        assert not [entry for entry in core.truth.writes() if entry.automation]


def test_mail_is_sent_only_where_the_service_has_no_switch(played: Played) -> None:
    """Jira tells the assignee of an issue that is made for somebody, and whoever is on one that moves."""
    for name, core in played.day.stage.cores.items():
        loud = [entry for entry in core.truth.writes() if entry.notified]
        if name != "tracker":
            assert not loud
            continue
        assert {(entry.kind, entry.stream) for entry in loud if "status" not in entry.changes} <= {("create", "issues")}


def test_nothing_is_deleted(played: Played) -> None:
    for core in played.day.stage.cores.values():
        assert not [entry for entry in core.truth.writes() if entry.kind in ("delete", "archive")]
    now = there(played.day)
    assert all(ids <= now[stream] for stream, ids in played.known.items())


def test_nothing_is_made_twice(played: Played) -> None:
    """Under one folder no two folders made by us have one name, and no issue of ours has a twin."""
    files, tracker = played.day.company.files, played.day.company.tracker
    made = [files.records("category_folders").get(e.id) for e in files.truth.writes() if e.stream == "category_folders"]
    places = [(row["parents"][0], row["name"]) for row in made if row]
    assert len(places) == len(set(places)) > 10
    marks = [
        label
        for stream in ("epics", "issues")
        for row in tracker.records(stream).values()
        for label in row["fields"]["labels"]
        if label.startswith("keepstep-")
    ]
    assert len(marks) == len(set(marks)) > 5


def test_when_nobody_acts_any_more_nothing_more_is_written(played: Played) -> None:
    count = {name: len(core.truth.writes()) for name, core in played.day.stage.cores.items()}
    for _ in range(2):
        played.day.clock.advance(300)
        played.hub.round()
    assert {name: len(core.truth.writes()) for name, core in played.day.stage.cores.items()} == count


def test_one_seed_gives_one_day(played: Played) -> None:
    again = play(played.day.cast.language)
    assert again.events == played.day.tale.events
    assert again.handoffs["breached"] == 4
    assert {each.connection for each in again.systems} == {"crm", "tracker", "board", "files"}
