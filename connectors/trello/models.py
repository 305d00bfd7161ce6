"""Wire shapes as Trello sends them: only what the connector itself looks into; payloads stay whole."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from connectors.base import utc
from mapping.model import Form

Raw = dict[str, Any]

STREAMS = ("boards", "lists", "cards", "checklists", "labels", "members", "comments", "attachments")

COMMENT_TYPES = ("commentCard", "copyCommentCard")
COMMENT_FILTER = ",".join(COMMENT_TYPES)

CARD_PARTS = {"checklists": "all", "attachments": "true", "customFieldItems": "true"}
"""What is asked for with every card, so that one way of reading shows the same record as another."""

CARD = {**CARD_PARTS, "list": "true"}
"""The same for a card that is read by its id. Listings cannot show the lists of their cards: see ``Reader.cards``."""

LIST_CLOSED = "listClosed"
"""On a card whose list is archived, and on no other. The key is not Trello's: there the list alone says so."""

HOLDS = {
    Form.TEXT: ("text", "number", "list"),
    Form.RICH: ("text",),
    Form.DATE: ("date",),
    Form.NUMBER: ("number",),
    Form.MONEY: ("number",),
    Form.FLAG: ("checkbox",),
    Form.CHOICE: ("list", "text"),
}
"""Canonical form -> the types of custom field that can hold it."""

DEFAULT_CHECKLIST = "Checklist"
"""What the service's own page calls a new one."""

BOARD_FIELDS = "name,desc,closed,idOrganization,url,shortUrl,shortLink,prefs,labelNames"
MEMBER_FIELDS = "fullName,username"


class Action(msgspec.Struct, frozen=True):
    """One entry of a board's log."""

    id: str
    type: str
    date: str
    idMemberCreator: str | None = None
    data: Any = None
    memberCreator: Any = None
    appCreator: Any = msgspec.UNSET

    def at(self, *path: str) -> Any:
        """What ``data`` holds under the path; None where it ends early."""
        here: Any = self.data
        for name in path:
            if not isinstance(here, Mapping):
                return None
            here = here.get(name)
        return here

    @property
    def author(self) -> str | None:
        """What Trello calls its author."""
        return called(self.memberCreator)

    def by(self, member: str) -> bool:
        """Made by that account through an app; the web page leaves ``appCreator`` null."""
        return self.idMemberCreator == member and self.appCreator is not None


def called(member: Any) -> str | None:
    """The name of a member: the full one, else that of the account."""
    shown = [member.get(name) for name in ("fullName", "username")] if isinstance(member, Mapping) else ()
    return next((name for name in shown if isinstance(name, str) and name), None)


def created_at(id: str) -> str | None:
    """The moment of creation that the first eight digits of an id tell, in seconds. None for any other id."""
    try:
        return utc(datetime.fromtimestamp(int(id[:8], 16), UTC)) if len(id) == 24 else None
    except (ValueError, OverflowError, OSError):
        return None


def pos(raw: Mapping[str, Any]) -> float:
    """Where a thing stands among its like; 0 where it does not say."""
    found = raw.get("pos")
    return float(found) if isinstance(found, int | float) else 0.0


def attachment_id(card: str, attachment: str) -> str:
    """A record id for an attachment: the service addresses it only through its card."""
    return f"{card}:{attachment}"
