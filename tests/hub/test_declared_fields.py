"""What a configuration declares of a field: which way it flows, and what its values pass through."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from keepstep.store import tables as t
from tests.databases import Databases
from tests.hub.conftest import SYNCS, Company


def synced(company: Company, fields: dict[str, Any], connections: dict[str, Any] | None = None, **more: Any) -> None:
    """The hub with one sync of projects between the CRM and the tracker."""
    projects = SYNCS["projects"] | {
        "sides": ["crm.Deals", "tracker.epics"],
        "create": {"tracker.epics": {"project": "ACME"}},
        "fields": fields,
    }
    settings = {name: company.settings[name] | (connections or {}).get(name, {}) for name in ("crm", "tracker")}
    company.only({"projects": projects}, connections=settings, **more)


def epic(company: Company) -> tuple[str, Any]:
    found = list(company.cores["tracker"].records("epics").items())
    assert len(found) == 1
    return found[0]


def lost(company: Company) -> list[tuple[str, str, Any]]:
    query = sa.select(t.audit).where(t.audit.c.code == "lost_to_policy")
    with company.hub.store.read() as tx:
        return [(row["side"], row["field"], row["params"]["value"]) for row in tx.all(query)]


def test_a_field_that_only_follows_is_set_back_and_the_audit_names_the_edit(company: Company) -> None:
    crm, tracker = company.cores["crm"], company.cores["tracker"]
    synced(company, {"due_date": {"sides": {"tracker": "follow"}}})
    _, deal = company.deal()
    company.rounds(3)
    id, raw = epic(company)
    assert raw["fields"]["duedate"] == "2026-11-30"

    tracker.edit("Ben", "epics", id, {"duedate": "2026-12-24"})
    company.rounds(3)
    assert epic(company)[1]["fields"]["duedate"] == "2026-11-30"
    assert crm.records("Deals")[deal]["Closing_Date"] == "2026-11-30"
    assert lost(company) == [("tracker.epics", "due_date", "2026-12-24")]

    tracker.edit("Ben", "epics", id, {"duedate": "2026-12-24"})
    crm.edit("Anna", "Deals", deal, {"Closing_Date": "2027-01-15"})
    company.rounds(3)
    assert epic(company)[1]["fields"]["duedate"] == "2027-01-15"
    with company.hub.store.read() as tx:
        assert tx.all(sa.select(t.finding).where(t.finding.c.code == "conflict")) == []


def test_a_field_that_is_only_read_travels_and_is_never_written(company: Company) -> None:
    crm, tracker = company.cores["crm"], company.cores["tracker"]
    synced(company, {"due_date": {"sides": {"crm": "read"}}})
    _, deal = company.deal()
    company.rounds(3)
    id, _ = epic(company)
    tracker.edit("Ben", "epics", id, {"duedate": "2026-12-24"})
    company.rounds(3)
    assert crm.records("Deals")[deal]["Closing_Date"] == "2026-11-30"
    crm.edit("Anna", "Deals", deal, {"Closing_Date": "2027-01-15", "Deal_Name": "Shop"})
    company.rounds(3)
    shown = epic(company)[1]["fields"]
    assert shown["summary"] == "Shop"
    assert crm.records("Deals")[deal]["Closing_Date"] == "2027-01-15"


def test_a_field_that_is_off_is_each_side_s_own_affair(company: Company) -> None:
    crm, tracker = company.cores["crm"], company.cores["tracker"]
    synced(company, {"due_date": {"sides": {"tracker": "off"}}})
    _, deal = company.deal()
    company.rounds(3)
    id, raw = epic(company)
    assert raw["fields"].get("duedate") is None
    tracker.edit("Ben", "epics", id, {"duedate": "2026-12-24", "summary": "Shop"})
    company.rounds(3)
    assert crm.records("Deals")[deal]["Closing_Date"] == "2026-11-30"
    assert crm.records("Deals")[deal]["Deal_Name"] == "Shop"


@pytest.fixture
def prefixed() -> dict[str, Any]:
    name = {"read": 'value.removePrefix("[CRM] ")', "write": '"[CRM] " + value'}
    return {"tracker": {"transforms": {"epics": {"name": name}}}}


def test_a_value_passes_through_the_transform_both_ways(company: Company, prefixed: dict[str, Any]) -> None:
    crm, tracker = company.cores["crm"], company.cores["tracker"]
    synced(company, {}, prefixed)
    _, deal = company.deal()
    company.rounds(3)
    id, raw = epic(company)
    assert raw["fields"]["summary"] == "[CRM] Website"

    tracker.edit("Ben", "epics", id, {"summary": "[CRM] Shop"})
    company.rounds(3)
    assert crm.records("Deals")[deal]["Deal_Name"] == "Shop"
    # Without the prefix it means the same: nobody is overruled for a spelling, and nothing goes back and forth.
    tracker.edit("Ben", "epics", id, {"summary": "Shop"})
    company.rounds(2)
    assert crm.records("Deals")[deal]["Deal_Name"] == "Shop"
    assert [report.planned for report in company.rounds(2)] == [0, 0]


def test_a_transform_that_comes_later_rewrites_nothing_and_its_first_plan_waits(
    company: Company, prefixed: dict[str, Any], databases: Databases
) -> None:
    store = databases.url()
    synced(company, {}, store=store)
    _, deal = company.deal()
    company.rounds(3)
    synced(company, {}, prefixed, store=store)
    company.cores["crm"].edit("Anna", "Deals", deal, {"Deal_Name": "Shop"})
    held = company.rounds(1, let_through=False)[0]
    assert [hold.reason for hold in held.holds] == ["configuration_changed"]
    assert epic(company)[1]["fields"]["summary"] == "Website"
    company.rounds(3)
    assert epic(company)[1]["fields"]["summary"] == "[CRM] Shop"


def test_a_value_for_which_a_transform_has_no_answer_is_told_and_kept(company: Company) -> None:
    read = 'value.startsWith("[CRM] ") ? value.removePrefix("[CRM] ") : value + 1'
    transforms = {"epics": {"name": {"read": read, "write": '"[CRM] " + value'}}}
    synced(company, {}, {"tracker": {"transforms": transforms}})
    _, deal = company.deal()
    company.rounds(3)
    id, _ = epic(company)
    company.cores["tracker"].edit("Ben", "epics", id, {"summary": "Shop"})
    company.rounds(2)
    assert company.cores["crm"].records("Deals")[deal]["Deal_Name"] == "Website"
    with company.hub.store.read() as tx:
        row = tx.one(sa.select(t.record).where(t.record.c.side == "tracker.epics", t.record.c.id == id))
    assert row is not None
    assert [loss["why"] for loss in row["losses"] if loss["field"] == "summary"] == ["transform_failed"]


@pytest.mark.parametrize(("direction", "backward"), [("forward", False), ("backward", True)])
def test_the_direction_of_a_rank_reaches_the_merge(company: Company, direction: str, backward: bool) -> None:
    synced(company, {"status": {"policy": "rank", "direction": direction}})
    assert company.hub.engine.world.syncs["projects"].rule("status").backward is backward
