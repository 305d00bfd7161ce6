"""Descriptions of Jira that hold more than Markdown can say, edited on the board."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from keepstep.store import tables as t
from tests.hub.conftest import SYNCS, Company


def text(said: str, *marks: dict[str, Any]) -> dict[str, Any]:
    return {"type": "text", "text": said, **({"marks": list(marks)} if marks else {})}


def paragraph(*nodes: dict[str, Any]) -> dict[str, Any]:
    return {"type": "paragraph", "content": list(nodes)}


def row(kind: str, *cells: str) -> dict[str, Any]:
    return {
        "type": "tableRow",
        "content": [{"type": kind, "attrs": {}, "content": [paragraph(text(cell))]} for cell in cells],
    }


ASK = paragraph(text("Ask them."))


BLOCKS = {
    "mention": paragraph(text("Ask "), {"type": "mention", "attrs": {"id": "ann", "text": "@Ann"}}),
    "colour": paragraph(text("red", {"type": "textColor", "attrs": {"color": "#ff5630"}}), text(" alert")),
    "underlined": paragraph(text("mind ", {"type": "underline"}), text("this")),
    "card": paragraph(text("see "), {"type": "inlineCard", "attrs": {"url": "https://example.com/a_b_c"}}),
    "panel": {"type": "panel", "attrs": {"panelType": "info"}, "content": [paragraph(text("Mind this"))]},
    "table": {"type": "table", "content": [row("tableHeader", "a", "b"), row("tableCell", "1", "2")]},
    "image": {
        "type": "mediaSingle",
        "attrs": {"layout": "center"},
        "content": [{"type": "media", "attrs": {"id": "f", "type": "file", "collection": "", "alt": "plan.png"}}],
    },
    "odd words": paragraph(text("https://example.com/_a_b_ and {x} (x)")),
}


def linked(company: Company, block: dict[str, Any]) -> tuple[str, str, str]:
    """An issue with such a text and the card made of it; their ids, and what the card says."""
    place = company.board()
    board, tracker = company.cores["board"], company.cores["tracker"]
    company.only({"tasks": SYNCS["tasks"] | {"create": {"board.cards": {"list": place}}}})
    company.rounds(2)
    doc = {"type": "doc", "version": 1, "content": [block, ASK]}
    issue = tracker.create("Ann", "issues", {"summary": "Paint", "project": {"key": "ACME"}, "description": doc})
    company.rounds(3)
    [card] = board.records("cards")
    said = board.records("cards")[card]["desc"]
    assert said.endswith("\n\nAsk them.")
    return issue, card, said


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_an_edit_of_such_a_text_is_no_conflict_and_is_not_taken_for_another_edit(
    company: Company, block: dict[str, Any]
) -> None:
    issue, card, said = linked(company, block)
    board, tracker = company.cores["board"], company.cores["tracker"]
    board.edit("Bert", "cards", card, {"desc": said.replace("Ask them.", "Ask **them** today.")})
    company.rounds(3)
    [first, *rest] = tracker.records("issues")[issue]["fields"]["description"]["content"]
    assert first == block  # nobody touched it
    assert "".join(node["text"] for node in rest[0]["content"]) == "Ask them today."
    with company.hub.store.read() as tx:
        assert "conflict_closed" not in {line["code"] for line in tx.all(sa.select(t.audit))}
    assert company.told() == []
    company.quiet()
    assert board.records("cards")[card]["desc"] == said.replace("Ask them.", "Ask **them** today.")


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_what_somebody_said_there_between_our_look_and_our_write_is_told(
    company: Company, block: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    issue, card, said = linked(company, block)
    board, tracker = company.cores["board"], company.cores["tracker"]
    serve: Any = tracker.handle
    theirs = paragraph(text("Never mind."))

    def at_once(request: Any) -> Any:
        if request.method == "PUT" and request.path.endswith(f"/issue/{issue}"):
            monkeypatch.setattr(tracker, "handle", serve)
            doc = {"type": "doc", "version": 1, "content": [block, theirs]}
            tracker.edit("Ann", "issues", issue, {"description": doc})
        return serve(request)

    monkeypatch.setattr(tracker, "handle", at_once)
    board.edit("Bert", "cards", card, {"desc": said.replace("Ask them.", "Ask **them** today.")})
    company.rounds(3)
    with company.hub.store.read() as tx:
        [told] = tx.all(sa.select(t.finding).where(t.finding.c.code == "conflict", t.finding.c.state == "open"))
    assert "Never mind." in str(told["params"])


WRITTEN = {
    "image in a line": "Text ![plan](https://e.example/i.png) here",
    "image on its own line": "Text\n![plan](https://e.example/i.png)",
    "image in a table": "| a | b |\n|---|---|\n| ![i](https://e.example/i.png) | 2 |",
    "heading in a quote": "> # Mind this\n>\n> and that",
    "rule in a list": "- first\n\n  ---\n\n  more",
    "table in a quote": "> | a | b |\n> |---|---|\n> | 1 | 2 |",
    "quotes in quotes": "> - a\n>\n> > deep",
    "quote in a list": "1. a\n\n   > q",
}


@pytest.mark.parametrize("said", WRITTEN.values(), ids=WRITTEN)
def test_what_a_card_says_and_no_document_of_jira_can_stays_on_the_card(company: Company, said: str) -> None:
    place = company.board()
    board, tracker = company.cores["board"], company.cores["tracker"]
    company.only({"tasks": SYNCS["tasks"] | {"create": {"tracker.issues": {"project": "ACME"}}}})
    company.rounds(2)
    card = board.create("Bert", "cards", {"idList": place, "name": "Paint", "desc": said})
    company.rounds(3)
    [issue] = tracker.records("issues")
    company.quiet()
    for more in ("\n\nFirst more.", "\n\nSecond more."):
        said += more
        board.edit("Bert", "cards", card, {"desc": said})
        company.rounds(3)
        assert board.records("cards")[card]["desc"] == said
        [*_, last] = tracker.records("issues")[issue]["fields"]["description"]["content"]
        assert last["content"][-1]["text"] == more.strip()
        assert company.told() == []
    tracker.edit("Ann", "issues", issue, {"summary": "Paint it"})
    company.rounds(3)
    assert board.records("cards")[card] | {"desc": said, "name": "Paint it"} == board.records("cards")[card]
    assert company.told() == []
    company.quiet()


@pytest.mark.parametrize("said", WRITTEN.values(), ids=WRITTEN)
def test_a_store_that_begins_anew_finds_no_difference_in_it(company: Company, said: str) -> None:
    place = company.board()
    board, tracker = company.cores["board"], company.cores["tracker"]
    tasks: Any = SYNCS["tasks"] | {"create": {"tracker.issues": {"project": "ACME"}}}
    company.only({"tasks": tasks})
    company.rounds(2)
    card = board.create("Bert", "cards", {"idList": place, "name": "Paint", "desc": said})
    company.rounds(3)
    before = company.written()
    with company.hub.store.write() as tx:
        for table in reversed(t.metadata.sorted_tables):
            tx.execute(sa.delete(table))
    company.only({"tasks": tasks | {"match": ["title"]}})
    company.rounds(4)
    assert company.told() == []
    assert company.written() == before
    assert board.records("cards")[card]["desc"] == said
    assert len(tracker.records("issues")) == 1
