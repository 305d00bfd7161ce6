"""The stand-in's own rules: the search language, partial answers, one parent, who sees what, the true log."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from connectors.google_drive.sandbox import selector
from connectors.google_drive.sandbox.core import GoogleDriveSandbox
from connectors.google_drive.sandbox.query import BadQuery, parse
from connectors.google_drive.sandbox.tokens import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from connectors.sandbox.clock import VirtualClock
from connectors.sandbox.exchange import Refusal, Request, Response

from .conftest import Office, furnish

ROW = {
    "name": "it's",
    "mimeType": "text/plain",
    "parents": ["p"],
    "trashed": False,
    "createdTime": "2026-11-02T01:00:00.000Z",
    "appProperties": {"k": "v"},
}


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("'p' in parents", True),
        ("'x' in parents", False),
        ("('x' in parents or 'p' in parents) and trashed = false", True),
        ("'p' in parents and trashed = true", False),
        ("'x' in parents and trashed = true or name = 'it\\'s'", True),
        ("not trashed = true", True),
        ("mimeType = 'text/plain'", True),
        ("mimeType != 'text/plain'", False),
        ("name contains 'IT'", True),
        ("createdTime > '2026-11-01T00:00:00.000Z'", True),
        ("createdTime >= '2026-11-03T00:00:00.000Z'", False),
        ("appProperties has { key='k' and value='v' }", True),
        ("appProperties has { key='k' and value='w' }", False),
    ],
)
def test_the_search_language(q: str, found: bool) -> None:
    assert parse(q)(ROW) is found


@pytest.mark.parametrize("q", ["trashed", "trashed = maybe", "name 'x'", "colour = 'red'", "(trashed = true", "'p' in"])
def test_a_bad_query_is_refused(q: str) -> None:
    with pytest.raises(BadQuery):
        parse(q)


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ("a", {"a": 1}),
        ("*", {"a": 1, "b": {"c": 2, "d": 3}, "e": [{"f": 4, "g": 5}]}),
        ("b(c)", {"b": {"c": 2}}),
        ("b/d,e/f", {"b": {"d": 3}, "e": [{"f": 4}]}),
        ("a, e(f,g)", {"a": 1, "e": [{"f": 4, "g": 5}]}),
        ("missing", {}),
    ],
)
def test_partial_answers(fields: str, shown: Any) -> None:
    whole = {"a": 1, "b": {"c": 2, "d": 3}, "e": [{"f": 4, "g": 5}]}
    assert selector.select(whole, selector.parse(fields)) == shown


@pytest.mark.parametrize("fields", ["a,", "b(c", "b)", "(a)", ""])
def test_a_bad_selector_is_refused(fields: str) -> None:
    with pytest.raises(selector.BadSelector):
        selector.parse(fields)


class Caller:
    def __init__(self, core: GoogleDriveSandbox) -> None:
        self.core = core
        form = {
            "grant_type": "refresh_token",
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "refresh_token": REFRESH_TOKEN,
        }
        answer = core.handle(Request.of("POST", "/token", {}, urlencode(form)))
        self.token = json.loads(answer.body)["access_token"]

    def __call__(self, method: str, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
        asked = {"supportsAllDrives": "true"} | query
        answer: Response = self.core.handle(
            Request.of(
                method,
                f"{path}?{urlencode(asked)}",
                {"Authorization": f"Bearer {self.token}"},
                json.dumps(body) if body is not None else None,
            )
        )
        return answer.status, json.loads(answer.body) if answer.body else None


@pytest.fixture
def call(core: GoogleDriveSandbox) -> Caller:
    return Caller(core)


def reason(answer: tuple[int, Any]) -> tuple[int, str]:
    return answer[0], answer[1]["error"]["errors"][0]["reason"]


def test_without_a_token_nothing_is_answered(core: GoogleDriveSandbox) -> None:
    answer = core.handle(Request.of("GET", "/drive/v3/files", {}, None))
    assert reason((answer.status, json.loads(answer.body))) == (401, "authError")


def test_few_fields_without_asking(call: Caller, office: Office) -> None:
    status, shown = call("GET", f"/drive/v3/files/{office.file}")
    assert (status, set(shown)) == (200, {"kind", "id", "name", "mimeType"})
    assert reason(call("GET", f"/drive/v3/files/{office.file}", fields="colour")) == (400, "invalidParameter")
    assert reason(call("GET", "/drive/v3/about")) == (400, "required")


def test_what_lies_in_a_shared_drive_needs_supports_all_drives(call: Caller, office: Office) -> None:
    path = f"/drive/v3/files/{office.file}"
    assert reason(call("GET", path, supportsAllDrives="false")) == (404, "notFound")
    q = f"'{office.plan}' in parents"
    assert call("GET", "/drive/v3/files", q=q)[1]["files"] == []
    assert len(call("GET", "/drive/v3/files", q=q, includeItemsFromAllDrives="true")[1]["files"]) == 2


def test_an_id_must_be_reserved_and_serves_once(call: Caller) -> None:
    root = call.core.root_id
    assert call("POST", "/drive/v3/files", {"id": "made-up", "name": "x", "parents": [root]})[0] == 400
    [id] = call("GET", "/drive/v3/files/generateIds", count="1")[1]["ids"]
    assert call("POST", "/drive/v3/files", {"id": id, "name": "x", "parents": [root]})[0] == 200
    assert reason(call("POST", "/drive/v3/files", {"id": id, "name": "y", "parents": [root]})) == (409, "fileIdInUse")


def test_there_is_one_parent_only(call: Caller, office: Office) -> None:
    path = f"/drive/v3/files/{office.file}"
    assert reason(call("PATCH", path, {}, addParents=office.client)) == (403, "cannotAddParent")
    assert reason(call("PATCH", path, {"parents": [office.client]})) == (403, "fieldNotWritable")
    assert call("PATCH", path, {}, addParents=office.client, removeParents=office.plan)[0] == 200
    two = {"name": "x", "parents": [office.client, office.plan]}
    assert call("POST", "/drive/v3/files", two)[0] == 403
    ring = call(
        "PATCH", f"/drive/v3/files/{office.client}", {}, addParents=office.plan, removeParents=call.core.root_id
    )
    assert reason(ring) == (403, "cannotAddParent")


def test_pages_and_their_tokens(call: Caller, office: Office) -> None:
    q = f"'{office.plan}' in parents"
    status, first = call("GET", "/drive/v3/files", q=q, pageSize="1", includeItemsFromAllDrives="true")
    assert status == 200
    assert len(first["files"]) == 1
    rest = call("GET", "/drive/v3/files", q=q, includeItemsFromAllDrives="true", pageToken=first["nextPageToken"])[1]
    assert {row["id"] for row in [*first["files"], *rest["files"]]} == {office.file, office.shortcut}
    assert "nextPageToken" not in rest
    assert call("GET", "/drive/v3/files", pageSize="1001")[0] == 400
    assert call("GET", "/drive/v3/files", q="nonsense")[0] == 400


def test_a_no_op_edit_changes_nothing(core: GoogleDriveSandbox, office: Office) -> None:
    before = core.records("files")[office.file], len(core.truth.entries), core.store.n
    core.edit("Bea", "files", office.file, {"name": "plan.txt", "content": "first", "parents": [office.plan]})
    assert (core.records("files")[office.file], len(core.truth.entries), core.store.n) == before


def test_the_truth_tells_people_from_the_hub_and_counts_mails(call: Caller, office: Office) -> None:
    path = f"/drive/v3/files/{office.file}/permissions"
    told = {"type": "user", "role": "reader", "emailAddress": "carla@client.example"}
    assert call("POST", path, told)[0] == 200
    assert call("POST", path, told, sendNotificationEmail="false")[0] == 200
    shared = [entry for entry in call.core.truth.entries if entry.stream == "permissions"]
    assert [(entry.actor, entry.ours, entry.notified) for entry in shared] == [
        ("Keepstep", True, 1),
        ("Keepstep", True, 0),
    ]
    made = [entry.actor for entry in call.core.truth.entries if entry.stream == "client_folders"]
    assert made == ["Ada"]


def test_versions_grow_by_changes_nobody_sees(core: GoogleDriveSandbox, office: Office) -> None:
    steps = []
    for number in range(20):
        before = int(core.records("files")[office.file]["version"])
        core.edit("Ada", "files", office.file, {"name": f"n{number}"})
        steps.append(int(core.records("files")[office.file]["version"]) - before)
    assert min(steps) == 1
    assert max(steps) > 1


def test_restoring_what_is_gone_for_good_is_refused(core: GoogleDriveSandbox, office: Office) -> None:
    core.delete("Ada", "files", office.file)
    core.restore("Ada", "files", office.file)
    assert office.file in core.records("files")
    core.destroy_item("Ada", office.file)
    with pytest.raises(Refusal):
        core.restore("Ada", "files", office.file)


def test_two_runs_with_one_seed_are_equal() -> None:
    first, second = (furnish(GoogleDriveSandbox(VirtualClock(), 7)) for _ in range(2))
    assert (first.client, first.file) == (second.client, second.file)


def test_too_many_queries_a_minute_are_refused(call: Caller, clock: VirtualClock) -> None:
    for _ in range(12_000):
        call.core._sent.append(clock.monotonic())
    assert reason(call("GET", "/drive/v3/files")) == (403, "userRateLimitExceeded")
    clock.advance(61)
    assert call("GET", "/drive/v3/files")[0] == 200
