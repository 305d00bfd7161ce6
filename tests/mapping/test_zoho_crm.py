"""Zoho's words and ours are two views of one value."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Abilities as A
from connectors.base import Description, Field, Record, Stream
from connectors.errors import Misconfigured
from mapping.fields import Options, Unmappable
from mapping.model import Kind
from mapping.zoho_crm import MAPPING

SHARED = Path(os.environ.get("KEEPSTEP_SHARED", Path(__file__).parents[2].parent / "shared"))

STAGE = Field(
    name="Stage",
    values=["需求分析", "已赢单", "已输单", "谈判"],
    classes={"需求分析": "open", "谈判": "open", "已赢单": "won", "已输单": "lost"},
)
STATUS = Field(
    name="Status",
    values=["未开始", "进行中", "已完成"],
    classes={"未开始": "Not Started", "进行中": "In Progress", "已完成": "Completed"},
)


def describe(*deals: Field) -> Description:
    streams = [
        Stream(name="Accounts", abilities=A(), fields=[Field(name="Industry", values=["Technology"])]),
        Stream(name="Contacts", abilities=A(), fields=[Field(name="Salutation", values=["Mr.", "Dr.", "女士"])]),
        Stream(name="Deals", abilities=A(), fields=[STAGE, *deals]),
        Stream(name="Tasks", abilities=A(), fields=[STATUS]),
    ]
    return Description(system="zoho_crm", streams=streams, feeds=[])


def mapper(stream: str, options: Options | None = None, *deals: Field) -> Any:
    return MAPPING.build(options or Options(), describe(*deals))[stream]


def record(stream: str, **payload: Any) -> Record:
    return Record(stream=stream, id="1", payload=payload)


DEAL = {
    "Deal_Name": " Portal ",
    "Account_Name": {"name": "Acme", "id": "5"},
    "Stage": "谈判",
    "Closing_Date": "2026-12-01",
    "Amount": 1200.50,
    "$currency_symbol": "EUR",
    "Description": "one\r\ntwo\n* three",
    "Owner": {"name": "Anna", "id": "7", "email": "a@example.com"},
    "Tag": [{"name": "vip", "id": "9"}],
}


def test_a_deal_is_a_project():
    mapped = mapper("Deals").canon(record("Deals", **DEAL))
    assert mapped.kind is Kind.PROJECT
    assert mapped.losses == []
    assert mapped.values == {
        "name": "Portal",
        "customer": {"stream": "Accounts", "id": "5"},
        "stage": "open",
        "due_date": "2026-12-01",
        "revenue": {"amount": "1200.5", "currency": "EUR"},
        "description": "one\ntwo\n* three",
        "account_manager": {"account": "7", "name": "Anna", "email": "a@example.com"},
        "labels": ["vip"],
    }


def test_the_stage_shown_stays_while_its_class_does():
    deals = mapper("Deals")
    assert deals.unmap(Kind.PROJECT, {"stage": "open"}, DEAL).values == {"Stage": "谈判"}
    assert deals.unmap(Kind.PROJECT, {"stage": "won"}, DEAL).values == {"Stage": "已赢单"}
    assert deals.unmap(Kind.PROJECT, {"name": "x"}).values == {"Stage": "需求分析", "Deal_Name": "x"}


def test_an_unknown_stage_is_a_loss_not_a_guess():
    mapped = mapper("Deals").canon(record("Deals", Stage="Closed Won"))
    assert "stage" not in mapped.values
    assert [(loss.field, loss.why, loss.value) for loss in mapped.losses] == [("Stage", "unknown_value", "Closed Won")]


def test_the_configuration_may_class_values_and_name_fields_of_the_customers_own():
    options = Options(
        values={"stage": {"谈判": "won"}}, custom={"Deals": {"start_date": "Kickoff", "manager": "Project_Lead"}}
    )
    deals = mapper("Deals", options, Field(name="Kickoff", kind="date", custom=True))
    values = deals.canon(
        record("Deals", Stage="谈判", Kickoff="2026-11-05", Project_Lead={"id": "8", "name": "Bo"})
    ).values
    assert (values["stage"], values["start_date"], values["manager"]["account"]) == ("won", "2026-11-05", "8")
    written = deals.unmap(Kind.PROJECT, {"start_date": "2026-11-06", "manager": {"account": "9"}}, DEAL).values
    assert written == {"Kickoff": "2026-11-06", "Project_Lead": {"id": "9"}}


@pytest.mark.parametrize(
    ("shown", "currency"),
    [
        ({"$currency_symbol": "$"}, "USD"),
        ({"$currency_symbol": "Rs."}, "USD"),
        ({"$currency_symbol": "US$"}, "USD"),
        ({"$currency_symbol": ""}, "USD"),
        ({"$currency_symbol": "£"}, "GBP"),
        ({"$currency_symbol": "CHF"}, "CHF"),
        ({"$currency_symbol": "$", "Currency": "SGD"}, "SGD"),
        ({}, "USD"),
    ],
)
def test_an_amount_that_names_no_currency_is_in_the_organisations(shown: dict[str, str], currency: str) -> None:
    told = Description(system="zoho_crm", streams=[], feeds=[], currency="USD")
    deals = MAPPING.build(Options(currency="EUR"), told)["Deals"]
    mapped = deals.canon(record("Deals", Amount=5, **shown))
    assert mapped.values == {"revenue": {"amount": "5", "currency": currency}}
    unknown = MAPPING.build(Options(currency="INR"), describe())["Deals"].canon(record("Deals", Amount=5))
    assert unknown.values["revenue"]["currency"] == "INR"


def test_money_in_another_currency_is_refused_unless_the_organisation_has_several():
    usd = {"revenue": {"amount": "5", "currency": "USD"}}
    unmapped = mapper("Deals").unmap(Kind.PROJECT, usd, DEAL)
    assert unmapped.values == {}
    assert [loss.why for loss in unmapped.losses] == ["other_currency"]
    several = mapper("Deals", None, Field(name="Currency")).unmap(Kind.PROJECT, {**usd, "stage": "won"})
    assert several.values == {"Currency": "USD", "Amount": 5, "Stage": "已赢单"}


def test_an_instant_becomes_the_day_in_the_projects_zone():
    deals = mapper("Deals", Options(timezone="Asia/Shanghai"))
    assert deals.unmap(Kind.PROJECT, {"due_date": "2026-11-30T17:00:00.000Z"}, DEAL).values == {
        "Closing_Date": "2026-12-01"
    }
    assert deals.normalise(Kind.PROJECT, "due_date", "2026-11-30T17:00:00.000Z") == "2026-12-01"


ADA = {"Salutation": "Dr.", "First_Name": "Ada", "Last_Name": "Horn", "Full_Name": "Dr. Ada Horn"}
FANG = {"Salutation": None, "First_Name": "芳", "Last_Name": "王", "Full_Name": "王 芳"}
"""As shown to a user who has set names to begin with the last one."""


@pytest.mark.parametrize(
    ("payload", "name"),
    [
        (ADA, "Ada Horn"),
        (ADA | {"Full_Name": "Ada Horn"}, "Ada Horn"),
        (ADA | {"First_Name": None, "Full_Name": "Dr. Horn"}, "Horn"),
        (ADA | {"Full_Name": "Horn Ada"}, "Horn Ada"),
        (ADA | {"Full_Name": "Dr. Horn Ada"}, "Horn Ada"),
        (ADA | {"Full_Name": None}, "Ada Horn"),
        (FANG, "王 芳"),
        ({"Full_Name": "Dr. Ada Horn", "Salutation": "Dr."}, "Ada Horn"),
        ({"Full_Name": "Ada Horn", "Last_Name": "Horn"}, "Ada Horn"),
        (dict.fromkeys(ADA), None),
    ],
)
@pytest.mark.parametrize("stream", ["Contacts", "Leads"])
def test_a_salutation_is_no_part_of_a_name(stream, payload, name):
    people = mapper(stream)
    assert people.canon(record(stream, **payload)).values == {"name": name}
    if name is not None and payload.keys() >= ADA.keys():
        written = people.unmap(Kind.CONTACT, {"name": name}, payload).values
        assert written == {"First_Name": payload["First_Name"], "Last_Name": payload["Last_Name"]}


@pytest.mark.parametrize(
    ("told", "name"),
    [("Dr. Ada Horn", "Ada Horn"), ("Ada Horn", "Ada Horn"), ("王 芳 女士", "王 芳"), ("Dr.", "Dr."), (None, None)],
)
def test_a_history_shows_names_with_their_salutation(told, name):
    assert mapper("Contacts").canon_field(Kind.CONTACT, "name", told) == name


@pytest.mark.parametrize(
    ("full", "base", "written"),
    [
        ("Ada Lovelace", None, {"First_Name": "Ada", "Last_Name": "Lovelace"}),
        ("王芳", None, {"First_Name": None, "Last_Name": "王芳"}),
        ("Ada van Horn", {"First_Name": "Ada"}, {"First_Name": "Ada", "Last_Name": "van Horn"}),
        ("Ada van Horn", None, {"First_Name": "Ada van", "Last_Name": "Horn"}),
        ("Ida van Horn", ADA | {"Last_Name": "van Horn"}, {"First_Name": "Ida", "Last_Name": "van Horn"}),
        ("Ida Berg", ADA, {"First_Name": "Ida", "Last_Name": "Berg"}),
        ("Ada Berg", ADA, {"First_Name": "Ada", "Last_Name": "Berg"}),
        ("王 小芳", FANG, {"First_Name": "小芳", "Last_Name": "王"}),
        ("李 芳", FANG, {"First_Name": "芳", "Last_Name": "李"}),
        ("李 小芳 Anna", FANG, {"First_Name": "小芳 Anna", "Last_Name": "李"}),
        ("王芳", FANG, {"First_Name": None, "Last_Name": "王芳"}),
    ],
)
def test_a_contacts_name_is_two_fields_there(full, base, written):
    assert mapper("Contacts").unmap(Kind.CONTACT, {"name": full}, base).values == written


def test_a_lead_is_a_contact_whose_company_is_told_as_lost():
    payload = {"First_Name": "Ada", "Last_Name": "Horn", "Designation": "CTO", "Company": "Acme", "Email": None}
    mapped = mapper("Leads").canon(record("Leads", **payload))
    assert (mapped.kind, mapped.values) == (Kind.CONTACT, {"name": "Ada Horn", "email": None, "role": "CTO"})
    assert [(loss.field, loss.why, loss.value) for loss in mapped.losses] == [("Company", "not_carried", "Acme")]


@pytest.mark.parametrize(
    ("stream", "payload", "told"),
    [
        ("Accounts", {"Account_Name": "Acme", "Parent_Account": {"id": "9", "name": "Group"}}, ["Parent_Account"]),
        ("Accounts", {"Account_Name": "Acme", "Billing_City": "Ulm", "Employees": 0, "Tag": []}, ["Billing_City"]),
        ("Contacts", {"Last_Name": "Horn", "Mobile": "1", "Description": "x", "Fax": None}, ["Mobile", "Description"]),
        ("Deals", {"Deal_Name": "Portal", "Contact_Name": {"id": "3", "name": "Ada"}, "Type": None}, ["Contact_Name"]),
        ("Tasks", {"Subject": "Call", "Tag": [{"name": "milestone"}], "Priority": "High"}, ["Priority"]),
        ("Tasks", {"Subject": "Call", "Priority": "Somewhen"}, ["Priority"]),
    ],
)
def test_what_has_no_place_is_told_once(stream, payload, told):
    losses = mapper(stream).canon(record(stream, **payload)).losses
    assert [loss.field for loss in losses] == told


def test_a_task_names_the_module_of_what_it_belongs_to():
    tasks = mapper("Tasks")
    payload = {
        "Subject": "Call",
        "What_Id": {"name": "Portal", "id": "5"},
        "$se_module": "Deals",
        "Status": "进行中",
        "Priority": "Normal",
        "Due_Date": "2026-12-01",
        "Closed_Time": "2026-05-14T11:36:13+03:00",
        "Owner": {"name": "Anna", "id": "7"},
        "Tag": [],
    }
    mapped = tasks.canon(record("Tasks", **payload))
    assert mapped.kind is Kind.TASK
    assert mapped.values["project"] == {"stream": "Deals", "id": "5"}
    assert (mapped.values["status"], mapped.values["priority"]) == ("doing", "medium")
    assert mapped.values["actual_end"] == "2026-05-14T08:36:13.000Z"
    assert tasks.unmap(Kind.TASK, {"project": {"stream": "Deals", "id": "6"}, "status": "done"}).values == {
        "What_Id": {"id": "6"},
        "$se_module": "Deals",
        "Status": "已完成",
    }
    elsewhere = tasks.canon(record("Tasks", **payload | {"$se_module": "Accounts"}))
    assert "project" not in elsewhere.values
    assert ("What_Id", "other_module") in [(loss.field, loss.why) for loss in elsewhere.losses]
    assert tasks.unmap(Kind.TASK, {"status": "cancelled"}, payload).losses[0].why == "no_such_value"


def test_a_task_with_the_tag_is_a_milestone_and_is_made_with_it():
    tasks = mapper("Tasks", Options(labels={"milestone": "里程碑"}))
    assert tasks.canon(record("Tasks", Subject="Go live", Tag=[{"name": "里程碑"}])).kind is Kind.MILESTONE
    assert tasks.unmap(Kind.MILESTONE, {"title": "Go live"}).values == {
        "Tag": [{"name": "里程碑"}],
        "Subject": "Go live",
    }
    kept = tasks.unmap(Kind.TASK, {"labels": ["a"]}, {"Tag": [{"name": "里程碑"}, {"name": "b"}]})
    assert kept.values == {"Tag": [{"name": "a"}, {"name": "里程碑"}]}


NOTE = {
    "Note_Content": "too slow",
    "Parent_Id": {"name": "Portal", "id": "5", "module": {"api_name": "Deals", "id": "2"}},
    "Created_By": {"name": "Anna", "id": "7", "email": "a@example.com"},
    "Created_Time": "2026-11-02T09:00:00+08:00",
}


def test_a_note_is_a_comment():
    mapped = mapper("Notes").canon(record("Notes", **NOTE, Note_Title="Call"))
    assert mapped.kind is Kind.COMMENT
    assert mapped.values == {
        "parent": {"stream": "Deals", "id": "5"},
        "author": {"account": "7", "name": "Anna", "email": "a@example.com"},
        "created": "2026-11-02T01:00:00.000Z",
        "body": "too slow",
    }
    assert [(loss.field, loss.value) for loss in mapped.losses] == [("Note_Title", "Call")]
    made = mapper("Notes").unmap(Kind.COMMENT, {"body": "x", "parent": {"stream": "Deals", "id": "5"}})
    assert made.values == {"Note_Content": "x", "Parent_Id": {"module": {"api_name": "Deals"}, "id": "5"}}


@pytest.mark.parametrize(
    "marked", [{"Note_Title": "[Feedback] Slow"}, {"Note_Title": "Slow", "Tag": [{"name": "feedback"}]}]
)
def test_a_note_marked_so_is_feedback_and_keeps_its_mark(marked):
    notes = mapper("Notes")
    payload = NOTE | marked
    mapped = notes.canon(record("Notes", **payload))
    assert mapped.kind is Kind.FEEDBACK
    assert mapped.losses == []
    assert (mapped.values["title"], mapped.values["project"]) == ("Slow", {"stream": "Deals", "id": "5"})
    written = notes.unmap(Kind.FEEDBACK, {"title": "Slower"}, payload).values
    again = notes.canon(record("Notes", **payload | written))
    assert (again.kind, again.values["title"]) == (Kind.FEEDBACK, "Slower")


def test_new_feedback_gets_the_mark_and_lies_under_its_project():
    values = {"title": "慢", "project": {"stream": "Deals", "id": "5"}, "customer": {"stream": "Accounts", "id": "6"}}
    written = mapper("Notes", Options(labels={"feedback": "反馈"})).unmap(Kind.FEEDBACK, values).values
    assert written == {"Note_Title": "[反馈] 慢", "Parent_Id": {"module": {"api_name": "Deals"}, "id": "5"}}


def test_an_industry_outside_the_list_and_a_missing_owner_are_refused():
    unmapped = mapper("Accounts").unmap(Kind.CUSTOMER, {"industry": "Wizardry", "account_manager": None}, {"id": "1"})
    assert sorted(loss.why for loss in unmapped.losses) == ["no_such_value", "owner_required"]
    with pytest.raises(Unmappable):
        mapper("Accounts").normalise(Kind.CUSTOMER, "industry", "Wizardry")


CASE = {
    "Subject": "Export is slow",
    "Description": "Since Monday.",
    "Account_Name": {"name": "Acme", "id": "5"},
    "Deal_Name": {"name": "Portal", "id": "6"},
    "Status": "已升级",
    "Priority": "High",
    "Tag": [],
    "Created_By": {"name": "Anna", "id": "7", "email": "a@example.com"},
    "Created_Time": "2026-11-02T09:00:00+08:00",
}
CASE_STATES = Field(
    name="Status",
    values=["新建", "已升级", "已关闭"],
    classes={"新建": "New", "已升级": "Escalated", "已关闭": "Closed"},
)


def cases(**options: Any) -> Any:
    stream = Stream(name="Cases", abilities=A(), fields=[CASE_STATES])
    return MAPPING.build(Options(**options), Description(system="zoho_crm", streams=[stream], feeds=[]))["Cases"]


def test_a_case_is_feedback_and_what_has_no_place_is_told():
    mapped = cases().canon(record("Cases", **CASE))
    assert mapped.kind is Kind.FEEDBACK
    assert mapped.values == {
        "title": "Export is slow",
        "description": "Since Monday.",
        "customer": {"stream": "Accounts", "id": "5"},
        "project": {"stream": "Deals", "id": "6"},
        "status": "doing",
        "reporter": {"account": "7", "name": "Anna", "email": "a@example.com"},
        "created": "2026-11-02T01:00:00.000Z",
    }
    assert [(loss.field, loss.why, loss.value) for loss in mapped.losses] == [("Priority", "not_carried", "High")]
    assert cases().unmap(Kind.FEEDBACK, {"status": "done"}, CASE).values == {"Status": "已关闭"}


def test_a_new_case_has_a_status_and_a_change_request_its_tag():
    feedback = {"title": "慢", "customer": {"stream": "Accounts", "id": "5"}}
    assert cases().unmap(Kind.FEEDBACK, feedback).values == {
        "Subject": "慢",
        "Account_Name": {"id": "5"},
        "Status": "新建",
    }
    asked = cases(labels={"change_request": "变更"}).unmap(Kind.CHANGE_REQUEST, {"title": "x", "status": "doing"})
    assert asked.values == {"Subject": "x", "Status": "已升级", "Tag": [{"name": "变更"}]}
    tagged = record("Cases", **CASE | {"Tag": [{"name": "变更"}], "Priority": None})
    mapped = cases(labels={"change_request": "变更"}).canon(tagged)
    assert (mapped.kind, "customer" in mapped.values, mapped.losses) == (Kind.CHANGE_REQUEST, False, [])


@pytest.mark.parametrize(
    ("stream", "title", "start"), [("Calls", "Subject", "Call_Start_Time"), ("Events", "Event_Title", "Start_DateTime")]
)
def test_a_call_or_meeting_was_when_it_began_and_lies_under_a_project_or_a_customer(stream, title, start):
    payload = {
        title: "Weekly",
        start: "2026-11-03T10:00:00+01:00",
        "Created_Time": "2026-11-01T10:00:00+01:00",
        "Description": "pleased",
        "What_Id": {"name": "Portal", "id": "6"},
        "$se_module": "Deals",
        "Who_Id": {"name": "Li", "id": "8"},
    }
    talks = mapper(stream)
    mapped = talks.canon(record(stream, **payload))
    assert mapped.kind is Kind.COMMUNICATION
    assert mapped.values == {
        "title": "Weekly",
        "description": "pleased",
        "project": {"stream": "Deals", "id": "6"},
        "created": "2026-11-03T09:00:00.000Z",
    }
    assert [(loss.field, loss.why) for loss in mapped.losses] == [("Who_Id", "not_carried")]
    customers = talks.canon(record(stream, **payload | {"$se_module": "Accounts", "Who_Id": None}))
    assert (customers.values["customer"], customers.losses) == ({"stream": "Accounts", "id": "6"}, [])
    elsewhere = talks.canon(record(stream, **payload | {"$se_module": "Vendors", "Who_Id": None}))
    assert [(loss.field, loss.why, loss.value) for loss in elsewhere.losses] == [("What_Id", "other_module", "Vendors")]
    new = {
        "title": "Daily",
        "customer": {"stream": "Accounts", "id": "5"},
        "created": "2026-11-03T09:00:00.000Z",
    }
    written = talks.unmap(Kind.COMMUNICATION, new).values
    assert written == {
        title: "Daily",
        "What_Id": {"id": "5"},
        "$se_module": "Accounts",
        start: "2026-11-03T09:00:00+00:00",
    }
    assert start not in talks.unmap(Kind.COMMUNICATION, new, payload).values


OWN = [
    Field(name="Name"),
    Field(name="Owner", kind="ownerlookup"),
    Field(name="Client", kind="lookup", custom=True, refers="Accounts"),
    Field(name="Anything", kind="lookup", custom=True),
    Field(name="Phase", kind="picklist", custom=True, values=["Draft", "Running", "Over"]),
    Field(name="Kickoff", kind="datetime", custom=True),
    Field(name="Ends", kind="date", custom=True, writable=False),
    Field(name="Areas", kind="multiselectpicklist", custom=True, values=["Web", "App"]),
    Field(name="Pic", kind="imageupload", custom=True),
]


def projects(custom: dict[str, str], *kinds: str, **options: Any) -> Any:
    options = {"custom": {"Projects": custom}, "entities": {"Projects": kinds}, **options}
    stream = Stream(name="Projects", abilities=A(), fields=OWN)
    return MAPPING.build(Options(**options), Description(system="zoho_crm", streams=[stream], feeds=[])).get("Projects")


def test_what_our_account_may_not_edit_is_only_read():
    closed = [Field(name=name, writable=False) for name in ("Closing_Date", "Tag")]
    deals = mapper("Deals", None, *closed)
    assert [deals.mode(Kind.PROJECT, name) for name in ("due_date", "labels", "name")] == ["read", "both", "both"]
    for last, mode in ((True, "both"), (False, "read")):
        names = [Field(name="Full_Name", writable=False), Field(name="Last_Name", writable=last)]
        leads = Description(system="zoho_crm", streams=[Stream(name="Leads", abilities=A(), fields=names)], feeds=[])
        assert MAPPING.build(Options(), leads)["Leads"].mode(Kind.CONTACT, "name") == mode


def test_a_module_of_the_customers_own_is_what_a_sync_takes_it_for():
    chosen = {
        "customer": "Client",
        "stage": "Phase",
        "start_date": "Kickoff",
        "due_date": "Ends",
        "labels": "Areas",
    }
    stages = {"stage": {"Draft": "open", "Running": "won", "Over": "lost"}}
    own = projects(chosen, "project", values=stages, timezone="Europe/Berlin")
    payload = {
        "Name": "Portal",
        "Owner": {"name": "Anna", "id": "7"},
        "Client": {"name": "Acme", "id": "5"},
        "Phase": "Running",
        "Kickoff": "2026-11-05T09:00:00+01:00",
        "Ends": "2026-12-01",
        "Areas": ["Web", "App"],
    }
    mapped = own.canon(record("Projects", **payload))
    assert (mapped.kind, mapped.losses) == (Kind.PROJECT, [])
    assert mapped.values == {
        "name": "Portal",
        "account_manager": {"account": "7", "name": "Anna", "email": None},
        "customer": {"stream": "Accounts", "id": "5"},
        "stage": "won",
        "start_date": "2026-11-05T08:00:00.000Z",
        "due_date": "2026-12-01",
        "labels": ["App", "Web"],
    }
    assert own.mode(Kind.PROJECT, "due_date") == "read"
    changed = {
        "start_date": "2026-11-06",
        "stage": "lost",
        "labels": ["App"],
        "customer": {"stream": "Accounts", "id": "9"},
    }
    assert own.unmap(Kind.PROJECT, changed, payload).values == {
        "Kickoff": "2026-11-06T16:00:00+00:00",
        "Phase": "Over",
        "Areas": ["App"],
        "Client": {"id": "9"},
    }
    assert [loss.why for loss in own.unmap(Kind.PROJECT, {"labels": ["Moon"]}, payload).losses] == ["no_such_value"]


def test_a_module_that_no_sync_uses_or_two_take_for_different_things_has_no_mapping():
    assert projects({}) is None
    with pytest.raises(Misconfigured, match="not project and task"):
        projects({}, "project", "task")


@pytest.mark.parametrize(
    ("custom", "said"),
    [
        ({"due_date": "Pic"}, "is of type imageupload, which cannot hold a date; types that can: date, datetime"),
        ({"customer": "Anything"}, "does not lead to records of one module"),
        ({"customer": "Gone"}, "does not lead to records of one module"),
    ],
)
def test_a_field_that_cannot_hold_it_is_a_mistake_that_names_those_that_can(custom, said):
    with pytest.raises(Misconfigured, match=said):
        projects(custom, "project")


def test_a_customer_has_fields_of_ones_own_like_anything_else():
    own = [Field(name="Trade", custom=True), Field(name="Closed_Down", kind="boolean", custom=True)]
    accounts = Description(system="zoho_crm", streams=[Stream(name="Accounts", abilities=A(), fields=own)], feeds=[])
    options = Options(custom={"Accounts": {"industry": "Trade", "archived": "Closed_Down"}})
    customers: Any = MAPPING.build(options, accounts)["Accounts"]
    shown = customers.canon(record("Accounts", Account_Name="Acme", Trade="Steel", Closed_Down=True, Industry="Other"))
    assert (shown.values["industry"], shown.values["archived"]) == ("Steel", True)
    written = customers.unmap(Kind.CUSTOMER, {"industry": "Copper", "archived": False}, {"id": "1"})
    assert written.values == {"Trade": "Copper", "Closed_Down": False}


def test_a_list_of_steps_fits_no_field():
    with pytest.raises(Misconfigured, match="cannot hold a list; types that can: none"):
        mapper("Tasks", Options(custom={"Tasks": {"checklist": "Steps"}}))


def recorded() -> list[Any]:
    manifest = SHARED / "recorded" / "MANIFEST.json"
    if not manifest.exists():
        skipped = pytest.mark.skip(reason="KEEPSTEP_SHARED: no recordings here")
        return [pytest.param("", "", id="none", marks=skipped)]
    rows = json.loads(manifest.read_text())
    rows = rows if isinstance(rows, list) else rows["files"]
    streams = ("Contacts", "Leads", "Tasks", "Notes")
    found = [
        (row["file"], stream)
        for row in rows
        if row["system"] == "zoho-crm"
        for stream in streams
        if row["expect"].get(stream)
    ]
    return [pytest.param(*one, id=one[0]) for one in found]


@pytest.mark.parametrize(("file", "stream"), recorded())
def test_what_is_written_of_recorded_records_reads_back_the_same(file, stream):
    body = json.loads((SHARED / "recorded" / file).read_text())
    answers = [one["response"] for one in body["exchanges"]] if "exchanges" in body else [body]
    plain = MAPPING.build(Options(), Description(system="zoho_crm", streams=[], feeds=[]))[stream]
    seen = 0
    for row in (row for answer in answers if answer for row in answer["data"] if "code" not in row):
        before = plain.canon(Record(stream=stream, id=row["id"], payload=row))
        unreadable = [loss for loss in before.losses if loss.why not in ("not_carried", "other_module")]
        assert unreadable == []
        writable = {name: value for name, value in before.values.items() if plain.mode(before.kind, name) == "both"}
        unmapped = plain.unmap(before.kind, writable, row)
        assert unmapped.losses == []
        after = plain.canon(Record(stream=stream, id=row["id"], payload=row | shown(unmapped.values, row)))
        assert after.values == before.values
        made = plain.unmap(before.kind, {name: value for name, value in writable.items() if value is not None})
        assert made.losses == []
        fresh = plain.canon(Record(stream=stream, id="new", payload=shown(made.values, row | {"Salutation": None})))
        assert {name: fresh.values[name] for name in writable if writable[name] not in (None, [])} == {
            name: value for name, value in writable.items() if value not in (None, [])
        }
        seen += 1
    assert seen


def shown(written: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """As the service would show what was written: a person with name and address, a contact's whole name."""
    answer = dict(written)
    if answer.get("Owner"):
        answer["Owner"] = row["Owner"]
    if "Last_Name" in answer:
        parts = (row.get("Salutation"), answer.get("First_Name"), answer["Last_Name"])
        answer["Full_Name"] = " ".join(part for part in parts if part)
    return answer


@pytest.mark.parametrize(
    ("lookup", "id", "why"),
    [
        ({"name": "Acme", "id": "5000000000000000401"}, "5000000000000000401", None),
        ({"id": 5000000000000000401}, "5000000000000000401", None),
        ("5000000000000000401", "5000000000000000401", None),
        (5000000000000000401, "5000000000000000401", None),
        (None, None, None),
        ("Acme", None, "id_missing"),
        ({"name": "Acme", "id": None}, None, "id_missing"),
        ({"name": "Acme"}, None, "id_missing"),
        ([], None, "id_missing"),
        (True, None, "id_missing"),
    ],
)
def test_a_lookup_comes_in_several_forms(lookup: Any, id: str | None, why: str | None) -> None:
    for stream, field, name in (("Deals", "Account_Name", "customer"), ("Deals", "Owner", "account_manager")):
        mapped = mapper(stream).canon(record(stream, **{field: lookup}))
        value = mapped.values.get(name)
        assert (value and value.get("id", value.get("account"))) == id
        assert [loss.why for loss in mapped.losses] == ([why] if why else [])
        assert (name in mapped.values) == (why is None)


@pytest.mark.parametrize("module", [{"api_name": "Deals", "id": "1"}, "Deals", None])
def test_what_something_lies_under_names_its_module_in_several_ways(module: Any) -> None:
    under = {"name": "Website", "id": "7", **({"module": module} if module else {})}
    beside = {} if module else {"$se_module": "Deals"}
    mapped = mapper("Notes").canon(record("Notes", Parent_Id=under, Note_Content="c", **beside))
    assert mapped.values["parent"] == {"stream": "Deals", "id": "7"}


def test_nothing_chosen_in_a_list_is_empty() -> None:
    assert mapper("Tasks").canon(record("Tasks", Priority="-None-")).values["priority"] is None
    assert mapper("Accounts").canon(record("Accounts", Industry="-None-")).values["industry"] is None


def test_tags_may_be_bare_names() -> None:
    tags = ["b", {"name": "a", "id": "1"}, {"name": None}, None]
    assert mapper("Deals").canon(record("Deals", Tag=tags)).values["labels"] == ["a", "b"]
