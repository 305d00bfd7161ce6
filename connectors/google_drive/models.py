"""Wire shapes as Drive sends them, and the field lists that ask for them.

Payloads stay dictionaries, so that keys nobody here knows survive; the structs type what the connector reads.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from connectors.base import Unreadable

FOLDER: Final = "application/vnd.google-apps.folder"
SHORTCUT: Final = "application/vnd.google-apps.shortcut"
GOOGLE: Final = "application/vnd.google-apps."
"""How the types begin that Google's own editors and places have: such things hold no bytes."""

MARKER: Final = "keepstep"
"""Key of the private property (``appProperties``) that holds our marker; only our OAuth client sees it."""

USER = "displayName,emailAddress,permissionId,me"
ABOUT = f"user({USER}),storageQuota(limit,usage)"
FILE = (
    "id,name,mimeType,description,parents,driveId,trashed,explicitlyTrashed,version,createdTime,modifiedTime,"
    "webViewLink,size,md5Checksum,sha256Checksum,headRevisionId,appProperties,shortcutDetails,ownedByMe,shared,"
    f"owners({USER}),lastModifyingUser({USER}),"
    "capabilities(canAddChildren,canEdit,canModifyContent,canMoveItemWithinDrive,canRename,canTrash,canUntrash)"
)
PLACE = "id,name,mimeType,parents,driveId,trashed,capabilities(canAddChildren)"
COMMENT = (
    f"id,content,createdTime,modifiedTime,author({USER}),resolved,deleted,quotedFileContent,"
    f"replies(id,content,createdTime,modifiedTime,author({USER}),action,deleted)"
)
PERMISSION = "id,type,role,emailAddress,displayName,domain,allowFileDiscovery,expirationTime,deleted,pendingOwner"
REVISION = f"id,mimeType,modifiedTime,keepForever,originalFilename,size,md5Checksum,lastModifyingUser({USER})"
DRIVE = "id,name,createdTime,hidden"


class Capabilities(msgspec.Struct, frozen=True):
    canAddChildren: bool | None = None
    canEdit: bool | None = None
    canModifyContent: bool | None = None
    canMoveItemWithinDrive: bool | None = None
    canRename: bool | None = None
    canTrash: bool | None = None
    canUntrash: bool | None = None


class User(msgspec.Struct, frozen=True):
    displayName: str | None = None
    emailAddress: str | None = None
    permissionId: str | None = None
    me: bool = False


class File(msgspec.Struct, frozen=True):
    """The part of a file, folder or shortcut that the connector itself reads."""

    id: str
    name: str = ""
    mimeType: str = ""
    parents: list[str] = []
    driveId: str | None = None
    trashed: bool = False
    version: str | int | None = None
    createdTime: str | None = None
    modifiedTime: str | None = None
    webViewLink: str | None = None
    size: str | int | None = None
    md5Checksum: str | None = None
    sha256Checksum: str | None = None
    headRevisionId: str | None = None
    appProperties: dict[str, str] = {}
    ownedByMe: bool | None = None
    lastModifyingUser: User | None = None
    capabilities: Capabilities = Capabilities()

    @property
    def parent(self) -> str | None:
        """The one parent; None at the top, or where our account may not see it."""
        return self.parents[0] if self.parents else None


class FileList(msgspec.Struct, frozen=True):
    files: list[Any]
    nextPageToken: str | None = None
    incompleteSearch: bool = False


class Change(msgspec.Struct, frozen=True):
    fileId: str | None = None
    removed: bool = False
    file: dict[str, Any] | None = None
    changeType: str = "file"
    driveId: str | None = None


class SentChanges(msgspec.Struct, frozen=True):
    changes: list[Any]
    nextPageToken: str | None = None
    newStartPageToken: str | None = None


class ChangeList(msgspec.Struct, frozen=True):
    """A page of the log, each entry read."""

    changes: list[Change]
    nextPageToken: str | None = None
    newStartPageToken: str | None = None
    unreadable: list[Unreadable] = []


class CommentList(msgspec.Struct, frozen=True):
    comments: list[Any]
    nextPageToken: str | None = None


class RevisionList(msgspec.Struct, frozen=True):
    revisions: list[Any]
    nextPageToken: str | None = None


class PermissionList(msgspec.Struct, frozen=True):
    permissions: list[Any]
    nextPageToken: str | None = None


class DriveList(msgspec.Struct, frozen=True):
    drives: list[Any]
    nextPageToken: str | None = None


class Channel(msgspec.Struct, frozen=True, omit_defaults=True):
    """A notification channel, as it is asked for and as it is answered."""

    id: str
    type: str | None = None
    address: str | None = None
    token: str | None = None
    expiration: str | None = None
    """Unix time in milliseconds."""
    resourceId: str | None = None


class StartPageToken(msgspec.Struct, frozen=True):
    startPageToken: str


class GeneratedIds(msgspec.Struct, frozen=True):
    ids: list[str]


class About(msgspec.Struct, frozen=True):
    user: User
    storageQuota: dict[str, str] = {}
    """``limit`` (absent: none) and ``usage``, bytes as text."""
