"""Wire shapes as Jira sends them. Issues, comments, links and users stay dicts: their unknown keys are kept."""

from __future__ import annotations

from typing import Any

import msgspec

Json = dict[str, Any]


class SearchPage(msgspec.Struct):
    """Answer of ``/search/jql``. Without ``issues`` it is no answer of Jira's."""

    issues: list[Json]
    nextPageToken: str | None = None
    isLast: bool | None = None


class Count(msgspec.Struct):
    """Answer of ``/search/approximate-count``."""

    count: int


class BulkIssues(msgspec.Struct):
    issues: list[Json]
    issueErrors: list[Json] = []


class CommentPage(msgspec.Struct):
    """A page of one issue's comments (``comments``)."""

    comments: list[Json]
    startAt: int = 0
    maxResults: int = 0
    total: int = 0


class CommentList(msgspec.Struct):
    """Comments by id (``values``)."""

    values: list[Json]


class ChangedWorklogs(msgspec.Struct):
    """A page of ids of worklogs that changed, oldest first (``values``)."""

    values: list[Json]
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


class History(msgspec.Struct):
    """One entry of a changelog: who, when, and the fields that changed together."""

    id: str = ""
    created: str | int = ""
    author: Json | None = None
    items: list[Json] = []


class IssueHistory(msgspec.Struct):
    issueId: str
    changeHistories: list[History] = []


class BulkHistories(msgspec.Struct):
    issueChangeLogs: list[IssueHistory]
    nextPageToken: str | None = None


class HistoryPage(msgspec.Struct):
    values: list[History]
    total: int = 0


class Transition(msgspec.Struct):
    id: str
    to: Json
    name: str = ""
    fields: dict[str, Json] = {}
    isAvailable: bool = True


class Transitions(msgspec.Struct):
    transitions: list[Transition]


class ErrorBody(msgspec.Struct):
    """Jira's own errors, and the gateway's in front of it."""

    errorMessages: list[str] = []
    errors: dict[str, Any] = {}
    message: str | None = None
    code: int | str | None = None
