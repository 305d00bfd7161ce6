"""What a table of fields alone cannot say: two fields that are one, a module beside a reference, one place for two."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connectors.base import Record
from mapping.fields import FieldMap, StreamMapping
from mapping.model import STANDARD, Kind, Loss, Mapped, Model, Unmapped
from mapping.pairs import clean


class Losing(StreamMapping):
    """Fields that people fill and no canonical field takes are told as lost, not passed over."""

    def __init__(
        self,
        rows: Mapping[Kind, Sequence[FieldMap]],
        *,
        lost: Sequence[str],
        kind_of: Callable[[Record], Kind] | None = None,
        extra: Callable[[Kind, Mapping[str, Any]], Mapping[str, Any]] | None = None,
        model: Model = STANDARD,
    ) -> None:
        super().__init__(rows, kind_of=kind_of, extra=extra, model=model)
        self._lost = lost

    def canon(self, record: Record) -> Mapped:
        mapped = super().canon(record)
        taken = {self.system(mapped.kind, name) for name in mapped.values}
        for name in self._lost:
            value = record.payload.get(name)
            if value not in (None, "", [], False) and name not in taken:
                mapped.losses.append(Loss(name, "not_carried", value))
        return mapped


class People(Losing):
    """The name of a contact, or of a lead, is one field here and two there."""

    def canon(self, record: Record) -> Mapped:
        payload = record.payload
        if not payload.get("Full_Name") and ("First_Name" in payload or "Last_Name" in payload):
            parts = [part for part in (payload.get("First_Name"), payload.get("Last_Name")) if part]
            odd = next((part for part in parts if not isinstance(part, str)), None)  # told as lost, like any other
            payload = {**payload, "Full_Name": " ".join(parts) if odd is None else odd}
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


class Activities(Losing):
    """What lies under a record of any module: the module stands beside the reference, and one place serves a project
    as well as a customer."""

    def canon(self, record: Record) -> Mapped:
        return _one_place(super().canon(record), "What_Id")

    def unmap(self, kind: Kind, values: Mapping[str, Any], base: Mapping[str, Any] | None = None) -> Unmapped:
        unmapped = super().unmap(kind, _under_one(values), base)
        target = unmapped.values.get("What_Id")
        if target is not None:
            unmapped.values["What_Id"] = {"id": target["id"]}
            unmapped.values["$se_module"] = target["module"]["api_name"]
        return unmapped


class Notes(StreamMapping):
    """A note lies under one record: a feedback's project, or its customer where it has none."""

    def canon(self, record: Record) -> Mapped:
        mapped = super().canon(record)
        title = record.payload.get("Note_Title")
        if mapped.kind is Kind.COMMENT and isinstance(title, str) and clean(title):
            mapped.losses.append(Loss("Note_Title", "not_carried", title))
            return mapped
        return _one_place(mapped, "Parent_Id")

    def unmap(self, kind: Kind, values: Mapping[str, Any], base: Mapping[str, Any] | None = None) -> Unmapped:
        return super().unmap(kind, _under_one(values), base)


def _one_place(mapped: Mapped, system: str) -> Mapped:
    """One place serves two fields: that the other does not apply is no loss. That neither does is one."""
    other = [loss for loss in mapped.losses if (loss.field, loss.why) == (system, "other_module")]
    if other:
        found = any(mapped.values.get(name) for name in ("project", "customer"))
        mapped.losses = [loss for loss in mapped.losses if loss not in other] + ([] if found else other[:1])
    return mapped


def _under_one(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """A project stands before its customer."""
    if values.get("project") and values.get("customer"):
        return {name: value for name, value in values.items() if name != "customer"}
    return values
