"""Requests sent and answers read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses
from requests.adapters import HTTPAdapter

from connectors.base import Ignored
from connectors.errors import (
    AuthFailed,
    CursorLost,
    EffectUnknown,
    Forbidden,
    Malformed,
    Misconfigured,
    NotFound,
    RateLimited,
    RecordRefused,
    ScopeMissing,
)
from connectors.google_drive import batch
from connectors.google_drive.changes import changed_rows
from connectors.google_drive.client import Client
from connectors.google_drive.models import Change
from connectors.google_drive.sandbox import refusals
from connectors.sandbox.clock import VirtualClock

from .conftest import context

BASE = "https://www.googleapis.com"
FILES = f"{BASE}/drive/v3/files"


@pytest.fixture
def client(clock: VirtualClock) -> Client:
    return Client(context(clock, HTTPAdapter()), BASE, None)


def sent(number: int = 0) -> dict[str, list[str]]:
    return parse_qs(urlsplit(responses.calls[number].request.url).query)


@responses.activate
def test_a_list_names_its_fields_and_follows_page_tokens(client: Client) -> None:
    responses.get(FILES, json={"files": [{"id": "a", "odd": 1}], "nextPageToken": "t2"})
    responses.get(FILES, json={"files": [{"id": "b"}]})
    assert list(client.file_pages("trashed = false", "0A")) == [[{"id": "a", "odd": 1}], [{"id": "b"}]]
    assert sent(0)["corpora"] == ["drive"]
    assert sent(0)["driveId"] == ["0A"]
    assert sent(0)["pageSize"] == ["1000"]
    assert sent(0)["supportsAllDrives"] == sent(0)["includeItemsFromAllDrives"] == ["true"]
    assert "version" in sent(0)["fields"][0]
    assert "pageToken" not in sent(0)
    assert sent(1)["pageToken"] == ["t2"]


@responses.activate
def test_a_page_token_that_comes_twice_raises_instead_of_looping(client: Client) -> None:
    responses.get(FILES, json={"files": [], "nextPageToken": "again"})
    with pytest.raises(Malformed, match="twice"):
        list(client.file_pages("trashed = false", None))
    assert len(responses.calls) == 2


@responses.activate
def test_an_incomplete_search_is_no_answer(client: Client) -> None:
    responses.get(FILES, json={"files": [], "incompleteSearch": True})
    with pytest.raises(Malformed, match="incomplete"):
        list(client.file_pages("trashed = false", None))


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        pytest.param(403, "rateLimitExceeded", RateLimited, id="project-rate"),
        pytest.param(403, "userRateLimitExceeded", RateLimited, id="user-rate"),
        pytest.param(429, "rateLimitExceeded", RateLimited, id="429"),
        pytest.param(403, "insufficientPermissions", ScopeMissing, id="scope"),
        pytest.param(403, "accessNotConfigured", ScopeMissing, id="api-not-enabled"),
        pytest.param(403, "USER_PROJECT_DENIED", ScopeMissing, id="project-denied"),
        pytest.param(403, "storageQuotaExceeded", RecordRefused, id="storage-full"),
        pytest.param(403, "myDriveHierarchyDepthLimitExceeded", RecordRefused, id="too-deep"),
        pytest.param(403, "download_restricted_for_revision", RecordRefused, id="revision-kept-back"),
        pytest.param(403, "teamDriveMembershipRequired", Forbidden, id="member-for-this-file"),
        pytest.param(403, "appNotAuthorizedToFile", Forbidden, id="app-for-its-own-files"),
        pytest.param(403, "insufficientFilePermissions", Forbidden, id="this-file"),
        pytest.param(404, "notFound", NotFound, id="404"),
        pytest.param(401, "authError", AuthFailed, id="401"),
        pytest.param(400, "invalid", RecordRefused, id="400"),
    ],
)
@responses.activate
def test_refusals_are_judged_by_their_reason(client: Client, status: int, reason: str, kind: type) -> None:
    responses.patch(f"{FILES}/x", json=refusals.body(status, reason, "words"), status=status)
    with pytest.raises(kind) as caught:
        client.update("x", {"name": "n"}, lambda: None)
    assert type(caught.value) is kind
    assert len(responses.calls) == 1, "a write is sent once"
    if status != 401:
        assert "PATCH /drive/v3/files/x" in str(caught.value)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (
            403,
            refusals.body(403, "teamDriveMembershipRequired", "The attempted action requires shared drive membership."),
        ),
        (404, refusals.body(404, "notFound", "Shared drive not found: 0A", "driveId")),
    ],
)
@responses.activate
def test_whoever_was_given_one_folder_of_a_shared_drive_is_told_to_become_a_member(
    client: Client, status: int, body: Any
) -> None:
    for path in ("files", "changes", "changes/startPageToken"):
        responses.get(f"{BASE}/drive/v3/{path}", json=body, status=status)
    asked: list[Callable[[], object]] = [
        lambda: list(client.file_pages("trashed = false", "0A")),
        lambda: client.changes("7", "0A"),
        lambda: client.start_page_token("0A"),
    ]
    for ask in asked:
        with pytest.raises(Misconfigured, match="a member of the shared drive"):
            ask()


@responses.activate
def test_a_token_for_an_apps_own_files_is_told_to_ask_for_all(client: Client) -> None:
    body = refusals.body(
        403, "appNotAuthorizedToFile", "The user has not granted the app 1 write access to the file x."
    )
    responses.patch(f"{FILES}/x", json=body, status=403)
    with pytest.raises(Forbidden, match=r"scope https://www\.googleapis\.com/auth/drive$"):
        client.update("x", {"name": "n"}, lambda: None)


@responses.activate
def test_a_rate_limited_read_waits_on_the_clock_and_asks_again(client: Client, clock: VirtualClock) -> None:
    responses.get(f"{FILES}/x", json=refusals.RATE_LIMITED[1], status=403)
    responses.get(f"{FILES}/x", json={"id": "x"})
    assert client.file("x") == {"id": "x"}
    assert clock.monotonic() >= 15
    assert len(responses.calls) == 2


@pytest.mark.parametrize(
    ("status", "body", "lost"),
    [
        pytest.param(400, refusals.body(400, "invalid", "Invalid Value", "pageToken"), True, id="invalid"),
        pytest.param(410, refusals.body(410, "gone", "Gone"), True, id="gone"),
        pytest.param(400, refusals.body(400, "invalid", "Invalid Value", "fields"), False, id="another-parameter"),
    ],
)
@responses.activate
def test_only_a_refused_page_token_loses_the_cursor(client: Client, status: int, body: Any, lost: bool) -> None:
    responses.get(f"{BASE}/drive/v3/changes", json=body, status=status)
    with pytest.raises(CursorLost if lost else RecordRefused):
        client.changes("7", None)


@responses.activate
def test_html_or_half_a_body_is_never_an_empty_list(client: Client) -> None:
    responses.get(FILES, body="<!doctype html><title>Log in</title>")
    with pytest.raises(Malformed, match="HTML"):
        list(client.file_pages("trashed = false", None))
    responses.post(FILES, body='{"id": "1a', status=200)
    with pytest.raises(EffectUnknown):
        client.create({"name": "n"}, lambda: None)


@responses.activate
def test_files_by_id_go_in_batches_and_failed_parts_are_asked_again(client: Client) -> None:
    parts = [
        (200, '{"id": "a", "name": "A"}'),
        (404, '{"error": {"code": 404, "errors": [{"reason": "notFound"}]}}'),
        (403, '{"error": {"code": 403, "errors": [{"reason": "insufficientFilePermissions"}]}}'),
        (403, '{"error": {"code": 403, "errors": [{"reason": "userRateLimitExceeded"}]}}'),
        (503, "down"),
    ]
    lines = []
    for number, (status, body) in reversed(list(enumerate(parts))):
        lines += ["--b", "Content-Type: application/http", f"Content-ID: <response-{number}>", ""]
        lines += [f"HTTP/1.1 {status} Words", "Content-Type: application/json", "", body]
    responses.post(
        f"{BASE}/batch/drive/v3",
        body="\r\n".join([*lines, "--b--", ""]),
        content_type="multipart/mixed; boundary=b",
    )
    responses.get(f"{FILES}/d", json={"id": "d"})
    responses.get(f"{FILES}/e", json={"id": "e"})
    found = client.files_by_id(["a", "b", "c", "d", "e"], "id,name")
    assert found["a"] == {"id": "a", "name": "A"}
    assert isinstance(found["b"], NotFound)
    assert isinstance(found["c"], Forbidden)
    assert found["d"] == {"id": "d"}
    assert found["e"] == {"id": "e"}
    first = responses.calls[0].request
    assert first.headers["Content-Type"] == batch.CONTENT_TYPE
    assert first.body.count(b"GET /drive/v3/files/") == 5
    assert b"GET /drive/v3/files/a?supportsAllDrives=true&fields=id%2Cname HTTP/1.1" in first.body
    assert [call.request.method for call in responses.calls] == ["POST", "GET", "GET"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("--b\r\nContent-ID: <response-0>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}\r\n", id="cut-off"),
        pytest.param("--b\r\nContent-ID: <response-0>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}\r\n--b--", id="one-missing"),
        pytest.param("<!doctype html>", id="html"),
    ],
)
@responses.activate
def test_a_batch_answer_with_less_than_asked_is_no_answer(client: Client, body: str) -> None:
    responses.post(f"{BASE}/batch/drive/v3", body=body, content_type="multipart/mixed; boundary=b")
    with pytest.raises(Malformed):
        client.files_by_id(["a", "b"])


@responses.activate
def test_more_than_a_hundred_ids_take_more_than_one_batch(client: Client) -> None:
    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        count = request.body.count(b"\r\nGET ")
        lines = []
        for number in range(count):
            lines += ["--b", f"Content-ID: <response-{number}>", "", "HTTP/1.1 200 OK", "", '{"id": "x"}']
        return 200, {"Content-Type": "multipart/mixed; boundary=b"}, "\r\n".join([*lines, "--b--"])

    responses.add_callback(responses.POST, f"{BASE}/batch/drive/v3", callback=answer)
    assert len(client.files_by_id([str(number) for number in range(150)])) == 150
    assert [call.request.body.count(b"\r\nGET ") for call in responses.calls] == [100, 50]


@responses.activate
def test_further_pages_of_comments_are_read(client: Client) -> None:
    url = f"{FILES}/f/comments"
    responses.get(url, json={"comments": [{"id": "1"}], "nextPageToken": "t"})
    responses.get(url, json={"comments": [{"id": "2"}]})
    assert client.comments(["f"]) == {"f": [{"id": "1"}, {"id": "2"}]}
    assert sent(0)["includeDeleted"] == ["true"]
    assert sent(1)["pageToken"] == ["t"]
    assert sent(1)["fields"] == sent(0)["fields"]


@responses.activate
def test_unknown_changes_are_listed_as_ignored_and_the_newest_row_counts(client: Client) -> None:
    responses.get(f"{FILES}/b", json=refusals.body(404, "notFound", "no"), status=404)
    ignored: list[Ignored] = []
    rows, missing = changed_rows(
        client,
        [
            Change(changeType="drive", driveId="0A"),  # the feed of drives tells of it
            Change(changeType="label", driveId="0A"),
            Change(fileId="a", file={"id": "a", "name": "old"}),
            Change(fileId="b", file={"id": "b"}),
            Change(fileId="a", file={"id": "a", "name": "new"}),
            Change(fileId="b", removed=True),
        ],
        ignored,
    )
    assert rows == [{"id": "a", "name": "new"}]
    assert [(id, type(why)) for id, why in missing.items()] == [("b", NotFound)]
    assert ignored == [Ignored(what="change of a label", id="0A")]
