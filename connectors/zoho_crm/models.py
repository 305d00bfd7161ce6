"""Wire shapes, as the service sends them. Records stay dictionaries: their keys are the customer's own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from connectors.base import utc
from connectors.errors import Malformed
from connectors.rows import NoRecord, each_row, stamp, typed


class Info(msgspec.Struct):
    more_records: bool | None = False
    next_page_token: str | None = None


class Rows(msgspec.Struct):
    """A page of records, of deleted rows or of search hits."""

    data: list[Any]
    info: Info | None = None


class Users(msgspec.Struct):
    users: list[Any]
    info: Info | None = None


class Result(msgspec.Struct):
    """What came of one row of a write."""

    code: str
    status: str
    message: Any = ""
    details: Any = None
    action: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.details, dict):
            self.details = {}


class Results(msgspec.Struct):
    data: list[Any]

    @property
    def rows(self) -> list[Result | None]:
        """What came of each row, in order; None where the answer does not say it as it does of others."""
        return [_result(row) for row in self.data]


def _result(row: Any) -> Result | None:
    try:
        return msgspec.convert(row, Result)
    except msgspec.ValidationError:
        return None


class Trouble(msgspec.Struct):
    """An error that is the whole answer."""

    code: str
    message: Any = ""
    details: Any = None
    status: Any = ""


class Token(msgspec.Struct):
    """The sign-in host's answer; with ``error`` set, whatever the status says, there is no token."""

    access_token: str | None = None
    refresh_token: str | None = None
    """In the answer to a code alone."""
    scope: str | None = None
    """What was granted, where the service tells."""
    expires_in: float = 3600.0
    api_domain: str | None = None
    error: str | None = None
    error_description: str | None = None


class PickValue(msgspec.Struct):
    display_value: str = ""
    actual_value: str | None = None
    reference_value: str | None = None
    sys_ref_name: str | None = None
    type: str | None = None
    forecast_type: str | None = None
    deal_category: str | None = None


class OperationType(msgspec.Struct):
    api_create: bool = True
    api_update: bool = True


RESULTS = {"string": "text", "number": "double"}
"""What a formula's result is called -> the ``data_type`` of a field with such values."""


class FieldMeta(msgspec.Struct):
    """One row of ``/settings/fields``: the part that this connector reads."""

    api_name: str
    id: str | None = None
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
    unique: Any = None
    external: Any = None
    lookup: Any = None
    formula: Any = None
    rollup_summary: Any = None

    @property
    def kind(self) -> str:
        """Zoho's word for what values are; of what it computes itself, the type of the result."""
        made = {"formula": self.formula, "rollup_summary": self.rollup_summary}.get(self.data_type)
        result = made.get("return_type") if isinstance(made, dict) else None
        if not isinstance(result, str) or not result:
            return self.data_type
        return RESULTS.get(result, result)

    @property
    def computed(self) -> bool:
        return self.data_type in ("formula", "rollup_summary")

    @property
    def refers(self) -> str | None:
        """The one module that a lookup leads to. An activity's, and a note's, is named by each record instead."""
        target = self.lookup.get("module") if isinstance(self.lookup, dict) else None
        name = target.get("api_name") if isinstance(target, dict) else target
        known = self.data_type == "lookup" and isinstance(name, str) and name and not name.startswith("$")
        return str(name) if known else None


class Fields(msgspec.Struct):
    fields: list[Any]


class ModuleMeta(msgspec.Struct):
    """One row of ``/settings/modules``: the part that this connector reads. The flags are of our own account."""

    api_name: str | None = None
    plural_label: str | None = None
    api_supported: bool = True
    viewable: bool = True
    creatable: bool = True
    editable: bool = True
    deletable: bool = True
    generated_type: str | None = None

    @property
    def custom(self) -> bool:
        """Made by the customer, not by Zoho, and no mere link between two others."""
        return self.generated_type == "custom"


class Modules(msgspec.Struct):
    modules: list[Any]


class LayoutField(msgspec.Struct):
    """A field as one layout has it."""

    api_name: str | None = None
    field_label: str | None = None
    display_label: str | None = None
    required: bool | None = None
    default_value: Any = None
    read_only: bool | None = None
    field_read_only: bool | None = None


class Section(msgspec.Struct):
    fields: list[LayoutField] | None = None


class Layout(msgspec.Struct):
    name: str | None = None
    display_label: str | None = None
    status: str | None = None
    sections: list[Section] | None = None


class Layouts(msgspec.Struct):
    layouts: list[Any]


class License(msgspec.Struct):
    paid: bool = False
    paid_type: str | None = None
    trial_type: str | None = None
    users_license_purchased: int | None = None


class Organization(msgspec.Struct):
    id: str
    zgid: str | None = None
    company_name: str | None = None
    time_zone: str | None = None
    iso_code: str | None = None
    license_details: Any = None

    @property
    def currency(self) -> str | None:
        """Its home currency by its code; None where that is no code."""
        code = self.iso_code or ""
        return code if len(code) == 3 and code.isascii() and code.isalpha() and code.isupper() else None


class Organizations(msgspec.Struct):
    org: list[Any]


class Channel(msgspec.Struct):
    """What a subscription to notifications is for in one module. Its token is not read."""

    channel_id: str | int
    events: list[str] = []
    channel_expiry: str | None = None

    @property
    def ends(self) -> datetime | None:
        """Raises ``Malformed`` if it is no time."""
        text = instant(self.channel_expiry)
        return datetime.fromisoformat(text) if text else None


class Channels(msgspec.Struct):
    watch: list[Channel]


class FieldResults(msgspec.Struct):
    """What came of making or deleting fields."""

    fields: list[Result]


class WatchResults(msgspec.Struct):
    watch: list[Result]


class FieldChange(msgspec.Struct, rename={"values": "_value"}):
    api_name: str
    values: dict[str, Any] = {}
    data_type: str | None = None


class TimelineEntry(msgspec.Struct):
    audited_time: str
    action: str = ""
    done_by: dict[str, Any] | None = None
    field_history: list[Any] | None = None

    @property
    def at(self) -> str | None:
        """In UTC; None where it shows no time."""
        return stamp(self.audited_time)

    @property
    def changes(self) -> list[FieldChange]:
        return list(each_row("field_history", self.field_history or (), _field_change, []))


def _field_change(row: Any) -> FieldChange:
    return typed(row, FieldChange)


def timeline_entry(row: Any) -> TimelineEntry:
    """Raises ``NoRecord`` for an entry without a time."""
    entry = typed(row, TimelineEntry)
    if entry.at is None:
        raise NoRecord("`audited_time` is no time")
    return entry


class Timeline(msgspec.Struct, rename={"entries": "__timeline"}):
    entries: list[Any]
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
