"""The stand-in as a whole: the account of the hub, one root, and the verbs by which people act."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.base import Clock
from connectors.google_drive.models import FOLDER, SHORTCUT
from connectors.google_drive.sandbox import refusals
from connectors.google_drive.sandbox.channels import Channels
from connectors.google_drive.sandbox.items import Item, SharedDrive
from connectors.google_drive.sandbox.people import HUB, Person, person
from connectors.google_drive.tree import FOLDER_STREAMS, STREAMS


class GoogleDriveSandbox(Channels):
    """Google Drive with an account for the hub and an empty root folder ``Clients``, in a shared drive or My Drive."""

    system = "google_drive"

    def __init__(self, clock: Clock, seed: int = 1, shared_drive: bool = True) -> None:
        super().__init__(clock, seed)
        self.viewer = self.hub
        self.drive_id: str | None = None
        top = self.root_of(self.hub)
        if shared_drive:
            self.drive_id = self.add_drive("Projects")
            top = self.store.items[self.drive_id]
        self.root_id = self.make(self.hub, top, FOLDER, {"name": "Clients"}).id
        self.truth.entries.clear()

    @property
    def hub(self) -> Person:
        return person(HUB)

    def add_drive(self, name: str, members: set[str] | None = None) -> str:
        """A new shared drive; ``members`` are addresses, None is the whole company."""
        id = self.store.new_id("0A", 19, "Uk9PVA")
        self.store.drives[id] = SharedDrive(id, name, self.now(), members)
        self.store.log(self.new_top(self.hub, name, id), self.now())
        return id

    def service_account(self, email: str, *, delegated: bool = False) -> None:
        """Make a service account known; its key is not checked, its name is."""
        self.tokens.service_accounts.add(email)
        if delegated:
            self.tokens.delegated.add(email)

    # -- people act

    def create(self, person: str, stream: str, values: Mapping[str, Any]) -> str:
        with self._lock:
            by = _person(person)
            if stream == "comments":
                return (
                    f"{values['fileId']}/{self.add_comment(self._item(values['fileId']), by, values['content'])['id']}"
                )
            if stream == "permissions":
                made = self.add_permission(
                    self._item(values["fileId"]), by, {"role": "reader", "type": "user", **values}
                )
                return f"{values['fileId']}/{made['id']}"
            if stream == "drives":
                return self.add_drive(values["name"])
            if stream not in STREAMS:
                raise refusals.bad_value("stream", f"no stream {stream}")
            parent = self._item((values.get("parents") or [self.root_id])[0])
            mime = FOLDER if stream in FOLDER_STREAMS else SHORTCUT if stream == "shortcuts" else None
            return self.make(by, parent, mime or values.get("mimeType") or "text/plain", values).id

    def edit(self, person: str, stream: str, id: str, values: Mapping[str, Any]) -> None:
        with self._lock:
            by = _person(person)
            if stream == "comments":
                self._edit_comment(by, id, values)
            elif stream == "permissions":
                file, _, own = id.partition("/")
                self.change_role(self._item(file), by, own, values["role"])
            elif stream == "drives":
                self.store.drives[id].name = values["name"]
                self.store.log(self._item(id), self.now())
            else:
                self.change(by, self._item(id), values)

    def delete(self, person: str, stream: str, id: str) -> None:
        """Files and folders go to the trash, as by Drive's own button; ``destroy_item`` is for good."""
        with self._lock:
            by = _person(person)
            file, _, own = id.partition("/")
            if stream == "comments":
                comment = self._item(file).comments[own]
                if not comment["deleted"]:
                    comment |= {"deleted": True, "modifiedTime": self.now()}
                    self.store.touch(self._item(file), self.now())
                    self.note(by, "delete", stream, id)
            elif stream == "permissions":
                self.drop_permission(self._item(file), by, own)
            else:
                self.change(by, self._item(id), {"trashed": True})

    def restore(self, person: str, stream: str, id: str) -> None:
        with self._lock:
            if stream not in STREAMS or id not in self.store.items:
                raise refusals.not_found(id)
            self.change(_person(person), self._item(id), {"trashed": False})

    def destroy_item(self, person: str, id: str) -> None:
        """A named person empties it from the trash, with all that is below."""
        with self._lock:
            self.destroy(_person(person), self._item(id))

    def fix(self, id: str) -> None:
        """From now on the hub's account may not move it."""
        with self._lock:
            self._item(id).fixed = True

    def hold_back(self, id: str) -> None:
        """From now on its bytes are said to be harmful."""
        with self._lock:
            self._item(id).abusive = True

    # -- tests look

    def records(self, stream: str) -> dict[str, dict[str, Any]]:
        with self._lock:
            self.viewer = self.hub
            if stream == "drives":
                return {row["id"]: row for row in self.drive_rows()}
            live = [
                item
                for item in self.store.items.values()
                if self.store.depth_below(item, self.root_id) and not self.store.trashed(item)
            ]
            if stream == "permissions":
                return {f"{item.id}/{id}": dict(row) for item in live for id, row in item.permissions.items()}
            if stream == "comments":
                return {
                    f"{item.id}/{id}": self.comment_row(row)
                    for item in live
                    for id, row in item.comments.items()
                    if not row["deleted"]
                }
            return {item.id: self.store.resource(item, self.hub) for item in live if self.stream(item) == stream}

    def _item(self, id: str) -> Item:
        found = self.store.items.get(id)
        if found is None:
            raise refusals.not_found(id)
        return found

    def _edit_comment(self, by: Person, id: str, values: Mapping[str, Any]) -> None:
        file, _, own = id.partition("/")
        comment = self._item(file).comments[own]
        changes = {key: (comment.get(key), value) for key, value in values.items() if comment.get(key) != value}
        if changes:
            comment |= {**values, "modifiedTime": self.now()}
            comment["htmlContent"] = comment["content"]
            self.store.touch(self._item(file), self.now())
            self.note(by, "update", "comments", id, changes)


_person = person
