"""People are called by the names that the systems tell, now and after a change of name; our own account is Keepstep."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from keepstep.engine.forget import forget, known_people
from keepstep.engine.people import KEEPSTEP, People, learn
from keepstep.store import tables as t
from tests.hub.conftest import SYNCS, Company


@pytest.fixture
def there(company: Company) -> dict[str, str]:
    """Records of four systems, each last changed by a person: side -> id. What follows from them is written."""
    crm, tracker, board, files = (company.cores[name] for name in ("crm", "tracker", "board", "files"))
    inbox = company.board()
    company.only({"customers": SYNCS["customers"], "tasks": SYNCS["tasks"] | {"with": ["comments"]}})
    account = crm.create("Anna", "Accounts", {"Account_Name": "Müller GmbH"})
    folder = files.create("Fritz", "client_folders", {"name": "Müller GmbH"})
    issue = tracker.create("Jana", "issues", {"summary": "Ask", "project": {"key": "ACME"}})
    company.rounds(2)
    card = board.create("Bert", "cards", {"name": "Draw", "idList": inbox})
    comment = tracker.create("Jana", "comments", {"issue": {"id": issue}, "body": "Done?"})
    company.clock.advance(600)
    company.rounds(3)
    return {
        "crm.Accounts": account,
        "files.client_folders": folder,
        "board.cards": card,
        "tracker.comments": comment,
    }


def author(company: Company, side: str, id: str) -> str:
    """Who last changed a record, as it is told."""
    with company.hub.store.read() as tx:
        by = tx.scalar(sa.select(t.record.c.modified_by).where(t.record.c.side == side, t.record.c.id == id))
        return People(tx).author(side.partition(".")[0], by)


def test_whoever_changed_a_record_is_called_as_the_system_calls_them(company: Company, there: dict[str, str]) -> None:
    assert {side: author(company, side, id) for side, id in there.items()} == {
        "crm.Accounts": "Anna",
        "files.client_folders": "Fritz",
        "board.cards": "Bert",
        "tracker.comments": "Jana",
    }


def test_what_was_written_here_is_by_keepstep_and_an_edit_after_it_is_not(
    company: Company, there: dict[str, str]
) -> None:
    crm, files = company.cores["crm"], company.cores["files"]
    crm.create("Anna", "Accounts", {"Account_Name": "Acme plc"})
    company.rounds(3)
    made = next(id for id, each in files.records("client_folders").items() if each["name"] == "Acme plc")
    assert author(company, "files.client_folders", made) == KEEPSTEP
    assert author(company, "files.client_folders", there["files.client_folders"]) == "Fritz"
    files.edit("Fritz", "client_folders", made, {"name": "Acme"})
    company.rounds(1)
    assert author(company, "files.client_folders", made) == "Fritz"


def test_who_changed_a_name_is_called_by_the_new_one_everywhere_from_their_next_edit_on(
    company: Company, there: dict[str, str]
) -> None:
    crm = company.cores["crm"]
    other = crm.create("Anna", "Accounts", {"Account_Name": "Acme plc"})
    company.rounds(1)
    crm.ledger.users[crm.hire("Anna")]["full_name"] = "Anna Weber"
    crm.edit("Anna Weber", "Accounts", there["crm.Accounts"], {"Description": "moved"})
    company.rounds(1)
    assert author(company, "crm.Accounts", there["crm.Accounts"]) == "Anna Weber"
    assert author(company, "crm.Accounts", other) == "Anna Weber"


def test_whoever_is_forgotten_is_known_by_no_name_even_if_they_were_never_more_than_an_author(
    company: Company, there: dict[str, str]
) -> None:
    ports = company.hub.ports
    [fritz] = known_people(ports, "Fritz")
    forget(ports, "Fritz", fritz, ["customers", "tasks"], "Ann")
    with company.hub.store.read() as tx:
        rows = [str(row) for table in t.metadata.sorted_tables for row in tx.all(sa.select(table))]
    assert not [row for row in rows if "Fritz" in row]
    assert known_people(ports, "Fritz") == []
    [account] = fritz.accounts
    assert not [row for row in rows if account.partition(":")[2] in row]
    assert author(company, "board.cards", there["board.cards"]) == "Bert"


def test_a_conflict_names_whoever_a_boards_history_tells_of(company: Company, there: dict[str, str]) -> None:
    board, tracker = company.cores["board"], company.cores["tracker"]
    issue = next(id for id, each in tracker.records("issues").items() if each["fields"]["summary"] == "Draw")
    board.edit("Bert", "cards", there["board.cards"], {"name": "Draw it"})
    tracker.edit("Jana", "issues", issue, {"summary": "Draw that"})
    company.clock.advance(600)
    company.rounds(1)
    with company.hub.store.read() as tx:
        finding = tx.one(sa.select(t.finding.c.params).where(t.finding.c.code == "conflict"))
    assert finding is not None
    told = {each["side"]: each["by"] for each in finding["params"]["candidates"]}
    assert {side: told[side] for side in ("board.cards", "tracker.issues")} == {
        "board.cards": "Bert",
        "tracker.issues": "Jana",
    }


def test_an_address_that_is_told_after_a_name_still_makes_two_accounts_one_person(company: Company) -> None:
    with company.hub.store.write() as tx:
        learn(tx, (), "crm", {"900": "Mia Wong"})
        people = People(tx)
        tracked = people.person("tracker", {"account": "5b1", "name": "mia", "email": "mia@acme.example"})
        assert people.person("crm", {"account": "900"}) != tracked
        people.save()
    with company.hub.store.write() as tx:
        people = People(tx)
        found = people.person("crm", {"account": "900", "name": "Wong, Mia", "email": "Mia@acme.example"})
        people.save()
    with company.hub.store.read() as tx:
        people = People(tx)
        assert people.person("tracker", {"account": "5b1"}) == found
        assert people.author("crm", "900") == people.author("tracker", "5b1") == "Mia Wong"
        assert people.author("crm", "901") == "901"
