"""Rows of an answer, one by one: what is no record is set aside with the reason, and the others go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from connectors.base import Unreadable, utc
from connectors.errors import Malformed

T = TypeVar("T")

LONGEST = 500
"""Characters of an id (the longest of any service known here has 100), and of a reason."""


class NoRecord(Malformed):
    """Something in an answer that no record can be made of. It is no trouble of the service: others are read on."""


def id_of(row: Any, name: str = "id") -> str:
    """What a row is known by, a text or a whole number, as text. Raises ``NoRecord``."""
    if not isinstance(row, dict):
        raise NoRecord(f"not an object but {type(row).__name__}")
    id = row.get(name)
    if isinstance(id, int) and not isinstance(id, bool):
        return str(id)
    if not isinstance(id, str) or not id:
        raise NoRecord(f"no `{name}`" if id is None or id == "" else f"`{name}` is {type(id).__name__}")
    if len(id) > LONGEST:
        raise NoRecord(f"`{name}` has {len(id)} characters")
    return id


def stamp(value: Any) -> str | None:
    """A time that a row shows, in the form of ``connectors.base``; None for what is no time, or one without a zone, or
    none that a calendar holds."""
    try:
        return utc(datetime.fromisoformat(value)) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def typed(row: Any, shape: type[T]) -> T:
    """A row as a struct; an odd value counts as one that was left out. Raises ``NoRecord`` if it cannot do without."""
    if not isinstance(row, Mapping):
        raise NoRecord(f"not an object but {type(row).__name__}")
    try:
        return msgspec.convert(row, shape)
    except msgspec.ValidationError:
        fields = msgspec.structs.fields(shape)  # type: ignore[arg-type]
        good = {each.encode_name: row[each.encode_name] for each in fields if _fits(row, each)}
    try:
        return msgspec.convert(good, shape)
    except msgspec.ValidationError as trouble:
        raise NoRecord(str(trouble)) from trouble


def _fits(row: Mapping[str, Any], field: msgspec.structs.FieldInfo) -> bool:
    try:
        msgspec.convert(row[field.encode_name], field.type)
    except (KeyError, msgspec.ValidationError):
        return False
    return True


def made_of(make: Callable[[Any], T], row: Any) -> T:
    """``make(row)``, which sends nothing. Raises ``NoRecord`` whatever is odd about the row."""
    try:
        return make(row)
    except NoRecord:
        raise
    except (Malformed, LookupError, TypeError, AttributeError) as trouble:
        raise NoRecord(f"{type(trouble).__name__}: {trouble}") from trouble
    except (ValueError, ArithmeticError) as trouble:  # what these say may quote the value
        raise NoRecord(type(trouble).__name__) from trouble


def each_row(stream: str, rows: Iterable[Any], make: Callable[[Any], T], aside: list[Unreadable]) -> Iterator[T]:
    """What ``make`` makes of each row; a row of which it makes nothing goes to ``aside``."""
    for row in rows:
        try:
            one = made_of(make, row)
        except NoRecord as trouble:
            aside.append(set_aside(stream, row, trouble))
            continue
        yield one


def identified(stream: str, rows: Iterable[Any], aside: list[Unreadable]) -> list[dict[str, Any]]:
    """The rows that are objects with an id, which is text from here on; the others go to ``aside``."""
    return list(each_row(stream, rows, _with_id, aside))


def set_aside(stream: str, row: Any, trouble: NoRecord) -> Unreadable:
    """The note of a row that no record could be made of."""
    try:
        id = id_of(row)
    except NoRecord:
        id = None
    return Unreadable(stream=stream, id=id, why=str(trouble)[:LONGEST])


def _with_id(row: Any) -> dict[str, Any]:
    id = id_of(row)
    return row if row["id"] == id else {**row, "id": id}
