"""Every recorded answer of the live service is read, with the counts that the recordings' manifest states."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests
from requests.adapters import BaseAdapter
from urllib3.response import HTTPResponse

from connectors.base import Write
from connectors.context import Context
from connectors.errors import Misconfigured
from connectors.sandbox.clock import VirtualClock
from connectors.zoho_crm import Settings, ZohoCrm
from connectors.zoho_crm.described import MODULES, USERS
from connectors.zoho_crm.hooks import channel_of, parse
from connectors.zoho_crm.models import Results
from connectors.zoho_crm.sandbox.service import ZohoSandbox

SHARED = Path(os.environ.get("KEEPSTEP_SHARED", Path(__file__).parents[3].parent / "shared"))
MANIFEST = SHARED / "recorded" / "MANIFEST.json"

STREAMS = (*MODULES, "Leads", USERS)
UNASKED = {
    "zoho-crm/nango/convert-lead.json": "converting a lead is a person's decision: the connector never asks for it"
}


def entries() -> list[dict[str, Any]]:
    if not MANIFEST.exists():
        return []
    manifest = json.loads(MANIFEST.read_text())
    rows = manifest if isinstance(manifest, list) else manifest["files"]
    return [row for row in rows if row["system"] == "zoho-crm" and row["reader"]]


def readings() -> list[Any]:
    found = [(row["file"], reader, count) for row in entries() for reader, count in row["expect"].items()]
    skipped = pytest.mark.skip(reason="KEEPSTEP_SHARED: no recordings here")
    return [pytest.param(*one, id=f"{one[0]}-{one[1]}") for one in found] or [
        pytest.param("", "", 0, id="none", marks=skipped)
    ]


def answers(file: str) -> list[tuple[str, str, int, Any]]:
    """Method, path, status and body of what the service said."""
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


@pytest.mark.parametrize(("file", "reader", "count"), readings())
def test_every_file_is_read_with_the_count_it_has(file: str, reader: str, count: int):
    stream = reader.removeprefix("answer:")
    said = [one for one in answers(file) if (one[0] == "GET") == (reader in STREAMS) or len(answers(file)) == 1]
    ((method, path, status, body),) = said
    crm = connect(Replay(status, body))
    if file in UNASKED:
        assert method == "POST"
        assert path.endswith("/actions/convert")
    elif reader == "webhook":
        delivery = parse(msgspec.json.encode(body | {"channel_id": channel_of(body["token"])}), body["token"], STREAMS)
        assert [hint.id for hint in delivery.hints] == body["ids"]
        assert count == 1
    elif status == 204:
        assert count == len(crm.find(stream, "k-1")) == 0
    elif reader in STREAMS:
        single = path.rsplit("/", 1)[-1].isdigit()
        read = (
            list(crm.get(stream, [path.rsplit("/", 1)[-1]]))
            if single
            else [r for p in crm.pull(stream) for r in p.records]
        )
        rows = body["users" if stream == "users" else "data"]
        assert len(read) == count == len(rows)
        assert [(record.id, set(record.payload) >= set(row)) for record, row in zip(read, rows, strict=True)] == [
            (row["id"], True) for row in rows
        ]
        assert all(record.version for record, row in zip(read, rows, strict=True) if row.get("Modified_Time"))
    elif reader == "acknowledgement":
        (outcome,) = crm.push("Tasks", [Write(intent="1", kind="delete", id=path.rsplit("/", 1)[-1])], lambda: None)
        assert (outcome.status, outcome.id, count) == ("done", path.rsplit("/", 1)[-1], 1)
    elif reader == "errors":
        with pytest.raises(Misconfigured, match="INVALID_MODULE"):
            list(crm.pull("Deals"))
    else:
        assert reader.startswith("answer:")
        kind = "create" if method == "POST" else "update"
        write = Write(intent="1", kind=kind, id=None if kind == "create" else path.rsplit("/", 1)[-1], values={"x": 1})
        (outcome,) = crm.push(stream, [write], lambda: None)
        row = msgspec.convert(body, Results).rows[0]
        assert row is not None
        assert (outcome.status, outcome.id, count) == ("done", row.details["id"], 1)
        assert outcome.version is not None
        assert outcome.version.endswith("Z")


def test_every_reader_of_the_manifest_is_known():
    if not MANIFEST.exists():
        pytest.skip("KEEPSTEP_SHARED: no recordings here")
    readers = {reader for row in entries() for reader in row["reader"]}
    known = {*STREAMS, *(f"answer:{stream}" for stream in STREAMS), "acknowledgement", "errors", "webhook"}
    assert readers <= known
    assert set(UNASKED) <= {row["file"] for row in entries()}


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
