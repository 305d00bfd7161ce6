"""The slow feeds: ``comments``, ``permissions`` and ``revisions`` hang on files, and have no log of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from connectors.base import Ignored, Page, Record, Unreadable, utc
from connectors.errors import CursorLost, Forbidden, NotFound
from connectors.google_drive.changes import begin, changed_rows
from connectors.google_drive.client import SMALL_PAGE, Client, Row, quoted
from connectors.google_drive.cursors import Cursor, parse
from connectors.google_drive.models import FOLDER, SHORTCUT
from connectors.google_drive.records import comment, permission, revision
from connectors.google_drive.tree import CrawlState, Entry, Tree, Way, read
from connectors.rows import each_row, stamp

Below = dict[str, list[Row] | NotFound | Forbidden]


@dataclass(frozen=True, slots=True)
class Kind:
    """What is read of which files: of many at once, and one by its id."""

    stream: str
    read: Callable[[Sequence[str]], Below]
    make: Callable[[str, Row, Way | None], Record]
    without: tuple[str, ...]
    """Types of files that carry none."""


def kinds(client: Client) -> dict[str, Kind]:
    return {
        "comments": Kind("comments", client.comments, comment, (FOLDER, SHORTCUT)),
        "permissions": Kind("permissions", client.permissions, permission, (SHORTCUT,)),
        "revisions": Kind("revisions", client.revisions, revision, (FOLDER, SHORTCUT)),
    }


class AttachedFeed:
    """All of them once; then those of changed files, and of the next hundred files in turn.

    That a comment or a share shows in the log of changes is not promised by the contract; the slow turn is what
    can be relied on.
    """

    def __init__(self, client: Client, tree: Tree, configured: str, kind: Kind) -> None:
        self._client = client
        self._tree = tree
        self._configured = configured
        self._kind = kind

    def pull(self, text: str | None) -> Iterator[Page]:
        cursor = parse(text, self._configured) if text is not None else None
        if cursor is None or cursor.state is not None:
            yield from self._crawl(cursor)
        else:
            yield from self._changes(cursor)

    def everything(self) -> Iterator[list[Record]]:
        """All of them, for a census."""
        for entries, _ in self._tree.crawl(CrawlState("")):
            yield self._records(entries, [], [])

    def _crawl(self, resumed: Cursor | None) -> Iterator[Page]:
        cursor = begin(self._client, self._tree, self._configured, resumed)
        state = cursor.state or CrawlState("")
        for entries, told in self._tree.crawl(state):
            ignored: list[Ignored] = []
            aside: list[Unreadable] = []
            records = self._records(entries, ignored, aside)
            yield Page(records=records, cursor=cursor.at(told).text(), ignored=ignored, unreadable=aside)
        yield Page(records=[], cursor=cursor.then(state.start).text(), last=True, complete=resumed is None)

    def _changes(self, cursor: Cursor) -> Iterator[Page]:
        token: str | None = cursor.page
        while token is not None:
            page = self._client.changes(token, cursor.drive)
            ignored: list[Ignored] = []
            aside = list(page.unreadable)
            rows: list[Row] = []
            if page.changes:
                if self._tree.root.drive_id != cursor.drive:
                    raise CursorLost(f"root {self._tree.root.id} lies in another drive now")
                rows, _ = changed_rows(self._client, page.changes, [])
            token = page.nextPageToken
            turn = cursor.turn
            if token is None:
                slice_, turn = self._slice(cursor.turn)
                rows = list({row["id"]: row for row in [*rows, *slice_]}.values())
            yield Page(
                records=self._records(self._inside(rows), ignored, aside),
                cursor=cursor.then(token or page.newStartPageToken or "", turn).text(),
                last=token is None,
                ignored=ignored,
                unreadable=aside,
            )

    def _slice(self, turn: str) -> tuple[list[Row], str]:
        """The next files in turn, and where the turn after begins."""
        q = "trashed = false" + (f" and createdTime > {quoted(turn)}" if turn else "")
        pages = self._client.file_pages(q, self._tree.root.drive_id, order="createdTime", size=SMALL_PAGE)
        rows = next(iter(pages), [])
        if len(rows) < SMALL_PAGE:
            return rows, ""
        # A little back, as others may share the last millisecond; unless that would be no step forward.
        newest = max((made for row in rows if (made := stamp(row.get("createdTime")))), default=turn)
        if newest <= turn:
            return rows, ""  # nothing here says how far it came: begin again rather than stand still
        back = utc(datetime.fromisoformat(newest) - timedelta(milliseconds=1))
        return rows, back if back > turn else newest

    def _inside(self, rows: Sequence[Row]) -> list[Entry]:
        ways = self._tree.ways(read(row) for row in rows) if rows else {}
        entries: list[Entry] = []
        for row in rows:
            way = ways[row["id"]]
            if way is not None and not row.get("trashed"):
                entries.append((row, way))
        return entries

    def _made(self, id: str, way: Way | None, row: Row) -> Record:
        return self._kind.make(id, row, way)

    def _records(self, entries: Iterable[Entry], ignored: list[Ignored], aside: list[Unreadable]) -> list[Record]:
        ways = {row["id"]: way for row, way in entries if row.get("mimeType") not in self._kind.without}
        records: list[Record] = []
        for id, rows in self._kind.read(list(ways)).items():
            if isinstance(rows, Forbidden):
                # Readers of a file may not list who else may read it, nor what it held before.
                ignored.append(Ignored(what=f"not allowed to read: {rows.code or 'forbidden'}", id=id))
            elif not isinstance(rows, NotFound):
                records += each_row(self._kind.stream, rows, partial(self._made, id, ways[id]), aside)
        return records
