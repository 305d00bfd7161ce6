"""What happened, for somebody who reads it: what says nothing is left out, and one change is told in one line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from keepstep.engine.timeline import Event

EMPTY: tuple[Any, ...] = (None, "", [], {})

SAME_CHANGE = ("agreed", "begun")
"""Events of single fields that are told together: values that came from one place at one moment."""

ENDS = ("decided", "settled")
"""Events of a field that say how its conflict ended, and with what."""


def story(events: Iterable[Event]) -> Iterator[list[Event]]:
    """The events, oldest first, as what is told in one line each: most alone, the fields of one change together.

    Left out is what tells nothing new: looks at a record, whose changes are events of their own; a value that stays as
    it was, empty or no; runs that wrote nothing; and of a conflict what the finding about it, or the decision, says as
    well. Holds the events of one moment in memory, which belong to one batch.
    """
    for _, at_once in groupby(events, key=lambda event: event.at):
        moment = list(at_once)
        first: dict[str | None, int] = {}
        for number, event in enumerate(moment):
            first.setdefault(event.entity, number)
        yield from _told(sorted(moment, key=lambda event: first[event.entity]))


def _told(moment: list[Event]) -> list[list[Event]]:
    ended = {(event.entity, event.field) for event in moment if event.code in ENDS}
    asked = {_conflict(event) for event in moment if event.code == "finding_opened"}
    lines: list[list[Event]] = []
    changes: dict[tuple[Any, ...], list[Event]] = {}
    for event in moment:
        if _says_nothing(event):
            continue
        if event.code in ("agreed", "conflict_closed") and (event.entity, event.field) in ended:
            continue
        if event.code == "conflict" and (event.entity, event.field) in asked:
            continue
        if event.code == "finding_closed" and _conflict(event) in ended:
            continue
        if event.code not in SAME_CHANGE:
            lines.append([event])
            continue
        change = (event.entity, event.code, event.side, event.run, event.params.get("by"))
        if change not in changes:
            changes[change] = []
            lines.append(changes[change])
        changes[change].append(event)
    return lines


def _says_nothing(event: Event) -> bool:
    if event.code == "seen":
        return not event.params.get("deleted")
    if event.code == "ran":
        return not event.params["done"]
    if event.code in SAME_CHANGE:
        before, value = was_and_is(event.params)
        return before == value or (before in EMPTY and (value in EMPTY or value is False))
    return False


def was_and_is(params: Mapping[str, Any]) -> tuple[Any, Any]:
    """The value before an event of one field, and after it."""
    return params.get("from"), params["to"] if "to" in params else params.get("value")


def _conflict(event: Event) -> tuple[str | None, str | None] | None:
    """Entity and field that a finding asks about, if it is a conflict's."""
    return (event.entity, event.params["params"].get("field")) if event.params["code"] == "conflict" else None
