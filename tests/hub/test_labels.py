"""Labels between a board and Jira, which takes none with white space."""

from __future__ import annotations

from tests.hub.conftest import SYNCS, Company


def test_a_label_that_jira_refuses_keeps_no_other_back_and_is_told(company: Company) -> None:
    place = company.board()
    board, tracker = company.cores["board"], company.cores["tracker"]
    home = next(iter(board.records("boards")))
    for name in ("bug", "Needs review", "later"):
        board.create("Bert", "labels", {"name": name, "color": "red", "idBoard": home})
    company.only({"tasks": SYNCS["tasks"]})
    company.rounds(2)
    card = board.create("Bert", "cards", {"name": "Paint", "idList": place, "labels": ["bug", "Needs review"]})
    company.rounds(3)
    [issue] = tracker.records("issues")

    def shown() -> tuple[set[str], set[str]]:
        ours = tracker.records("issues")[issue]["fields"]["labels"]
        theirs = board.records("cards")[card]["labels"]
        return {each for each in ours if not each.startswith("keepstep-")}, {each["name"] for each in theirs}

    assert shown() == ({"bug"}, {"bug", "Needs review"})
    assert company.told().count("record_refused") == 1
    tracker.edit("Ann", "issues", issue, {"labels": [*tracker.records("issues")[issue]["fields"]["labels"], "later"]})
    company.rounds(3)
    assert shown() == ({"bug", "later"}, {"bug", "later", "Needs review"})
    board.edit("Bert", "cards", card, {"labels": ["Needs review", "later"]})
    company.rounds(3)
    assert shown() == ({"later"}, {"later", "Needs review"})
    company.quiet()
