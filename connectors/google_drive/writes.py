"""Writes: make, fill, rename, describe, move and trash. Never a permission, never for good, never outside the root."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.base import Content, Gate, Outcome, Record, Write
from connectors.errors import (
    ConnectorError,
    EffectUnknown,
    Fatal,
    Forbidden,
    GateClosed,
    NotFound,
    RateLimited,
    RecordRefused,
    Stale,
    Transient,
    WriteForbidden,
)
from connectors.google_drive.client import Client, Row
from connectors.google_drive.content import NO_BYTES, is_what_was_sent
from connectors.google_drive.models import FOLDER, GOOGLE, MARKER, SHORTCUT, File
from connectors.google_drive.records import gone, record, version
from connectors.google_drive.tree import BY_DEPTH, FOLDER_STREAMS, STREAMS, Seen, Tree, Way, read, stream_of

CREATE_WORDS = {"name", "parents", "description", "mimeType", "appProperties", "shortcutDetails"}
UPDATE_WORDS = {"name", "parents", "description", "appProperties", "trashed"}


class Writer:
    """Sends writes one by one, each after a look at where the thing and its place are now."""

    def __init__(self, client: Client, tree: Tree) -> None:
        self._client = client
        self._tree = tree

    def push(self, stream: str, writes: Sequence[Write], gate: Gate) -> Iterator[Outcome]:
        for write in writes:
            yield self._outcome(stream, write, gate)

    def _outcome(self, stream: str, write: Write, gate: Gate) -> Outcome:
        try:
            made = self._send(stream, write, gate)
        except WriteForbidden:
            raise
        except (ConnectorError, GateClosed) as error:
            return failed(write, error)
        return Outcome(intent=write.intent, status="done", id=made.id, record=made, version=made.version)

    def _send(self, stream: str, write: Write, gate: Gate) -> Record:
        if stream not in STREAMS:
            raise RecordRefused(f"{stream} is read only here", code="read_only")
        if write.kind == "create":
            return self._create(stream, write, gate)
        if write.kind == "archive":
            raise RecordRefused("Drive has no archive; delete puts into the trash", code="no_archive")
        if write.id is None:
            raise RecordRefused(f"{write.kind} without an id", code="no_id")
        target = _one_parent(write.values["parents"]) if "parents" in write.values else None
        found = self._tree.look([write.id, *([target] if target and target != self._tree.root.id else [])])
        seen = found[write.id]
        if isinstance(seen, NotFound | Forbidden):
            raise seen
        if stream_of(seen.file.mimeType, seen.way) != stream:
            where = stream_of(seen.file.mimeType, seen.way) or "outside the root"
            raise RecordRefused(f"{write.id} is not in {stream} but {where}", code="elsewhere")
        if write.expected_version not in (None, version(seen.file.version)):
            raise Stale(f"{write.id} is at version {seen.file.version}", code="version")
        if write.kind == "delete":
            return self._trash(stream, seen, gate)
        way = self._way_in(target, found) if target is not None and target != seen.file.parent else None
        return self._update(stream, write, seen, way, gate)

    # -- create

    def _create(self, stream: str, write: Write, gate: Gate) -> Record:
        _known(write.values, CREATE_WORDS)
        name = write.values.get("name") or (label(write.content.name) if write.content else None)
        if not isinstance(name, str) or not name:
            raise RecordRefused("a name is needed", code="required", field="name")
        parents = write.values.get("parents") or ([self._tree.root.id] if stream == "client_folders" else None)
        parent = _one_parent(parents)
        body: Row = {key: value for key, value in write.values.items() if value is not None} | {"name": name}
        body |= {"parents": [parent], "mimeType": _mime(stream, write)}
        if stream == "shortcuts" and not (write.values.get("shortcutDetails") or {}).get("targetId"):
            raise RecordRefused("a shortcut needs shortcutDetails.targetId", code="required", field="shortcutDetails")
        way = self._way_into(parent)
        self._fits(stream, body["mimeType"], way)
        # Always stamped: the stamp is how our own creates are told from those of people who use the same account.
        properties = dict(write.values.get("appProperties") or {})
        body["appProperties"] = {**properties, MARKER: write.marker or write.intent}
        if write.reserved_id is not None:
            body["id"] = write.reserved_id
        try:
            if write.content is not None:
                row = self._client.create_with(write.content, body, gate, lambda: self._same_place(parent, way))
            else:
                row = self._client.create(body, gate)
        except NotFound as error:
            raise RecordRefused(f"no such parent {parent}: {error}", code="notFound", field="parents") from error
        except RecordRefused as error:
            if error.status != 409 or write.reserved_id is None:
                raise
            # A replay: the id was ours alone, so what stands there is what this very create made.
            return self._replayed(stream, write.reserved_id)
        return self._made(stream, row, way, write.content)

    def _replayed(self, stream: str, id: str) -> Record:
        seen = self._tree.look([id])[id]
        if isinstance(seen, NotFound):
            return gone(stream, id)
        if isinstance(seen, Forbidden):
            raise EffectUnknown(f"{id} exists and may not be seen: {seen}") from seen
        return record(stream, seen.row, seen.way, self._tree.root.id)

    def _made(self, stream: str, row: Row, way: Way | None, content: Content | None) -> Record:
        """What the answer to a write shows. Raises ``EffectUnknown`` if its bytes are not those that were sent."""
        self._tree.place(row)
        if content is not None and not is_what_was_sent(read(row), content.sha256):
            raise EffectUnknown(f"{row['id']}: Drive shows other bytes than were sent", code="checksum")
        return record(stream, row, way, self._tree.root.id)

    # -- update and trash

    def _update(self, stream: str, write: Write, seen: Seen, new: Way | None, gate: Gate) -> Record:
        """``new`` is the way at another place it shall go to."""
        _known(write.values, UPDATE_WORDS)
        file, content = seen.file, write.content
        body = {key: value for key, value in write.values.items() if key != "parents"}
        if "name" in body and not body["name"]:
            raise RecordRefused("a name cannot be empty", code="required", field="name")
        if "description" in body and body["description"] is None:
            body["description"] = ""  # Drive clears a description by the empty text
        if body.get("trashed"):
            raise RecordRefused("trash by a write of kind delete", code="use_delete", field="trashed")
        if MARKER in (body.get("appProperties") or {}):
            raise RecordRefused(f"appProperties.{MARKER} is the hub's own", code="reserved", field="appProperties")
        if "name" in body and file.capabilities.canRename is False:
            raise Forbidden(f"{file.id}: our account may not rename it", code="canRename", field="name")
        if content is not None:
            _takes_bytes(stream, file.mimeType)
            if file.capabilities.canModifyContent is False:
                raise Forbidden(f"{file.id}: our account may not change its content", code="canModifyContent")
        way, move = seen.way, dict[str, str]()
        if new is not None:
            self._movable(stream, file, new)
            way = new
            move = {"add": new[-1] if new else self._tree.root.id} | ({"remove": file.parent} if file.parent else {})
        if content is not None:
            row = self._client.update_with(content, file.id, body, gate, lambda: self._unchanged(seen, body), **move)
        elif body or move:
            row = self._client.update(file.id, body, gate, **move)
        else:
            return record(stream, seen.row, way, self._tree.root.id)
        return self._made(stream, row, way, content)

    def _same_place(self, parent: str, way: Way) -> None:
        """An upload takes its time. Raises ``RecordRefused`` or ``Stale`` if its folder went elsewhere meanwhile."""
        if self._way_into(parent) != way:
            raise Stale(f"{parent} was moved while content was on its way up", code="parents")

    def _unchanged(self, seen: Seen, body: Row) -> None:
        """The same for a file that gets new content. Raises ``Stale`` if somebody put other bytes there since it was
        read, moved it, or changed what would be overwritten besides."""
        now = self._tree.look([seen.file.id])[seen.file.id]
        if isinstance(now, NotFound | Forbidden):
            raise now
        if now.way != seen.way:
            raise Stale(f"{seen.file.id} was moved while content was on its way up", code="parents")
        for word in ("headRevisionId", "trashed", *body):
            if now.row.get(word) != seen.row.get(word):
                raise Stale(f"{seen.file.id}: {word} was changed while content was on its way up", code=word)

    def _movable(self, stream: str, file: File, way: Way) -> None:
        """Raises ``RecordRefused`` for what is never moved, or not there."""
        if file.mimeType == SHORTCUT:
            raise RecordRefused("shortcuts are never moved: somebody put it there for a reader", code="shortcut")
        if file.driveId is None and file.ownedByMe is False:
            raise RecordRefused(f"{file.id} belongs to somebody else and is never moved", code="outsider")
        if file.capabilities.canMoveItemWithinDrive is False:
            raise RecordRefused(f"{file.id} may not be moved by our account", code="canMoveItemWithinDrive")
        if file.id in way:
            raise RecordRefused("a folder cannot lie in itself", code="ring", field="parents")
        self._fits(stream, file.mimeType, way)

    def _trash(self, stream: str, seen: Seen, gate: Gate) -> Record:
        file = seen.file
        if file.trashed:
            return record(stream, seen.row, seen.way, self._tree.root.id)
        if file.capabilities.canTrash is False:
            raise Forbidden(f"{file.id}: our account may not put it into the trash", code="canTrash")
        row = self._client.update(file.id, {"trashed": True}, gate)
        return record(stream, row, seen.way, self._tree.root.id)

    # -- places

    def _way_in(self, parent: str, found: Mapping[str, Seen | NotFound | Forbidden]) -> Way:
        """The way of a thing in that folder. Raises ``RecordRefused`` if the folder is none of ours."""
        if parent == self._tree.root.id:
            return ()
        folder = found[parent]
        if isinstance(folder, NotFound | Forbidden):
            raise RecordRefused(f"no such parent {parent}", code="notFound", field="parents") from folder
        if folder.way is None:
            raise RecordRefused(f"{parent} lies outside the root", code="outside", field="parents")
        if folder.file.mimeType != FOLDER or folder.file.trashed:
            what = "in the trash" if folder.file.trashed else "not a folder"
            raise RecordRefused(f"{parent} is {what}", code="no_folder", field="parents")
        return (*folder.way, parent)

    def _way_into(self, parent: str) -> Way:
        """The same after a look at the folder."""
        return self._way_in(parent, self._tree.look([parent]) if parent != self._tree.root.id else {})

    @staticmethod
    def _fits(stream: str, mime: str, way: Way) -> None:
        there = stream_of(mime, way)
        if there != stream:
            depth = BY_DEPTH.index(stream) if stream in BY_DEPTH else 3
            raise RecordRefused(
                f"a record of {stream} needs a parent {depth} folders below the root, there it would be of {there}",
                code="depth",
                field="parents",
            )


def _mime(stream: str, write: Write) -> str:
    fixed = FOLDER if stream in FOLDER_STREAMS else SHORTCUT if stream == "shortcuts" else None
    given = write.values.get("mimeType") or (write.content.media_type if write.content and fixed is None else None)
    if fixed is not None and given not in (None, fixed):
        raise RecordRefused(f"{stream} are of type {fixed}", code="type", field="mimeType")
    if fixed is None and given in (FOLDER, SHORTCUT):
        raise RecordRefused(f"{given} is not one of {stream}", code="type", field="mimeType")
    mime = str(fixed or given or "application/octet-stream")
    if write.content is not None:
        _takes_bytes(stream, mime)
    return mime


def _takes_bytes(stream: str, mime: str) -> None:
    """Raises ``RecordRefused`` for what holds none. Bytes are stored as they are, never converted."""
    if stream != "files" or mime.startswith(GOOGLE):
        raise RecordRefused(f"a {mime} holds no bytes", code=NO_BYTES)


def label(name: str) -> str:
    """A name from outside as a file's name: no line breaks, no path."""
    return "".join(sign for sign in re.split(r"[/\\]", name)[-1] if sign.isprintable()).strip()


def _one_parent(parents: Any) -> str:
    if isinstance(parents, str):
        parents = [parents]
    if not isinstance(parents, list) or len(parents) != 1 or not isinstance(parents[0], str):
        raise RecordRefused("exactly one parent is needed", code="required", field="parents")
    return parents[0]


def _known(values: Mapping[str, Any], words: set[str]) -> None:
    for word in values:
        if word not in words:
            raise RecordRefused(f"{word} cannot be written", code="not_writable", field=word)


def failed(write: Write, error: ConnectorError | GateClosed) -> Outcome:
    """What an error means for one write."""
    if isinstance(error, GateClosed):
        return Outcome(intent=write.intent, status="not_sent", id=write.id, reason=str(error))
    status: Any = "refused"
    if isinstance(error, EffectUnknown):
        status = "unknown"
    elif isinstance(error, NotFound):
        status = "gone"
    elif isinstance(error, Stale):
        status = "stale"
    elif isinstance(error, Transient | Fatal):
        status = "not_sent"
    id = write.id or (write.reserved_id if status == "unknown" else None)
    return Outcome(
        intent=write.intent,
        status=status,
        id=id,
        reason=str(error),
        code=error.code or type(error).__name__,
        field=error.field,
        retry_after=error.retry_after if isinstance(error, RateLimited) else None,
    )
