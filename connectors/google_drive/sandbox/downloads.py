"""Files by id and their bytes: what is stored, what is exported, and earlier revisions."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from connectors.google_drive.models import FOLDER, GOOGLE, SHORTCUT
from connectors.google_drive.sandbox import refusals
from connectors.google_drive.sandbox.attached import Attached
from connectors.google_drive.sandbox.items import Item, Revision
from connectors.google_drive.sandbox.service import number
from connectors.sandbox.core import route
from connectors.sandbox.exchange import Refusal, Request, Response

MOST_EXPORTED = 10 * 1024 * 1024
OFFICE = "application/vnd.openxmlformats-officedocument."
FORMATS: dict[str, tuple[str, ...]] = {
    "document": (f"{OFFICE}wordprocessingml.document", "application/pdf", "text/plain", "text/html"),
    "spreadsheet": (f"{OFFICE}spreadsheetml.sheet", "application/pdf", "text/csv"),
    "presentation": (f"{OFFICE}presentationml.presentation", "application/pdf", "text/plain"),
    "drawing": ("application/pdf", "image/png", "image/svg+xml"),
    "script": (f"{GOOGLE}script+json",),
}


class Downloads(Attached):
    @route("GET", "/drive/v3/files/generateIds")
    def _generate(self, request: Request) -> Response:
        made = [self.store.new_id() for _ in range(number(request, "count", 10, 1000))]
        self.store.reserved |= set(made)
        return self.chosen(request, {"kind": "drive#generatedIds", "space": "drive", "ids": made})

    @route("GET", "/drive/v3/files/{id}")
    def _get(self, request: Request, id: str) -> Response:
        item = self.item(request, id)
        if request.arg("alt") != "media":
            return self.shown(request, item)
        if item.is_folder or item.is_google:
            message = "Only files with binary content can be downloaded. Use Export with Docs Editors files."
            raise refusals.refusal(403, "fileNotDownloadable", message, "alt")
        self._harmless(request, item)
        return _sent(request, item.content, item.mime)

    @route("GET", "/drive/v3/files/{id}/export")
    def _export(self, request: Request, id: str) -> Response:
        item = self._visible(id)
        if not item.is_google or item.mime in (FOLDER, SHORTCUT):
            raise refusals.forbidden("fileNotExportable", "Export only supports Docs Editors files.")
        wanted = request.arg("mimeType") or ""
        if wanted not in FORMATS.get(item.mime.removeprefix(GOOGLE), ()):
            raise refusals.refusal(400, "badRequest", "The requested conversion is not supported.", "convertTo")
        if len(item.content) > MOST_EXPORTED:
            message = "This file is too large to be exported."
            raise refusals.forbidden("exportSizeLimitExceeded", message)
        return Response(200, item.content, {"Content-Type": wanted})

    # -- revisions

    @route("GET", "/drive/v3/files/{id}/revisions")
    def _revisions(self, request: Request, id: str) -> Response:
        item = self._revised(id)
        rows = [self._revision_row(each) for each in item.revisions]
        return self.page(request, "revisions", "drive#revisionList", rows, 200, 1000)

    @route("GET", "/drive/v3/files/{id}/revisions/{revision}")
    def _revision(self, request: Request, id: str, revision: str) -> Response:
        item = self._revised(id)
        found = next((each for each in item.revisions if each.id == revision), None)
        if found is None:
            raise refusals.refusal(404, "notFound", f"Revision not found: {revision}.", "revisionId")
        if request.arg("alt") != "media":
            return self.chosen(request, self._revision_row(found), "kind,id,mimeType,modifiedTime")
        if found.mime.startswith(GOOGLE):
            message = "Only files with binary content can be downloaded. Use Export with Docs Editors files."
            raise refusals.refusal(403, "fileNotDownloadable", message, "alt")
        self._harmless(request, item)
        return _sent(request, found.content, found.mime)

    def _revised(self, id: str) -> Item:
        item = self._visible(id)
        if item.is_folder or item.mime == SHORTCUT:
            raise refusals.forbidden("revisionsNotSupported", "The file does not support revisions.")
        if not self.store.edits(item, self.viewer):
            message = "The user does not have sufficient permissions for this file."
            raise refusals.forbidden("insufficientFilePermissions", message)
        return item

    def _revision_row(self, revision: Revision) -> dict[str, Any]:
        row: dict[str, Any] = {
            "kind": "drive#revision",
            "id": revision.id,
            "mimeType": revision.mime,
            "modifiedTime": revision.at,
            "lastModifyingUser": revision.by.shown_to(self.viewer),
        }
        if revision.mime.startswith(GOOGLE):
            return row | {"published": False}
        return row | {
            "keepForever": False,
            "md5Checksum": hashlib.md5(revision.content, usedforsecurity=False).hexdigest(),
            "size": str(len(revision.content)),
            "originalFilename": revision.name,
        }

    def _visible(self, id: str) -> Item:
        found = self.store.items.get(id)  # exports and revisions know no supportsAllDrives
        if found is None or not self.store.sees(found, self.viewer):
            raise refusals.not_found(id)
        return found

    def _harmless(self, request: Request, item: Item) -> None:
        if item.abusive and request.arg("acknowledgeAbuse") != "true":
            message = "This file has been identified as malware or spam and cannot be downloaded."
            raise refusals.forbidden("cannotDownloadAbusiveFile", message)


def _sent(request: Request, content: bytes, mime: str) -> Response:
    """The bytes, or the part of them that a range asks for."""
    headers = {"Content-Type": mime, "Accept-Ranges": "bytes"}
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    if asked is None:
        return Response(200, content, headers | {"Content-Length": str(len(content))})
    start = int(asked[1])
    if start >= len(content):
        raise Refusal(416, headers={"Content-Range": f"bytes */{len(content)}"})
    part = content[start : int(asked[2]) + 1 if asked[2] else None]
    told = f"bytes {start}-{start + len(part) - 1}/{len(content)}"
    return Response(206, part, headers | {"Content-Range": told, "Content-Length": str(len(part))})
