"""Documents and texts for the tests of rich text: made up, and those recorded from the services."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

SHARED = Path(os.environ.get("KEEPSTEP_SHARED", Path(__file__).parents[3] / "shared"))

Node = dict[str, Any]


def text(content: str, *marks: str) -> Node:
    node: Node = {"type": "text", "text": content}
    if marks:
        node["marks"] = [{"type": mark} for mark in marks]
    return node


def link(content: str, href: str) -> Node:
    return {"type": "text", "text": content, "marks": [{"type": "link", "attrs": {"href": href}}]}


def colour(content: str) -> Node:
    return {"type": "text", "text": content, "marks": [{"type": "textColor", "attrs": {"color": "#ff0000"}}]}


def mention(name: str) -> Node:
    return {"type": "mention", "attrs": {"id": "5b1", "text": name}}


def para(*content: Node | str) -> Node:
    return {"type": "paragraph", "content": [text(each) if isinstance(each, str) else each for each in content]}


def block(kind: str, *content: Node, **attrs: Any) -> Node:
    return {"type": kind, "content": list(content)} | ({"attrs": attrs} if attrs else {})


def bullets(*items: Node) -> Node:
    return block("bulletList", *(block("listItem", item) for item in items))


def doc(*content: Node) -> Node:
    return {"type": "doc", "version": 1, "content": list(content)}


def recorded() -> list[tuple[str, Node]]:
    """Every document in the recordings, by where it stands."""
    found: list[tuple[str, Node]] = []
    for path in sorted((SHARED / "recorded" / "jira").rglob("*.json")):
        for number, each in enumerate(_documents(json.loads(path.read_text(encoding="utf-8")))):
            found.append((f"{path.parent.name}/{path.name}#{number}", each))
    return found


def _documents(value: Any) -> Iterator[Node]:
    if isinstance(value, dict):
        if value.get("type") == "doc" and isinstance(value.get("content"), list):
            yield value
            return
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _documents(each)


SCRAPS = st.sampled_from(
    [
        *"ab *_`~[]()!<>#-+=|:\\&;.1\n\t\"'/@x",
        *(
            "é",
            "注",
            "意",
            "，",
            "：",
            "\u00a0",
            "\u2028",
            "\u202e",
            "\x0b",
            "\x85",
            "\r",
            "\x00",
            "ש",
            "👍🏽",
            "\ud800",
        ),
        *("&amp;", "<http://a.example>", "](x)", "**", "~~", "```", "    ", "- ", "> ", "1. ", "# ", "\n\n"),
        *(
            "| a |",
            "|---|",
            "http://x.example",
            "https://x.example/_a_(b)&amp",
            "[a](http://b.example)",
            "![i](http://c.example)",
            "[a]: b",
        ),
        *("List<String>", "<script>", "[x](javascript:alert)", "- [ ] ", "@Mia"),
    ]
)
TEXTS = st.lists(SCRAPS, max_size=20).map("".join)

_WORDS = st.lists(SCRAPS, max_size=4).map("".join) | st.sampled_from(
    ["a", "b", " ", "。", "a b", "x.", "red word", "http://x.example", "https://x.example/_a_(b)&amp"]
)
_MARKS = st.lists(
    st.sampled_from(
        [
            *({"type": kind} for kind in ("strong", "em", "strike", "code", "underline")),
            {"type": "link", "attrs": {"href": "http://a.example/(c)"}},
            {"type": "link", "attrs": {"href": "http://z.example"}},
            {"type": "link", "attrs": {"href": "http://x.example"}},
            {"type": "link", "attrs": {"href": "https://x.example/_a_(b)&amp"}},
            {"type": "textColor", "attrs": {"color": "#ff0000"}},
        ]
    ),
    max_size=3,
)
_INLINE = st.one_of(
    st.builds(lambda content, marks: {"type": "text", "text": content, "marks": marks}, _WORDS, _MARKS),
    st.sampled_from(
        [
            {"type": "hardBreak"},
            mention("@Mia"),
            {"type": "date", "attrs": {"timestamp": "1767225600000"}},
            {"type": "status", "attrs": {"text": "OPEN", "color": "blue"}},
            {"type": "inlineCard", "attrs": {"url": "https://c.example"}},
        ]
    ),
)
_LEAVES = st.one_of(
    st.lists(_INLINE, max_size=5).map(lambda content: para(*content)),
    st.builds(
        lambda level, content: block("heading", *content, level=level), st.integers(1, 6), st.lists(_INLINE, max_size=3)
    ),
    TEXTS.map(lambda content: block("codeBlock", text(content))),
    st.just({"type": "rule"}),
)


def _around(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    several = st.lists(inner, max_size=3)
    return st.one_of(
        st.builds(
            lambda kind, content: block(kind, *content), st.sampled_from(["blockquote", "panel", "expand"]), several
        ),
        st.builds(
            lambda kind, start, items: block(kind, *(block("listItem", *item) for item in items), order=start),
            st.sampled_from(["bulletList", "orderedList"]),
            st.sampled_from([0, 1, 9, 10]),
            st.lists(several, max_size=3),
        ),
        st.builds(
            lambda kind, rows: block(
                "table",
                *(
                    block("tableRow", *(block(kind if not number else "tableCell", *cell) for cell in row))
                    for number, row in enumerate(rows)
                ),
            ),
            st.sampled_from(["tableHeader", "tableCell"]),
            st.lists(st.lists(several, max_size=3), max_size=3),
        ),
        st.lists(st.lists(_INLINE, max_size=2), max_size=3).map(
            lambda tasks: block("taskList", *(block("taskItem", *task, state="DONE", localId="t") for task in tasks))
        ),
    )


DOCUMENTS = st.lists(st.recursive(_LEAVES, _around, max_leaves=12), max_size=4).map(lambda content: doc(*content))
