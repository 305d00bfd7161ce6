"""What the hub would add to an organisation: a unique field in each module, the fields of one's own that the
configuration names, and a channel for notifications."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from connectors.base import Gate, Outcome, Write
from connectors.context import Context
from connectors.errors import Forbidden, RecordRefused, ScopeMissing
from connectors.preparing import Addition
from connectors.zoho_crm.client import Client
from connectors.zoho_crm.described import marker_of, modules_of
from connectors.zoho_crm.hooks import channel_of
from connectors.zoho_crm.models import Channel, FieldMeta, header_time
from connectors.zoho_crm.own_fields import OwnFields
from connectors.zoho_crm.pushing import Pusher
from connectors.zoho_crm.settings import Settings
from mapping.model import STANDARD

KEY_LENGTH = 120
"""Characters of our markers."""

LASTING = timedelta(days=7) - timedelta(minutes=10)
"""A channel lasts a week at most."""
SOON = timedelta(days=2)
"""What ends within this time is as good as not there: adding it again renews it."""

SUBSCRIPTION = "subscription:notifications"
FIELD_GRANT = "ZohoCRM.settings.fields.CREATE, DELETE"
STEPS = "Setup > Modules and Fields > {module} > a single-line field {label!r}, do not allow duplicate values"


class Additions:
    """Tells what is there and what is not, makes it, and takes it away again. ``modules``: those of the connection
    that the account has."""

    def __init__(
        self, client: Client, settings: Settings, context: Context, modules: Callable[[], Sequence[str]]
    ) -> None:
        self._client = client
        self._settings = settings
        self._clock = context.clock
        self._modules = modules
        self._marker = settings.marker_field
        self._own = OwnFields(client, settings.custom, settings.values, FIELD_GRANT, context.model or STANDARD)

    @property
    def _label(self) -> str:
        """Zoho makes the API name of a field from its label."""
        return self._marker.replace("_", " ")

    def all(self) -> Iterator[Addition]:
        modules = self._modules()
        for module in modules:
            if module == "Notes":
                continue  # they take no unique field
            yield Addition(
                id=f"field:{module}.{self._marker}",
                kind="custom field",
                name=self._label,
                stream=module,
                purpose="marker",
                grant=FIELD_GRANT,
                steps=STEPS.format(module=module, label=self._label),
                present=marker_of(self._client.fields(module), self._marker) is not None,
            )
        yield from self._own.missing(modules)
        if self._settings.hook_url is not None:
            channel = self._channel()
            yield Addition(
                id=SUBSCRIPTION,
                kind="notification channel",
                name=channel_of(self._token),
                stream="",
                purpose="subscription",
                grant="ZohoCRM.notifications.ALL",
                present=self._lasts(channel, modules),
            )

    def add(self, id: str, gate: Gate) -> None:
        module, name = self._parted(id)
        try:
            if module is None:
                self._subscribe(gate)
            elif name == self._marker:
                self._add_field(module, gate)
            else:
                self._own.add(module, name, gate)
        except Forbidden as error:
            raise ScopeMissing(f"{id}: the account's profile may not add it: {error}", status=error.status) from error

    def remove(self, id: str, gate: Gate) -> None:
        module, name = self._parted(id)
        if module is not None and name != self._marker:
            raise RecordRefused(f"{module}.{name} holds what people put there: it stays", code="not_ours")
        if module is None:
            if self._channel():
                self._client.unwatch(channel_of(self._token), gate)
            return
        field = self._field(module)
        if field is None:
            return
        if not field.custom_field or field.id is None:
            raise RecordRefused(f"{module}.{self._marker} is no field that anybody added", code="not_ours")
        try:
            self._client.remove_field(module, field.id, gate)
        except Forbidden as error:
            raise ScopeMissing(
                f"{id}: the account's profile may not delete it: {error}", status=error.status
            ) from error

    def unmark(self, module: str, ids: Sequence[str], gate: Gate) -> list[Outcome]:
        """The field is emptied, a hundred records a request. Where there is none, nothing of ours is on a record."""
        marked = module in modules_of(self._settings) and module != "Notes"
        field = self._field(module) if marked else None
        if field is None:
            return [Outcome(intent=id, status="done", id=id) for id in ids]
        # Without a marker of its own, a pusher writes the field as any other.
        pusher = Pusher(self._client, module, None, guarded=False, versions=lambda _: {})
        empty = {self._marker: None}
        return list(pusher.push([Write(intent=id, kind="update", id=id, values=empty) for id in ids], gate))

    def _parted(self, id: str) -> tuple[str | None, str]:
        """Module and name of a field; no module for the subscription. Raises ValueError for an id that is not ours."""
        if id == SUBSCRIPTION and self._settings.hook_url is not None:
            return None, ""
        kind, _, rest = id.partition(":")
        module, _, name = rest.partition(".")
        ours = name == self._marker and module != "Notes"
        if kind != "field" or not (ours or self._own.has(module, name)) or module not in modules_of(self._settings):
            raise ValueError(f"Zoho CRM has no addition {id}")
        return module, name

    def _field(self, module: str) -> FieldMeta | None:
        return next((meta for meta in self._client.fields(module) if meta.api_name == self._marker), None)

    def _add_field(self, module: str, gate: Gate) -> None:
        there = self._field(module)
        if there is not None and there.unique:
            return
        if there is not None:
            raise RecordRefused(
                f"{module}.{self._marker} is there and allows duplicates; tick off that it may", code="in_use"
            )
        field = {"field_label": self._label, "data_type": "text", "length": KEY_LENGTH}
        self._client.add_field(module, field | {"unique": {"casesensitive": False}}, gate)
        if marker_of(self._client.fields(module), self._marker) is None:
            raise RecordRefused(
                f"{module}: a field {self._label!r} was made, not as {self._marker}; set `marker_field` to its name",
                code="other_name",
            )

    @property
    def _token(self) -> str:
        token = self._settings.hook_token
        return token.get_secret_value() if token else ""

    def _channel(self) -> list[Channel]:
        return self._client.channels(channel_of(self._token))

    def _lasts(self, channel: list[Channel], modules: Sequence[str]) -> bool:
        soon = self._clock.now() + SOON
        lasting = [each for each in channel if each.ends is not None and each.ends > soon]
        return {event.partition(".")[0] for each in lasting for event in each.events} >= set(modules)

    def _subscribe(self, gate: Gate) -> None:
        channel, modules = self._channel(), self._modules()
        if self._lasts(channel, modules):
            return
        wanted = {
            "channel_id": channel_of(self._token),
            "events": [f"{module}.all" for module in modules],
            "notify_url": self._settings.hook_url,
            "token": self._token,
            "channel_expiry": header_time(self._clock.now() + LASTING),
            # What changed is read by id; a related record has a notice of its own.
            "notify_on_related_action": False,
            "return_affected_field_values": False,
        }
        self._client.watch(wanted, bool(channel), gate)
