"""A large first crawl, cut into windows by time of creation that are listed side by side."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple

from connectors.answer import Answer
from connectors.base import Unreadable
from connectors.errors import Malformed
from connectors.jira.answers import Refused
from connectors.jira.client import Client, search_page
from connectors.jira.cursors import Crawl, Window
from connectors.jira.models import Json
from connectors.jira.records import milliseconds, moment

OVERLAP = 120_000
"""Milliseconds by which each crawl reaches back before the start of the one before it."""

SIDE_BY_SIDE = 8
"""Requests under way at once. Jira's limits are kept by the budget, which all of them share."""

WORTHWHILE = 2_000
"""Issues from which cutting pays for the questions it takes."""

PIECES = 24
"""Windows that a crawl is cut into at most, where the times of creation allow it."""

SLACK = 1.5
"""How much larger than wanted a window may be before it is worth more questions."""

ROUNDS = 12


class Found(NamedTuple):
    """A page of a crawl, and the cursor after it."""

    issues: list[Json]
    cursor: str
    last: bool
    complete: bool
    """The last page of a crawl that began without a cursor."""
    unreadable: Sequence[Unreadable] = ()


def following(crawl: Crawl) -> str:
    """The cursor from which the next crawl begins once this one is over."""
    return Crawl(since=max(0, crawl.started - OVERLAP)).encode()


class Windows:
    """Cuts a crawl, and lists its windows. ``scope``: the part of a query that keeps to the configured projects."""

    def __init__(self, client: Client, scope: str, beginning: int) -> None:
        self._client = client
        self._scope = scope
        self._beginning = beginning

    def cut(self) -> list[Window]:
        """Windows of about equal size over everything, the oldest first and the last one open; none for a small site.

        Counts are approximate: they decide where to cut, never what to leave out. What does not depend on an answer
        is asked side by side: far away, it is the turns that cost.
        """
        total = self._client.approximate_count(self._query(Window(since=self._beginning)))
        if total < WORTHWHILE:
            return []
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            oldest, newest = pool.map(self._end, ("ASC", "DESC"))
            if oldest is None or newest is None:
                return []
            most = max(WORTHWHILE // 4, -(-total // PIECES))
            pieces = [(oldest, newest + 1, total)]
            for _ in range(ROUNDS):
                large = [piece for piece in pieces if piece[2] > most * SLACK and piece[1] - piece[0] > 1]
                if not large:
                    break
                parts = [part for since, until, count in large for part in _parts(since, until, -(-count // most))]
                queries = [self._query(Window(since=since, until=until)) for since, until in parts]
                counts = pool.map(self._client.approximate_count, queries)
                pieces = [piece for piece in pieces if piece not in large]
                pieces += [(since, until, count) for (since, until), count in zip(parts, counts, strict=True)]
        return _joined(sorted(pieces), most, self._beginning)

    def _end(self, order: str) -> int | None:
        """When the oldest (``ASC``) or newest (``DESC``) issue was made; None if there is none."""
        query = f"{self._query(Window(since=self._beginning))} ORDER BY created {order}"
        found = self._client.search(query, fields=["created"], size=1).issues
        return _created(found[0]) if found else None

    def pages(self, crawl: Crawl, fields: Sequence[str]) -> Iterator[Found]:
        """Pages of all windows that are left, in turn: one of each that is open, then the next of each.

        While a page is stored the following ones are under way; the cursor tells only of pages that were given out.
        """
        fields = fields if "*all" in fields else [*fields, "created"]
        waiting = deque(crawl.windows)
        tokens: set[tuple[int, str]] = set()
        turn: deque[tuple[Window, Future[Answer]]] = deque()
        pool = ThreadPoolExecutor(SIDE_BY_SIDE)
        try:
            while waiting or turn:
                while waiting and len(turn) < SIDE_BY_SIDE:
                    window = waiting.popleft()
                    turn.append((window, pool.submit(self._page, window, window.token, fields)))
                window, answer = turn.popleft()
                page = search_page(answer.result())
                window.seen = max([window.seen, *map(_created, page.issues[-1:])])
                if page.nextPageToken is None or page.isLast is True:
                    crawl.windows.remove(window)
                else:
                    if (window.since, page.nextPageToken) in tokens:
                        raise Malformed("POST /rest/api/3/search/jql: the same page token came twice")
                    tokens.add((window.since, page.nextPageToken))
                    window.token = page.nextPageToken
                    turn.append((window, pool.submit(self._page, window, window.token, fields)))
                last = not crawl.windows
                yield Found(page.issues, following(crawl) if last else crawl.encode(), last, last, page.unreadable)
        finally:
            pool.shutdown(cancel_futures=True)

    def _page(self, window: Window, token: str | None, fields: Sequence[str]) -> Answer:
        if token is not None:
            try:
                return self._client.search_answer(self._query(window, ordered=True), fields=fields, token=token)
            except Refused as error:
                if error.status != 400:
                    raise
        # The order is by time of creation, so all that was made before the last row seen has been listed; and a query
        # is bound to its token, so the narrower window needs a new one.
        window.since = max(window.since, window.seen)
        return self._client.search_answer(self._query(window, ordered=True), fields=fields)

    def _query(self, window: Window, ordered: bool = False) -> str:
        until = f" AND created < {window.until}" if window.until is not None else ""
        order = " ORDER BY created ASC, id ASC" if ordered else ""
        return f"{self._scope}created >= {window.since}{until}{order}"


def _parts(since: int, until: int, wanted: int) -> list[tuple[int, int]]:
    """The time between, cut into so many parts of equal length, if it is that long."""
    count = min(wanted, until - since)
    cuts = [since + (until - since) * number // count for number in range(count + 1)]
    return list(pairwise(cuts))


def _joined(pieces: Sequence[tuple[int, int, int]], most: int, beginning: int) -> list[Window]:
    """Neighbours that are small together become one window; the first reaches back, the last on, without an end."""
    windows: list[Window] = []
    size = 0
    for since, until, count in pieces:
        if windows and size + count <= most:
            windows[-1].until = until
            size += count
        else:
            windows.append(Window(since=since, until=until))
            size = count
    windows[0].since = beginning
    windows[-1].until = None
    return windows


def _created(issue: Json) -> int:
    """When an issue was made; 0 where its answer does not say."""
    fields = issue.get("fields")
    stamp = moment(fields.get("created")) if isinstance(fields, Mapping) else None
    return milliseconds(stamp) if stamp else 0
