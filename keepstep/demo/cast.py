"""What a company consists of, before anybody has written it down anywhere: people, customers, projects, words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Language = Literal["en", "zh-CN"]
Stage = Literal["lead", "offer", "won", "lost"]
Status = Literal["todo", "doing", "done"]


@dataclass(frozen=True, slots=True)
class Contact:
    first: str | None
    last: str
    title: str | None
    email: str | None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Customer:
    key: str
    name: str
    industry: str
    contacts: Sequence[Contact] = ()
    folder: str | None = ""
    """How the client folder is spelled; "" = as the name, None = nobody made one."""
    website: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    title: str
    status: Status
    text: str = ""
    subtasks: Sequence[str] = ()
    comments: Sequence[str] = ()
    card: bool = False
    """It hangs on the customer's board as well."""
    on_card: str | None = None
    """The text there, where it is another one."""


@dataclass(frozen=True, slots=True)
class Project:
    key: str
    customer: str
    name: str
    stage: Stage
    closes: int
    """Days from today to the closing date."""
    begun: int
    """Days ago."""
    amount: float | None
    tasks: Sequence[Task] = ()
    epic: str | None = None
    """The epic's name; "" = as the deal, None = nobody opened one."""
    folder: bool = False
    documents: Sequence[tuple[str, str]] = ()
    """Category and name of each file."""
    text: str = ""
    tags: Sequence[str] = ()
    due: int | None = None
    """Days to the epic's due date, where it is not the closing date."""
    led: bool = True
    """Somebody leads it: the epic has an assignee."""


@dataclass(frozen=True, slots=True)
class Board:
    name: str
    project: str
    lists: Sequence[str]
    """Names in order: to do, doing, done; an archived one comes last."""
    archived: str
    cards: Sequence[tuple[str, Status]]
    """Cards that no issue stands behind."""
    labels: Sequence[tuple[str, str]]
    checklist: Sequence[tuple[str, bool]]
    comments: Sequence[str]


@dataclass(frozen=True, slots=True)
class Staff:
    """Who works here. ``namesake`` is a second person of the name ``developer``; ``gone`` has left."""

    sales: str
    lead: str
    developer: str
    designer: str
    gone: str


@dataclass(frozen=True, slots=True)
class Day:
    """What is said and made on the scripted day."""

    order: str
    document: str
    stray: str
    """A document whose title says that it belongs elsewhere."""
    note_title: str
    note_text: str
    client: str
    loose_card: str


@dataclass(frozen=True, slots=True)
class Cast:
    language: Language
    zone: str
    currency: str
    staff: Staff
    customers: Sequence[Customer]
    projects: Sequence[Project]
    board: Board
    second_board: Board
    categories: dict[str, str]
    day: Day
    internal: Sequence[str]
    """Epics that no deal stands behind."""
    bulk: Sequence[str] = field(default=())
    """Words from which further customers, projects, tasks and files are named."""
