"""Where a crawl stands: everything a restart needs, in the cursor itself."""

from __future__ import annotations

import msgspec

from connectors.errors import CursorLost

# Jira refuses a query without any restriction, and a day after the epoch is before every issue in any time zone.
BEGINNING = 86_400_000
END = 253_402_300_799_999


class Window(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Issues made from one time until another, and how far they have been listed. A time of creation never moves, so
    windows can be listed side by side without an issue slipping from one into another."""

    since: int
    until: int | None = None
    token: str | None = None
    seen: int = 0
    """Everything made before this has been listed: where to go on when the token is lost."""


class Crawl(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A crawl over issues by time of change, between two of its pages or between two crawls.

    Its window and its start are fixed when it begins. A window taken anew for each page would move with the clock
    and let slip what changes meanwhile.
    """

    since: int = 0
    """Everything changed from here on (epoch milliseconds), already widened by the overlap."""
    started: int = 0
    """The service's clock when this crawl began: the next one's window. 0: between two crawls."""
    token: str | None = None
    seen: int = 0
    """Everything changed before this has been listed: where to go on when the token is lost."""
    reconcile: list[int] = []
    full: bool = False
    """It began without a cursor."""
    windows: list[Window] = []
    """Of a large full crawl: what is left of it."""

    def encode(self) -> str:
        return msgspec.json.encode(self).decode()


def decode(cursor: str) -> Crawl:
    """The crawl that a cursor stands for. Raises ``CursorLost`` for what no version of ours wrote."""
    try:
        crawl = msgspec.json.decode(cursor, type=Crawl)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise CursorLost(f"not a cursor of this connector: {error}") from error
    for moment in (crawl.since, crawl.started, crawl.seen):
        if moment != 0 and not BEGINNING <= moment <= END:
            raise CursorLost("not a cursor of this connector: a time that no issue has")
    return crawl
