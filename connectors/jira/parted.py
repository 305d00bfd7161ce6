"""Components and versions of issues: their changelog tells what came and went, and a change the whole of both sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from connectors.jira.models import Json

PARTED = ("components", "fixVersions", "versions")
"""Fields of which an entry names no more than what came and what went."""


@dataclass(frozen=True, slots=True)
class Step:
    """A component or a version that came or went."""

    part: Json
    came: bool


def steps(item: Mapping[str, Any]) -> list[Step]:
    """What an item of an entry tells: what went, what came, or one for the other."""
    sides = ((item.get("from"), item.get("fromString"), False), (item.get("to"), item.get("toString"), True))
    return [Step(_part(id, name), came) for id, name, came in sides if id or name]


def wholes(entries: Sequence[Sequence[Step]], shown: Sequence[Any]) -> list[tuple[list[Json], list[Json]]]:
    """Everything that a field held before and after each of the entries, which come oldest first.

    ``shown``: what the issue showed at some time, after which no entry is missing. What no entry touches was there all
    the time, or never; whether the rest was there the entries tell, also those that are newer than what was shown. Each
    part is called as it is now, as far as the issue has it, else as it was called last: a name may have been changed.
    """
    seen = [_part(each.get("id"), each.get("name")) for each in shown if isinstance(each, Mapping)]
    there = {part["id"]: part for part in seen if "id" in part}
    ids = {part.get("name"): id for id, part in there.items()}

    def key(part: Json) -> str:
        return str(part.get("id") or ids.get(part["name"]) or part["name"])

    called = {key(step.part): step.part for step in chain(*entries)} | there
    held = set(there)
    for step in chain(*entries):
        (held.add if step.came else held.discard)(key(step.part))
    found = []
    for entry in reversed(entries):
        new = set(held)
        for step in reversed(entry):
            (held.discard if step.came else held.add)(key(step.part))
        found.append(([called[each] for each in sorted(held)], [called[each] for each in sorted(new)]))
    return found[::-1]


def _part(id: Any, name: Any) -> Json:
    return ({"id": str(id)} if id else {}) | ({"name": str(name)} if name else {})
