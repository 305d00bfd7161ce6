"""What the stand-in keeps: items, drives, and the log of changes; how they look to a viewer."""

from __future__ import annotations

import hashlib
import random
import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from connectors.google_drive.models import FOLDER, SHORTCUT
from connectors.google_drive.sandbox.people import Person

ID_LETTERS = string.ascii_letters + string.digits + "-_"
USER_LOG = "user"


@dataclass(frozen=True, slots=True)
class Revision:
    id: str
    content: bytes
    mime: str
    name: str
    at: str
    by: Person


@dataclass(slots=True)
class Item:
    """A file, folder or shortcut. One parent only; names are not unique."""

    id: str
    name: str
    mime: str
    parent: str | None
    drive: str | None
    owner: Person | None
    creator: Person
    created: str
    modified: str
    by: Person
    description: str = ""
    trashed: bool = False
    version: int = 1
    app: dict[str, str] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    """What any app put there, for all to see."""
    content: bytes = b""
    """Of a document of Google's own editors: its text, which no answer shows but an export."""
    target: dict[str, str] = field(default_factory=dict)
    fixed: bool = False
    """Our account may not move it, though it may read it."""
    findable_at: float = 0.0
    """When searches by property or name begin to show it."""
    abusive: bool = False
    """Held back: it is said to be harmful."""
    revisions: list[Revision] = field(default_factory=list)
    """What its bytes were, oldest first; the last are those of now."""
    permissions: dict[str, dict[str, Any]] = field(default_factory=dict)
    comments: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def is_folder(self) -> bool:
        return self.mime == FOLDER

    @property
    def head(self) -> str:
        return self.revisions[-1].id if self.revisions else ""

    @property
    def is_google(self) -> bool:
        return self.mime.startswith("application/vnd.google-apps.")


@dataclass(slots=True)
class SharedDrive:
    id: str
    name: str
    created: str
    members: set[str] | None = None
    """Addresses; None: the whole company."""


@dataclass(frozen=True, slots=True)
class Logged:
    n: int
    removed: bool
    at: str


class Items:
    """State behind the API. Every change of an item passes ``touch``, which raises its version and logs it."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.items: dict[str, Item] = {}
        self.drives: dict[str, SharedDrive] = {}
        self.reserved: set[str] = set()
        self.logs: dict[str, dict[str, Logged]] = {USER_LOG: {}}
        self.n = 2000
        """Number of the newest change; page tokens are such numbers."""

    def new_id(self, prefix: str = "1", length: int = 33, suffix: str = "") -> str:
        return prefix + "".join(self._rng.choices(ID_LETTERS, k=length - len(prefix) - len(suffix))) + suffix

    # -- the tree

    def way_up(self, item: Item) -> Iterator[Item]:
        """The item and the folders above it."""
        at: Item | None = item
        while at is not None:
            yield at
            at = self.items.get(at.parent) if at.parent else None

    def depth_below(self, item: Item, root: str) -> int | None:
        for depth, at in enumerate(self.way_up(item)):
            if at.id == root:
                return depth
        return None

    def children(self, id: str) -> list[Item]:
        return [item for item in self.items.values() if item.parent == id]

    def subtree(self, item: Item) -> Iterator[Item]:
        for child in self.children(item.id):
            yield child
            yield from self.subtree(child)

    def trashed(self, item: Item) -> bool:
        return any(at.trashed for at in self.way_up(item))

    # -- who may do what

    def sees(self, item: Item, viewer: Person) -> bool:
        if item.drive is not None:
            members = self.drives[item.drive].members
            if members is None or viewer.email in members:
                return True
        return item.owner == viewer or self._has_role(item, viewer, ("owner", "writer", "commenter", "reader"))

    def edits(self, item: Item, viewer: Person) -> bool:
        if item.drive is not None:
            members = self.drives[item.drive].members
            if members is None or viewer.email in members:
                return True
        return item.owner == viewer or self._has_role(item, viewer, ("owner", "writer"))

    def moves(self, item: Item, viewer: Person) -> bool:
        return self.edits(item, viewer) and not item.fixed

    def _has_role(self, item: Item, viewer: Person, roles: tuple[str, ...]) -> bool:
        return any(
            share["role"] in roles and (share["type"] == "anyone" or share.get("emailAddress") == viewer.email)
            for at in self.way_up(item)
            for share in at.permissions.values()
        )

    def visibility(self, item: Item) -> str:
        """The term of the search language: who can open it without being named."""
        for at in self.way_up(item):
            for share in at.permissions.values():
                if share["type"] in ("anyone", "domain"):
                    return f"{share['type']}{'CanFind' if share.get('allowFileDiscovery') else 'WithLink'}"
        return "limited"

    # -- changes

    def touch(self, item: Item, at: str) -> None:
        """A change: the version grows by more than one now and then, for changes that nobody sees."""
        item.version += self._rng.choice((1, 1, 2, 3))
        self.log(item, at)

    def log(self, item: Item, at: str, removed: bool = False, drive: str | None = None) -> None:
        self.n += 1
        corpora = [drive] if drive else [USER_LOG, *([item.drive] if item.drive else [])]
        for corpus in corpora:
            self.logs.setdefault(corpus, {})[item.id] = Logged(self.n, removed, at)

    # -- how it looks

    def resource(self, item: Item, viewer: Person) -> dict[str, Any]:
        """The whole resource ``File`` as that viewer gets it; absent keys are absent there too."""
        edits = self.edits(item, viewer)
        shown: dict[str, Any] = {
            "kind": "drive#file",
            "id": item.id,
            "name": item.name,
            "mimeType": item.mime,
            "starred": False,
            "trashed": self.trashed(item),
            "explicitlyTrashed": item.trashed,
            "spaces": ["drive"],
            "version": str(item.version),
            "webViewLink": link(item),
            "createdTime": item.created,
            "modifiedTime": item.modified,
            "lastModifyingUser": item.by.shown_to(viewer),
            "shared": bool(item.drive) or len(item.permissions) > 1,
            "capabilities": {
                "canAddChildren": item.is_folder and edits,
                "canEdit": edits,
                "canModifyContent": edits,
                "canMoveItemWithinDrive": self.moves(item, viewer),
                "canRename": edits,
                "canTrash": edits,
                "canUntrash": edits,
            },
        }
        parent = self.items.get(item.parent or "")
        if parent is not None and self.sees(parent, viewer):
            shown["parents"] = [parent.id]
        if item.description:
            shown["description"] = item.description
        if item.drive:
            shown |= {"driveId": item.drive, "teamDriveId": item.drive}
        elif item.owner is not None:
            shown |= {"ownedByMe": item.owner == viewer, "owners": [item.owner.shown_to(viewer)]}
        if item.app:
            shown["appProperties"] = dict(item.app)
        if item.properties:
            shown["properties"] = dict(item.properties)
        if item.mime == SHORTCUT:
            shown["shortcutDetails"] = dict(item.target)
        elif not item.is_folder and not item.is_google:
            shown |= {
                "size": str(len(item.content)),
                "md5Checksum": hashlib.md5(item.content, usedforsecurity=False).hexdigest(),
                "sha256Checksum": hashlib.sha256(item.content).hexdigest(),
                "headRevisionId": item.head,
                "originalFilename": item.revisions[-1].name if item.revisions else item.name,
                "webContentLink": f"https://drive.google.com/uc?id={item.id}&export=download",
            }
        elif not item.is_folder:
            shown["size"] = "1024"
        return shown


def link(item: Item) -> str:
    if item.is_folder:
        return f"https://drive.google.com/drive/folders/{item.id}"
    editors = {"document": "document", "spreadsheet": "spreadsheets", "presentation": "presentation"}
    editor = editors.get(item.mime.removeprefix("application/vnd.google-apps."))
    if editor:
        return f"https://docs.google.com/{editor}/d/{item.id}/edit?usp=drivesdk"
    return f"https://drive.google.com/file/d/{item.id}/view?usp=drivesdk"
