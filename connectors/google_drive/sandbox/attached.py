"""Comments and permissions of the stand-in's files, by the API and by people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.google_drive.sandbox import refusals
from connectors.google_drive.sandbox.items import Item
from connectors.google_drive.sandbox.people import Person, person
from connectors.google_drive.sandbox.service import Service
from connectors.sandbox.core import route
from connectors.sandbox.exchange import Request, Response

ROLES = ("owner", "organizer", "fileOrganizer", "writer", "commenter", "reader")
TYPES = ("user", "group", "domain", "anyone")


class Attached(Service):
    """What hangs on files. Every share is in the true log, whoever makes it, with the mails it sends."""

    # -- comments

    @route("GET", "/drive/v3/files/{id}/comments")
    def _comments(self, request: Request, id: str) -> Response:
        self._needs_fields(request)
        item = self._commented(id)
        since = request.arg("startModifiedTime") or ""
        rows = [
            self.comment_row(each)
            for each in item.comments.values()
            if (not each["deleted"] or request.arg("includeDeleted") == "true") and each["modifiedTime"] >= since
        ]
        return self.page(request, "comments", "drive#commentList", rows[::-1], 20, 100)

    @route("GET", "/drive/v3/files/{id}/comments/{comment}")
    def _comment(self, request: Request, id: str, comment: str) -> Response:
        self._needs_fields(request)
        found = self._commented(id).comments.get(comment)
        if found is None or (found["deleted"] and request.arg("includeDeleted") != "true"):
            raise refusals.refusal(404, "notFound", f"Comment not found: {comment}.", "commentId")
        return self.chosen(request, self.comment_row(found))

    @route("POST", "/drive/v3/files/{id}/comments")
    def _post_comment(self, request: Request, id: str) -> Response:
        self._needs_fields(request)
        item = self._commented(id)
        content = (request.json() or {}).get("content")
        if not content:
            raise refusals.refusal(400, "required", "Comment content is required.", "comment.content")
        made = self.add_comment(item, self.viewer, content, ours=True)
        return self.chosen(request, self.comment_row(made))

    def _needs_fields(self, request: Request) -> None:
        if not request.arg("fields"):
            raise refusals.refusal(400, "required", "The 'fields' parameter is required for this method.", "fields")

    def _commented(self, id: str) -> Item:
        found = self.store.items.get(id)  # comments know no supportsAllDrives
        if found is None or found.is_folder or not self.store.sees(found, self.viewer):
            raise refusals.not_found(id)
        return found

    def comment_row(self, comment: Mapping[str, Any]) -> dict[str, Any]:
        """As the API shows it: a deleted comment has lost its text and its author's words."""
        shown = {key: value for key, value in comment.items() if key not in ("author", "by")}
        shown["author"] = comment["by"].shown_to(self.viewer)
        # Seen in recordings: the author of a comment comes without address and id.
        shown["author"] = {key: shown["author"][key] for key in ("kind", "displayName", "me")}
        if not comment["resolved"]:
            del shown["resolved"]  # seen in recordings too
        if comment["deleted"]:
            shown.pop("content", None)
            shown.pop("htmlContent", None)
        return shown

    def add_comment(self, item: Item, by: Person, content: str, *, ours: bool = False) -> dict[str, Any]:
        at = self.now()
        id = "AAAB" + self.store.new_id("1", 7)
        made: dict[str, Any] = {
            "kind": "drive#comment",
            "id": id,
            "createdTime": at,
            "modifiedTime": at,
            "by": by,
            "htmlContent": content,
            "content": content,
            "deleted": False,
            "resolved": False,
            "replies": [],
        }
        item.comments[id] = made
        self.store.touch(item, at)
        self.note(by, "create", "comments", f"{item.id}/{id}", {"content": (None, content)}, ours=ours)
        return made

    # -- permissions

    @route("GET", "/drive/v3/files/{id}/permissions")
    def _permissions(self, request: Request, id: str) -> Response:
        item = self._shared(request, id)
        return self.page(request, "permissions", "drive#permissionList", list(item.permissions.values()), 100, 100)

    @route("GET", "/drive/v3/files/{id}/permissions/{permission}")
    def _permission(self, request: Request, id: str, permission: str) -> Response:
        found = self._shared(request, id).permissions.get(permission)
        if found is None:
            raise refusals.refusal(404, "notFound", f"Permission not found: {permission}.", "permissionId")
        return self.chosen(request, found, "kind,id,type,role,allowFileDiscovery")

    @route("POST", "/drive/v3/files/{id}/permissions")
    def _share(self, request: Request, id: str) -> Response:
        item = self._shared(request, id)
        told = request.json() or {}
        if told.get("role") not in ROLES or told.get("type") not in TYPES:
            raise refusals.refusal(400, "required", "The permission type and role fields are required.", "permission")
        mails = request.arg("sendNotificationEmail") != "false" and told["type"] in ("user", "group")
        made = self.add_permission(item, self.viewer, told, ours=True, notified=int(mails))
        return self.chosen(request, made, "kind,id,type,role,allowFileDiscovery")

    @route("PATCH", "/drive/v3/files/{id}/permissions/{permission}")
    def _reshare(self, request: Request, id: str, permission: str) -> Response:
        item = self._shared(request, id)
        found = item.permissions.get(permission)
        role = (request.json() or {}).get("role")
        if found is None:
            raise refusals.refusal(404, "notFound", f"Permission not found: {permission}.", "permissionId")
        if role not in ROLES:
            raise refusals.bad_value("permission.role")
        self.change_role(item, self.viewer, permission, role, ours=True)
        return self.chosen(request, found, "kind,id,type,role,allowFileDiscovery")

    @route("DELETE", "/drive/v3/files/{id}/permissions/{permission}")
    def _unshare(self, request: Request, id: str, permission: str) -> Response:
        item = self._shared(request, id)
        if permission not in item.permissions:
            raise refusals.refusal(404, "notFound", f"Permission not found: {permission}.", "permissionId")
        self.drop_permission(item, self.viewer, permission, ours=True)
        return Response(204)

    def _shared(self, request: Request, id: str) -> Item:
        item = self.item(request, id)
        if not self.store.edits(item, self.viewer):
            raise refusals.forbidden(
                "insufficientFilePermissions", "The user does not have sufficient permissions for this file."
            )
        return item

    def add_permission(
        self, item: Item, by: Person, told: Mapping[str, Any], *, ours: bool = False, notified: int = 0
    ) -> dict[str, Any]:
        email = told.get("emailAddress")
        other = person(str(email)) if email else None
        id = (
            other.permission_id
            if other
            else "anyoneWithLink"
            if told["type"] == "anyone"
            else self.store.new_id("0", 20)
        )
        made: dict[str, Any] = {"kind": "drive#permission", "id": id, "type": told["type"], "role": told["role"]}
        if other:
            made |= {"emailAddress": other.email, "displayName": other.name}
        if told["type"] == "anyone":
            made["allowFileDiscovery"] = False
        item.permissions[id] = made
        self.store.touch(item, self.now())
        self.note(by, "create", "permissions", f"{item.id}/{id}", {"role": (None, told["role"])}, ours, notified)
        return made

    def change_role(self, item: Item, by: Person, id: str, role: str, *, ours: bool = False) -> None:
        old = item.permissions[id]["role"]
        if old != role:
            item.permissions[id]["role"] = role
            self.store.touch(item, self.now())
            self.note(by, "update", "permissions", f"{item.id}/{id}", {"role": (old, role)}, ours)

    def drop_permission(self, item: Item, by: Person, id: str, *, ours: bool = False) -> None:
        hub = self.hub
        within = [item, *self.store.subtree(item)]
        seen = {each.id for each in within if self.store.sees(each, hub)}
        old = item.permissions.pop(id)["role"]
        self.store.touch(item, self.now())
        for each in within:
            if each.id in seen and not self.store.sees(each, hub):
                self.store.log(each, self.now(), removed=True)
        self.note(by, "delete", "permissions", f"{item.id}/{id}", {"role": (old, None)}, ours)

    @property
    def hub(self) -> Person:
        """The account the hub signs in with."""
        raise LookupError("no hub account")

    def note(
        self,
        by: Person,
        kind: Any,
        stream: str,
        id: str,
        changes: dict[str, tuple[Any, Any]] | None = None,
        ours: bool = False,
        notified: int = 0,
    ) -> None:
        """An entry in the true log."""
        self.truth.add(
            at=self.now(),
            actor=by.name,
            kind=kind,
            stream=stream,
            id=id,
            changes=changes or {},
            ours=ours,
            notified=notified,
        )
