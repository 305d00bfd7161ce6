"""What the service's metadata says of a module, in the words of the contract."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.base import Abilities, Costs, Extra, Feed, Field, Price, Quota, Stream
from connectors.zoho_crm.client import FIELDS_PER_REQUEST, IDS_PER_REQUEST, ROWS_PER_WRITE
from connectors.zoho_crm.models import FieldMeta, License, PickValue

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

DAY = 86_400.0
CREDITS = {
    "free": (5_000, 0),
    "standard": (50_000, 250),
    "professional": (50_000, 500),
    "enterprise": (50_000, 1_000),
    "ultimate": (50_000, 2_000),
}
"""Edition -> credits of a day, and those that each paid user adds."""


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
            costs=_costs(module, metas),
        ),
        fields=[field(module, meta) for meta in metas if meta.api_name != marked],
        parent="Deals" if notes else None,
    )


def _costs(module: str, metas: Sequence[FieldMeta]) -> Costs:
    parts = 1 + max(0, -(-(len(listed(module, metas)) - FIELDS_PER_REQUEST) // (FIELDS_PER_REQUEST - 1)))
    look, bulk = Price(parts, IDS_PER_REQUEST), Price(1, ROWS_PER_WRITE)
    # A timeline names people and records by name alone: whom it means is looked up on the record.
    named = {meta.api_name: Extra(parts) for meta in metas if meta.data_type in ("lookup", "ownerlookup")}
    return Costs(
        get=(look,),
        create=(bulk,),
        # A precondition holds for one record, so a guarded update goes alone; notes know none.
        update=(bulk,) if module == "Notes" else (Price(),),
        delete=(bulk,) if module == "Notes" else (bulk, look),
        history=(Price(),),
        updated=named,
    )


def quota(license: License | None) -> Quota:
    """The organisation's credits of 24 hours, by its edition and the users it has paid for (Zoho's page on API
    limits). Where the service does not tell them: those of the free edition, so that they are never overrated."""
    edition = (license.paid_type or "").lower() if license is not None and license.paid else "free"
    base, each = CREDITS.get(edition, CREDITS["free"])
    return Quota(unit="credits", amount=base + each * (license.users_license_purchased if license else 0), seconds=DAY)


def users() -> Stream:
    fields = [Field(name=name, label=name, writable=False) for name in USER_FIELDS]
    return Stream(name=USERS, abilities=Abilities(versioned=True, costs=Costs(get=(Price(),))), fields=fields)


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
