"""Creates that happen once, renames, moves, trash; and everything that is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connectors.base import Outcome, Write
from connectors.errors import GateClosed, WriteForbidden
from connectors.google_drive.connector import GoogleDrive
from connectors.google_drive.sandbox.core import GoogleDriveSandbox
from connectors.sandbox.clock import VirtualClock
from connectors.sandbox.faults import Fault

from .conftest import Office, connect, pages, places

Gate = Callable[[], None]


def create(values: dict[str, Any], **more: Any) -> Write:
    return Write(intent="i1", kind="create", values=values, marker="marker-1", **more)


def update(id: str, **values: Any) -> Write:
    return Write(intent="i1", kind="update", id=id, values=values)


def push(connector: GoogleDrive, stream: str, write: Write, gate: Gate = lambda: None) -> Outcome:
    [outcome] = connector.push(stream, [write], gate)
    assert outcome.intent == write.intent
    return outcome


def test_a_tree_of_folders_is_made_with_reserved_ids(connector: GoogleDrive, core: GoogleDriveSandbox) -> None:
    client, project, plan = connector.reserve("client_folders", 3)
    asked: list[int] = []
    for stream, id, name, parent in [
        ("client_folders", client, "青云科技", None),
        ("project_folders", project, "Relaunch", client),
        ("category_folders", plan, "需求文档", project),
    ]:
        values = {"name": name} | ({"parents": [parent]} if parent else {})
        outcome = push(connector, stream, create(values, reserved_id=id), lambda: asked.append(1))
        assert outcome.status == "done"
        assert outcome.id == id
        assert outcome.record is not None
        assert outcome.record.payload["name"] == name
        assert outcome.record.marker == "marker-1"
        assert outcome.record.ours
        assert "appProperties" not in outcome.record.payload
        assert outcome.version == outcome.record.version
    assert len(asked) == 3, "the gate was asked before each write"
    assert core.records("client_folders")[client]["parents"] == [core.root_id]
    assert core.records("category_folders")[plan]["appProperties"] == {"keepstep": "marker-1"}
    assert [(entry.kind, entry.stream, entry.actor) for entry in core.truth.writes()] == [
        ("create", "client_folders", "Keepstep"),
        ("create", "project_folders", "Keepstep"),
        ("create", "category_folders", "Keepstep"),
    ]


def test_a_replayed_create_answers_409_and_is_done(connector: GoogleDrive, core: GoogleDriveSandbox) -> None:
    [id] = connector.reserve("client_folders", 1)
    write = create({"name": "Acme"}, reserved_id=id)
    assert push(connector, "client_folders", write).status == "done"
    core.edit("Ada", "client_folders", id, {"name": "Acme AG"})
    replay = push(connect(core), "client_folders", write)
    assert replay.status == "done"
    assert replay.id == id
    assert replay.record is not None
    assert replay.record.payload["name"] == "Acme AG", "what a person changed since stays"
    assert len(core.records("client_folders")) == 1
    core.delete("Ada", "client_folders", id)
    again = push(connector, "client_folders", write)
    assert again.status == "done"
    assert again.record is not None
    assert again.record.deleted


@pytest.mark.parametrize("kind", ["lost_after", "broken_after", "cut_off"])
def test_a_lost_answer_is_unknown_and_the_replay_finds_it(
    connector: GoogleDrive, core: GoogleDriveSandbox, clock: VirtualClock, kind: Any
) -> None:
    [id] = connector.reserve("client_folders", 1)
    write = create({"name": "Acme"}, reserved_id=id)
    core.faults.switch_on(Fault(kind, match="POST /drive/v3/files", times=1))
    outcome = push(connector, "client_folders", write)
    assert outcome.status == "unknown"
    assert core.requests.count("POST /drive/v3/files") == 1, "sent once"
    assert [each.marker for each in connector.get("client_folders", [id])] == ["marker-1"]
    clock.advance(10)
    assert [each.id for each in connector.find("client_folders", "marker-1")] == [id]
    assert push(connector, "client_folders", write).status == "done"
    assert len(core.records("client_folders")) == 1


def test_find_lags_includes_trash_and_is_oldest_first(
    connector: GoogleDrive, core: GoogleDriveSandbox, clock: VirtualClock
) -> None:
    first = push(connector, "client_folders", create({"name": "Acme"}))
    assert connector.find("client_folders", "marker-1") == [], "a search does not see it at once"
    clock.advance(connector.describe().stream("client_folders").abilities.search_lag)
    second = push(connector, "client_folders", create({"name": "Acme"}))
    core.delete("Ada", "client_folders", str(first.id))
    clock.advance(10)
    found = connector.find("client_folders", "marker-1")
    assert [(each.id, each.deleted) for each in found] == [(first.id, True), (second.id, False)]
    assert connector.find("project_folders", "marker-1") == []
    assert connector.find("client_folders", "it's \\ other") == []


def test_a_marker_is_kept_when_people_edit_and_never_shown(connector: GoogleDrive, core: GoogleDriveSandbox) -> None:
    made = push(connector, "client_folders", create({"name": "Acme", "appProperties": {"theirs": "1"}}))
    assert made.record is not None
    assert made.record.payload["appProperties"] == {"theirs": "1"}
    outcome = push(connector, "client_folders", update(str(made.id), name="Acme AG", appProperties={"theirs": None}))
    assert outcome.record is not None
    assert outcome.record.marker == "marker-1"
    assert "appProperties" not in outcome.record.payload
    assert core.records("client_folders")[str(made.id)]["appProperties"] == {"keepstep": "marker-1"}


def test_files_and_shortcuts_are_made_without_content(connector: GoogleDrive, office: Office) -> None:
    document = {"name": "minutes", "parents": [office.plan], "mimeType": "application/vnd.google-apps.document"}
    file = push(connector, "files", create(document | {"description": "d"}))
    assert file.status == "done"
    assert file.record is not None
    assert file.record.url == f"https://docs.google.com/document/d/{file.id}/edit?usp=drivesdk"
    target = {"shortcutDetails": {"targetId": office.file}}
    shortcut = push(connector, "shortcuts", create({"name": "s", "parents": [office.project], **target}))
    assert shortcut.record is not None
    assert shortcut.record.payload["shortcutDetails"]["targetId"] == office.file


def test_empty_values_are_left_out_of_a_create(connector: GoogleDrive, core: GoogleDriveSandbox) -> None:
    sent: list[Any] = []
    make = core.make

    def spy(by: Any, parent: Any, mime: str, told: Any, **more: Any) -> Any:
        sent.append(dict(told))
        return make(by, parent, mime, told, **more)

    core.make = spy  # type: ignore[method-assign]
    push(connector, "client_folders", create({"name": "Acme", "description": None}))
    assert sent == [
        {
            "name": "Acme",
            "parents": [core.root_id],
            "mimeType": "application/vnd.google-apps.folder",
            "appProperties": {"keepstep": "marker-1"},
        }
    ]


def test_only_what_changes_is_sent(connector: GoogleDrive, office: Office) -> None:
    sent: list[Any] = []
    change = office.core.change

    def spy(by: Any, item: Any, told: Any, **more: Any) -> None:
        sent.append(dict(told))
        change(by, item, told, **more)

    office.core.change = spy  # type: ignore[method-assign]
    outcome = push(connector, "files", update(office.file, name="plan v2.txt", description=None))
    assert outcome.status == "done"
    assert sent == [{"name": "plan v2.txt", "description": ""}]
    [entry] = office.core.truth.writes()
    assert entry.changes == {"name": ("plan.txt", "plan v2.txt")}
    assert outcome.record is not None
    assert outcome.record.version == next(iter(connector.get("files", [office.file]))).version


def test_a_move_names_the_new_parent_and_the_old(connector: GoogleDrive, office: Office) -> None:
    other = office.core.create("Ada", "category_folders", {"name": "Report", "parents": [office.project]})
    outcome = push(connector, "files", update(office.file, parents=[other]))
    assert outcome.record is not None
    assert outcome.record.scope == other
    assert office.core.records("files")[office.file]["parents"] == [other]
    writes = len([line for line in office.core.requests if line.startswith("PATCH")])
    again = push(connector, "files", update(office.file, parents=[other]))
    assert again.status == "done"
    assert len([line for line in office.core.requests if line.startswith("PATCH")]) == writes, "no no-op move"


def test_delete_puts_into_the_trash_and_restoring_takes_it_back(connector: GoogleDrive, office: Office) -> None:
    write = Write(intent="i1", kind="delete", id=office.file)
    outcome = push(connector, "files", write)
    assert outcome.status == "done"
    assert outcome.record is not None
    assert outcome.record.deleted
    assert office.core.store.items[office.file].trashed
    assert not [line for line in office.core.requests if line.startswith("DELETE")]
    assert push(connector, "files", write).status == "done", "again does nothing"
    assert len([line for line in office.core.requests if line.startswith("PATCH")]) == 1
    back = push(connector, "files", update(office.file, trashed=False))
    assert back.record is not None
    assert not back.record.deleted
    office.core.destroy_item("Ada", office.file)
    assert push(connector, "files", write).status == "gone"


REFUSED: list[Any] = [
    pytest.param("files", lambda o: update(o.client, name="x"), "elsewhere", id="another-stream"),
    pytest.param("files", lambda o: update(o.file, sizes=1), "not_writable", id="unknown-word"),
    pytest.param("files", lambda o: update(o.file, permissions=[]), "not_writable", id="permissions"),
    pytest.param("files", lambda o: update(o.file, name=""), "required", id="empty-name"),
    pytest.param("files", lambda o: update(o.file, trashed=True), "use_delete", id="trash-by-update"),
    pytest.param("files", lambda o: update(o.file, appProperties={"keepstep": None}), "reserved", id="our-marker"),
    pytest.param("files", lambda o: update(o.file, parents=[o.client, o.project]), "required", id="two-parents"),
    pytest.param("files", lambda o: update(o.file, parents=[o.core.drive_id]), "outside", id="move-out-of-root"),
    pytest.param("files", lambda o: update(o.file, parents=["nowhere"]), "notFound", id="no-such-parent"),
    pytest.param("files", lambda o: update(o.file, parents=[o.shortcut]), "no_folder", id="parent-is-no-folder"),
    pytest.param("shortcuts", lambda o: update(o.shortcut, parents=[o.project]), "shortcut", id="move-shortcut"),
    pytest.param("project_folders", lambda o: update(o.project, parents=[o.core.root_id]), "depth", id="wrong-depth"),
    pytest.param("client_folders", lambda o: update(o.client, parents=[o.plan]), "ring", id="into-itself"),
    pytest.param("files", lambda o: Write(intent="i1", kind="archive", id=o.file), "no_archive", id="archive"),
    pytest.param("comments", lambda o: create({"content": "x"}), "read_only", id="comment"),
    pytest.param("permissions", lambda o: create({"role": "reader"}), "read_only", id="permission"),
    pytest.param("project_folders", lambda o: create({"name": "x"}), "required", id="no-parent"),
    pytest.param("project_folders", lambda o: create({"parents": [o.client]}), "required", id="no-name"),
    pytest.param("project_folders", lambda o: create({"name": "x", "parents": [o.plan]}), "depth", id="too-deep"),
    pytest.param("client_folders", lambda o: create({"name": "x", "mimeType": "text/plain"}), "type", id="type"),
    pytest.param("shortcuts", lambda o: create({"name": "x", "parents": [o.plan]}), "required", id="no-target"),
]


@pytest.mark.parametrize(("stream", "write", "code"), REFUSED)
def test_what_is_refused_is_refused_with_a_code_and_nothing_is_written(
    connector: GoogleDrive, office: Office, stream: str, write: Callable[[Office], Write], code: str
) -> None:
    before = dict(office.core.records("files"))
    outcome = push(connector, stream, write(office))
    assert (outcome.status, outcome.code) == ("refused", code)
    assert outcome.reason
    assert office.core.truth.writes() == []
    assert office.core.records("files") == before
    assert not [line for line in office.core.requests if line.startswith(("POST /drive", "PATCH", "DELETE"))]


def test_outsiders_files_are_never_moved(clock: VirtualClock) -> None:
    core = GoogleDriveSandbox(clock, 1, shared_drive=False)
    connector = connect(core)
    client = core.create("Keepstep", "client_folders", {"name": "Acme"})
    other = core.create("Keepstep", "client_folders", {"name": "Other"})
    theirs = core.create("Client's Carla", "files", {"name": "brief.pdf", "parents": [client]})
    core.create("Keepstep", "permissions", {"fileId": theirs, "emailAddress": core.hub.email, "role": "writer"})
    outcome = push(connector, "files", update(theirs, parents=[other]))
    assert (outcome.status, outcome.code) == ("refused", "outsider")
    assert "belongs to somebody else" in outcome.reason
    assert push(connector, "files", update(theirs, name="brief v2.pdf")).status == "done"


def test_what_may_not_be_moved_in_a_shared_drive_is_refused(connector: GoogleDrive, office: Office) -> None:
    office.core.fix(office.file)
    outcome = push(connector, "files", update(office.file, parents=[office.project]))
    assert (outcome.status, outcome.code) == ("refused", "canMoveItemWithinDrive")
    assert office.core.records("files")[office.file]["parents"] == [office.plan]


def test_a_closed_gate_stops_the_write(connector: GoogleDrive, office: Office) -> None:
    def closed() -> None:
        raise GateClosed("the lease is gone")

    outcome = push(connector, "files", update(office.file, name="x"), closed)
    assert (outcome.status, outcome.reason) == ("not_sent", "the lease is gone")
    assert office.core.truth.writes() == []


def test_a_connection_for_reading_refuses_to_write(office: Office) -> None:
    connector = connect(office.core, access="read")
    with pytest.raises(WriteForbidden):
        push(connector, "files", update(office.file, name="x"))
    assert office.core.truth.writes() == []
    assert places(pages(connector))


def test_a_rate_limited_write_was_not_sent_and_says_when(connector: GoogleDrive, office: Office) -> None:
    office.core.faults.switch_on(Fault("rate_limited", match="PATCH", times=1))
    outcome = push(connector, "files", update(office.file, name="x"))
    assert (outcome.status, outcome.code) == ("not_sent", "userRateLimitExceeded")
    assert outcome.retry_after == 15
    assert office.core.truth.writes() == []


def test_one_bad_write_does_not_stop_the_others(connector: GoogleDrive, office: Office) -> None:
    writes = [
        Write(intent="a", kind="update", id="missing", values={"name": "x"}),
        Write(intent="b", kind="update", id=office.file, values={"nonsense": 1}),
        Write(intent="c", kind="update", id=office.file, values={"name": "good"}),
    ]
    outcomes = list(connector.push("files", writes, lambda: None))
    assert [(each.intent, each.status) for each in outcomes] == [("a", "gone"), ("b", "refused"), ("c", "done")]
    assert outcomes[1].field == "nonsense"


def test_made_since_tells_ours_and_not_what_people_made(
    connector: GoogleDrive, office: Office, clock: VirtualClock
) -> None:
    clock.advance(60)
    since = office.core.now()
    made = push(connector, "project_folders", create({"name": "ours", "parents": [office.client]}))
    office.core.create("Ada", "project_folders", {"name": "Ada's", "parents": [office.client]})
    office.core.create("Keepstep", "project_folders", {"name": "by hand, same account", "parents": [office.client]})
    assert [each.id for each in connector.made_since("project_folders", office.client, since)] == [made.id]
    assert [each.id for each in connector.made_since("project_folders", None, since)] == [made.id]
    clock.advance(60)
    assert list(connector.made_since("project_folders", office.client, office.core.now())) == []


def test_there_is_no_history_and_the_abilities_say_so(connector: GoogleDrive, office: Office) -> None:
    assert list(connector.history("files", [office.file], "2026-01-01T00:00:00.000Z")) == []
    for stream in connector.describe().streams:
        assert not stream.abilities.history
        assert not stream.abilities.guarded
        assert stream.abilities.create == (stream.abilities.marker == "reserved_id")


def test_no_share_is_ever_written_and_no_mail_sent(connector: GoogleDrive, office: Office) -> None:
    push(connector, "client_folders", create({"name": "n"}))
    push(connector, "files", update(office.file, name="x", parents=[office.project]))
    push(connector, "files", Write(intent="d", kind="delete", id=office.file))
    assert {entry.stream for entry in office.core.truth.writes()} == {"client_folders", "files"}
    assert sum(entry.notified for entry in office.core.truth.entries) == 0
    assert not [line for line in office.core.requests if "permissions" in line]
