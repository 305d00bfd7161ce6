"""Channels of notifications on the log of changes: opened, stopped, and what a delivery looks like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connectors.base import Clock
from connectors.google_drive.sandbox import refusals
from connectors.google_drive.sandbox.uploads import Uploads
from connectors.sandbox.core import route
from connectors.sandbox.exchange import Request, Response

WEEK = 7 * 86_400_000


@dataclass(slots=True)
class Open:
    told: dict[str, Any]
    resource: str
    messages: int = 0


class Channels(Uploads):
    def __init__(self, clock: Clock, seed: int = 1) -> None:
        super().__init__(clock, seed)
        self.channels: dict[str, Open] = {}

    @route("POST", "/drive/v3/changes/watch")
    def _watch(self, request: Request) -> Response:
        corpus = self._corpus(request)
        if not request.arg("pageToken"):
            raise refusals.refusal(400, "required", "Required parameter: pageToken", "pageToken")
        told = request.json() or {}
        if told.get("type") not in ("web_hook", "webhook") or not told.get("id"):
            raise refusals.bad_value("type")
        if not str(told.get("address", "")).startswith("https://"):
            raise refusals.refusal(400, "push.webhookUrlNotHttps", "WebHook callback must be HTTPS: " + told["address"])
        if told["id"] in self.channels:
            raise refusals.refusal(400, "channelIdNotUnique", "Channel id not unique")
        now = int(self.clock.now().timestamp() * 1000)
        ends = min(int(told.get("expiration") or now + 3_600_000), now + WEEK)
        self.channels[told["id"]] = Open(told | {"expiration": str(ends)}, f"resource-of-{corpus}")
        shown = {
            "kind": "api#channel",
            "id": told["id"],
            "resourceId": f"resource-of-{corpus}",
            "resourceUri": f"https://www.googleapis.com/drive/v3/changes?alt=json&pageToken={request.arg('pageToken')}",
            "expiration": str(ends),
        }
        return Response.json(shown | ({"token": told["token"]} if told.get("token") else {}))

    @route("POST", "/drive/v3/channels/stop")
    def _stop(self, request: Request) -> Response:
        told = request.json() or {}
        found = self.channels.get(str(told.get("id")))
        if found is None or found.resource != told.get("resourceId"):
            raise refusals.refusal(404, "notFound", f"Channel '{told.get('id')}' not found")
        del self.channels[told["id"]]
        return Response(204)

    def delivery(self, channel: str, state: str = "change") -> dict[str, str]:
        """The headers of the next message of a channel; it has no body."""
        found = self.channels[channel]
        found.messages += 1
        return {
            "X-Goog-Channel-ID": channel,
            "X-Goog-Message-Number": str(found.messages),
            "X-Goog-Resource-State": state,
            "X-Goog-Resource-ID": found.resource,
            "X-Goog-Channel-Token": str(found.told.get("token", "")),
        }
