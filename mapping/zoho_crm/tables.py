"""The fields of each module beside the canonical ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connectors.base import Description, Field, Record
from mapping.fields import FieldMap, Options, Pair, StreamMapping, clean, day, text
from mapping.model import MODEL, Form, Kind
from mapping.zoho_crm.streams import Contacts, Notes, Tasks
from mapping.zoho_crm.values import (
    PERSON,
    Section,
    amount,
    instant_read,
    listed,
    names,
    one_of,
    parent,
    person,
    reference,
    same,
    tags,
    titled,
)

LABELS = {"milestone": "milestone", "feedback": "feedback", "change_request": "change request"}

STATUS = {
    "Not Started": "todo",
    "Deferred": "todo",
    "In Progress": "doing",
    "Waiting for input": "doing",
    "Waiting on someone else": "doing",
    "Completed": "done",
}
PRIORITY = {
    "Highest": "highest",
    "High": "high",
    "Normal": "medium",
    "Medium": "medium",
    "Low": "low",
    "Lowest": "lowest",
}


def build(options: Options, description: Description) -> Mapping[str, StreamMapping]:
    """Mappers for the five modules, from the organisation's own metadata."""
    fields = {stream.name: {one.name: one for one in stream.fields} for stream in description.streams}
    labels = LABELS | {"feedback": description.limits.get("feedback tag", "feedback")} | dict(options.labels)
    return {
        "Accounts": StreamMapping(
            {Kind.CUSTOMER: _with_custom(Kind.CUSTOMER, "Accounts", _accounts(fields), options, fields)}
        ),
        "Contacts": Contacts({Kind.CONTACT: _with_custom(Kind.CONTACT, "Contacts", _contacts(), options, fields)}),
        "Deals": StreamMapping(
            {Kind.PROJECT: _with_custom(Kind.PROJECT, "Deals", _deals(options, fields), options, fields)},
            extra=_first_stage(fields.get("Deals", {}), options),
        ),
        "Tasks": _tasks(options, fields, labels),
        "Notes": _notes(labels),
    }


def _accounts(fields: Mapping[str, Mapping[str, Field]]) -> list[FieldMap]:
    return [
        FieldMap("name", "Account_Name", *text(200)),
        FieldMap("website", "Website", *text(450)),
        FieldMap("phone", "Phone", *text(30)),
        FieldMap("industry", "Industry", *one_of(fields.get("Accounts", {}).get("Industry"))),
        FieldMap("description", "Description", *text(32000)),
        FieldMap("account_manager", "Owner", *PERSON, shown=same),
    ]


def _contacts() -> list[FieldMap]:
    return [
        FieldMap("name", "Full_Name", *text(120)),
        FieldMap("email", "Email", *text(100)),
        FieldMap("phone", "Phone", *text(30)),
        FieldMap("role", "Title", *text(100)),
        FieldMap("customer", "Account_Name", *reference("Accounts")),
    ]


def _deals(options: Options, fields: Mapping[str, Mapping[str, Field]]) -> list[FieldMap]:
    deals = fields.get("Deals", {})
    return [
        FieldMap("name", "Deal_Name", *text(120)),
        FieldMap("customer", "Account_Name", *reference("Accounts")),
        FieldMap("stage", "Stage", *listed(deals.get("Stage"), {}, options.values.get("stage", {}))),
        FieldMap("due_date", "Closing_Date", *day(options.zone)),
        FieldMap("revenue", "Amount", *amount(options, "Currency" in deals), shown=same),
        FieldMap("description", "Description", *text(32000)),
        FieldMap("account_manager", "Owner", *PERSON, shown=same),
        FieldMap("labels", "Tag", *tags(())),
    ]


def _first_stage(deals: Mapping[str, Field], options: Options) -> Callable[[Kind, Section], Section]:
    """A deal needs a stage, and an organisation with several currencies the amount's."""
    _, write = listed(deals.get("Stage"), {}, options.values.get("stage", {}))

    def extra(_: Kind, values: Section) -> Section:
        added: dict[str, Any] = {}
        if values.get("stage") is None and "Stage" in deals:
            added["Stage"] = write("open", {})
        if values.get("revenue") and "Currency" in deals:
            added["Currency"] = values["revenue"]["currency"]
        return added

    return extra


def _tasks(options: Options, fields: Mapping[str, Mapping[str, Field]], labels: Mapping[str, str]) -> Tasks:
    own = fields.get("Tasks", {})
    mark = labels["milestone"]
    status = listed(own.get("Status"), STATUS, options.values.get("status", {}))
    priority = listed(own.get("Priority"), PRIORITY, options.values.get("priority", {}))
    shared = [
        FieldMap("title", "Subject", *text(300)),
        FieldMap("project", "What_Id", *parent("Deals")),
        FieldMap("description", "Description", *text(32000)),
        FieldMap("status", "Status", *status),
        FieldMap("due_date", "Due_Date", *day(options.zone)),
        FieldMap("actual_end", "Closed_Time", instant_read, mode="read"),
        FieldMap("assignee", "Owner", *PERSON, shown=same),
    ]
    more = [FieldMap("priority", "Priority", *priority), FieldMap("labels", "Tag", *tags((mark,)))]

    def kind_of(record: Record) -> Kind:
        return Kind.MILESTONE if mark in names(record.payload.get("Tag")) else Kind.TASK

    def extra(kind: Kind, _: Section) -> Section:
        return {"Tag": [{"name": mark}]} if kind is Kind.MILESTONE else {}

    rows = {
        Kind.TASK: _with_custom(Kind.TASK, "Tasks", [*shared, *more], options, fields),
        Kind.MILESTONE: _with_custom(Kind.MILESTONE, "Tasks", shared, options, fields),
    }
    return Tasks(rows, kind_of=kind_of, extra=extra)


def _notes(labels: Mapping[str, str]) -> Notes:
    marked = {Kind.FEEDBACK: labels["feedback"], Kind.CHANGE_REQUEST: labels["change_request"]}
    comment = [
        FieldMap("parent", "Parent_Id", *parent(required=True)),
        FieldMap("author", "Created_By", person, mode="read"),
        FieldMap("created", "Created_Time", instant_read, mode="read"),
        FieldMap("body", "Note_Content", *text(32000)),
    ]

    def item(kind: Kind) -> list[FieldMap]:
        rows = [
            FieldMap("title", "Note_Title", *titled(f"[{marked[kind]}]"), shown=clean),
            FieldMap("description", "Note_Content", *text(32000)),
            FieldMap("project", "Parent_Id", *parent("Deals", required=True)),
            # Written when the note is made under an account; a note with a project is never moved to one.
            FieldMap("customer", "Parent_Id", *parent("Accounts", required=True), mode="once"),
            FieldMap("reporter", "Created_By", person, mode="read"),
            FieldMap("created", "Created_Time", instant_read, mode="read"),
        ]
        return [row for row in rows if row.canonical in MODEL[kind]]

    def kind_of(record: Record) -> Kind:
        title = str(record.payload.get("Note_Title") or "").strip().lower()
        tagged = names(record.payload.get("Tag"))
        for kind, label in marked.items():
            if label in tagged or title.startswith(f"[{label.lower()}]"):
                return kind
        return Kind.COMMENT

    return Notes({Kind.COMMENT: comment} | {kind: item(kind) for kind in marked}, kind_of=kind_of)


def _with_custom(
    kind: Kind,
    stream: str,
    rows: list[FieldMap],
    options: Options,
    fields: Mapping[str, Mapping[str, Field]],
) -> list[FieldMap]:
    """The usual rows, and those that the configuration puts into fields of the customer's own."""
    chosen = options.custom.get(stream, {})
    kept = [row for row in rows if row.canonical not in chosen]
    forms: dict[Form, Pair] = {
        Form.TEXT: text(),
        Form.RICH: text(),
        Form.DATE: day(options.zone),
        Form.PERSON: PERSON,
        Form.NUMBER: (lambda value, _: value, lambda value, _: value),
        Form.FLAG: (lambda value, _: value, lambda value, _: value),
    }
    for name, system in chosen.items():
        if name not in MODEL[kind]:
            continue
        form = MODEL[kind][name]
        field = fields.get(stream, {}).get(system)
        if form is Form.CHOICE:
            pair = listed(field, {}, options.values.get(name, {}))
        elif form is Form.MONEY:
            pair = amount(options, "Currency" in fields.get(stream, {}))
        elif form in forms:
            pair = forms[form]
        else:
            raise ValueError(f"{stream}: {name} cannot be kept in a field of your own ({form.value})")
        read, write = pair
        kept.append(FieldMap(name, system, read, write, shown=same if form in (Form.PERSON, Form.MONEY) else None))
    return kept
