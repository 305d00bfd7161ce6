"""Pairs of functions for the single values of boards, cards and comments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from connectors.base import utc
from mapping.fields import Read, Unmappable
from mapping.pairs import Pair, identifier, moment, text, word, yes_or_no

LIMIT = 16384

Section = Mapping[str, Any]


def title() -> Pair:
    read, write = text(LIMIT)

    def filled(value: Any, section: Section) -> Any:
        if value is None:
            raise Unmappable("cannot_be_empty")
        return write(value, section)

    return read, filled


def markdown() -> Pair:
    read, write = text(LIMIT)
    return read, lambda value, section: write(value, section) or ""


JOINER = "\u2060"
"""Shows nothing, and takes no room."""
CODE = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]+`)", re.DOTALL)
MENTION = re.compile(r"(?<![\w/.@])@(?=\w)")


def said() -> Pair:
    """What a comment says. In a comment ``@name`` calls a member, ``@card`` and ``@board`` all of them
    (support.atlassian.com/trello, commenting on cards): what was said elsewhere calls nobody here."""
    read, write = markdown()

    def unheard(value: Any, section: Section) -> Any:
        shown = read(value, section)
        return shown.replace(f"@{JOINER}", "@") if shown is not None else None

    def quiet(value: Any, section: Section) -> Any:
        parts = CODE.split(value or "")
        parts[::2] = [MENTION.sub(f"@{JOINER}", part) for part in parts[::2]]
        return write("".join(parts), section)

    return unheard, quiet


def flag() -> Pair:
    return yes_or_no, lambda value, _: bool(value)


ROLES = ("mirror", "separator")
"""``cardRole`` of what only shows a card of another place, or a line between cards."""


def archived() -> Pair:
    """A card is archived itself, or its list is: the board shows neither. Nor is one work that others are copied from
    (``isTemplate``), that only shows another, or that is a line. No write makes it any."""

    def read(value: Any, section: Section) -> Any:
        return yes_or_no(value, section) or _set_aside(section) is not None

    def write(value: Any, section: Section) -> Any:
        why = _set_aside(section)
        if why is None:
            return bool(value)
        if not value:
            raise Unmappable(why)
        return section.get("closed") is True  # it counts as archived already

    return read, write


def _set_aside(section: Section) -> str | None:
    """Why an open card counts as archived."""
    if section.get("listClosed") is True:
        return "list_archived"
    if section.get("isTemplate") is True or section.get("cardRole") in ROLES:
        return "no_work"
    return None


def ref(stream: str) -> Pair:
    def read(value: Any, _: Section) -> Any:
        return {"stream": stream, "id": identifier({"id": value})} if value else None

    def write(value: Any, _: Section) -> Any:
        if value is None:
            raise Unmappable("cannot_be_empty")
        if value["stream"] != stream:
            raise Unmappable("other_stream", value["stream"])
        return value["id"]

    return read, write


def day_or_instant(name: str, zone: ZoneInfo) -> Pair:
    """An instant. A day keeps the clock time that the card shows, else it is five in the afternoon there."""

    def write(value: Any, section: Section) -> Any:
        if value is None or len(value) > 10:
            return value
        day = date.fromisoformat(value)
        try:
            shown = moment(section.get(name))
            clock = datetime.fromisoformat(shown).astimezone(zone) if shown else datetime(2000, 1, 1, 17, tzinfo=zone)
        except (ValueError, OverflowError):  # what stood there is no time that a clock could keep
            clock = datetime(2000, 1, 1, 17, tzinfo=zone)
        try:
            return utc(clock.replace(year=day.year, month=day.month, day=day.day))
        except OverflowError as trouble:
            raise Unmappable("no_such_value", value) from trouble

    return lambda value, _: moment(value), write


def born(value: Any, _: Section) -> Any:
    """An id begins with the second of its creation."""
    if not isinstance(value, str) or len(value) != 24:
        raise Unmappable("no_date_in_id", value)
    return utc(datetime.fromtimestamp(int(value[:8], 16), UTC))


def author(names: Mapping[str, str]) -> Read:
    """Who said or added it. A card that is copied takes its comments along, and each of them names who copied as its
    member, but who wrote it as ``idOriginalCommenter``."""

    def read(value: Any, section: Section) -> Any:
        data = section.get("data")
        wrote = data.get("idOriginalCommenter") if isinstance(data, Mapping) else None
        if not wrote and not value:
            return None
        account = identifier({"id": wrote or value})
        who = section.get("memberCreator") if account == value else None
        shown = word(who.get("fullName")) if isinstance(who, Mapping) else None
        return {"account": account, "name": shown or names.get(account), "email": None}

    return read


def assignee(names: Mapping[str, str]) -> Pair:
    """The first member. Whoever else is on the card stays there, whatever is written."""

    def read(value: Any, _: Section) -> Any:
        if not value:
            return None
        account = identifier({"id": value[0]})
        return {"account": account, "name": names.get(account), "email": None}

    def write(value: Any, section: Section) -> Any:
        present = list(section.get("idMembers") or ())
        if value is None:
            return {"add": [], "remove": present[:1]}
        account = value["account"]
        if not section:
            return [account]
        return {"add": [account], "remove": [each for each in present[:1] if each != account], "first": account}

    return read, write


def shown_person(value: Any) -> Any:
    return value
