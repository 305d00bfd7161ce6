"""Crawling issues by time of change: pages, overlap, late index entries, and page tokens that get lost."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

from connectors.base import Clock
from connectors.errors import Malformed
from connectors.jira.answers import Refused
from connectors.jira.client import FIELDS, Client
from connectors.jira.cursors import BEGINNING, Crawl, decode
from connectors.jira.models import Json, SearchPage
from connectors.jira.records import STREAM_OF_LEVEL, level, milliseconds, moment
from connectors.jira.windows import OVERLAP as OVERLAP
from connectors.jira.windows import Found, Windows, following

SEARCH_LAG = 60.0
"""Seconds after which a write is taken to be in the search index."""

ALONE = 1
"""Pages of a full crawl after which it is worth asking whether it should be cut into windows."""

RECONCILE = 50
"""Most ids that one search may be told to look at strongly."""


class Recent:
    """Issues we wrote to lately: the index may not know it yet, so searches are told to look at them. Thread-safe.

    Only makes our own writes come back sooner; what a restart forgets the overlap covers.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._written: OrderedDict[int, float] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, issue: str) -> None:
        if not issue.isdecimal():
            return
        with self._lock:
            self._written.pop(int(issue), None)
            self._written[int(issue)] = self._clock.monotonic()
            while len(self._written) > RECONCILE:
                self._written.popitem(last=False)

    def ids(self) -> list[int]:
        """At most 50, none older than the search lag."""
        oldest = self._clock.monotonic() - SEARCH_LAG
        with self._lock:
            return sorted(id for id, at in self._written.items() if at >= oldest)


def scope(projects: Sequence[str]) -> str:
    """The part of a query that keeps to the configured projects."""
    if not projects:
        return ""
    return "project in (" + ", ".join(f'"{key}"' for key in projects) + ") AND "


class Crawler:
    """Searches for one connection."""

    def __init__(self, client: Client, projects: Sequence[str], recent: Recent) -> None:
        self._client = client
        self._scope = scope(projects)
        self._recent = recent
        self._windows = Windows(client, self._scope, BEGINNING)

    def pages(self, cursor: str | None, fields: Sequence[str] = FIELDS) -> Iterator[Found]:
        """Issues changed since the cursor, page by page."""
        crawl = decode(cursor) if cursor else Crawl(full=True)
        if not crawl.started:
            # The window's end is the service's clock, not ours; asked before the search, so that nothing falls between.
            crawl.started = milliseconds(moment(self._client.server_info().get("serverTime")) or _no_time())
            crawl.reconcile = self._recent.ids()
        tokens: set[str] = set()
        ahead: Future[SearchPage] | None = None
        with ExitStack() as stack:
            while True:
                if crawl.full and len(tokens) == ALONE:
                    crawl.windows = self._windows.cut()
                if crawl.windows:
                    crawl.token = None
                    yield from self._windows.pages(crawl, fields)
                    return
                page = ahead.result() if ahead is not None else self._page(crawl, fields)
                if page.issues:
                    crawl.seen = max(crawl.seen, _updated(page.issues[-1]))
                if page.nextPageToken is None or page.isLast is True:
                    yield Found(page.issues, following(crawl), True, crawl.full, page.unreadable)
                    return
                if page.nextPageToken in tokens:
                    raise Malformed("POST /rest/api/3/search/jql: the same page token came twice")
                tokens.add(page.nextPageToken)
                crawl.token = page.nextPageToken
                found = Found(page.issues, crawl.encode(), False, False, page.unreadable)
                if not crawl.full or len(tokens) != ALONE:
                    # While a page is stored the next one is under way.
                    if ahead is None:
                        pool = stack.enter_context(ThreadPoolExecutor(1))
                    ahead = pool.submit(self._page, crawl, fields)
                yield found

    def _page(self, crawl: Crawl, fields: Sequence[str]) -> SearchPage:
        if crawl.token is not None:
            try:
                return self._search(crawl, fields, crawl.since)
            except Refused as error:
                if error.status != 400:
                    raise
                crawl.token = None
        # The order is by time of change, so all that changed before the last row seen has been listed already; and
        # a query is bound to its token, so the narrower window needs a new one.
        crawl.since = max(crawl.since, crawl.seen)
        return self._search(crawl, fields, crawl.since)

    def _search(self, crawl: Crawl, fields: Sequence[str], since: int) -> SearchPage:
        jql = f"{self._scope}updated >= {since or BEGINNING} ORDER BY updated ASC, id ASC"
        return self._client.search(jql, fields=fields, token=crawl.token, reconcile=crawl.reconcile)

    def ids(self, stream: str) -> Iterator[list[str]]:
        """A census: ids of all issues of a stream. Little is asked for, so pages are large."""
        for issues in self.all(["issuetype"], size=1000):
            yield [str(issue["id"]) for issue in issues if STREAM_OF_LEVEL.get(level(issue)) == stream]

    def all(self, fields: Sequence[str], size: int = 100) -> Iterator[list[Json]]:
        """Every issue, with those fields."""
        jql = f"{self._scope}updated >= {BEGINNING} ORDER BY id ASC"
        yield from self._client.search_all(jql, fields=fields, size=size)

    def touched_by(self, account: str, fields: Sequence[str] = ("issuetype", "updated")) -> Iterator[list[Json]]:
        """Issues that the account made, edited or commented within a month, newest first."""
        jql = f'{self._scope}issuekey in updatedBy("{account}", "-30d") ORDER BY updated DESC'
        yield from self._client.search_all(jql, fields=fields, reconcile=self._recent.ids())

    def labelled(self, label: str) -> Iterator[list[Json]]:
        """Issues that carry the label, oldest first."""
        jql = f'labels = "{label}" ORDER BY created ASC, id ASC'
        yield from self._client.search_all(jql, reconcile=self._recent.ids())

    def made_since(self, project: str | None, since: str) -> Iterator[list[Json]]:
        """Issues made by our account at or after ``since``."""
        place = f"project = {project} AND " if project else self._scope
        jql = f"{place}creator = currentUser() AND created >= {milliseconds(since)} ORDER BY created ASC, id ASC"
        yield from self._client.search_all(jql, reconcile=self._recent.ids())


def _updated(issue: Json) -> int:
    fields = issue.get("fields")
    stamp = moment(fields.get("updated")) if isinstance(fields, Mapping) else None
    return milliseconds(stamp) if stamp else 0


def _no_time() -> str:
    raise Malformed("GET /rest/api/3/serverInfo: no serverTime in the answer")
