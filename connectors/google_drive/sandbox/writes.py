"""Making, changing, trashing and deleting files: one way for the API and for people, with the truth written down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.google_drive.models import FOLDER, SHORTCUT
from connectors.google_drive.sandbox import refusals
from connectors.google_drive.sandbox.downloads import Downloads
from connectors.google_drive.sandbox.items import Item, Revision
from connectors.google_drive.sandbox.people import Person
from connectors.google_drive.tree import stream_of
from connectors.sandbox.core import route
from connectors.sandbox.exchange import Request, Response

CREATED = ("id", "name", "mimeType", "description", "parents", "appProperties", "shortcutDetails", "createdTime")
CHANGED = ("name", "mimeType", "description", "appProperties", "trashed")


class Writes(Downloads):
    @route("POST", "/drive/v3/files")
    def _create(self, request: Request) -> Response:
        return self.shown(request, self.created(request, request.json() or {}))

    @route("PATCH", "/drive/v3/files/{id}")
    def _update(self, request: Request, id: str) -> Response:
        return self.shown(request, self.updated(request, id, request.json() or {}))

    def created(self, request: Request, told: Mapping[str, Any], content: bytes | None = None) -> Item:
        parent, mime = self.creatable(request, told)
        return self.make(
            self.viewer, parent, mime, {**told, **({"content": content} if content is not None else {})}, ours=True
        )

    def creatable(self, request: Request, told: Mapping[str, Any]) -> tuple[Item, str]:
        """Folder and type of what would be made. Raises every refusal that a create can meet."""
        self._writable(told, CREATED)
        id = told.get("id")
        if id is not None and id in self.store.items:
            raise refusals.refusal(409, "fileIdInUse", "A file already exists with the provided ID.", "file.id")
        if id is not None and id not in self.store.reserved:
            raise refusals.bad_value("file.id", "The provided file ID is not usable.")
        parents = told.get("parents") or [self.root_of(self.viewer).id]
        if len(parents) != 1:
            raise refusals.forbidden("multipleParentsNotAllowed", "A file cannot be created in more than one folder.")
        parent = self._parent(request, parents[0])
        mime = told.get("mimeType") or "application/octet-stream"
        target = (told.get("shortcutDetails") or {}).get("targetId")
        if mime == SHORTCUT and target not in self.store.items:
            raise refusals.bad_value("file.shortcutDetails.targetId", "The shortcut's target is not found.")
        if (
            self.viewer.email in self.tokens.service_accounts
            and parent.drive is None
            and mime not in (FOLDER, SHORTCUT)
        ):
            raise refusals.forbidden("storageQuotaExceeded", "Service Accounts do not have storage quota.")
        return parent, mime

    def updated(self, request: Request, id: str, told: Mapping[str, Any], content: bytes | None = None) -> Item:
        item, changes = self.updatable(request, id, told)
        if content is not None:
            changes["content"] = content
        self.change(self.viewer, item, changes, ours=True)
        return item

    def updatable(self, request: Request, id: str, told: Mapping[str, Any]) -> tuple[Item, dict[str, Any]]:
        """The item and what would change. Raises every refusal that an update can meet."""
        item = self.item(request, id)
        if "parents" in told:
            message = "The parents field is not directly writable: use the addParents and removeParents parameters."
            raise refusals.forbidden("fieldNotWritable", message)
        self._writable(told, CHANGED)
        if not self.store.edits(item, self.viewer):
            raise refusals.forbidden(
                "insufficientFilePermissions", "The user does not have sufficient permissions for this file."
            )
        changes = dict(told)
        added, removed = request.arg("addParents"), request.arg("removeParents")
        if added and added != item.parent:
            if removed != item.parent and item.parent is not None:
                raise refusals.forbidden("cannotAddParent", "Increasing the number of parents is not allowed")
            parent = self._parent(request, added)
            if not self.store.moves(item, self.viewer):
                message = "The user does not have sufficient permissions to move this file."
                raise refusals.forbidden("insufficientParentPermissions", message)
            if item in self.store.way_up(parent):
                raise refusals.forbidden("cannotAddParent", "A folder cannot be put below itself.")
            changes["parents"] = [added]
        return item, changes

    @route("DELETE", "/drive/v3/files/{id}")
    def _delete(self, request: Request, id: str) -> Response:
        item = self.item(request, id)
        if item.parent is None or not self.store.edits(item, self.viewer):
            raise refusals.forbidden(
                "insufficientFilePermissions", "The user does not have sufficient permissions for this file."
            )
        self.destroy(self.viewer, item, ours=True)
        return Response(204)

    def _writable(self, told: Mapping[str, Any], words: tuple[str, ...]) -> None:
        for word in told:
            if word not in words:
                raise refusals.forbidden(
                    "fieldNotWritable", f"The resource body includes fields which are not directly writable: {word}"
                )

    def _parent(self, request: Request, id: str) -> Item:
        parent = self.item(request, id)
        if not parent.is_folder:
            raise refusals.forbidden("parentNotAFolder", "The specified parent is not a folder.")
        if not self.store.edits(parent, self.viewer):
            raise refusals.forbidden(
                "insufficientParentPermissions", "Insufficient permissions for the specified parent."
            )
        return parent

    # -- the same for people

    def make(self, by: Person, parent: Item, mime: str, told: Mapping[str, Any], *, ours: bool = False) -> Item:
        at = self.now()
        item = Item(
            id=told.get("id") or self.store.new_id(),
            name=told.get("name") or "Untitled",
            mime=mime,
            parent=parent.id,
            drive=parent.drive,
            owner=None if parent.drive else by,
            creator=by,
            created=at,
            modified=at,
            by=by,
            description=told.get("description") or "",
            app={key: value for key, value in (told.get("appProperties") or {}).items() if value is not None},
            findable_at=self.clock.monotonic() + self.search_lag,
        )
        if mime == SHORTCUT:
            target = self.store.items[told["shortcutDetails"]["targetId"]]
            item.target = {"targetId": target.id, "targetMimeType": target.mime}
        elif mime != FOLDER:
            item.content = _bytes(told.get("content", ""))
            self._revise(item, by, at)
        if item.owner:
            owner = {"kind": "drive#permission", "id": by.permission_id, "type": "user", "role": "owner"}
            item.permissions[by.permission_id] = owner | {"emailAddress": by.email, "displayName": by.name}
        self.store.items[item.id] = item
        self.store.touch(item, at)
        changes = {"name": (None, item.name), "parents": (None, [parent.id])}
        self.note(by, "create", self.stream(item), item.id, changes, ours)
        return item

    def change(self, by: Person, item: Item, told: Mapping[str, Any], *, ours: bool = False) -> None:
        """Apply what differs. Nothing different: nothing happens, the version stays."""
        changes: dict[str, tuple[Any, Any]] = {}
        for word, attribute in (("name", "name"), ("description", "description"), ("mimeType", "mime")):
            if word in told:
                self._set(item, attribute, word, told[word] or "", changes)
        if "content" in told:
            new = _bytes(told["content"])
            if new != item.content:
                changes["content"] = (_shown(item.content), _shown(new))
                item.content = new
                self._revise(item, by, self.now())
        if "appProperties" in told:
            merged = item.app | told["appProperties"]
            self._set(item, "app", "appProperties", {k: v for k, v in merged.items() if v is not None}, changes)
        old_drive = item.drive
        if "parents" in told and told["parents"][0] != item.parent:
            self._move(item, told["parents"][0], changes)
        visible = bool(changes)
        flips = "trashed" in told and bool(told["trashed"]) != item.trashed
        if not visible and not flips:
            return
        at = self.now()
        if visible:
            item.by = by
            item.modified = at
            self.note(by, "update", self.stream(item), item.id, changes, ours)
        if flips:
            item.trashed = bool(told["trashed"])
            for below in self.store.subtree(item):
                below.version += 1  # shows as trashed from now on, without an entry in the log of its own
            self.note(by, "delete" if item.trashed else "restore", self.stream(item), item.id, ours=ours)
        self.store.touch(item, at)
        if old_drive and item.drive != old_drive:
            for each in [item, *self.store.subtree(item)]:
                self.store.log(each, at, removed=True, drive=old_drive)

    def destroy(self, by: Person, item: Item, *, ours: bool = False) -> None:
        """Delete for good, with all that is below."""
        at = self.now()
        for each in [*self.store.subtree(item), item]:
            self.note(by, "delete", self.stream(each), each.id, ours=ours)
            self.store.log(each, at, removed=True)
        for each in [*self.store.subtree(item), item]:
            del self.store.items[each.id]

    def _revise(self, item: Item, by: Person, at: str) -> None:
        id = str(len(item.revisions) + 1) if item.is_google else self.store.new_id("0B", 51)
        item.revisions.append(Revision(id, item.content, item.mime, item.name, at, by))

    def _set(self, item: Item, attribute: str, word: str, new: Any, changes: dict[str, tuple[Any, Any]]) -> None:
        old = getattr(item, attribute)
        if old != new:
            changes[word] = (old, new)
            setattr(item, attribute, new)

    def _move(self, item: Item, parent: str, changes: dict[str, tuple[Any, Any]]) -> None:
        changes["parents"] = ([item.parent], [parent])
        item.parent = parent
        drive = self.store.items[parent].drive
        if drive != item.drive:
            for each in [item, *self.store.subtree(item)]:
                each.drive = drive
                each.owner = None if drive else each.creator

    def stream(self, item: Item) -> str:
        """The stream of an item by its depth below the root; folders outside are ``folders``."""
        depth = self.store.depth_below(item, self.root_id)
        way = ("",) * (depth - 1) if depth else None
        return stream_of(item.mime, way) or ("folders" if item.is_folder else "files")

    root_id: str = ""


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _shown(content: bytes) -> str:
    """Bytes in the true log: the text, or what stands for it."""
    return content[:200].decode("utf-8", "backslashreplace")
