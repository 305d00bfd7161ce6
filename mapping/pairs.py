"""Pairs of functions that more than one system uses: system form to canonical, and back."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from zoneinfo import ZoneInfo

from connectors.base import utc
from mapping.fields import Read, Unmappable, Write

Pair = tuple[Read, Write]


_GROUPED: Final = re.compile(r"[+-]?\d{1,3}(,\d{3})+\.\d+|[+-]?\d{1,3}(,\d{3}){2,}")
"""A number in groups of three that cannot be meant in another way: ``1,234`` is one and a bit in half of Europe."""


DIGITS: Final = 30
"""Of a number's whole part: more of them (``1e999999``) are no number that anybody means."""


def text(limit: int | None = None) -> Pair:
    """One line or several, NFC, outer white space dropped; longer than ``limit`` characters is refused on writing."""

    def read(value: Any, _: Mapping[str, Any]) -> Any:
        return clean(value)

    def write(value: Any, _: Mapping[str, Any]) -> Any:
        if limit is not None and value is not None and len(value) > limit:
            raise Unmappable("too_long", limit)
        return value

    return read, write


def clean(value: Any) -> str | None:
    """A string in the model's form. Raises ``Unmappable`` if it is none."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise Unmappable("not_text", type(value).__name__)
    plain = unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n")).strip()
    return plain or None


def identifier(value: Mapping[str, Any], name: str = "id") -> str:
    """What a thing is known by, a text or a whole number, as text. Raises ``Unmappable`` if it is neither."""
    found = value[name]
    if isinstance(found, bool) or not isinstance(found, str | int) or found == "":
        raise Unmappable("unreadable", type(found).__name__)
    return str(found)


def word(value: Any) -> str | None:
    """A name or an address beside what counts: None where it is no text."""
    return value if isinstance(value, str) else None


def texts(value: Any) -> set[str]:
    """The different texts of a list. Raises ``Unmappable`` for anything else: the letters of a text are no list."""
    if value is None:
        return set()
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        raise Unmappable("not_text", type(value).__name__)
    return set(value)


def number(value: Any, _: Mapping[str, Any]) -> int | float | None:
    """A number, also one that a service sends as text because it may go past 2^53; a whole one as such, whatever it is
    written as. Raises ``Unmappable``."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Unmappable("not_a_number", str(value)[:100])
    amount = decimal(value)
    if amount.adjusted() > DIGITS:
        raise Unmappable("not_a_number", str(value)[:100])
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def yes_or_no(value: Any, _: Mapping[str, Any]) -> bool:
    """A flag; what is not said is no. Raises ``Unmappable`` for anything that is neither."""
    if value is None:
        return False
    if not isinstance(value, bool):
        raise Unmappable("unreadable", type(value).__name__)
    return value


def day(zone: ZoneInfo) -> Pair:
    """A side that knows days. An instant becomes the day it falls on in ``zone``."""

    def read(value: Any, _: Mapping[str, Any]) -> Any:
        if not value:
            return None
        return date.fromisoformat(str(value)[:10]).isoformat()

    def write(value: Any, _: Mapping[str, Any]) -> Any:
        return as_day(value, zone)

    return read, write


def instant(zone: ZoneInfo, hour: int = 17) -> Pair:
    """A side that knows instants. A day becomes ``hour`` o'clock in ``zone``, or keeps the clock time it had."""

    def read(value: Any, _: Mapping[str, Any]) -> Any:
        return moment(value)

    def write(value: Any, _: Mapping[str, Any]) -> Any:
        if value is None or len(value) > 10:
            return value
        return at_hour(value, hour, zone)

    return read, write


def as_day(value: str | None, zone: ZoneInfo) -> str | None:
    """The day on which a canonical date falls in ``zone``; at the ends of the calendar, its day in UTC."""
    if value is None or len(value) == 10:
        return value
    try:
        return datetime.fromisoformat(value).astimezone(zone).date().isoformat()
    except OverflowError:
        return value[:10]


def at_hour(day: str, hour: int, zone: ZoneInfo) -> str:
    """That hour of a day in ``zone``. Raises ``Unmappable`` for one that no calendar holds."""
    try:
        return utc(datetime.fromisoformat(day).replace(hour=hour, tzinfo=zone))
    except OverflowError as trouble:
        raise Unmappable("no_such_value", day) from trouble


def moment(value: Any, zone: ZoneInfo | None = None) -> str | None:
    """A service's time as canonical instant: any offset, colon or not; naive times are in ``zone`` or UTC."""
    if not value:
        return None
    stamp = datetime.fromisoformat(re.sub(r"([+-]\d{2})(\d{2})$", r"\1:\2", str(value)))
    if stamp.tzinfo is None:
        stamp = stamp.replace(tzinfo=zone or UTC)
    return utc(stamp)


def money(currency: Callable[[Mapping[str, Any]], str]) -> Pair:
    """An amount whose currency the section or the configuration names."""

    def read(value: Any, section: Mapping[str, Any]) -> Any:
        if value is None or value == "":
            return None
        return {"amount": decimal_text(decimal(value)), "currency": currency(section)}

    def write(value: Any, section: Mapping[str, Any]) -> Any:
        if value is None:
            return None
        if value["currency"] != currency(section):
            raise Unmappable("other_currency", value["currency"])
        amount = Decimal(value["amount"])
        return int(amount) if amount == amount.to_integral_value() else float(amount)

    return read, write


def decimal(value: Any) -> Decimal:
    """A number, or the text of one, groups of three parted by commas or not. Raises ``Unmappable``."""
    said = str(value).strip()
    try:
        amount = Decimal(said.replace(",", "") if _GROUPED.fullmatch(said) else said)
    except InvalidOperation as error:
        raise Unmappable("not_a_number", said[:100]) from error
    if not amount.is_finite():
        raise Unmappable("not_a_number", said[:100])
    return amount


def decimal_text(amount: Decimal) -> str:
    """A decimal without exponent and without zeros at the end; there is one zero."""
    if not amount:
        return "0"
    plain = format(amount, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def choice(table: Mapping[str, str]) -> Pair:
    """A value list: system value -> canonical class. Of several values of one class the one shown is kept, else the
    first is written."""
    back: dict[str, str] = {}
    for own, canonical in table.items():
        back.setdefault(canonical, own)

    def read(value: Any, _: Mapping[str, Any]) -> Any:
        if value is None or value == "":
            return None
        if value not in table:
            raise Unmappable("unknown_value", value)
        return table[value]

    def write(value: Any, _: Mapping[str, Any]) -> Any:
        if value is None:
            return None
        if value not in back:
            raise Unmappable("no_such_value", value)
        return back[value]

    return read, write


def string_set(item: Callable[[Any], str] = str) -> Pair:
    """Labels and tags, in no order."""

    def read(value: Any, _: Mapping[str, Any]) -> Any:
        if value is not None and not isinstance(value, list | tuple):
            raise Unmappable("not_text", type(value).__name__)
        return sorted({item(each) for each in value or ()})

    def write(value: Any, _: Mapping[str, Any]) -> Any:
        return list(value or ())

    return read, write
