"""Notifications: proven by the token of ours that each delivery brings back, then read as ids worth a look.

Zoho signs nothing. The token travels in the body, beside the id of the channel under which we subscribed
(zoho.com/crm/developer/docs/api/v8/notifications/overview.html): both must be ours.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import msgspec

from connectors.answer import whole_characters
from connectors.base import utc
from connectors.hooks import Delivery, Hint, HookRefused


class Notice(msgspec.Struct):
    """A delivery's body. Ids of channels go past 2^53, and come as text or as a number."""

    module: str
    channel_id: str | int
    token: str | None = None
    ids: list[str | int] = []
    operation: str = ""
    server_time: int | None = None
    """Milliseconds since 1970."""


def channel_of(token: str) -> str:
    """The id of the channel that belongs to a token: always the same, so that a subscription is found again."""
    digest = hashlib.sha256(b"channel of " + token.encode()).digest()
    return str(10**14 + int.from_bytes(digest[:8], "big") % (9 * 10**14))


def parse(body: bytes, token: str | None, streams: Collection[str]) -> Delivery:
    """A delivery of our own channel. Raises ``HookRefused``; without a token nothing can be proven."""
    if token is None:
        raise HookRefused("no `hook_token` is configured, so no delivery can be proven", code="unsigned")
    try:
        notice = msgspec.json.decode(whole_characters(body), type=Notice)
        at = _instant(notice.server_time)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError, ValueError, OverflowError, OSError) as error:
        raise HookRefused(f"the body is no notification: {type(error).__name__}", code="malformed") from None
    if not notice.token:
        raise HookRefused("the delivery carries no token", code="unsigned")
    ours = (notice.token, token), (str(notice.channel_id), channel_of(token))
    proven = [hmac.compare_digest(given.encode(), right.encode()) for given, right in ours]
    if not all(proven):
        raise HookRefused("the delivery carries another token, or is of another channel", code="forged")
    known, named = notice.module in streams, [str(id) for id in notice.ids if id]
    ids = list(dict.fromkeys(named)) if known else []
    told = hashlib.sha256("\n".join([notice.module, notice.operation, *named]).encode()).hexdigest()
    return Delivery(
        key=f"{notice.channel_id}:{notice.server_time}:{told[:32]}",
        hints=[Hint(notice.module, id) for id in ids],
        feeds=[notice.module] if known and not ids else [],
        at=at,
    )


def _instant(milliseconds: Any) -> str | None:
    return utc(datetime.fromtimestamp(milliseconds / 1000, UTC)) if milliseconds is not None else None
