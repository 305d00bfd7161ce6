"""Comments and remote links: what hangs on an issue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.base import Record
from mapping.fields import FieldMap, StreamMapping, Unmappable
from mapping.jira.values import Section, instant_read, person, read_rich, rich, shown_rich
from mapping.model import Kind, Loss, Mapped, Unmapped
from mapping.pairs import clean, number, text


def comments() -> StreamMapping:
    body_read, body_write = rich("body")

    def write(value: Any, section: Section) -> Any:
        if value is None:
            raise Unmappable("never_empty")
        return body_write(value, section)

    return _Comments(
        {
            Kind.COMMENT: [
                FieldMap("parent", "issue", _place_of, _to_place, shown=lambda value: value),
                FieldMap("body", "body", body_read, write, shown=shown_rich, lossy=read_rich),
                FieldMap("author", "author", person()[0], mode="read"),
                FieldMap("created", "created", instant_read, mode="read"),
            ]
        }
    )


def attachments() -> StreamMapping:
    """A file is made once and never changed."""
    return StreamMapping(
        {
            Kind.ATTACHMENT: [
                FieldMap("parent", "issue", _place_of, _to_place, mode="once", shown=lambda value: value),
                FieldMap("title", "filename", *text(255), mode="once"),
                FieldMap("author", "author", person()[0], mode="read"),
                FieldMap("created", "created", instant_read, mode="read"),
                FieldMap("mime_type", "mimeType", lambda value, _: clean(value), mode="read"),
                FieldMap("size", "size", number, mode="read"),
            ]
        }
    )


def links() -> StreamMapping:
    return _Links(
        {
            Kind.DOCUMENT: [
                FieldMap("title", "object", _part("title"), _whole("title"), shown=lambda value: value),
                FieldMap("url", "object", _part("url"), _whole("url"), shown=lambda value: value),
                FieldMap("project", "issue", _place_of, _to_place, shown=lambda value: value),
            ]
        }
    )


class _Comments(StreamMapping):
    """Comments never move to another issue, so an update does not name one. What one says to a role, a group or a
    service desk's agents only stays with them: nobody can tell who reads the other systems."""

    def canon(self, record: Record) -> Mapped:
        mapped = super().canon(record)
        payload = record.payload
        # An internal note of a service desk carries no `visibility`: this flag alone tells.
        told = "visibility" if payload.get("visibility") else "jsdPublic" if payload.get("jsdPublic") is False else None
        if told is not None and mapped.values.pop("body", None) is not None:
            mapped.losses.append(Loss(told, "restricted"))
        return mapped

    def unmap(self, kind: Kind, values: Mapping[str, Any], base: Mapping[str, Any] | None = None) -> Unmapped:
        return _without_move(super().unmap(kind, values, base), base)


class _Links(StreamMapping):
    """Title and address are parts of one value. A link on an epic is a document of that project."""

    def canon(self, record: Record) -> Mapped:
        mapped = super().canon(record)
        place = record.payload.get("issue")
        if isinstance(place, Mapping) and place.get("stream") != "epics":
            mapped.values.pop("project", None)
        return mapped

    def unmap(self, kind: Kind, values: Mapping[str, Any], base: Mapping[str, Any] | None = None) -> Unmapped:
        target: dict[str, Any] = {}
        result = Unmapped(values={})
        for name in values:
            part = super().unmap(kind, {name: values[name]}, base)
            target |= part.values.pop("object", {})
            result.values |= part.values
            result.losses += part.losses
        if target:
            result.values["object"] = target
        return _without_move(result, base)


def _without_move(result: Unmapped, base: Mapping[str, Any] | None) -> Unmapped:
    if base is not None and "issue" in result.values:
        place = result.values.pop("issue")
        if str(place["id"]) != str((base.get("issue") or {}).get("id")):
            result.losses.append(Loss("issue", "cannot_be_moved", place))
    return result


def _place_of(value: Any, _: Section) -> Any:
    return {"stream": value["stream"], "id": str(value["id"])} if value else None


def _to_place(value: Any, _: Section) -> Any:
    if value is None:
        raise Unmappable("never_empty")
    if value.get("stream") not in ("issues", "epics"):
        raise Unmappable("other_stream", value)
    return {"id": str(value["id"]), "stream": value["stream"]}


def _part(name: str) -> Any:
    def read(value: Any, _: Section) -> Any:
        return clean((value or {}).get(name))

    return read


def _whole(name: str) -> Any:
    def write(value: Any, _: Section) -> Any:
        if value is None:
            raise Unmappable("never_empty")
        return {name: value}

    return write
