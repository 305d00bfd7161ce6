"""Where things lie: the root, the way from it to a file, and listings of what is below a folder."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.base import Unreadable, chunks
from connectors.errors import Forbidden, Misconfigured, NotFound
from connectors.google_drive import models
from connectors.google_drive.client import Client, Row, quoted
from connectors.google_drive.models import FOLDER, SHORTCUT, File
from connectors.rows import typed

REMEMBERED = 200_000
"""Parents that are remembered at most; they only spare requests, so all may be forgotten at any time."""

LIVE_FOLDERS = f"mimeType = '{FOLDER}' and trashed = false"
GROUP = 40
"""Parents that one query names: the address stays near 3,000 characters."""

BY_DEPTH = ("client_folders", "project_folders", "category_folders")
FOLDER_STREAMS = (*BY_DEPTH, "folders")
STREAMS = (*FOLDER_STREAMS, "files", "shortcuts")

Way = tuple[str, ...]
"""The folders between the root and a thing, top first, without either."""
Entry = tuple[Row, Way]


@dataclass(frozen=True, slots=True)
class Root:
    id: str
    name: str
    drive_id: str | None
    """The shared drive it lies in; None in somebody's My Drive."""
    can_add: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """A thing as it was read just now, and where it lay then; ``way`` is None outside the root."""

    row: Row
    file: File
    way: Way | None


@dataclass(frozen=True, slots=True)
class CrawlState:
    """How far a crawl has come: children of all folders above ``depth`` and, at it, up to ``after`` are told."""

    start: str
    depth: int = 0
    after: str = ""


def stream_of(mime: str, way: Way | None) -> str | None:
    """The stream of a thing by its type and depth; None outside the root."""
    if way is None:
        return None
    if mime == FOLDER:
        return FOLDER_STREAMS[min(len(way), 3)]
    return "shortcuts" if mime == SHORTCUT else "files"


def streams_for(mime: str | None) -> tuple[str, ...]:
    """Every stream a thing of that type may be in, wherever it lies; all, if the type is not known."""
    if mime is None:
        return STREAMS
    if mime == FOLDER:
        return FOLDER_STREAMS
    return ("shortcuts",) if mime == SHORTCUT else ("files",)


def read(row: Mapping[str, Any]) -> File:
    """The typed view of a file; what is odd about it counts as not told. Raises ``NoRecord`` if it has no id."""
    return typed(row, File)


class Tree:
    """The part of Drive below one root. Ways are read afresh in each call: a folder may move at any time."""

    def __init__(self, client: Client, root: str) -> None:
        self._client = client
        self._configured = root
        self._root: Root | None = None
        self._parents: dict[str, str] = {}
        """Thing -> the folder it lay in when last seen. Says what to ask for, never where something lies."""
        self._lock = threading.Lock()

    @property
    def root(self) -> Root:
        """The root as the service shows it, looked up once. Raises ``Misconfigured`` with the cure."""
        with self._lock:
            if self._root is None:
                self._root = self._look_up()
            return self._root

    def look_again(self) -> Root:
        with self._lock:
            self._root = self._look_up()
            return self._root

    def _look_up(self) -> Root:
        try:
            file = read(self._client.file(self._configured, models.PLACE))
        except NotFound:
            raise Misconfigured(
                f"root {self._configured}: no such folder for this account; share it with the account, or take the "
                "id from the end of the folder's address in the browser"
            ) from None
        if file.mimeType != FOLDER:
            raise Misconfigured(f"root {self._configured} is not a folder but {file.mimeType}: {file.name}")
        if file.trashed:
            raise Misconfigured(f"root {self._configured} ({file.name}) is in the trash: restore it, or name another")
        name = file.name
        if file.driveId == file.id:
            name = str(self._client.drive(file.id).get("name", name))  # the root of a drive is called "Drive"
        return Root(file.id, name, file.driveId, file.capabilities.canAddChildren is not False)

    def look(self, ids: Sequence[str]) -> dict[str, Seen | NotFound | Forbidden]:
        """Things and the folders above them, all read now.

        One request, if they lie where they lay when last seen; what lies elsewhere is climbed level by level.
        """
        asked = dict.fromkeys(self._expected(ids), models.PLACE) | dict.fromkeys(ids, models.FILE)
        found = self._client.files(asked)
        rows = {id: row for id, row in found.items() if isinstance(row, dict)}
        files = {id: read(row) for id, row in rows.items()}
        memo = {id: files[id].parent if id in files else None for id in asked}
        ways = self.ways([files[id] for id in ids if id in files], memo)
        told: dict[str, Seen | NotFound | Forbidden] = {}
        for id in ids:
            row = found[id]
            told[id] = Seen(row, files[id], ways[id]) if isinstance(row, dict) else row
        return told

    def place(self, row: Row) -> None:
        """Remember where the answer to a write shows a thing."""
        self._remember({row["id"]: read(row).parent})

    def _expected(self, ids: Iterable[str]) -> list[str]:
        """The folders that lay above these things when they were last seen, without the root."""
        root, above = self.root.id, dict[str, None]()
        with self._lock:
            for id in ids:
                at = self._parents.get(id)
                while at is not None and at != root and at not in above:
                    above[at] = None
                    at = self._parents.get(at)
        return list(above)

    def _remember(self, parents: Mapping[str, str | None]) -> None:
        with self._lock:
            if len(self._parents) > REMEMBERED:
                self._parents.clear()
            self._parents |= {id: parent for id, parent in parents.items() if parent is not None}

    def ways(self, files: Iterable[File], memo: dict[str, str | None] | None = None) -> dict[str, Way | None]:
        """The way from the root to each file; None for what lies elsewhere. One batch for all levels that lie where
        they lay when last seen, and one for each level besides.

        ``memo`` (folder -> parent) carries what is known already, and is filled.
        """
        files = list(files)
        parents = {} if memo is None else memo
        root = self.root.id
        wanted = {file.parent for file in files if file.parent is not None} - {root}
        climbed: set[str] = set()
        guessed = set(self._expected(wanted))
        while wanted:
            missing = sorted((wanted | guessed) - set(parents))
            guessed = set()
            for id, found in self._client.files_by_id(missing, models.PLACE).items() if missing else ():
                parents[id] = read(found).parent if isinstance(found, dict) else None
            climbed |= wanted
            above = (parents[id] for id in wanted)
            wanted = {id for id in above if id is not None} - {root} - climbed
        self._remember(parents | {file.id: file.parent for file in files})
        return {file.id: self._climb(file, parents, root) for file in files}

    @staticmethod
    def _climb(file: File, parents: Mapping[str, str | None], root: str) -> Way | None:
        way: list[str] = []
        at = file.parent
        while at is not None and at != root:
            if at in way or at == file.id:
                return None  # a ring, seen while somebody moves folders about
            way.append(at)
            at = parents.get(at)
        return tuple(reversed(way)) if at == root and file.id != root else None

    # -- listings

    def crawl(
        self, state: CrawlState, aside: list[Unreadable] | None = None
    ) -> Iterator[tuple[list[Entry], CrawlState]]:
        """Everything live below the root, level by level, with the state that resumes after each page.

        Level by level rather than the whole drive filtered: parents come before children, nothing outside the
        root is read, and it is the same in My Drive and in a shared drive. A page token of a list dies within
        hours, so a state names folders; the folders above it are listed again on resuming. What is no file goes to
        ``aside``.
        """
        frontier: dict[str, Way] = {self.root.id: ()}
        seen = set(frontier)
        depth = 0
        while frontier:
            below: dict[str, Way] = {}
            done = sorted(id for id in frontier if depth < state.depth or (depth == state.depth and id <= state.after))
            todo = sorted(set(frontier) - set(done))
            for group in chunks(done, GROUP):
                for entries in self._children(group, frontier, LIVE_FOLDERS):
                    below |= _folders(entries, self.root.id)
            told = CrawlState(state.start, depth, done[-1] if done else "")
            for group in chunks(todo, GROUP):
                for entries in self._children(group, frontier, "trashed = false", aside=aside):
                    below |= _folders(entries, self.root.id)
                    yield entries, told
                told = CrawlState(state.start, depth, group[-1])
            frontier = {id: way for id, way in below.items() if id not in seen}
            seen |= set(frontier)
            depth += 1

    def below(self, folder: File, way: Way | None) -> Iterator[list[tuple[Row, Way | None]]]:
        """Everything below one folder, wherever it lies, trash included. The root and what is in it is left out."""
        root = self.root.id
        frontier: dict[str, Way] = {folder.id: way or ()}
        seen = {folder.id, root}
        while frontier:
            below: dict[str, Way] = {}
            for group in chunks(sorted(frontier), GROUP):
                for entries in self._children(group, frontier, "", folder.driveId):
                    for id, longer in _folders(entries, None).items():
                        if id not in seen:
                            below[id] = longer
                    yield [(row, longer if way is not None else None) for row, longer in entries if row["id"] != root]
            seen |= set(below)
            frontier = below

    def folders(self, fields: str) -> Iterator[list[Entry]]:
        """All live folders below the root, level by level, each with these fields."""
        frontier: dict[str, Way] = {self.root.id: ()}
        seen = set(frontier)
        while frontier:
            below: dict[str, Way] = {}
            for group in chunks(sorted(frontier), GROUP):
                for entries in self._children(group, frontier, LIVE_FOLDERS, fields=fields):
                    below |= _folders(entries, self.root.id)
                    yield entries
            frontier = {id: way for id, way in below.items() if id not in seen}
            seen |= set(frontier)

    def _children(
        self,
        group: Sequence[str],
        ways: Mapping[str, Way],
        condition: str,
        drive_id: str | None = None,
        fields: str = models.FILE,
        aside: list[Unreadable] | None = None,
    ) -> Iterator[list[Entry]]:
        parents = " or ".join(f"{quoted(id)} in parents" for id in group)
        q = f"({parents}) and {condition}" if condition else parents
        root = self.root.id
        for rows in self._client.file_pages(q, drive_id or self.root.drive_id, fields, aside=aside):
            entries: list[Entry] = []
            self._remember({row["id"]: read(row).parent for row in rows})
            for row in rows:
                parent = read(row).parent
                if parent is None and aside is not None:
                    aside.append(Unreadable(stream="files", id=row["id"], why="`parents` names no folder"))
                if parent is not None and parent in ways:
                    entries.append((row, ways[parent] if parent == root else (*ways[parent], parent)))
            yield entries


def _folders(entries: Iterable[Entry], root: str | None) -> dict[str, Way]:
    return {row["id"]: way for row, way in entries if row.get("mimeType") == FOLDER and row["id"] != root}
