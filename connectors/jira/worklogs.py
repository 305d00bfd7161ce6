"""Time that people booked on issues: read by a feed of its own, which tells of deletes too. Nothing is written here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import msgspec

from connectors.base import Abilities, Field, Page, Record, Unreadable, chunks
from connectors.errors import CursorLost, Malformed
from connectors.jira.client import WORKLOG_BATCH, Client
from connectors.jira.models import ChangedWorklogs, Json
from connectors.jira.records import Reader, account_of, moment, name_of
from connectors.rows import each_row, id_of

LAG = 60.0
"""Seconds that Jira leaves out at the end of the feed, so that nothing is listed before it is settled."""

ABILITIES = Abilities(versioned=True, search_lag=LAG)

FIELDS = [
    Field(name="issueId", label="Issue", kind="issue", writable=False),
    Field(name="author", label="Author", kind="user", writable=False),
    Field(name="started", label="Started", kind="datetime", writable=False),
    Field(name="timeSpentSeconds", label="Time spent in seconds", kind="number", writable=False),
    Field(name="comment", label="Comment", kind="document", writable=False),
]


class _Cursor(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Epoch milliseconds up to which each of the two lists has been read."""

    updated: int = 0
    deleted: int = 0

    def encode(self) -> str:
        return msgspec.json.encode(self).decode()


class Worklogs:
    """Reading the worklogs of one connection: of the whole site, since Jira lists them by no project."""

    def __init__(self, client: Client, reader: Callable[[], Reader]) -> None:
        self._client = client
        self._reader = reader

    def pull(self, cursor: str | None) -> Iterator[Page]:
        """What was booked, edited or deleted since, oldest first; two requests when nothing was."""
        at = _decoded(cursor)
        for page in self._changes(self._client.worklogs_updated, at.updated):
            at.updated = page.until or at.updated
            if page.values:
                aside: list[Unreadable] = []
                records = [record for record in self.get(_ids(page, aside)) if not record.deleted]
                yield Page(records=records, cursor=at.encode(), unreadable=aside)
        for page in self._changes(self._client.worklogs_deleted, at.deleted):
            at.deleted = page.until or at.deleted
            if page.values:
                aside = []
                gone = [Record(stream="worklogs", id=id, deleted=True) for id in _ids(page, aside)]
                yield Page(records=gone, cursor=at.encode(), unreadable=aside)
        yield Page(records=[], cursor=at.encode(), last=True, complete=cursor is None)

    def get(self, ids: Sequence[str]) -> Iterator[Record]:
        """A thousand a request. What Jira leaves out is gone, or hidden: it does not say which."""
        reader = self._reader()
        numbers = [id for id in ids if id.isdecimal()]
        found: dict[str, Json] = {}
        for batch in chunks(numbers, WORKLOG_BATCH):
            found |= {str(row["id"]): row for row in self._client.worklogs([int(id) for id in batch])}
        for id in ids:
            if id not in found:
                yield Record(stream="worklogs", id=id, deleted=True)
                continue
            one = next(each_row("worklogs", [found[id]], partial(record, reader=reader), []), None)
            yield one or Record(stream="worklogs", id=id, forbidden=True)

    def ids(self) -> Iterator[list[str]]:
        for page in self._changes(self._client.worklogs_updated, 0):
            yield [record.id for record in self.get(_ids(page, [])) if not record.deleted]

    def _changes(self, ask: Callable[[int], ChangedWorklogs], since: int) -> Iterator[ChangedWorklogs]:
        while True:
            page = ask(since)
            yield page
            if page.lastPage:
                return
            if page.until is None or page.until <= since:
                raise Malformed("GET /rest/api/3/worklog: a page that leads nowhere")
            since = page.until


def record(worklog: Json, reader: Reader) -> Record:
    """A worklog; ``issueId`` in the payload says on what the time was spent."""
    author = account_of(worklog.get("author"))
    updated = moment(worklog.get("updated"))
    return Record(
        stream="worklogs",
        id=id_of(worklog),
        payload=worklog,
        version=updated,
        ours=reader.me is not None and author == reader.me,
        scope=str(worklog["issueId"]) if worklog.get("issueId") is not None else None,
        created_at=moment(worklog.get("created")),
        modified_at=updated,
        modified_by=account_of(worklog.get("updateAuthor")),
        modified_by_name=name_of(worklog.get("updateAuthor")),
    )


def _ids(page: ChangedWorklogs, aside: list[Unreadable]) -> list[str]:
    return list(dict.fromkeys(each_row("worklogs", page.values, partial(id_of, name="worklogId"), aside)))


def _decoded(cursor: str | None) -> _Cursor:
    if cursor is None:
        return _Cursor()
    try:
        return msgspec.json.decode(cursor, type=_Cursor)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise CursorLost(f"not a cursor of the worklogs: {error}") from error
