"""Uploads of bytes: at once, together with what the file is called, or in a session of chunks."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import urlencode

import msgspec

from connectors.base import Clock
from connectors.google_drive.models import FOLDER, SHORTCUT
from connectors.google_drive.sandbox import refusals
from connectors.google_drive.sandbox.people import Person
from connectors.google_drive.sandbox.writes import Writes
from connectors.sandbox.core import route
from connectors.sandbox.exchange import Refusal, Request, Response

GRAIN = 256 * 1024
WEEK = 7 * 86_400.0
HOST = "www.googleapis.com"


@dataclass(slots=True)
class Session:
    """An upload under way. Nothing of it shows before its last byte."""

    request: Request
    told: dict[str, Any]
    id: str | None
    """The file that gets new bytes; None: one is made."""
    viewer: Person
    ends_at: float
    held: bytearray = field(default_factory=bytearray)
    file: str | None = None
    """The file, once it is complete."""


class Uploads(Writes):
    def __init__(self, clock: Clock, seed: int = 1) -> None:
        super().__init__(clock, seed)
        self.uploads: dict[str, Session] = {}
        self.short_takes: list[int] = []
        """How many bytes of the next chunks the service keeps, in turn; whole grains of 256 KiB."""

    @route("POST", "/upload/drive/v3/files")
    def _upload_new(self, request: Request) -> Response:
        return self._begin(request, None)

    @route("PATCH", "/upload/drive/v3/files/{id}")
    def _upload_to(self, request: Request, id: str) -> Response:
        return self._begin(request, id)

    @route("PUT", "/upload/drive/v3/files")
    def _chunk_new(self, request: Request) -> Response:
        return self._chunk(request)

    @route("PUT", "/upload/drive/v3/files/{id}")
    def _chunk_to(self, request: Request, id: str) -> Response:
        return self._chunk(request)

    def _begin(self, request: Request, id: str | None) -> Response:
        match request.arg("uploadType"):
            case "media":
                kind = request.headers.get("content-type", "application/octet-stream")
                return self._store(request, id, {"mimeType": kind}, request.body)
            case "multipart":
                told, content = _related(request)
                return self._store(request, id, told, content)
            case "resumable":
                return self._open(request, id)
            case _:
                raise refusals.bad_value("uploadType")

    def _open(self, request: Request, id: str | None) -> Response:
        told = dict(request.json() or {})
        told.setdefault("mimeType", request.headers.get("x-upload-content-type", "application/octet-stream"))
        self._possible(request, id, told)
        number = self.store.new_id("AFiumC", 60)
        self.uploads[number] = Session(request, told, id, self.viewer, self.clock.monotonic() + WEEK)
        host = request.headers.get("host", HOST)
        scheme = "http" if host.startswith("127.0.0.1") else "https"
        query = urlencode([*request.query, ("upload_id", number)])
        return Response(
            200, b"", {"Location": f"{scheme}://{host}{request.path}?{query}", "X-GUploader-UploadID": number}
        )

    def _chunk(self, request: Request) -> Response:
        found = self.uploads.get(request.arg("upload_id") or "")
        if found is None or found.ends_at <= self.clock.monotonic():
            raise refusals.refusal(404, "notFound", "Upload session not found.", "upload_id")
        if found.file is not None:
            return self.shown(request, self.item(found.request, found.file))
        told = request.headers.get("content-range", "")
        if re.fullmatch(r"bytes \*/(\d+|\*)", told) and not request.body:
            return _more(found) if told != "bytes */0" else self._complete(request, found)
        start, total = self._range(told, request.body, found)
        last = total is not None and start + len(request.body) == total
        if not last and len(request.body) % GRAIN:
            raise refusals.refusal(400, "badRequest", "Chunks must be multiples of 256 KiB, except the last.")
        kept = request.body[: self.short_takes.pop(0)] if self.short_takes else request.body
        found.held += kept
        return self._complete(request, found) if last and len(kept) == len(request.body) else _more(found)

    def _range(self, told: str, body: bytes, found: Session) -> tuple[int, int | None]:
        """Where a chunk begins, and how long the whole is if it is known."""
        if not told and not found.held:
            return 0, len(body)  # everything at once
        parts = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", told)
        if parts is None or int(parts[1]) != len(found.held) or int(parts[2]) - int(parts[1]) + 1 != len(body):
            raise refusals.refusal(400, "badRequest", "Failed to parse Content-Range header.")
        return int(parts[1]), int(parts[3]) if parts[3] != "*" else None

    def _complete(self, request: Request, found: Session) -> Response:
        self.viewer = found.viewer
        item = self._done(found.request, found.id, found.told, bytes(found.held))
        found.file, found.held = item.id, bytearray()
        return self.shown(found.request, item)

    def _store(self, request: Request, id: str | None, told: dict[str, Any], content: bytes) -> Response:
        self._possible(request, id, told)
        return self.shown(request, self._done(request, id, told, content))

    def _possible(self, request: Request, id: str | None, told: dict[str, Any]) -> None:
        mime = self.creatable(request, told)[1] if id is None else self.updatable(request, id, told)[0].mime
        if mime in (FOLDER, SHORTCUT):
            raise refusals.refusal(400, "badRequest", "Media cannot be uploaded to such a file.")

    def _done(self, request: Request, id: str | None, told: dict[str, Any], content: bytes) -> Any:
        return self.created(request, told, content) if id is None else self.updated(request, id, told, content)


def _more(found: Session) -> Response:
    held = {"Range": f"bytes=0-{len(found.held) - 1}"} if found.held else {}
    return Response(308, b"", held)


def _related(request: Request) -> tuple[dict[str, Any], bytes]:
    """The two parts of ``multipart/related``: what the file is called, and its bytes."""
    head = f"Content-Type: {request.headers.get('content-type', '')}\r\n\r\n".encode()
    message: Message = BytesParser(policy=HTTP).parsebytes(head + request.body)
    payload = message.get_payload()
    parts = [part for part in payload if isinstance(part, Message)] if isinstance(payload, list) else []
    if len(parts) != 2:
        raise refusals.refusal(400, "badContent", "Malformed multipart body.")
    told, content = (part.get_payload(decode=True) for part in parts)
    try:
        values = msgspec.json.decode(told if isinstance(told, bytes) else b"", type=dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise Refusal(400, refusals.body(400, "parseError", "Parse Error")) from None
    values.setdefault("mimeType", parts[1].get_content_type())
    return values, content if isinstance(content, bytes) else b""
