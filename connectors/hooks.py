"""Webhooks: a delivery proves who sent it and names what to look at. It is a hint, never data.

A connector that can be called by its service has ``parse_hook`` beside the verbs of ``connectors.base``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import msgspec

from connectors.errors import ConnectorError


class Hint(msgspec.Struct, frozen=True):
    """A record that is worth a look by id."""

    stream: str
    id: str


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery that was proven to come from the service."""

    key: str
    """The service's own id of it, the same over its retries."""
    hints: list[Hint] = []
    feeds: list[str] = []
    """Feeds worth a pull, where the service only says that something changed."""
    at: str | None = None
    """When the service signed it, where the signature covers a time."""


class HookRefused(ConnectorError):
    """Not from the service, altered on its way, too old, or not readable.

    ``code``: unsigned, forged, stale, malformed.
    """


@runtime_checkable
class Hooked(Protocol):
    """A connector whose service calls back."""

    def parse_hook(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        """Check the proof over the raw body in constant time, then read it. Sends no request; safe to repeat.

        Header names are compared without regard to case. Raises ``HookRefused`` for anything that is not proven, and
        for a body that is not what the service sends; an event of an unknown kind is a delivery without hints.
        """
        ...
