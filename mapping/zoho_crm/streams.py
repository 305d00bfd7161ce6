"""What a table of fields alone cannot say: two fields that are one, a module beside a reference, one place for two."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

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
        taken = {self.system(mapped.kind, name) for name in mapped.values} | {loss.field for loss in mapped.losses}
        for name in self._lost:
            value = record.payload.get(name)
            if value not in (None, "", [], False) and name not in taken:
                mapped.losses.append(Loss(name, "not_carried", value))
        return mapped


class People(Losing):
    """The name of a contact, or of a lead, is one field here and two there.

    The service joins the two in the order that our account's user prefers, with the salutation before them
    (``name_format__s`` of a user): the order is kept, the salutation is no part of a name. ``salutations``: those that
    the organisation has, as a history shows none beside the name.
    """

    def __init__(self, rows: Mapping[Kind, Sequence[FieldMap]], *, salutations: Sequence[str], **more: Any) -> None:
        super().__init__(rows, **more)
        self._salutations = salutations

    def canon_field(self, kind: Kind, name: str, value: Any) -> Any:
        if name == "name":
            for salutation in self._salutations:
                value = _without_salutation({"Full_Name": value, "Salutation": salutation})
        return super().canon_field(kind, name, value)

    def canon(self, record: Record) -> Mapped:
        payload = {**record.payload, "Full_Name": _name(record.payload)}
        if payload["Full_Name"] is None and not _PARTS & record.payload.keys():
            del payload["Full_Name"]  # the list was asked for other fields
        return super().canon(Record(stream=record.stream, id=record.id, payload=payload, url=record.url))

    def unmap(self, kind: Kind, values: Mapping[str, Any], base: Mapping[str, Any] | None = None) -> Unmapped:
        unmapped = super().unmap(kind, values, base)
        if "Full_Name" in unmapped.values:
            full = unmapped.values.pop("Full_Name")
            if full is None:
                unmapped.losses.append(Loss("name", "name_required"))
            else:
                unmapped.values |= _split(full, base or {})
        return unmapped


_PARTS: Final = {"Full_Name", "First_Name", "Last_Name"}


def _name(payload: Mapping[str, Any]) -> Any:
    """First and last name, in the order in which the service shows them; of odd values one, to be told as lost."""
    parts = [part for part in (payload.get("First_Name"), payload.get("Last_Name")) if part]
    odd = next((part for part in parts if not isinstance(part, str)), None)
    if odd is not None:
        return odd
    shown = _without_salutation(payload)
    if not parts or _last_first(payload) or (shown and not payload.keys() >= {"First_Name", "Last_Name"}):
        return shown
    return " ".join(parts)


def _without_salutation(payload: Mapping[str, Any]) -> Any:
    full, salutation = payload.get("Full_Name"), payload.get("Salutation")
    if isinstance(full, str) and isinstance(salutation, str) and salutation:
        return full.removeprefix(f"{salutation} ").removesuffix(f" {salutation}")
    return full


def _last_first(payload: Mapping[str, Any]) -> bool:
    first, last = payload.get("First_Name"), payload.get("Last_Name")
    return bool(first and last and first != last) and _without_salutation(payload) == f"{last} {first}"


def _split(full: str, base: Mapping[str, Any]) -> dict[str, Any]:
    """First and last name, in the order in which ``base`` shows them. Of the two, what is still there stays as people
    entered it."""
    first, last = base.get("First_Name"), base.get("Last_Name")
    if _last_first(base):
        one, _, other = full.partition(" ")
        last, first = _kept(full, last, first) or (one, other)
    else:
        one, _, other = full.rpartition(" ")
        first, last = _kept(full, first, last) or (one, other)
    return {"First_Name": first or None, "Last_Name": last}


def _kept(full: str, one: Any, other: Any) -> tuple[str, str] | None:
    """The two parts of a name, if it begins or ends as it did before."""
    if isinstance(one, str) and one and full.startswith(f"{one} "):
        return one, full[len(one) + 1 :]
    if isinstance(other, str) and other and full.endswith(f" {other}"):
        return full[: -len(other) - 1], other
    return None


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
