"""Wire shapes, as the service sends them. Records stay dictionaries: their keys are the customer's own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from connectors.base import utc
from connectors.errors import Malformed


class Info(msgspec.Struct):
    more_records: bool = False
    next_page_token: str | None = None


class Rows(msgspec.Struct):
    """A page of records, of deleted rows or of search hits."""

    data: list[dict[str, Any]]
    info: Info | None = None


class Users(msgspec.Struct):
    users: list[dict[str, Any]]
    info: Info | None = None


class Result(msgspec.Struct):
    """What came of one row of a write."""

    code: str
    status: str
    message: str = ""
    details: dict[str, Any] = {}
    action: str | None = None


class Results(msgspec.Struct):
    data: list[Result]


class Trouble(msgspec.Struct):
    """An error that is the whole answer."""

    code: str
    message: str = ""
    details: Any = None
    status: str = ""


class Token(msgspec.Struct):
    """The sign-in host's answer; with ``error`` set, whatever the status says, there is no token."""

    access_token: str | None = None
    expires_in: float = 3600.0
    api_domain: str | None = None
    error: str | None = None
    error_description: str | None = None


class PickValue(msgspec.Struct):
    display_value: str
    actual_value: str | None = None
    reference_value: str | None = None
    sys_ref_name: str | None = None
    type: str | None = None
    forecast_type: str | None = None
    deal_category: str | None = None


class OperationType(msgspec.Struct):
    api_create: bool = True
    api_update: bool = True


class FieldMeta(msgspec.Struct):
    """One row of ``/settings/fields``: the part that this connector reads."""

    api_name: str
    data_type: str = "text"
    display_label: str | None = None
    field_label: str | None = None
    system_mandatory: bool = False
    read_only: bool = False
    field_read_only: bool = False
    custom_field: bool = False
    visible: bool = True
    operation_type: OperationType | None = None
    pick_list_values: list[PickValue] | None = None
    unique: dict[str, Any] | None = None


class Fields(msgspec.Struct):
    fields: list[FieldMeta]


class License(msgspec.Struct):
    paid: bool = False
    paid_type: str | None = None
    """The edition."""
    users_license_purchased: int = 0


class Organization(msgspec.Struct):
    id: str
    zgid: str | None = None
    company_name: str | None = None
    time_zone: str | None = None
    iso_code: str | None = None
    license_details: License | None = None


class Organizations(msgspec.Struct):
    org: list[Organization]


class FieldChange(msgspec.Struct, rename={"values": "_value"}):
    api_name: str
    values: dict[str, Any] = {}
    data_type: str | None = None


class TimelineEntry(msgspec.Struct):
    audited_time: str
    action: str = ""
    done_by: dict[str, Any] | None = None
    field_history: list[FieldChange] | None = None


class Timeline(msgspec.Struct, rename={"entries": "__timeline"}):
    entries: list[TimelineEntry]
    info: Info | None = None


def instant(text: Any) -> str | None:
    """A time of the service, in the organisation's offset, as UTC text. Raises ``Malformed`` if it is no time."""
    if not text:
        return None
    try:
        return utc(datetime.fromisoformat(str(text)))
    except ValueError as error:
        raise Malformed(f"not a time with an offset: {str(text)[:40]!r}") from error


def header_time(moment: datetime) -> str:
    """A time as ``If-Modified-Since`` and ``If-Unmodified-Since`` take it: whole seconds, with an offset."""
    return moment.replace(microsecond=0).isoformat()
