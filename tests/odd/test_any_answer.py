"""One answer in a whole conversation is odd, whichever it is: every verb works on, or stops with an error of the
contract. Nothing else is ever raised."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from connectors.base import Context
from connectors.errors import ConnectorError
from connectors.google_drive.sandbox.core import GoogleDriveSandbox
from connectors.jira import CONNECTOR as JIRA
from connectors.jira.sandbox import SANDBOX, JiraSandbox
from connectors.sandbox.clock import VirtualClock
from connectors.sandbox.exchange import Request, Response
from connectors.sandbox.hosting import SandboxTransport
from tests.connectors.google_drive import conftest as drive
from tests.connectors.jira.conftest import SITE, Tokens
from tests.connectors.trello.conftest import World as Board
from tests.connectors.zoho_crm.zoho_world import World as Crm
from tests.odd.mutations import VALUES, paths, put, sent, without

ROUNDS = 6
SINCE = "2026-01-01T00:00:00.000Z"
DOC = {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [{"type": "text", "text": "x"}]}]}


class Odd:
    """Makes the n-th answer of a stand-in odd in one place."""

    def __init__(self, core: Any, chance: random.Random) -> None:
        self.at: int | None = None
        self._chance = chance
        self._handle = core.handle
        core.handle = self._handled

    def _handled(self, request: Request) -> Response:
        answer: Response = self._handle(request)
        if self.at is None or answer.status >= 300 or answer.body[:1] not in (b"{", b"[") or "oauth" in request.path:
            return answer
        self.at -= 1
        return answer if self.at != -1 else self._spoiled(answer)

    def _spoiled(self, answer: Response) -> Response:
        body = msgspec.json.decode(answer.body)
        places = list(paths(body))
        if not places:
            return answer
        place = self._chance.choice(places)
        left_out = self._chance.random() < 0.3
        odd = without(body, place) if left_out else put(body, place, self._chance.choice(VALUES))
        return Response(answer.status, sent(odd), answer.headers)


Verb = Callable[[Any], Any]


def _verbs(feeds: dict[str, str], streams: dict[str, str], told: str) -> dict[str, Verb]:
    """``streams``: stream -> a record in it; ``told``: the stream that has a history, if any has."""
    verbs: dict[str, Verb] = {
        "check": lambda it: it.check(),
        "describe": lambda it: it.describe(),
        "examine": lambda it: it.examine(),
        "history": lambda it: list(it.history(told, [streams[told]], SINCE)),
    }
    for feed, cursor in feeds.items():
        verbs[f"pull {feed}"] = lambda it, feed=feed: list(it.pull(feed))
        verbs[f"pull on {feed}"] = lambda it, feed=feed, cursor=cursor: list(it.pull(feed, cursor))
    for stream, id in streams.items():
        verbs[f"get {stream}"] = lambda it, stream=stream, id=id: list(it.get(stream, [id]))
        verbs[f"ids {stream}"] = lambda it, stream=stream: list(it.ids(stream))
        verbs[f"find {stream}"] = lambda it, stream=stream: it.find(stream, "m-1")
    return verbs


def _cursors(connector: Any, feeds: tuple[str, ...]) -> dict[str, str]:
    return {feed: list(connector.pull(feed))[-1].cursor for feed in feeds}


def jira() -> tuple[Any, Callable[[], Any], dict[str, Verb]]:
    clock = VirtualClock()
    core = JiraSandbox(clock, 1)
    settings = JIRA.settings(**SANDBOX.settings(core, SITE))

    def connect() -> Any:
        return JIRA.build(settings, Context("tracker", clock, Tokens(), transport=SandboxTransport(core)))

    epic = core.create("Ann", "epics", {"summary": "Website"})
    issue = core.create("Ann", "issues", {"summary": "Order", "labels": ["a"], "parent": {"id": epic}})
    comment = core.create("Ann", "comments", {"issue": {"id": issue}, "body": DOC})
    core.edit("Ann", "issues", issue, {"summary": "Order it", "duedate": "2026-12-01"})
    clock.advance(500)
    feeds = _cursors(connect(), ("issues", "remote_links", "users", "attachments", "worklogs", "versions"))
    streams = {"issues": issue, "epics": epic, "comments": comment, "users": "a", "versions": "1"}
    return core, connect, _verbs(feeds, streams, "issues")


def trello() -> tuple[Any, Callable[[], Any], dict[str, Verb]]:
    board = Board()
    card = board.make("cards", idList=board.todo, name="Ship it")
    board.sandbox.edit("王芳", "cards", card, {"name": "Ship it now"})
    streams = {
        "cards": card,
        "boards": board.board,
        "lists": board.todo,
        "checklists": board.make("checklists", idCard=card, name="Steps"),
        "comments": board.make("comments", idCard=card, text="done"),
    }
    return board.sandbox, board.connector, _verbs(_cursors(board.connector(), (board.feed,)), streams, "cards")


def zoho() -> tuple[Any, Callable[[], Any], dict[str, Verb]]:
    crm = Crm()
    deal = crm.core.create("Anna Berg", "Deals", {"Deal_Name": "D", "Stage": "Qualification", "Amount": 5})
    crm.core.edit("Anna Berg", "Deals", deal, {"Amount": 7})
    under = {"module": {"api_name": "Deals"}, "id": deal}
    note = crm.core.create("Anna Berg", "Notes", {"Note_Content": "c", "Parent_Id": under})
    streams = {"Deals": deal, "Notes": note, "users": "1"}
    return crm.core, crm.connect, _verbs(_cursors(crm.connect(), ("Deals", "Notes", "users")), streams, "Deals")


def google_drive() -> tuple[Any, Callable[[], Any], dict[str, Verb]]:
    core = GoogleDriveSandbox(VirtualClock(), 1)
    office = drive.furnish(core)
    core.create("Ada", "comments", {"fileId": office.file, "content": "hm"})
    feeds = _cursors(drive.connect(core), ("files", "comments", "permissions", "drives"))
    streams = {"files": office.file, "client_folders": office.client, "shortcuts": office.shortcut}
    return core, lambda: drive.connect(core), _verbs(feeds, streams, "files")


@pytest.mark.parametrize("system", [jira, trello, zoho, google_drive])
def test_whatever_one_answer_is_like_only_errors_of_the_contract_come_up(system: Any) -> None:
    core, connect, verbs = system()
    chance = random.Random(system.__name__)
    odd = Odd(core, chance)
    for verb in [*verbs.values()] * ROUNDS:
        odd.at, connector = None, connect()
        odd.at = chance.choice((0, 0, 1, 1, 2, 3, 4, 5, 7, 9))
        try:
            verb(connector)
        except ConnectorError:
            continue
