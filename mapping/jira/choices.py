"""Fields with a list to choose from: one value, several, two in a row, a class, or yes and no."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connectors.errors import Misconfigured
from mapping.fields import FieldMap, Unmappable
from mapping.jira.place import Place
from mapping.jira.values import Section
from mapping.pairs import Pair, clean

STEP = " > "
"""Between the two choices of a cascading list, where both are shown as one text."""


def one(key: str) -> Callable[[Place], FieldMap]:
    """One thing of the site, known by its name (a project: by its key)."""

    def make(place: Place) -> FieldMap:
        def read(value: Any, _: Section) -> Any:
            return name_of(value, key)

        def write(value: Any, _: Section) -> Any:
            return {key: place.check(value)} if value is not None else None

        return place.row((read, write))

    return make


def several(key: str) -> Callable[[Place], FieldMap]:
    """Several of them, in no order."""

    def make(place: Place) -> FieldMap:
        def read(value: Any, _: Section) -> Any:
            return names_of(value, key)

        def write(value: Any, _: Section) -> Any:
            return [{key: place.check(name)} for name in value or ()]

        return place.row((read, write))

    return make


def of_project(place: Place) -> FieldMap:
    """Components or versions of an issue's project, by name. What the issue has it may keep, whatever the list says:
    archived versions are on none, and what people add to it later is unknown until it is asked for again."""

    def read(value: Any, _: Section) -> Any:
        return names_of(value, "name")

    def write(value: Any, section: Section) -> Any:
        there = read(section.get(place.system), section)
        return [{"name": name if name in there else place.check(name)} for name in value or ()]

    return place.row((read, write), shown=lambda value: sorted(set(value)))


def cascade(place: Place) -> FieldMap:
    """Both choices as one text. The second is written under the first, so its name need not be unique."""

    def read(value: Any, _: Section) -> Any:
        first = name_of(value, "value")
        if first is None or not value.get("child"):
            return first
        return first + STEP + str(name_of(value["child"], "value"))

    def write(value: Any, _: Section) -> Any:
        if value is None:
            return None
        first, step, second = place.check(value).partition(STEP)
        return {"value": first, "child": {"value": second}} if step else {"value": first}

    return place.row((read, write))


def classed(place: Place) -> FieldMap:
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


def flag(place: Place) -> FieldMap:
    """Yes or no as a list of two, of which the configuration says which is ``true`` and which ``false``."""
    table = {own: word == "true" for own, word in place.words.options.values.get(place.canonical, {}).items()}
    return place.row(_by_table(table, {flag: own for own, flag in reversed(list(table.items()))}))


def tick(place: Place) -> FieldMap:
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


def name_of(value: Any, key: str) -> str | None:
    """What a thing of the site is called under that key. Raises ``Unmappable`` for what has none."""
    if not value:
        return None
    if not isinstance(value, Mapping) or value.get(key) is None:
        raise Unmappable("unknown_value", value)
    return clean(value[key])


def names_of(values: Any, key: str) -> list[str]:
    """What several things are called, sorted, each name once. Raises ``Unmappable`` for what has none."""
    return sorted({name for each in values or () if (name := name_of(each, key)) is not None})


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
