"""Trello's boards, cards, comments and links, and the canonical model.

A card is a task, or what one of its labels says it is (``Options.labels``: kind -> label name). Its list gives the
status through the classes that the connection's description proposes and ``Options.values["status"]`` (by list id or
list name) overrides. People are member ids; labels go by name, because each board has label ids of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.base import Description
from connectors.trello.models import HOLDS
from mapping.fields import FieldMap, Mapper, MappingPlugin, Options, StreamMapping
from mapping.model import Form, Kind
from mapping.pairs import clean, moment, number, text
from mapping.trello.cards import CardMapping
from mapping.trello.places import Places, fields_of
from mapping.trello.values import author, flag, markdown, ref, said, title


def holds(stream: str) -> frozenset[Form]:
    """What custom fields can hold: only cards have any."""
    return frozenset(HOLDS) if stream == "cards" else frozenset()


def build(options: Options, description: Description) -> Mapping[str, Mapper]:
    """Mappers of one connection, by stream."""
    names = {one.name: one.label for one in fields_of(description, "members") if one.label}
    return {
        "boards": StreamMapping(
            {
                Kind.PROJECT: [
                    FieldMap("name", "name", *title()),
                    FieldMap("description", "desc", *markdown()),
                    FieldMap("archived", "closed", *flag()),
                ]
            }
        ),
        "cards": CardMapping(Places.of(description, options), options, names, fields_of(description, "cards")),
        "comments": StreamMapping(
            {
                Kind.COMMENT: [
                    FieldMap("parent", "idCard", *ref("cards")),
                    FieldMap("author", "idMemberCreator", author(names), mode="read"),
                    FieldMap("created", "date", lambda value, _: moment(value), mode="read"),
                    FieldMap("body", "text", *said()),
                ]
            }
        ),
        "attachments": StreamMapping(
            {
                Kind.DOCUMENT: [
                    FieldMap("title", "name", *text()),
                    FieldMap("url", "url", *text()),
                    FieldMap("mime_type", "mimeType", lambda value, _: clean(value), mode="read"),
                ],
                Kind.ATTACHMENT: [
                    FieldMap("parent", "idCard", *ref("cards"), mode="once", shown=lambda value: value),
                    FieldMap("title", "name", *text(256), mode="once"),
                    FieldMap("author", "idMember", author(names), mode="read"),
                    FieldMap("created", "date", lambda value, _: moment(value), mode="read"),
                    FieldMap("mime_type", "mimeType", lambda value, _: clean(value), mode="read"),
                    FieldMap("size", "bytes", number, mode="read"),
                ],
            },
            kind_of=lambda record: Kind.ATTACHMENT if record.payload.get("isUpload") else Kind.DOCUMENT,
        ),
    }


MAPPING = MappingPlugin(system="trello", build=build, checklists={"cards": "own"}, holds=holds)
