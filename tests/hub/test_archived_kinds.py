"""Cards that a label makes feedback or a milestone: in the archive they are wanted nowhere else."""

from __future__ import annotations

from typing import Any

from tests.hub.conftest import Company

SYNCS: dict[str, Any] = {
    "milestones": {
        "entity": "milestone",
        "mode": "write",
        "sides": ["board.cards", "tracker.versions"],
        "create": {"tracker.versions": {"project": "ACME"}},
    },
    "feedback": {
        "entity": "feedback",
        "mode": "write",
        "sides": ["board.cards", "tracker.issues"],
        "create": {"tracker.issues": {"project": "ACME"}},
    },
}


def test_what_is_archived_is_made_nowhere_else_until_somebody_brings_it_back(company: Company) -> None:
    place = company.board()
    board, tracker = company.cores["board"], company.cores["tracker"]
    [home] = board.records("boards")
    for name in ("Milestone", "feedback"):
        board.create("Bert", "labels", {"name": name, "color": "red", "idBoard": home})
    company.settings["board"]["labels"] = {"milestone": "Milestone"}
    company.only(SYNCS)
    company.rounds(2)

    def card(name: str, label: str, away: bool) -> str:
        id = board.create("Bert", "cards", {"name": name, "idList": place, "labels": [label]})
        if away:
            board.edit("Bert", "cards", id, {"closed": True})
        return id

    launch = card("Launch", "Milestone", False)
    card("Last year's launch", "Milestone", True)
    slow = card("Too slow", "feedback", True)

    def versions() -> list[tuple[str, bool]]:
        return [(each["name"], each["archived"]) for each in tracker.records("versions").values()]

    company.rounds(3)
    assert versions() == [("Launch", False)]
    assert tracker.records("issues") == {}
    board.edit("Bert", "cards", launch, {"closed": True})
    board.edit("Bert", "cards", slow, {"closed": False})
    company.rounds(3)
    assert versions() == [("Launch", True)]
    assert [each["fields"]["summary"] for each in tracker.records("issues").values()] == ["Too slow"]
    [version] = tracker.records("versions")
    tracker.edit("Ann", "versions", version, {"archived": False})
    company.rounds(3)
    assert board.records("cards")[launch]["closed"] is False
    company.quiet()
