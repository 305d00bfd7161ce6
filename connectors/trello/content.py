"""The bytes of attachments: uploaded files come down and go up; a link has none."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, unquote

import requests

from connectors.answer import Answer
from connectors.auth import Auth
from connectors.base import Content, Gate
from connectors.content import Download
from connectors.errors import Malformed, RecordRefused
from connectors.multipart import Multipart
from connectors.trello.client import KeyAndToken, TrelloClient
from connectors.trello.models import Raw
from connectors.trello.records import is_link, is_marker

SMALL = 10_000_000
LARGE = 250_000_000
"""Bytes of one file, on a free plan and on a paid one (support.atlassian.com/trello, adding attachments to cards);
a board's ``premiumFeatures`` tell which it is. Decimal, in case the service counts so."""

LARGE_FEATURE = "largeAttachments"
NAME_LIMIT = 256
TYPE_LIMIT = 256


class HeaderAuth(Auth):
    """Credentials in the header, as the download address alone wants them: it takes none in the query since 2021
    (community.developer.atlassian.com/t/update-authenticated-access-to-s3/43681)."""

    def __init__(self, own: KeyAndToken) -> None:
        self._own = own

    def prepare(self) -> None:
        self._own.prepare()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        key, token = self._own.secrets
        request.headers["Authorization"] = f'OAuth oauth_consumer_key="{key}", oauth_token="{token}"'
        return request


def most(features: list[list[str]]) -> int:
    """Largest file that every one of the boards takes, from the paid features of each."""
    return min((LARGE if LARGE_FEATURE in each else SMALL for each in features), default=SMALL)


def download(client: TrelloClient, id: str) -> Download:
    """The bytes of an uploaded file. The address is built here from its ids, never taken from the record."""
    card, _, own = id.partition(":")
    path = f"/cards/{quote(card, safe='')}/attachments/{quote(own, safe='')}"
    raw = client.get(path)
    if not isinstance(raw, dict) or "id" not in raw:
        raise Malformed(f"GET {path}: not an attachment")
    if is_link(raw) or is_marker(raw):
        raise RecordRefused(f"attachment {id} is a link: it has no bytes", code="no_content")
    if raw.get("isMalicious"):
        raise RecordRefused(f"attachment {id} is held back as harmful", code="malicious")
    name = file_name(raw)
    got = client.http.stream(f"{path}/download/{quote(name, safe='')}", auth=HeaderAuth(client.auth))
    kind = str(raw.get("mimeType") or "")
    if got.headers.get("Content-Type", "").startswith("text/html") and not kind.startswith("text/html"):
        got.close()
        raise Malformed(f"GET {path}/download: a page instead of the file")
    told = raw.get("bytes")
    return Download(
        name=str(raw.get("name") or name),
        media_type=str(kind or got.headers.get("Content-Type") or "application/octet-stream"),
        chunks=got.chunks(),
        size=got.size if got.size is not None else told if isinstance(told, int) else None,
    )


def file_name(raw: Raw) -> str:
    """The last part of the download address. The record shows it encoded; an old one only within its own address."""
    shown = raw.get("fileName") or str(raw.get("url") or "").partition("?")[0].rpartition("/")[2]
    return unquote(str(shown)) or str(raw.get("name") or "file")


def upload(client: TrelloClient, gate: Gate, card: str, values: Mapping[str, str], content: Content) -> Answer:
    """One file onto a card, in one request that leaves in parts. Raises ``ConnectorError``."""
    fields = {name: value for name, value in values.items() if value}
    if content.media_type:
        fields["mimeType"] = content.media_type[:TYPE_LIMIT]
    with content.path.open("rb") as file:
        body = Multipart(file, content)
        return client.http.write(
            "POST",
            f"/cards/{card}/attachments",
            gate=gate,
            params=fields,
            data=body,
            headers={"Content-Type": f"multipart/form-data; boundary={body.boundary}"},
        )
