"""Pairs of functions for the forms that values have in Zoho CRM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from connectors.base import Field
from mapping.fields import Unmappable
from mapping.pairs import Pair, clean, decimal, decimal_text, identifier, instant, moment, word

Section = Mapping[str, Any]

NOTHING = (None, "", "-None-")
"""What a list shows where nothing is chosen."""
SIGNS = {"€": "EUR", "£": "GBP", "₹": "INR", "₩": "KRW", "₽": "RUB", "₺": "TRY", "₴": "UAH", "฿": "THB", "₫": "VND"}
"""Signs that stand for one currency alone; a dollar, a yen or a crown is one of several countries."""


def person(value: Any, _: Section) -> Any:
    """A user as the service names one; the address is left out in some answers."""
    if value is None:
        return None
    shown = looked_up(value)
    return {"account": identifier(shown), "name": word(shown.get("name")), "email": word(shown.get("email"))}


def person_written(value: Any, _: Section) -> Any:
    if value is None:
        raise Unmappable("owner_required")
    if not value.get("account"):
        raise Unmappable("unknown_person", value.get("name"))
    return {"id": str(value["account"])}


PERSON: Pair = (person, person_written)


def looked_up(value: Any) -> Mapping[str, Any]:
    """What a lookup leads to: an object with an id, or the bare id, as bulk reads and queries show it. Raises
    ``Unmappable`` for one without: a name alone may be that of several."""
    if isinstance(value, str | int) and not isinstance(value, bool) and str(value).isdecimal():
        return {"id": str(value)}
    if not isinstance(value, Mapping) or not value.get("id"):
        raise Unmappable("id_missing", value.get("name") if isinstance(value, Mapping) else word(value))
    return value


def reference(stream: str) -> Pair:
    """A lookup into one module."""

    def read(value: Any, _: Section) -> Any:
        if value is None:
            return None
        return {"stream": stream, "id": identifier(looked_up(value))}

    def write(value: Any, _: Section) -> Any:
        if value is None:
            return None
        if value["stream"] != stream:
            raise Unmappable("other_stream", value["stream"])
        return {"id": str(value["id"])}

    return read, write


def parent(*streams: str, required: bool = False) -> Pair:
    """A lookup whose module the record names beside it. Without ``streams`` any module will do."""

    def read(value: Any, section: Section) -> Any:
        if value is None:
            return None
        shown = looked_up(value)
        named = shown.get("module")
        module = (named.get("api_name") if isinstance(named, Mapping) else named) or section.get("$se_module")
        if not isinstance(module, str):
            raise Unmappable("module_missing", shown["id"])
        if streams and module not in streams:
            raise Unmappable("other_module", module)
        return {"stream": module, "id": identifier(shown)}

    def write(value: Any, _: Section) -> Any:
        if value is None:
            if required:
                raise Unmappable("parent_required")
            return None
        if streams and value["stream"] not in streams:
            raise Unmappable("other_stream", value["stream"])
        return {"module": {"api_name": value["stream"]}, "id": str(value["id"])}

    return read, write


def listed(field: Field | None, table: Mapping[str, str], own: Mapping[str, str]) -> Pair:
    """A list value by its class. Of several values of one class the one shown stays, else the first is written."""
    classes = dict(field.classes or {}) if field else {}
    canonical = {value: table.get(kind, kind) for value, kind in classes.items() if kind in table or not table}
    for value, kind in table.items():
        if not classes:
            canonical.setdefault(value, kind)
    canonical |= own
    allowed = field.values if field is not None and field.values else list(canonical)

    def read(value: Any, _: Section) -> Any:
        if value in NOTHING:
            return None
        if value not in canonical:
            raise Unmappable("unknown_value", value)
        return canonical[value]

    def write(value: Any, section: Section) -> Any:
        if value is None:
            return None
        fitting = [one for one in allowed if canonical.get(one) == value]
        if not fitting:
            raise Unmappable("no_such_value", value)
        shown = section.get(field.name) if field else None
        return shown if shown in fitting else fitting[0]

    return read, write


def one_of(field: Field | None) -> Pair:
    """A list whose values are texts of the customer's own; a text that is not in it cannot be written."""

    def write(value: Any, _: Section) -> Any:
        if value is not None and field is not None and field.values and value not in field.values:
            raise Unmappable("no_such_value", value)
        return value

    return lambda value, _: None if value in NOTHING else clean(value), write


def amount(home: str, multi_currency: bool) -> Pair:
    """Money. The record names its currency where the organisation has several, else its symbol may be a code; an
    amount without either is in the ``home`` currency."""

    def currency(section: Section) -> str:
        for named in (section.get("Currency"), section.get("$currency_symbol")):
            if isinstance(named, str) and len(named) == 3 and named.isascii() and named.isalpha() and named.isupper():
                return named
            if named in SIGNS:
                return SIGNS[named]
        return home

    def read(value: Any, section: Section) -> Any:
        if value is None or value == "":
            return None
        return {"amount": decimal_text(decimal(value)), "currency": currency(section)}

    def write(value: Any, section: Section) -> Any:
        if value is None:
            return None
        if value["currency"] != currency(section) and not (multi_currency and not section):
            raise Unmappable("other_currency", value["currency"])
        number = Decimal(value["amount"])
        return int(number) if number == number.to_integral_value() else float(number)

    return read, write


def tags(reserved: Sequence[str]) -> Pair:
    """Tags, without those that only say what kind of thing the record is."""

    def read(value: Any, _: Section) -> Any:
        return sorted(set(names(value)) - set(reserved))

    def write(value: Any, section: Section) -> Any:
        kept = [name for name in names(section.get("Tag")) if name in reserved]
        wanted = [*(value or ()), *kept]
        if any(len(name) > 25 for name in wanted):
            raise Unmappable("too_long", 25)
        return [{"name": name} for name in wanted]

    return read, write


def names(value: Any) -> list[str]:
    items = value if isinstance(value, list) else ()
    found = (item.get("name") if isinstance(item, Mapping) else item for item in items)
    return [name for name in found if isinstance(name, str) and name]


def instant_read(value: Any, _: Section) -> Any:
    return moment(value)


def whole_seconds(zone: ZoneInfo) -> Pair:
    """A field that knows instants, of whole seconds and with an offset."""
    read, to_instant = instant(zone)

    def write(value: Any, section: Section) -> Any:
        stamp = to_instant(value, section)
        if stamp is None:
            return None
        return datetime.fromisoformat(stamp).astimezone(UTC).replace(microsecond=0).isoformat()

    return read, write


def same(value: Any) -> Any:
    return value


def same_written(value: Any, _: Section) -> Any:
    return value


def titled(prefix: str) -> Pair:
    """A note's title without the mark that says what it is; written with it, unless a tag says so already."""

    def read(value: Any, _: Section) -> Any:
        plain = clean(value)
        if plain is not None and plain.lower().startswith(prefix.lower()):
            return clean(plain[len(prefix) :])
        return plain

    def write(value: Any, section: Section) -> Any:
        marked = not section or str(section.get("Note_Title") or "").lower().startswith(prefix.lower())
        title = f"{prefix} {value or ''}".rstrip() if marked else value
        if title is not None and len(title) > 120:
            raise Unmappable("too_long", 120)
        return title

    return read, write
