"""Google Drive <-> canonical: client, project and category folders, documents, clients' comments.

Names of folders are set when they are made; afterwards a person's rename is that person's affair. Where a thing
lies is read from ``ancestors``, the folders between the root and it, and written as its one parent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors.base import Description, Record
from mapping.categories import category_of
from mapping.fields import FieldMap, Mapper, MappingPlugin, Options, Read, StreamMapping, Unmappable
from mapping.model import Kind, Loss, Mapped
from mapping.pairs import clean, moment, number, text

FOLDER_BY_DEPTH = ("client_folders", "project_folders", "category_folders")

TITLE_LENGTH = 80


def _category(options: Options) -> Read:
    def read(value: Any, _: Mapping[str, Any]) -> Any:
        name = clean(value)
        found = category_of(name, options.values.get("category")) if name else None
        if found is None:
            raise Unmappable("unknown_category", value)
        return found

    return read


def _ancestor(depth: int) -> Read:
    """The folder ``depth`` below the root, as a reference; None where a thing lies higher."""

    def read(_: Any, section: Mapping[str, Any]) -> Any:
        way = section.get("ancestors")
        if not isinstance(way, list):
            raise Unmappable("place_unknown")
        return {"stream": FOLDER_BY_DEPTH[depth], "id": way[depth]} if len(way) > depth else None

    return read


def _folder(_: Any, section: Mapping[str, Any]) -> Any:
    """The folder a file lies in; None directly in the root."""
    way = section.get("ancestors")
    if not isinstance(way, list):
        raise Unmappable("place_unknown")
    if not way:
        return None
    return {"stream": FOLDER_BY_DEPTH[len(way) - 1] if len(way) <= len(FOLDER_BY_DEPTH) else "folders", "id": way[-1]}


def _into(value: Any, _: Mapping[str, Any]) -> Any:
    """A reference as Drive's one parent."""
    return [value["id"]]


def _same(value: Any) -> Any:
    return value


def _person(value: Any, _: Mapping[str, Any]) -> Any:
    """A user. Authors of comments often come without id and address: then the name has to do."""
    if not value:
        return None
    name, email = clean(value.get("displayName")), clean(value.get("emailAddress"))
    account = clean(value.get("permissionId")) or email or name
    return {"account": account, "name": name, "email": email} if account else None


def _headline(value: Any, _: Mapping[str, Any]) -> Any:
    """The first line of a comment, cut at a word."""
    body = clean(value)
    line = body.splitlines()[0].strip() if body else None
    if line is None or len(line) <= TITLE_LENGTH:
        return line
    return (line[:TITLE_LENGTH].rsplit(" ", 1)[0] or line[:TITLE_LENGTH]) + "…"


def _resolved(_: Any, section: Mapping[str, Any]) -> Any:
    """Drive leaves the key out of a comment that is still open."""
    return "done" if section.get("resolved") else "todo"


def _instant(value: Any, _: Mapping[str, Any]) -> Any:
    return moment(value)


class Comments(StreamMapping):
    """What was said under a comment, and the words it was about, are told as lost, not passed over."""

    def canon(self, record: Record) -> Mapped:
        mapped = super().canon(record)
        mapped.losses += [Loss(name, "not_carried", lost) for name, lost in _beside(record.payload) if lost]
        return mapped


def _beside(comment: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    quoted = comment.get("quotedFileContent")
    if isinstance(quoted, Mapping):
        yield "quotedFileContent", quoted.get("value")
    replies = comment.get("replies")
    # Who resolves a comment or opens it again may say nothing: then the status says it all.
    said = [each for each in replies if isinstance(each, Mapping)] if isinstance(replies, list) else []
    yield "replies", [each["content"] for each in said if each.get("content") and not each.get("deleted")]


def build(options: Options, description: Description) -> Mapping[str, Mapper]:
    """Mappers of the streams that mean something to a project; shortcuts, shares, drives and deeper folders do not."""
    name = text()
    plain = text()
    mappers: dict[str, Mapper] = {
        "client_folders": StreamMapping({Kind.CUSTOMER: [FieldMap("name", "name", *name, mode="create")]}),
        "project_folders": StreamMapping(
            {
                Kind.PROJECT: [
                    FieldMap("name", "name", *name, mode="create"),
                    FieldMap("customer", "parents", _ancestor(0), _into, mode="create", shown=_same),
                ]
            }
        ),
        "category_folders": StreamMapping(
            {
                Kind.FOLDER: [
                    FieldMap("name", "name", *name, mode="create"),
                    FieldMap("project", "parents", _ancestor(1), _into, mode="once", shown=_same),
                    FieldMap("category", "name", _category(options)),
                ]
            }
        ),
        "files": StreamMapping(
            {
                Kind.DOCUMENT: [
                    FieldMap("title", "name", *plain),
                    FieldMap("url", "webViewLink", plain[0]),
                    FieldMap("folder", "parents", _folder, _into, mode="once", shown=_same),
                    FieldMap("project", "ancestors", _ancestor(1)),
                    FieldMap("mime_type", "mimeType", plain[0]),
                    FieldMap("size", "size", number, mode="create"),
                    FieldMap("content_hash", "md5Checksum", plain[0]),
                ]
            }
        ),
        "comments": Comments(
            {
                Kind.FEEDBACK: [
                    FieldMap("title", "content", _headline),
                    FieldMap("description", "content", plain[0]),
                    FieldMap("customer", "ancestors", _ancestor(0)),
                    FieldMap("project", "ancestors", _ancestor(1)),
                    FieldMap("status", "id", _resolved),
                    FieldMap("reporter", "author", _person),
                    FieldMap("created", "createdTime", _instant),
                ]
            }
        ),
    }
    return {stream.name: mappers[stream.name] for stream in description.streams if stream.name in mappers}


MAPPING = MappingPlugin(system="google_drive", build=build, holds=lambda stream: frozenset())
