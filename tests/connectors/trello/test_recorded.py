"""Every recorded Trello payload through the client and the record readers, with the manifest's counts."""

from __future__ import annotations

import io
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from requests.adapters import BaseAdapter
from urllib3.response import HTTPResponse

from connectors.errors import NotFound, RecordRefused
from connectors.sandbox.clock import VirtualClock
from connectors.trello.client import TrelloClient, actions
from connectors.trello.log import read_log
from connectors.trello.models import STREAMS
from connectors.trello.records import record
from connectors.trello.settings import TrelloSettings

from .conftest import context

PLACE = Path(os.environ.get("KEEPSTEP_SHARED", Path(__file__).parents[3].parent / "shared")) / "recorded"
OTHER_STREAMS = {
    "organizations",
    "customFields",
    "customFieldOptions",
    "customFieldItems",
    "pluginData",
    "checkItems",  # read inside their checklist; alone only in a raw table
    "webhooks",
}
UNREAD_ANSWERS = {
    "members",
    "checkItems",
    "customFields",
    "customFieldOptions",
    "customFieldItems",
    "webhooks",
    "organizations",
}
"""Answers to writes that the connector does not send, or of which it reads only that they came."""

FOLDED = {"action": "actions", "card": "cards", "board": "boards", "list": "lists", "membersVoted": "members"}


def manifest() -> list[dict[str, Any]]:
    path = PLACE / "MANIFEST.json"
    if not path.exists():
        return []
    return [one for one in json.loads(path.read_text())["files"] if one["system"] == "trello" and one.get("reader")]


class Replay(BaseAdapter):
    """Answers with one recorded exchange."""

    def __init__(self) -> None:
        super().__init__()
        self.exchange: dict[str, Any] = {}

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        told = self.exchange["response"]
        answer = requests.Response()
        answer.status_code = self.exchange["status"]
        body = told if isinstance(told, str) and self.exchange["status"] >= 400 else json.dumps(told)
        answer.raw = HTTPResponse(body=io.BytesIO(body.encode()), preload_content=False)
        return answer

    def close(self) -> None:
        """Nothing is held open."""


def place_of(exchange: dict[str, Any]) -> tuple[str, str]:
    """The path below the version, and the stream that its answer holds."""
    path = urlsplit(exchange.get("endpoint") or exchange["uri"]).path
    path = path[2:] if path.startswith("/1/") else path
    parts = [part for part in path.split("/") if part]
    plain = [
        part for part in parts if not any(digit.isdigit() for digit in part) and part not in ("me", "hoppertest", "all")
    ]
    last = plain[-1]
    if last == "comments":
        last = "actions"
    if parts[-2:] == ["actions", "comments"]:
        last = "actions"
    if last == "idLabels":
        last = "labels"
    if last == "idMembers":
        last = "members"
    if last in ("closed", "idList", "idBoard", "archiveAllCards"):
        last = plain[0]
    if len(plain) > 1 and last in ("card", "board", "list"):
        last = FOLDED[last]
    return path, FOLDED.get(
        last,
        {"checkItem": "checkItems", "customfields": "customFields", "options": "customFieldOptions"}.get(last, last),
    )


def read(stream: str, raws: list[dict[str, Any]]) -> int:
    """How many records the connector makes of them; unknown keys must survive."""
    if stream == "actions":
        entries = actions(raws)
        told = read_log(entries, "board")
        comments = [record("comments", raw, "me") for raw in raws if raw["type"] == "commentCard"]
        assert {one.id for one in comments} <= told.ids["comments"]
        assert all(
            one.payload["text"] == raw["data"]["text"] for one in comments for raw in raws if raw["id"] == one.id
        )
        return len(entries)
    if stream in STREAMS:
        made = [record(stream, raw, "me") for raw in raws]
        for one, raw in zip(made, raws, strict=True):
            assert one.id == raw["id"]
            assert set(raw) <= set(one.payload)
        return len(made)
    assert stream in OTHER_STREAMS, stream
    return len(raws)


def exchanges(content: dict[str, Any]) -> Counter[str]:
    replay, found = Replay(), Counter[str]()
    client = TrelloClient(TrelloSettings(key="k", token="t"), context(VirtualClock(), replay))
    for exchange in content["exchanges"]:
        replay.exchange = exchange
        path, stream = place_of(exchange)
        verb = exchange["method"]
        try:
            if verb == "GET":
                got = client.get(path)
            else:
                got = client.send(verb, path, lambda: None).decode()
        except (NotFound, RecordRefused):
            found["errors"] += 1
            continue
        raws = [got] if isinstance(got, dict) else got
        if verb == "GET":
            found[stream] += read(stream, raws)
        elif verb == "DELETE" or not raws or (isinstance(got, dict) and "id" not in got):
            found["acknowledgement"] += 1
        elif stream in ("actions", *STREAMS) and stream not in UNREAD_ANSWERS:
            found[f"answer:{stream}"] += read(stream, raws)
        else:
            found[f"answer:{stream}"] += 1
    return found


@pytest.mark.parametrize("entry", manifest(), ids=lambda entry: entry["file"])
def test_every_file_is_read_with_the_counts_right(entry: dict[str, Any], shared: Path) -> None:
    content = json.loads((shared / "recorded" / entry["file"]).read_text())
    wanted = {
        name: count
        for name, count in entry["expect"].items()
        if name.removeprefix("answer:") not in (UNREAD_ANSWERS if name.startswith("answer:") else OTHER_STREAMS)
    }
    if isinstance(content, dict) and "exchanges" in content:
        found: Counter[str] = exchanges(content)
    elif "/webhooks/" in entry["file"]:
        (action,) = actions([content["action"]])
        assert read_log([action], "board").ids["cards"] | read_log([action], "board").ids["lists"]
        found = Counter(webhook=1)
    elif "/boards/" in entry["file"]:
        found = Counter(boards=read("boards", [content]))
        for stream in ("actions", "cards", "lists", "checklists", "members", "labels"):
            found[stream] += read(stream, content.get(stream) or [])
    elif "/devlake/" in entry["file"]:
        (stream,) = entry["reader"]
        found = Counter({stream: read(stream, [row["data"] for row in content if row.get("data")])})
    else:
        (stream,) = entry["reader"]
        found = Counter({stream: read(stream, content)})
    assert {name: found[name] for name in wanted} == wanted


def test_no_file_has_a_stream_that_nobody_named(shared: Path) -> None:
    names = {name for entry in manifest() for name in entry["reader"]}
    answers = {name.removeprefix("answer:") for name in names if name.startswith("answer:")}
    plain = {name for name in names if not name.startswith("answer:")}
    assert plain <= {*STREAMS, "actions", "acknowledgement", "errors", "webhook"} | OTHER_STREAMS
    assert answers <= {*STREAMS, "actions"} | UNREAD_ANSWERS
