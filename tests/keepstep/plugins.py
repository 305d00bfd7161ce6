"""Systems for tests: a tracker that needs a token, handed to the registry as entry points."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator

from keepstep.plugin import (
    Abilities,
    Account,
    AuthFailed,
    Change,
    ConnectorPlugin,
    Context,
    Description,
    Feed,
    Field,
    FieldMap,
    Gate,
    Ignored,
    Kind,
    MappingPlugin,
    Options,
    Outcome,
    Page,
    Record,
    Stream,
    StreamMapping,
    Unreadable,
    Write,
    text,
)
from keepstep.registry import Registry


@dataclass(frozen=True)
class Entry:
    name: str
    value: str
    make: Callable[[], Any]

    def load(self) -> Any:
        return self.make()


class BoardSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str
    token: SecretStr
    boards: list[str] = []
    base_url: str | None = None
    page: int = 50

    @field_validator("url")
    @classmethod
    def https(cls, value: str) -> str:
        if not value.startswith("https://"):
            raise ValueError(f"{value} does not begin with https://")
        return value


DESCRIPTION = Description(
    system="board",
    streams=[
        Stream(
            name="cards",
            abilities=Abilities(create=True, update=True, marker="in_create", versioned=True),
            fields=[Field(name="name", label="Name", required=True), Field(name="due", kind="date")],
        ),
        Stream(name="notes", abilities=Abilities()),
    ],
    feeds=[Feed(name="actions", streams=["cards"], cost=1)],
    limits={"requests": "300 in 10 s"},
)


class Board:
    """Two pages of cards; a token that says ``wrong`` is refused."""

    def __init__(self, settings: BoardSettings, context: Context) -> None:
        self.settings = settings
        self.context = context
        self.calls = 0

    def check(self) -> Account:
        if self.settings.token.get_secret_value() == "wrong-token":
            raise AuthFailed("GET /me: 401 invalid token", status=401)
        return Account(id="u1", name="Keep Bot", site="acme")

    def describe(self) -> Description:
        return DESCRIPTION

    def pull(self, feed: str, cursor: str | None = None) -> Iterator[Page]:
        first = Record(stream="cards", id="c1", payload={"name": "Plan \x1b[31mred", "due": "soon"}, version="1")
        second = Record(stream="cards", id="c2", payload={"name": "验收"}, url="https://board.test/c2")
        other = Record(stream="notes", id="n1", payload={"name": "not a card"})
        odd = Unreadable(stream="cards", id="c5", why="no `name`")
        yield Page(records=[first, other], cursor="1", ignored=[Ignored("enableCard", "c9")], unreadable=[odd])
        hint = Record(stream="cards", id="c3", partial=True)
        gone = Record(stream="cards", id="c4", deleted=True)
        yield Page(records=[second, first, hint, gone], cursor="2", last=True, complete=True)

    def get(self, stream: str, ids: Sequence[str]) -> Iterator[Record]:
        for id in ids:
            yield Record(stream=stream, id=id, payload={"name": f"fetched {id}"})

    def push(self, stream: str, writes: Sequence[Write], gate: Gate) -> Iterator[Outcome]:
        raise AssertionError("nothing here may write")

    def find(self, stream: str, marker: str) -> list[Record]:
        return []

    def made_since(self, stream: str, scope: str | None, since: str) -> Iterator[Record]:
        return iter(())

    def reserve(self, stream: str, count: int) -> list[str]:
        return []

    def history(self, stream: str, ids: Sequence[str], since: str) -> Iterator[Change]:
        return iter(())

    def ids(self, stream: str) -> Iterator[list[str]]:
        return iter(())


class CrmSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    data_center: str = "eu"


def refuse_to_load() -> Any:
    raise ImportError("no module named 'lost'")


built: list[Board] = []


def _build(settings: BoardSettings, context: Context) -> Board:
    board = Board(settings, context)
    built.append(board)
    return board


def _days(options: Options, description: Description) -> dict[str, StreamMapping]:
    read, write = text()

    def date_of(value: Any, section: Any) -> Any:
        raise ValueError(f"not a day: {value}")

    rows = [FieldMap("title", "name", read, write), FieldMap("due_date", "due", date_of, lambda value, _: value)]
    return {"cards": StreamMapping({Kind.TASK: rows})}


BOARD = ConnectorPlugin("board", BoardSettings, _build, streams=("cards", "notes"))
CRM = ConnectorPlugin("crm_system", CrmSettings, _build)
BOARD_MAPPING = MappingPlugin("board", _days)


def registry() -> Registry:
    """``board`` with a mapping, ``crm_system`` with streams of which nothing is known, ``lost`` which is broken."""
    return Registry(
        connectors=[
            Entry("board", "fake.board:CONNECTOR", lambda: BOARD),
            Entry("crm_system", "fake.crm:CONNECTOR", lambda: CRM),
            Entry("lost", "lost:CONNECTOR", refuse_to_load),
        ],
        mappings=[Entry("board", "fake.board:MAPPING", lambda: BOARD_MAPPING)],
    )
