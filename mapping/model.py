"""The canonical model: kinds of things, their fields, and the form that each value takes.

Every canonical value is plain JSON data, so that equality is ``==`` and storage is text:

=============  ====================================================================================
``TEXT``       a string without outer white space, never empty (then it is None)
``RICH``       Markdown (CommonMark with tables and strike-through), line ends ``\\n``
``DATE``       ``2026-11-30`` (a day), or ``2026-11-30T09:00:00.000Z`` (an instant, UTC)
``NUMBER``     int or float
``MONEY``      ``{"amount": "1200.50", "currency": "EUR"}``, amount without exponent or trailing zeros
``FLAG``       true or false
``CHOICE``     a canonical class: see ``Model.classes``
``SET``        a sorted list of distinct strings
``PERSON``     ``{"account": id, "name": ..., "email": ...}`` on a side; a person id once agreed
``REF``        ``{"stream": ..., "id": ...}`` on a side; an entity id once agreed
``REFS``       a list of such references on a side; a sorted list of distinct entity ids once agreed
``LIST``       ``[{"id": ..., "text": ..., "done": bool}, ...]`` in order
=============  ====================================================================================

None is "empty". A field that a side lacks is not in its values at all.

Which fields there are is a value, a ``Model``: ``STANDARD``, or that with fields of a configuration's own.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import msgspec


class Kind(StrEnum):
    """What an entity is."""

    CUSTOMER = "customer"
    CONTACT = "contact"
    PROJECT = "project"
    MILESTONE = "milestone"
    TASK = "task"
    COMMENT = "comment"
    ATTACHMENT = "attachment"
    FOLDER = "folder"
    DOCUMENT = "document"
    FEEDBACK = "feedback"
    CHANGE_REQUEST = "change_request"
    RISK = "risk"
    COMMUNICATION = "communication"


class Form(StrEnum):
    """The form of a canonical value; the module's table says what each looks like."""

    TEXT = "text"
    RICH = "rich"
    DATE = "date"
    NUMBER = "number"
    MONEY = "money"
    FLAG = "flag"
    CHOICE = "choice"
    SET = "set"
    PERSON = "person"
    REF = "ref"
    REFS = "refs"
    LIST = "list"


STATUS: Final = ("todo", "doing", "done", "cancelled")
STAGE: Final = ("open", "won", "lost")
PRIORITY: Final = ("lowest", "low", "medium", "high", "highest")
CATEGORY: Final = ("plan", "requirements", "design", "test", "report")

OWN_FORMS: Final = frozenset(Form) - {Form.REF, Form.REFS, Form.LIST}
"""Forms that a field of one's own can have. What refers to other things, or has items, means more than its value."""


def folded(word: Any) -> str:
    """A word as words are compared: case and outer white space do not matter."""
    return unicodedata.normalize("NFC", str(word)).strip().casefold()


class OwnField(msgspec.Struct, frozen=True):
    """A field that a configuration adds to a kind of thing."""

    form: Form
    classes: tuple[str, ...] = ()
    """Of a ``CHOICE``: its classes, from the least to the furthest."""
    label: dict[str, str] = {}
    """Language -> what people call it. In a language that is not named: its name, in words."""

    def called(self, name: str, language: str) -> str:
        """What people of that language call the field of that name: ``contract_number`` is the contract number."""
        return self.label.get(language) or name.replace("_", " ")


class Model(Mapping[Kind, Mapping[str, Form]]):
    """Kind -> its fields, and the form of each: the standard ones, and those of a configuration's own. Never changes.

    A name means the same in all kinds that have it. Own fields never refer to other things: whoever follows references
    finds them all in ``STANDARD``.
    """

    __slots__ = ("_fields", "classes", "own")

    def __init__(self, own: Mapping[Kind, Mapping[str, OwnField]] | None = None) -> None:
        self.own: Mapping[Kind, Mapping[str, OwnField]] = MappingProxyType(
            {kind: MappingProxyType(dict(fields)) for kind, fields in (own or {}).items() if fields}
        )
        self._fields: Mapping[Kind, Mapping[str, Form]] = {
            kind: MappingProxyType({**fields, **{name: each.form for name, each in self.own.get(kind, {}).items()}})
            for kind, fields in _FIELDS.items()
        }
        self.classes: Mapping[str, tuple[str, ...]] = MappingProxyType(
            {name: each.classes for fields in self.own.values() for name, each in fields.items() if each.classes}
            | _CLASSES
        )
        """The classes of each ``CHOICE`` field, from the least to the furthest."""

    def __getitem__(self, kind: Kind) -> Mapping[str, Form]:
        return self._fields[kind]

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __eq__(self, other: object) -> bool:
        return self.own == other.own if isinstance(other, Model) else NotImplemented

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        """What decides about data: labels do not."""
        own = {
            kind.value: {name: (each.form.value, each.classes) for name, each in fields.items()}
            for kind, fields in self.own.items()
        }
        return f"Model({own})" if own else "STANDARD"

    def class_of(self, name: str, said: Any) -> str | None:
        """The class of a ``CHOICE`` field that a text says by itself, in any case."""
        if said is None:
            return None
        return next((each for each in self.classes.get(name, ()) if folded(each) == folded(said)), None)

    def form(self, name: str) -> Form | None:
        """The form of a field, the same in every kind that has it. None: no kind has it."""
        return next((fields[name] for fields in self._fields.values() if name in fields), None)

    def called(self, language: str) -> dict[str, str]:
        """What people of that language call the fields of the configuration's own."""
        return {name: each.called(name, language) for own in self.own.values() for name, each in own.items()}

    @property
    def names(self) -> frozenset[str]:
        """The fields of all kinds."""
        return frozenset(name for fields in self._fields.values() for name in fields)


_CLASSES: Final = {"status": STATUS, "stage": STAGE, "priority": PRIORITY, "category": CATEGORY}

_FIELDS: Final[dict[Kind, dict[str, Form]]] = {
    Kind.CUSTOMER: {
        "name": Form.TEXT,
        "website": Form.TEXT,
        "phone": Form.TEXT,
        "industry": Form.TEXT,
        "description": Form.RICH,
        "account_manager": Form.PERSON,
        "archived": Form.FLAG,
    },
    Kind.CONTACT: {
        "name": Form.TEXT,
        "email": Form.TEXT,
        "phone": Form.TEXT,
        "role": Form.TEXT,
        "customer": Form.REF,
    },
    Kind.PROJECT: {
        "name": Form.TEXT,
        "customer": Form.REF,
        "stage": Form.CHOICE,
        "status": Form.CHOICE,
        "start_date": Form.DATE,
        "due_date": Form.DATE,
        "revenue": Form.MONEY,
        "description": Form.RICH,
        "account_manager": Form.PERSON,
        "manager": Form.PERSON,
        "labels": Form.SET,
        "archived": Form.FLAG,
    },
    Kind.MILESTONE: {
        "title": Form.TEXT,
        "project": Form.REF,
        "status": Form.CHOICE,
        "start_date": Form.DATE,
        "due_date": Form.DATE,
        "actual_end": Form.DATE,
        "assignee": Form.PERSON,
        "depends_on": Form.REFS,
        "description": Form.RICH,
        "archived": Form.FLAG,
    },
    Kind.TASK: {
        "title": Form.TEXT,
        "project": Form.REF,
        "parent": Form.REF,
        "description": Form.RICH,
        "status": Form.CHOICE,
        "priority": Form.CHOICE,
        "start_date": Form.DATE,
        "due_date": Form.DATE,
        "actual_end": Form.DATE,
        "assignee": Form.PERSON,
        "labels": Form.SET,
        "depends_on": Form.REFS,
        "checklist": Form.LIST,
        "archived": Form.FLAG,
    },
    Kind.COMMENT: {
        "parent": Form.REF,
        "author": Form.PERSON,
        "created": Form.DATE,
        "body": Form.RICH,
    },
    Kind.ATTACHMENT: {
        "parent": Form.REF,
        "title": Form.TEXT,
        "author": Form.PERSON,
        "created": Form.DATE,
        "mime_type": Form.TEXT,
        "size": Form.NUMBER,
        "content_hash": Form.TEXT,
    },
    Kind.FOLDER: {
        "name": Form.TEXT,
        "project": Form.REF,
        "category": Form.CHOICE,
    },
    Kind.DOCUMENT: {
        "title": Form.TEXT,
        "url": Form.TEXT,
        "folder": Form.REF,
        "project": Form.REF,
        "mime_type": Form.TEXT,
        "size": Form.NUMBER,
        "content_hash": Form.TEXT,
    },
    Kind.FEEDBACK: {
        "title": Form.TEXT,
        "description": Form.RICH,
        "customer": Form.REF,
        "project": Form.REF,
        "status": Form.CHOICE,
        "reporter": Form.PERSON,
        "created": Form.DATE,
        "archived": Form.FLAG,
    },
    Kind.CHANGE_REQUEST: {
        "title": Form.TEXT,
        "description": Form.RICH,
        "project": Form.REF,
        "status": Form.CHOICE,
        "reporter": Form.PERSON,
        "created": Form.DATE,
        "archived": Form.FLAG,
    },
    Kind.RISK: {
        "title": Form.TEXT,
        "description": Form.RICH,
        "project": Form.REF,
        "priority": Form.CHOICE,
        "status": Form.CHOICE,
        "assignee": Form.PERSON,
        "archived": Form.FLAG,
    },
    Kind.COMMUNICATION: {
        "title": Form.TEXT,
        "description": Form.RICH,
        "customer": Form.REF,
        "project": Form.REF,
        "created": Form.DATE,
    },
}

STANDARD: Final = Model()
"""The fields that are there without any configuration."""


TITLE: Final[dict[Kind, str]] = {
    kind: next(field for field in ("title", "name", "body") if field in fields) for kind, fields in STANDARD.items()
}
"""The field by which people know a thing of that kind."""

CONTENT: Final = "content_hash"
"""What the bytes of a file are; of an attachment None, if they cannot be read."""

OF_ORIGIN: Final = frozenset({"author", "created", "reporter"})
"""Fields that tell of the record's own making: only a record that people made can say them of the entity."""

REQUIRED_PARENT: Final[dict[Kind, str]] = {
    Kind.COMMENT: "parent",
    Kind.ATTACHMENT: "parent",
    Kind.FOLDER: "project",
}
"""The reference without which a record of that kind cannot be made."""


class Loss(msgspec.Struct, frozen=True):
    """Something that could not be carried over. ``why`` is a code, said to people elsewhere."""

    field: str
    why: str
    value: Any = None


class Mapped(msgspec.Struct, kw_only=True):
    """One record in canonical words."""

    kind: Kind
    values: dict[str, Any]
    losses: list[Loss] = []
    url: str | None = None


class Unmapped(msgspec.Struct, kw_only=True):
    """Canonical values in a system's words, ready for a write."""

    values: dict[str, Any]
    losses: list[Loss] = []
