"""Which events of the store are told to a reader, and which of them in one line."""

from __future__ import annotations

from typing import Any

import pytest

from keepstep.cli.story import story
from keepstep.engine.timeline import Event
from keepstep.language import say


def event(code: str, field: str | None = None, at: str = "1", entity: str | None = "e", **more: Any) -> Event:
    side = more.pop("side", "crm.Deals")
    return Event(at=at, code=code, entity=entity, field=field, side=side, params=more)


def agreed(field: str, before: Any, value: Any, **more: Any) -> Event:
    return event("agreed", field, **more, **{"from": before, "to": value})


def finding(code: str, field: str) -> Event:
    return Event(at="1", code=code, entity="e", params={"code": "conflict", "params": {"field": field}})


def told(*events: Event) -> list[list[tuple[str, str | None]]]:
    return [[(each.code, each.field) for each in line] for line in story(events)]


def test_the_fields_of_one_change_are_one_line_and_other_changes_lines_of_their_own() -> None:
    assert told(
        agreed("name", None, "A"),
        agreed("stage", "open", "won"),
        agreed("name", None, "B", entity="f"),
        agreed("status", None, "todo", side="tracker.epics"),
        agreed("owner", None, "Bo", by="7"),
        agreed("stage", "won", "open", at="2"),
    ) == [
        [("agreed", "name"), ("agreed", "stage")],
        [("agreed", "status")],
        [("agreed", "owner")],
        [("agreed", "name")],
        [("agreed", "stage")],
    ]


@pytest.mark.parametrize(
    "quiet",
    [
        agreed("labels", None, []),
        agreed("notes", [], None),
        agreed("notes", "same", "same"),
        agreed("archived", None, False),
        event("ran", done=0, planned=3),
        event("begun", "labels", value=[]),
        event("seen", record="1", deleted=False, by="7"),
        event("seen", record="1"),
    ],
    ids=str,
)
def test_what_tells_nothing_new_is_left_out(quiet: Event) -> None:
    assert told(quiet) == []
    assert told(quiet, agreed("notes", None, "x")) == [[("agreed", "notes")]]


@pytest.mark.parametrize(
    "telling",
    [
        agreed("archived", True, False),
        agreed("archived", None, True),
        event("ran", done=1, planned=3),
        agreed("hours", None, 0),
        agreed("notes", "x", None),
        event("begun", "title", value="A"),
        event("seen", record="1", deleted=True),
        event("write_done", fields={}),
        event("conflict", "due_date"),
        event("conflict_closed", "due_date", value="x"),
        finding("finding_closed", "due_date"),
    ],
    ids=str,
)
def test_what_tells_something_is_told(telling: Event) -> None:
    assert told(telling) == [[(telling.code, telling.field)]]


@pytest.mark.parametrize("how", ["decided", "settled"])
def test_the_end_of_a_conflict_is_told_once_with_how_it_came(how: str) -> None:
    assert told(
        agreed("due_date", "a", "b"),
        agreed("stage", "open", "won"),
        event("conflict_closed", "due_date", value="b"),
        event(how, "due_date", value="b"),
        finding("finding_closed", "due_date"),
        finding("finding_closed", "stage"),
    ) == [[("agreed", "stage")], [(how, "due_date")], [("finding_closed", None)]]


def test_a_conflict_is_told_by_its_finding_which_names_both_values() -> None:
    assert told(event("conflict", "due_date"), event("conflict", "stage"), finding("finding_opened", "due_date")) == [
        [("conflict", "stage")],
        [("finding_opened", None)],
    ]


def test_what_happened_at_one_moment_is_told_thing_by_thing_and_moments_in_order() -> None:
    moments = [
        event("write_done", entity="f"),
        event("ran", entity=None, done=1),
        event("write_done", entity="e"),
        event("write_refused", entity="f"),
        event("write_done", at="2", entity="f"),
    ]
    assert [(each.at, each.entity, each.code) for [each] in story(moments)] == [
        ("1", "f", "write_done"),
        ("1", "f", "write_refused"),
        ("1", None, "ran"),
        ("1", "e", "write_done"),
        ("2", "f", "write_done"),
    ]


def test_changes_are_said_in_both_languages() -> None:
    changes = [
        {"field": "stage", "before": "open", "value": "won"},
        {"field": "due_date", "before": None, "value": "2026-12-02"},
        {"field": "labels", "before": ["a"], "value": []},
    ]
    said = {"side": "crm.Deals", "by": "Anna", "changes": changes}
    assert say("story_changed_by", said, "en") == (
        "Anna in crm.Deals: stage: open → won; due date: Dec 2, 2026; labels: a → empty"
    )
    assert say("story_changed", said | {"changes": changes[:1]}, "zh-CN") == "crm.Deals 中：阶段：open → won"
    assert say("audit_let_through", {"by": "Ann", "sync": "tasks", "reasons": ["first_plan", "mass_change"]}, "en") == (
        "Ann let the plan of tasks through (the first plan, one field of many records)"
    )
