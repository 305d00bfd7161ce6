"""The judge of the company excuses nothing without its evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connectors.zoho_crm.sandbox import HUB
from keepstep.engine.match import link_row
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.findings import Finding
from keepstep.testing.company_checker import violations
from keepstep.testing.company_edits import lost_edits, said_nothing_new
from keepstep.testing.company_steps import CompanyHistory
from keepstep.testing.company_world import Company

OLD, NEW, OTHER = "2026-11-30", "2026-12-31", "2028-02-29"


@pytest.fixture
def company() -> Company:
    """One won deal with its epic and its folder, all in step."""
    company = Company(CompanyHistory(seed=1, syncs=("customers", "projects"), lags={}, steps=()))
    crm = company.cores["crm"]
    account = crm.create("Ada", "Accounts", {"Account_Name": "Acme #c1"})
    deal = {"Deal_Name": "Website #d1", "Stage": "Closed Won", "Closing_Date": OLD, "Account_Name": {"id": account}}
    crm.create("Ada", "Deals", deal)
    for _ in range(6):
        company.round()
        company.operator.let_through()
        company.pass_time(60)
    assert len(company.records("tracker.epics")) == 1
    assert violations(company) == []
    company.pass_time(60)
    return company


def only(company: Company, stream: str) -> str:
    (id,) = company.records(stream)
    return id


def by_person(company: Company, day: str) -> None:
    company.cores["crm"].edit("Ada", "Deals", only(company, "crm.Deals"), {"Closing_Date": day})


def by_us(company: Company, stream: str, day: str) -> None:
    """As if a wrong engine had written it."""
    company.pass_time(60)
    connection, _, own = stream.partition(".")
    who = HUB if connection == "crm" else company.cores["tracker"].hub.name
    name = "Closing_Date" if connection == "crm" else "duedate"
    company.cores[connection].edit(who, own, only(company, stream), {name: day})


def note(company: Company, code: str, params: dict[str, Any], at: str | None = None) -> None:
    with company.store.write() as tx:
        [link] = tx.all(t.link.select().where(t.link.c.side == "crm.Deals"))
        line = {"at": at or company.store.now(), "run": None, "entity": link["entity"], "side": None}
        tx.insert(t.audit, [line | {"code": code, "field": "due_date", "params": params}])


def test_an_edit_that_was_written_over_is_lost(company: Company) -> None:
    by_person(company, NEW)
    by_us(company, "crm.Deals", OLD)
    assert len([*lost_edits(company)]) == 1


@pytest.mark.parametrize(
    ("code", "params"),
    [
        ("conflict", {"candidates": {"candidates": {"crm.Deals": {"value": NEW}}}}),
        ("lost_to_policy", {"value": NEW}),
        ("undone", {"from": NEW, "to": OLD, "n": 2}),
    ],
)
def test_what_people_were_told_before_it_is_no_excuse(company: Company, code: str, params: dict[str, Any]) -> None:
    before = company.store.now()
    company.pass_time(60)
    by_person(company, NEW)
    by_us(company, "crm.Deals", OLD)
    note(company, code, params, at=before)
    assert len([*lost_edits(company)]) == 1
    note(company, code, params)
    assert [*lost_edits(company)] == []


def test_a_later_edit_elsewhere_replaces_it_only_if_it_was_carried_there(company: Company) -> None:
    by_person(company, NEW)
    epic = only(company, "tracker.epics")
    company.cores["tracker"].edit("Bo", "epics", epic, {"duedate": OTHER})
    by_us(company, "crm.Deals", OTHER)
    assert len([*lost_edits(company)]) == 1


def test_a_later_edit_where_it_was_carried_replaces_it(company: Company) -> None:
    by_person(company, NEW)
    by_us(company, "tracker.epics", NEW)
    company.cores["tracker"].edit("Bo", "epics", only(company, "tracker.epics"), {"duedate": OTHER})
    by_us(company, "crm.Deals", OTHER)
    assert [*lost_edits(company)] == []


def test_what_we_took_from_before_their_eyes_they_did_not_replace(company: Company) -> None:
    by_person(company, NEW)
    by_us(company, "crm.Deals", OLD)
    by_person(company, OTHER)
    by_us(company, "tracker.epics", OTHER)
    assert len([*lost_edits(company)]) == 1


def test_a_delete_that_was_taken_back_replaces_nothing(company: Company) -> None:
    deal = only(company, "crm.Deals")
    by_person(company, NEW)
    company.cores["crm"].delete("Bo", "Deals", deal)
    assert [*lost_edits(company)] == []
    company.cores["crm"].restore("Bo", "Deals", deal)
    by_us(company, "crm.Deals", OLD)
    assert len([*lost_edits(company)]) == 1


def test_the_same_in_other_words_is_no_edit(company: Company) -> None:
    epic = only(company, "tracker.epics")
    nothing = {"type": "doc", "version": 1, "content": []}
    company.cores["tracker"].edit("Bo", "epics", epic, {"description": nothing})
    company.pass_time(60)
    who = company.cores["tracker"].hub.name
    said = {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [{"type": "text", "text": "x"}]}]}
    company.cores["tracker"].edit(who, "epics", epic, {"description": said})
    assert [*lost_edits(company)] == []
    company.cores["tracker"].edit("Bo", "epics", epic, {"description": nothing})
    company.pass_time(60)
    company.cores["tracker"].edit(who, "epics", epic, {"description": said})
    assert len([*lost_edits(company)]) == 1


def test_a_detour_is_no_edit_only_if_others_had_the_value_before_it(company: Company) -> None:
    for day in (OTHER, OLD):
        by_person(company, day)
    by_us(company, "crm.Deals", NEW)
    by_us(company, "tracker.epics", NEW)
    assert [*lost_edits(company)] == []
    for day in (OLD, OTHER, OLD):
        by_person(company, day)
    by_us(company, "crm.Deals", NEW)
    assert [each.partition(" by ")[0].rpartition("=")[2] for each in lost_edits(company)] == [f"{OLD!r}"]


def test_a_record_that_was_made_with_what_was_agreed_just_then_is_no_edit(company: Company) -> None:
    [link] = [each for each in company.operator.copies.ever(t.link) if each["side"] == "crm.Deals"]
    [_, made] = [entry for _, entry in company.log if entry.kind == "create"][:2]

    def said(value: str, at: str) -> bool:
        return said_nothing_new(company, link["entity"], replace(made, at=at), "due_date", value)

    now = company.store.now()
    assert not said(OLD, now), "nothing has replaced it"
    company.pass_time(60)
    note(company, "agreed", {"from": OLD, "to": NEW, "n": 1})
    assert said(OLD, now)
    assert not said(NEW, now)
    assert not said(OLD, "2026-11-01T00:00:00.000Z"), "it was not agreed on yet"
    company.pass_time(60)
    assert not said(OLD, company.store.now()), "it was not agreed on any more"


def test_an_emptied_field_is_filled_only_if_it_was_emptied_before_its_record_was_tied(company: Company) -> None:
    epic = only(company, "tracker.epics")
    company.say("all in step")
    company.cores["tracker"].edit("Ada", "epics", epic, {"duedate": None})
    by_us(company, "tracker.epics", OLD)
    assert len([*lost_edits(company)]) == 1
    company.tied["tracker.epics", epic] = len(company.log)
    assert [*lost_edits(company)] == []


def test_two_makings_for_one_thing_are_twins_and_for_two_that_people_called_alike_are_none(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(company, "round", lambda: 0)

    def twins() -> list[str]:
        return [each for each in violations(company) if each.startswith("P2 d1")]

    tracker = company.cores["tracker"]
    twin = tracker.create(tracker.hub.name, "epics", {"summary": "Website #d1"})
    assert len(twins()) == 1
    deal = company.cores["crm"].create("Bo", "Deals", {"Deal_Name": "Website #d1", "Stage": "Qualification"})
    assert len(twins()) == 1, "what a person made is no excuse for what was not made for it"
    with company.store.write() as tx:
        rows = [{"side": "tracker.epics", "id": twin}, {"side": "crm.Deals", "id": deal}]
        tx.upsert(t.link, [link_row(row, "other", company.store.now()) for row in rows])
    assert twins() == []


def told(company: Company, code: str, state: str = "open", **params: Any) -> None:
    with company.store.write() as tx:
        [link] = tx.all(t.link.select().where(t.link.c.side == "crm.Deals"))
        finding = Finding(key="k", code=code, entity=link["entity"], params=params)
        findings.report(tx, [finding], company.store.now(), lambda: "f1")
        if state != "open":
            findings.close(tx, ["k"], company.store.now())


@pytest.mark.parametrize(("field", "excused"), [("due_date", True), ("description", False)])
def test_a_difference_is_excused_by_what_is_told_of_that_very_field(
    company: Company, monkeypatch: pytest.MonkeyPatch, field: str, excused: bool
) -> None:
    by_us(company, "tracker.epics", NEW)
    told(company, "record_refused", versions={field: 1}, side="tracker.epics", record=None)
    monkeypatch.setattr(company, "round", lambda: 0)
    found = [each for each in violations(company) if each.startswith("P3")]
    assert (found == []) is excused


def test_a_write_that_was_never_written_down_is_told_even_if_the_record_is_gone(company: Company) -> None:
    epic = company.cores["tracker"].create(company.cores["tracker"].hub.name, "epics", {"summary": "x #d9"})
    company.cores["tracker"].edit(company.cores["tracker"].hub.name, "epics", epic, {"duedate": NEW})
    company.cores["tracker"].delete("Bo", "epics", epic)
    assert any(each.startswith("P4 update") for each in violations(company))


def test_a_write_to_a_connection_that_was_left_is_told(company: Company) -> None:
    company.operator.left["tracker"] = [(len(company.log), None)]
    by_us(company, "tracker.epics", NEW)
    assert any(each.startswith("P20") for each in violations(company))


def test_a_delete_of_ours_is_told_unless_a_person_deleted_another_record_of_the_same(company: Company) -> None:
    company.cores["crm"].delete(HUB, "Deals", only(company, "crm.Deals"))
    assert any(each.startswith("P14 delete") for each in violations(company))
