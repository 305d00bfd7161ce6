"""The names that a rule's expressions may use."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from typing import Final

from mapping.model import STANDARD, Form, Kind, Model

LISTS: Final[dict[str, Kind]] = {
    "projects": Kind.PROJECT,
    "contacts": Kind.CONTACT,
    "milestones": Kind.MILESTONE,
    "tasks": Kind.TASK,
    "comments": Kind.COMMENT,
    "folders": Kind.FOLDER,
    "documents": Kind.DOCUMENT,
    "feedback": Kind.FEEDBACK,
    "change_requests": Kind.CHANGE_REQUEST,
    "risks": Kind.RISK,
    "communications": Kind.COMMUNICATION,
}
"""Everything that refers to the subject, by kind, sorted by id."""

ALWAYS: Final = frozenset({"subject", "links", "linked", "roles", "kickoffs", "categories", "now", "since", *LISTS})

FUNCTIONS: Final = frozenset(
    {
        "bytes",
        "contains",
        "days",
        "double",
        "duration",
        "dyn",
        "endsWith",
        "getDate",
        "getDayOfMonth",
        "getDayOfWeek",
        "getDayOfYear",
        "getFullYear",
        "getHours",
        "getMinutes",
        "getMonth",
        "getSeconds",
        "hours",
        "int",
        "matches",
        "size",
        "startsWith",
        "string",
        "timestamp",
        "type",
        "uint",
        "working_days",
    }
)


def references(kind: Kind) -> frozenset[str]:
    """Reference fields of a kind: each is also a variable that holds the entity it names."""
    return frozenset(field for field, form in STANDARD[kind].items() if form is Form.REF)


def variables(kind: Kind) -> frozenset[str]:
    """What an expression about a subject of that kind may read."""
    return ALWAYS | references(kind)


def fields_of(kind: Kind, model: Model = STANDARD) -> frozenset[str]:
    """What ``subject.`` may be followed by."""
    return frozenset(model[kind]) | {"id", "kind"}


def nearest(name: str, known: Collection[str]) -> str | None:
    """The known name that was probably meant."""
    return next(iter(get_close_matches(name, sorted(known), n=1)), None)
