"""Zoho's words and ours are two views of one value."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Abilities as A
from connectors.base import Description, Field, Record, Stream
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


@pytest.mark.parametrize(
    ("full", "base", "written"),
    [
        ("Ada Lovelace", None, {"First_Name": "Ada", "Last_Name": "Lovelace"}),
        ("王芳", None, {"First_Name": None, "Last_Name": "王芳"}),
        ("Ada van Horn", {"First_Name": "Ada"}, {"First_Name": "Ada", "Last_Name": "van Horn"}),
        ("Ada van Horn", None, {"First_Name": "Ada van", "Last_Name": "Horn"}),
    ],
)
def test_a_contacts_name_is_two_fields_there(full, base, written):
    assert mapper("Contacts").unmap(Kind.CONTACT, {"name": full}, base).values == written


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


def recorded() -> list[Any]:
    manifest = SHARED / "recorded" / "MANIFEST.json"
    if not manifest.exists():
        skipped = pytest.mark.skip(reason="KEEPSTEP_SHARED: no recordings here")
        return [pytest.param("", "", id="none", marks=skipped)]
    rows = json.loads(manifest.read_text())
    rows = rows if isinstance(rows, list) else rows["files"]
    streams = ("Contacts", "Tasks", "Notes")
    found = [
        (row["file"], stream)
        for row in rows
        if row["system"] == "zoho-crm"
        for stream in streams
        if stream in row["reader"]
    ]
    return [pytest.param(*one, id=one[0]) for one in found]


@pytest.mark.parametrize(("file", "stream"), recorded())
def test_what_is_written_of_recorded_records_reads_back_the_same(file, stream):
    body = json.loads((SHARED / "recorded" / file).read_text())
    answers = [one["response"] for one in body["exchanges"]] if "exchanges" in body else [body]
    plain = MAPPING.build(Options(), Description(system="zoho_crm", streams=[], feeds=[]))[stream]
    seen = 0
    for row in (row for answer in answers if answer for row in answer["data"]):
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
        fresh = plain.canon(Record(stream=stream, id="new", payload=shown(made.values, row)))
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
        answer["Full_Name"] = " ".join(part for part in (answer.get("First_Name"), answer["Last_Name"]) if part)
    return answer
