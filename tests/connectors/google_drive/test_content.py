"""Bytes of files: what comes down, what goes up, and what becomes of an upload that breaks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from connectors.base import Content, Outcome, Write
from connectors.content import Carries
from connectors.errors import Forbidden, GateClosed, Malformed, NotFound, RecordRefused
from connectors.google_drive.connector import GoogleDrive
from connectors.google_drive.sandbox import SANDBOX
from connectors.google_drive.sandbox.core import GoogleDriveSandbox
from connectors.google_drive.uploads import CHUNK, MOST
from connectors.google_drive.writes import label
from connectors.sandbox.faults import Fault
from connectors.sandbox.hosting import Host, SandboxTransport

from .conftest import Office, connect

BYTES = bytes(range(256)) * 3000
DOCUMENT = "application/vnd.google-apps.document"
GRAIN = 256 * 1024


def content(tmp_path: Path, data: bytes = BYTES, name: str = "计划 🧱.pdf") -> Content:
    place = tmp_path / "content"
    place.write_bytes(data)
    return Content(place, name, "application/pdf", len(data), hashlib.sha256(data).hexdigest())


def put(connector: GoogleDrive, write: Write, gate: Callable[[], None] = lambda: None) -> Outcome:
    [outcome] = connector.push("files", [write], gate)
    return outcome


def create(office: Office, what: Content | None, **more: Any) -> Write:
    return Write(intent="i", kind="create", values={"parents": [office.plan]}, marker="m", content=what, **more)


def update(office: Office, what: Content, **more: Any) -> Write:
    return Write(intent="i", kind="update", id=office.file, content=what, **more)


def bytes_of(core: GoogleDriveSandbox, id: str | None) -> bytes:
    return core.store.items[str(id)].content


def uploads(core: GoogleDriveSandbox) -> list[str]:
    return [line.split(" ")[0] for line in core.requests if "/upload/" in line]


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.google_drive.uploads.CHUNK", GRAIN)


# -- down


def test_a_file_comes_down_in_parts_as_it_is(connector: GoogleDrive, office: Office) -> None:
    office.core.edit("Ada", "files", office.file, {"content": BYTES})
    assert isinstance(connector, Carries)
    got = connector.download("files", office.file)
    assert (got.name, got.media_type, got.size) == ("plan.txt", "text/plain", len(BYTES))
    parts = list(got.chunks)
    assert b"".join(parts) == BYTES
    assert len(parts) > 1
    assert f"GET /drive/v3/files/{office.file}" in office.core.requests


@pytest.mark.parametrize(
    ("kind", "ending", "media_type"),
    [
        ("document", ".docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("spreadsheet", ".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("presentation", ".pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
        ("drawing", ".pdf", "application/pdf"),
        ("script", ".json", "application/vnd.google-apps.script+json"),
    ],
)
def test_a_document_of_googles_own_comes_in_a_format_that_others_can_edit(
    connector: GoogleDrive, office: Office, kind: str, ending: str, media_type: str
) -> None:
    values = {"name": "纪要", "parents": [office.plan], "mimeType": f"application/vnd.google-apps.{kind}"}
    id = office.core.create("Ada", "files", {**values, "content": "who said what"})
    got = connector.download("files", id)
    assert (got.name, got.media_type) == (f"纪要{ending}", media_type)
    assert b"".join(got.chunks) == b"who said what"
    assert office.core.requests[-1] == f"GET /drive/v3/files/{id}/export"


def test_what_has_no_bytes_or_lies_elsewhere_is_refused(connector: GoogleDrive, office: Office) -> None:
    core = office.core
    site = core.create(
        "Ada", "files", {"name": "s", "parents": [office.plan], "mimeType": "application/vnd.google-apps.site"}
    )
    outside = core.create("Ada", "files", {"name": "salaries", "parents": [core.drive_id], "content": "secret"})
    for id, code in (
        (office.shortcut, "no_content"),
        (office.plan, "no_content"),
        (site, "no_content"),
        (outside, "elsewhere"),
    ):
        with pytest.raises(RecordRefused) as refused:
            connector.download("files", id)
        assert refused.value.code == code
    with pytest.raises(NotFound):
        connector.download("files", "nowhere")
    with pytest.raises(RecordRefused):
        connector.download("client_folders", office.client)
    assert not [line for line in core.requests if "export" in line]


def test_what_the_service_will_not_give_away_is_set_aside(connector: GoogleDrive, office: Office) -> None:
    core = office.core
    core.hold_back(office.file)
    large = core.create("Ada", "files", {"name": "d", "parents": [office.plan], "mimeType": DOCUMENT})
    core.edit("Ada", "files", large, {"content": b"x" * (10 * 1024**2 + 1)})
    for id, code in ((office.file, "cannotDownloadAbusiveFile"), (large, "exportSizeLimitExceeded")):
        with pytest.raises(RecordRefused) as refused:
            list(connector.download("files", id).chunks)
        assert refused.value.code == code
        assert not isinstance(refused.value, Forbidden), "our rights are not the trouble"


@pytest.mark.parametrize(
    ("fault", "error"), [("cut_off", Malformed), ("html", Malformed), ("unavailable", None), ("expired", None)]
)
def test_trouble_on_the_way_is_never_a_short_file(
    connector: GoogleDrive, office: Office, fault: Any, error: Any
) -> None:
    core = office.core
    core.edit("Ada", "files", office.file, {"content": BYTES})
    list(connector.get("files", [office.file]))
    match = f"GET /drive/v3/files/{office.file}"  # the look at the file and its folders goes in a batch now
    core.faults.switch_on(Fault(fault, match=match, times=1))
    if fault == "expired":
        with pytest.raises(Exception, match="401"):
            connector.download("files", office.file)
        return
    if error is None:
        assert b"".join(connector.download("files", office.file).chunks) == BYTES
        return
    with pytest.raises(error):
        list(connector.download("files", office.file).chunks)


def test_bytes_that_are_not_those_that_were_told_of_are_damaged(connector: GoogleDrive, office: Office) -> None:
    got = connector.download("files", office.file)
    shown = office.core.store.resource

    def bent(item: Any, viewer: Any) -> dict[str, Any]:
        return shown(item, viewer) | ({"md5Checksum": "0" * 32} if item.id == office.file else {})

    office.core.store.resource = bent  # type: ignore[method-assign]
    assert b"".join(got.chunks) == b"first"
    with pytest.raises(Malformed, match="changed meanwhile"):
        list(connector.download("files", office.file).chunks)


def test_over_real_http_a_file_goes_up_in_chunks_comes_down_and_a_cut_is_seen(
    core: GoogleDriveSandbox, tmp_path: Path, small_chunks: None
) -> None:
    with Host(core) as host:
        connector = connect(core, requests.adapters.HTTPAdapter(), SANDBOX.settings(core, host.url))
        client = core.create("Ada", "client_folders", {"name": "c"})
        write = Write(intent="i", kind="create", values={"parents": [client]}, content=content(tmp_path))
        outcome = put(connector, write)
        assert outcome.status == "done", outcome
        assert uploads(core) == ["POST", "PUT", "PUT", "PUT"]
        got = connector.download("files", str(outcome.id))
        assert b"".join(got.chunks) == BYTES
        core.faults.switch_on(Fault("cut_off", match=f"GET /drive/v3/files/{outcome.id}", times=1))
        with pytest.raises(Malformed):
            list(connector.download("files", str(outcome.id)).chunks)


# -- up


def test_a_new_file_goes_up_with_its_name_type_place_and_marker(
    connector: GoogleDrive, office: Office, tmp_path: Path
) -> None:
    [id] = connector.reserve("files", 1)
    asked: list[int] = []
    outcome = put(connector, create(office, content(tmp_path), reserved_id=id), lambda: asked.append(1))
    assert (outcome.status, outcome.id) == ("done", id)
    assert uploads(office.core) == ["POST", "PUT"]
    assert len(asked) == 2, "the gate is asked before each of them"
    shown = office.core.records("files")[id]
    assert (shown["name"], shown["mimeType"], shown["parents"]) == ("计划 🧱.pdf", "application/pdf", [office.plan])
    assert shown["appProperties"] == {"keepstep": "m"}
    assert bytes_of(office.core, id) == BYTES
    assert outcome.record is not None
    assert outcome.record.payload["sha256Checksum"] == hashlib.sha256(BYTES).hexdigest()
    assert [entry.kind for entry in office.core.truth.writes()] == ["create"]


def test_only_files_carry_bytes_and_up_to_the_services_own_limit(connector: GoogleDrive) -> None:
    assert {
        stream.name: stream.abilities.content for stream in connector.describe().streams if stream.abilities.content
    } == {"files": MOST}
    assert CHUNK % GRAIN == 0


@pytest.mark.parametrize("size", [0, 1, GRAIN - 1, GRAIN, GRAIN + 1, 3 * GRAIN])
def test_every_size_arrives_whole(
    connector: GoogleDrive, office: Office, tmp_path: Path, small_chunks: None, size: int
) -> None:
    data = BYTES * 2
    outcome = put(connector, create(office, content(tmp_path, data[:size])))
    assert outcome.status == "done", outcome
    assert bytes_of(office.core, outcome.id) == data[:size]
    assert uploads(office.core).count("PUT") == max(1, -(-size // GRAIN))


def test_an_upload_goes_on_where_the_service_says_that_it_stopped(
    connector: GoogleDrive, office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.google_drive.uploads.CHUNK", 2 * GRAIN)
    office.core.short_takes = [GRAIN, 0, 2 * GRAIN]
    outcome = put(connector, create(office, content(tmp_path, BYTES * 2)))
    assert outcome.status == "done", outcome
    assert bytes_of(office.core, outcome.id) == BYTES * 2


@pytest.mark.parametrize(
    "kind", ["lost_before", "lost_after", "broken_after", "unavailable", "late", "rate_limited", "expired"]
)
@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_trouble_with_any_chunk_ends_in_exactly_one_whole_file(
    connector: GoogleDrive, office: Office, tmp_path: Path, small_chunks: None, kind: Any, chunk: int
) -> None:
    core, seen = office.core, [0]
    draw = core.faults.draw

    def counted(request: Any) -> Any:
        if request.method == "PUT" and request.body:
            seen[0] += 1
            if seen[0] == chunk:
                core.faults.switch_on(Fault(kind, match="PUT", times=1))
        return draw(request)

    core.faults.draw = counted  # type: ignore[method-assign]
    outcome = put(connector, create(office, content(tmp_path)))
    core.clock.wait(60)
    core.settle()
    assert outcome.status == "done", outcome
    assert [row["id"] for row in core.records("files").values() if row["mimeType"] == "application/pdf"] == [outcome.id]
    assert bytes_of(core, outcome.id) == BYTES


@pytest.mark.parametrize("kind", ["lost_after", "broken_after", "cut_off"])
def test_an_upload_whose_end_nobody_answers_is_unknown_and_the_replay_finds_it(
    connector: GoogleDrive, office: Office, tmp_path: Path, kind: Any
) -> None:
    core = office.core
    [id] = connector.reserve("files", 1)
    write = create(office, content(tmp_path), reserved_id=id)
    core.faults.switch_on(Fault(kind, match="PUT"))
    outcome = put(connector, write)
    assert (outcome.status, outcome.id) == ("unknown", id)
    core.faults.clear()
    [found] = connector.get("files", [id])
    assert (found.marker, found.payload["size"]) == ("m", str(len(BYTES)))
    again = put(connector, write)
    assert (again.status, again.id) == ("done", id)
    assert len(core.truth.writes()) == 1


def test_an_upload_that_broke_off_before_its_end_was_surely_not_sent(
    connector: GoogleDrive, office: Office, tmp_path: Path, small_chunks: None
) -> None:
    core = office.core
    core.faults.switch_on(Fault("lost_before", match="PUT"))
    outcome = put(connector, create(office, content(tmp_path)))
    assert (outcome.status, outcome.code) == ("not_sent", "Transient")
    core.faults.clear()
    core.uploads.clear()
    begin = core._open

    def forgetful(request: Any, id: Any) -> Any:
        answer = begin(request, id)
        core.uploads.clear()
        return answer

    core._open = forgetful  # type: ignore[method-assign]
    outcome = put(connector, create(office, content(tmp_path)))
    assert (outcome.status, outcome.reason[:19]) == ("not_sent", "the service forgot ")
    assert core.truth.writes() == []


def test_an_upload_that_comes_no_further_is_left(connector: GoogleDrive, office: Office, tmp_path: Path) -> None:
    office.core.short_takes = [0] * 50
    outcome = put(connector, create(office, content(tmp_path)))
    assert outcome.status == "not_sent"
    assert "stands still at 0" in outcome.reason
    assert len(office.core.short_takes) == 45


def test_a_gate_that_closes_on_the_way_leaves_nothing_behind(
    connector: GoogleDrive, office: Office, tmp_path: Path, small_chunks: None
) -> None:
    left = [2]

    def gate() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise GateClosed("the lease ends")

    before = office.core.records("files")
    outcome = put(connector, create(office, content(tmp_path)), gate)
    assert (outcome.status, outcome.reason) == ("not_sent", "the lease ends")
    assert uploads(office.core) == ["POST", "PUT"]
    assert office.core.records("files") == before


def test_new_content_takes_the_place_of_the_old_and_leaves_it_as_a_revision(
    connector: GoogleDrive, office: Office, tmp_path: Path
) -> None:
    [was] = connector.get("files", [office.file])
    outcome = put(
        connector, update(office, content(tmp_path), values={"name": "plan.pdf"}, expected_version=was.version)
    )
    assert outcome.status == "done", outcome
    assert bytes_of(office.core, office.file) == BYTES
    shown = office.core.records("files")[office.file]
    assert (shown["name"], shown["mimeType"]) == ("plan.pdf", "application/pdf")
    assert [each.content for each in office.core.store.items[office.file].revisions] == [b"first", BYTES]
    again = put(connector, update(office, content(tmp_path), expected_version=was.version))
    assert (again.status, again.code) == ("stale", "version")


MEANWHILE: list[Any] = [
    pytest.param(
        lambda o: o.core.edit("Bea", "files", o.file, {"content": "Bea's"}), "stale", "headRevisionId", id="bytes"
    ),
    pytest.param(lambda o: o.core.edit("Bea", "files", o.file, {"name": "Bea's"}), "stale", "name", id="name"),
    pytest.param(
        lambda o: o.core.edit("Bea", "files", o.file, {"parents": [o.project]}), "stale", "parents", id="moved"
    ),
    pytest.param(
        lambda o: o.core.edit("Bea", "project_folders", o.project, {"parents": [o.core.drive_id]}),
        "stale",
        "parents",
        id="moved-with-its-folders",
    ),
    pytest.param(lambda o: o.core.delete("Bea", "files", o.file), "stale", "trashed", id="trashed"),
    pytest.param(lambda o: o.core.destroy_item("Bea", o.file), "gone", "NotFound", id="gone"),
]


def before_the_last_chunk(office: Office, act: Callable[[Office], None]) -> list[int]:
    """Somebody acts while the second of three chunks is on its way; the count of chunks that arrived."""
    chunk, count = office.core._chunk, [0]

    def slow(request: Any) -> Any:
        count[0] += 1
        if count[0] == 2:
            act(office)
        return chunk(request)

    office.core._chunk = slow  # type: ignore[method-assign]
    return count


@pytest.mark.parametrize(("act", "status", "code"), MEANWHILE)
def test_what_somebody_changed_meanwhile_is_not_overwritten(
    connector: GoogleDrive,
    office: Office,
    tmp_path: Path,
    small_chunks: None,
    act: Callable[[Office], None],
    status: str,
    code: str,
) -> None:
    count = before_the_last_chunk(office, act)
    outcome = put(connector, update(office, content(tmp_path), values={"name": "ours"}))
    assert (outcome.status, outcome.code) == (status, code)
    assert count[0] == 2, "the last chunk never left"
    assert office.core.truth.writes() == []


@pytest.mark.parametrize(
    ("act", "status", "code"),
    [
        pytest.param(
            lambda o: o.core.edit("Bea", "category_folders", o.plan, {"parents": [o.client]}),
            "stale",
            "parents",
            id="moved",
        ),
        pytest.param(
            lambda o: o.core.edit("Bea", "project_folders", o.project, {"parents": [o.core.drive_id]}),
            "refused",
            "outside",
            id="moved-out",
        ),
        pytest.param(lambda o: o.core.delete("Bea", "category_folders", o.plan), "refused", "no_folder", id="trashed"),
    ],
)
def test_nothing_is_made_where_the_folder_went_elsewhere_meanwhile(
    connector: GoogleDrive,
    office: Office,
    tmp_path: Path,
    small_chunks: None,
    act: Callable[[Office], None],
    status: str,
    code: str,
) -> None:
    count = before_the_last_chunk(office, act)
    outcome = put(connector, create(office, content(tmp_path)))
    assert (outcome.status, outcome.code) == (status, code)
    assert count[0] == 2
    assert office.core.truth.writes() == []


def test_a_session_whose_address_got_lost_is_begun_again(
    connector: GoogleDrive, office: Office, tmp_path: Path
) -> None:
    office.core.faults.switch_on(Fault("lost_after", match="POST /upload", times=1))
    outcome = put(connector, create(office, content(tmp_path)))
    assert outcome.status == "done", outcome
    assert uploads(office.core) == ["POST", "POST", "PUT"]
    assert len(office.core.truth.writes()) == 1


def test_bytes_that_arrive_as_others_are_told(connector: GoogleDrive, office: Office, tmp_path: Path) -> None:
    what = content(tmp_path)
    what.path.write_bytes(b"y" * what.size)
    outcome = put(connector, create(office, what))
    assert (outcome.status, outcome.code) == ("unknown", "checksum")
    what.path.write_bytes(b"short")
    outcome = put(connector, create(office, what))
    assert (outcome.status, outcome.code) == ("refused", "content_changed")


REFUSED: list[Any] = [
    pytest.param("client_folders", {"name": "f"}, id="folder"),
    pytest.param("shortcuts", {"name": "s", "shortcutDetails": {"targetId": "x"}}, id="shortcut"),
    pytest.param("files", {"name": "d", "mimeType": DOCUMENT}, id="googles-own"),
]


@pytest.mark.parametrize(("stream", "values"), REFUSED)
def test_what_holds_no_bytes_is_given_none(
    connector: GoogleDrive, office: Office, tmp_path: Path, stream: str, values: dict[str, Any]
) -> None:
    write = Write(intent="i", kind="create", values={**values, "parents": [office.plan]}, content=content(tmp_path))
    [outcome] = connector.push(stream, [write], lambda: None)
    assert (outcome.status, outcome.code) == ("refused", "no_content")
    document = office.core.create("Ada", "files", {"name": "d", "parents": [office.plan], "mimeType": DOCUMENT})
    outcome = put(connector, Write(intent="i", kind="update", id=document, content=content(tmp_path)))
    assert (outcome.status, outcome.code) == ("refused", "no_content")
    assert uploads(office.core) == []


class Leading(SandboxTransport):
    """Says that uploads go on somewhere else, and keeps what was sent where."""

    def __init__(self, core: GoogleDriveSandbox, location: str) -> None:
        super().__init__(core)
        self.location = location
        self.hosts: set[str] = set()

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        self.hosts.add((request.url or "").split("/")[2])
        answer = super().send(request, *args, **kwargs)
        if "Location" in answer.headers:
            real = answer.headers["Location"].partition("?")[2]
            answer.headers["Location"] = self.location.replace("QUERY", real)
        return answer


def test_content_and_credentials_go_to_the_configured_host_alone(office: Office, tmp_path: Path) -> None:
    wire = Leading(office.core, "https://evil.example/upload/drive/v3/files?QUERY")
    assert put(connect(office.core, wire), create(office, content(tmp_path))).status == "done"
    assert wire.hosts == {"drive.test"}


@pytest.mark.parametrize(
    "location", ["", "https://drive.test/elsewhere?QUERY", "https://drive.test/upload/drive/v3/files"]
)
def test_an_upload_without_an_address_to_go_on_at_was_not_sent(office: Office, tmp_path: Path, location: str) -> None:
    wire = Leading(office.core, location)
    outcome = put(connect(office.core, wire), create(office, content(tmp_path)))
    assert (outcome.status, outcome.code) == ("not_sent", "Malformed")
    assert uploads(office.core) == ["POST"]


def test_the_address_of_a_session_is_in_no_error(connector: GoogleDrive, office: Office, tmp_path: Path) -> None:
    office.core.faults.switch_on(Fault("unavailable", match="PUT"))
    outcome = put(connector, create(office, content(tmp_path)))
    assert outcome.status == "unknown"
    assert "upload_id" not in repr(outcome)
    assert not any(number in repr(outcome) for number in office.core.uploads)


def test_names_cannot_leave_their_place() -> None:
    assert label("../../etc/passwd") == "passwd"
    assert label("C:\\temp\\计划.pdf") == "计划.pdf"
    assert label('a\r\nX-Evil: 1"') == 'aX-Evil: 1"'
