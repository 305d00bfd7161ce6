"""Webhooks: the signature over the raw body, and what a delivery hints at.

``X-Hub-Signature: sha256=HEX`` is an HMAC of the body with the secret under which the webhook was registered (the
standard of WebSub, which Atlassian follows); ``X-Atlassian-Webhook-Identifier`` is the same over the retries of one
delivery.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from connectors.answer import whole_characters
from connectors.hooks import Delivery, Hint, HookRefused
from connectors.jira.models import Json
from connectors.jira.records import STREAM_OF_LEVEL, account_of, child_id, level, moment
from connectors.rows import NoRecord

SIGNATURE = "x-hub-signature"
IDENTIFIER = "x-atlassian-webhook-identifier"

FEEDS = {
    "jira:issue": ("issues",),
    "jira:worklog": ("issues", "worklogs"),
    "comment": ("issues",),
    "issuelink": ("issues",),
    "worklog": ("issues", "worklogs"),
    "attachment": ("issues", "attachments"),
    "jira:version": ("versions",),
    "user": ("users",),
}
"""What an event begins with -> the feeds that will tell of it."""


def parse(headers: Mapping[str, str], body: bytes, secret: str | None) -> Delivery:
    """A delivery that carries the right signature. Raises ``HookRefused``; without a secret nothing can be proven."""
    given = {name.lower(): value for name, value in headers.items()}
    _prove(given.get(SIGNATURE, ""), body, secret)
    try:
        event: Json = msgspec.json.decode(whole_characters(body), type=dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
        raise HookRefused("the body is no JSON object", code="malformed") from error
    name = event.get("webhookEvent")
    if not isinstance(name, str):
        raise HookRefused("the body names no webhookEvent", code="malformed")
    try:
        hints = list(dict.fromkeys(_hints(name, event)))
    except (TypeError, ValueError, KeyError, AttributeError, NoRecord) as error:
        raise HookRefused(f"the body of {name[:60]} is not as Jira sends it", code="malformed") from error
    at = moment(event.get("timestamp"))
    if at is None and event.get("timestamp") is not None:
        raise HookRefused(f"the body of {name[:60]} tells no time that Jira sends", code="malformed")
    feeds = next((feeds for start, feeds in FEEDS.items() if name.startswith(start)), ())
    key = given.get(IDENTIFIER) or hashlib.sha256(body).hexdigest()
    return Delivery(key=key, hints=hints, feeds=list(feeds), at=at)


def _prove(signature: str, body: bytes, secret: str | None) -> None:
    if secret is None:
        raise HookRefused("no `hook_secret` is configured, so no delivery can be proven", code="unsigned")
    method, _, digest = signature.strip().partition("=")
    if not digest:
        raise HookRefused("the delivery carries no signature", code="unsigned")
    right = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if method.lower() != "sha256" or not hmac.compare_digest(right.encode(), digest.strip().lower().encode()):
        raise HookRefused("the signature is not of this body", code="forged")


def _hints(name: str, event: Json) -> Iterator[Hint]:
    issue = event.get("issue") or {}
    if issue.get("id"):
        stream = STREAM_OF_LEVEL.get(level(issue))
        if stream is not None:
            yield Hint(stream, str(issue["id"]))
        comment = event.get("comment") or {}
        if comment.get("id"):
            yield Hint("comments", child_id(str(issue["id"]), comment))
    link, worklog = event.get("issueLink") or {}, event.get("worklog") or {}
    if worklog.get("id"):
        yield Hint("worklogs", str(worklog["id"]))
    for place in worklog.get("issueId"), link.get("sourceIssueId"), link.get("destinationIssueId"):
        if place:
            yield Hint("issues", str(place))
    version = event.get("version") or {}
    if name.startswith("jira:version") and version.get("id"):
        yield Hint("versions", str(version["id"]))
    account = account_of(event.get("user")) if name.startswith("user_") else None
    if account is not None:
        yield Hint("users", account)
