"""Versions as milestones. A version lies in a Jira project, which is no record of any stream: it names no project."""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.base import Record
from mapping.fields import FieldMap, StreamMapping, Unmappable
from mapping.jira.values import Section, Words
from mapping.model import Kind, Mapped
from mapping.pairs import clean, day, yes_or_no
from mapping.richtext.plain import markdown_to_plain, plain_to_markdown

NAME = 255


def versions(words: Words) -> StreamMapping:
    read_day, to_day = day(words.options.zone)

    def write_day(value: Any, section: Section) -> Any:
        if value is None:
            raise Unmappable("never_empty")  # Jira offers no way to clear a version's date
        return to_day(value, section)

    return _Versions(
        {
            Kind.MILESTONE: [
                FieldMap("title", "name", _name_of, _to_name),
                FieldMap("description", "description", _text_of, _to_text, shown=_shown_text),
                FieldMap("start_date", "startDate", read_day, write_day),
                FieldMap("due_date", "releaseDate", read_day, write_day),
                FieldMap("status", "released", _status_of, _to_status),
                FieldMap("archived", "archived", yes_or_no, lambda value, _: bool(value)),
            ]
        }
    )


class _Versions(StreamMapping):
    """Jira leaves out the key of what is not set: that is an empty value, not an unknown one."""

    def canon(self, record: Record) -> Mapped:
        payload = {**dict.fromkeys(("description", "startDate", "releaseDate")), **record.payload}
        return super().canon(msgspec.structs.replace(record, payload=payload))


def _name_of(value: Any, _: Section) -> Any:
    return clean(value)


def _to_name(value: Any, _: Section) -> Any:
    if value is None:
        raise Unmappable("never_empty")
    line = " ".join(value.split("\n"))
    if len(line) > NAME:
        raise Unmappable("too_long", NAME)
    return line


def _text_of(value: Any, _: Section) -> Any:
    return plain_to_markdown(value)


def _to_text(value: Any, _: Section) -> Any:
    return markdown_to_plain(value)


def _shown_text(value: Any) -> Any:
    return plain_to_markdown(markdown_to_plain(value))


def _status_of(value: Any, _: Section) -> Any:
    return "done" if value else "todo"


def _to_status(value: Any, _: Section) -> Any:
    """A version is released or it is not: work that is under way shows as not begun."""
    if value not in ("todo", "doing", "done"):
        raise Unmappable("no_such_value", value)
    return value == "done"
