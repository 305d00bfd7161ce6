"""The cursors of Drive's feeds: small JSON texts that name root and drive, so that none outlives its meaning."""

from __future__ import annotations

import msgspec

from connectors.errors import CursorLost
from connectors.google_drive.tree import CrawlState


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a feed goes on: in the middle of its crawl, or at a page token of the changes."""

    root: str
    drive: str | None = None
    page: str | None = None
    crawl: str | None = None
    """The start token taken before the crawl began."""
    depth: int = 0
    after: str = ""
    turn: str = ""
    """How far the slow rotation has come, by creation time."""

    def text(self) -> str:
        return msgspec.json.encode(self).decode()

    @property
    def state(self) -> CrawlState | None:
        return CrawlState(self.crawl, self.depth, self.after) if self.crawl is not None else None

    def at(self, state: CrawlState) -> Cursor:
        return Cursor(root=self.root, drive=self.drive, crawl=state.start, depth=state.depth, after=state.after)

    def then(self, page: str, turn: str = "") -> Cursor:
        return Cursor(root=self.root, drive=self.drive, page=page, turn=turn)


def parse(text: str, root: str) -> Cursor:
    """Raises ``CursorLost`` for a text that is no cursor of ours, or belongs to another root."""
    try:
        cursor = msgspec.json.decode(text, type=Cursor)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise CursorLost("not a cursor of this connector") from error
    if cursor.root != root:
        raise CursorLost(f"the cursor belongs to root {cursor.root}, the connection names {root}")
    if (cursor.page is None) == (cursor.crawl is None):
        raise CursorLost("not a cursor of this connector")
    return cursor


class _Drives(msgspec.Struct, frozen=True):
    drives: list[str]


def drives_text(ids: list[str]) -> str:
    """The cursor of the feed of shared drives: those that were there."""
    return msgspec.json.encode(_Drives(ids)).decode()


def parse_drives(text: str) -> list[str]:
    """Raises ``CursorLost`` for a text that is no cursor of that feed."""
    try:
        return msgspec.json.decode(text, type=_Drives).drives
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise CursorLost("not a cursor of this feed") from error
