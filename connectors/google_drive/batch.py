"""Several GETs in one request: ``multipart/mixed`` with an HTTP request, later an HTTP answer, in each part."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP

SIZE = 100
"""Calls that one batch takes."""
BOUNDARY = "keepstep-batch"
CONTENT_TYPE = f"multipart/mixed; boundary={BOUNDARY}"


@dataclass(frozen=True, slots=True)
class Part:
    """One answer of a batch."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def encode(addresses: Sequence[str]) -> bytes:
    """A batch of GETs for these addresses (path and query), numbered in order."""
    lines = []
    for number, address in enumerate(addresses):
        lines += [
            f"--{BOUNDARY}",
            "Content-Type: application/http",
            f"Content-ID: <{number}>",
            "",
            f"GET {address} HTTP/1.1",
            "Accept: application/json",
            "",
            "",
        ]
    lines += [f"--{BOUNDARY}--", ""]
    return "\r\n".join(lines).encode()


def decode(content_type: str, body: bytes, count: int) -> list[Part]:
    """The answers in the order of the calls. Raises ValueError if one is missing or cut off."""
    boundary = re.search(r'boundary="?([^";]+)"?', content_type)
    if not content_type.lower().startswith("multipart/mixed") or boundary is None:
        raise ValueError(f"not a batch answer but {content_type or 'nothing'}")
    if not body.rstrip().endswith(f"--{boundary[1]}--".encode()):
        raise ValueError("a batch answer that was cut off")
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message: Message = BytesParser(policy=HTTP).parsebytes(head + body)
    found: dict[int, Part] = {}
    for part in message.get_payload() if message.is_multipart() else []:
        number = re.search(r"(\d+)>?\s*$", str(part.get("Content-ID", ""))) if isinstance(part, Message) else None
        if number is None or not isinstance(part, Message):
            raise ValueError("a part of a batch answer without its number")
        raw = part.get_payload(decode=True)
        found[int(number[1])] = _answer(raw if isinstance(raw, bytes) else b"")
    if set(found) != set(range(count)):
        raise ValueError(f"{len(found)} answers to a batch of {count}")
    return [found[number] for number in range(count)]


def _answer(raw: bytes) -> Part:
    head, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    lines = head.decode("latin-1").splitlines()
    status = re.match(r"HTTP/\S+ (\d{3})", lines[0] if lines else "")
    if status is None:
        raise ValueError("a part of a batch answer that is no HTTP answer")
    headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
    return Part(int(status[1]), body.strip(), headers)
