"""Pages in which everything may be odd: no record is lost without a word, and nothing beside it is harmed.

Each page begins and ends with a sound record; between them stand odd forms of it. What a connector reads, the mapping
takes as well: it raises for nothing, and no value has another form than the model's.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest

from connectors.base import Page, Record
from connectors.context import Context
from connectors.google_drive.sandbox.core import GoogleDriveSandbox
from connectors.jira import CONNECTOR as JIRA
from connectors.jira.sandbox import SANDBOX, JiraSandbox
from connectors.sandbox.clock import VirtualClock
from connectors.sandbox.exchange import Request, Response
from connectors.sandbox.hosting import SandboxTransport
from keepstep.engine.intake import digest_of
from mapping.fields import Mapper, Options, Unmappable
from mapping.google_drive import MAPPING as DRIVE_MAPPING
from mapping.jira import MAPPING as JIRA_MAPPING
from mapping.trello import MAPPING as TRELLO_MAPPING
from mapping.zoho_crm import MAPPING as ZOHO_MAPPING
from tests.connectors.google_drive import conftest as drive
from tests.connectors.jira.conftest import SITE, Tokens
from tests.connectors.trello.conftest import World as Board
from tests.connectors.zoho_crm.zoho_world import World as Crm
from tests.odd import seeds
from tests.odd.forms import misformed
from tests.odd.mutations import mutated, sent

OPTIONS = Options(timezone="Asia/Shanghai")
ODD = 90
"""Odd forms of one record, besides those that lack a part of it."""

Answer = Callable[[Request], Any]
"""The body to answer with; None: what the stand-in answers."""


def answering(core: Any, answer: Answer) -> None:
    """Have a stand-in answer otherwise."""
    handle = core.handle

    def handled(request: Request) -> Response:
        body = answer(request)
        if body is None:
            answered: Response = handle(request)
            return answered
        return Response(200, sent(body), {"Content-Type": "application/json"})

    core.handle = handled


class Place:
    """A connector to a stand-in that shows the rows of a stream as they are put here."""

    mappers: Mapping[str, Mapper]

    def __init__(self) -> None:
        self.rows: list[Any] | None = None

    def pull(self) -> list[Page]:
        raise NotImplementedError


class Jira(Place):
    def __init__(self) -> None:
        super().__init__()
        clock = VirtualClock()
        core = JiraSandbox(clock, 1)
        context = Context("tracker", clock, Tokens(), transport=SandboxTransport(core))
        self._jira = JIRA.build(JIRA.settings(**SANDBOX.settings(core, SITE)), context)
        self.mappers = JIRA_MAPPING.build(OPTIONS, self._jira.describe())
        answering(core, self._answer)

    def _answer(self, request: Request) -> Any:
        if self.rows is not None and request.path.endswith("/search/jql"):
            return {"issues": self.rows, "isLast": True}
        if self.rows is not None and request.path.endswith("/comment"):
            return {"comments": [], "total": 0}
        return None

    def pull(self) -> list[Page]:
        return list(self._jira.pull("issues"))


class JiraFiles(Jira):
    def pull(self) -> list[Page]:
        return list(self._jira.pull("attachments"))


class Trello(Place):
    """``stream``: of which listing the rows are."""

    def __init__(self, stream: str) -> None:
        super().__init__()
        self._stream = stream
        self._board = Board()
        self._trello = self._board.connector()
        self.mappers = TRELLO_MAPPING.build(OPTIONS, self._trello.describe())
        handle = self._board.sandbox.handle

        def handled(request: Request) -> Response:
            answer = handle(request)
            if self.rows is None:
                return answer
            if request.path.endswith("/batch"):
                parts = msgspec.json.decode(answer.body)
                for number, route in enumerate((request.arg("urls") or "").split(",")):
                    if self._asks(route.partition("?")[0], route):
                        parts[number] = {"200": self.rows}
                return Response(200, sent(parts), {"Content-Type": "application/json"})
            if self._asks(request.path, str(request.query)):
                return Response(200, sent(self.rows), {"Content-Type": "application/json"})
            return answer

        self._board.sandbox.handle = handled  # type: ignore[method-assign]

    def _asks(self, path: str, query: str) -> bool:
        if self._stream == "comments":
            return path.endswith("/actions") and "commentCard" in query
        return path.endswith(f"/{self._stream}") and ("commentCard" not in query)

    def pull(self) -> list[Page]:
        pages = list(self._trello.pull(self._board.feed))
        list(self._trello.pull(self._board.feed, pages[-1].cursor))  # what is watched is compared
        return pages


class Zoho(Place):
    def __init__(self, module: str) -> None:
        super().__init__()
        self._module = module
        world = Crm()
        answering(world.core, self._answer)
        self._crm = world.connect(modules=["Leads"])
        self.mappers = ZOHO_MAPPING.build(OPTIONS, self._crm.describe())

    def _answer(self, request: Request) -> Any:
        if self.rows is None or not request.path.endswith(f"/{self._module}") or request.arg("type"):
            return None
        if request.arg("ids") is not None:
            return {"data": []}
        return {"users" if self._module == "users" else "data": self.rows, "info": {"more_records": False}}

    def pull(self) -> list[Page]:
        return list(self._crm.pull(self._module))


class Drive(Place):
    def __init__(self) -> None:
        super().__init__()
        core = GoogleDriveSandbox(VirtualClock(), 1)
        self._office = drive.furnish(core)
        self._drive = drive.connect(core)
        self.mappers = DRIVE_MAPPING.build(OPTIONS, self._drive.describe())
        answering(core, self._answer)

    def _answer(self, request: Request) -> Any:
        query = request.arg("q") or ""
        if self.rows is None or request.path != "/drive/v3/files" or self._office.plan not in query:
            return None
        return {"files": [self._here(number, row) for number, row in enumerate(self.rows)]}

    def _here(self, number: int, row: Any) -> Any:
        """The row in the folder that is listed, under an id of its own."""
        if not isinstance(row, dict):
            return row
        id, parents = row.get("id"), row.get("parents")
        told = {"id": f"{id}{number}"} if isinstance(id, str) and id else {}
        return {**row, **told, **({"parents": [self._office.plan]} if parents == ["folder"] else {})}

    def pull(self) -> list[Page]:
        own = {self._office.client, self._office.project, self._office.plan}
        pages = self._drive.pull("files")
        return [
            msgspec.structs.replace(page, records=[each for each in page.records if each.id not in own])
            for page in pages
        ]


PLACES: dict[str, Callable[[], Place]] = {
    "jira issues": Jira,
    "jira attachments": JiraFiles,
    **{f"trello {name}": lambda name=name: Trello(name) for name in ("cards", "lists", "labels", "checklists")},
    "trello members": lambda: Trello("members"),
    "trello comments": lambda: Trello("comments"),
    **{f"zoho {name}": lambda name=name: Zoho(name) for name in ("Accounts", "Contacts", "Deals", "Tasks", "Notes")},
    **{f"zoho {name}": lambda name=name: Zoho(name) for name in ("Leads", "Cases", "Calls", "Events", "users")},
    "drive files": Drive,
}


@pytest.mark.parametrize("name", PLACES)
def test_of_an_odd_page_nothing_is_lost(name: str) -> None:
    place, stream, seed = PLACES[name](), name.partition(" ")[2], seeds.ROWS[name]
    odd = list(mutated(seed, ODD, random.Random(name)))
    place.rows = [seed, *odd, None, 7, "x", [], seed]
    pages = place.pull()
    records = [each for page in pages for each in page.records]
    told = Counter(each.stream for page in pages for each in page.unreadable)
    ignored = sum(len(page.ignored) for page in pages)
    sound = [each for each in records if each.id.startswith(SOUND.get(name, str(seed["id"])))]
    assert len(sound) >= 2
    if name == "jira attachments":
        return  # an issue may hold any number of files
    of = {"jira issues": ("issues", "epics"), "drive files": ("files", "folders", "shortcuts")}.get(name, (stream,))
    read = sum(each.stream in of for each in records)
    aside = sum(told[each] for each in (*of, *(("actions",) if stream == "comments" else ())))
    moved = sum(_elsewhere(row) for row in odd) if name == "drive files" else 0
    assert read + aside + ignored + moved == len(place.rows)


SOUND = {"jira attachments": "10001-", "drive files": "file"}


def _elsewhere(row: Any) -> bool:
    """In another folder than the one that was listed: moved meanwhile, which the log tells."""
    parents = row.get("parents")
    listed = isinstance(parents, list) and parents and all(isinstance(each, str) for each in parents)
    return bool(listed and parents != ["folder"] and isinstance(row.get("id"), str) and 0 < len(row["id"]) < 400)


@pytest.mark.parametrize("name", PLACES)
def test_what_is_odd_is_mapped_in_the_models_forms_or_told_as_lost(name: str) -> None:
    place = PLACES[name]()
    place.rows = list(mutated(seeds.ROWS[name], ODD, random.Random(name)))
    for record in [each for page in place.pull() for each in page.records]:
        assert digest_of(record)
        assert all(isinstance(each, str | None) for each in _outside(record))
        mapper = place.mappers.get(record.stream)
        if mapper is None or record.deleted or record.forbidden:
            continue
        mapped = mapper.canon(record)
        assert misformed(mapped) == []
        msgspec.json.encode([mapped.values, msgspec.to_builtins(mapped.losses)])
        mapper.unmap(mapped.kind, mapped.values, record.payload)
        mapper.unmap(mapped.kind, mapped.values)
        for field, value in mapped.values.items():
            try:
                mapper.normalise(mapped.kind, field, value)
            except Unmappable:
                continue


def _outside(record: Record) -> tuple[Any, ...]:
    return (
        record.id,
        record.version,
        record.marker,
        record.scope,
        record.url,
        record.created_at,
        record.modified_at,
        record.modified_by,
    )
