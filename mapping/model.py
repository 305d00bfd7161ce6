"""The canonical model: kinds of things, their fields, and the form that each value takes.

Every canonical value is plain JSON data, so that equality is ``==`` and storage is text:

=============  ====================================================================================
``TEXT``       a string without outer white space, never empty (then it is None)
``RICH``       Markdown (CommonMark with tables and strike-through), line ends ``\\n``
``DATE``       ``2026-11-30`` (a day), or ``2026-11-30T09:00:00.000Z`` (an instant, UTC)
``NUMBER``     int or float
``MONEY``      ``{"amount": "1200.50", "currency": "EUR"}``, amount without exponent or trailing zeros
``FLAG``       true or false
``CHOICE``     a canonical class: see ``STATUS``, ``STAGE``, ``PRIORITY``, ``CATEGORY``
``SET``        a sorted list of distinct strings
``PERSON``     ``{"account": id, "name": ..., "email": ...}`` on a side; a person id once agreed
``REF``        ``{"stream": ..., "id": ...}`` on a side; an entity id once agreed
``REFS``       a list of such references on a side; a sorted list of distinct entity ids once agreed
``LIST``       ``[{"id": ..., "text": ..., "done": bool}, ...]`` in order
=============  ====================================================================================

None is "empty". A field that a side lacks is not in its values at all.
"""

from __future__ import annotations

from enum import StrEnum
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
CLASSES: Final = {"status": STATUS, "stage": STAGE, "priority": PRIORITY, "category": CATEGORY}
"""The classes of each ``CHOICE`` field, from the least to the furthest."""

MODEL: Final[dict[Kind, dict[str, Form]]] = {
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
    },
    Kind.CHANGE_REQUEST: {
        "title": Form.TEXT,
        "description": Form.RICH,
        "project": Form.REF,
        "status": Form.CHOICE,
        "reporter": Form.PERSON,
        "created": Form.DATE,
    },
    Kind.RISK: {
        "title": Form.TEXT,
        "description": Form.RICH,
        "project": Form.REF,
        "priority": Form.CHOICE,
        "status": Form.CHOICE,
        "assignee": Form.PERSON,
    },
    Kind.COMMUNICATION: {
        "title": Form.TEXT,
        "description": Form.RICH,
        "customer": Form.REF,
        "project": Form.REF,
        "created": Form.DATE,
    },
}

TITLE: Final[dict[Kind, str]] = {
    kind: next(field for field in ("title", "name", "body") if field in fields) for kind, fields in MODEL.items()
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
