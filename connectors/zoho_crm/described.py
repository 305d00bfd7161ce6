"""What the service's metadata says of a module, in the words of the contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.base import Abilities, Costs, Extra, Feed, Field, Price, Stream
from connectors.zoho_crm.client import (
    DELETED_CREDITS,
    FIELDS_PER_REQUEST,
    IDS_PER_REQUEST,
    ROWS_A_CREDIT,
    ROWS_PER_WRITE,
)
from connectors.zoho_crm.models import FieldMeta, ModuleMeta
from connectors.zoho_crm.scopes import STANDARD
from connectors.zoho_crm.settings import Settings
from connectors.zoho_crm.words import NOTHING, classes

CORE = ("Accounts", "Contacts", "Deals", "Tasks", "Notes")
"""Every edition has them."""
OPTIONAL = ("Cases", "Calls", "Events")
"""Streams of an account whose edition has them and whose profile sees them."""
MODULES = CORE + OPTIONAL
USERS = "users"

ACTIVITIES = ("Tasks", "Calls", "Events")
"""They lie under a record of any module, which ``$se_module`` names."""

USER_FIELDS = ("id", "full_name", "first_name", "last_name", "email", "status", "role", "profile", "time_zone")

SEARCH_LAG = 60.0
GRAIN = 1.0
"""Seconds: the resolution of times, and so of versions."""
"""Search reads an index. Zoho states no bound; a minute was enough wherever one was reported."""

UNREADABLE = ("profileimage", "multiselectlookup", "multiuserlookup", "subform")
"""Kinds that lists do not carry in a form worth asking for."""

SYSTEM_FIELDS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys((*ACTIVITIES, "Notes"), ("$se_module",)),
    "Deals": ("$currency_symbol",),
    "Leads": ("$converted", "$converted_detail"),
}
"""Not in the metadata, but without them a reference names no module, an amount no currency, a lead no end."""


def modules_of(settings: Settings) -> tuple[str, ...]:
    """The modules that a connection has as streams, where the account has them."""
    return tuple(dict.fromkeys((*MODULES, *settings.modules)))


def present(settings: Settings, metas: Mapping[str, ModuleMeta]) -> tuple[str, ...]:
    """Those of them that this account can read."""
    return tuple(name for name in modules_of(settings) if name in CORE or _readable(metas.get(name)))


def lacking(settings: Settings, metas: Mapping[str, ModuleMeta]) -> list[str]:
    """Modules that the configuration names and the account cannot read."""
    return [name for name in settings.modules if not _readable(metas.get(name))]


def _readable(meta: ModuleMeta | None) -> bool:
    return meta is not None and meta.api_supported and meta.viewable


def others(settings: Settings, metas: Mapping[str, ModuleMeta]) -> list[str]:
    """Modules that are readable and not streams of this connection: Zoho's usual ones, and those of the customer's."""
    taken = modules_of(settings)
    known = (name for name, meta in metas.items() if name in STANDARD or meta.custom)
    return [name for name in known if name not in taken and _readable(metas[name])]


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
    return Field(
        name=meta.api_name,
        label=meta.display_label or meta.field_label or meta.api_name,
        kind=meta.kind,
        writable=_writable(meta),
        required=meta.system_mandatory,
        custom=meta.custom_field,
        id=meta.id,
        values=[value.display_value for value in picks if value.display_value not in NOTHING] or None,
        classes=classes(module, meta.api_name, meta.pick_list_values or ()) or None,
        refers=meta.refers,
    )


def _writable(meta: FieldMeta) -> bool:
    """``read_only`` is said of our account. ``field_read_only`` is said of owners, too, who can be changed, and is not
    said of who made a record, whom nobody can change: what the interface allows counts before it."""
    allowed = not meta.field_read_only if meta.operation_type is None else meta.operation_type.api_update
    return allowed and not meta.read_only and not meta.computed


def stream(module: str, metas: Sequence[FieldMeta], marker_field: str, allowed: ModuleMeta | None) -> Stream:
    """``allowed``: what the account may do with the module's records; None: nothing is said against anything."""
    notes = module == "Notes"
    marked = marker_of(metas, marker_field)
    may = allowed or ModuleMeta(api_name=module)
    return Stream(
        name=module,
        abilities=Abilities(
            create=may.creatable,
            update=may.editable,
            delete=may.deletable,
            # Zoho documents the precondition for records, not for notes.
            guarded=not notes,
            grain=GRAIN,
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
    # A timeline names people and records by name alone: whom it means is looked up on the record. Where updates carry a
    # precondition, only what was edited a moment before is looked up there.
    named = {meta.api_name: Extra(parts) for meta in metas if meta.data_type in ("lookup", "ownerlookup")}
    return Costs(
        get=(look,),
        create=(bulk,),
        # A precondition holds for one record, so a guarded update goes alone; notes know none.
        update=(bulk,) if module == "Notes" else (Price(),),
        delete=(bulk,) if module == "Notes" else (bulk, look),
        history=(Price(),),
        updated=named if module == "Notes" else {},
        write_units=Price(1, ROWS_A_CREDIT),
    )


def users() -> Stream:
    fields = [Field(name=name, label=name, writable=False) for name in USER_FIELDS]
    return Stream(name=USERS, abilities=Abilities(versioned=True, costs=Costs(get=(Price(),))), fields=fields)


def feeds(modules: Sequence[str]) -> list[Feed]:
    found = [Feed(name=module, streams=[module], cost=2, more=DELETED_CREDITS - 1, grain=GRAIN) for module in modules]
    return [*found, Feed(name=USERS, streams=[USERS], cost=1, deletes=False, grain=GRAIN)]


LIMITS = {
    "records a page": "200",
    "fields a request": "50",
    "records a write": "100",
    "resolution of times": "1 s",
    "credits": "by edition, in a rolling 24 h; one call is one credit and more",
}
