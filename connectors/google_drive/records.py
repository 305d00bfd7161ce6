"""Rows of Drive as Records: the marker taken off, the way from the root put beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.base import Record
from connectors.google_drive.client import Row
from connectors.google_drive.models import MARKER
from connectors.google_drive.tree import Way, read
from connectors.rows import id_of, stamp

WIDTH = 20
"""Digits of a version: a decimal of 64 bits, padded so that it sorts as text."""


def version(value: str | int | None) -> str | None:
    return str(value).zfill(WIDTH) if value else None


def record(stream: str, row: Row, way: Way | None, root: str) -> Record:
    """A file, folder or shortcut that lies below the root. In the trash (itself or by a parent) means deleted.

    ``payload["ancestors"]`` holds the folders between the root and it, top first: the one key that is not Drive's.
    """
    file = read(row)
    payload = dict(row)
    marker = file.appProperties.get(MARKER)
    if marker is not None:
        rest = {key: value for key, value in file.appProperties.items() if key != MARKER}
        payload.pop("appProperties", None)
        if rest:
            payload["appProperties"] = rest
    if way is not None:
        payload["ancestors"] = list(way)
    user = file.lastModifyingUser
    return Record(
        stream=stream,
        id=file.id,
        payload=payload,
        version=version(file.version),
        deleted=file.trashed,
        marker=marker,
        ours=marker is not None,
        scope=(way[-1] if way else root) if way is not None else None,
        url=file.webViewLink,
        created_at=stamp(file.createdTime),
        modified_at=stamp(file.modifiedTime),
        modified_by=user.permissionId if user else None,
        modified_by_name=user.displayName if user else None,
    )


def gone(stream: str, id: str) -> Record:
    """Drive knows it no more: deleted for good, or access lost, which looks the same from here."""
    return Record(stream=stream, id=id, payload={"id": id}, deleted=True)


def hidden(stream: str, id: str) -> Record:
    """Asked for by id and refused."""
    return Record(stream=stream, id=id, payload={"id": id}, forbidden=True)


def elsewhere(stream: str, id: str, now: str | None) -> Record:
    """It exists, but not in this stream any more: ``payload["place"]`` names the stream it is in now, or ``outside``.

    No delete: ``forbidden`` says that nothing may be concluded, ``scope`` is None, and what lies outside the root
    is none of our business, so nothing else of it is told.
    """
    return Record(stream=stream, id=id, payload={"id": id, "place": now or "outside"}, forbidden=True)


def comment(file_id: str, row: Row, way: Way | None) -> Record:
    """A comment on a file; its id is unique together with the file's only."""
    return Record(
        stream="comments",
        id=f"{file_id}/{id_of(row)}",
        payload={**row, "fileId": file_id, **({"ancestors": list(way)} if way is not None else {})},
        version=stamp(row.get("modifiedTime")),
        deleted=bool(row.get("deleted")),
        scope=file_id,
        created_at=stamp(row.get("createdTime")),
        modified_at=stamp(row.get("modifiedTime")),
        modified_by=_account(row.get("author")),
        modified_by_name=_name(row.get("author")),
    )


def permission(file_id: str, row: Row, way: Way | None) -> Record:
    """Somebody's right to a file or folder; read, never written."""
    return Record(
        stream="permissions",
        id=f"{file_id}/{id_of(row)}",
        payload={**row, "fileId": file_id, **({"ancestors": list(way)} if way is not None else {})},
        deleted=bool(row.get("deleted")),
        scope=file_id,
    )


def revision(file_id: str, row: Row, way: Way | None) -> Record:
    """A state that a file's content had, or has; read, never written. Drive drops them after some time."""
    return Record(
        stream="revisions",
        id=f"{file_id}/{id_of(row)}",
        payload={**row, "fileId": file_id, **({"ancestors": list(way)} if way is not None else {})},
        scope=file_id,
        created_at=stamp(row.get("modifiedTime")),
        modified_at=stamp(row.get("modifiedTime")),
        modified_by=_account(row.get("lastModifyingUser")),
        modified_by_name=_name(row.get("lastModifyingUser")),
    )


def _account(person: Any) -> str | None:
    id = person.get("permissionId") if isinstance(person, Mapping) else None
    return id if isinstance(id, str) else None


def _name(person: Any) -> str | None:
    name = person.get("displayName") if isinstance(person, Mapping) else None
    return name if isinstance(name, str) and name else None


def drive(row: Row) -> Record:
    return Record(stream="drives", id=id_of(row), payload=dict(row), created_at=stamp(row.get("createdTime")))
