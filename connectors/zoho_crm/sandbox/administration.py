"""What an administrator's requests do: fields and layouts of modules, and channels for notifications."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors.sandbox.core import route
from connectors.sandbox.exchange import Refusal, Request, Response
from connectors.zoho_crm.sandbox.core import ZohoFront, trouble
from connectors.zoho_crm.sandbox.metadata import described, field_id
from connectors.zoho_crm.sandbox.modules import FieldDef, Pick

OPERATIONS = {"create": "insert", "update": "update", "delete": "delete", "restore": "insert"}


@dataclass(slots=True)
class Channel:
    """A subscription, which the service tells module by module, and how much of the true log it began after."""

    shown: dict[str, Any]
    modules: dict[str, list[str]]
    """Module -> its events."""
    ends: datetime
    since: int


def row(code: str, message: str, status: str = "success", **details: Any) -> dict[str, Any]:
    return {"code": code, "details": details, "message": message, "status": status}


class ZohoAdministration(ZohoFront):
    """``required_on_layouts``: module -> fields that its layout makes mandatory, though the module does not."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.required_on_layouts: dict[str, set[str]] = {}
        self.channels: dict[str, Channel] = {}
        self.deleted_fields: Counter[tuple[str, str]] = Counter()
        self.renamed_fields = False
        """The organisation has another field of that label already, so that a new one gets another API name."""

    # -- fields and layouts

    @route("POST", "/crm/v8/settings/fields")
    def create_field(self, request: Request) -> Response:
        module = self.module(request.arg("module"))
        made = []
        for given in self._rows(request, "fields"):
            label = str(given.get("field_label") or "")
            kind = given.get("data_type")
            if not label or len(label) > 25 or kind not in ("text", "date", "boolean", "picklist"):
                problem = row("INVALID_DATA", "invalid data", "error", api_name="field_label", maximum_length=25)
                return Response.json({"fields": [problem]}, 400)
            name = label.replace(" ", "_") + ("1" if self.renamed_fields else "")
            fields = self.ledger.modules[module]
            if name in fields:
                problem = row("DUPLICATE_DATA", "duplicate data", "error", api_name="field_label")
                return Response.json({"fields": [problem]}, 400)
            unique = bool(given.get("unique"))
            picks = [Pick(each["actual_value"], each["display_value"]) for each in given.get("pick_list_values") or ()]
            if (kind == "picklist") is not bool(picks):
                problem = row("MANDATORY_NOT_FOUND", "required field not found", "error", api_name="pick_list_values")
                return Response.json({"fields": [problem]}, 400)
            length = given.get("length") or 255
            before = self.deleted_fields[module, name]
            fields[name] = field = FieldDef(
                name, kind, label, length=length, picks=picks, unique=unique, custom=True, made=before
            )
            made.append(row("SUCCESS", "field created", id=field_id(field)))
        return Response.json({"fields": made}, 201)

    @route("DELETE", "/crm/v8/settings/fields/{id}")
    def delete_field(self, request: Request, id: str) -> Response:
        module = self.module(request.arg("module"))
        fields = self.ledger.modules[module]
        name = next((name for name, field in fields.items() if field_id(field) == id), None)
        if name is None:
            raise trouble(400, "INVALID_DATA", "the id given seems to be invalid", id=id)
        if not fields[name].custom:
            raise trouble(400, "NOT_ALLOWED", "only custom fields can be deleted", id=id)
        del fields[name]
        self.deleted_fields[module, name] += 1
        for stored in self.ledger.live[module].values():
            stored.values.pop(name, None)
        return Response.json({"fields": [row("SUCCESS", "field deleted", id=id)]})

    @route("GET", "/crm/v8/settings/layouts")
    def layouts(self, request: Request) -> Response:
        module = self.module(request.arg("module"))
        required = self.required_on_layouts.get(module, set())
        fields = [
            {
                **described(one),
                "required": one.required or one.name in required,
                "default_value": {"value": one.start} if one.start else None,
            }
            for one in self.ledger.modules[module].values()
        ]
        section = {"display_label": f"{module} Information", "name": f"{module} Information", "fields": fields}
        layout = {
            "id": "4876876000000091033",
            "name": "Standard",
            "display_label": "Standard",
            "visible": True,
            "status": "active",
            "sections": [section],
        }
        return Response.json({"layouts": [layout]})

    # -- notifications

    @route("GET", "/crm/v8/actions/watch")
    def watched(self, request: Request) -> Response:
        wanted = request.arg("channel_id")
        now = self.clock.now()
        live = [one for id, one in self.channels.items() if wanted in (None, id) and one.ends > now]
        if not live:
            return Response(204)
        rows = [
            {**channel.shown, **self._resource(module), "events": events}
            for channel in live
            for module, events in channel.modules.items()
        ]
        info = {"per_page": 200, "page": 1, "count": len(rows), "more_records": False}
        return Response.json({"watch": rows, "info": info})

    @route("POST", "/crm/v8/actions/watch")
    def watch(self, request: Request) -> Response:
        return Response.json({"watch": [self._subscribed(given) for given in self._rows(request, "watch")]}, 201)

    @route("PUT", "/crm/v8/actions/watch")
    def rewatch(self, request: Request) -> Response:
        rows = self._rows(request, "watch")
        if any(str(given.get("channel_id")) not in self.channels for given in rows):
            return Response.json({"watch": [row("NOT_SUBSCRIBED", "not subscribed", "error")]}, 202)
        return Response.json({"watch": [self._subscribed(given) for given in rows]})

    @route("DELETE", "/crm/v8/actions/watch")
    def unwatch(self, request: Request) -> Response:
        rows = []
        for id in (request.arg("channel_ids") or "").split(","):
            channel = self.channels.pop(id, None)
            if channel is None:
                rows.append(row("NOT_SUBSCRIBED", "not subscribed", "error"))
                continue
            for module in channel.modules:
                resource = {name: text for name, text in self._resource(module).items() if name != "resource_name"}
                rows.append(row("SUCCESS", "Successfully un-subscribed from actions-watch", **resource, channel_id=id))
        return Response.json({"watch": rows}, 200 if all(each["status"] == "success" for each in rows) else 202)

    def _subscribed(self, given: dict[str, Any]) -> dict[str, Any]:
        now, id = self.clock.now(), str(given.get("channel_id"))
        ends = self.parsed(given["channel_expiry"]) if given.get("channel_expiry") else now + timedelta(hours=1)
        if not id.isdigit() or len(str(given.get("token") or "")) > 50 or ends > now + timedelta(days=7):
            return row("INVALID_DATA", "invalid data", "error", api_name="channel_expiry")
        if any(event.partition(".")[0] not in self.ledger.modules for event in given.get("events") or ()):
            return row("INVALID_DATA", "invalid data", "error", api_name="events")
        known = self.channels.get(id)
        shown: dict[str, Any] = {name: given[name] for name in ("notify_url", "token") if name in given}
        shown |= {"channel_id": id, "channel_expiry": self.ledger.text(ends)}
        modules: dict[str, list[str]] = {}
        for event in given.get("events") or ():
            modules.setdefault(event.partition(".")[0], []).append(event)
        self.channels[id] = Channel(shown, modules, ends, known.since if known else len(self.truth.entries))
        told = {"channel_expiry": shown["channel_expiry"], "channel_id": id}
        events = [{**told, **self._resource(module)} for module in modules]
        return row("SUCCESS", "Successfully subscribed for actions-watch of the given module", events=events)

    def _resource(self, module: str) -> dict[str, str]:
        """A module as a subscription names it."""
        uri = f"https://www.zohoapis.com/crm/v8/{module}"
        return {"resource_uri": uri, "resource_id": self.module_id(module), "resource_name": module}

    def notices(self, id: str) -> list[dict[str, Any]]:
        """The bodies that a channel's address was sent, one for each change since it began."""
        channel = self.channels[id]
        return [
            {
                "server_time": int(datetime.fromisoformat(entry.at).timestamp() * 1000),
                "affected_values": [],
                "query_params": {},
                "module": entry.stream,
                "resource_uri": self._resource(entry.stream)["resource_uri"],
                "ids": [entry.id],
                "affected_fields": [],
                "operation": OPERATIONS[entry.kind],
                "channel_id": id,
                "token": channel.shown.get("token"),
            }
            for entry in self.truth.entries[channel.since :]
            if entry.stream in channel.modules
        ]

    def _rows(self, request: Request, key: str) -> list[dict[str, Any]]:
        try:
            rows = request.json()[key]
        except (Refusal, KeyError, TypeError):
            raise trouble(400, "MANDATORY_NOT_FOUND", "required field not found", api_name=key) from None
        if not isinstance(rows, list) or not rows:
            raise trouble(400, "INVALID_DATA", "invalid data", api_name=key, expected_data_type="jsonarray")
        return rows
