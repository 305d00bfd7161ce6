"""Files on issues: up, down, found again, and never larger than Jira takes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Content, Write
from connectors.content import Carries
from connectors.errors import NotFound, RecordRefused
from connectors.sandbox.faults import Fault


@pytest.fixture
def file(tmp_path: Path) -> Content:
    path = tmp_path / "held"
    path.write_bytes(b"data" * 100)
    return Content(path, "held", "application/pdf", 400, hashlib.sha256(b"data" * 100).hexdigest())


def upload(place: str, content: Content | None, **values: Any) -> Write:
    values = {"issue": {"id": place, "stream": "issues"}, "filename": "Plan é.pdf", **values}
    return Write(intent="i", kind="create", values=values, content=content)


def test_a_file_goes_up_in_a_form_that_jira_takes_and_comes_down_the_same(desk: Any, file: Content) -> None:
    issue = desk.issue()
    [outcome] = desk.push("attachments", upload(issue, file))
    assert outcome.status == "done"
    assert outcome.record is not None
    assert outcome.record.ours
    (sent,) = [r for r, _ in desk.sandbox.traffic if r.path.endswith("/attachments")]
    assert sent.headers["x-atlassian-token"] == "no-check"
    assert sent.form()["file"].filename == "Plan é.pdf"
    assert isinstance(desk.jira, Carries)
    got = desk.jira.download("attachments", outcome.id)
    assert (got.name, got.media_type, got.size) == ("Plan é.pdf", "application/pdf", 400)
    assert b"".join(got.chunks) == b"data" * 100
    (asked,) = [r for r, _ in desk.sandbox.traffic if "/attachment/content/" in r.path]
    assert asked.arg("redirect") == "false"


def test_the_feed_shows_the_files_of_issues_that_changed(desk: Any) -> None:
    issue = desk.issue()
    desk.settled()
    _, last = desk.pull("attachments")
    id = desk.sandbox.create("Ann", "attachments", {"issue": {"id": issue}, "filename": "a.txt", "bytes": "x"})
    desk.settled()
    records, _ = desk.pull("attachments", last.cursor)
    assert [(r.id, r.payload["filename"], r.payload["issue"], r.ours) for r in records] == [
        (id, "a.txt", {"id": issue, "stream": "issues"}, False)
    ]
    assert [each for page in desk.jira.ids("attachments") for each in page] == [id]
    desk.sandbox.delete("Ann", "attachments", id)
    assert desk.one("attachments", id).deleted


def test_a_lost_upload_is_found_among_our_own(desk: Any, file: Content) -> None:
    issue = desk.issue()
    desk.sandbox.create("Ann", "attachments", {"issue": {"id": issue}, "filename": "hers", "bytes": "x"})
    desk.sandbox.faults.switch_on(Fault("lost_after", "POST .*attachments", times=1))
    [outcome] = desk.push("attachments", upload(issue, file))
    assert outcome.status == "unknown"
    desk.settled()
    [found] = list(desk.jira.made_since("attachments", None, "2026-01-01T00:00:00.000Z"))
    assert found.payload["filename"] == "Plan é.pdf"


def test_what_jira_takes_is_asked_of_jira(desk: Any, file: Content) -> None:
    assert desk.jira.describe().stream("attachments").abilities.content == desk.sandbox.upload_limit
    desk.sandbox.upload_limit = 10
    [outcome] = desk.push("attachments", upload(desk.issue(), file))
    assert (outcome.status, outcome.code) == ("refused", "413")


def test_writes_that_make_no_sense_are_refused_before_they_leave(desk: Any, file: Content) -> None:
    issue = desk.issue()
    writes = [
        upload(issue, None),
        upload(issue, file, issue=None),
        Write(intent="u", kind="update", id=f"{issue}-1", values={"filename": "x"}),
    ]
    before = len(desk.sandbox.traffic)
    assert [each.status for each in desk.push("attachments", *writes)] == ["refused"] * 3
    assert len(desk.sandbox.traffic) == before
    with pytest.raises(NotFound):
        desk.jira.download("attachments", f"{issue}-99999")
    with pytest.raises(RecordRefused):
        desk.jira.download("issues", issue)
