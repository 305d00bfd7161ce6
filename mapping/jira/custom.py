"""Custom fields: what each of Jira's field types can hold of a canonical form, and how it is written.

A type is known by the last word of ``schema.custom`` (``select``, ``datepicker``); fields of apps, which have types of
their own, by ``schema.type``. A form that a type cannot hold is a mistake in the configuration, told before any read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from connectors.errors import Misconfigured
from mapping.fields import FieldMap, Unmappable
from mapping.jira.checklist import checklist_row
from mapping.jira.values import LONGEST, Section, Words, person, read_rich, rich, shown_rich
from mapping.model import Form, Kind, Loss
from mapping.pairs import Pair, clean, day, instant, money, number, texts
from mapping.richtext import markdown_to_adf
from mapping.richtext.plain import cleaned, markdown_to_plain, plain_to_markdown

SHORT = 255
"""Characters of a one-line text field."""

STEP = " > "
"""Between the two choices of a cascading list, where both are shown as one text."""


@dataclass(frozen=True, slots=True)
class Place:
    """One line of the configuration's ``custom`` table, and what the site says of the field."""

    words: Words
    canonical: str
    system: str
    values: frozenset[str] | None = None
    """What a list allows, by name; None where that is not known."""

    def row(self, pair: Pair, **more: Any) -> FieldMap:
        return FieldMap(self.canonical, self.system, *pair, **more)

    def shown(self, read: Callable[[Any, Section], Any]) -> FieldMap:
        """A row for what Jira computes: it is read, and never written."""
        return FieldMap(self.canonical, self.system, read, mode="read")

    def check(self, name: str) -> str:
        """A value that the list allows. Raises ``Unmappable``."""
        if self.values is not None and name not in self.values:
            raise Unmappable("no_such_value", name)
        return name


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


# -- lists


def _named(key: str) -> Callable[[Place], FieldMap]:
    """One thing of the site, known by its name (a project: by its key)."""

    def make(place: Place) -> FieldMap:
        def read(value: Any, _: Section) -> Any:
            return _name(value, key)

        def write(value: Any, _: Section) -> Any:
            return {key: place.check(value)} if value is not None else None

        return place.row((read, write))

    return make


def _names(key: str) -> Callable[[Place], FieldMap]:
    """Several of them, in no order."""

    def make(place: Place) -> FieldMap:
        def read(value: Any, _: Section) -> Any:
            return sorted({name for each in value or () if (name := _name(each, key)) is not None})

        def write(value: Any, _: Section) -> Any:
            return [{key: place.check(name)} for name in value or ()]

        return place.row((read, write))

    return make


def _name(value: Any, key: str) -> str | None:
    if not value:
        return None
    if not isinstance(value, Mapping) or value.get(key) is None:
        raise Unmappable("unknown_value", value)
    return clean(value[key])


def _labels(place: Place) -> FieldMap:
    def read(value: Any, _: Section) -> Any:
        return sorted(texts(value))

    def write(value: Any, _: Section) -> Any:
        odd = sorted(label for label in value or () if any(sign.isspace() for sign in label))
        if odd:
            raise Unmappable("label_with_space", odd[0])
        return list(value or ())

    return place.row((read, write))


def _cascade(place: Place) -> FieldMap:
    """Both choices as one text. The second is written under the first, so its name need not be unique."""

    def read(value: Any, _: Section) -> Any:
        first = _name(value, "value")
        if first is None or not value.get("child"):
            return first
        return first + STEP + str(_name(value["child"], "value"))

    def write(value: Any, _: Section) -> Any:
        if value is None:
            return None
        first, step, second = place.check(value).partition(STEP)
        return {"value": first, "child": {"value": second}} if step else {"value": first}

    return place.row((read, write))


def _class(place: Place) -> FieldMap:
    """A list of which the configuration says what each value stands for, by option id or name; one that says a class
    itself stands for it."""
    options = place.words.options

    def by_itself(said: Any) -> str | None:
        return options.model.class_of(place.canonical, said)

    table = dict(options.values.get(place.canonical, {}))
    for said in sorted(place.values or ()):
        known = by_itself(said)
        if known is not None:
            table.setdefault(said, known)
    return place.row(_by_table(table, {name: own for own, name in reversed(list(table.items()))}, by_itself))


def _flag(place: Place) -> FieldMap:
    """Yes or no as a list of two, of which the configuration says which is ``true`` and which ``false``."""
    table = {own: word == "true" for own, word in place.words.options.values.get(place.canonical, {}).items()}
    return place.row(_by_table(table, {flag: own for own, flag in reversed(list(table.items()))}))


def _by_table(
    table: Mapping[str, Any], back: Mapping[Any, str], by_itself: Callable[[Any], Any] = lambda said: None
) -> Pair:
    def read(value: Any, _: Section) -> Any:
        if not value:
            return None
        for key in (str(value.get("id")), str(value.get("value"))):
            if key in table:
                return table[key]
        known = by_itself(value.get("value"))
        if known is None:
            raise Unmappable("unknown_value", value.get("value"))
        return known

    def write(value: Any, _: Section) -> Any:
        if value is None:
            return None
        if value not in back:
            raise Unmappable("no_such_value", value)
        return {"id": back[value]} if back[value].isdecimal() else {"value": back[value]}

    return read, write


def _tick(place: Place) -> FieldMap:
    """A single box: ticked or not."""
    if place.values is not None and len(place.values) != 1:
        raise Misconfigured(
            f"custom: {place.canonical}: Jira's field {place.system} has {len(place.values)} boxes; yes or no needs one"
        )

    def write(value: Any, section: Section) -> Any:
        if not value:
            return []
        names = list(place.values or ()) or [str(each["value"]) for each in section.get(place.system) or ()]
        if not names:
            raise Unmappable("no_such_value", value)
        return [{"value": names[0]}]

    return place.row((lambda value, _: bool(value), write), shown=bool)


# -- people and sprints


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


STATES = ("active", "future", "closed")
SPRINT = re.compile(r"\[(?=.*?\bstate=(?P<state>\w+))(?=.*?\bname=(?P<name>.*?),(?:goal|startDate)=)")
"""``...Sprint@1f[id=7,rapidViewId=2,state=ACTIVE,name=Sprint 1,goal=,startDate=...]``"""


def _sprint(place: Place) -> FieldMap:
    """The sprint that counts: the running one, else the next, else the last. Sprints are planned on Jira's boards."""

    def read(value: Any, _: Section) -> Any:
        sprints = [_told(each) for each in value or ()]
        for state in STATES:
            found = [each for each in sprints if str(each.get("state")).lower() == state]
            if found:
                return _name(found[-1] if state == "closed" else found[0], "name")
        return None

    return place.shown(read)


def _sprints(place: Place) -> FieldMap:
    return place.shown(lambda value, _: sorted({str(_told(each)["name"]) for each in value or ()}))


def _told(sprint: Any) -> Mapping[str, Any]:
    """What a sprint says of itself; the older API shows a dump of it. Raises ``Unmappable`` for anything else."""
    if isinstance(sprint, Mapping):
        return sprint
    dump = SPRINT.search(sprint) if isinstance(sprint, str) else None
    if dump is None:
        raise Unmappable("unknown_value", sprint)
    return dump.groupdict()


def _read_text(place: Place) -> FieldMap:
    return place.shown(_text_of)


def _team(place: Place) -> FieldMap:
    """An Atlassian team, by its name. It is written by an id that only another service of Atlassian's tells."""
    return place.shown(lambda value, _: _name(value, "name"))


MAKERS: Mapping[Form, Mapping[str, Callable[[Place], FieldMap]]] = {
    Form.TEXT: {
        "textfield": _line,
        "string": _line,
        "textarea": _plain,
        "url": _url,
        "select": _named("value"),
        "radiobuttons": _named("value"),
        "option": _named("value"),
        "cascadingselect": _cascade,
        "grouppicker": _named("name"),
        "version": _named("name"),
        "project": _named("key"),
        "gh-sprint": _sprint,
        "team": _team,
        "readonlyfield": _read_text,
    },
    Form.RICH: {"textarea": _rich},
    Form.LIST: {"textarea": lambda place: checklist_row(place.canonical, place.system)},
    Form.DATE: {"datepicker": _day, "date": _day, "datetime": _instant},
    Form.NUMBER: {"float": _number, "number": _number},
    Form.MONEY: {"float": _money, "number": _money},
    Form.FLAG: {"multicheckboxes": _tick, "select": _flag, "radiobuttons": _flag},
    Form.CHOICE: {"select": _class, "radiobuttons": _class, "option": _class},
    Form.SET: {
        "labels": _labels,
        "array of string": _labels,
        "multiselect": _names("value"),
        "multicheckboxes": _names("value"),
        "array of option": _names("value"),
        "multiversion": _names("name"),
        "multigrouppicker": _names("name"),
        "gh-sprint": _sprints,
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
