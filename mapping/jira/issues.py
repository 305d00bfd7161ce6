"""Issues and epics: the table of fields, and what one field cannot decide alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.base import Record
from connectors.jira.models import Named, Numbered, Rank, Status, User
from mapping.fields import FieldMap, StreamMapping, Unmappable
from mapping.jira.custom import custom
from mapping.jira.dependencies import dependencies
from mapping.jira.values import (
    MARKED,
    Section,
    Words,
    instant_read,
    labels,
    person,
    priority,
    read_rich,
    rich,
    shown_rich,
    shown_status,
    spaced,
    status,
    summary,
)
from mapping.model import Kind, Loss, Unmapped
from mapping.pairs import day, identifier

Rows = dict[Kind, Sequence[FieldMap]]


def epic_rows(words: Words) -> Rows:
    rows = [
        FieldMap("name", "summary", *summary()),
        *_shared(words),
        FieldMap("manager", "assignee", *person(), shape=User | None),
        FieldMap("labels", "labels", *labels(words), shown=_sorted),
    ]
    return {Kind.PROJECT: _with_custom(rows, words, "epics", Kind.PROJECT)}


def issue_rows(words: Words) -> Rows:
    """Tasks, and the kinds that a label makes of an issue."""
    title = FieldMap("title", "summary", *summary())
    ends = FieldMap("actual_end", "resolutiondate", instant_read, mode="read")
    assignee = FieldMap("assignee", "assignee", *person(), shape=User | None)
    project = FieldMap("project", "parent", _epic_of, _to_epic, shown=_checked("epics"), shape=Numbered | None)
    depends = dependencies(words, "issues")
    asked = [
        title,
        project,
        FieldMap("description", "description", *rich("description"), shown=shown_rich, lossy=read_rich),
        _status(words),
        FieldMap("reporter", "reporter", person()[0], mode="read", shape=User | None),
        FieldMap("created", "created", instant_read, mode="read"),
    ]
    tables: dict[Kind, list[FieldMap]] = {
        Kind.TASK: [
            title,
            project,
            FieldMap("parent", "parent", _task_of, _to_task, shown=_checked("issues"), shape=Numbered | None),
            *_shared(words),
            FieldMap("priority", "priority", *priority(words), shape=Named | None),
            ends,
            assignee,
            *depends,
            FieldMap("labels", "labels", *labels(words), shown=_sorted),
        ],
        Kind.FEEDBACK: asked,
        Kind.CHANGE_REQUEST: asked,
        Kind.MILESTONE: [title, project, *_shared(words), ends, assignee, *depends],
    }
    return {kind: _with_custom(rows, words, "issues", kind) for kind, rows in tables.items()}


def _shared(words: Words) -> list[FieldMap]:
    return [
        FieldMap("description", "description", *rich("description"), shown=shown_rich, lossy=read_rich),
        _status(words),
        FieldMap("due_date", "duedate", *day(words.options.zone)),
    ]


def _status(words: Words) -> FieldMap:
    return FieldMap("status", "status", *status(words), shown=shown_status(words), shape=Status | None)


def _with_custom(rows: list[FieldMap], words: Words, stream: str, kind: Kind) -> list[FieldMap]:
    added = custom(words, stream, kind)
    replaced = {row.canonical for row in added}
    return [row for row in rows if row.canonical not in replaced] + added


class IssueMapping(StreamMapping):
    """The table, the label that says the kind, and the one parent that is either an epic or a task."""

    def __init__(self, rows: Rows, words: Words) -> None:
        super().__init__(
            rows, section="fields", beside={"issuetype": Rank | None, "labels": Any}, model=words.options.model
        )
        self._words = words
        self._holds_labels = {kind: any(row.system == row.canonical == "labels" for row in rows[kind]) for kind in rows}
        self._above = {kind: [row.canonical for row in table if row.system == "parent"] for kind, table in rows.items()}

    def _kind_shown(self, record: Record, seen: Section) -> Kind:
        labels = seen.get("labels")
        if isinstance(labels, list) and len(self.kinds) > 1:
            for kind in MARKED:
                if self._words.marks.get(kind) in labels:
                    return kind
        return self.kinds[0]

    def _values(self, kind: Kind, seen: Section) -> tuple[dict[str, Any], list[Loss]]:
        values, losses = super()._values(kind, seen)
        if "issuetype" in seen and "parent" not in seen:
            # Jira leaves the key out where there is no parent.
            values.update(dict.fromkeys(self._above[kind]))
        # A subtask hangs on a task, any other issue on an epic: the other of the two it does not have.
        values.pop("project" if _is_subtask(seen) else "parent", None)
        return values, losses

    def unmap(self, kind: Kind, values: Mapping[str, Any], base: Mapping[str, Any] | None = None) -> Unmapped:
        plain = {name: value for name, value in values.items() if name not in ("project", "parent")}
        odd: list[str] = []
        if self._holds_labels[kind] and plain.get("labels"):
            # The others go along: one label of another system's must not keep all of them back for ever.
            odd = [label for label in plain["labels"] if spaced(label)]
            plain["labels"] = [label for label in plain["labels"] if label not in odd]
        result = super().unmap(kind, plain, base)
        result.losses += [Loss("labels", "label_with_space", label) for label in odd]
        change = result.values.get("labels")
        if isinstance(change, dict) and not (change["add"] or change["remove"]):
            del result.values["labels"]
        mark = self._words.marks.get(kind)
        if base is None and mark:
            result.values["labels"] = sorted({*result.values.get("labels", ()), mark})
        if len(self.kinds) > 1:
            self._place(values, base, result)
        return result

    def _place(self, values: Mapping[str, Any], base: Mapping[str, Any] | None, result: Unmapped) -> None:
        found = (base or {}).get("fields")
        fields = found if isinstance(found, Mapping) else {}
        subtask = base is not None and _is_subtask(fields)
        project, parent = values.get("project"), values.get("parent")
        try:
            if parent is not None and (subtask or base is None):
                result.values["parent"] = _to_task(parent, fields)
            elif "project" in values and not subtask:
                if project is not None or base is not None:
                    result.values["parent"] = _to_epic(project, fields)
            elif "project" in values:
                result.losses.append(Loss("project", "subtask_follows_its_parent", project))
        except Unmappable as trouble:
            result.losses.append(Loss("project" if parent is None else "parent", trouble.why, trouble.value))
        if "parent" in values and base is not None:
            if parent is None and subtask:
                result.losses.append(Loss("parent", "subtask_needs_a_parent"))
            elif parent is not None and not subtask:
                result.losses.append(Loss("parent", "not_a_subtask", parent))


def _is_subtask(fields: Section) -> bool:
    kind = fields.get("issuetype")
    if not isinstance(kind, Mapping):
        return False
    return kind.get("hierarchyLevel") == -1 or bool(kind.get("subtask"))


def _sorted(value: Any) -> Any:
    return sorted(set(value))


def _epic_of(value: Any, section: Section) -> Any:
    if not value or _is_subtask(section):
        return None
    return {"stream": "epics", "id": identifier(value)}


def _task_of(value: Any, section: Section) -> Any:
    if not value or not _is_subtask(section):
        return None
    return {"stream": "issues", "id": identifier(value)}


def _to_epic(value: Any, _: Section) -> Any:
    return _reference(value, "epics")


def _to_task(value: Any, _: Section) -> Any:
    return _reference(value, "issues")


def _reference(value: Any, stream: str) -> Any:
    if value is None:
        return None
    if value.get("stream") != stream:
        raise Unmappable("other_stream", value)
    return {"id": str(value["id"])}


def _checked(stream: str) -> Any:
    def shown(value: Any) -> Any:
        _reference(value, stream)
        return value

    return shown
