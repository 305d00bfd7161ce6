"""A CRM whose fields change between two commands: told on the field, the others flow, and nothing is asked for it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.zoho_crm.sandbox.metadata import Pick
from tests.keepstep.office import Office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    office = Office(tmp_path)
    office.task("Draft the plan", Due_Date="2026-11-30")
    assert office.keep("apply", "--yes", "--as", "Ann").exit_code in (0, 3)
    office.settle()
    assert office.keep("sync").exit_code in (0, 3)
    return office


def fields(office: Office) -> dict[str, Any]:
    found: dict[str, Any] = office.crm.ledger.modules["Tasks"]
    return found


def told(office: Office) -> dict[str, str]:
    office.settle()
    office.keep("sync")
    rows = json.loads(office.keep("findings", "--json").stdout)["findings"]
    return {row["code"]: row["message"] for row in rows if row["code"].startswith(("field_", "value_"))}


def task(office: Office) -> str:
    return str(next(iter(office.crm.records("Tasks"))))


def card(office: Office) -> dict[str, Any]:
    return dict(next(iter(office.board.records("cards").values())))


def test_a_field_that_disappears(office: Office) -> None:
    gone = fields(office).pop("Due_Date")
    office.crm.edit("Bo", "Tasks", task(office), {"Subject": "Draft the big plan"})
    assert told(office) == {
        "field_gone": "crm.Tasks: the field `Due_Date` is gone there, so due date is neither read nor written; "
        "bring it back, or name another field under `custom`"
    }
    assert card(office)["name"] == "Draft the big plan"
    assert card(office)["due"] is not None
    fields(office)["Due_Date"] = gone
    assert told(office) == {}


@pytest.mark.parametrize("seen", [True, False], ids=["a look in between", "between two looks"])
def test_a_field_that_was_deleted_and_made_again_is_filled_and_clears_nothing(office: Office, seen: bool) -> None:
    gone = fields(office).pop("Due_Date")
    if seen:
        assert list(told(office)) == ["field_gone"]
    fields(office)["Due_Date"] = replace(gone, made=1)
    office.crm.ledger.live["Tasks"][task(office)].values["Due_Date"] = None
    assert told(office) == {}
    assert card(office)["due"] is not None
    assert office.crm.records("Tasks")[task(office)]["Due_Date"] == "2026-11-30"
    office.crm.edit("Bo", "Tasks", task(office), {"Due_Date": None})
    assert told(office) == {}
    assert card(office)["due"] is None, "now a person cleared it"


def test_a_field_of_another_type(office: Office) -> None:
    fields(office)["Subject"].type = "textarea"
    assert list(told(office)) == ["field_retyped"]
    fields(office)["Subject"].type = "text"
    assert told(office) == {}


def test_a_value_whose_meaning_is_not_known(office: Office) -> None:
    fields(office)["Status"].picks.append(Pick("On the beach", "On the beach"))
    assert list(told(office)) == ["field_values_unknown"]
    office.crm.edit("Bo", "Tasks", task(office), {"Status": "On the beach", "Subject": "Draft the big plan"})
    messages = told(office)
    assert sorted(messages) == ["field_values_unknown", "value_unread"]
    assert "On the beach" in messages["value_unread"]
    assert card(office)["name"] == "Draft the big plan"
    office.connections["crm"]["values"] = {"status": {"On the beach": "doing"}}
    office.settle()
    assert office.keep("sync").exit_code == 3
    office.keep("apply", "--yes", "--as", "Ann")
    assert told(office) == {}


def test_it_costs_no_request(office: Office) -> None:
    def requests() -> int:
        before = len(office.crm.requests)
        office.settle()
        office.keep("sync")
        return len(office.crm.requests) - before

    quiet = requests()
    fields(office)["Subject"].type = "textarea"
    fields(office)["Status"].picks.append(Pick("On the beach", "On the beach"))
    assert requests() == quiet
