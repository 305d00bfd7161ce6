"""The slow feeds: comments, permissions, revisions, drives."""

from __future__ import annotations

import pytest

from connectors.errors import NotFound, RecordRefused
from connectors.google_drive.connector import GoogleDrive
from connectors.google_drive.sandbox.core import GoogleDriveSandbox
from connectors.sandbox.clock import VirtualClock

from .conftest import Office, connect, pages, places, records


def test_all_comments_come_once_with_file_and_way(connector: GoogleDrive, office: Office) -> None:
    core = office.core
    id = core.create("Carla", "comments", {"fileId": office.file, "content": "Where is the date?"})
    outside = core.create("Ada", "files", {"name": "o", "parents": [core.drive_id]})
    core.create("Carla", "comments", {"fileId": outside, "content": "not ours"})
    found = pages(connector, "comments")
    [record] = records(found)
    assert found[-1].complete
    assert record.id == id
    assert record.scope == office.file
    assert record.payload["fileId"] == office.file
    assert record.payload["ancestors"] == [office.client, office.project, office.plan]
    assert record.payload["author"] == {"displayName": "Carla", "me": False}
    assert connector.describe().stream("comments").abilities.audience == "client"
    assert [each for page in connector.ids("comments") for each in page] == [id]


def test_comments_of_changed_files_come_with_the_next_pull(connector: GoogleDrive, office: Office) -> None:
    cursor = pages(connector, "comments")[-1].cursor
    id = office.core.create("Carla", "comments", {"fileId": office.file, "content": "one"})
    found = pages(connect(office.core), "comments", cursor)
    assert places(found) == {("comments", id)}
    office.core.edit("Carla", "comments", id, {"content": "two"})
    found = pages(connector, "comments", found[-1].cursor)
    assert [each.payload["content"] for each in records(found)] == ["two"]
    office.core.delete("Carla", "comments", id)
    [gone] = records(pages(connector, "comments", found[-1].cursor))
    assert gone.deleted
    assert "content" not in gone.payload


def test_comments_that_no_change_tells_of_come_in_turn(
    connector: GoogleDrive, core: GoogleDriveSandbox, office: Office, clock: VirtualClock
) -> None:
    for number in range(150):
        clock.advance(1)
        core.create("Ada", "files", {"name": f"f{number}", "parents": [office.plan]})
    last = max(core.records("files").values(), key=lambda row: str(row["createdTime"]))["id"]
    cursor = pages(connector, "comments")[-1].cursor
    log = dict(core.store.logs[str(core.drive_id)])
    id = core.create("Carla", "comments", {"fileId": last, "content": "silent"})
    core.store.logs[str(core.drive_id)] = log
    declared = next(feed.cost for feed in connector.describe().feeds if feed.name == "comments")
    seen = []
    for _ in range(3):
        before = connector.calls
        found = pages(connector, "comments", cursor)
        assert connector.calls - before <= declared
        cursor = found[-1].cursor
        seen.append({each.id for each in records(found)})
    assert id in seen[1] - seen[0], "the second hundred"
    assert not seen[2], "and from the beginning"


def test_shares_are_read_and_absent_ones_answer_by_id(connector: GoogleDrive, office: Office) -> None:
    core = office.core
    cursor = pages(connector, "permissions")[-1].cursor
    id = core.create(
        "Ada", "permissions", {"fileId": office.client, "emailAddress": "carla@client.example", "role": "commenter"}
    )
    found = pages(connector, "permissions", cursor)
    [record] = [each for each in records(found) if each.id == id]
    assert record.payload["role"] == "commenter"
    assert record.payload["emailAddress"] == "carla@client.example"
    assert record.payload["fileId"] == office.client
    [same] = connector.get("permissions", [id])
    assert same.payload["role"] == "commenter"
    core.delete("Ada", "permissions", id)
    [gone] = connector.get("permissions", [id])
    assert gone.deleted
    entries = [entry for entry in core.truth.entries if entry.stream == "permissions"]
    assert [(entry.kind, entry.actor, entry.ours) for entry in entries] == [
        ("create", "Ada", False),
        ("delete", "Ada", False),
    ]


def test_comments_answer_by_id(connector: GoogleDrive, office: Office) -> None:
    id = office.core.create("Carla", "comments", {"fileId": office.file, "content": "one"})
    one, missing = connector.get("comments", [id, f"{office.file}/none", id])
    assert one.payload["content"] == "one"
    assert one.payload["ancestors"] == [office.client, office.project, office.plan]
    assert missing.deleted


def test_shares_that_may_not_be_listed_are_ignored_aloud(clock: VirtualClock) -> None:
    core = GoogleDriveSandbox(clock, 1, shared_drive=False)
    theirs = core.create("Carla", "files", {"name": "brief", "parents": [core.root_id]})
    core.create("Carla", "permissions", {"fileId": theirs, "emailAddress": core.hub.email, "role": "reader"})
    core.store.items[core.root_id].permissions.clear()
    found = pages(connect(core), "permissions")
    ignored = [each for page in found for each in page.ignored]
    assert [(each.what, each.id) for each in ignored] == [("not allowed to read: insufficientFilePermissions", theirs)]


def test_drives_are_listed_each_time(connector: GoogleDrive, core: GoogleDriveSandbox) -> None:
    for number in range(120):
        core.add_drive(f"drive {number}")
    [page] = pages(connector, "drives")
    assert len(page.records) == 121
    assert page.complete
    [again] = pages(connector, "drives", page.cursor)
    assert len(again.records) == 121
    assert not again.complete
    one, missing = connector.get("drives", [str(core.drive_id), "none"])
    assert one.payload["name"] == "Projects"
    assert missing.deleted


def test_drives_that_appear_and_vanish_are_told(connector: GoogleDrive, core: GoogleDriveSandbox) -> None:
    other = core.add_drive("Archive")
    cursor = pages(connector, "drives")[-1].cursor
    new = core.add_drive("New")
    core.store.drives[other].members = set()
    [page] = pages(connect(core), "drives", cursor)
    assert {each.id: each.deleted for each in page.records} == {str(core.drive_id): False, new: False, other: True}
    start = len(core.requests)
    [page] = pages(connector, "drives", page.cursor)
    assert {each.id for each in page.records} == {str(core.drive_id), new}
    assert core.requests[start:] == ["GET /drive/v3/drives"], "told once, and then no more asked for"


def test_revisions_tell_what_a_file_held_and_who_put_it_there(connector: GoogleDrive, office: Office) -> None:
    core = office.core
    cursor = pages(connector, "revisions")[-1].cursor
    core.edit("Bea", "files", office.file, {"content": "second"})
    found = records(pages(connector, "revisions", cursor))
    assert [(each.payload["size"], each.payload["lastModifyingUser"]["displayName"]) for each in found] == [
        ("5", "Ada"),
        ("6", "Bea"),
    ]
    first, second = found
    assert first.scope == office.file
    assert first.payload["ancestors"] == [office.client, office.project, office.plan]
    assert second.id == f"{office.file}/{core.records('files')[office.file]['headRevisionId']}"
    one, missing = connector.get("revisions", [first.id, f"{office.file}/none"])
    assert (one.payload, one.deleted, missing.deleted) == (first.payload, False, True)
    assert [id for page in connector.ids("revisions") for id in page] == [first.id, second.id]
    got = connector.download("revisions", first.id)
    assert (got.name, got.size, b"".join(got.chunks)) == ("plan.txt", 5, b"first")


def test_revisions_without_bytes_or_out_of_reach_are_refused(connector: GoogleDrive, office: Office) -> None:
    core = office.core
    google = {"name": "d", "parents": [office.plan], "mimeType": "application/vnd.google-apps.document"}
    document = core.create("Ada", "files", google)
    outside = core.create("Ada", "files", {"name": "salaries", "parents": [core.drive_id], "content": "secret"})
    for id, code in ((f"{document}/1", "no_content"), (f"{outside}/1", "elsewhere")):
        with pytest.raises(RecordRefused) as refused:
            connector.download("revisions", id)
        assert refused.value.code == code
    with pytest.raises(NotFound):
        connector.download("revisions", f"{office.file}/none")


def test_a_drive_that_is_renamed_is_news_of_its_own_feed_alone(connector: GoogleDrive, office: Office) -> None:
    core = office.core
    files, drives = (pages(connector, feed)[-1].cursor for feed in ("files", "drives"))
    core.edit("Ada", "drives", str(core.drive_id), {"name": "Projekte"})
    [page] = pages(connector, "files", files)
    assert (page.records, page.ignored) == ([], [])
    assert page.cursor != files
    assert [each.payload["name"] for each in records(pages(connector, "drives", drives))] == ["Projekte"]
