"""Content on its way up: a session, chunks in order, and going on where the service says that it stopped.

Nothing exists and nothing changes before the last byte has arrived (developers.google.com/workspace/drive/api/guides/
manage-uploads#resumable), so a session that is left is without effect, and asking how far it is changes nothing.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from connectors.answer import Answer
from connectors.base import Content, Gate
from connectors.errors import (
    ConnectorError,
    EffectUnknown,
    GateClosed,
    Malformed,
    NotFound,
    RateLimited,
    RecordRefused,
    Transient,
)
from connectors.http import Http

MOST: Final = 5_497_558_138_880
"""Bytes that one file may have, by the contract."""

CHUNK: Final = 32 * 256 * 1024
"""Bytes of one request: every chunk but the last must be a multiple of 256 KiB."""

STALLS: Final = 5
"""Requests in a row that may bring an upload no further."""

PATH: Final = "/upload/drive/v3/files"
SESSIONS: Final = (PATH, f"/resumable{PATH}")
"""Where the paths of sessions begin, by the contract's media protocols."""


class Unfinished(ConnectorError):
    """308: the service holds the first ``received`` bytes and waits for more. No trouble, but no file either."""

    def __init__(self, message: str, received: int) -> None:
        super().__init__(message, status=308)
        self.received = received


def unfinished(answer: Answer) -> Unfinished | None:
    """What an answer says of an upload that has not ended; None for every other answer."""
    if answer.status != 308 or not answer.path.startswith(SESSIONS):
        return None
    # Without a range nothing has arrived yet.
    told = re.fullmatch(r"bytes=0-(\d+)", answer.headers.get("Range", "").strip())
    return Unfinished(f"{answer.verb} an upload: not at its end", int(told[1]) + 1 if told else 0)


def upload(
    http: Http,
    verb: str,
    path: str,
    params: dict[str, str],
    body: dict[str, Any],
    content: Content,
    gate: Gate,
    look: Callable[[], None],
) -> Answer:
    """Send what the file is called and then its bytes; the answer that carries the file.

    ``look`` is called directly before each request that could complete the upload, and may raise to leave it. Raises
    ``EffectUnknown`` if the last byte left and no answer came, not even to the question how far the upload is; after
    any other ``ConnectorError`` or ``GateClosed`` nothing has changed over there.
    """
    started = http.write(
        verb,
        path,
        gate=gate,
        params=params | {"uploadType": "resumable"},
        json=body,
        headers={
            "X-Upload-Content-Type": content.media_type or "application/octet-stream",
            "X-Upload-Content-Length": str(content.size),
        },
        repeat=True,
    )
    with content.path.open("rb") as file:
        return _Session(http, _session(started), file, content.size, gate, look).run()


def _session(started: Answer) -> tuple[str, dict[str, str]]:
    """Path and query of a session. The host is not believed: credentials and content go to the configured one.

    Whoever holds the query may go on with the upload, so it stays apart from the path, which logs and errors name.
    """
    parts = urlsplit(started.headers.get("Location", ""))
    query = dict(parse_qsl(parts.query))
    if not parts.path.startswith(SESSIONS) or "upload_id" not in query:
        raise Malformed(f"{started.verb} {started.path}: an upload began without an address to go on at")
    return parts.path, query


class _Session:
    def __init__(
        self,
        http: Http,
        address: tuple[str, dict[str, str]],
        file: io.BufferedReader,
        size: int,
        gate: Gate,
        look: Callable[[], None],
    ) -> None:
        self._http = http
        self._path, self._query = address
        self._file = file
        self._size = size
        self._gate = gate
        self._look = look
        self._in_doubt = False
        """The last byte left once without an answer: it may still take effect, whatever is said of it since."""

    def run(self) -> Answer:
        try:
            return self._send()
        except (ConnectorError, GateClosed) as error:
            if self._in_doubt:
                raise EffectUnknown(f"an upload whose end was not answered: {error}") from error
            if isinstance(error, EffectUnknown):
                raise Transient(f"an upload broke off before its end: {error}") from error
            raise

    def _send(self) -> Answer:
        received = stalls = 0
        while stalls < STALLS:
            answer = self._step(received)
            if isinstance(answer, Answer):
                return answer
            stalls = stalls + 1 if answer <= received else 0
            received = min(answer, self._size)
        raise Transient(f"an upload stands still at {received} of {self._size} bytes")

    def _step(self, start: int) -> Answer | int:
        """One chunk. The answer with the file, or how many bytes the service holds now."""
        try:
            try:
                return self._put(start)
            except EffectUnknown:
                return self._ask()
        except Unfinished as more:
            return more.received
        except RateLimited:
            return start

    def _put(self, start: int) -> Answer:
        self._file.seek(start)
        chunk = self._file.read(min(CHUNK, self._size - start))
        end = start + len(chunk)
        if len(chunk) < min(CHUNK, self._size - start):
            raise RecordRefused(f"the content has {end} bytes instead of {self._size}", code="content_changed")
        # Without bytes there is no range that could be named.
        headers = {"Content-Range": f"bytes {start}-{end - 1}/{self._size}"} if chunk else {}
        if end == self._size:
            self._look()
        try:
            return self._request(headers, chunk)
        except EffectUnknown:
            self._in_doubt = self._in_doubt or end == self._size
            raise

    def _ask(self) -> Answer:
        return self._request({"Content-Range": f"bytes */{self._size}"}, repeat=True)

    def _request(self, headers: dict[str, str], data: bytes | None = None, *, repeat: bool = False) -> Answer:
        try:
            return self._http.write(
                "PUT", self._path, gate=self._gate, params=self._query, data=data, headers=headers, repeat=repeat
            )
        except NotFound as error:
            raise Transient(f"the service forgot an upload before its end: {error}") from error
