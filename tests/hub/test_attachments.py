"""Files between Jira's issues and Trello's cards, over the stand-ins: each once, and no more than is allowed."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.sandbox.faults import Fault
from keepstep.engine.world import Sync
from keepstep.hub import Hub
from tests.hub.conftest import SYNCS, Company


class Desk:
    """A task on both sides, and who puts files there."""

    def __init__(self, company: Company, **rules: Any) -> None:
        self.company = company
        self.tracker, self.board = company.cores["tracker"], company.cores["board"]
        company.board()
        tasks: Any = SYNCS["tasks"] | {
            "with": ["attachments"],
            "create": {"tracker.issues": {"project": "ACME"}, "board.cards": {"list": "To Do"}},
        }
        tasks |= {"attachments": rules} if rules else {}
        company.only({"tasks": tasks})
        self.issue = self.tracker.create("Ann", "issues", {"summary": "Design", "project": {"key": "ACME"}})
        self.run()
        self.card = next(id for id, raw in self.board.records("cards").items() if raw["name"] == "Design")

    @property
    def hub(self) -> Hub:
        return self.company.hub

    def run(self, rounds: int = 3) -> None:
        self.company.rounds(rounds)

    def on_issue(self, name: str, body: bytes, kind: str = "text/plain") -> str:
        values = {"issue": {"id": self.issue}, "filename": name, "mimeType": kind, "bytes": body}
        return self.tracker.create("Ann", "attachments", values)

    def on_card(self, name: str, body: bytes) -> str:
        values = {"idCard": self.card, "name": name, "file": body, "fileName": name, "mimeType": "text/plain"}
        return self.board.create("Bert", "attachments", values)

    def files(self, side: str) -> dict[str, bytes]:
        """What a side holds, as its own connector gives it away."""
        sync: Sync = self.hub.engine.world.syncs["tasks.attachments"]
        connector: Any = sync.sides[side].connector
        stream = side.partition(".")[2]
        ids = [id for page in connector.ids(stream) for id in page]
        records = [each for each in connector.get(stream, ids) if each.payload.get("isUpload", True)]
        return {
            str(each.payload.get("filename") or each.payload["name"]): b"".join(
                connector.download(stream, each.id).chunks
            )
            for each in records
        }


@pytest.fixture
def desk(company: Company) -> Desk:
    return Desk(company)


def test_files_of_both_sides_meet_each_once(desk: Desk) -> None:
    desk.on_issue("plan.txt", b"the plan")
    desk.on_card("sketch.txt", b"the sketch")
    desk.run()
    both = {"plan.txt": b"the plan", "sketch.txt": b"the sketch"}
    assert desk.files("tracker.attachments") == desk.files("board.attachments") == both
    written = desk.company.written()
    desk.run()
    assert desk.company.written() == written
    assert desk.company.told() == []


def test_a_link_on_a_card_is_no_file(desk: Desk) -> None:
    desk.board.create("Bert", "attachments", {"idCard": desk.card, "url": "https://example.com/", "name": "site"})
    desk.run()
    assert desk.files("tracker.attachments") == {}


def test_the_same_file_on_both_sides_is_carried_nowhere(desk: Desk) -> None:
    desk.on_issue("plan.txt", b"the plan")
    desk.on_card("my plan.txt", b"the plan")
    desk.on_card("other.txt", b"not that")
    written = desk.company.written()
    desk.run()
    assert desk.files("tracker.attachments") == {"plan.txt": b"the plan", "other.txt": b"not that"}
    assert set(desk.files("board.attachments")) == {"my plan.txt", "other.txt"}
    assert desk.company.written() == written | {"tracker": written["tracker"] + 1}


def test_a_file_that_is_too_large_stays_where_it_is_and_that_is_told(company: Company) -> None:
    desk = Desk(company, largest="1kB")
    desk.on_issue("large.bin", b"x" * 1001)
    desk.on_issue("small.bin", b"x" * 1000)
    desk.run()
    assert set(desk.files("board.attachments")) == {"small.bin"}
    assert desk.company.told() == ["file_too_large"]
    assert not [line for line in desk.tracker.requests if "/attachment/content/10" in line and "large" in line]


def test_a_file_held_back_as_harmful_is_told_and_not_asked_for_again(desk: Desk) -> None:
    id = desk.on_card("virus.txt", b"boo")
    raw = next(each for each in desk.board.attachments[desk.card] if each["id"] == id.partition(":")[2])
    raw["isMalicious"] = True
    desk.run()
    assert desk.files("tracker.attachments") == {}
    assert desk.company.told() == ["file_unreadable"]
    asked = len(desk.board.requests)
    desk.run(1)
    assert not [line for line in desk.board.requests[asked:] if "/attachments/" in line]


@pytest.mark.parametrize("fault", ["lost_after", "lost_before"])
def test_an_upload_whose_answer_was_lost_is_made_once(desk: Desk, fault: Any) -> None:
    desk.on_issue("first.txt", b"1")
    desk.run()
    desk.board.faults.switch_on(Fault(fault, "POST .*attachments", times=1))
    desk.on_issue("second.txt", b"2")
    desk.run(6)
    assert desk.files("board.attachments") == {"first.txt": b"1", "second.txt": b"2"}
    assert len([each for each in desk.board.attachments[desk.card] if each["isUpload"]]) == 2
