"""Files on cards: what comes down, what goes up, and where credentials go."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import pytest
import requests

from connectors.base import Content, Outcome, Write
from connectors.content import Carries
from connectors.errors import AuthFailed, Malformed, NotFound, RecordRefused
from connectors.multipart import Multipart, label
from connectors.sandbox.clock import VirtualClock
from connectors.sandbox.exchange import Request
from connectors.sandbox.faults import Fault
from connectors.sandbox.hosting import Host, SandboxTransport
from connectors.trello import CONNECTOR, TrelloConnector
from connectors.trello.content import LARGE, SMALL
from connectors.trello.sandbox import SANDBOX
from connectors.trello.sandbox.state import KEY, TOKEN

from .conftest import World, context

BYTES = bytes(range(256)) * 3000


def content(tmp_path: Path, data: bytes = BYTES, name: str = "计划 🧱.pdf") -> Content:
    place = tmp_path / "content"
    place.write_bytes(data)
    return Content(place, name, "application/pdf", len(data), hashlib.sha256(data).hexdigest())


def put(connector: TrelloConnector, card: str, what: Content, kind: Any = "create", **values: Any) -> Outcome:
    write = Write(intent="i", kind=kind, values={"idCard": card, **values}, content=what)
    (outcome,) = connector.push("attachments", [write], lambda: None)
    return outcome


def card(world: World) -> str:
    return world.make("cards", idList=world.todo, name="n")


def test_a_file_goes_up_in_one_request_and_comes_down_as_it_was(world: World, tmp_path: Path) -> None:
    on, connector = card(world), world.connector()
    assert isinstance(connector, Carries)
    outcome = put(connector, on, content(tmp_path))
    assert outcome.status == "done"
    assert [line for line in world.sandbox.requests if line.startswith("POST")] == [f"POST /1/cards/{on}/attachments"]
    (record,) = connector.get("attachments", [outcome.id or ""])
    for shown in (record.payload, outcome.record.payload if outcome.record else {}):
        assert (shown["name"], shown["bytes"], shown["mimeType"]) == ("计划 🧱.pdf", len(BYTES), "application/pdf")
    assert (record.ours, record.deleted) == (True, False)
    got = connector.download("attachments", record.id)
    assert (got.name, got.media_type, got.size) == ("计划 🧱.pdf", "application/pdf", len(BYTES))
    parts = list(got.chunks)
    assert b"".join(parts) == BYTES
    assert len(parts) > 1


def test_files_are_read_with_links_and_their_end_is_told(world: World) -> None:
    on, connector = card(world), world.connector()
    file = world.make("attachments", idCard=on, file=b"x", fileName="x.txt")
    link = world.make("attachments", idCard=on, url="https://example.com/")
    pages = list(connector.pull(world.feed))
    assert {r.id for page in pages for r in page.records if r.stream == "attachments"} == {file, link}
    assert [id for page in connector.ids("attachments") for id in page] == [file, link]
    world.clock.advance(61)
    world.sandbox.delete("李强", "attachments", file)
    later = list(connector.pull(world.feed, pages[-1].cursor))
    assert [r.id for page in later for r in page.records if r.deleted] == [file]


@pytest.mark.parametrize("kind", ["lost_after", "broken_after"])
def test_an_upload_whose_answer_is_lost_is_unknown_and_found_by_author_and_time(
    world: World, tmp_path: Path, kind: Any
) -> None:
    on, connector = card(world), world.connector()
    since = world.sandbox.now()
    world.sandbox.faults.switch_on(Fault(kind, match="POST", times=1))
    assert put(connector, on, content(tmp_path)).status == "unknown"
    assert len(list(connector.made_since("attachments", on, since))) == 1


def test_what_the_plan_does_not_take_is_told_and_refused(world: World, tmp_path: Path) -> None:
    on, connector = card(world), world.connector()
    assert connector.describe().stream("attachments").abilities.content == LARGE
    world.sandbox.paid = False
    assert connector.describe().stream("attachments").abilities.content == SMALL
    assert put(connector, on, content(tmp_path, b"x" * (10 * 1024**2 + 1))).status == "refused"
    assert world.sandbox.records("attachments") == {}


def test_what_is_said_on_a_public_board_is_seen_by_everybody(world: World) -> None:
    audience = {each.name: each.abilities.audience for each in world.connector().describe().streams}
    assert set(audience.values()) == {"team"}
    world.sandbox.boards[world.board]["prefs"]["permissionLevel"] = "public"
    audience = {each.name: each.abilities.audience for each in world.connector().describe().streams}
    assert [name for name, seen in audience.items() if seen == "client"] == ["comments", "attachments"]


def test_a_link_has_no_bytes_and_a_file_has_no_address(world: World, tmp_path: Path) -> None:
    on, connector = card(world), world.connector()
    link = world.make("attachments", idCard=on, url="https://example.com/")
    with pytest.raises(RecordRefused) as refused:
        connector.download("attachments", link)
    assert refused.value.code == "no_content"
    with pytest.raises(RecordRefused):
        connector.download("cards", on)
    with pytest.raises(NotFound):
        connector.download("attachments", f"{on}:{'e' * 24}")
    assert put(connector, on, content(tmp_path), url="https://example.com/").code == "field_missing"
    write = Write(intent="i", kind="update", id=on, values={"name": "x"}, content=content(tmp_path))
    assert [each.code for each in connector.push("cards", [write], lambda: None)] == ["no_content"]


def test_a_file_held_back_as_harmful_is_not_fetched(world: World) -> None:
    on = card(world)
    file = world.make("attachments", idCard=on, file=b"x", fileName="x.exe")
    world.sandbox.attachments[on][0]["isMalicious"] = True
    with pytest.raises(RecordRefused) as refused:
        world.connector().download("attachments", file)
    assert refused.value.code == "malicious"
    assert not any("download" in line for line in world.sandbox.requests)


class Watched(SandboxTransport):
    """Notes where credentials went."""

    def __init__(self, core: Any) -> None:
        super().__init__(core)
        self.sent: list[tuple[str, bool, bool]] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        url = request.url or ""
        self.sent.append((url.split("?")[0], TOKEN in url, TOKEN in str(request.headers)))
        return super().send(request, *args, **kwargs)


def test_credentials_go_to_the_service_alone_and_in_the_header(world: World) -> None:
    on = card(world)
    file = world.make("attachments", idCard=on, file=BYTES, fileName="a b.pdf")
    # What a record says of its address is not believed.
    world.sandbox.attachments[on][0]["url"] = "https://evil.example/1/cards/x/attachments/y/download/z"
    world.sandbox.files_elsewhere = True
    wire = Watched(world.sandbox)
    settings = CONNECTOR.settings(**SANDBOX.settings(world.sandbox, "https://trello.test"))
    connector = CONNECTOR.build(settings, context(world.clock, wire))
    got = connector.download("attachments", file)  # type: ignore[attr-defined]
    assert b"".join(got.chunks) == BYTES
    own = file.partition(":")[2]
    assert wire.sent[-2:] == [
        (f"https://trello.test/1/cards/{on}/attachments/{own}/download/a%20b.pdf", False, True),
        (f"https://files.trello.test/store/{own}", False, False),
    ]
    in_query = Request("GET", f"/1/cards/{on}/attachments/{own}/download/a b.pdf", [("key", KEY), ("token", TOKEN)])
    assert world.sandbox.handle(in_query).status == 401


@pytest.mark.parametrize(
    ("fault", "error"), [("cut_off", Malformed), ("html", Malformed), ("expired", AuthFailed), ("unavailable", None)]
)
def test_trouble_on_the_way_is_never_a_short_file(world: World, fault: Any, error: Any) -> None:
    on = card(world)
    file = world.make("attachments", idCard=on, file=BYTES, fileName="a.pdf", mimeType="application/pdf")
    world.sandbox.faults.switch_on(Fault(fault, match="/download/", times=1))
    if error is None:
        assert b"".join(world.connector().download("attachments", file).chunks) == BYTES
        return
    with pytest.raises(error):
        list(world.connector().download("attachments", file).chunks)


def test_over_real_http_a_file_leaves_and_comes_in_parts_and_a_cut_is_seen(tmp_path: Path) -> None:
    clock = VirtualClock()
    core = SANDBOX.build(clock, 1)
    with Host(core) as host:
        settings = CONNECTOR.settings(**SANDBOX.settings(core, host.url))
        connector = TrelloConnector(settings, context(clock))  # type: ignore[arg-type]
        board = core.create("王芳", "boards", {"name": "B"})
        lane = core.create("王芳", "lists", {"idBoard": board, "name": "L"})
        on = core.create("王芳", "cards", {"idList": lane, "name": "n"})
        outcome = put(connector, on, content(tmp_path))
        assert outcome.status == "done", outcome
        got = connector.download("attachments", str(outcome.id))
        assert hashlib.sha256(b"".join(got.chunks)).hexdigest() == hashlib.sha256(BYTES).hexdigest()
        core.faults.switch_on(Fault("cut_off", match="/download/", times=1))
        cut = connector.download("attachments", str(outcome.id))
        with pytest.raises(Malformed):
            list(cut.chunks)


class Leading(SandboxTransport):
    """Sends every download to another address."""

    def __init__(self, core: Any, target: str) -> None:
        super().__init__(core)
        self.target = target
        self.seen: list[str] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        self.seen.append((request.url or "").split("?")[0])
        if "/download/" not in (request.url or "") and "evil" not in (request.url or ""):
            return super().send(request, *args, **kwargs)
        answer = requests.Response()
        answer.status_code, answer.url, answer.request = 302, request.url or "", request
        answer.headers["Location"] = self.target
        answer.raw = io.BytesIO(b"")
        return answer


@pytest.mark.parametrize(
    ("target", "hops"),
    [("http://evil.example/file", 0), ("https://evil.example/again", 3), ("file:///etc/passwd", 0)],
)
def test_an_address_that_is_not_secret_or_never_ends_is_left(world: World, target: str, hops: int) -> None:
    on = card(world)
    file = world.make("attachments", idCard=on, file=b"x", fileName="a.pdf")
    wire = Leading(world.sandbox, target)
    settings = CONNECTOR.settings(**SANDBOX.settings(world.sandbox, "https://trello.test"))
    connector = TrelloConnector(settings, context(world.clock, wire))  # type: ignore[arg-type]
    with pytest.raises(Malformed):
        connector.download("attachments", file)
    tries = sum("/download/" in url for url in wire.seen)
    assert sum("evil" in url for url in wire.seen) == hops * tries


def test_a_form_has_the_length_it_tells_and_names_cannot_leave_their_place(tmp_path: Path) -> None:
    what = content(tmp_path, name='a"\r\nX-Evil: 1')
    with what.path.open("rb") as file:
        form = Multipart(file, what)
        parts = []
        while part := form.read(1000):
            parts.append(part)
    body = b"".join(parts)
    assert len(body) == len(form)
    assert b'filename="a%22X-Evil: 1"\r\n' in body
    assert label("../../etc/passwd") == "passwd"
    assert label("C:\\temp\\计划.pdf") == "计划.pdf"
