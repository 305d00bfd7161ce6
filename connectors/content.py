"""The bytes of documents and attachments, read in chunks. What a write carries is ``connectors.base.Content``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Download:
    """What a service sends of one record. ``chunks`` can be read once; each is at most a few times ``CHUNK`` long."""

    name: str
    media_type: str
    chunks: Iterator[bytes]
    size: int | None = None
    """Bytes, where the service tells beforehand."""


@runtime_checkable
class Carries(Protocol):
    """A connector whose records have bytes. ``Abilities.content`` says of which streams a write may carry some."""

    def download(self, stream: str, id: str) -> Download:
        """The bytes of one record; a document in the service's own format comes exported to a common one.

        Raises ``NotFound``, ``Forbidden``, ``RecordRefused`` (no bytes, too large to export, held back as harmful) or
        another ``ConnectorError``; a body that ends early raises ``Malformed`` from ``chunks``, never an early end.
        Safe to repeat. Sends credentials to no other host than the service's own.
        """
        ...
