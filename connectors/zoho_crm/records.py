"""Rows of the service as records of the contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connectors.base import Record
from connectors.rows import id_of, stamp
from connectors.zoho_crm.described import USERS

Row = dict[str, Any]

TABS = {
    "Accounts": "Accounts",
    "Contacts": "Contacts",
    "Deals": "Potentials",
    "Tasks": "Tasks",
    "Cases": "Cases",
    "Calls": "Calls",
    "Events": "Events",
    "Leads": "Leads",
}
"""Where the web pages of a module are; notes have none of their own, and those of other modules are not known."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What every record of a connection is read with."""

    marker_field: str
    web: str
    me: str
    """Our own user."""

    def record(self, module: str, row: Row) -> Record:
        id = id_of(row)
        payload = {name: value for name, value in row.items() if name != self.marker_field}
        marker = row.get(self.marker_field)
        tab = TABS.get(module)
        parent = row.get("Parent_Id") if module == "Notes" else None
        return Record(
            stream=module,
            id=id,
            payload=payload,
            version=stamp(row.get("Modified_Time")),
            marker=marker if isinstance(marker, str) and marker else None,
            ours=person(row, "Created_By") == self.me,
            scope=str(parent["id"]) if isinstance(parent, dict) and parent.get("id") else module,
            url=f"{self.web}/crm/tab/{tab}/{id}" if tab else None,
            created_at=stamp(row.get("Created_Time")),
            modified_at=stamp(row.get("Modified_Time")),
            modified_by=person(row, "Modified_By"),
            modified_by_name=_called(row, "Modified_By"),
        )


def user(row: Row) -> Record:
    return Record(
        stream=USERS,
        id=id_of(row),
        payload=row,
        version=stamp(row.get("Modified_Time")),
        created_at=stamp(row.get("created_time")),
        modified_at=stamp(row.get("Modified_Time")),
    )


def tombstone(module: str, row: Row) -> Record:
    id, at = id_of(row), stamp(row.get("deleted_time"))
    return Record(
        stream=module,
        id=id,
        deleted=True,
        version=at,
        scope=module,
        modified_at=at,
        modified_by=person(row, "deleted_by"),
        modified_by_name=_called(row, "deleted_by"),
    )


def person(row: Row, field: str) -> str | None:
    value = row.get(field)
    return str(value["id"]) if isinstance(value, dict) and value.get("id") else None


def _called(row: Row, field: str) -> str | None:
    value = row.get(field)
    name = value.get("name") if isinstance(value, dict) else None
    return name if isinstance(name, str) and name else None
