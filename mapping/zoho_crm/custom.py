"""Fields of the customer's own: what each of Zoho's types can hold of a canonical form, and how it is written."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from connectors.base import Field
from connectors.errors import Misconfigured
from connectors.zoho_crm.words import HOLDS
from mapping.fields import FieldMap, Options, Unmappable
from mapping.model import TITLE, Form, Kind
from mapping.pairs import Pair, day, number, text, texts, yes_or_no
from mapping.zoho_crm.values import (
    PERSON,
    Section,
    amount,
    instant_read,
    listed,
    one_of,
    person,
    person_written,
    reference,
    same,
    tags,
    whole_seconds,
)

Fields = Mapping[str, Mapping[str, Field]]
"""Stream -> name -> what the service says of the field."""


def with_custom(kind: Kind, stream: str, rows: list[FieldMap], options: Options, fields: Fields) -> list[FieldMap]:
    """The usual rows, and those that the configuration puts into fields of the customer's own.

    Raises ``Misconfigured`` for a field whose type cannot hold the canonical form.
    """
    chosen = options.custom.get(stream, {})
    there = fields.get(stream, {})
    kept = [_as_allowed(row, there) for row in rows if row.canonical not in chosen]
    here = [name for name in chosen if name in options.model[kind]]
    return [*kept, *(_row(kind, stream, name, chosen[name], options, fields) for name in here)]


KEPT_IN: Mapping[str, str] = {"Full_Name": "Last_Name"}
"""Fields that the service makes of others -> the one that is written for them."""


def _as_allowed(row: FieldMap, there: Mapping[str, Field]) -> FieldMap:
    """A field that our account may not change takes no value, and the service says nothing of it when it is sent one.
    Tags are told as no field to be edited, and are given with the record all the same."""
    field = there.get(KEPT_IN.get(row.system, row.system))
    if field is None or field.writable or row.system == "Tag" or row.mode == "read":
        return row
    return dataclasses.replace(row, mode="read")


def _row(kind: Kind, stream: str, name: str, system: str, options: Options, fields: Fields) -> FieldMap:
    form = options.model[kind][name]
    field = fields.get(stream, {}).get(system)
    holding = HOLDS.get(form, ())
    # A field that is not there (any more) has no type: its history is read as what usually holds the form.
    if not holding or (field is not None and field.kind not in holding):
        fit = ", ".join(holding) or "none"
        what = f"is of type {field.kind}, which cannot hold" if field is not None and holding else "cannot hold"
        raise Misconfigured(f"custom: {stream}.{name}: {system} {what} a {form.value}; types that can: {fit}")
    if form is Form.REF and (field is None or field.refers is None):
        raise Misconfigured(f"custom: {stream}.{name}: {system} does not lead to records of one module")
    read, write = _pair(form, name, field, options, "Currency" in fields.get(stream, {}))
    mode: Any = "both" if field is None or field.writable else "read"
    return FieldMap(name, system, read, write, mode, shown=same if form in (Form.PERSON, Form.MONEY) else None)


def _pair(form: Form, name: str, field: Field | None, options: Options, multi_currency: bool) -> Pair:
    match form:
        case Form.TEXT | Form.RICH:
            return one_of(field) if field is not None and field.kind == "picklist" else text()
        case Form.DATE:
            return whole_seconds(options.zone) if field is not None and field.kind == "datetime" else day(options.zone)
        case Form.CHOICE:
            return listed(field, {}, _classes(field, name, options))
        case Form.MONEY:
            return amount(options.currency, multi_currency)
        case Form.NUMBER:
            return _count(field)
        case Form.FLAG:
            return yes_or_no, lambda value, _: bool(value)  # a box is ticked or not, never empty
        case Form.PERSON:
            return person, lambda value, section: person_written(value, section) if value is not None else None
        case Form.SET:
            return _several(field)
        case _:
            return reference(str(field.refers) if field is not None else "")


def _classes(field: Field | None, name: str, options: Options) -> Mapping[str, str]:
    """What the values of a list stand for: as configured, else a class that they say themselves."""
    known = field.values if field is not None and field.values else options.model.classes.get(name, ())
    told = {said: found for said in known if (found := options.model.class_of(name, said)) is not None}
    return told | dict(options.values.get(name, {}))


WHOLE = ("integer", "bigint")
"""Types of numbers without a fraction; the second is shown as a text."""


def _count(field: Field | None) -> Pair:
    def write(value: Any, _: Section) -> Any:
        if value is not None and field is not None and field.kind in WHOLE and not float(value).is_integer():
            raise Unmappable("not_whole", value)
        return value

    return number, write


def _several(field: Field | None) -> Pair:
    """A list of which several values may be chosen."""

    def read(value: Any, _: Section) -> Any:
        return sorted(texts(value))

    def write(value: Any, _: Section) -> Any:
        for each in value or ():
            if field is not None and field.values and each not in field.values:
                raise Unmappable("no_such_value", each)
        return list(value or ())

    return read, write


def own_rows(kind: Kind, stream: str, options: Options, fields: Fields) -> list[FieldMap]:
    """A module of the customer's own: its name, owner, tags, and what the configuration says of its other fields."""
    there = fields.get(stream, {})
    usual = {
        TITLE[kind]: FieldMap(TITLE[kind], "Name", *text(120)),
        "account_manager": FieldMap("account_manager", "Owner", *PERSON, shown=same),
        "assignee": FieldMap("assignee", "Owner", *PERSON, shown=same),
        "labels": FieldMap("labels", "Tag", *tags(())),
        "reporter": FieldMap("reporter", "Created_By", person, mode="read"),
        "author": FieldMap("author", "Created_By", person, mode="read"),
        "created": FieldMap("created", "Created_Time", instant_read, mode="read"),
    }
    rows = [row for name, row in usual.items() if name in options.model[kind] and row.system in there]
    return with_custom(kind, stream, rows, options, fields)
