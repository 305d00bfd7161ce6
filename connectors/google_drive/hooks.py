"""Push notifications: a channel that Drive calls when its log of changes has grown, and the proof that it was Drive.

A delivery has headers and no body, and no signature: only the token that went with the channel comes back
(developers.google.com/workspace/drive/api/guides/push). Ours is a hash of the channel's id under ``hook_secret``,
and the id names when the channel ends. So a delivery is proven by itself, for this one channel and until then, and
nothing needs to be stored.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import datetime

from connectors.hooks import Delivery, HookRefused

FEEDS = ("files", "comments", "permissions", "revisions")
"""All that read the log of changes."""

PREFIX = "keepstep-changes-"


def channel_id(ends: datetime) -> str:
    """A new id for a channel that ends then."""
    return f"{PREFIX}{int(ends.timestamp() * 1000)}-{secrets.token_hex(8)}"


def channel_token(secret: str, channel: str) -> str:
    """What proves that a delivery belongs to this channel."""
    return hmac.new(secret.encode(), channel.encode(), hashlib.sha256).hexdigest()


def parse(headers: Mapping[str, str], secret: str | None, now: datetime) -> Delivery:
    """A delivery of a channel of ours that has not ended. Raises ``HookRefused``: without a secret, for all of them."""
    if secret is None:
        raise HookRefused("no `hook_secret` is configured, so no delivery can be proven", code="unsigned")
    given = {name.lower(): value for name, value in headers.items()}
    channel, token = given.get("x-goog-channel-id", ""), given.get("x-goog-channel-token", "")
    if not channel or not token:
        raise HookRefused("a delivery without channel and token", code="unsigned")
    if not hmac.compare_digest(channel_token(secret, channel).encode(), token.encode("utf-8", "replace")):
        raise HookRefused("the token is not that of the channel", code="forged")
    ends = re.fullmatch(rf"{PREFIX}(\d{{13}})-[0-9a-f]+", channel)
    number, state = given.get("x-goog-message-number", ""), given.get("x-goog-resource-state", "")
    if ends is None or not number.isdecimal() or not state:
        raise HookRefused("the headers are not those that Drive sends", code="malformed")
    if int(ends[1]) <= now.timestamp() * 1000:
        raise HookRefused("the channel has ended", code="stale")
    # The first message only says that the channel stands.
    return Delivery(key=f"{channel}:{number}", feeds=[] if state == "sync" else list(FEEDS))
