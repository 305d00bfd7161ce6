"""The small forms a configuration is written in: names, sides, durations, zones, expressions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from mapping.model import OWN_FORMS, Form

CONNECTION = r"[A-Za-z_][A-Za-z0-9_]*"
FIELD = r"[a-z][a-z0-9_]{0,39}"
FORMS = sorted(form.value for form in OWN_FORMS)
RESERVED = frozenset({
    "as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop",
    "namespace", "null", "package", "return", "true", "var", "void", "while",
})  # fmt: skip
"""Words that an expression could not use as a connection's name."""

LEAST_CALLS = 100
"""Requests a day below which a connection could hardly be looked at."""

SIZES = {"kB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True, order=True)
class Side:
    """One stream of one connection, written ``crm.Deals``."""

    connection: str
    stream: str

    def __str__(self) -> str:
        return f"{self.connection}.{self.stream}"


@dataclass(frozen=True, slots=True, order=True)
class Watched:
    """A field of a stream, written ``crm.Deals.stage``; ``*`` stands for every field a person can edit."""

    connection: str
    stream: str
    field: str

    def __str__(self) -> str:
        return f"{self.connection}.{self.stream}.{self.field}"


@dataclass(frozen=True, slots=True)
class Budget:
    """What a connection may send: a part of what its service allows, or so many requests a day."""

    share: float | None = None
    calls: int | None = None

    def __str__(self) -> str:
        return str(self.calls) if self.share is None else f"{self.share:.0%}"


def _words(value: Any, count: int, code: str) -> list[str]:
    parts = value.split(".", count - 1) if isinstance(value, str) else []
    if len(parts) != count or not all(part and part == part.strip() for part in parts):
        raise PydanticCustomError(code, "not in the form expected")
    return parts


def _side(value: Any) -> Side:
    return value if isinstance(value, Side) else Side(*_words(value, 2, "bad_side"))


def _watched(value: Any) -> Watched:
    return value if isinstance(value, Watched) else Watched(*_words(value, 3, "bad_watch"))


def duration(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", value) if isinstance(value, str) else None
    if match is None:
        raise PydanticCustomError("bad_duration", "not a duration")
    return timedelta(seconds=int(match[1]) * UNITS[match[2]])


def _written(value: timedelta) -> str:
    seconds = int(value.total_seconds())
    unit = next(unit for unit in ("d", "h", "m", "s") if seconds % UNITS[unit] == 0)
    return f"{seconds // UNITS[unit]}{unit}"


def size(value: Any) -> int:
    """Bytes, of a text such as ``25MB``."""
    match = re.fullmatch(r"([1-9][0-9]{0,5}) ?([kMG]B)", value) if isinstance(value, str) else None
    if match is None:
        raise PydanticCustomError("bad_size", "not a size")
    return int(match[1]) * SIZES[match[2]]


def _zone(value: Any) -> str:
    try:
        if isinstance(value, str) and value:
            ZoneInfo(value)
            return value
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    raise PydanticCustomError("bad_zone", "not a time zone")


def _name(value: Any) -> Any:
    if isinstance(value, str) and (not re.fullmatch(CONNECTION, value) or value in RESERVED):
        raise PydanticCustomError("bad_connection_name", "not a name")
    return value


def _sync_name(value: Any) -> Any:
    if isinstance(value, str) and not re.fullmatch(r"\w(?:[\w -]{0,62}\w)?", value):
        raise PydanticCustomError("bad_sync_name", "not a name")
    return value


def _budget(value: Any) -> Budget:
    if isinstance(value, Budget):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= LEAST_CALLS:
        return Budget(calls=value)
    match = re.fullmatch(r"(100|[1-9][0-9]?)\s?%", value) if isinstance(value, str) else None
    if match is None:
        raise PydanticCustomError("bad_budget", "not a budget")
    return Budget(share=int(match[1]) / 100)


def form(value: Any) -> Form:
    """The form of a field of one's own, by its name."""
    if value not in FORMS:
        raise PydanticCustomError("bad_form", "not a form of a field")
    return Form(value)


def _field_name(value: Any) -> Any:
    if isinstance(value, str) and not re.fullmatch(FIELD, value):
        raise PydanticCustomError("bad_field_name", "not a name")
    return value


def _currency(value: Any) -> Any:
    if isinstance(value, str) and not re.fullmatch(r"[A-Z]{3}", value):
        raise PydanticCustomError("bad_currency", "not a currency")
    return value


def _schema(pattern: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": [example]})


_text = PlainSerializer(str, return_type=str)

SideText = Annotated[Side, PlainValidator(_side), _text, _schema(rf"^{CONNECTION}\..+$", "crm.Deals")]
WatchedText = Annotated[
    Watched, PlainValidator(_watched), _text, _schema(rf"^{CONNECTION}\.[^.]+\..+$", "crm.Deals.stage")
]
Duration = Annotated[
    timedelta,
    PlainValidator(duration),
    PlainSerializer(_written, return_type=str),
    _schema("^[1-9][0-9]{0,5}[smhd]$", "5m"),
]
Limit = Annotated[
    Budget,
    PlainValidator(_budget),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": "^(100|[1-9][0-9]?) ?%$"},
                {"type": "integer", "minimum": LEAST_CALLS},
            ],
            "examples": ["25%", 5000],
        }
    ),
]
Size = Annotated[int, PlainValidator(size), _schema("^[1-9][0-9]{0,5} ?[kMG]B$", "25MB")]
"""Bytes."""
Zone = Annotated[str, PlainValidator(_zone), WithJsonSchema({"type": "string", "examples": ["Asia/Shanghai"]})]
ConnectionName = Annotated[str, BeforeValidator(_name)]
FormName = Annotated[
    Form,
    PlainValidator(form),
    PlainSerializer(lambda form: form.value, return_type=str),
    WithJsonSchema({"type": "string", "enum": FORMS}),
]
FieldName = Annotated[str, BeforeValidator(_field_name)]
SyncName = Annotated[str, BeforeValidator(_sync_name)]
Currency = Annotated[str, BeforeValidator(_currency), _schema("^[A-Z]{3}$", "EUR")]
