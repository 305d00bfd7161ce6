"""Payloads to Records: parents and text within reach, markers taken off, authors told where the service tells."""

from __future__ import annotations

import re
from functools import partial
from typing import Any
from urllib.parse import quote, unquote

from connectors.base import Record, Unreadable
from connectors.rows import each_row, identified, stamp
from connectors.trello.models import COMMENT_TYPES, LIST_CLOSED, Raw, attachment_id, called, created_at

MARKER_URL = "https://keepstep.invalid/m/"
"""Addresses under ``.invalid`` lead nowhere, for ever (RFC 2606)."""

MARKER_LINE = re.compile(r"\n*^\[//\]: # \(keepstep ([^)\s]+)\)$\n?", re.M)
"""A Markdown comment: Trello's page does not show it."""


def marker_url(marker: str) -> str:
    return MARKER_URL + quote(marker, safe="")


def marker_line(marker: str) -> str:
    return f"[//]: # (keepstep {quote(marker, safe='')})"


def marked(desc: str | None, marker: str) -> str:
    """A description that carries the marker on a line of its own."""
    return f"{desc}\n\n{marker_line(marker)}" if desc else marker_line(marker)


def record(stream: str, raw: Raw, me: str) -> Record:
    """A record of a stream from the payload that an answer carried. ``me`` is our own member id."""
    match stream:
        case "cards":
            return _card(raw)
        case "boards":
            return _board(raw)
        case "comments":
            return _comment(raw, me)
        case "attachments":
            return _attachment(raw, me)
        case _:
            return Record(
                stream=stream,
                id=raw["id"],
                payload=raw,
                scope=word(raw.get("idBoard")),
                created_at=created_at(raw["id"]),
            )


def gone(stream: str, id: str) -> Record:
    return Record(stream=stream, id=id, deleted=True)


def on_card(card: Raw, aside: list[Unreadable]) -> list[Raw]:
    """The links and files on a card, each of which says where it is."""
    listed = card.get("attachments")
    own = {"idCard": card["id"], "idBoard": card.get("idBoard")}
    rows = identified("attachments", listed if isinstance(listed, list) else (), aside)
    return [{**row, **own} for row in rows]


def attachments(card: Raw, me: str, aside: list[Unreadable]) -> list[Record]:
    """The links and files on a card, without our marker."""
    rows = [row for row in on_card(card, aside) if not is_marker(row)]
    return list(each_row("attachments", rows, partial(record, "attachments", me=me), aside))


def is_link(attachment: Raw) -> bool:
    return not attachment.get("isUpload")


def is_marker(attachment: Any) -> bool:
    return isinstance(attachment, dict) and str(attachment.get("url") or "").startswith(MARKER_URL)


def is_comment(action: Raw) -> bool:
    return action.get("type") in COMMENT_TYPES


def _card(raw: Raw) -> Record:
    payload, marker = dict(raw), None
    if _object(payload.pop("list", None)).get("closed") is True:
        payload[LIST_CLOSED] = True
    listed = raw.get("attachments")
    if isinstance(listed, list):
        ours = [each for each in listed if is_marker(each)]
        if ours:
            marker = unquote(str(ours[0]["url"])[len(MARKER_URL) :])
            payload["attachments"] = [each for each in listed if not is_marker(each)]
            badges = raw.get("badges")
            if isinstance(badges, dict) and isinstance(badges.get("attachments"), int):
                payload["badges"] = {**badges, "attachments": badges["attachments"] - len(ours)}
    return Record(
        stream="cards",
        id=raw["id"],
        payload=payload,
        marker=marker,
        ours=marker is not None,
        scope=word(raw.get("idBoard")),
        url=word(raw.get("url")) or word(raw.get("shortUrl")),
        created_at=created_at(raw["id"]),
        modified_at=stamp(raw.get("dateLastActivity")),
    )


def _board(raw: Raw) -> Record:
    payload, marker = dict(raw), None
    found = MARKER_LINE.search(word(raw.get("desc")) or "")
    if found:
        marker = unquote(found[1])
        payload["desc"] = MARKER_LINE.sub("", raw["desc"])
    return Record(
        stream="boards",
        id=raw["id"],
        payload=payload,
        marker=marker,
        ours=marker is not None,
        scope=raw["id"],
        url=word(raw.get("url")) or word(raw.get("shortUrl")),
        created_at=created_at(raw["id"]),
    )


def _comment(raw: Raw, me: str) -> Record:
    data, by = _object(raw.get("data")), word(raw.get("idMemberCreator"))
    card = _object(data.get("card"))
    link = card.get("shortLink")
    return Record(
        stream="comments",
        id=raw["id"],
        payload={**raw, "text": data.get("text"), "idCard": card.get("id") or data.get("idCard")},
        ours=by == me and raw.get("appCreator", {}) is not None,
        scope=word(_object(data.get("board")).get("id")),
        url=f"https://trello.com/c/{link}#comment-{raw['id']}" if link else None,
        created_at=stamp(raw.get("date")) or created_at(raw["id"]),
        modified_at=stamp(data.get("dateLastEdited") or raw.get("date")),
        modified_by=by,
        modified_by_name=called(raw.get("memberCreator")),
    )


def _attachment(raw: Raw, me: str) -> Record:
    return Record(
        stream="attachments",
        id=attachment_id(raw["idCard"], raw["id"]) if raw.get("idCard") else raw["id"],
        payload=raw,
        ours=raw.get("idMember") == me,
        scope=word(raw.get("idBoard")),
        url=word(raw.get("url")),
        created_at=stamp(raw.get("date")) or created_at(raw["id"]),
        modified_by=word(raw.get("idMember")),
    )


def word(value: Any) -> str | None:
    """A text; anything else is none."""
    return value if isinstance(value, str) and value else None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
