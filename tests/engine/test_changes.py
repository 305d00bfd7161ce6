"""Customer changes become tasks: who is told what, once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keepstep.engine.change_text import CODES, Edit
from keepstep.engine.changes import Decision, NewTask, OpenTask, bursts, change_rule, responsible, task_key, tasks_for
from keepstep.engine.handoffs import Entity, Graph, Link, RulesInvalid
from mapping.model import Kind

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
RULE = change_rule(["crm.Deals.closing_date", "crm.Deals.stage", "crm.Accounts.*", "crm.Contacts.email"])
SAID = {
    "change_task.title": "Customer change: {subject} ({fields})",
    "change_task.intro": "{subject} was changed in {side}.",
    "change_task.projects": "Projects: {projects}",
    "change_task.line": "{field}: {old} -> {new} ({who}, {at})",
    "change_task.line_no_author": "{field}: {old} -> {new} ({at})",
    "change_task.more": "Changed again at {at}",
    "value.empty": "(empty)",
    "value.yes": "yes",
    "value.no": "no",
    "value.items": "{count} items, {done} done",
    "word.comma": ", ",
}


def say(code: str, params: Mapping[str, Any]) -> str:
    if code in CODES:
        assert set(params) == set(CODES[code])
        return SAID[code].format(**params)
    assert not params
    return code.rpartition(".")[2].replace("_", " ")


def edit(id: str = "e1", at: str = "10:00", **values: Any) -> Edit:
    base = {
        "id": id,
        "entity": "p1",
        "side": "crm.Deals",
        "field": "due_date",
        "system_field": "Closing_Date",
        "old": "2026-11-30",
        "new": "2026-12-15",
        "at": f"2026-11-23T{at}:00.000Z",
        "who": "Li Na",
        "by_person": True,
    }
    return Edit(**base | values)  # type: ignore[arg-type]


def project(id: str = "p1", **values: Any) -> Entity:
    roles = values.pop("roles", {})
    link = Link(connection="crm", stream="Deals", record_id="7", created_at="2026-01-01", url="https://crm.test/7")
    return Entity(
        id=id,
        kind=Kind.PROJECT,
        values={"name": "Acme shop", "stage": "won", "manager": "ann"} | values,
        refs={"customer": "c1"},
        links=(link,),
        roles=roles,
    )


CUSTOMER = Entity(id="c1", kind=Kind.CUSTOMER, values={"name": "Acme"})
CONTACT = Entity(id="k1", kind=Kind.CONTACT, values={"name": "Bo"}, refs={"customer": "c1"})


def decide(*edits: Edit, open: tuple[OpenTask, ...] = (), world: tuple[Entity, ...] = (project(),)) -> Decision:
    graph = Graph([CUSTOMER, CONTACT, *world], {"ann": "Ann Lee"})
    return tasks_for(edits, open, [RULE], graph, NOW, say=say, zone=ZoneInfo("Asia/Shanghai"))


def opened(made: NewTask) -> OpenTask:
    return OpenTask(
        id="t1",
        rule=made.rule,
        subject=made.subject,
        edits=made.edits,
        written=made.written,
        description=made.values["description"],
    )


def test_a_persons_edit_of_a_watched_field_opens_a_task_for_the_projects_manager() -> None:
    decision = decide(edit())
    (made,) = decision.opened
    assert made.values == {
        "title": "Customer change: Acme shop (due date)",
        "description": (
            "[Acme shop](<https://crm.test/7>) was changed in crm.Deals.\n\n"
            "- due date: 2026-11-30 -> 2026-12-15 (Li Na, 2026-11-23 18:00)"
        ),
        "status": "todo",
        "project": "p1",
        "assignee": "ann",
    }
    assert made.key == task_key("customer-changes", edit())
    assert (decision.appended, decision.passed, decision.findings) == ((), (), ())


@pytest.mark.parametrize(
    ("values", "why"),
    [
        pytest.param({"first": True}, "first_pull", id="the first pull is no edit"),
        pytest.param({"ours": True}, "our_own_write", id="nor is our own write"),
        pytest.param({"by_person": False}, "not_a_person", id="nor what a workflow did"),
        pytest.param({"editable": False}, "computed_field", id="nor a computed field"),
        pytest.param({"new": "2026-11-30"}, "no_change", id="nor a value that stayed"),
        pytest.param({"field": "name", "system_field": "Deal_Name"}, "not_watched", id="nor a field nobody watches"),
        pytest.param({"side": "crm.Quotes"}, "not_watched", id="nor another stream"),
        pytest.param({"side": "old.Deals"}, "not_watched", id="nor another connection"),
        pytest.param({"entity": "p9"}, "unknown_entity", id="nor one on something not in the graph"),
    ],
)
def test_what_makes_no_task_is_listed_with_its_reason(values: dict[str, Any], why: str) -> None:
    decision = decide(edit(**values))
    assert [passed.why for passed in decision.passed] == [why]
    assert not decision.opened
    assert not decision.appended


@pytest.mark.parametrize(
    ("values", "watched"),
    [
        pytest.param({"field": "stage", "system_field": "Stage"}, True, id="by the canonical name"),
        pytest.param({"field": "Closing_Date", "system_field": None}, True, id="by the system's name in any case"),
        pytest.param({"side": "crm.Accounts", "entity": "c1", "field": "Fax"}, True, id="by a star"),
        pytest.param(
            {"side": "crm.Accounts", "field": "x", "editable": False}, False, id="a star spares computed fields"
        ),
    ],
)
def test_watching(values: dict[str, Any], watched: bool) -> None:
    assert bool(decide(edit(**values)).opened) is watched


def test_patterns_that_name_no_field_are_refused_all_at_once() -> None:
    with pytest.raises(RulesInvalid) as caught:
        change_rule(["crm.Deals.stage", "stage", "*.Deals.stage", "crm.Deals.st*"])
    assert [problem.detail for problem in caught.value.problems] == ["stage", "*.Deals.stage", "crm.Deals.st*"]


def test_changes_within_ten_minutes_are_one_and_tell_first_and_last_value() -> None:
    decision = decide(
        edit("e1", "10:00"),
        edit("e2", "10:04", field="stage", old="open", new="won"),
        edit("e3", "10:10", old="2026-12-15", new="2027-01-31", who="Wu"),
    )
    (made,) = decision.opened
    assert made.values["title"] == "Customer change: Acme shop (due date, stage)"
    assert made.values["description"].split("\n\n")[1] == (
        "- due date: 2026-11-30 -> 2027-01-31 (Wu, 2026-11-23 18:10)\n- stage: open -> won (Li Na, 2026-11-23 18:04)"
    )


def test_later_changes_of_one_delivery_are_told_apart_in_the_same_task() -> None:
    (made,) = decide(edit("e1", "10:00"), edit("e2", "10:11", old="2026-12-15", new="2027-01-31")).opened
    assert made.values["description"].endswith(
        "(Li Na, 2026-11-23 18:00)\n\nChanged again at 2026-11-23 18:11\n\n"
        "- due date: 2026-12-15 -> 2027-01-31 (Li Na, 2026-11-23 18:11)"
    )


def test_ten_minutes_count_from_the_first_change_and_not_from_the_last() -> None:
    spread = [edit("e1", "10:00"), edit("e2", "10:09"), edit("e3", "10:18")]
    assert [[each.id for each in burst] for burst in bursts(spread)] == [["e1", "e2"], ["e3"]]


def test_what_was_set_back_within_ten_minutes_makes_no_task() -> None:
    decision = decide(edit("e1", "10:00"), edit("e2", "10:05", old="2026-12-15", new="2026-11-30"))
    assert decision.opened == ()
    assert [passed.why for passed in decision.passed] == ["set_back", "set_back"]


def test_what_was_set_back_later_is_told() -> None:
    assert len(decide(edit("e1", "10:00"), edit("e2", "10:30", old="2026-12-15", new="2026-11-30")).opened) == 1


def test_within_ten_minutes_an_open_task_reads_as_if_told_at_once() -> None:
    first, second = edit("e1", "10:00"), edit("e2", "10:05", old="2026-12-15", new="2027-01-31")
    (made,) = decide(first).opened
    decision = decide(second, open=(opened(made),))
    (appended,) = decision.appended
    assert decision.opened == ()
    assert appended.task == "t1"
    assert appended.values == {"description": decide(first, second).opened[0].values["description"]}
    assert appended.written == appended.values["description"]
    assert [each.id for each in appended.edits] == ["e1", "e2"]


def test_a_description_that_a_person_has_edited_is_only_appended_to() -> None:
    (made,) = decide(edit()).opened
    task = msgspec.structs.replace(opened(made), description="Call them first.")
    (appended,) = decide(edit("e2", "10:05", new="2027-01-31"), open=(task,)).appended
    assert appended.values["description"].startswith("Call them first.\n\nChanged again at 2026-11-23 18:05\n\n- due")
    assert appended.written is None
    again = msgspec.structs.replace(
        task, description=appended.values["description"], written=None, edits=appended.edits
    )
    (more,) = decide(edit("e3", "10:06", new="2027-02-01"), open=(again,)).appended
    assert more.values["description"].startswith(appended.values["description"])


def test_an_edit_delivered_twice_is_told_once() -> None:
    (made,) = decide(edit(), edit()).opened
    assert len(made.edits) == 1
    decision = decide(edit(), open=(opened(made),))
    assert not decision.appended
    assert not decision.opened
    assert [passed.why for passed in decision.passed] == ["already_told"]


def test_an_open_task_of_another_subject_is_left_alone() -> None:
    (made,) = decide(edit()).opened
    other = msgspec.structs.replace(opened(made), subject="p2")
    decision = decide(edit(), open=(other,))
    assert len(decision.opened) == 1
    assert decision.appended == ()


def test_of_two_open_tasks_the_older_is_appended_to() -> None:
    (made,) = decide(edit()).opened
    younger = msgspec.structs.replace(opened(made), id="t0", edits=(edit("e9", "11:00"),))
    for order in ((opened(made), younger), (younger, opened(made))):
        assert [each.task for each in decide(edit("e2", "11:30"), open=order).appended] == ["t1"]


@pytest.mark.parametrize(
    ("values", "assignee"),
    [
        pytest.param({"roles": {"accountable": "eva", "lead": "leo"}}, "eva", id="the accountable person first"),
        pytest.param({"roles": {"lead": "leo"}}, "ann", id="then the manager, whom the tracker's assignee stands for"),
        pytest.param({"manager": None, "roles": {"assignee": "abe", "lead": "leo"}}, "abe", id="then the assignee"),
        pytest.param({"manager": None, "roles": {"lead": "leo"}}, "leo", id="then the project's lead"),
        pytest.param({"manager": None}, None, id="then nobody"),
    ],
)
def test_who_gets_the_task(values: dict[str, Any], assignee: str | None) -> None:
    mine = project(**values)
    assert responsible(mine) == assignee
    decision = decide(edit(), world=(mine,))
    assert decision.opened[0].values.get("assignee") == assignee
    assert [finding.note.code for finding in decision.findings] == ([] if assignee else ["change_task.unassigned"])


ACCOUNT: dict[str, Any] = {"entity": "c1", "side": "crm.Accounts", "field": "phone", "old": "1", "new": None}


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(ACCOUNT, id="a customer's"),
        pytest.param(
            {"entity": "k1", "side": "crm.Contacts", "field": "email", "old": "a", "new": "b"}, id="a contact's"
        ),
    ],
)
def test_a_change_goes_to_the_customers_live_project(values: dict[str, Any]) -> None:
    world = (project("p1", stage="lost"), project("p2"), project("p3", archived=True), project("p4", status="done"))
    (made,) = decide(edit(**values), world=world).opened
    assert (made.values["project"], made.values["assignee"]) == ("p2", "ann")


def test_a_customer_without_a_live_project_is_nobodys_task() -> None:
    decision = decide(edit(**ACCOUNT), world=(project(stage="lost"),))
    assert [passed.why for passed in decision.passed] == ["no_live_project"]


def test_of_several_projects_none_is_guessed() -> None:
    decision = decide(edit(**ACCOUNT), world=(project("p1"), project("p2", name="Acme app")))
    (made,) = decision.opened
    assert "project" not in made.values
    assert made.values["assignee"] == "ann"
    assert "Projects: Acme shop, Acme app" in made.values["description"]
    assert [finding.note.params for finding in decision.findings] == [{"projects": ["p1", "p2"]}]


def test_managers_who_differ_leave_the_task_to_nobody() -> None:
    decision = decide(edit(**ACCOUNT), world=(project("p1"), project("p2", manager="bob")))
    assert "assignee" not in decision.opened[0].values
    assert [finding.note.code for finding in decision.findings] == [
        "change_task.several_projects",
        "change_task.unassigned",
    ]


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        pytest.param("revenue", {"amount": "1200.50", "currency": "EUR"}, "1200.50 EUR", id="money"),
        pytest.param(
            "due_date", "2026-11-30T23:30:00.000Z", "2026-12-01 07:30", id="an instant, on the reader's clock"
        ),
        pytest.param("stage", "won", "won", id="a class, by its code"),
        pytest.param("manager", "ann", "Ann Lee", id="a person"),
        pytest.param("manager", {"account": "9", "name": "Zoe", "email": None}, "Zoe", id="a person nobody knows"),
        pytest.param("customer", "c1", "Acme", id="a reference"),
        pytest.param("archived", True, "yes", id="a flag"),
        pytest.param("labels", ["a", "b_c"], "a, b\\_c", id="a set, its Markdown disarmed"),
        pytest.param("name", "a\n*b* [c](http://x)", "a \\*b\\* \\[c\\](http://x)", id="text on one line, disarmed"),
        pytest.param("description", "x" * 400, "x" * 299 + "…", id="long text, cut"),
        pytest.param("Odd", {"b": 1, "a": [2]}, '{"a": \\[2\\], "b": 1}', id="a field that is not canonical"),
        pytest.param("labels", [], "(empty)", id="nothing"),
    ],
)
def test_how_values_read(field: str, value: Any, shown: str) -> None:
    rule = change_rule(["crm.Deals.*"])
    change = edit(field=field, old="before", new=value, who=None)
    graph = Graph([CUSTOMER, project()], {"ann": "Ann Lee"})
    decision = tasks_for([change], [], [rule], graph, NOW, say=say, zone=ZoneInfo("Asia/Shanghai"))
    assert f" -> {shown} (2026-11-23 18:00)" in decision.opened[0].values["description"]


def test_a_field_that_is_not_canonical_goes_by_its_label() -> None:
    change = edit(side="crm.Accounts", entity="c1", field="Fax", label="Fax number")
    assert decide(change).opened[0].values["title"] == "Customer change: Acme (Fax number)"


def test_a_title_is_one_line_that_every_tracker_takes() -> None:
    title = decide(edit(), world=(project(name="long\nname " * 60),)).opened[0].values["title"]
    assert len(title) <= 250
    assert "\n" not in title


def test_an_address_that_would_break_out_of_the_link_is_left_out() -> None:
    link = Link(connection="crm", stream="Deals", record_id="7", created_at="x", url="https://crm.test/>)![x](y")
    mine = msgspec.structs.replace(project(), links=(link,))
    assert decide(edit(), world=(mine,)).opened[0].values["description"].startswith("Acme shop was changed")


def test_a_clock_that_runs_ahead_counts_as_now() -> None:
    decision = decide(edit("e1", "11:55"), edit("e2", "12:20", old="2026-12-15", new="2027-01-31"))
    (made,) = decision.opened
    assert len(bursts(made.edits)) == 1
    assert made.edits[1].at == "2026-11-23T12:00:00.000+00:00"


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_every_edit_ends_in_a_task_or_with_a_reason_whatever_the_order(data: st.DataObject) -> None:
    fields = st.sampled_from(("due_date", "stage", "name"))
    edits = [
        edit(
            f"e{n}",
            f"1{data.draw(st.integers(0, 1))}:{data.draw(st.integers(10, 59))}",
            entity=data.draw(st.sampled_from(("p1", "p2", "p9"))),
            field=data.draw(fields),
            new=data.draw(st.sampled_from(("2026-11-30", "2026-12-15"))),
            by_person=data.draw(st.booleans()),
        )
        for n in range(data.draw(st.integers(1, 8)))
    ]
    world = (project("p1"), project("p2"))
    straight = decide(*edits, world=world)
    told = {each.id for made in straight.opened for each in made.edits}
    passed = {each.edit.id for each in straight.passed}
    assert told | passed == {each.id for each in edits}
    assert not told & passed
    assert len({(made.rule, made.subject) for made in straight.opened}) == len(straight.opened)
    shuffled = decide(*data.draw(st.permutations(edits)), world=world)
    assert shuffled.opened == straight.opened
    # Told once, nothing of it is told again.
    after = decide(*edits, open=tuple(opened(made) for made in straight.opened), world=world)
    assert not after.opened
    assert not after.appended
