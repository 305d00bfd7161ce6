"""Every recorded Drive answer is read, with the counts of the manifest."""

from __future__ import annotations

import json
import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
import requests
from requests.adapters import BaseAdapter

from connectors.google_drive.client import Client
from connectors.google_drive.hooks import channel_id, channel_token, parse
from connectors.google_drive.models import FOLDER, ChangeList, Channel, StartPageToken
from connectors.google_drive.records import comment, drive, permission, record
from connectors.google_drive.sandbox.core import GoogleDriveSandbox
from connectors.hooks import Delivery, HookRefused
from connectors.sandbox.clock import VirtualClock
from mapping.fields import Options
from mapping.google_drive import MAPPING

from .conftest import Office, context

SHARED = Path(os.environ.get("KEEPSTEP_SHARED", Path(__file__).parents[3] / ".." / "shared")).resolve()
RECORDED = SHARED / "recorded"

NOT_HAD = {
    "answer:comments",  # comments are read only
    "answer:drives",  # drives are read only
    "answer:permissions",  # shares are read only
    "webhook",  # read by a test of its own: a delivery is headers, and this one proves nothing
    "acknowledgement",  # deletes for good, emptied trash: never sent
}
"""What the recordings hold and this connector has no stream or call for."""
BESIDE = ("comments", "permissions", "drives")


def entries() -> list[Any]:
    manifest = RECORDED / "MANIFEST.json"
    if not manifest.exists():
        return []
    found = json.loads(manifest.read_text())["files"]
    return [
        pytest.param(entry, id=entry["file"])
        for entry in found
        if entry["system"] == "google-drive" and entry["reader"]
    ]


pytestmark = pytest.mark.skipif(
    not (RECORDED / "MANIFEST.json").exists(), reason="no recorded payloads: set KEEPSTEP_SHARED"
)


def exchanges(entry: dict[str, Any]) -> list[dict[str, Any]]:
    told = json.loads((RECORDED / entry["file"]).read_text())
    if isinstance(told, dict):
        return list(told["exchanges"])
    found = []  # an HTTP trace: requests and answers in turn
    for asked, answered in zip(told[::2], told[1::2], strict=False):
        method, address, _ = asked["http_head"][0].split(" ")
        status = int(answered["http_head"][0].split(" ")[1])
        found.append({"method": method, "endpoint": address, "status": status, "response": answered["body"]})
    return found


class Replay(BaseAdapter):
    """Answers in the recorded order; each must be asked by the recorded method and path."""

    def __init__(self, answers: list[dict[str, Any]]) -> None:
        super().__init__()
        self.left = list(answers)

    def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
        told = self.left.pop(0)
        assert request.method == told["method"]
        assert urlsplit(request.url).path == urlsplit(told["endpoint"]).path
        response = requests.Response()
        response.status_code = told["status"]
        response._content = json.dumps(told["response"]).encode()
        response.headers["Content-Type"] = "application/json; charset=UTF-8"
        response.url, response.request = request.url, request
        return response

    def close(self) -> None:
        """Nothing is held open."""


def read(answers: list[dict[str, Any]]) -> tuple[Counter[str], list[dict[str, Any]], set[str]]:
    """How many records of which reader the connector finds, the rows themselves, and what it has no call for."""
    found: Counter[str] = Counter()
    rows: list[dict[str, Any]] = []
    left_out: set[str] = set()
    replay = Replay(answers)
    client = Client(context(VirtualClock(), replay), "https://www.googleapis.com", None)
    while replay.left:
        told = replay.left[0]
        method, path = told["method"], urlsplit(told["endpoint"]).path
        parts = path.removeprefix("/drive/v3/").split("/")
        got: list[dict[str, Any]] = []
        match (method, *parts):
            case ("GET", "files"):
                found["files"] += 0
                got = [row for page in client.file_pages("q", None) for row in page]
                found["files"] += len([record("files", row, None, "r") for row in got])
            case ("POST", "changes", "watch"):
                asked = Channel(id="c", type="web_hook", address="https://hub.example/")
                opened = client.watch_changes("1", None, asked, lambda: None)
                assert (opened.id, opened.resourceId) == (told["response"]["id"], told["response"]["resourceId"])
                assert int(opened.expiration or "") > 0
                found["answer:channels"] += 1
                left_out.add("webhook")
            case ("POST", "files"):
                got = [client.create({}, lambda: None)]
                found["answer:files"] += len([record("files", row, None, "r") for row in got])
            case ("PATCH", _, "upload", "drive", "v3", "files", _):
                replay.left.pop(0)  # bytes are sent in sessions; what is answered is the same
                got = [told["response"]]
                found["answer:files"] += len([record("files", row, None, "r") for row in got])
            case ("GET", "changes", "startPageToken"):
                token = client.start_page_token(None)
                assert token == told["response"]["startPageToken"]
                assert msgspec.convert(told["response"], StartPageToken).startPageToken == token
                if not any(urlsplit(each["endpoint"]).path.endswith("/changes") for each in answers):
                    found["cursor"] += 1
            case ("GET", "changes"):
                page = client.changes("1", None)
                assert isinstance(page, ChangeList)
                found["changes"] += len(page.changes)
                found["cursor"] += page.newStartPageToken is not None
            case ("GET", "files", file, "comments", id):
                got = [row for row in client.many([path], dict) if isinstance(row, dict)]
                found["comments"] += len([comment(file, row, None) for row in got])
                assert got[0]["id"] == id
            case ("GET", "files", file, "permissions"):
                [listed] = client.permissions([file]).values()
                assert isinstance(listed, list)
                got = listed
                found["permissions"] += len([permission(file, row, None) for row in got])
            case ("GET", "files", file, "permissions", id):
                got = [row for row in client.many([path], dict) if isinstance(row, dict)]
                found["permissions"] += len([permission(file, row, None) for row in got])
                assert got[0]["id"] == id
            case ("GET", "drives"):
                got = next(iter(client.drives()))
                found["drives"] += len([drive(row) for row in got])
            case _:
                replay.left.pop(0)
                if told["status"] == 204:
                    left_out.add("acknowledgement")
                else:
                    left_out.add(next(f"answer:{what}" for what in BESIDE if what in path))
        rows += got
    return found, rows, left_out


@pytest.mark.parametrize("entry", entries())
def test_every_recorded_file_is_read(entry: dict[str, Any]) -> None:
    answers = exchanges(entry)
    found, rows, left_out = read(answers)
    expected = {name: count for name, count in entry["expect"].items() if name not in NOT_HAD}
    assert dict(found) == expected
    assert left_out == set(entry["expect"]) & NOT_HAD
    sent = [row for told in answers for row in listed(told["response"])]
    for row in rows:
        assert row in sent, "no key is lost or changed on reading"
        assert "mimeType" not in row or record("files", row, None, "r").payload == row


def listed(answer: Any) -> list[Any]:
    if not isinstance(answer, dict):
        return []
    return [answer, *(row for value in answer.values() if isinstance(value, list) for row in value)]


def test_a_recorded_delivery_has_the_headers_that_are_read_and_no_proof() -> None:
    trace = json.loads((RECORDED / "google-drive" / "push" / "changes-watch-and-sync-delivery.json").read_text())
    [entry] = trace[-1]["body"]["log"]["entries"]
    headers = {each["name"]: each["value"] for each in entry["request"]["headers"]}
    now = datetime(2024, 12, 4, 6, 56, 8, tzinfo=UTC)
    with pytest.raises(HookRefused) as refused:
        parse(headers, "secret", now)
    assert refused.value.code == "unsigned", "it was opened without a token"
    own = channel_id(now + timedelta(hours=1))
    ours = headers | {"x-goog-channel-id": own, "x-goog-channel-token": channel_token("secret", own)}
    assert parse(ours, "secret", now) == Delivery(key=f"{own}:1")


def test_the_stand_in_shows_the_keys_that_the_service_shows(core: GoogleDriveSandbox, office: Office) -> None:
    google = {"mimeType": "application/vnd.google-apps.document"}
    document = core.create("Ada", "files", {"name": "d", "parents": [office.plan], **google})
    shown = {id: core.store.resource(core.store.items[id], core.hub) for id in (office.client, office.file, document)}
    keys = {
        "folder": set(shown[office.client]),
        "bytes": set(shown[office.file]),
        "google": set(shown[document]),
    }
    seen: Counter[str] = Counter()
    for param in entries():
        for row in read(exchanges(param.values[0]))[1]:
            mime = row.get("mimeType", "")
            if mime:
                kind = (
                    "folder" if mime == FOLDER else "google" if mime.startswith("application/vnd.google") else "bytes"
                )
                assert set(row) - {"thumbnailLink"} <= keys[kind], row["id"]
                seen[kind] += 1
    assert set(seen) == set(keys)


def test_what_is_written_survives_the_round_trip_on_recorded_files(description: Any) -> None:
    mappers = MAPPING.build(Options(), description)
    count = 0
    for param in entries():
        _, rows, _ = read(exchanges(param.values[0]))
        for row in rows:
            if "mimeType" not in row or "version" in row:
                continue
            stream, kind = ("client_folders", "customer") if row["mimeType"] == FOLDER else ("files", "document")
            mapper = mappers[stream]
            made = record(stream, row, (), "r")
            mapped = mapper.canon(made)
            assert mapped.losses == [], row["id"]
            assert mapped.kind == kind
            if stream == "files":
                back = mapper.unmap(mapped.kind, {"title": mapped.values["title"]}, made.payload)
                assert back.values == {"name": row["name"].strip()}
                assert mapper.canon(record(stream, row | back.values, (), "r")).values == mapped.values
                assert mapped.values.get("url") == row.get("webViewLink")
                assert mapped.values["mime_type"] == row["mimeType"]
            count += 1
    assert count, "none was tried"
