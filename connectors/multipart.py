"""A file as the body of one request, read in parts: what services take that want a form."""

from __future__ import annotations

import io
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from connectors.base import Content


class Multipart(io.RawIOBase):
    """A form with one file in it (RFC 7578), read in parts and of a length that is known beforehand."""

    def __init__(self, file: io.BufferedReader, content: Content) -> None:
        # The boundary is a hash of content that does not know it, so that it cannot occur there.
        self.boundary = f"keepstep-{uuid5(NAMESPACE_URL, content.sha256).hex}"
        name = label(content.name).replace('"', "%22")
        kind = "".join(sign for sign in content.media_type if sign.isprintable()) or "application/octet-stream"
        head = (
            f"--{self.boundary}\r\n"
            f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n'
            f"Content-Type: {kind}\r\n\r\n"
        ).encode()
        tail = f"\r\n--{self.boundary}--\r\n".encode()
        self._parts: list[io.BufferedIOBase] = [io.BytesIO(head), file, io.BytesIO(tail)]
        self._length = len(head) + content.size + len(tail)
        self._read = 0

    def __len__(self) -> int:
        return self._length

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._read

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            got = b"".join(part.read() for part in self._parts)
        else:
            got = b""
            while self._parts and not got:
                got = self._parts[0].read(size)
                if not got:
                    self._parts.pop(0)
        self._read += len(got)
        return got


def label(name: str) -> str:
    """A name from outside, for a header or a list: no line breaks, no path."""
    plain = "".join(sign for sign in name if sign.isprintable())
    return Path(plain.replace("\\", "/")).name if "/" in plain or "\\" in plain else plain
