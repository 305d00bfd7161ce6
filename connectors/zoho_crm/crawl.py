"""Where a pull stands: a small JSON text, and what follows after each page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

import msgspec

from connectors.answer import Answer
from connectors.base import Clock, utc
from connectors.errors import CursorLost, Malformed, Transient
from connectors.zoho_crm.client import PAGE, PAGED_RECORDS
from connectors.zoho_crm.models import Info

OVERLAP = timedelta(seconds=60)
"""Times have whole seconds, and a slow write may appear under a time already asked for."""
PASSES = 3
LISTED = 100_000
"""So many records of a list can be paged through, and no more (Zoho's help, "Kaizen 60")."""


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """The next request of a pull. ``at`` is ``start`` between two rounds."""

    at: Literal["start", "records", "deleted"] = "start"
    since: str | None = None
    """The service's clock when the round before began. None: this is the first crawl."""
    began: str | None = None
    """The service's clock when this round began."""
    page: int = 1
    token: str | None = None
    met: str | None = None
    """The last id of the ``LISTED`` that come first: the rest is gone through from the other end, down to it."""
    wide: bool = False
    """The records took more than one page, so that a delete in between may have moved one past us."""
    moved: bool = False
    """Something was deleted since this round began."""
    passes: int = 1

    @classmethod
    def read(cls, cursor: str | None) -> Place:
        """Raises ``CursorLost`` for a text that is no cursor of ours."""
        if cursor is None:
            return cls()
        try:
            return msgspec.json.decode(cursor, type=cls)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise CursorLost(f"a cursor of another version or system: {error}") from error

    def text(self) -> str:
        return msgspec.json.encode(self).decode()

    @property
    def asked_since(self) -> datetime | None:
        """What ``If-Modified-Since`` asks."""
        if self.since is None:
            return None
        return datetime.fromisoformat(self.since) - OVERLAP

    def opened(self, now: datetime) -> Place:
        """A round whose first answer showed the service's clock at ``now``; later answers change nothing."""
        return moved_on(self, at="records", began=self.began or utc(now))

    def after_users(self, info: Info | None) -> Place:
        """Where to go on after a page of users, which have no deleted list and no page tokens."""
        return moved_on(self, page=self.page + 1) if info is not None and info.more_records else self._done()

    @property
    def descending(self) -> bool:
        return self.met is not None

    def after_records(self, info: Info | None, ids: Sequence[str]) -> Place:
        """Where to go on after a page of records with these ids.

        Raises ``Malformed`` when the service pages in a circle, ``Transient`` when both ends of the list show not all.
        """
        if info is not None and info.more_records and not self._meets(ids):
            if self.page * PAGE >= LISTED:
                last = max((id for id in ids if id.isdecimal()), key=int, default=None)
                if self.descending or last is None:
                    raise Transient(
                        f"{2 * LISTED} records or more: the service lists no more than half of them from each end"
                    )
                return moved_on(self, wide=True, page=1, token=None, met=last)
            wide = moved_on(self, wide=True, page=self.page + 1)
            if self.token is None and self.page * PAGE < PAGED_RECORDS:
                return wide
            if info.next_page_token is None or info.next_page_token == self.token:
                raise Malformed(f"page {self.page}: more records promised, but no new page token")
            return moved_on(wide, token=info.next_page_token)
        if self.since is not None or self.wide:
            return moved_on(self, at="deleted", page=1, token=None, met=None)
        return self._done()

    def _meets(self, ids: Sequence[str]) -> bool:
        """Whether the way from the other end has come to where the first one ended."""
        return self.met is not None and any(id.isdecimal() and int(id) <= int(self.met) for id in ids)

    def after_deleted(self, info: Info | None, latest: datetime | None) -> Place:
        """Where to go on after a page of deleted rows, the latest of which was deleted at ``latest``."""
        began = datetime.fromisoformat(self.began) if self.began else None
        moved = self.moved or (latest is not None and began is not None and latest >= began - timedelta(seconds=1))
        if info is not None and info.more_records:
            return moved_on(self, page=self.page + 1, moved=moved)
        if moved and self.wide and self.passes < PASSES:
            return moved_on(self, at="records", page=1, wide=False, moved=False, passes=self.passes + 1)
        return self._done()

    def _done(self) -> Place:
        return Place(since=self.began)


@dataclass(frozen=True, slots=True)
class ServiceClock:
    """The service's clock, as its answers show it."""

    local: Clock

    def read(self, answer: Answer) -> datetime:
        """The answer's ``Date``; our own clock where there is none."""
        try:
            moment = parsedate_to_datetime(answer.headers.get("Date", ""))
        except ValueError:
            return self.local.now()
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def moved_on(place: Place, **changes: object) -> Place:
    return msgspec.structs.replace(place, **changes)
