"""Making, changing, trashing and deleting files: one way for the API and for people, with the truth written down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.google_drive.models import FOLDER, SHORTCUT
from connectors.google_drive.sandbox import refusals
from connectors.google_drive.sandbox.attached import Attached
from connectors.google_drive.sandbox.items import Item
from connectors.google_drive.sandbox.people import Person
from connectors.google_drive.sandbox.service import number
from connectors.google_drive.tree import stream_of
from connectors.sandbox.core import route
from connectors.sandbox.exchange import Request, Response

CREATED = ("id", "name", "mimeType", "description", "parents", "appProperties", "shortcutDetails", "createdTime")
CHANGED = ("name", "mimeType", "description", "appProperties", "trashed")


class Writes(Attached):
    @route("GET", "/drive/v3/files/generateIds")
    def _generate(self, request: Request) -> Response:
        made = [self.store.new_id() for _ in range(number(request, "count", 10, 1000))]
        self.store.reserved |= set(made)
        return self.chosen(request, {"kind": "drive#generatedIds", "space": "drive", "ids": made})

    @route("POST", "/drive/v3/files")
    def _create(self, request: Request) -> Response:
        told = request.json() or {}
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
        item = self.make(self.viewer, parent, mime, told, ours=True)
        return self.shown(request, item)

    @route("GET", "/drive/v3/files/{id}")
    def _get(self, request: Request, id: str) -> Response:
        return self.shown(request, self.item(request, id))

    @route("PATCH", "/drive/v3/files/{id}")
    def _update(self, request: Request, id: str) -> Response:
        item = self.item(request, id)
        told = request.json() or {}
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
        self.change(self.viewer, item, changes, ours=True)
        return self.shown(request, item)

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
        elif not item.is_google:
            item.content = str(told.get("content", "")).encode()
            item.head = self.store.new_id("0B", 51)
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
            new = str(told["content"]).encode()
            if new != item.content:
                changes["content"] = (item.content.decode(), told["content"])
                item.content, item.head = new, self.store.new_id("0B", 51)
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
