"""Cards: a task, or what one of the labels says it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from connectors.base import Field, Record
from mapping.fields import FieldMap, Options, StreamMapping, Unmappable
from mapping.model import Kind, Loss, Mapped, Unmapped
from mapping.pairs import moment
from mapping.trello.checklists import read_items, write_items
from mapping.trello.custom import ABSENT, ITEMS, THERE, CustomField, chosen, row, written
from mapping.trello.places import Places
from mapping.trello.sets import label_word, objects, read_labels, write_labels
from mapping.trello.values import (
    Section,
    archived,
    assignee,
    born,
    day_or_instant,
    markdown,
    ref,
    shown_person,
    title,
)

DEFAULT_LABELS = {"feedback": "feedback"}
MARKED = (Kind.FEEDBACK, Kind.CHANGE_REQUEST, Kind.RISK, Kind.MILESTONE)
"""Kinds that a label makes of a card, the first match in this order."""


class CardMapping(StreamMapping):
    """The table, and what one field cannot decide alone: list and board go together, labels and custom fields belong
    to a board."""

    def __init__(
        self, places: Places, options: Options, names: Mapping[str, str], fields: Sequence[Field] = ()
    ) -> None:
        labels = {**DEFAULT_LABELS, **options.labels}
        self._marks = {kind: labels[kind.value] for kind in MARKED if kind.value in labels}
        self._places = places
        common = [
            FieldMap("title", "name", *title()),
            FieldMap("description", "desc", *markdown()),
            FieldMap("status", "idList", self._read_status, self._write_status, shown=self._shown_status),
            FieldMap("project", "idBoard", *ref("boards")),
            FieldMap("archived", "closed", *archived()),
        ]
        dates = [
            FieldMap("start_date", "start", *day_or_instant("start", options.zone)),
            FieldMap("due_date", "due", *day_or_instant("due", options.zone)),
            FieldMap("actual_end", "dateCompleted", lambda value, _: moment(value), mode="read"),
        ]
        person = FieldMap("assignee", "idMembers", *assignee(names), shown=shown_person)
        made = FieldMap("created", "id", born, mode="read")
        tables = {
            Kind.TASK: [
                *common,
                *dates,
                person,
                FieldMap("labels", "labels", read_labels, write_labels, shown=self._shown_labels),
                FieldMap("checklist", "checklists", read_items, write_items, shown=lambda value: value or None),
            ],
            Kind.FEEDBACK: [*common, made],
            Kind.CHANGE_REQUEST: [*common, made],
            Kind.RISK: [*common, person],
            Kind.MILESTONE: [*common, *dates, person],
        }
        wanted = options.custom.get("cards", {})
        self._custom: dict[Kind, dict[str, tuple[CustomField, FieldMap]]] = {}
        for kind, table in tables.items():
            own = [
                chosen(name, called, kind, fields, options)
                for name, called in wanted.items()
                if name in options.model[kind]
            ]
            self._custom[kind] = {each.canonical: (each, row(each, options)) for each in own}
            kept = [each for each in table if each.canonical not in self._custom[kind]]
            # A field that is on no board is absent: neither read nor written, and no usual place stands in for it.
            tables[kind] = kept + [line for each, line in self._custom[kind].values() if each.on]
        super().__init__(
            tables,
            kind_of=self._kind,
            placing=places.put,
            beside={THERE: Any} if wanted else None,
            model=options.model,
        )

    def _kind(self, record: Record) -> Kind:
        words = {label_word(label).strip().casefold() for label in objects(record.payload.get("labels"))}
        return next((kind for kind, name in self._marks.items() if name.strip().casefold() in words), Kind.TASK)

    def canon(self, record: Record) -> Mapped:
        mapped = super().canon(record)
        mapped.losses = [loss for loss in mapped.losses if (loss.field, loss.why) != (ITEMS, ABSENT)]
        return mapped

    def unmap(self, kind: Kind, values: Mapping[str, Any], base: Section | None = None) -> Unmapped:
        section = base or {}
        custom = self._custom[kind]
        rest = {name: value for name, value in values.items() if name not in ("status", "labels", *custom)}
        result = super().unmap(kind, rest, base)
        board = result.values.get("idBoard") or section.get("idBoard")
        if "labels" in values and self.mode(kind, "labels") == "both":
            self._put_labels(values["labels"] or [], board, section, base is None, result)
        if base is None and kind in self._marks:
            result.values["labels"] = {"add": [self._marks[kind]], "remove": []}
        listed = "status" not in custom
        if listed and values.get("status") is not None:
            self._put_status(values["status"], board, section, result)
        elif listed and "status" in values and base is not None:
            result.losses.append(Loss("status", "cannot_be_empty"))
        elif base is None and board is not None and (first := self._places.entrance(board)) is not None:
            result.values["idList"] = first
        self._put_custom(custom, values, board, section, base is None, result)
        return result

    def holders(self, kind: Kind, name: str) -> Collection[str]:
        if name not in self._custom[kind]:
            return super().holders(kind, name)
        return [field.name for field in self._custom[kind][name][0].on.values()]

    @staticmethod
    def _put_custom(
        custom: Mapping[str, tuple[CustomField, FieldMap]],
        values: Mapping[str, Any],
        board: str | None,
        section: Section,
        new: bool,
        result: Unmapped,
    ) -> None:
        items: dict[str, Any] = {}
        for name, (field, line) in custom.items():
            if name not in values or (new and values[name] is None):
                continue
            try:
                items |= written(field, values[name], board, line.write, section)
            except Unmappable as trouble:
                result.losses.append(Loss(name, trouble.why, trouble.value))
        if items:
            result.values[ITEMS] = items

    def _put_labels(self, wanted: list[str], board: str | None, section: Section, new: bool, result: Unmapped) -> None:
        change = write_labels(wanted, section)
        known = [name for name in change["add"] if self._places.knows_label(name, board)]
        result.losses += [Loss("labels", "no_such_label", name) for name in change["add"] if name not in known]
        if known or change["remove"] or not new:
            result.values["labels"] = {"add": known, "remove": change["remove"]}

    def _put_status(self, status: str, board: str | None, section: Section, result: Unmapped) -> None:
        present = section.get("idList") if board == section.get("idBoard") else None
        chosen = self._places.choose(status, board, present)
        if chosen is not None:
            result.values["idList"] = chosen
        elif status == "done" and present not in self._places.classes:
            # On a list that stands for something else the tick would not be read as done.
            result.values["dueComplete"] = True
        else:
            result.losses.append(Loss("status", "no_such_list", status))
        if status != "done" and section.get("dueComplete") and present not in self._places.classes:
            result.values["dueComplete"] = False

    def _read_status(self, value: Any, section: Section) -> Any:
        if value in self._places.classes:
            return self._places.classes[value]
        if section.get("dueComplete"):
            return "done"
        raise Unmappable("unknown_list", value)

    def _write_status(self, value: Any, section: Section) -> Any:
        chosen = self._places.choose(value, section.get("idBoard"), section.get("idList"))
        if chosen is None:
            raise Unmappable("no_such_list", value)
        return chosen

    def _shown_status(self, value: Any) -> Any:
        if value != "done" and not self._places.offers(value):
            raise Unmappable("no_such_list", value)
        return value

    def _shown_labels(self, value: Any) -> Any:
        return [name for name in value or () if self._places.knows_label(name, None)]
