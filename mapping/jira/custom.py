"""Fields that a configuration places: what each of Jira's types can hold of a canonical form, and how it is written.

A type is known by the last word of ``schema.custom`` (``select``, ``datepicker``); fields of apps, which have types of
their own, and Jira's own fields by ``schema.type``. A form that a type cannot hold is a mistake in the configuration,
told before any read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from connectors.errors import Misconfigured
from mapping.fields import Approximate, FieldMap, Unmappable
from mapping.jira import choices, sprints
from mapping.jira.checklist import checklist_row
from mapping.jira.place import Place
from mapping.jira.values import LONGEST, Section, Words, person, read_rich, rich, shown_rich, spaced
from mapping.model import Form, Kind, Loss
from mapping.pairs import clean, day, instant, money, number, texts
from mapping.richtext import markdown_to_adf
from mapping.richtext.plain import cleaned, markdown_to_plain, plain_to_markdown

SHORT = 255
"""Characters of a one-line text field."""


def custom(words: Words, stream: str, kind: Kind) -> list[FieldMap]:
    """Rows for the fields of a stream that the configuration places in custom fields.

    Raises ``Misconfigured`` for a field whose type cannot hold the canonical form.
    """
    rows = []
    for canonical, system in words.options.custom.get(stream, {}).items():
        form = words.options.model[kind].get(canonical)
        if form is None:
            continue  # a field of another kind in the same stream
        rows.append(_row(words, stream, canonical, system, form))
    return rows


def _row(words: Words, stream: str, canonical: str, system: str, form: Form) -> FieldMap:
    field = words.fields.get(stream, {}).get(system)
    makers = MAKERS.get(form, {})
    # A field that is not there (any more) has no type; what the form is kept in usually says how to read its history.
    kind = field.kind if field is not None else next(iter(makers), "any")
    make = makers.get(kind)
    if make is None:
        fit = ", ".join(makers) or "none"
        cure = "; an issue's epic is its parent and needs no custom field" if kind == "gh-epic-link" else ""
        raise Misconfigured(
            f"custom: {stream}.{canonical}: Jira's field {system} is of type {kind}, which cannot hold a"
            f" {form.value}; types that can: {fit}{cure}"
        )
    values = frozenset(field.values) if field is not None and field.values is not None else None
    return make(Place(words, canonical, system, values))


# -- texts


def _line(place: Place) -> FieldMap:
    """One line; several become one."""
    return place.row((_text_of, _one_line))


def _text_of(value: Any, _: Section) -> Any:
    return clean(value)


def _one_line(value: Any, _: Section) -> Any:
    if value is None:
        return None
    line = " ".join(value.split("\n"))
    if len(line) > SHORT:
        raise Unmappable("too_long", SHORT)
    return line


def _url(place: Place) -> FieldMap:
    def write(value: Any, section: Section) -> Any:
        if value is not None and not (urlsplit(value).scheme and urlsplit(value).netloc):
            raise Unmappable("not_an_address", value)
        return _one_line(value, section)

    return place.row((_text_of, write))


def _plain(place: Place) -> FieldMap:
    """A text without markup in a document: what is marked up there is told as lost."""

    def lossy(value: Any) -> tuple[Any, list[Loss]]:
        markdown, losses = read_rich(value)
        text = markdown_to_plain(markdown)
        if plain_to_markdown(text) != markdown:
            losses = [*losses, Loss("text", "markup_dropped")]
        if text is not None and isinstance(markdown, Approximate):
            text = Approximate(text)
        return text, losses

    def write(value: Any, section: Section) -> Any:
        if value is None:
            return None
        if len(value) > LONGEST:
            raise Unmappable("too_long", LONGEST)
        base = section.get(place.system)
        if isinstance(base, Mapping) and lossy(base)[0] == cleaned(value):
            return base
        return markdown_to_adf(plain_to_markdown(value) or "")

    return place.row((lambda value, _: lossy(value)[0], write), shown=cleaned, lossy=lossy)


def _rich(place: Place) -> FieldMap:
    return place.row(rich(place.system), shown=shown_rich, lossy=read_rich)


def _read_text(place: Place) -> FieldMap:
    return place.shown(_text_of)


def _labels(place: Place) -> FieldMap:
    def read(value: Any, _: Section) -> Any:
        return sorted(texts(value))

    def write(value: Any, _: Section) -> Any:
        odd = sorted(filter(spaced, value or ()))
        if odd:
            raise Unmappable("label_with_space", odd[0])
        return list(value or ())

    return place.row((read, write))


# -- numbers and times


def _number(place: Place) -> FieldMap:
    """Jira keeps every number as a float, and shows whole ones with a point."""

    return place.row((number, lambda value, _: value))


def _money(place: Place) -> FieldMap:
    return place.row(money(lambda _: place.words.options.currency))


def _day(place: Place) -> FieldMap:
    return place.row(day(place.words.options.zone))


def _instant(place: Place) -> FieldMap:
    read, to_instant = instant(place.words.options.zone)

    def write(value: Any, section: Section) -> Any:
        stamp = to_instant(value, section)
        return stamp[:-1] + "+0000" if stamp is not None else None

    return place.row((read, write))


# -- people


def _person(place: Place) -> FieldMap:
    return place.row(person())


def _one_of_people(place: Place) -> FieldMap:
    """One person in a field for several. Where there are several, nobody can say which is meant."""
    read_one, write_one = person()

    def read(value: Any, section: Section) -> Any:
        if not value:
            return None
        if len(value) > 1:
            raise Unmappable("several_people", len(value))
        return read_one(value[0], section)

    def write(value: Any, section: Section) -> Any:
        read(section.get(place.system), section)  # others' names are not ours to drop
        return [write_one(value, section)] if value is not None else []

    return place.row((read, write))


def _team(place: Place) -> FieldMap:
    """An Atlassian team, by its name. It is written by an id that only another service of Atlassian's tells."""
    return place.shown(lambda value, _: choices.name_of(value, "name"))


MAKERS: Mapping[Form, Mapping[str, Callable[[Place], FieldMap]]] = {
    Form.TEXT: {
        "textfield": _line,
        "string": _line,
        "textarea": _plain,
        "url": _url,
        "select": choices.one("value"),
        "radiobuttons": choices.one("value"),
        "option": choices.one("value"),
        "cascadingselect": choices.cascade,
        "grouppicker": choices.one("name"),
        "version": choices.one("name"),
        "project": choices.one("key"),
        "gh-sprint": sprints.current,
        "team": _team,
        "readonlyfield": _read_text,
    },
    Form.RICH: {"textarea": _rich},
    Form.LIST: {"textarea": lambda place: checklist_row(place.canonical, place.system)},
    Form.DATE: {"datepicker": _day, "date": _day, "datetime": _instant},
    Form.NUMBER: {"float": _number, "number": _number},
    Form.MONEY: {"float": _money, "number": _money},
    Form.FLAG: {"multicheckboxes": choices.tick, "select": choices.flag, "radiobuttons": choices.flag},
    Form.CHOICE: {"select": choices.classed, "radiobuttons": choices.classed, "option": choices.classed},
    Form.SET: {
        "labels": _labels,
        "array of string": _labels,
        "multiselect": choices.several("value"),
        "multicheckboxes": choices.several("value"),
        "array of option": choices.several("value"),
        "array of component": choices.of_project,
        "array of version": choices.of_project,
        "multiversion": choices.several("name"),
        "multigrouppicker": choices.several("name"),
        "gh-sprint": sprints.every,
    },
    Form.PERSON: {
        "userpicker": _person,
        "user": _person,
        "multiuserpicker": _one_of_people,
        "people": _one_of_people,
        "array of user": _one_of_people,
    },
}
"""Canonical form -> Jira's type -> row. What stands first is taken for a field that the site does not have."""
