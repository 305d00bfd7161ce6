"""Deliveries of webhooks: proven by their signature, then read as ids worth a look.

``X-Trello-Webhook`` is the base64 form of HMAC-SHA1 over the raw body followed by the callback address exactly as
registered; the key is the app's secret (developer.atlassian.com/cloud/trello/guides/rest-api/webhooks). Nothing in it
tells when it was sent: a repeated delivery is known by the id of its action.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.answer import whole_characters
from connectors.errors import Misconfigured
from connectors.hooks import Delivery, Hint, HookRefused
from connectors.trello.log import read_log
from connectors.trello.models import Action
from connectors.trello.settings import TrelloSettings

HEADER = "x-trello-webhook"


class Sent(msgspec.Struct):
    """A delivery's body: what happened, and the thing that the webhook watches."""

    action: Action
    model: Any = None
    """Not there where the thing itself is gone."""


def parse_hook(settings: TrelloSettings, headers: Mapping[str, str], body: bytes) -> Delivery:
    """Raises ``HookRefused``, and ``Misconfigured`` where the configuration lacks what proves a delivery."""
    if settings.hook_secret is None or not settings.hook_url:
        raise Misconfigured("deliveries of Trello cannot be proven without `hook_secret` and `hook_url`")
    given = next((value for name, value in headers.items() if name.lower() == HEADER), "")
    if not given:
        raise HookRefused("a delivery without the header X-Trello-Webhook", code="unsigned")
    secret, url = settings.hook_secret.get_secret_value().encode(), settings.hook_url.encode()
    proof = base64.b64encode(hmac.digest(secret, body + url, hashlib.sha1))
    if not hmac.compare_digest(proof, given.encode("utf-8", "replace")):
        raise HookRefused("a delivery whose signature does not fit its body and `hook_url`", code="forged")
    try:
        sent = msgspec.json.decode(whole_characters(body), type=Sent)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
        raise HookRefused(f"a delivery that cannot be read: {error}", code="malformed") from None
    watched = sent.model if isinstance(sent.model, dict) else {}
    board = sent.action.at("board", "id") or watched.get("idBoard") or ""
    touched = read_log([sent.action], str(board))
    # Some entries tell of more records than they name; only a pull finds all of those.
    whole = bool(board) and (touched.every_card or bool(touched.whole_lists))
    return Delivery(
        key=sent.action.id,
        hints=[Hint(stream, id) for stream, ids in touched.ids.items() for id in sorted(ids) if id],
        feeds=[f"board:{board}"] if whole else [],
    )
