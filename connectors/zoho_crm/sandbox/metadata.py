"""What stands in a record beside its fields, and what ``/settings`` says about a field."""

from __future__ import annotations

import zlib
from typing import Any

from connectors.zoho_crm.sandbox.modules import FieldDef, Pick

DISPLAY = {
    "Accounts": "Account_Name",
    "Contacts": "Full_Name",
    "Deals": "Deal_Name",
    "Tasks": "Subject",
    "Notes": "Note_Title",
    "Cases": "Subject",
    "Calls": "Subject",
    "Events": "Event_Title",
    "Leads": "Full_Name",
}
"""The field by which a module's records are named in references; elsewhere it is ``Name``."""

ACTIVITIES = ("Tasks", "Calls", "Events")

_NO_APPROVAL = {"delegate": False, "takeover": False, "approve": False, "reject": False, "resubmit": False}
_COMMON: dict[str, Any] = {
    "$field_states": None,
    "$state": "save",
    "$process_flow": False,
    "$locked_for_me": False,
    "$approved": True,
    "$approval": _NO_APPROVAL,
    "$editable": True,
    "$zia_owner_assignment": "owner_recommendation_unavailable",
    "$review": None,
    "$orchestration": False,
    "$in_merge": False,
    "$approval_state": "approved",
    "$review_process": None,
}
_REVIEW = {"approve": False, "reject": False, "resubmit": False}
_LAYOUT = {"display_label": "Standard", "name": "Standard", "id": "4876876000000091033"}

EXTRAS: dict[str, dict[str, Any]] = {
    "Accounts": {**_COMMON, "$review_process": _REVIEW, "$is_duplicate": False, "$layout_id": _LAYOUT},
    "Contacts": {**_COMMON, "$review_process": _REVIEW, "$is_duplicate": False, "$layout_id": _LAYOUT},
    "Deals": {**_COMMON, "$review_process": _REVIEW, "$layout_id": _LAYOUT},
    "Cases": {**_COMMON, "$layout_id": _LAYOUT},
    "Leads": {**_COMMON, "$review_process": _REVIEW, "$layout_id": _LAYOUT},
    **{module: {**_COMMON, "$u_id": None} for module in ACTIVITIES},
    "Notes": {
        "$attachments": None,
        "$field_states": None,
        "$editable": True,
        "$is_shared_to_client": False,
        "$size": None,
        "$state": "save",
        "$voice_note": False,
    },
}
"""What the service adds to a record shown whole; records of the customer's own modules are shown with the common part.
``$currency_symbol`` and ``$se_module`` depend on the record."""

OWN_EXTRAS = {**_COMMON, "$layout_id": _LAYOUT}

JSON_TYPES = {"boolean": "boolean", "integer": "integer", "currency": "double", "double": "double", "tag": "jsonarray"}


def field_id(field: FieldDef) -> str:
    """The id of a field, which one made anew under the same name does not get again."""
    return f"4876876{zlib.crc32(f'{field.name} {field.made}'.encode()):012d}"


def described(field: FieldDef) -> dict[str, Any]:
    """A field as ``/settings/fields`` shows it."""
    id = field_id(field)
    lookup = field.type in ("lookup", "ownerlookup")
    return {
        "id": id,
        "api_name": field.name,
        "field_label": field.label or field.name.replace("_", " "),
        "display_label": field.label or field.name.replace("_", " "),
        "data_type": "text" if field.type == "tag" else field.type,
        "json_type": "jsonobject" if lookup else JSON_TYPES.get(field.type, "string"),
        "length": field.length,
        "decimal_place": 2 if field.type == "currency" else None,
        "system_mandatory": field.required,
        "read_only": field.withheld,
        # Said of owners, too, and not of who made a record: the types of operation are what counts.
        "field_read_only": field.name == "Owner" or (field.read_only and field.type != "ownerlookup"),
        "custom_field": field.custom,
        "created_source": "default" if not field.custom else "web",
        "type": "used",
        "visible": True,
        "virtual_field": False,
        "searchable": True,
        "filterable": True,
        "sortable": True,
        "webhook": True,
        "operation_type": {
            "web_update": not field.read_only,
            "api_create": not field.read_only,
            "web_create": not field.read_only,
            "api_update": not field.read_only,
        },
        "unique": {"casesensitive": "false"} if field.unique else {},
        "lookup": {"module": {"api_name": field.lookup, "id": "4876876000000002175"}} if lookup else {},
        "formula": {"return_type": field.result, "expression": ""} if field.type == "formula" else None,
        "history_tracking": None,
        "history_tracking_enabled": False,
        "pick_list_values_sorted_lexically": False,
        "pick_list_values": [_pick(pick, id, place) for place, pick in enumerate(field.picks, 1)],
    }


def _pick(pick: Pick, field: str, place: int) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": f"{field[:-4]}{place:04d}",
        "display_value": pick.shown,
        "actual_value": pick.stored,
        "reference_value": pick.stored,
        "sequence_number": place,
        "colour_code": None,
        "type": "used",
    }
    if pick.forecast is not None:
        category = {"Open": "Pipeline", "Closed Won": "Closed", "Closed Lost": "Omitted"}[pick.forecast]
        shown["forecast_type"] = pick.forecast
        shown["probability"] = pick.probability
        shown["forecast_category"] = {"name": category, "id": "4876876000000007094"}
    return shown
