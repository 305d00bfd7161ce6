"""Answers of services: whole ones, and those whose body is still to be read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from math import isfinite, nan
from typing import Any, TypeVar, overload

import msgspec
import requests

from connectors.content import CHUNK
from connectors.errors import EffectUnknown, Malformed

T = TypeVar("T")

_HALF = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.")
"""Escapes in a JSON text, one after the other; the group holds half of a character that stands alone."""


class Answer:
    """A complete answer with a status below 400, or one on its way to becoming an error."""

    def __init__(self, response: requests.Response, verb: str, path: str, writing: bool) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        # In large parts: by itself the library joins a body of a page's size from dozens of small ones.
        self.body: bytes = response.content
        self.verb = verb
        self.path = path
        self._writing = writing

    @overload
    def decode(self) -> Any: ...
    @overload
    def decode(self, shape: type[T], *, in_part: bool = False) -> T: ...
    def decode(self, shape: Any = Any, *, in_part: bool = False) -> Any:
        """The JSON body as ``shape``. If it is not: raises ``Malformed`` (reading) or ``EffectUnknown`` (writing).

        ``in_part``: the shape leaves values as bytes, so that all of the body is checked to be text here.
        """
        try:
            if in_part and not self.body.isascii():
                self.body.decode()
            return msgspec.json.decode(whole_characters(self.body), type=shape)
        except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError) as error:
            kind = "HTML" if self.body.lstrip()[:1] == b"<" else f"{len(self.body)} bytes"
            message = f"{self.verb} {self.path}: answer {self.status} is not the JSON promised ({kind}): {error}"
            if self._writing:
                raise EffectUnknown(message, status=self.status) from error
            raise Malformed(message, status=self.status) from error

    def words(self, limit: int = 300) -> str:
        """The beginning of the body as text, for an error message."""
        text = self.body[: limit * 4].decode("utf-8", "replace")
        return re.sub(r"\s+", " ", text).strip()[:limit]


def whole_characters(body: bytes) -> bytes:
    """A JSON text in which every escape stands for a character. Services that cut a text may leave half of one, an
    emoji's, at its end: it becomes U+FFFD here, or the whole page could not be read."""
    if b"\\ud" not in body and b"\\uD" not in body:
        return body
    return _HALF.sub(lambda found: rb"\ufffd" if found[1] else found[0], body)


class Streamed:
    """An answer whose body has not been read yet. Read ``chunks`` to its end or close it."""

    def __init__(self, response: requests.Response, path: str) -> None:
        self._response = response
        self._path = path
        self.headers: Mapping[str, str] = response.headers
        length = response.headers.get("Content-Length", "")
        self.size = int(length) if length.isdecimal() else None
        """Bytes, where the service tells beforehand."""

    def chunks(self) -> Iterator[bytes]:
        """The body, once. Raises ``Malformed`` if it ends early or is longer than promised."""
        seen = 0
        try:
            with self._response:
                for part in self._response.iter_content(CHUNK):
                    seen += len(part)
                    yield part
        except requests.RequestException as error:
            raise Malformed(f"GET {self._path}: {type(error).__name__} after {seen} bytes") from None
        if self.size is not None and seen != self.size:
            raise Malformed(f"GET {self._path}: {seen} bytes instead of {self.size}")

    def close(self) -> None:
        self._response.close()


def retry_after(answer: Answer, now: float) -> float | None:
    """Seconds that the header ``Retry-After`` asks for, given as a number or as a date. ``now`` is our own clock, which
    counts only where the answer does not tell the service's."""
    value = answer.headers.get("Retry-After")
    if not value:
        return None
    try:
        wait = float(value)
    except ValueError:
        until = _seconds(value)
        wait = until - (said_at(answer) or now) if until is not None else nan
    return max(0.0, wait) if isfinite(wait) else None


def said_at(answer: Answer) -> float | None:
    """When the service says that it answered, in seconds since 1970."""
    return _seconds(answer.headers.get("Date", ""))


def from_something_before(answer: Answer) -> bool:
    """A page for people: whatever stands before the service sent it, and it says nothing of the service's records."""
    return answer.body.lstrip()[:1] == b"<"


def _seconds(date: str) -> float | None:
    """A date as HTTP headers have it, in seconds since 1970."""
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
