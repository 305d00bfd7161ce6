"""``backup`` and ``restore``, over stand-ins of a CRM and a board."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from keepstep.store import backup
from tests.keepstep.office import Office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    office = Office(tmp_path)
    office.task("Draft the plan", Due_Date="2026-11-30")
    assert office.keep("apply", "--yes", "--as", "Ann").exit_code in (0, 3)
    office.settle()
    assert office.keep("sync").exit_code in (0, 3)
    return office


def store(office: Office) -> Path:
    return office.folder / "keep.db"


def test_a_copy_is_made_and_put_back_and_nobodys_work_is_undone(office: Office) -> None:
    copy = office.folder / "copy.db"
    made = office.document("backup", str(copy))
    assert made.keys() == {"file", "bytes", "revision", "taken_at"}
    assert made["bytes"] == copy.stat().st_size
    office.task("Since the copy")
    office.settle()
    office.keep("sync")
    office.settle()
    [card] = [id for id, name in office.cards().items() if name == "Draft the plan"]
    office.board.edit("Ada", "cards", card, {"name": "Draft the big plan"})
    office.settle()
    office.keep("sync")
    writes = office.writes()
    assert len(office.cards()) == 2

    result = office.keep("restore", str(copy), "--yes")
    assert result.exit_code == 0
    assert "the former store is kept in" in result.stdout
    assert "keepstep plan" in result.stdout
    [beside] = office.folder.glob("keep.db.replaced-*")
    assert backup.inspect(beside).taken_at is None
    for _ in range(3):
        office.settle(600.0)
        office.keep("sync")
    assert sorted(office.cards().values()) == ["Draft the big plan", "Since the copy"]
    assert {each["Subject"] for each in office.crm.records("Tasks").values()} == {
        "Draft the big plan",
        "Since the copy",
    }
    assert office.writes() == writes


def test_after_it_the_first_plan_names_the_copy_and_waits(office: Office) -> None:
    copy = office.folder / "copy.db"
    office.keep("backup", str(copy))
    office.task("Made while the store was away")
    assert office.keep("restore", str(copy), "--yes").exit_code == 0
    office.settle(600.0)
    result = office.keep("sync")
    assert result.exit_code == 3
    held = office.document("status", code=3)["syncs"][0]["holds"]
    assert [each["reason"] for each in held] == ["store_restored"]
    assert held[0]["message"].startswith("the store was put back from a copy of Nov 2, 2026")
    assert len(office.cards()) == 1
    office.settle(600.0)
    office.keep("apply", "--yes", "--as", "Ann")
    assert len(office.cards()) == 2


def test_nothing_is_replaced_unless_somebody_says_so(office: Office) -> None:
    copy = office.folder / "copy.db"
    office.keep("backup", str(copy))
    result = office.keep("restore", str(copy), answer="n\n")
    assert result.exit_code == 3
    assert "what was decided since is forgotten" in result.stdout
    assert office.keep("restore", str(copy), "--json").exit_code == 3
    assert office.keep("restore", str(copy), answer="").exit_code == 3
    assert backup.inspect(store(office)).taken_at is None
    assert list(office.folder.glob("*.replaced-*")) == []
    assert office.keep("restore", str(copy), answer="y\n").exit_code == 0


@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        ("newer copy", 2, "written by a newer Keepstep (revision 9999)"),
        ("newer store", 2, "written by a newer Keepstep (revision 9999)"),
        ("open", 1, "is in use"),
        ("letter", 1, "neither a store of Keepstep nor a copy"),
        ("other", 2, "is a copy of another store"),
    ],
)
def test_what_must_not_be_replaced_or_put_in_place_is_refused(
    office: Office, spoil: str, code: int, words: str
) -> None:
    copy = office.folder / "copy.db"
    office.keep("plan", "-o", str(office.folder / "plan.json"))  # gives the store its identity
    office.keep("backup", str(copy))
    spoilt = sqlite3.connect(store(office) if spoil in ("newer store", "open") else copy)
    match spoil:
        case "newer copy" | "newer store":
            spoilt.execute("UPDATE alembic_version SET version_num = '9999'")
        case "open":
            spoilt.execute("SELECT count(*) FROM setting").fetchone()
        case "letter":
            copy.write_text("Dear friend")
        case "other":
            spoilt.execute("UPDATE setting SET value = '\"another\"' WHERE name = 'store:identity'")
    spoilt.commit()
    if spoil != "open":
        spoilt.close()
    result = office.keep("restore", str(copy), "--yes")
    assert (result.exit_code, words in result.stderr) == (code, True), result.output
    assert list(office.folder.glob("*.replaced-*")) == []
    spoilt.close()


def test_a_broken_store_is_replaced(office: Office) -> None:
    copy = office.folder / "copy.db"
    office.keep("backup", str(copy))
    store(office).write_bytes(b"not a database" * 500)
    assert office.keep("status").exit_code == 1
    result = office.keep("restore", str(copy), answer="y\n")
    assert result.exit_code == 0
    assert "which cannot be read" in result.stdout
    assert office.keep("status").exit_code in (0, 3)


def test_a_copy_never_overwrites_and_a_server_is_left_to_its_own_tools(office: Office) -> None:
    copy = office.folder / "copy.db"
    copy.write_text("mine")
    result = office.keep("backup", str(copy))
    assert (result.exit_code, copy.read_text()) == (1, "mine")
    assert "is there already" in result.stderr


def test_an_emptied_store_is_refused_by_every_command_until_a_copy_is_put_back(office: Office) -> None:
    copy = office.folder / "copy.db"
    office.keep("backup", str(copy))
    writes = office.writes()
    store(office).write_bytes(b"")
    for command in (("sync",), ("plan",), ("status",), ("timeline",), ("apply", "--yes"), ("backup", "other.db")):
        result = office.keep(*command)
        assert (result.exit_code, result.stdout) == (2, ""), command
        assert f"{store(office)} is an empty file" in result.stderr
        assert "keepstep restore" in result.stderr
    assert store(office).read_bytes() == b""
    assert "is an empty file" in office.keep("doctor").output
    assert office.keep("restore", str(copy), "--yes").exit_code == 0
    office.settle(600.0)
    office.keep("sync")
    assert office.writes() == writes
    assert office.keep("verify").exit_code == 0
