"""Every recorded answer of the live service is read, with the counts that the recordings' manifest states."""

from __future__ import annotations

import io
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
import requests
from requests.adapters import BaseAdapter
from urllib3.response import HTTPResponse

from connectors.base import Write
from connectors.context import Context
from connectors.errors import ConnectorError
from connectors.sandbox.clock import VirtualClock
from connectors.zoho_crm import Settings, ZohoCrm
from connectors.zoho_crm.described import MODULES, USERS
from connectors.zoho_crm.hooks import channel_of, parse
from connectors.zoho_crm.models import Results
from connectors.zoho_crm.sandbox.service import ZohoSandbox

SHARED = Path(os.environ.get("KEEPSTEP_SHARED", Path(__file__).parents[3].parent / "shared"))
MANIFEST = SHARED / "recorded" / "MANIFEST.json"

STREAMS = (*MODULES, "Leads", USERS)
CONVERT = "/actions/convert"
"""Converting a lead is a person's decision: the connector never asks for it."""


def entries() -> list[dict[str, Any]]:
    if not MANIFEST.exists():
        return []
    manifest = json.loads(MANIFEST.read_text())
    rows = manifest if isinstance(manifest, list) else manifest["files"]
    return [row for row in rows if row["system"] == "zoho-crm" and row["reader"]]


def readings() -> list[Any]:
    skipped = pytest.mark.skip(reason="KEEPSTEP_SHARED: no recordings here")
    return [pytest.param(row, id=row["file"]) for row in entries()] or [pytest.param({}, id="none", marks=skipped)]


def answers(file: str) -> list[tuple[str, str, int, Any]]:
    """Method, path, status and body of what the service said, in the order of the calls."""
    body = json.loads((SHARED / "recorded" / file).read_text())
    if "exchanges" in body:
        return [(one["method"], one["endpoint"], one["status"], one["response"]) for one in body["exchanges"]]
    return [("POST" if "write" in file else "GET", "", 400 if "code" in body else 200, body)]


class Replay(BaseAdapter):
    """Answers each kind of request with what was recorded for it."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__()
        self.recorded = (status, body)
        self.sent: list[requests.PreparedRequest] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        self.sent.append(request)
        url = request.url or ""
        if "/oauth/" in url:
            status, body = 200, {"access_token": "t", "expires_in": 3600}
        elif "/settings/fields" in url:
            status, body = 200, {"fields": [{"api_name": "Keepstep_Key", "unique": {"casesensitive": "false"}}]}
        elif "type=CurrentUser" in url:
            status, body = 200, {"users": [{"id": "1"}]}
        else:
            status, body = self.recorded
        raw = msgspec.json.encode(body) if body not in ("", None) else b""
        response = requests.Response()
        response.status_code, response.url, response.request = status, url, request
        response.raw = HTTPResponse(body=io.BytesIO(raw), preload_content=False)
        return response

    def close(self) -> None:
        """Nothing is held open."""


def connect(replay: Replay) -> ZohoCrm:
    settings = Settings(data_center="us", client_id="a", client_secret="b", refresh_token="c", modules=["Leads"])
    return ZohoCrm(settings, Context(name="crm", clock=VirtualClock(), tokens=None, transport=replay))  # type: ignore[arg-type]


def recorded_rows(stream: str) -> list[dict[str, Any]]:
    key = "users" if stream == "users" else "data"
    rows = []
    for row in entries():
        if stream in row["reader"]:
            for method, _, _, body in answers(row["file"]):
                rows += body.get(key, []) if method == "GET" and isinstance(body, dict) else []
    return rows


@pytest.mark.parametrize("row", readings())
def test_every_file_is_read_with_the_counts_it_has(row: dict[str, Any]):
    found: Counter[str] = Counter()
    for method, path, status, body in answers(row["file"]):
        stream = next((part for part in path.split("/") if part in STREAMS), "")
        # An answer without a path is of the only stream that its file holds.
        stream = stream or next((reader.removeprefix("answer:") for reader in row["reader"]), "")
        found[reader_of(method, status, body, stream)] += read(method, path, status, body, stream)
    assert found == row["expect"]


def reader_of(method: str, status: int, body: Any, stream: str) -> str:
    if isinstance(body, dict) and "channel_id" in body:
        return "webhook"
    if status >= 400:
        return "errors"
    if method == "DELETE":
        return "acknowledgement"
    return stream if method == "GET" else f"answer:{stream}"


def read(method: str, path: str, status: int, body: Any, stream: str) -> int:
    """How many records, outcomes, errors or deliveries the connector makes of one answer, nothing of it lost."""
    crm, id = connect(Replay(status, alone(body))), path.rsplit("/", 1)[-1]
    match reader_of(method, status, body, stream):
        case "webhook":
            known = body | {"channel_id": channel_of(body["token"])}
            delivery = parse(msgspec.json.encode(known), body["token"], STREAMS)
            assert [hint.id for hint in delivery.hints] == body["ids"]
            return 1
        case "errors":
            with pytest.raises(ConnectorError, match=body["code"]):
                list(crm.pull("Deals"))
            return 1
        case "acknowledgement":
            (outcome,) = crm.push(stream, [Write(intent="1", kind="delete", id=id)], lambda: None)
            assert (outcome.status, outcome.id) == ("done", id)
            return 1
        case _ if status == 204:
            return len(crm.find(stream, "k-1"))
        case _ if method == "GET":
            return _records(crm, stream, id if id.isdigit() else None, body)
        case _ if path.endswith(CONVERT):
            return 1
        case _:
            return _outcome(crm, method, stream, id, body)


def alone(body: Any) -> Any:
    """A page that was one of several, as the last one."""
    info = body.get("info") if isinstance(body, dict) else None
    return body | {"info": info | {"more_records": False}} if isinstance(info, dict) else body


def _records(crm: ZohoCrm, stream: str, id: str | None, body: Any) -> int:
    rows = body["users" if stream == USERS else "data"]
    got = list(crm.get(stream, [id])) if id else [one for page in crm.pull(stream) for one in page.records]
    assert [(one.id, set(one.payload) >= set(row)) for one, row in zip(got, rows, strict=True)] == [
        (row["id"], True) for row in rows
    ]
    assert all(one.version for one, row in zip(got, rows, strict=True) if row.get("Modified_Time"))
    return len(got)


def _outcome(crm: ZohoCrm, method: str, stream: str, id: str, body: Any) -> int:
    kind: Literal["create", "update"] = "create" if method == "POST" else "update"
    write = Write(intent="1", kind=kind, id=None if kind == "create" else id, values={"x": 1})
    (outcome,) = crm.push(stream, [write], lambda: None)
    (row,) = msgspec.convert(body, Results).rows
    assert row is not None
    assert (outcome.status, outcome.id) == ("done", row.details["id"])
    assert (outcome.version or "").endswith("Z")
    return 1


def test_every_reader_of_the_manifest_is_known():
    if not MANIFEST.exists():
        pytest.skip("KEEPSTEP_SHARED: no recordings here")
    readers = {reader for row in entries() for reader in row["reader"]}
    known = {*STREAMS, *(f"answer:{stream}" for stream in STREAMS), "acknowledgement", "errors", "webhook"}
    assert readers <= known


@pytest.mark.parametrize("stream", ["Contacts", "Tasks", "Notes", "Leads"])
def test_the_stand_in_shows_the_keys_and_types_of_live_records(stream: str):
    rows = [row for row in recorded_rows(stream) if "$editable" in row]
    if not rows:
        pytest.skip("KEEPSTEP_SHARED: no recordings here")
    core = ZohoSandbox(VirtualClock(), 1)
    deal = core.create("Anna Berg", "Deals", {"Deal_Name": "x", "Stage": "Qualification"})
    values = {
        "Contacts": {"Last_Name": "Li", "Email": "li@acme.example"},
        "Tasks": {"Subject": "s", "Status": "Completed", "What_Id": {"id": deal}, "$se_module": "Deals"},
        "Notes": {"Note_Content": "c", "Parent_Id": {"module": {"api_name": "Deals"}, "id": deal}},
        "Leads": {"Last_Name": "Okoye", "Company": "Acme"},
    }[stream]
    made = core.create("Anna Berg", stream, values)
    shown = core.records(stream)[made]
    live = set().union(*rows)
    assert set(shown) - {"Keepstep_Key"} == live
    for name, value in shown.items():
        kinds = {type(row.get(name)) for row in rows} | {type(None)}
        if name != "Keepstep_Key" and kinds != {type(None)}:
            assert type(value) in kinds, name
