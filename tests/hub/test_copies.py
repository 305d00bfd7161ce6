"""Documents that are copied between two stores of bytes: each once, and in step from then on."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from connectors.base import Abilities
from connectors.sandbox.faults import Fault
from keepstep.config import ConfigurationError
from keepstep.engine.world import Side
from keepstep.store import tables as t
from tests.hub.conftest import Company

FOLDERS: dict[str, tuple[str, list[str], str, dict[str, str]]] = {
    "customers": ("customer", ["crm.Accounts"], "client_folders", {}),
    "projects": ("project", ["crm.Deals"], "project_folders", {"parent": "customer"}),
    "folders": ("folder", [], "category_folders", {"parent": "project"}),
    "documents": ("document", [], "files", {"parent": "folder"}),
}


class Archive:
    """Two Drives of the same shape: a customer, a project and a folder for plans."""

    def __init__(self, company: Company, **rules: Any) -> None:
        company.another("archive", "google_drive")
        self.company = company
        self.cores: dict[str, Any] = {name: company.cores[name] for name in ("files", "archive")}
        syncs: dict[str, Any] = {}
        for name, (entity, above, stream, place) in FOLDERS.items():
            sides = [f"{each}.{stream}" for each in self.cores]
            syncs[name] = {"entity": entity, "mode": "write", "sides": [*above, *sides]}
            syncs[name]["create"] = dict.fromkeys(sides, place)
        syncs["documents"] |= {"content": "copy", **rules}
        self.hub = company.only(syncs, documents={"categories": ["plan"]})
        company.deal()
        self.run(8)

    def run(self, rounds: int = 3, *, let_through: bool = True) -> None:
        self.company.rounds(rounds, let_through)

    def plan(self, side: str) -> str:
        return next(iter(self.cores[side].records("category_folders")))

    def put(self, name: str, body: str, side: str = "files", **more: Any) -> str:
        values = {"name": name, "parents": [self.plan(side)], "content": body, "mimeType": "application/pdf", **more}
        return str(self.cores[side].create("Ada", "files", values))

    def held(self, side: str) -> dict[str, bytes]:
        core = self.cores[side]
        return {row["name"]: bytes(core.store.items[id].content) for id, row in core.records("files").items()}

    def id(self, side: str, name: str) -> str:
        return next(id for id, row in self.cores[side].records("files").items() if row["name"] == name)

    def read(self) -> list[str]:
        """Names of the first Drive's files whose bytes were asked for; all else of a file is asked for in batches."""
        ids = [
            line.rpartition("/")[2] for line in self.cores["files"].requests if line.startswith("GET /drive/v3/files/")
        ]
        names = {id: row["name"] for id, row in self.cores["files"].records("files").items()}
        return [names[id] for id in ids if id in names]


@pytest.fixture
def archive(company: Company) -> Archive:
    return Archive(company)


def test_documents_are_copied_with_their_bytes_each_once_both_ways(archive: Archive) -> None:
    archive.put("plan.pdf", "the plan")
    archive.put("sketch.pdf", "the sketch", "archive")
    archive.run()
    assert archive.read() == ["plan.pdf"]
    assert archive.held("files") == archive.held("archive") == {"plan.pdf": b"the plan", "sketch.pdf": b"the sketch"}
    assert archive.company.told() == []
    row = archive.cores["archive"].records("files")[archive.id("archive", "plan.pdf")]
    assert row["parents"] == [archive.plan("archive")]
    assert row["mimeType"] == "application/pdf"
    archive.company.quiet()


def test_new_content_and_a_new_name_follow_on_either_side(archive: Archive) -> None:
    first = archive.put("plan.pdf", "the plan")
    archive.run()
    archive.cores["files"].edit("Ada", "files", first, {"content": "the new plan"})
    archive.run()
    assert archive.held("archive") == {"plan.pdf": b"the new plan"}
    copy = archive.id("archive", "plan.pdf")
    archive.cores["archive"].edit("Bo", "files", copy, {"content": "the newest plan", "name": "plan 3.pdf"})
    archive.run()
    assert archive.held("files") == {"plan 3.pdf": b"the newest plan"}
    assert list(archive.cores["archive"].records("files")) == [copy], "the same file, not another"
    archive.company.quiet()


def test_different_new_contents_are_a_conflict_and_a_decision_copies(archive: Archive) -> None:
    from keepstep.engine.decisions import resolve

    first = archive.put("plan.pdf", "the plan")
    archive.run()
    archive.cores["files"].edit("Ada", "files", first, {"content": "hers"})
    archive.cores["archive"].edit("Bo", "files", archive.id("archive", "plan.pdf"), {"content": "his"})
    archive.run()
    assert (archive.held("files"), archive.held("archive")) == ({"plan.pdf": b"hers"}, {"plan.pdf": b"his"})
    with archive.hub.store.read() as tx:
        [row] = tx.all(sa.select(t.conflict))
    assert row["field"] == "content_hash"
    resolve(archive.hub.ports, "documents", row["entity"], row["field"], "archive.files", row["state"]["rev"], "Ada")
    archive.run()
    assert archive.held("files") == archive.held("archive") == {"plan.pdf": b"his"}
    archive.company.quiet()


def test_the_same_bytes_in_the_same_folder_are_not_copied_again(archive: Archive) -> None:
    archive.put("plan.pdf", "the plan", "archive")
    archive.run()
    archive.put("plan of mine.pdf", "the plan")
    archive.run()
    assert Counter(archive.held("archive").values()) == {b"the plan": 1}
    archive.company.quiet()


def test_what_is_too_large_or_in_googles_own_format_is_told_and_linked_only(company: Company) -> None:
    archive = Archive(company, largest="1kB")
    archive.put("large.pdf", "x" * 1001)
    archive.put("small.pdf", "x" * 1000)
    archive.put("notes", "in Docs", mimeType="application/vnd.google-apps.document")
    archive.run()
    assert set(archive.held("archive")) == {"small.pdf"}
    assert archive.company.told() == ["document_without_bytes", "file_too_large"]
    assert archive.read() == ["small.pdf"], "what is too large is not even read"
    large = archive.id("files", "large.pdf")
    archive.cores["files"].edit("Ada", "files", large, {"content": "less"})
    archive.run()
    assert archive.held("archive")["large.pdf"] == b"less"
    assert archive.company.told() == ["document_without_bytes"]


def test_a_lost_answer_makes_no_second_copy(archive: Archive) -> None:
    archive.cores["archive"].faults.switch_on(Fault("lost_after", "write", times=3))
    archive.put("plan.pdf", "the plan")
    archive.run(2)
    archive.cores["archive"].faults.clear()
    archive.company.clock.advance(3600)
    archive.run(4)
    assert archive.held("archive") == {"plan.pdf": b"the plan"}
    assert len(archive.cores["archive"].records("files")) == 1
    archive.company.quiet()


def test_a_file_held_back_as_harmful_is_told(archive: Archive) -> None:
    id = archive.put("virus.pdf", "boo")
    archive.cores["files"].hold_back(id)
    archive.run()
    assert archive.held("archive") == {}
    assert archive.company.told() == ["file_unreadable"]


def test_nothing_is_copied_to_where_clients_read_before_a_person_has_seen_it(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Side.abilities.fget
    assert own is not None

    def open_to_clients(side: Side) -> Abilities:
        found: Abilities = own(side)
        return msgspec.structs.replace(found, audience="client") if side.name == "archive.files" else found

    monkeypatch.setattr(Side, "abilities", property(open_to_clients))
    archive.put("plan.pdf", "the plan")
    archive.run(3, let_through=False)
    assert archive.held("archive") == {}
    assert "guard_client_would_get" in archive.company.told()
    archive.run(1)
    archive.run(1, let_through=False)
    assert archive.held("archive") == {"plan.pdf": b"the plan"}
    archive.put("more.pdf", "more")
    archive.run(3, let_through=False)
    assert set(archive.held("archive")) == {"plan.pdf"}, "a permission holds for what was shown"


def test_by_default_documents_are_linked_only(company: Company) -> None:
    archive = Archive(company, content="link", create={})
    archive.put("plan.pdf", "the plan")
    archive.run()
    assert archive.held("archive") == {}
    assert archive.read() == []


def test_mistakes_are_told_with_their_place(company: Company) -> None:
    task = {"entity": "task", "sides": ["tracker.issues"], "content": "copy"}
    document = {"entity": "document", "sides": ["files.files"], "largest": "1MB"}
    with pytest.raises(ConfigurationError) as caught:
        company.build(syncs={"tasks": task, "documents": document}, changes_to_tasks=None)
    assert [each.code for each in caught.value.problems] == ["copies_documents", "largest_unused"]


def test_where_only_one_side_holds_bytes_that_is_told(company: Company) -> None:
    sync = {"entity": "document", "sides": ["files.files", "tracker.remote_links"], "content": "copy"}
    company.only({"documents": sync})
    company.hub.round()
    assert company.told() == ["nothing_copied"]
