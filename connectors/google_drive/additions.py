"""What the hub leaves in Drive: a private property on what it makes and, if configured, a channel of notifications."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from connectors.base import Gate, Outcome, Write, chunks
from connectors.context import Context
from connectors.errors import ConnectorError, Forbidden, GateClosed, NotFound, RecordRefused
from connectors.google_drive import batch
from connectors.google_drive.client import Client
from connectors.google_drive.hooks import channel_id, channel_token
from connectors.google_drive.models import MARKER, Channel
from connectors.google_drive.refusals import SCOPE
from connectors.google_drive.settings import Settings
from connectors.google_drive.tree import STREAMS, Seen, Tree, stream_of
from connectors.google_drive.writes import failed
from connectors.preparing import Addition

CHANNEL = "channel:changes"
SLOT = "channel"
"""Name of the slot in the token store that keeps the standing channel, without which it could not be stopped."""

LASTS = timedelta(days=7)
"""The longest that a channel on the log of changes stands; nothing renews it but a new one."""

EARLY = timedelta(days=1)
"""What a standing channel must have left; one that has less is replaced."""


class Additions:
    def __init__(self, client: Client, tree: Tree, settings: Settings, context: Context) -> None:
        self._client = client
        self._tree = tree
        self._secret = settings.hook_secret.get_secret_value() if settings.hook_secret else None
        self._url = settings.hook_url
        self._context = context

    def all(self) -> list[Addition]:
        """Private properties come into being with the first thing that carries one: they are there already."""
        found = [
            Addition(
                id=f"property:{stream}.{MARKER}",
                kind="private property",
                name=f"appProperties.{MARKER}",
                stream=stream,
                purpose="marker",
                grant="Content manager",
                present=True,
            )
            for stream in STREAMS
        ]
        if self._secret is not None and self._url is not None:
            found.append(
                Addition(
                    id=CHANNEL,
                    kind="notification channel",
                    name=self._url,
                    stream="files",
                    purpose="subscription",
                    grant=SCOPE,
                    present=self._standing(EARLY) is not None,
                )
            )
        return found

    def add(self, id: str, gate: Gate) -> None:
        """Open the channel, or a new one before the old one ends. Everything else is there."""
        if id != CHANNEL:
            self._known(id)
            return
        if self._secret is None or self._url is None:
            raise ValueError("a channel needs `hook_secret` and `hook_url`")
        if self._standing(EARLY) is not None:
            return
        old = self._standing()
        ends = self._context.clock.now() + LASTS
        channel = channel_id(ends)
        drive_id = self._tree.root.drive_id
        opened = self._client.watch_changes(
            self._client.start_page_token(drive_id),
            drive_id,
            Channel(
                id=channel,
                type="web_hook",
                address=self._url,
                token=channel_token(self._secret, channel),
                expiration=str(int(ends.timestamp() * 1000)),
            ),
            gate,
        )
        self._keep(opened)
        if old is not None:
            self._stop(old, gate)

    def remove(self, id: str, gate: Gate) -> None:
        """Stop the channel. Properties go with ``unmark``: nothing lists the things that carry one but the hub."""
        if id != CHANNEL:
            self._known(id)
            return
        standing = self._standing()
        if standing is not None:
            self._stop(standing, gate)
            self._context.tokens.save(SLOT, "")

    def unmark(self, stream: str, ids: Sequence[str], gate: Gate) -> list[Outcome]:
        """Take the private property off; where it is not, nothing is written."""
        if stream not in STREAMS:
            refused = RecordRefused(f"{stream} carry no marker", code="read_only")
            return [failed(Write(intent=id, kind="update", id=id), refused) for id in ids]
        return [outcome for some in chunks(ids, batch.SIZE) for outcome in self._unmark(stream, some, gate)]

    def _unmark(self, stream: str, ids: Sequence[str], gate: Gate) -> Iterator[Outcome]:
        found = self._tree.look(ids)
        for id in ids:
            try:
                self._take_off(stream, found[id], gate)
            except (ConnectorError, GateClosed) as error:
                yield failed(Write(intent=id, kind="update", id=id), error)
            else:
                yield Outcome(intent=id, status="done", id=id)

    def _take_off(self, stream: str, seen: Seen | NotFound | Forbidden, gate: Gate) -> None:
        if isinstance(seen, NotFound | Forbidden):
            raise seen
        if stream_of(seen.file.mimeType, seen.way) != stream:
            raise RecordRefused(f"{seen.file.id} is not in {stream}", code="elsewhere")
        if MARKER in seen.file.appProperties:
            self._client.update(seen.file.id, {"appProperties": {MARKER: None}}, gate)

    # -- the channel

    def _known(self, id: str) -> None:
        if id not in {each.id for each in self.all()}:
            raise ValueError(f"Drive has no addition {id}")

    def _standing(self, left: timedelta = timedelta()) -> Channel | None:
        """The channel that was opened last, if it has more than that left."""
        kept = self._context.tokens.load(SLOT)
        if not kept:
            return None
        channel = msgspec.json.decode(kept, type=Channel)
        ends = datetime.fromtimestamp(int(channel.expiration or 0) / 1000, UTC)
        return channel if ends > self._context.clock.now() + left else None

    def _keep(self, opened: Channel) -> None:
        kept = Channel(id=opened.id, resourceId=opened.resourceId, expiration=opened.expiration)
        self._context.tokens.save(SLOT, msgspec.json.encode(kept).decode())

    def _stop(self, channel: Channel, gate: Gate) -> None:
        try:
            self._client.stop_channel(Channel(id=channel.id, resourceId=channel.resourceId), gate)
        except NotFound:
            return  # it has ended by itself
