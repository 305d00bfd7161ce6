"""What a table of fields alone cannot say: two fields that are one, a module beside a reference, one place for two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.base import Record
from mapping.fields import StreamMapping, clean
from mapping.model import Kind, Loss, Mapped, Unmapped


class Contacts(StreamMapping):
    """A contact's name is one field here and two there."""

    def canon(self, record: Record) -> Mapped:
        payload = record.payload
        if not payload.get("Full_Name") and ("First_Name" in payload or "Last_Name" in payload):
            parts = (payload.get("First_Name"), payload.get("Last_Name"))
            payload = {**payload, "Full_Name": " ".join(part for part in parts if part)}
            record = Record(stream=record.stream, id=record.id, payload=payload, url=record.url)
        return super().canon(record)

    def unmap(self, kind: Kind, values: Mapping[str, Any], base: Mapping[str, Any] | None = None) -> Unmapped:
        unmapped = super().unmap(kind, values, base)
        if "Full_Name" in unmapped.values:
            full = unmapped.values.pop("Full_Name")
            if full is None:
                unmapped.losses.append(Loss("name", "name_required"))
            else:
                unmapped.values |= _split(full, (base or {}).get("First_Name"))
        return unmapped


def _split(full: str, first: str | None) -> dict[str, Any]:
    """First and last name; a first name that still leads stays as people entered it."""
    if first and full.startswith(f"{first} "):
        return {"First_Name": first, "Last_Name": full[len(first) + 1 :]}
    before, _, last = full.rpartition(" ")
    return {"First_Name": before or None, "Last_Name": last}


class Tasks(StreamMapping):
    """The module of what a task belongs to stands beside the reference."""

    def unmap(self, kind: Kind, values: Mapping[str, Any], base: Mapping[str, Any] | None = None) -> Unmapped:
        unmapped = super().unmap(kind, values, base)
        target = unmapped.values.get("What_Id")
        if target is not None:
            unmapped.values["What_Id"] = {"id": target["id"]}
            unmapped.values["$se_module"] = target["module"]["api_name"]
        return unmapped


class Notes(StreamMapping):
    """A note lies under one record: a feedback's project, or its customer where it has none."""

    def canon(self, record: Record) -> Mapped:
        mapped = super().canon(record)
        if mapped.kind is Kind.COMMENT and clean(record.payload.get("Note_Title")):
            mapped.losses.append(Loss("Note_Title", "not_carried", record.payload["Note_Title"]))
            return mapped
        # One place serves two fields: that the other does not apply is no loss.
        mapped.losses = [loss for loss in mapped.losses if (loss.field, loss.why) != ("Parent_Id", "other_module")]
        return mapped

    def unmap(self, kind: Kind, values: Mapping[str, Any], base: Mapping[str, Any] | None = None) -> Unmapped:
        if values.get("project") and values.get("customer"):
            values = {name: value for name, value in values.items() if name != "customer"}
        return super().unmap(kind, values, base)
