"""Drive's partial answers: ``fields=nextPageToken,files(id,owners/displayName)`` applied to a full resource."""

from __future__ import annotations

from typing import Any

Selection = dict[str, "Selection"]
"""Field -> what is chosen below it; empty: all of it. ``*`` stands for every field."""


class BadSelector(ValueError):
    """The text is no selector. The argument is the part that is wrong."""


def parse(text: str) -> Selection:
    selection, rest = _list(text.replace(" ", ""))
    if rest:
        raise BadSelector(rest)
    return selection


def _list(text: str) -> tuple[Selection, str]:
    found: Selection = {}
    while True:
        name = ""
        while text and (text[0].isalnum() or text[0] in "*_-"):
            name, text = name + text[0], text[1:]
        if not name:
            raise BadSelector(text or "(end)")
        below: Selection = {}
        if text[:1] == "/":
            below, text = _one(text[1:])
        elif text[:1] == "(":
            below, text = _list(text[1:])
            if text[:1] != ")":
                raise BadSelector(text or "(end)")
            text = text[1:]
        found[name] = found.get(name, {}) | below
        if text[:1] != ",":
            return found, text
        text = text[1:]


def _one(text: str) -> tuple[Selection, str]:
    """What follows a slash: one field, itself perhaps with more below."""
    end = 0
    depth = 0
    while end < len(text) and (depth or text[end] not in ",)"):
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        end += 1
    selection, rest = _list(text[:end])
    if rest:
        raise BadSelector(rest)
    return selection, text[end:]


def unknown(selection: Selection, keys: set[str]) -> str | None:
    """The first chosen field that the resource cannot have."""
    return next((name for name in selection if name != "*" and name not in keys), None)


def select(value: Any, selection: Selection) -> Any:
    """The chosen part; lists are chosen from item by item, absent fields stay absent."""
    if not selection or "*" in selection:
        return value
    if isinstance(value, list):
        return [select(item, selection) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: select(item, selection[key]) for key, item in value.items() if key in selection}
