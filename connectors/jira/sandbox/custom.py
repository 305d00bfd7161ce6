"""Custom fields of the stand-in: what a write may say, how a payload shows it, and what the changelog makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from connectors.jira.sandbox.world import FieldKind, Json, World

TYPES = "com.atlassian.jira.plugin.system.customfieldtypes:"
GREENHOPPER = "com.pyxis.greenhopper.jira:"

SCHEMAS: dict[str, Json] = {
    "number": {"type": "number", "custom": TYPES + "float"},
    "date": {"type": "date", "custom": TYPES + "datepicker"},
    "datetime": {"type": "datetime", "custom": TYPES + "datetime"},
    "text": {"type": "string", "custom": TYPES + "textfield"},
    "textarea": {"type": "string", "custom": TYPES + "textarea"},
    "url": {"type": "string", "custom": TYPES + "url"},
    "option": {"type": "option", "custom": TYPES + "select"},
    "radio": {"type": "option", "custom": TYPES + "radiobuttons"},
    "options": {"type": "array", "items": "option", "custom": TYPES + "multiselect"},
    "checkboxes": {"type": "array", "items": "option", "custom": TYPES + "multicheckboxes"},
    "cascade": {"type": "option-with-child", "custom": TYPES + "cascadingselect"},
    "labels": {"type": "array", "items": "string", "custom": TYPES + "labels"},
    "user": {"type": "user", "custom": TYPES + "userpicker"},
    "users": {"type": "array", "items": "user", "custom": TYPES + "multiuserpicker"},
    "group": {"type": "group", "custom": TYPES + "grouppicker"},
    "groups": {"type": "array", "items": "group", "custom": TYPES + "multigrouppicker"},
    "version": {"type": "version", "custom": TYPES + "version"},
    "versions": {"type": "array", "items": "version", "custom": TYPES + "multiversion"},
    "project": {"type": "project", "custom": TYPES + "project"},
    "sprint": {"type": "array", "items": "json", "custom": GREENHOPPER + "gh-sprint"},
    "epic": {"type": "any", "custom": GREENHOPPER + "gh-epic-link"},
}
"""Kind of a field here -> its schema, with the names of types that recorded answers have."""

MANY = {"options": "option", "checkboxes": "option", "users": "user", "groups": "group", "versions": "version"}
"""Kinds that hold several of another kind."""

ONE_OF = {"option", "radio"}


class Wrong(Exception):
    """A value that Jira will not have, in its words."""


def kept(world: World, kind: FieldKind, value: Any, plain: Mapping[str, Callable[[Any], Any]]) -> Any:
    """The value in the site's own form; ``plain`` knows kinds that system fields have too. Raises ``Wrong``."""
    if value is None:
        return None
    if kind.kind in MANY:
        if not isinstance(value, list):
            raise Wrong("data was not an array")
        single = FieldKind(kind.id, kind.name, MANY[kind.kind], kind.options)
        return list(dict.fromkeys(kept(world, single, each, plain) for each in value)) or None
    if kind.kind in plain:
        return plain[kind.kind](value)
    match kind.kind:
        case "number":
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise Wrong("Operation value must be a number")
            return float(value)
        case "datetime":
            return _instant(value)
        case "option" | "radio":
            return str(_option(kind.options, value)["id"])
        case "cascade":
            first = _option(kind.options, value)
            second = _option(first.get("children") or [], value["child"])["id"] if value.get("child") else None
            return [str(first["id"]), second]
        case "group":
            return _known(value, "name", world.groups, "group")
        case "version":
            names = {version.name: version.id for version in world.versions.values()}
            by_id = str(value.get("id")) if isinstance(value, dict) else ""
            return by_id if by_id in world.versions else names[_known(value, "name", names, "version")]
        case "project":
            keys = {project.key: project.id for project in world.projects.values()}
            return keys[_known(value, "key", keys, "project")]
        case "sprint" | "epic":
            raise Wrong(f"Field '{kind.id}' cannot be set. It is not on the appropriate screen, or unknown.")
    if not isinstance(value, str):
        raise Wrong("Operation value must be a string")
    if len(value) > 255:
        raise Wrong("The entered text is too long. It exceeds the allowed limit of 255 characters.")
    if kind.kind == "url" and "://" not in value:
        raise Wrong("Value is not a valid URL")
    return value or None


def _option(options: list[Json], value: Any) -> Json:
    wanted = {value.get("id"), value.get("value")} - {None} if isinstance(value, dict) else set()
    for option in options:
        if option["id"] in wanted or option["value"] in wanted:
            return option
    raise Wrong("Option id 'null' is not valid")


def _known(value: Any, key: str, known: Mapping[str, Any], what: str) -> str:
    name = str(value.get(key)) if isinstance(value, dict) else ""
    if name not in known:
        raise Wrong(f"Could not find valid {what} '{name}'.")
    return name


def _instant(value: Any) -> int:
    try:
        stamp = datetime.strptime(str(value), "%Y-%m-%dT%H:%M:%S.%f%z")
    except ValueError as error:
        raise Wrong(f"Error parsing time: {value}") from error
    return round(stamp.timestamp() * 1000)


def option(kind: FieldKind, id: str) -> Json:
    """An option as a payload shows it, without what hangs under it."""
    found = next(each for each in kind.options if each["id"] == id)
    return {name: part for name, part in found.items() if name != "children"}


def cascade(kind: FieldKind, raw: list[Any]) -> Json:
    """Both choices, the second within the first."""
    shown = option(kind, raw[0])
    if raw[1] is not None:
        whole = next(each for each in kind.options if each["id"] == raw[0])
        shown["child"] = next(child for child in whole["children"] if child["id"] == raw[1])
    return shown


def said(world: World, kind: FieldKind, raw: Any) -> tuple[str | None, str | None]:
    """A value in the changelog: ids, where it has some, and text."""
    if kind.kind in MANY:
        single = FieldKind(kind.id, kind.name, MANY[kind.kind], kind.options)
        parts = [said(world, single, each) for each in raw]
        return f"[{', '.join(str(id) for id, _ in parts)}]", ",".join(str(text) for _, text in parts)
    match kind.kind:
        case "option" | "radio":
            return raw, option(kind, raw)["value"]
        case "cascade":
            shown = cascade(kind, raw)
            text = f"Parent values: {shown['value']}({shown['id']})"
            child = shown.get("child")
            return None, text + (f"Level 1 values: {child['value']}({child['id']})" if child else "")
        case "user":
            return raw, world.users[raw].name
        case "version":
            return raw, world.versions[raw].name
        case "project":
            return raw, world.projects[raw].name
        case "group":
            return raw, raw
    return None, str(raw)
