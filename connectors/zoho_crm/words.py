"""The service's own words for what values mean, which no renaming or translating touches, and what fields can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.zoho_crm.models import PickValue
from mapping.model import Form

STAGES = {"open": "open", "closed won": "won", "closed lost": "lost"}
"""``forecast_type`` of a deal's stage -> canonical stage."""

TASK_STATUS = {
    "Not Started": "todo",
    "Deferred": "todo",
    "In Progress": "doing",
    "Waiting for input": "doing",
    "Waiting on someone else": "doing",
    "Completed": "done",
}
CASE_STATUS = {"New": "todo", "On Hold": "todo", "Escalated": "doing", "Closed": "done"}
PRIORITY = {
    "Highest": "highest",
    "High": "high",
    "Normal": "medium",
    "Medium": "medium",
    "Low": "low",
    "Lowest": "lowest",
}

TABLES: Mapping[tuple[str, str], tuple[str, Mapping[str, str]]] = {
    ("Tasks", "Status"): ("status", TASK_STATUS),
    ("Tasks", "Priority"): ("priority", PRIORITY),
    ("Cases", "Status"): ("status", CASE_STATUS),
}
"""Module and field -> canonical field, and system name -> canonical class."""

NOTHING = ("-None-", "")
"""What a list offers for no value; a record without one shows null."""

TEXTS = ("text", "textarea", "email", "phone", "website", "picklist", "autonumber")

HOLDS: Mapping[Form, tuple[str, ...]] = {
    Form.TEXT: TEXTS,
    Form.RICH: ("textarea", "text"),
    Form.DATE: ("date", "datetime"),
    Form.NUMBER: ("integer", "double", "bigint", "percent", "decimal", "currency"),
    Form.MONEY: ("currency", "double", "decimal"),
    Form.FLAG: ("boolean",),
    Form.CHOICE: ("picklist",),
    Form.SET: ("multiselectpicklist",),
    Form.PERSON: ("userlookup", "ownerlookup"),
    Form.REF: ("lookup",),
}
"""Form of a canonical value -> ``data_type`` of a field of the customer's own that can hold it."""


def classes(module: str, name: str, picks: Sequence[PickValue]) -> dict[str, str]:
    """The class of each value, by what is shown and by what is stored. Only metadata decides, never a display name."""
    found = {}
    for value in picks:
        if (module, name) == ("Deals", "Stage"):
            own = STAGES.get((value.forecast_type or value.deal_category or "").lower())
        elif (module, name) in TABLES:
            own = value.sys_ref_name or value.reference_value or value.actual_value
        else:
            own = None
        if own is not None:
            found[value.display_value] = own
            if value.actual_value:
                found.setdefault(value.actual_value, own)
    return found
