"""Documents in the wrong folder: told, closed once they lie rightly, never touched."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from connectors.sandbox.faults import Fault
from keepstep.store import tables as t
from tests.hub.conftest import Company

LINKED = {"documents": {"categories": ["plan", "requirements", "design", "test", "report"]}}


@pytest.fixture
def settled(company: Company) -> Company:
    """A project with its five category folders, all linked."""
    company.hub = company.build(**LINKED)
    company.deal()
    company.rounds(7)
    return company


def folder(company: Company, name: str) -> str:
    (id,) = [id for id, row in company.cores["files"].records("category_folders").items() if row["name"] == name]
    return id


def put(company: Company, title: str, parent: str) -> str:
    values = {"name": title, "mimeType": "application/pdf", "parents": [parent]}
    return company.cores["files"].create("Bert", "files", values)


def misplaced(company: Company, state: str = "open") -> list[dict[str, Any]]:
    query = sa.select(t.finding).where(t.finding.c.code == "document_misplaced", t.finding.c.state == state)
    with company.hub.store.read() as tx:
        return [dict(row["params"]) for row in tx.all(query)]


def test_a_title_that_names_another_category_is_told_with_both_folders(settled: Company) -> None:
    put(settled, "Lastenheft v3.pdf", folder(settled, "Plan"))
    settled.rounds(2)
    (found,) = misplaced(settled)
    assert (found["title"], found["place"], found["folder"]) == ("Lastenheft v3.pdf", "Plan", "Requirements")
    assert found["folder_url"].endswith(folder(settled, "Requirements"))
    assert found["project"] == "Website"


def test_one_that_lies_beside_the_folders_is_told_too(settled: Company) -> None:
    put(settled, "Abschlussbericht.pdf", next(iter(settled.cores["files"].records("project_folders"))))
    settled.rounds(2)
    assert [(found["place"], found["folder"]) for found in misplaced(settled)] == [("Website", "Report")]


@pytest.mark.parametrize(
    ("title", "place"),
    [
        ("Requirements.pdf", "Requirements"),
        ("Test plan.pdf", "Design"),
        ("Invoice 17.pdf", "Plan"),
        ("Planet Express.pdf", "Design"),
    ],
    ids=["rightly", "two categories", "none", "part of a word"],
)
def test_what_lies_rightly_or_nobody_can_tell_is_left_in_peace(settled: Company, title: str, place: str) -> None:
    put(settled, title, folder(settled, place))
    settled.rounds(2)
    assert misplaced(settled) == []


def test_it_is_closed_once_the_document_was_moved_and_no_write_was_made(settled: Company) -> None:
    id = put(settled, "Design.pdf", folder(settled, "Test"))
    settled.rounds(3)
    assert len(misplaced(settled)) == 1
    files = settled.cores["files"]
    assert files.records("files")[id]["parents"] == [folder(settled, "Test")]
    files.edit("Bert", "files", id, {"parents": [folder(settled, "Design")]})
    settled.rounds(2)
    assert misplaced(settled) == []
    assert len(misplaced(settled, "resolved")) == 1


def test_it_is_closed_once_the_folder_goes(settled: Company) -> None:
    put(settled, "Design.pdf", folder(settled, "Test"))
    settled.rounds(2)
    settled.cores["files"].delete("Bert", "category_folders", folder(settled, "Design"))
    settled.rounds(2)
    assert misplaced(settled) == []


def test_a_document_seen_before_its_folders_is_told_once_they_are_there(company: Company) -> None:
    company.hub = company.build(**LINKED)
    company.deal()
    files = company.cores["files"]
    while not files.records("project_folders"):
        company.rounds()
    put(company, "Lastenheft.pdf", next(iter(files.records("project_folders"))))
    files.faults.switch_on(Fault("unavailable", "POST /drive/v3/files"))
    company.rounds(2)
    assert misplaced(company) == []
    files.faults.clear()
    company.rounds(5)
    assert [found["folder"] for found in misplaced(company)] == ["Requirements"]


def test_nothing_is_said_where_no_categories_are_kept(company: Company) -> None:
    company.hub = company.build(documents={"categories": []})
    company.deal()
    company.rounds(4)
    put(company, "Lastenheft.pdf", next(iter(company.cores["files"].records("project_folders"))))
    company.rounds(2)
    assert misplaced(company) == []
