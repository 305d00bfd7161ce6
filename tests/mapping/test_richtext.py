"""What each node and mark becomes, and what an edit leaves alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mapping.model import Loss
from mapping.richtext import adf_to_markdown, markdown_to_adf, markdown_to_plain, normal_markdown, plain_to_markdown
from tests.mapping.richtext_documents import Node, block, bullets, colour, doc, link, mention, para, text


def reads(*content: Node) -> tuple[str | None, list[tuple[str, str]]]:
    shown, losses = adf_to_markdown(doc(*content))
    return shown, [(loss.field, loss.why) for loss in losses]


CELL = {"type": "tableCell"}

SHOWN: list[tuple[str, list[Node], str | None, list[tuple[str, str]]]] = [
    (
        "marks",
        [para("a ", text("b", "strong"), " ", text("c", "em"), " ", text("d", "strike"), " ", text("e", "code"))],
        "a **b** *c* ~~d~~ `e`",
        [],
    ),
    ("white space leaves the mark", [para("see", text(" this ", "strong"), "now")], "see **this** now", []),
    ("punctuation leaves the mark before a letter", [para(text("注意：", "strong"), "请")], "**注意**：请", []),
    ("link", [para(link("plan", "https://a.example/x_(y)"))], "[plan](https://a.example/x_\\(y\\))", []),
    ("bare link", [para(link("https://a.example", "https://a.example"))], "https://a.example", []),
    (
        "bare link with signs",
        [para(link("https://a.example/_b", "https://a.example/_b"))],
        "<https://a.example/_b>",
        [],
    ),
    (
        "bare link that a letter follows",
        [para(link("https://a.example", "https://a.example"), "b")],
        "<https://a.example>b",
        [],
    ),
    ("script link", [para(link("plan", "java\nscript:alert(1)"))], "plan", [("link", "link_refused")]),
    ("heading", [block("heading", text("Plan #"), level=3)], "### Plan \\#", []),
    (
        "break",
        [para("a", {"type": "hardBreak"}, "b", {"type": "hardBreak"}, {"type": "hardBreak"}, "c")],
        "a\nb\n\\\nc",
        [],
    ),
    (
        "lists",
        [bullets(para("a"), para("b")), block("orderedList", block("listItem", para("c")), order=7)],
        "- a\n- b\n\n7. c",
        [],
    ),
    ("lists side by side", [bullets(para("a")), bullets(para("b"))], "- a\n\n* b", []),
    (
        "tasks",
        [block("taskList", block("taskItem", text("a"), state="DONE"), block("taskItem", text("b"), state="TODO"))],
        "- [x] a\n- [ ] b",
        [("taskList", "shown_as_text")],
    ),
    (
        "decision",
        [block("decisionList", block("decisionItem", text("go"), state="DECIDED"))],
        "- [x] go",
        [("decisionList", "shown_as_text")],
    ),
    ("quote", [block("blockquote", para("a"), para("b"))], "> a\n>\n> b", []),
    ("panel", [block("panel", para("careful"), panelType="warning")], "> careful", [("panel", "shown_as_quote")]),
    (
        "expand",
        [block("expand", para("inside"), title="More")],
        "> **More**\n>\n> inside",
        [("expand", "shown_as_quote")],
    ),
    ("code", [block("codeBlock", text("a\n```\nb"), language="c++")], "````c++\na\n```\nb\n````", []),
    ("rule", [{"type": "rule"}], "---", []),
    (
        "table",
        [
            block(
                "table",
                block("tableRow", block("tableHeader", para("a|b"))),
                block("tableRow", block("tableCell", para("c"))),
            )
        ],
        "| a\\|b |\n| --- |\n| c |",
        [],
    ),
    (
        "table without header",
        [block("table", block("tableRow", block("tableCell", para("c")), block("tableCell")))],
        "|  |  |\n| --- | --- |\n| c |  |",
        [],
    ),
    ("mention", [para(mention("Mia Wong"))], "@Mia Wong", [("mention", "shown_as_text")]),
    (
        "date",
        [para({"type": "date", "attrs": {"timestamp": "1767225600000"}})],
        "2026-01-01",
        [("date", "shown_as_text")],
    ),
    (
        "status",
        [para({"type": "status", "attrs": {"text": "OPEN", "color": "blue"}})],
        "OPEN",
        [("status", "shown_as_text")],
    ),
    (
        "emoji",
        [para({"type": "emoji", "attrs": {"shortName": ":smile:", "text": "😄"}})],
        "😄",
        [("emoji", "shown_as_text")],
    ),
    (
        "inline card",
        [para({"type": "inlineCard", "attrs": {"url": "https://a.example"}})],
        "https://a.example",
        [("inlineCard", "shown_as_link")],
    ),
    (
        "block card",
        [{"type": "blockCard", "attrs": {"url": "https://a.example"}}],
        "https://a.example",
        [("blockCard", "shown_as_link")],
    ),
    (
        "outside image",
        [
            block(
                "mediaSingle",
                {"type": "media", "attrs": {"type": "external", "url": "https://a.example/i.png", "alt": "logo"}},
            )
        ],
        "![logo](https://a.example/i.png)",
        [("media", "not_carried")],
    ),
    (
        "file",
        [block("mediaGroup", {"type": "media", "attrs": {"type": "file", "id": "1", "alt": "plan.pdf"}})],
        "[plan.pdf]",
        [("media", "not_carried")],
    ),
    ("colour", [para(colour("red"))], "red", [("textColor", "mark_dropped")]),
    (
        "under and beside",
        [para(text("u", "underline"), text("2", "subsup"))],
        "u2",
        [("underline", "mark_dropped"), ("subsup", "mark_dropped")],
    ),
    (
        "layout",
        [block("layoutSection", block("layoutColumn", para("a")), block("layoutColumn", para("b")))],
        "a\n\nb",
        [("layoutSection", "layout"), ("layoutColumn", "layout")],
    ),
    (
        "extension",
        [{"type": "extension", "attrs": {"extensionKey": "toc", "extensionType": "x"}}],
        "[toc]",
        [("extension", "extension")],
    ),
    (
        "bodied extension",
        [block("bodiedExtension", para("a"), extensionKey="x")],
        "a",
        [("bodiedExtension", "extension")],
    ),
    ("unknown block", [block("hologram", para("a"))], "a", [("hologram", "unknown_node")]),
    ("unknown inline", [para("a ", {"type": "spark", "attrs": {"text": "b"}})], "a b", [("spark", "unknown_node")]),
    (
        "unknown nodes that show a title",
        [{"type": "chart", "attrs": {"title": "Sales"}}, para({"type": "gauge", "attrs": {"label": "70 %"}})],
        "Sales\n\n70 %",
        [("chart", "unknown_node"), ("gauge", "unknown_node")],
    ),
    (
        "what an editor wrapped because it did not know it",
        [
            {"type": "unsupportedBlock", "attrs": {"originalValue": para("kept")}},
            para({"type": "unsupportedInline", "attrs": {"originalValue": {"type": "text", "text": "too"}}}),
        ],
        "kept\n\ntoo",
        [("unsupportedBlock", "unknown_node"), ("unsupportedInline", "unknown_node")],
    ),
    ("nothing", [para(), block("heading", level=1)], None, []),
    ("control characters", [para("a\x00b\x07c\td")], "abc\td", []),
]


@pytest.mark.parametrize(("content", "shown", "losses"), [row[1:] for row in SHOWN], ids=[row[0] for row in SHOWN])
def test_nodes_and_marks_as_markdown(content: list[Node], shown: str | None, losses: list[tuple[str, str]]) -> None:
    assert reads(*content) == (shown, losses)
    assert normal_markdown(shown) == shown


def test_a_document_without_its_head_is_one_all_the_same() -> None:
    assert adf_to_markdown({"version": 1, "content": [para("a"), para("b")]}) == ("a\n\nb", [])
    assert adf_to_markdown({"version": 1}) == (None, [Loss("node", "malformed", "dict")])


def test_a_loss_names_what_is_lost() -> None:
    _, losses = adf_to_markdown(doc(para(mention("@Mia"), colour("red"))))
    assert [(loss.field, loss.value) for loss in losses] == [("mention", "5b1"), ("textColor", "#ff0000")]


@pytest.mark.parametrize(
    "literal",
    [
        "List<String>",
        "<script>alert(1)</script>",
        "a*b*c",
        "snake_case_name",
        "_x_",
        "# no heading",
        "- no item",
        "1. no item",
        "> no quote",
        "a\n===",
        "a | b\n--- | ---",
        "`x`",
        "&amp; &copy;",
        "[x](javascript:alert(1))",
        "[ref]: text",
        "C:\\dir\\*",
        "~~~",
        "中文，标点。",
        "שלום \u202eabc",
        "👍🏽",
        "2 < 3 && 4 > 3",
        "+ 1",
        "***",
        "![x](y)",
        "<https://a.example>",
    ],
)
def test_text_stands_for_itself_in_every_spelling(literal: str) -> None:
    shown = plain_to_markdown(literal)
    assert markdown_to_plain(shown) == literal
    content = markdown_to_adf(shown or "")["content"]
    assert len(content) == 1
    nodes = content[0]["content"]
    assert "".join(node["text"] if node["type"] == "text" else "\n" for node in nodes) == literal
    assert all("marks" not in node or node["text"] == "https://a.example" for node in nodes)


@pytest.mark.parametrize(
    ("written", "linked"),
    [
        ("see https://a.example/b_c?d=1&e=2.", ["https://a.example/b_c?d=1&e=2"]),
        ("(https://a.example/x_(y)), http://b.example!", ["https://a.example/x_(y)", "http://b.example"]),
        ("见https://a.example/路径，再看 HTTPS://B.example", ["https://a.example/路径", "HTTPS://B.example"]),
        ('[https://a.example/](https://a.example/ "smartCard-inline") too', ["https://a.example/"]),
        ("- <https://a.example/_b_>\n- **https://c.example**", ["https://a.example/_b_", "https://c.example"]),
        ("`https://a.example` ahttps://a.example https:// javascript://a.example", []),
    ],
)
def test_addresses_in_running_text_are_links_where_nothing_else_makes_them_such(
    written: str, linked: list[str]
) -> None:
    document = markdown_to_adf(written)

    def links(node: Any) -> Iterator[str]:
        for mark in node.get("marks", ()):
            if mark["type"] == "link":
                assert mark["attrs"]["href"] == node["text"]
                yield node["text"]
        for child in node.get("content", ()):
            yield from links(child)

    assert [*links(document)] == linked
    assert adf_to_markdown(document) == (normal_markdown(written), [])
    assert markdown_to_adf(written, document) == document


@pytest.mark.parametrize(
    "untouched", ["Call Mia (again), then send 3 files.", "a_b - c", "发给客户：周五前。", "x\ny\n\nz"]
)
def test_plain_text_without_markup_passes_unchanged(untouched: str) -> None:
    assert plain_to_markdown(untouched) == untouched == markdown_to_plain(untouched)


def test_markup_is_shown_readably_where_only_plain_text_is_known() -> None:
    shown = markdown_to_plain(
        "## Plan\n\n**Send** [it](https://a.example) <https://b.example>\n\n"
        "- [ ] a\n  1. b\n\n| x | y |\n|-|-|\n| 1 | 2 |"
    )
    assert shown == "Plan\n\nSend it (https://a.example) https://b.example\n\n- [ ] a\n1. b\n\nx | y\n1 | 2"


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("* a\n* b", "- a\n- b"),
        ("__a__ _b_", "**a** *b*"),
        ("Title\n=====", "# Title"),
        ("a  \nb\\\nc\nd", "a\nb\nc\nd"),
        ("    code", "```\ncode\n```"),
        ("see [it][1]\n\n[1]: https://a.example", "see [it](https://a.example)"),
        ("[Status]: done", "\\[Status\\]: done"),
        ("  \n\t", None),
        (None, None),
    ],
)
def test_the_one_spelling(written: str | None, normal: str | None) -> None:
    assert normal_markdown(written) == normal
    assert normal_markdown(normal) == normal


def test_strings_of_older_payloads_are_taken_as_they_are() -> None:
    assert adf_to_markdown(" h1. Plan\r\n*bold* ") == ("h1. Plan\n*bold*", [])
    assert adf_to_markdown("  ") == (None, [])
    assert adf_to_markdown(None) == (None, [])


def test_what_the_format_refuses_in_a_place_is_said_in_another_way() -> None:
    made = markdown_to_adf("- # Title\n- ***\n- > quote")["content"][0]["content"]
    assert [item["content"][0]["type"] for item in made] == ["paragraph", "paragraph", "paragraph"]
    assert made[0]["content"][0]["content"] == [text("Title", "strong")]


def test_deep_nesting_is_bounded_and_loses_no_text() -> None:
    node = para("deep")
    for number in range(5000):
        node = block("panel" if number % 2 else "blockquote", node)
    shown, losses = adf_to_markdown(doc(node))
    assert shown is not None
    assert shown.endswith("deep")
    assert shown.count(">") == 100
    assert "nested_too_deep" in {loss.why for loss in losses}
    assert "deep" in (markdown_to_plain(">" * 5000 + " deep") or "")


@pytest.mark.parametrize("unit", ["a **b** c\n\n", "a*b_c~~d**", "[a](", "> ", "- a\n"])
def test_long_texts_of_any_shape_are_read(unit: str) -> None:
    long = unit * (100_000 // len(unit))
    once = normal_markdown(long)
    assert adf_to_markdown(markdown_to_adf(long))[0] is not None or once is None


# -- an edit leaves the rest alone


PANEL = block("panel", para("Careful with ", colour("red wires")), para("and water"), panelType="warning")
BASE = doc(
    para("Dear ", mention("@Mia Wong"), ", first line"),
    para(),
    PANEL,
    bullets(para("ask ", mention("@Mia Wong")), para("send it")),
    block("mediaSingle", {"type": "media", "attrs": {"type": "file", "id": "f1", "alt": "plan.pdf"}}),
    para("last line"),
)


def edited(old: str, new: str, base: Node = BASE) -> list[Any]:
    shown = adf_to_markdown(base)[0]
    assert shown is not None
    assert old in shown
    made = markdown_to_adf(shown.replace(old, new), base)
    assert adf_to_markdown(made)[0] == normal_markdown(shown.replace(old, new))
    content = made["content"]
    assert isinstance(content, list)
    return content


def test_an_edited_paragraph_leaves_every_other_block_as_it_was() -> None:
    made = edited("last line", "last words")
    assert made[:-1] == BASE["content"][:-1]
    assert made[-1] == para("last words")


def test_an_edited_paragraph_keeps_its_mention() -> None:
    assert edited("first line", "second line")[0] == para("Dear ", mention("@Mia Wong"), ", second line")


def test_an_edited_panel_stays_a_panel_and_keeps_its_other_paragraphs() -> None:
    made = edited("and water", "and fire")[2]
    assert made == block("panel", PANEL["content"][0], para("and fire"), panelType="warning")


def test_an_edited_line_keeps_its_colours() -> None:
    made = edited("Careful with", "Watch the")[2]
    assert made["content"][0] == para("Watch the ", colour("red wires"))


def test_an_edited_item_leaves_the_other_items() -> None:
    made = edited("send it", "send all")[3]
    assert made["content"][0] == BASE["content"][3]["content"][0]
    assert made["content"][1]["content"] == [para("send all")]


def test_an_inserted_and_a_removed_block_move_nothing_else() -> None:
    assert edited("last line", "new line\n\nlast line") == [*BASE["content"][:-1], para("new line"), para("last line")]
    assert edited("[plan.pdf]\n\n", "") == [*BASE["content"][:4], BASE["content"][5]]


def test_a_ticked_task_stays_a_task_with_its_identity() -> None:
    tasks = block(
        "taskList",
        block("taskItem", text("call"), localId="t1", state="TODO"),
        block("taskItem", text("pay"), localId="t2", state="TODO"),
        localId="l1",
    )
    made = edited("[ ] pay", "[x] pay", doc(tasks))[0]
    assert made["attrs"] == {"localId": "l1"}
    assert [item["attrs"] for item in made["content"]] == [
        {"localId": "t1", "state": "TODO"},
        {"localId": "t2", "state": "DONE"},
    ]


def test_an_edited_cell_leaves_row_and_cell_attributes() -> None:
    def cell(content: str, **attrs: Any) -> Node:
        return block("tableCell", para(content), **attrs)

    table = block(
        "table",
        block("tableRow", cell("a", background="#eee"), cell("b", colwidth=[90])),
        block("tableRow", cell("c"), cell("d")),
        layout="wide",
    )
    made = edited("b", "changed", doc(table))[0]
    assert made["attrs"] == {"layout": "wide"}
    assert made["content"][0]["content"][0] == cell("a", background="#eee")
    assert made["content"][0]["content"][1]["attrs"] == {"colwidth": [90]}
    assert made["content"][1] == table["content"][1]


def test_everything_replaced_says_only_the_new_text() -> None:
    assert markdown_to_adf("All new", BASE)["content"] == [para("All new")]
    assert adf_to_markdown(markdown_to_adf("", BASE))[0] is None


def test_a_document_without_its_head_keeps_what_it_holds_and_gets_one() -> None:
    date = {"type": "date", "attrs": {"timestamp": "1767225600000"}}
    bare = {"content": [{"type": "paragraph", "content": [{"type": "text", "text": "by "}, date]}]}
    assert adf_to_markdown(bare)[0] == "by 2026-01-01"
    whole = {"type": "doc", "version": 1, **bare}
    assert markdown_to_adf("by 2026-01-01", bare) == whole
    assert markdown_to_adf("by 2026-01-01\n\nnow", bare)["content"][0] == bare["content"][0]
