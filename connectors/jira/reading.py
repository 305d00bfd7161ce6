"""Pulling feeds and reading records by id: pages of records for the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import msgspec

from connectors.base import Ignored, Page, Record, Unreadable, chunks
from connectors.errors import Forbidden, NotFound
from connectors.jira.client import COMMENT_BATCH, FETCH_BATCH, Client
from connectors.jira.crawl import Crawler
from connectors.jira.models import Json
from connectors.jira.records import (
    STREAM_OF_LEVEL,
    Reader,
    account_of,
    child_id,
    embedded_comments,
    is_child_id,
    level,
    split_id,
)
from connectors.jira.windows import Found
from connectors.rows import NoRecord, each_row, identified

USERS_CURSOR = "users"
KIND_ONLY = ["issuetype", "updated"]


class Reading:
    """Everything a connection reads as records."""

    def __init__(self, client: Client, crawler: Crawler, reader: Callable[[], Reader]) -> None:
        self._client = client
        self._crawler = crawler
        self._reader = reader

    # -- feeds

    def issues(self, cursor: str | None) -> Iterator[Page]:
        """Issues and epics that changed, each followed by its comments (a comment changes its issue)."""
        reader = self._reader()
        for page in self._crawler.pages(cursor):
            records: list[Record] = []
            ignored: list[Ignored] = []
            aside = list(page.unreadable)
            for record, comments, complete in each_row("issues", page.issues, reader.opened, aside):
                if isinstance(record, Ignored):
                    ignored.append(record)
                    continue
                records.append(record)
                under = partial(reader.comment, issue=record.id, stream=record.stream, key=record.payload.get("key"))
                said = comments if complete else self._all_comments(record.id, comments)
                # A comment within an issue comes without its properties, where the marker of ours would be.
                records += [
                    msgspec.structs.replace(found, partial=True)
                    if found.ours and "properties" not in comment
                    else found
                    for comment in said
                    for found in each_row("comments", [comment], under, aside)
                ]
            yield _page(records, page, ignored, aside)

    def _all_comments(self, issue: str, shown: list[Any]) -> list[Any]:
        """All comments of an issue of which the search showed some."""
        try:
            return list(self._client.comments(issue))
        except (NotFound, Forbidden):
            return shown  # it went away between the two requests: the next look tells

    def _comments_of(self, issue: Json) -> Iterator[Any]:
        comments, complete = embedded_comments(issue)
        if complete:
            yield from comments
        else:
            yield from self._client.comments(str(issue["id"]))

    def links(self, cursor: str | None) -> Iterator[Page]:
        """Links of the issues that changed: one request for each of those."""
        reader = self._reader()
        for page in self._crawler.pages(cursor, KIND_ONLY):
            records: list[Record] = []
            aside = list(page.unreadable)
            for issue in page.issues:
                id, stream = str(issue["id"]), STREAM_OF_LEVEL.get(level(issue))
                if stream is None:
                    continue
                try:
                    links = self._client.links(id)
                except NotFound:
                    continue  # the issue went away between the search and this request
                records += each_row("remote_links", links, partial(reader.link, issue=id, stream=stream), aside)
            yield _page(records, page, aside=aside)

    def users(self, cursor: str | None) -> Iterator[Page]:
        """All users, each time: Jira does not tell which of them changed."""
        reader = self._reader()
        for rows in self._client.users():
            aside: list[Unreadable] = []
            records = list(each_row("users", rows, reader.user, aside))
            yield Page(records=records, cursor=USERS_CURSOR, unreadable=aside)
        yield Page(records=[], cursor=USERS_CURSOR, last=True, complete=True)

    # -- by id

    def by_id(self, stream: str, ids: Sequence[str]) -> Iterator[Record]:
        """One record per distinct id, as it is now."""
        distinct = list(dict.fromkeys(ids))
        if stream in ("comments", "remote_links"):
            yield from (Record(stream=stream, id=id, deleted=True) for id in distinct if not is_child_id(id))
            distinct = [id for id in distinct if is_child_id(id)]
        if stream == "comments":
            yield from self._comments(distinct)
        elif stream == "remote_links":
            for id in distinct:
                yield self._link(id)
        elif stream == "users":
            yield from self._users(distinct)
        else:
            for batch in chunks(distinct, FETCH_BATCH):
                yield from self._issues(stream, batch)

    def _issues(self, stream: str, ids: Sequence[str]) -> Iterator[Record]:
        reader = self._reader()
        found = {str(issue["id"]): issue for issue in self._client.bulk_fetch(ids)}
        for id in ids:
            issue = found.get(id)
            if issue is None:
                # Left out of the batch: only the answer to its own address says why.
                try:
                    issue = self._client.issue(id)
                except NotFound:
                    yield Record(stream=stream, id=id, deleted=True)
                    continue
                except (Forbidden, NoRecord):
                    yield Record(stream=stream, id=id, forbidden=True)
                    continue
            record = next(each_row(stream, [issue], reader.issue, []), None)
            # Converted between issue and epic, lifted above the epics, or not readable: it is none of this stream, and
            # is not gone either.
            if isinstance(record, Record) and record.stream == stream:
                yield record
                continue
            now = {"id": id, "place": record.stream} if isinstance(record, Record) else {}
            yield Record(stream=stream, id=id, payload=now, forbidden=True)

    def streams_of(self, issues: Sequence[str]) -> dict[str, str]:
        """Which stream each issue is in; those that are gone are missing."""
        found: dict[str, str] = {}
        for batch in chunks(list(dict.fromkeys(issues)), FETCH_BATCH):
            for issue in self._client.bulk_fetch(batch, ["issuetype"]):
                found[str(issue["id"])] = STREAM_OF_LEVEL.get(level(issue), "issues")
        return found

    def _comments(self, ids: Sequence[str]) -> Iterator[Record]:
        reader = self._reader()
        parts = {id: split_id(id) for id in ids}
        streams = self.streams_of([issue for issue, _ in parts.values()])
        found: dict[str, Json] = {}
        for batch in chunks(list(parts.values()), COMMENT_BATCH):
            for comment in self._client.comments_by_id([int(own) for _, own in batch]):
                found[str(comment["id"])] = comment
        for id, (issue, own) in parts.items():
            if own not in found or issue not in streams:
                yield Record(stream="comments", id=id, deleted=True, scope=issue)
                continue
            under = partial(reader.comment, issue=issue, stream=streams[issue])
            record = next(each_row("comments", [found[own]], under, []), None)
            yield record or Record(stream="comments", id=id, forbidden=True, scope=issue)

    def _link(self, id: str) -> Record:
        issue, own = split_id(id)
        try:
            link = self._client.link(issue, own)
        except NotFound:
            return Record(stream="remote_links", id=id, deleted=True, scope=issue)
        except Forbidden:
            return Record(stream="remote_links", id=id, forbidden=True, scope=issue)
        under = partial(self._reader().link, issue=issue, stream=self.streams_of([issue]).get(issue, "issues"))
        record = next(each_row("remote_links", [link], under, []), None)
        return record or Record(stream="remote_links", id=id, forbidden=True, scope=issue)

    def _users(self, ids: Sequence[str]) -> Iterator[Record]:
        reader = self._reader()
        for batch in chunks(ids, 90):
            rows = each_row("users", self._client.users_by_id(batch), reader.user, [])
            found = {record.id: record for record in rows}
            for id in batch:
                yield found.get(id) or Record(stream="users", id=id, deleted=True)

    # -- census, markers, our own

    def ids(self, stream: str) -> Iterator[list[str]]:
        """A census. Links cost a request per issue, and comments one per issue that has more than a search shows: Jira
        lists them nowhere else."""
        if stream in ("issues", "epics"):
            yield from self._crawler.ids(stream)
        elif stream == "users":
            for rows in self._client.users():
                yield [record.id for record in each_row("users", rows, self._reader().user, [])]
        elif stream == "comments":
            for issues in self._crawler.all(["issuetype", "comment"]):
                for told in issues:
                    try:
                        rows = identified("comments", self._comments_of(told), [])
                        yield [child_id(str(told["id"]), row) for row in rows]
                    except NotFound:
                        continue
        else:
            for parents in ("epics", "issues"):
                for batch in self._crawler.ids(parents):
                    for issue in batch:
                        try:
                            links = identified("remote_links", self._client.links(issue), [])
                            yield [child_id(issue, row) for row in links]
                        except NotFound:
                            continue

    def find(self, stream: str, marker: str, label: str, me: str) -> Iterator[Record]:
        """Records with the marker. Issues carry it as a label; what hangs on them is looked for on the issues that
        our account touched within a month, since Jira searches neither properties nor global ids."""
        reader = self._reader()
        if stream in ("issues", "epics"):
            for issues in self._crawler.labelled(label):
                records = (reader.issue(issue) for issue in issues)
                yield from (record for record in records if isinstance(record, Record) and record.stream == stream)
            return
        if stream == "comments":
            yield from (record for record in self._our_comments(me) if record.marker == marker)
            return
        for issues in self._crawler.touched_by(me):
            for issue in issues:
                id, kind = str(issue["id"]), STREAM_OF_LEVEL.get(level(issue), "issues")
                yield from (record for record in self._on(stream, id, kind, me) if record.marker == marker)

    def _our_comments(self, me: str) -> Iterator[Record]:
        """Ours, with their properties, on the issues that our account touched: two requests for a hundred of those."""
        reader = self._reader()
        for issues in self._crawler.touched_by(me, ["issuetype", "updated", "comment"]):
            places: dict[int, tuple[str, str, str | None]] = {}
            for issue in issues:
                place = (str(issue["id"]), STREAM_OF_LEVEL.get(level(issue), "issues"), issue.get("key"))
                try:
                    rows = identified("comments", self._comments_of(issue), [])
                    ours = [row for row in rows if account_of(row.get("author")) == me]
                except NotFound:
                    continue  # it went away between the search and this request
                places |= {int(comment["id"]): place for comment in ours}
            for batch in chunks(list(places), COMMENT_BATCH):
                for comment in self._client.comments_by_id(batch):
                    yield reader.comment(comment, *places[int(comment["id"])])

    def _on(self, stream: str, issue: str, kind: str, me: str) -> Iterator[Record]:
        reader = self._reader()
        try:
            if stream == "remote_links":
                links = self._client.links(issue)
                yield from list(each_row(stream, links, partial(reader.link, issue=issue, stream=kind), []))
                return
            rows = identified(stream, self._client.comments(issue), [])
            ours = [int(row["id"]) for row in rows if reader.comment(row, issue).ours]
        except NotFound:
            return
        for batch in chunks(ours, COMMENT_BATCH):
            yield from (reader.comment(comment, issue, kind) for comment in self._client.comments_by_id(batch))

    def made_since(self, stream: str, scope: str | None, since: str, me: str) -> Iterator[Record]:
        """What our account made. Comments need the issue as ``scope``; links have no author."""
        reader = self._reader()
        if stream in ("issues", "epics"):
            for issues in self._crawler.made_since(scope, since):
                records = (reader.issue(issue) for issue in issues)
                yield from (record for record in records if isinstance(record, Record) and record.stream == stream)
        elif stream == "comments" and scope is not None:
            kind = self.streams_of([scope]).get(scope, "issues")
            yield from (r for r in self._on(stream, scope, kind, me) if (r.created_at or "") >= since)
        else:
            raise ValueError(f"Jira does not tell who made {stream}, or lists them only under an issue")


def _page(
    records: list[Record], found: Found, ignored: Sequence[Ignored] = (), aside: Sequence[Unreadable] = ()
) -> Page:
    return Page(
        records=records,
        cursor=found.cursor,
        last=found.last,
        complete=found.complete,
        ignored=list(ignored),
        unreadable=list(aside),
    )
