"""The feed ``files``: a full crawl first, then Drive's own log of changes, cut down to what is below the root."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from connectors.base import Ignored, Page, Record, Unreadable
from connectors.errors import CursorLost, Misconfigured, NotFound
from connectors.google_drive.client import Client, Row
from connectors.google_drive.cursors import Cursor, parse
from connectors.google_drive.models import FOLDER, Change, File
from connectors.google_drive.records import elsewhere, gone, hidden, record
from connectors.google_drive.tree import CrawlState, Tree, Way, read, stream_of, streams_for


@dataclass(frozen=True, slots=True)
class Sight:
    """What this process has seen of one id below the root."""

    streams: frozenset[str]
    """All in which it was told."""
    way: Way | None
    """Where it was last; None in the trash or outside."""


@dataclass(slots=True)
class _Sheet:
    """Records of one page in the making; the last word on a (stream, id) counts."""

    records: dict[tuple[str, str], Record] = field(default_factory=dict)
    sights: dict[str, Sight] = field(default_factory=dict)
    ignored: list[Ignored] = field(default_factory=list)

    def put(self, made: Record) -> None:
        self.records[made.stream, made.id] = made


class FilesFeed:
    """Pulls the six streams of files and folders.

    Drive's log tells what a thing is now, not where it was. A process that made the crawl itself knows, and tells
    exactly. One that did not (it was restarted) names every stream the thing may have been in: tombstones and
    ``elsewhere`` records for ids that the hub does not hold mean nothing to it, and hold nothing but the id.
    """

    def __init__(self, client: Client, tree: Tree, configured: str) -> None:
        self._client = client
        self._tree = tree
        self._configured = configured
        self._sights: dict[str, Sight] = {}
        self._knows_all = False

    def pull(self, text: str | None) -> Iterator[Page]:
        cursor = parse(text, self._configured) if text is not None else None
        if cursor is None or cursor.state is not None:
            yield from self._crawl(cursor)
        else:
            yield from self._changes(cursor)

    def _crawl(self, resumed: Cursor | None) -> Iterator[Page]:
        cursor = begin(self._client, self._tree, self._configured, resumed)
        state = cursor.state or CrawlState("")
        root = self._tree.root.id
        aside: list[Unreadable] = []
        for entries, told in self._tree.crawl(state, aside):
            sheet = _Sheet()
            for row, way in entries:
                stream = stream_of(row.get("mimeType", ""), way)
                if stream is not None:
                    sheet.put(record(stream, row, way, root))
                    sheet.sights[row["id"]] = self._sight(row["id"], stream, way)
            odd, aside[:] = list(aside), []
            yield Page(records=list(sheet.records.values()), cursor=cursor.at(told).text(), unreadable=odd)
            self._sights |= sheet.sights  # only now is it sure that the page was taken
        yield Page(records=[], cursor=cursor.then(state.start).text(), last=True, complete=resumed is None)
        self._knows_all = self._knows_all or resumed is None

    def _changes(self, cursor: Cursor) -> Iterator[Page]:
        token: str | None = cursor.page
        while token is not None:
            page = self._client.changes(token, cursor.drive)
            sheet = self._sheet(page.changes, cursor)
            token = page.nextPageToken
            resume = token or page.newStartPageToken or ""
            yield Page(
                records=list(sheet.records.values()),
                cursor=cursor.then(resume).text(),
                last=token is None,
                ignored=sheet.ignored,
                unreadable=page.unreadable,
            )
            self._sights |= sheet.sights

    def _sheet(self, changes: Sequence[Change], cursor: Cursor) -> _Sheet:
        sheet = _Sheet()
        if not changes:
            return sheet
        if self._tree.root.drive_id != cursor.drive:
            raise CursorLost(f"root {self._tree.root.id} lies in another drive now")
        rows, missing = changed_rows(self._client, changes, sheet.ignored)
        rows = [row for row in rows if not self._is_root(row)]
        for id, why in missing.items():
            if id == self._tree.root.id:
                raise Misconfigured(f"root {id} is gone or no longer shared with this account")
            for stream in self._before(id, None):
                sheet.put(gone(stream, id) if isinstance(why, NotFound) else hidden(stream, id))
            sheet.sights[id] = Sight(frozenset(self._before(id, None)), None)
        files = {row["id"]: read(row) for row in rows}
        memo = {file.id: file.parent for file in files.values() if file.mimeType == FOLDER}
        ways = self._tree.ways(files.values(), memo)
        for row in rows:
            file, way = files[row["id"]], ways[row["id"]]
            known = self._sights.get(file.id)
            self._tell(row, file, way, sheet)
            if file.mimeType == FOLDER and (known is None or known.way is None or file.trashed or known.way != way):
                self._tell_below(file, way, sheet, told=set(files))
        return sheet

    def _tell_below(self, folder: File, way: Way | None, sheet: _Sheet, told: set[str]) -> None:
        """What lies below a folder that moved, was trashed or is new to us: Drive logs the folder alone."""
        if way is None and self._knows_all and folder.id not in self._sights:
            return  # a folder outside, then and now
        for entries in self._tree.below(folder, way):
            for row, longer in entries:
                if row["id"] not in told:
                    self._tell(row, read(row), longer, sheet)

    def _tell(self, row: Row, file: File, way: Way | None, sheet: _Sheet) -> None:
        now = stream_of(file.mimeType, way)
        before = self._before(file.id, file.mimeType)
        if file.trashed:
            for stream in sorted({*before, *([now] if now else [])}):
                sheet.put(record(stream, row, way, self._tree.root.id) if way is not None else gone(stream, file.id))
        else:
            if now is not None:
                sheet.put(record(now, row, way, self._tree.root.id))
            for stream in sorted(set(before) - {now}):
                sheet.put(elsewhere(stream, file.id, now))
        if now is not None or before:
            sheet.sights[file.id] = self._sight(file.id, now, None if file.trashed else way)

    def _before(self, id: str, mime: str | None) -> tuple[str, ...]:
        """The streams in which it was told, as far as this process can know."""
        known = self._sights.get(id)
        if self._knows_all:
            return tuple(sorted(known.streams)) if known else ()
        return streams_for(mime)

    def _sight(self, id: str, stream: str | None, way: Way | None) -> Sight:
        known = self._sights.get(id)
        streams = (known.streams if known else frozenset()) | ({stream} if stream else frozenset())
        return Sight(streams, way)

    def _is_root(self, row: Row) -> bool:
        if row["id"] != self._tree.root.id:
            return False
        if row.get("trashed"):
            # Everything below it shows as trashed now; taking that for thousands of deletes helps nobody.
            raise Misconfigured(f"root {row['id']} is in the trash: restore it, or name another")
        return True


def begin(client: Client, tree: Tree, configured: str, resumed: Cursor | None) -> Cursor:
    """The cursor of a crawl that begins or goes on. The start token is taken before anything is listed."""
    drive_id = tree.root.drive_id
    if resumed is None:
        return Cursor(root=configured, drive=drive_id, crawl=client.start_page_token(drive_id))
    if resumed.drive != drive_id:
        raise CursorLost(f"root {tree.root.id} lies in another drive now")
    return resumed


def changed_rows(
    client: Client, changes: Sequence[Change], ignored: list[Ignored]
) -> tuple[list[Row], dict[str, Exception]]:
    """The newest row of each changed file, and those that are gone or closed to us.

    A shared drive's log says ``removed`` of what was merely moved to another drive, so what is removed is looked up.
    """
    rows: dict[str, Row] = {}
    removed: dict[str, None] = {}
    for change in changes:
        if change.changeType == "drive":
            continue  # the feed of drives tells of it
        if change.changeType != "file" or change.fileId is None:
            ignored.append(Ignored(what=f"change of a {change.changeType}", id=change.fileId or change.driveId))
        elif change.removed or change.file is None:
            rows.pop(change.fileId, None)
            removed[change.fileId] = None
        else:
            removed.pop(change.fileId, None)
            rows[change.fileId] = {**change.file, "id": change.fileId}
    missing: dict[str, Exception] = {}
    for id, found in client.files_by_id(list(removed)).items() if removed else ():
        if isinstance(found, dict):
            rows[id] = found
        else:
            missing[id] = found
    return list(rows.values()), missing
