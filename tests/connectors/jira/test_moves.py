"""An issue that moves to another project has a new key and stays the same record."""

from __future__ import annotations

from connectors.base import Write
from tests.connectors.jira.test_push import edit, new


def test_a_moved_issue_is_the_same_record_under_a_new_key(desk):
    desk.sandbox.add_project("NEW", "New works")
    [made] = desk.push("issues", new("1", "m1", project={"key": "ACME"}))
    subtask = desk.issue(parent={"id": made.id})
    desk.settled()
    _, last = desk.pull()
    before = desk.one("issues", made.id)

    assert desk.sandbox.move("Ann", made.id, "NEW") == "NEW-1"
    desk.settled()
    records, _ = desk.pull(cursor=last.cursor)
    moved = {record.id: record for record in records}
    assert set(moved) >= {made.id, subtask}
    for record in (moved[made.id], desk.one("issues", made.id)):
        assert (record.id, record.deleted, record.payload["key"]) == (before.id, False, "NEW-1")
        assert (record.marker, record.ours) == ("m1", True)
        assert record.scope != before.scope
        assert record.version > before.version
        assert record.url.endswith("/browse/NEW-1")
    assert desk.one("issues", subtask).payload["key"] == "NEW-2"
    assert [ids for page in desk.jira.ids("issues") for ids in page] == sorted([made.id, subtask])


def test_a_moved_issue_is_written_to_and_found_as_before(desk):
    desk.sandbox.add_project("NEW", "New works")
    [made] = desk.push("issues", new("1", "m1", project={"key": "ACME"}))
    body = {"type": "doc", "version": 1, "content": []}
    comment = {"issue": {"id": made.id}, "body": body}
    [said] = desk.push("comments", Write(intent="2", kind="create", marker="m2", values=comment))
    desk.sandbox.move("Ann", made.id, "NEW")
    [outcome] = desk.push("issues", edit(made.id, summary="Elsewhere", status={"name": "In Progress"}))
    assert outcome.status == "done"
    desk.settled()
    assert [record.id for record in desk.jira.find("issues", "m1")] == [made.id]
    assert [record.id for record in desk.jira.find("comments", "m2")] == [said.id]
    assert desk.sandbox.world.issues[int(made.id)].view.raw["summary"] == "Elsewhere"


def test_history_tells_of_the_move(desk):
    desk.sandbox.add_project("NEW", "New works")
    id = desk.issue()
    desk.sandbox.move("Ann", id, "NEW")
    changes = {change.field: change for change in desk.jira.history("issues", [id], "2026-11-01T00:00:00.000Z")}
    assert (changes["key"].old, changes["key"].new) == ("ACME-1", "NEW-1")
    assert changes["project"].new["name"] == "New works"
    assert changes["project"].by_name == "Ann"


def test_a_connection_to_one_project_does_not_take_a_moved_issue_for_deleted(desk):
    desk.sandbox.add_project("NEW", "New works")
    id = desk.issue()
    desk.jira = desk.connect(projects=["ACME"])
    desk.settled()
    _, last = desk.pull()
    desk.sandbox.move("Ann", id, "NEW")
    desk.settled()
    assert desk.pull(cursor=last.cursor)[0] == []
    assert [each for page in desk.jira.ids("issues") for each in page] == []
    assert not desk.one("issues", id).deleted


def test_an_issue_that_became_an_epic_is_none_of_the_issues_and_not_gone(desk):
    id = desk.issue()
    desk.settled()
    _, last = desk.pull()
    desk.sandbox.convert("Ann", id, "epics")
    desk.settled()
    records, _ = desk.pull(cursor=last.cursor)
    assert [(record.stream, record.id) for record in records] == [("epics", id)]
    was, now = desk.one("issues", id), desk.one("epics", id)
    assert (was.stream, was.deleted, was.forbidden, was.payload) == (
        "issues",
        False,
        True,
        {"id": id, "place": "epics"},
    )
    assert (now.stream, now.forbidden) == ("epics", False)
    assert [ids for page in desk.jira.ids("issues") for ids in page] == []
