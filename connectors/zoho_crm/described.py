"""What the service's metadata says of a module, in the words of the contract."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.base import Abilities, Feed, Field, Stream
from connectors.zoho_crm.client import ROWS_PER_WRITE
from connectors.zoho_crm.models import FieldMeta, PickValue
from connectors.zoho_crm.settings import Settings

MODULES = ("Accounts", "Contacts", "Deals", "Tasks", "Notes")
USERS = "users"

STAGES = {"open": "open", "closed won": "won", "closed lost": "lost"}
"""``forecast_type`` of a deal's stage. It is never translated and not touched by renaming a stage."""

USER_FIELDS = ("id", "full_name", "first_name", "last_name", "email", "status", "role", "profile", "time_zone")

SEARCH_LAG = 60.0
"""Search reads an index. Zoho states no bound; a minute was enough wherever one was reported."""

UNREADABLE = ("profileimage", "multiselectlookup", "multiuserlookup", "subform")
"""Kinds that lists do not carry in a form worth asking for."""

SYSTEM_FIELDS = {"Tasks": ("$se_module",), "Notes": ("$se_module",), "Deals": ("$currency_symbol",)}
"""Not in the metadata, but without them a reference names no module and an amount no currency."""


def modules_of(settings: Settings) -> tuple[str, ...]:
    """The modules that a connection has as streams."""
    return MODULES


def listed(module: str, metas: Sequence[FieldMeta]) -> list[str]:
    """The names to ask for, those that every record needs first."""
    needed = ["id", "Created_Time", "Modified_Time", "Created_By", "Modified_By"]
    names = [meta.api_name for meta in metas if meta.data_type not in UNREADABLE]
    return list(dict.fromkeys([*needed, *SYSTEM_FIELDS.get(module, ()), *names]))


def marker_of(metas: Sequence[FieldMeta], name: str) -> str | None:
    """The marker field's name, if the module has it and it is unique."""
    return next((meta.api_name for meta in metas if meta.api_name == name and meta.unique), None)


def field(module: str, meta: FieldMeta) -> Field:
    picks = [value for value in meta.pick_list_values or () if value.type != "unused"]
    api = meta.operation_type
    return Field(
        name=meta.api_name,
        label=meta.display_label or meta.field_label or meta.api_name,
        kind=meta.data_type,
        writable=not (meta.read_only or meta.field_read_only) and (api is None or api.api_update),
        required=meta.system_mandatory,
        custom=meta.custom_field,
        values=[value.display_value for value in picks] or None,
        classes=classes(module, meta.api_name, meta.pick_list_values or ()) or None,
    )


def classes(module: str, name: str, picks: Sequence[PickValue]) -> dict[str, str]:
    """The class of each value, by what is shown and by what is stored. Only metadata decides, never a display name."""
    found = {}
    for value in picks:
        if module == "Deals" and name == "Stage":
            own = STAGES.get((value.forecast_type or value.deal_category or "").lower())
        elif module == "Tasks" and name in ("Status", "Priority"):
            own = value.sys_ref_name or value.reference_value or value.actual_value
        else:
            own = None
        if own is not None:
            found[value.display_value] = own
            if value.actual_value:
                found.setdefault(value.actual_value, own)
    return found


def stream(module: str, metas: Sequence[FieldMeta], marker_field: str) -> Stream:
    notes = module == "Notes"
    marked = marker_of(metas, marker_field)
    return Stream(
        name=module,
        abilities=Abilities(
            create=True,
            update=True,
            delete=True,
            # Zoho documents the precondition for records, not for notes.
            guarded=not notes,
            history=True,
            versioned=True,
            marker="fingerprint" if notes else "unique_field" if marked else "none",
            batch=ROWS_PER_WRITE,
            search_lag=0.0 if notes else SEARCH_LAG,
        ),
        fields=[field(module, meta) for meta in metas if meta.api_name != marked],
        parent="Deals" if notes else None,
    )


def users() -> Stream:
    fields = [Field(name=name, label=name, writable=False) for name in USER_FIELDS]
    return Stream(name=USERS, abilities=Abilities(versioned=True), fields=fields)


def feeds() -> list[Feed]:
    modules = [Feed(name=module, streams=[module], cost=2, grain=1.0) for module in MODULES]
    return [*modules, Feed(name=USERS, streams=[USERS], cost=1, deletes=False, grain=1.0)]


LIMITS = {
    "records a page": "200",
    "fields a request": "50",
    "records a write": "100",
    "resolution of times": "1 s",
    "credits": "by edition, in a rolling 24 h; one call is one credit and more",
}
