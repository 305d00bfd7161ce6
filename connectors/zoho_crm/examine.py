"""Looking a connection over: scopes, the profile's rights, layouts, list values, the clock, credits, other tools.

Costs a few requests, and for each module one for its fields, one for its layouts where the connection writes, and one
more where the service does not tell what the token may do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.answer import Answer
from connectors.base import utc
from connectors.context import Context
from connectors.errors import Forbidden, ScopeMissing
from connectors.examining import Symptom
from connectors.zoho_crm.additions import SOON
from connectors.zoho_crm.client import Client
from connectors.zoho_crm.crawl import ServiceClock
from connectors.zoho_crm.described import OPTIONAL, lacking, marker_of, modules_of, present
from connectors.zoho_crm.hooks import channel_of
from connectors.zoho_crm.models import FieldMeta, ModuleMeta
from connectors.zoho_crm.scopes import (
    FIELDS_READ,
    LAYOUTS,
    MODULES_READ,
    NOTIFICATIONS,
    ORGANISATION,
    excess,
    missing,
    needed,
    of_module,
)
from connectors.zoho_crm.settings import Settings
from connectors.zoho_crm.words import HOLDS, NOTHING, TABLES, classes
from mapping.model import STANDARD, Form, Model

SKEW = 30.0
"""Seconds by which clocks may differ: half of what a pull looks back."""
FEW = 0.1
"""Share of a day's credits below which they may not last."""

RIGHTS = {"creatable": "create", "editable": "edit", "deletable": "delete"}

FILLED: Mapping[str, frozenset[str]] = {
    "Accounts": frozenset({"Account_Name", "Owner"}),
    "Contacts": frozenset({"Last_Name", "First_Name", "Owner"}),
    "Deals": frozenset({"Deal_Name", "Stage", "Owner"}),
    "Tasks": frozenset({"Subject", "Owner"}),
    "Cases": frozenset({"Subject", "Status", "Owner"}),
    "Calls": frozenset({"Subject", "Call_Start_Time", "Owner"}),
    "Events": frozenset({"Event_Title", "Start_DateTime", "Owner"}),
    "Leads": frozenset({"Last_Name", "First_Name", "Owner"}),
}
"""What a create always has. In a module of the customer's own: its name."""
OWN = frozenset({"Name", "Owner"})

TOOLS = (
    "unito", "exalate", "zapier", "workato", "skyvia", "hubspot", "salesforce", "pipedrive", "quickbooks", "xero",
    "jira", "trello", "asana", "mailchimp",
)  # fmt: skip
"""Products that sync Zoho, as they call the fields that they add."""
MARKS = ("id", "key", "sync", "synced", "url", "link", "external", "last")
"""What such a field's name says besides."""


def examine(client: Client, settings: Settings, context: Context, granted: Sequence[str]) -> list[Symptom]:
    """Symptoms, the ones that stop everything first, each once. Reads only.

    ``granted``: the token's scopes where the service told; else a missing one is found by trying.
    """
    found: list[Symptom] = []
    for symptom in _look(client, settings, context, granted):
        if symptom not in found:
            found.append(symptom)
    return found


def _look(client: Client, settings: Settings, context: Context, granted: Sequence[str]) -> Iterator[Symptom]:
    writing = context.access == "write"
    organization, answer = client.organization()
    yield from _clock(answer, context)
    yield from _credits(answer, organization.company_name or organization.id)
    wanted = needed(modules_of(settings), writing=writing, notified=settings.hook_url is not None)
    if granted:
        lacked = missing(wanted, granted)
        yield from (_scope_missing(scope, use) for scope, use in lacked.items())
        for scope in excess(wanted, granted):
            yield Symptom(code="scope_excess", params={"scope": scope, "needed_for": None})
        if set(lacked) & set(ORGANISATION):
            return
    yield from _channel(client, settings, context)
    try:
        metas = client.modules()
    except ScopeMissing:
        yield _scope_missing(MODULES_READ, "describe")
        return
    for name in lacking(settings, metas):
        yield Symptom(code="place_missing", severity="error", params={"place": name})
    for module in present(settings, metas):
        if not granted:
            yield from _reading(client, context, module)
        yield from _module(client, settings, context, module, metas.get(module))


def _scope_missing(scope: str, use: str) -> Symptom:
    # Whoever does not sync a module may well have left it out.
    severity: Any = "warning" if use in ("examine", *OPTIONAL) else "error"
    return Symptom(code="scope_missing", severity=severity, params={"scope": scope, "needed_for": use})


def _reading(client: Client, context: Context, module: str) -> Iterator[Symptom]:
    """Whether records may be read at all, by asking for what changed in this second."""
    try:
        client.records(module, ["id"], 1, None, context.clock.now())
    except ScopeMissing:
        yield _scope_missing(of_module(module, "READ"), module)
    except Forbidden:
        yield Symptom(
            code="scope_missing",
            severity="error",
            params={"scope": f"{module}: view", "needed_for": module, "place": module},
        )


def _clock(answer: Answer, context: Context) -> Iterator[Symptom]:
    seconds = (ServiceClock(context.clock).read(answer) - context.clock.now()).total_seconds()
    if abs(seconds) > SKEW:
        yield Symptom(code="clock_skew", params={"seconds": round(seconds)})


def _credits(answer: Answer, where: str) -> Iterator[Symptom]:
    most, left = (answer.headers.get(f"X-RATELIMIT-{name}", "") for name in ("LIMIT", "REMAINING"))
    if most.isdigit() and left.isdigit() and int(left) < FEW * int(most):
        yield Symptom(code="limit_near", params={"what": "API credits", "where": where, "most": int(most)})


def _channel(client: Client, settings: Settings, context: Context) -> Iterator[Symptom]:
    """The subscription to notifications, where there is one: it ends by itself."""
    if settings.hook_url is None or settings.hook_token is None:
        return
    try:
        channels = client.channels(channel_of(settings.hook_token.get_secret_value()))
    except ScopeMissing:
        yield _scope_missing(NOTIFICATIONS, "notifications")
        return
    for channel in channels:
        if channel.ends is not None and channel.ends < context.clock.now() + SOON:
            yield Symptom(code="expires", params={"what": "notification channel", "at": utc(channel.ends)})


def _module(
    client: Client, settings: Settings, context: Context, module: str, allowed: ModuleMeta | None
) -> Iterator[Symptom]:
    try:
        fields = client.fields(module)
    except ScopeMissing:
        yield _scope_missing(FIELDS_READ, "describe")
        return
    yield from _custom(settings, module, fields, context.model or STANDARD)
    yield from _values(settings, module, fields, context.model or STANDARD)
    yield from _others(settings, module, fields)
    if context.access != "write":
        return
    yield from _rights(module, allowed)
    if module == "Notes":
        yield Symptom(code="window", severity="info", params={"stream": module})
        return
    if marker_of(fields, settings.marker_field) is None:
        there = any(meta.api_name == settings.marker_field for meta in fields)
        code = "field_retyped" if there else "field_missing"
        yield Symptom(code=code, params={"stream": module, "field": settings.marker_field})
    if allowed is None or allowed.creatable:
        yield from _required(client, settings, module)


def _rights(module: str, allowed: ModuleMeta | None) -> Iterator[Symptom]:
    for flag, right in RIGHTS.items():
        if allowed is not None and not getattr(allowed, flag):
            params = {"scope": f"{module}: {right}", "needed_for": right, "place": module}
            yield Symptom(code="scope_missing", params=params)


def _custom(settings: Settings, module: str, fields: Sequence[FieldMeta], model: Model) -> Iterator[Symptom]:
    """Fields that the configuration names: not there, or of a type that cannot hold what it should."""
    there = {meta.api_name: meta for meta in fields}
    for canonical, name in settings.custom.get(module, {}).items():
        meta, form = there.get(name), model.form(canonical)
        if meta is None:
            yield Symptom(code="field_missing", severity="error", params={"stream": module, "field": name})
        elif form is None or not _holds(form, meta):
            yield Symptom(code="field_retyped", severity="error", params={"stream": module, "field": name})


def _holds(form: Form, meta: FieldMeta) -> bool:
    return meta.kind in HOLDS.get(form, ()) and (form is not Form.REF or meta.refers is not None)


def _values(settings: Settings, module: str, fields: Sequence[FieldMeta], model: Model) -> Iterator[Symptom]:
    """Values of a list that decides something, of which neither the service nor the configuration says a class."""
    own = {name: canonical for canonical, name in settings.custom.get(module, {}).items()}
    for meta in fields:
        if (module, meta.api_name) == ("Deals", "Stage"):
            canonical, table = "stage", None
        elif (module, meta.api_name) in TABLES:
            canonical, table = TABLES[module, meta.api_name]
        elif meta.data_type == "picklist" and own.get(meta.api_name) in model.classes:
            canonical, table = own[meta.api_name], {}
        else:
            continue
        picks = [pick for pick in meta.pick_list_values or () if pick.type != "unused"]
        known = classes(module, meta.api_name, picks)
        for pick in picks:
            found = known.get(pick.display_value)
            classed = found is not None and (table is None or found in table)
            classed = classed or (meta.api_name in own and model.class_of(canonical, pick.display_value) is not None)
            if (
                not classed
                and pick.display_value not in NOTHING
                and pick.display_value not in settings.values.get(canonical, {})
            ):
                params = {"stream": module, "field": meta.api_name, "value": pick.display_value}
                yield Symptom(code="value_unmapped", params=params)


def _others(settings: Settings, module: str, fields: Sequence[FieldMeta]) -> Iterator[Symptom]:
    """Fields that another tool keeps its own ids in: named by a product, or declared as another system's key."""
    for meta in fields:
        if not meta.custom_field or meta.api_name == settings.marker_field:
            continue
        words = meta.api_name.lower().replace("__", "_").split("_")
        tool = next((tool for tool in TOOLS if tool in words), None)
        if tool is not None and set(words) & set(MARKS):
            params = {"tool": tool.capitalize(), "where": f"{module}.{meta.api_name}"}
            yield Symptom(code="other_tool", params=params)
        elif isinstance(meta.external, dict) and meta.external.get("type"):
            params = {"tool": meta.display_label or meta.api_name, "where": f"{module}.{meta.api_name}"}
            yield Symptom(code="other_tool", severity="info", params=params)


def _required(client: Client, settings: Settings, module: str) -> Iterator[Symptom]:
    """Per layout: what a create must fill and the hub does not."""
    try:
        layouts = client.layouts(module)
    except ScopeMissing:
        yield _scope_missing(LAYOUTS, "examine")
        return
    filled = FILLED.get(module, OWN) | set(settings.custom.get(module, {}).values()) | {settings.marker_field}
    for layout in layouts:
        place = f"{module}/{layout.display_label or layout.name}"
        for field in (field for section in layout.sections or () for field in section.fields or ()):
            needs = field.required and not (field.read_only or field.field_read_only) and not field.default_value
            if needs and field.api_name and field.api_name not in filled:
                label = field.display_label or field.field_label or field.api_name
                params = {"stream": module, "field": field.api_name, "label": label, "place": place}
                # No error: the entity may have a value for it, and a sync's `create` may give one.
                yield Symptom(code="field_required", params=params)
