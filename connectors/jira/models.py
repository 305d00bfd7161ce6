"""Wire shapes as Jira sends them. Issues, comments, links and users stay dicts: their unknown keys are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import msgspec

from connectors.base import Unreadable
from connectors.rows import each_row, identified, typed
from connectors.undecoded import Undecoded

Json = dict[str, Any]
Slices = dict[str, msgspec.Raw]
"""An object whose values are still the bytes that were sent."""


class Rank(TypedDict, total=False):
    """What an issue type says of its place in the hierarchy. These are parts of values, as far as they are read."""

    hierarchyLevel: Any
    subtask: Any


class Numbered(TypedDict, total=False):
    """What is known by its id."""

    id: Any


class Named(Numbered, total=False):
    name: Any


class Category(TypedDict, total=False):
    key: Any


class Status(Named, total=False):
    statusCategory: Category | None


NOBODY = "unknown"
"""Account id of every user whose record is deleted and broken (the contract's words on ``accountId``)."""


class Account(TypedDict, total=False):
    """What a user is known by; a server's user has no account id."""

    accountId: Any
    key: Any
    name: Any


class User(Account, total=False):
    displayName: Any
    emailAddress: Any


class SentPage(msgspec.Struct):
    """Answer of ``/search/jql``, and of ``/issue/bulkfetch``. Without ``issues`` it is no answer of Jira's."""

    issues: list[Slices]
    nextPageToken: str | None = None
    isLast: bool | None = None


class OddPage(msgspec.Struct):
    """The same where not everything in the list is an object."""

    issues: list[msgspec.Raw]
    nextPageToken: str | None = None
    isLast: bool | None = None


class SearchPage(msgspec.Struct):
    """A page of a search, its issues opened: each has an id."""

    issues: list[Json]
    nextPageToken: str | None = None
    isLast: bool | None = None
    unreadable: list[Unreadable] = []


class Count(msgspec.Struct):
    """Answer of ``/search/approximate-count``."""

    count: int


class CommentPage(msgspec.Struct):
    """A page of one issue's comments (``comments``)."""

    comments: list[Any]
    total: int = 0


class CommentList(msgspec.Struct):
    """Comments by id (``values``)."""

    values: list[Any]


class ChangedWorklogs(msgspec.Struct):
    """A page of ids of worklogs that changed, oldest first (``values``)."""

    values: list[Any]
    lastPage: bool
    until: int | None = None


class ElementError(msgspec.Struct):
    failedElementNumber: int
    elementErrors: Json = {}
    status: int = 400


class Created(msgspec.Struct):
    """Answer of a bulk create: what was made, in order, and which elements were not."""

    issues: list[Json]
    errors: list[ElementError] = []


class Submitted(msgspec.Struct):
    """Answer to a bulk operation that was taken on: where to ask how far it is."""

    taskId: str


class BulkProgress(msgspec.Struct):
    """How far a bulk operation is, and once it has ended what became of each issue."""

    status: str
    processedAccessibleIssues: list[int] = []
    failedAccessibleIssues: dict[str, list[str]] = {}
    invalidOrInaccessibleIssueCount: int = 0


class History(msgspec.Struct):
    """One entry of a changelog: who, when, and the fields that changed together."""

    id: Any = ""
    created: Any = ""
    author: Json | None = None
    """None: somebody who was not signed in."""
    items: list[Any] = []


class IssueHistory(msgspec.Struct):
    issueId: str | int
    changeHistories: list[Any] = []

    @property
    def entries(self) -> list[History]:
        return histories(self.changeHistories)


class BulkHistories(msgspec.Struct):
    issueChangeLogs: list[Any]
    nextPageToken: str | None = None


class HistoryPage(msgspec.Struct):
    values: list[Any]
    total: int = 0


def histories(rows: list[Any]) -> list[History]:
    """The entries of a changelog; what is none tells of no change."""
    return list(each_row("changelog", rows, _history, []))


def _history(row: Any) -> History:
    return typed(row, History)


class Transition(msgspec.Struct):
    id: str
    to: Json
    name: str = ""
    fields: dict[str, Json] = {}
    isAvailable: bool = True


class Transitions(msgspec.Struct):
    transitions: list[Transition]


_ISSUE: msgspec.json.Decoder[Slices] = msgspec.json.Decoder(Slices)


def opened(issue: Slices | msgspec.Raw) -> Any:
    """An issue as sent, its ``fields`` still undecoded: a site has hundreds of them, and few are ever read. What is no
    object comes as it is. Raises ValueError for what has no value (a number beyond any range)."""
    if isinstance(issue, msgspec.Raw):
        sent = issue
        try:
            issue = _ISSUE.decode(sent)
        except msgspec.ValidationError:
            return msgspec.json.decode(sent)
    return {name: _opened(value) if name == "fields" else msgspec.json.decode(value) for name, value in issue.items()}


def all_opened(issues: Sequence[Slices] | Sequence[msgspec.Raw], aside: list[Unreadable]) -> list[Json]:
    """Those of the issues that are any; the others go to ``aside``."""
    return identified("issues", each_row("issues", issues, opened, aside), aside)


def _opened(fields: msgspec.Raw) -> Any:
    return Undecoded(fields) if bytes(memoryview(fields)[:1]) == b"{" else msgspec.json.decode(fields)


def part(value: Any, name: str) -> Mapping[str, Any]:
    """An object within an object; an empty one where there is none."""
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def count(value: Any) -> int:
    """A number of things, as far as an answer tells it; 0 where it does not."""
    return value if isinstance(value, int) else int(value) if isinstance(value, str) and value.isdecimal() else 0


class ErrorBody(msgspec.Struct):
    """Jira's own errors, and those of the gateways in front of it: any of these, in any form."""

    errorMessages: Any = None
    errors: Any = None
    """By field; bulk operations and gateways list them, each with its ``message`` or ``detail``."""
    message: Any = None
    errorMessage: Any = None
    error: Any = None
    error_description: Any = None
    detail: Any = None
