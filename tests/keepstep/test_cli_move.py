"""``move``, over stand-ins of a CRM and a board."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.databases import Databases
from tests.keepstep.office import Office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    office = Office(tmp_path)
    office.task("Draft the plan", Due_Date="2026-11-30")
    assert office.keep("apply", "--yes", "--as", "Ann").exit_code in (0, 3)
    office.settle()
    assert office.keep("sync").exit_code in (0, 3)
    return office


def test_the_work_goes_on_in_the_other_database(office: Office, databases: Databases) -> None:
    former, writes = office.store, office.writes()
    office.environ["STORE"] = databases.url()
    moved = office.keep("move", "${STORE}", answer="y\n")
    assert moved.exit_code == 0, moved.output
    assert "write `store: ${STORE}` into the configuration" in moved.stdout

    refused = office.keep("status")
    assert refused.exit_code == 2
    assert "was moved to" in refused.stderr
    assert "store_moved" in office.keep("sync", "--json").stdout

    office.store = "${STORE}"
    assert office.keep("plan").exit_code == 0
    [card] = office.cards()
    office.board.edit("Ada", "cards", card, {"name": "Draft the big plan"})
    office.settle()
    assert office.keep("sync").exit_code == 0
    assert [each["Subject"] for each in office.crm.records("Tasks").values()] == ["Draft the big plan"]
    assert office.cards() == {card: "Draft the big plan"}
    assert len(office.writes()) == len(writes) + 1
    assert office.store != former


def test_without_a_word_everything_stays(office: Office) -> None:
    target = f"sqlite:///{office.folder}/other.db"
    assert office.keep("move", target, answer="n\n").exit_code == 3
    assert office.keep("move", target, "--json").exit_code == 3
    assert not (office.folder / "other.db").exists()
    told = office.document("move", target, "--yes")
    assert told == {"from": office.store, "to": target, "rows": told["rows"]}
    assert told["rows"] > 10


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("${NOWHERE}", "the variable NOWHERE in the address is not set"),
        ("${", "the variable ${ in the address is not set"),
        ("oracle://here", "oracle"),
        ("other.db", "sqlite:///"),
        ("sqlite://", "a store in memory cannot be moved"),
        ("sqlite:///{folder}/keep.db", "holds something already"),
        ("sqlite:///{folder}/keepstep.yaml", "keepstep.yaml"),
        ("sqlite:///{folder}/no/such/folder.db", "folder.db"),
    ],
)
def test_where_it_cannot_go_it_is_told(office: Office, target: str, words: str) -> None:
    result = office.keep("move", target.replace("{folder}", str(office.folder)), "--yes")
    assert result.exit_code in (1, 2)
    assert words in result.stderr
    assert office.keep("sync").exit_code == 0
