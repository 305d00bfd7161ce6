"""How a parameter is said: dates, durations, amounts and canonical values in the reader's language.

Babel is imported by the form that needs it: see ``keepstep.language.catalogue``.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

from keepstep.language.catalogue import locale, template
from keepstep.language.messages import MESSAGES

LONGEST = 200
BRIEF = 60
"""Of a value that is told because it is long."""
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}.*(?:Z|[+-]\d{2}:\d{2})")


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: a language and a zone. Each method says one form."""

    language: str
    zone: tzinfo = UTC
    called: Mapping[str, str] = field(default_factory=dict)
    """What the reader calls fields of a configuration's own."""
    about: Any = None
    """The field that the message is about, where it names one: its classes are said in words."""

    def word(self, code: str) -> str:
        return template(code, self.language)

    def named(self, group: str, value: Any) -> str:
        """A word of our own vocabulary, else the value as it is."""
        code = f"{group}.{value}"
        return self.word(code) if code in MESSAGES else self.value(value)

    def field(self, name: Any) -> str:
        """A canonical field, else the name of a system's own as it is."""
        return self.called.get(name) or self.named("field", name)

    def side(self, value: str | None) -> str:
        """Where a value comes from: a side, what is agreed, or Keepstep itself."""
        return str(value) if value and f"word.{value}" not in MESSAGES else self.word(f"word.{value or 'other'}")

    def expected(self, value: str) -> str:
        """Something that is missing: an expectation, or a category of documents."""
        return self.named("class.category" if f"class.category.{value}" in MESSAGES else "expectation", value)

    def joined(self, values: Sequence[Any], say: Callable[[Any], str] = str) -> str:
        return self.word("word.comma").join(say(value) for value in values)

    def when(self, value: Any) -> str:
        from babel.dates import format_datetime

        if value is None:
            return self.word("word.sometime")
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        if not isinstance(moment, datetime):
            return self.day(moment)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        try:
            local = moment.astimezone(self.zone)
        except OverflowError:  # the last hours of the calendar, or its first, which the zone has not
            return self.day(moment.date())
        return _plain(format_datetime(local, "medium", tzinfo=self.zone, locale=locale(self.language)))

    def day(self, value: Any) -> str:
        from babel.dates import format_date

        return _plain(
            format_date(date.fromisoformat(value) if isinstance(value, str) else value, "medium", locale(self.language))
        )

    def duration(self, value: Any) -> str:
        from babel.dates import format_timedelta

        span = value if isinstance(value, timedelta) else timedelta(seconds=float(value))
        return _plain(format_timedelta(span, threshold=1.5, locale=locale(self.language)))

    def number(self, value: Any) -> str:
        from babel.numbers import format_decimal

        return format_decimal(value, locale=locale(self.language))

    def percent(self, value: Any) -> str:
        """A part of a whole, in as many digits as tell something."""
        from babel.numbers import format_percent

        return format_percent(value, "#,##0%" if value >= 0.1 else "#,##0.##%", locale=locale(self.language))

    def money(self, value: Mapping[str, Any]) -> str:
        from babel.numbers import format_currency

        try:
            amount = Decimal(str(value["amount"]))
        except InvalidOperation:
            return f"{value['amount']} {value['currency']}"
        return _plain(format_currency(amount, str(value["currency"]), locale=locale(self.language)))

    def value(self, value: Any) -> str:
        """A canonical value of any form, shortened."""
        if _empty(value):
            return self.word("word.empty")
        if isinstance(value, bool):
            return self.word("word.yes" if value else "word.no")
        if isinstance(value, int | float | Decimal):
            return self.number(value)
        if isinstance(value, date | datetime):
            return self.when(value)
        if isinstance(value, Mapping):
            return self._thing(value)
        if isinstance(value, list | tuple):
            return _short(self.joined(value, self.value))
        return self._text(str(value))

    def candidates(self, values: Sequence[Mapping[str, Any]]) -> str:
        """The sides of a conflict: who says what, since when."""
        gaps = Gaps(self)
        text = self.word("candidate")
        said = [
            gaps.vformat(text, (), {"by": None, "at": None, **each, "value": self._classed(each["value"])})
            for each in values
        ]
        return self.word("word.semicolon").join(said)

    def changes(self, values: Sequence[Mapping[str, Any]]) -> str:
        """What became of fields: before and after, or what is there where nothing was."""
        gaps = Gaps(self)
        said = [
            gaps.vformat(self.word("change_first" if _empty(each["before"]) else "change"), (), each) for each in values
        ]
        return self.word("word.semicolon").join(said)

    def _classed(self, value: Any) -> Any:
        """A class of the field that the message is about in words, else the value as it is."""
        code = f"class.{self.about}.{value}"
        return self.word(code) if code in MESSAGES else value

    def _thing(self, value: Mapping[str, Any]) -> str:
        if value.keys() >= {"amount", "currency"}:
            return self.money(value)
        if "account" in value or "email" in value:
            return str(value.get("name") or value.get("email") or value["account"])
        if value.keys() >= {"text", "done"}:
            return f"[{'x' if value['done'] else ' '}] {value['text']}"
        if value.keys() >= {"stream", "id"}:
            return f"{value['stream']} {value['id']}"
        return _short(self.joined([f"{key}: {self.value(item)}" for key, item in value.items()]))

    def _text(self, value: str) -> str:
        try:
            if DAY.fullmatch(value):
                return self.day(value)
            if INSTANT.fullmatch(value):
                return self.when(value)
        except ValueError:
            pass  # it only looks like a date, so it is said as it stands
        return _short(value)


FORMS: dict[str, Callable[[Reader, Any], str]] = {
    "": lambda reader, value: reader.word("word.empty") if value is None else str(value),
    "list": lambda reader, value: reader.joined(value) if value else reader.word("word.empty"),
    "fields": lambda reader, value: reader.joined(value, reader.field),
    "hint": lambda reader, value: reader.word("word.hint").replace("{name}", str(value)) if value else "",
    "quoted": lambda reader, value: f"`{value}`" if value is not None else reader.word("word.other"),
    "someone": lambda reader, value: reader.word("word.someone") if value is None else reader.value(value),
    "when": Reader.when,
    "day": Reader.day,
    "duration": Reader.duration,
    "number": Reader.number,
    "percent": Reader.percent,
    "unit": lambda reader, value: reader.named("unit", value),
    "value": Reader.value,
    "brief": lambda reader, value: _short(reader.value(value), BRIEF),
    "most": lambda reader, value: reader.word("word.most").replace("{number}", reader.number(value)) if value else "",
    "candidates": Reader.candidates,
    "changes": Reader.changes,
    "holds": lambda reader, value: reader.joined(value, lambda each: reader.named("hold", each)),
    "field": Reader.field,
    "kind": lambda reader, value: reader.named("kind", value),
    "type": lambda reader, value: reader.named("type", value),
    "typed": lambda reader, value: reader.word(f"typed.{'person' if value in ('ref', 'refs') else value}"),
    "unsaid": lambda reader, value: reader.word("word.unsaid") if value in (None, "") else reader.value(value),
    "side": lambda reader, value: reader.side(value),
    "role": lambda reader, value: reader.named("role", value),
    "rule": lambda reader, value: reader.named("rule", value),
    "result": lambda reader, value: reader.named("result", value),
    "linked": lambda reader, value: reader.named("linked", value),
    "policy": lambda reader, value: reader.named("policy", value),
    "standing": lambda reader, value: reader.named("standing", value),
    "undone": lambda reader, value: reader.named("undone", value),
    "verified": lambda reader, value: reader.named("verified", value),
    "expectation": lambda reader, value: reader.named("expectation", value),
    "expectations": lambda reader, value: reader.joined(value, reader.expected),
    "why": lambda reader, value: reader.word(f"reason.{value}") if f"reason.{value}" in MESSAGES else str(value),
    "reason": lambda reader, value: reader.named("reason", value),
    "author": lambda reader, value: reader.word("word.author").replace("{name}", str(value)) if value else "",
    "place": lambda reader, value: reader.word("word.place").replace("{name}", str(value)) if value else "",
    "need": lambda reader, value: reader.named("need", value) if value else reader.word("word.nothing"),
    "credential": lambda reader, value: reader.named("credential", value),
    "left": lambda reader, value: reader.named("left", value),
    "anywhere": lambda reader, value: reader.word("word.anywhere") if value == "*" else reader.value(value),
    "word": lambda reader, value: (
        reader.word(value) if value in MESSAGES else str(value).partition(".")[2] or str(value)
    ),
}
"""Name of a form -> how a value is said in it."""


class Gaps(string.Formatter):
    """Fills a template's gaps. What is filled in is never read as a template again."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def format_field(self, value: Any, format_spec: str) -> str:
        return FORMS[format_spec](self._reader, value)


def _empty(value: Any) -> bool:
    return value is None or value == [] or value == ""


def _short(text: str, most: int = LONGEST) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _plain(text: str) -> str:
    """Babel puts no-break spaces between number and unit, which terminals and searches do not like."""
    return text.replace("\u202f", " ").replace("\xa0", " ")
