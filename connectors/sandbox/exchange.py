"""A request and a response without a socket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec


@dataclass(slots=True)
class Request:
    """What a client sent. ``query`` keeps repeated names; header names are lower case."""

    method: str
    path: str
    query: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def of(cls, method: str, url: str, headers: Mapping[str, str], body: bytes | str | None) -> Request:
        parts = urlsplit(url)
        raw = body.encode() if isinstance(body, str) else body or b""
        return cls(
            method=method.upper(),
            path=parts.path or "/",
            query=parse_qsl(parts.query, keep_blank_values=True),
            headers={name.lower(): value for name, value in headers.items()},
            body=raw,
        )

    def arg(self, name: str, default: str | None = None) -> str | None:
        """The first query value of that name."""
        return next((value for key, value in self.query if key == name), default)

    def args(self, name: str) -> list[str]:
        return [value for key, value in self.query if key == name]

    def json(self) -> Any:
        """The JSON body; an empty body is None. Raises ``Refusal`` 400 if it is not JSON."""
        if not self.body:
            return None
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError as error:
            raise Refusal(400, {"error": str(error)}) from error

    def form(self) -> dict[str, Part]:
        """The parts of a form by their names. Raises ``Refusal`` 415 if the body is none."""
        kind = self.headers.get("content-type", "")
        if not kind.startswith("multipart/form-data"):
            raise Refusal(415, "a form was expected")
        parts = {}
        for part in message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + self.body, policy=HTTP).iter_parts():
            content: Any = part.get_payload(decode=True)
            name = str(part.get_param("name", header="content-disposition"))
            parts[name] = Part(content, part.get_filename(), part.get_content_type())
        return parts


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form; a file has a name."""

    body: bytes
    filename: str | None
    kind: str


@dataclass(slots=True)
class Response:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        return cls(status, msgspec.json.encode(value), {"Content-Type": "application/json", **(headers or {})})

    @classmethod
    def text(cls, value: str, status: int = 200) -> Response:
        return cls(status, value.encode(), {"Content-Type": "text/plain; charset=utf-8"})


class Refusal(Exception):
    """A handler's way to answer with an error from any depth."""

    def __init__(self, status: int, body: Any = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status}: {body}")
        if isinstance(body, str):
            self.response = Response.text(body, status)
        else:
            self.response = Response.json(body, status, headers) if body is not None else Response(status)
        self.response.headers.update(headers or {})
