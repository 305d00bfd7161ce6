"""Versions of projects: what is sent, what comes back, and the line that holds our marker."""

from __future__ import annotations

import pytest

from connectors.base import Record, Write
from mapping.fields import Options
from mapping.jira import MAPPING
from mapping.model import Kind, Loss


def new(intent="1", marker="m1", **values):
    return Write(intent=intent, kind="create", marker=marker, values={"project": "ACME", **values})


def test_a_version_is_made_with_a_line_that_people_can_read_and_payloads_do_not_show(desk):
    [made] = desk.push("versions", new(name="Go live", description="All of it"))
    project = int(next(iter(desk.sandbox.world.projects)))
    assert desk.sandbox.sent("POST", "/version") == [
        {"name": "Go live", "description": "All of it\n\nkeepstep:m1", "projectId": project}
    ]
    assert made.record.payload["description"] == "All of it"
    assert (made.record.marker, made.record.ours, made.record.scope) == ("m1", True, str(project))


def test_an_edit_of_the_description_keeps_the_line_and_other_edits_do_not_send_it(desk):
    [made] = desk.push("versions", new(name="Go live"))
    edits = [{"description": "New"}, {"description": None}, {"releaseDate": "2026-12-02", "released": True}]
    for number, values in enumerate(edits):
        desk.push("versions", Write(intent=f"e{number}", kind="update", id=made.id, values=values))
    assert desk.sandbox.sent("PUT", f"/version/{made.id}") == [
        {"description": "New\n\nkeepstep:m1"},
        {"description": "keepstep:m1"},
        {"releaseDate": "2026-12-02", "released": True},
    ]
    record = desk.one("versions", made.id)
    assert (record.payload["description"], record.payload["released"]) == (None, True)


def test_archiving_hides_a_version_and_deletes_nothing(desk):
    [made] = desk.push("versions", new(name="Go live"))
    [outcome] = desk.push("versions", Write(intent="a", kind="archive", id=made.id))
    assert (outcome.status, outcome.record.payload["archived"]) == ("done", True)
    assert not desk.one("versions", made.id).deleted


def test_only_projects_whose_list_changed_come_again(desk):
    desk.sandbox.add_project("OTHER", "Other")
    for key in ("ACME", "OTHER"):
        desk.push("versions", Write(intent=key, kind="create", values={"project": key, "name": "1.0"}))
    records, last = desk.pull("versions")
    assert (len(records), last.complete) == (2, True)
    desk.push("versions", Write(intent="x", kind="create", values={"project": "OTHER", "name": "2.0"}))
    records, last = desk.pull("versions", last.cursor)
    assert ([record.payload["name"] for record in records], last.complete) == (["1.0", "2.0"], False)
    assert desk.pull("versions", last.cursor)[0] == []


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": "Go live"}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "A", "releaseDate": "soon"}, "releaseDate"),
    ],
)
def test_what_jira_refuses_is_refused_with_the_field(desk, values, field):
    desk.push("versions", new(name="Go live"))
    [outcome] = desk.push("versions", new("2", "m2", **values))
    assert (outcome.status, outcome.field) == ("refused", field)


@pytest.mark.parametrize("project", [None, "NONE"])
def test_a_version_needs_a_project_that_is_there(desk, project):
    [outcome] = desk.push("versions", new(name="A", project=project))
    assert (outcome.status, outcome.code, outcome.field) == ("refused", "no_project", "project")
    assert desk.sandbox.wrote() == []


def test_an_account_that_does_not_administer_the_project_is_told(desk):
    desk.sandbox.lacks.add("ADMINISTER_PROJECTS")
    [outcome] = desk.push("versions", new(name="A"))
    assert (outcome.status, outcome.code) == ("refused", "403")


def test_a_version_is_a_milestone_both_ways(desk):
    mapper = MAPPING.build(Options(timezone="Asia/Shanghai"), desk.jira.describe())["versions"]
    values = {
        "title": "上线",
        "description": "第一版 \\* 全部",
        "start_date": "2026-11-30",
        "due_date": "2026-12-01",
        "status": "done",
        "archived": True,
    }
    made = mapper.unmap(Kind.MILESTONE, values)
    assert (made.losses, made.values["releaseDate"], made.values["released"]) == ([], "2026-12-01", True)
    [outcome] = desk.push("versions", new(**made.values, **mapper.place({"project": "ACME"})))
    record = desk.one("versions", outcome.id)
    assert mapper.canon(record).values == values
    assert mapper.canon(record).losses == []
    cleared = mapper.unmap(
        Kind.MILESTONE, {"due_date": None, "description": None, "status": "todo", "archived": False}, record.payload
    )
    assert cleared.losses == [Loss("due_date", "never_empty")]
    desk.push("versions", Write(intent="c", kind="update", id=outcome.id, values=cleared.values))
    shown = mapper.canon(desk.one("versions", outcome.id)).values
    assert (shown["due_date"], shown["description"], shown["status"]) == ("2026-12-01", None, "todo")
    assert shown["archived"] is False


def test_a_version_is_released_or_not_and_names_no_project(desk):
    mapper = MAPPING.build(Options(), desk.jira.describe())["versions"]
    assert mapper.normalise(Kind.MILESTONE, "status", "doing") == "todo"
    assert mapper.unmap(Kind.MILESTONE, {"status": "cancelled"}).losses == [
        Loss("status", "no_such_value", "cancelled")
    ]
    assert mapper.mode(Kind.MILESTONE, "project") == "absent"
    bare = Record(stream="versions", id="1", payload={"id": "1", "name": "A", "released": False})
    assert mapper.canon(bare).values == {
        "title": "A", "description": None, "start_date": None, "due_date": None, "status": "todo"
    }  # fmt: skip


def test_a_date_that_jira_cannot_clear_is_refused_before_it_is_sent(desk):
    [made] = desk.push("versions", new(name="A", releaseDate="2026-12-01"))
    [outcome] = desk.push("versions", Write(intent="2", kind="update", id=made.id, values={"releaseDate": None}))
    assert (outcome.status, outcome.code, outcome.field) == ("refused", "never_empty", "releaseDate")
    assert desk.sandbox.sent("PUT", f"/version/{made.id}") == []
