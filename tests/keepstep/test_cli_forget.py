"""``forget``, over stand-ins of a CRM and a board."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.keepstep.office import Office

NAME, EMAIL = "Zebediah Quux", "zebediah.quux@acme.test"


def account(office: Office) -> str:
    return str(office.crm.ledger.person(NAME))


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Quux owns a task, and is named in another."""
    office = Office(tmp_path)
    office.crm.ledger.users[account(office)]["email"] = EMAIL
    office.crm.create(NAME, "Tasks", {"Subject": "Draft the plan", "Due_Date": "2026-11-30"})
    office.task(f"Call {NAME} back", Description=f"write to {EMAIL}")
    assert office.keep("apply", "--yes", "--as", "Ann").exit_code in (0, 3)
    office.settle()
    assert office.keep("sync").exit_code in (0, 3)
    return office


def content(office: Office) -> str:
    """Every row of every table, as text."""
    with sqlite3.connect(office.folder / "keep.db") as raw:
        tables = [name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return "\n".join(str(row) for name in tables for row in raw.execute(f'SELECT * FROM "{name}"'))  # noqa: S608


def test_what_would_be_erased_is_shown_first(office: Office) -> None:
    result = office.keep("forget", EMAIL, "--plan")
    assert result.exit_code == 0
    assert f"{NAME}, {EMAIL}: crm:" in result.stdout
    assert "record: " in result.stdout
    assert "crm.Tasks: 2 records name this person, and stay as they are" in result.stdout
    assert "comes back into the store" in result.stdout
    assert EMAIL in content(office)
    no = office.keep("forget", EMAIL, answer="n\n")
    assert (no.exit_code, EMAIL in content(office)) == (3, True)
    assert office.keep("forget", EMAIL, "--json").exit_code == 3


@pytest.mark.parametrize("word", [NAME, EMAIL, EMAIL.upper(), "account"])
def test_afterwards_no_row_of_any_table_names_them(office: Office, word: str) -> None:
    writes = office.writes()
    done = office.document("forget", account(office) if word == "account" else word, "--yes")
    assert done["done"] is True
    assert done["rows"]["record"] >= 2
    text = content(office).casefold()
    assert NAME.casefold() not in text
    assert EMAIL not in text
    assert account(office) not in text
    for _ in range(2):
        office.settle(600.0)
        office.keep("sync")
    assert office.writes() == writes
    assert NAME not in content(office)
    assert f"Call {NAME} back" in office.cards().values()
    again = office.keep("forget", EMAIL, "--yes")
    assert (again.exit_code, "the store holds nothing" in again.stdout) == (0, True)


def test_whoever_changes_the_record_over_there_brings_it_back_and_is_told_so(office: Office) -> None:
    result = office.keep("forget", EMAIL, "--yes", "--lang", "zh-CN")
    assert "它们就会回到存储" in result.stdout
    [task] = [id for id, each in office.crm.records("Tasks").items() if NAME in each["Subject"]]
    office.crm.edit("Bo", "Tasks", task, {"Due_Date": "2026-12-24"})
    office.settle()
    office.keep("sync")
    office.settle()
    office.keep("sync")
    assert NAME in content(office)
    assert sorted(office.cards().values()) == [f"Call {NAME} back", "Draft the plan"]


def test_a_plan_to_forget_needs_no_name(office: Office) -> None:
    office.environ = {"LANG": "C"}
    assert office.keep("forget", EMAIL, "--plan").exit_code == 0
    result = office.keep("forget", EMAIL, "--yes")
    assert (result.exit_code, "--as NAME" in result.stderr) == (2, True)


def test_what_else_holds_it_is_named(office: Office) -> None:
    office.rest["people"] = [{"crm": account(office)}]
    (office.folder / "keep.db.replaced-20260101T000000Z").write_text("old")
    (office.folder / "keep.db.0002-20260101T000000Z.backup").write_text("old")
    result = office.keep("forget", EMAIL, "--yes")
    assert "under `people`; remove the entry" in result.stdout
    assert "keep.db.0002-20260101T000000Z.backup" in result.stdout
    assert "keep.db.replaced-20260101T000000Z" in result.stdout
    assert "up to 14 days" in result.stdout
