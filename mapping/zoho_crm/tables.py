"""The fields of each module beside the canonical ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connectors.base import Description, Field, Record
from connectors.errors import Misconfigured
from connectors.zoho_crm.described import MODULES, USERS
from connectors.zoho_crm.words import CASE_STATUS, PRIORITY, TASK_STATUS
from mapping.fields import FieldMap, Options, StreamMapping
from mapping.model import STANDARD, Kind
from mapping.pairs import clean, day, text
from mapping.zoho_crm.custom import Fields, own_rows, with_custom
from mapping.zoho_crm.streams import Activities, Losing, Notes, People
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
    whole_seconds,
)

ADDRESS = ("Street", "City", "State", "Code", "Country")

LOST: Mapping[str, Sequence[str]] = {
    "Accounts": (
        "Parent_Account",
        "Account_Type",
        "Rating",
        "Annual_Revenue",
        "Employees",
        "Fax",
        *(f"{which}_{part}" for which in ("Billing", "Shipping") for part in ADDRESS),
        "Tag",
    ),
    "Contacts": (
        "Mobile",
        "Secondary_Email",
        "Department",
        "Reporting_To",
        "Lead_Source",
        "Date_of_Birth",
        "Description",
        *(f"{which}_{part}" for which in ("Mailing", "Other") for part in (*ADDRESS[:3], "Zip", "Country")),
        "Tag",
    ),
    "Leads": ("Company", "Lead_Status", "Lead_Source", "Website", "Mobile", "Secondary_Email", "Description", "Tag"),
    "Deals": ("Contact_Name", "Type", "Next_Step", "Lead_Source", "Campaign_Source", "Reason_For_Loss__s"),
    "Tasks": ("Who_Id", "Recurring_Activity", "Priority"),
    "Cases": (
        "Priority",
        "Type",
        "Case_Origin",
        "Case_Reason",
        "Related_To",
        "Product_Name",
        "Reported_By",
        "Solution",
        "Internal_Comments",
        "Email",
        "Phone",
    ),
    "Calls": ("Who_Id", "Call_Type", "Call_Duration", "Call_Purpose", "Call_Result"),
    "Events": ("Who_Id", "End_DateTime", "Venue", "Participants"),
}
"""Fields that people fill and the model has no place for."""

LABELS = {"milestone": "milestone", "feedback": "feedback", "change_request": "change request"}


def build(options: Options, description: Description) -> Mapping[str, StreamMapping]:
    """Mappers of the modules with a canonical counterpart, from the organisation's own metadata; and of those of the
    customer's own that a sync takes for something. Raises ``Misconfigured`` where nobody can say for what."""
    # The organisation knows better than a setting with a default.
    options = dataclasses.replace(options, currency=description.currency or options.currency)
    fields = {stream.name: {one.name: one for one in stream.fields} for stream in description.streams}
    labels = LABELS | {"feedback": description.limits.get("feedback tag", "feedback")} | dict(options.labels)
    return {
        "Accounts": Losing(
            {Kind.CUSTOMER: with_custom(Kind.CUSTOMER, "Accounts", _accounts(fields), options, fields)},
            lost=LOST["Accounts"],
            model=options.model,
        ),
        "Contacts": People(
            {Kind.CONTACT: with_custom(Kind.CONTACT, "Contacts", _contacts(), options, fields)},
            lost=LOST["Contacts"],
            salutations=_salutations(fields, "Contacts"),
            model=options.model,
        ),
        "Leads": People(
            {Kind.CONTACT: with_custom(Kind.CONTACT, "Leads", _leads(), options, fields)},
            lost=LOST["Leads"],
            salutations=_salutations(fields, "Leads"),
            model=options.model,
        ),
        "Deals": Losing(
            {Kind.PROJECT: with_custom(Kind.PROJECT, "Deals", _deals(options, fields), options, fields)},
            lost=LOST["Deals"],
            extra=_first_stage(fields.get("Deals", {}), options),
            model=options.model,
        ),
        "Tasks": _tasks(options, fields, labels),
        "Notes": _notes(labels),
        "Cases": _cases(options, fields, labels),
        "Calls": _communication("Calls", "Subject", "Call_Start_Time", options, fields),
        "Events": _communication("Events", "Event_Title", "Start_DateTime", options, fields),
        **{
            stream: StreamMapping({kind: own_rows(kind, stream, options, fields)}, model=options.model)
            for stream, kind in _own(options, description).items()
        },
    }


def _own(options: Options, description: Description) -> dict[str, Kind]:
    """Modules without a table here, and what the syncs take their records for."""
    found = {}
    for stream in description.streams:
        kinds = options.entities.get(stream.name, ()) if stream.name not in (*MODULES, "Leads", USERS) else ()
        if len(kinds) > 1:
            raise Misconfigured(f"{stream.name}: one module is one kind of thing, not {' and '.join(kinds)}")
        if kinds:
            found[stream.name] = Kind(kinds[0])
    return found


def _salutations(fields: Fields, stream: str) -> list[str]:
    field = fields.get(stream, {}).get("Salutation")
    return list(field.values or ()) if field is not None else []


def _accounts(fields: Fields) -> list[FieldMap]:
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


def _leads() -> list[FieldMap]:
    """Somebody who may become a contact. The company is a mere text until then."""
    return [
        FieldMap("name", "Full_Name", *text(120)),
        FieldMap("email", "Email", *text(100)),
        FieldMap("phone", "Phone", *text(30)),
        FieldMap("role", "Designation", *text(100)),
    ]


def _deals(options: Options, fields: Fields) -> list[FieldMap]:
    deals = fields.get("Deals", {})
    return [
        FieldMap("name", "Deal_Name", *text(120)),
        FieldMap("customer", "Account_Name", *reference("Accounts")),
        FieldMap("stage", "Stage", *listed(deals.get("Stage"), {}, options.values.get("stage", {}))),
        FieldMap("due_date", "Closing_Date", *day(options.zone)),
        FieldMap("revenue", "Amount", *amount(options.currency, "Currency" in deals), shown=same),
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


def _tasks(options: Options, fields: Fields, labels: Mapping[str, str]) -> Activities:
    own = fields.get("Tasks", {})
    mark = labels["milestone"]
    status = listed(own.get("Status"), TASK_STATUS, options.values.get("status", {}))
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
        Kind.TASK: with_custom(Kind.TASK, "Tasks", [*shared, *more], options, fields),
        Kind.MILESTONE: with_custom(Kind.MILESTONE, "Tasks", shared, options, fields),
    }
    return Activities(rows, lost=LOST["Tasks"], kind_of=kind_of, extra=extra, model=options.model)


def _cases(options: Options, fields: Fields, labels: Mapping[str, str]) -> Losing:
    """What a customer reported: feedback, or a request for a change where the tag says so."""
    read_status, write_status = listed(
        fields.get("Cases", {}).get("Status"), CASE_STATUS, options.values.get("status", {})
    )
    mark = labels["change_request"]
    shared = [
        FieldMap("title", "Subject", *text(255)),
        FieldMap("description", "Description", *text(32000)),
        FieldMap("customer", "Account_Name", *reference("Accounts")),
        FieldMap("project", "Deal_Name", *reference("Deals")),
        FieldMap("status", "Status", read_status, write_status),
        FieldMap("reporter", "Created_By", person, mode="read"),
        FieldMap("created", "Created_Time", instant_read, mode="read"),
    ]

    def kind_of(record: Record) -> Kind:
        return Kind.CHANGE_REQUEST if mark in names(record.payload.get("Tag")) else Kind.FEEDBACK

    def extra(kind: Kind, values: Section) -> Section:
        added = {"Tag": [{"name": mark}]} if kind is Kind.CHANGE_REQUEST else {}
        return added if values.get("status") else {**added, "Status": write_status("todo", {})}

    rows = {
        kind: with_custom(kind, "Cases", [row for row in shared if row.canonical in STANDARD[kind]], options, fields)
        for kind in (Kind.FEEDBACK, Kind.CHANGE_REQUEST)
    }
    return Losing(rows, lost=LOST["Cases"], kind_of=kind_of, extra=extra, model=options.model)


def _communication(stream: str, title: str, start: str, options: Options, fields: Fields) -> Activities:
    """A call or a meeting with the customer: it was when it began, not when somebody entered it."""
    rows = [
        FieldMap("title", title, *text(120 if stream == "Calls" else 255)),
        FieldMap("description", "Description", *text(32000)),
        FieldMap("project", "What_Id", *parent("Deals")),
        FieldMap("customer", "What_Id", *parent("Accounts"), mode="once"),
        FieldMap("created", start, *whole_seconds(options.zone), mode="once"),
    ]
    table = with_custom(Kind.COMMUNICATION, stream, rows, options, fields)
    return Activities({Kind.COMMUNICATION: table}, lost=LOST[stream], model=options.model)


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
        return [row for row in rows if row.canonical in STANDARD[kind]]

    def kind_of(record: Record) -> Kind:
        title = str(record.payload.get("Note_Title") or "").strip().lower()
        tagged = names(record.payload.get("Tag"))
        for kind, label in marked.items():
            if label in tagged or title.startswith(f"[{label.lower()}]"):
                return kind
        return Kind.COMMENT

    return Notes({Kind.COMMENT: comment} | {kind: item(kind) for kind in marked}, kind_of=kind_of)
