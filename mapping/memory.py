"""The memory connector's items as tasks: the smallest mapping there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.base import Description
from mapping.fields import FieldMap, Mapper, MappingPlugin, Options, StreamMapping, Unmappable
from mapping.model import OWN_FORMS, Form, Kind
from mapping.pairs import day, moment, string_set, text


def _person(value: Any, _: Mapping[str, Any]) -> Any:
    return {"account": value, "name": value, "email": value} if value else None


def _account(value: Any, _: Mapping[str, Any]) -> Any:
    return value["account"] if value else None


def _ref(value: Any, _: Mapping[str, Any]) -> Any:
    return {"stream": "items", "id": value} if value else None


def _id(value: Any, _: Mapping[str, Any]) -> Any:
    return value["id"] if value else None


def build(options: Options, description: Description) -> Mapping[str, Mapper]:
    """Rows for the fields that the service has; one that shows titles in capitals says so."""
    rows = {
        "title": FieldMap("title", "title", *text()),
        "notes": FieldMap("description", "notes", *text()),
        "due": FieldMap("due_date", "due", *day(options.zone)),
        "labels": FieldMap("labels", "labels", *string_set()),
        "owner": FieldMap("assignee", "owner", _person, _account),
        "parent": FieldMap("parent", "parent", _ref, _id),
    }
    if description.limits.get("titles") == "capitals":
        rows["title"] = FieldMap("title", "title", *text(), shown=lambda value: value.upper())
    for name, system in options.custom.get("items", {}).items():
        if name in options.model[Kind.TASK]:
            rows[system] = _kept(name, system, options)
    here = {field.name for field in description.stream("items").fields}
    mappers: dict[str, Mapper] = {
        "items": StreamMapping({Kind.TASK: [row for name, row in rows.items() if name in here]}, model=options.model)
    }
    if any(stream.name == "comments" for stream in description.streams):
        mappers["comments"] = StreamMapping({Kind.COMMENT: _said()})
    if any(stream.name == "files" for stream in description.streams):
        mappers["files"] = StreamMapping({Kind.ATTACHMENT: _put()})
    return mappers


def _kept(name: str, system: str, options: Options) -> FieldMap:
    """A field that the configuration names: items hold every value as it is, of a choice what stands for its class."""
    if options.model.form(name) is not Form.CHOICE:
        return FieldMap(name, system, lambda value, _: value, lambda value, _: value)
    table = options.values.get(name, {})

    def read(value: Any, _: Mapping[str, Any]) -> Any:
        found = table.get(value, options.model.class_of(name, value))
        if found is None and value is not None:
            raise Unmappable("unknown_value", value)
        return found

    def write(value: Any, _: Mapping[str, Any]) -> Any:
        if value is not None and value not in options.model.classes[name]:
            raise Unmappable("no_such_value", value)
        return next((said for said, known in table.items() if known == value), value)

    return FieldMap(name, system, read, write)


def holds(stream: str) -> frozenset[Form]:
    """An item takes whatever it is given."""
    return OWN_FORMS if stream == "items" else frozenset()


def _said() -> list[FieldMap]:
    return [
        FieldMap("parent", "item", _ref, _id),
        FieldMap("body", "text", *text()),
        FieldMap("author", "author", _person),
        FieldMap("created", "at", lambda value, _: moment(value)),
    ]


def _put() -> list[FieldMap]:
    return [
        FieldMap("parent", "item", _ref, _id, mode="once"),
        FieldMap("title", "name", *text(), mode="once"),
        FieldMap("author", "author", _person),
        FieldMap("created", "at", lambda value, _: moment(value)),
        FieldMap("size", "size", lambda value, _: value),
    ]


MAPPING = MappingPlugin(system="memory", build=build, holds=holds)
