"""What holds for every text and every document."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mapping.richtext import (
    adf_to_markdown,
    cleaned,
    markdown_to_adf,
    markdown_to_plain,
    normal_markdown,
    plain_to_markdown,
)
from tests.mapping.richtext_documents import DOCUMENTS, SHARED, TEXTS, Node, recorded

many = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

BLOCKS = {
    "paragraph",
    "heading",
    "bulletList",
    "orderedList",
    "blockquote",
    "codeBlock",
    "rule",
    "table",
    "mediaSingle",
}
INSIDE = {
    "doc": BLOCKS,
    "blockquote": {"paragraph", "bulletList", "orderedList", "codeBlock", "mediaSingle"},
    "bulletList": {"listItem"},
    "orderedList": {"listItem"},
    "listItem": {"paragraph", "bulletList", "orderedList", "codeBlock", "mediaSingle"},
    "table": {"tableRow"},
    "tableRow": {"tableCell", "tableHeader"},
    "tableCell": {"paragraph"},
    "tableHeader": {"paragraph"},
    "mediaSingle": {"media"},
    "paragraph": {"text", "hardBreak"},
    "heading": {"text", "hardBreak"},
    "codeBlock": {"text"},
}


def assert_valid(node: Node) -> None:
    """The rules of the format that a service checks, for what is built anew."""
    kind = node["type"]
    if kind == "text":
        assert node["text"]
        assert not any((ord(char) < 32 and char not in "\n\t") or 0xD800 <= ord(char) < 0xE000 for char in node["text"])
        marks = {mark["type"] for mark in node.get("marks", ())}
        assert "code" not in marks or marks <= {"code", "link"}
        return
    content = node.get("content", [])
    assert {child["type"] for child in content} <= INSIDE.get(kind, set())
    if kind in ("listItem", "blockquote", "table", "tableRow", "bulletList", "orderedList"):
        assert content
    if kind == "listItem":
        assert content[0]["type"] in ("paragraph", "codeBlock", "mediaSingle")
    if kind == "codeBlock":
        assert all("marks" not in child for child in content)
    for child in content:
        assert_valid(child)


@many
@given(TEXTS)
def test_the_normal_spelling_is_normal(text: str) -> None:
    once = normal_markdown(text)
    assert normal_markdown(once) == once
    assert once is None or once == once.strip()
    assert once != ""


@many
@given(st.text(max_size=60))
def test_arbitrary_text_has_a_normal_spelling_and_a_valid_document(text: str) -> None:
    once = normal_markdown(text)
    assert normal_markdown(once) == once
    assert_valid(markdown_to_adf(text))


@many
@given(TEXTS)
def test_a_document_made_of_markdown_is_valid_and_settles_after_one_pass(text: str) -> None:
    document = markdown_to_adf(text)
    assert_valid(document)
    json.dumps(document).encode()
    shown, _ = adf_to_markdown(document)
    assert normal_markdown(shown) == shown
    assert adf_to_markdown(markdown_to_adf(shown or ""))[0] == shown


@many
@given(DOCUMENTS)
def test_a_document_reads_as_normal_markdown_and_comes_back_whole(document: Node) -> None:
    shown, _ = adf_to_markdown(document)
    assert normal_markdown(shown) == shown
    assert markdown_to_adf(shown or "", document) == document
    settled = adf_to_markdown(markdown_to_adf(shown or ""))[0]
    assert adf_to_markdown(markdown_to_adf(settled or ""))[0] == settled


@many
@given(DOCUMENTS, TEXTS, st.data())
def test_an_edited_document_says_what_the_edit_says(document: Node, scrap: str, data: Any) -> None:
    kept = json.dumps(document)
    shown = adf_to_markdown(document)[0] or ""
    start = data.draw(st.integers(0, len(shown)))
    end = data.draw(st.integers(start, min(len(shown), start + 4)))
    edited = shown[:start] + scrap + shown[end:]
    got = adf_to_markdown(markdown_to_adf(edited, document))[0]
    assert json.dumps(document) == kept
    plain = adf_to_markdown(markdown_to_adf(edited))[0]
    # Where a place takes fewer kinds of block, the old nodes may say more than new ones could.
    assert got in (normal_markdown(edited), plain) or adf_to_markdown(markdown_to_adf(got or ""))[0] == plain


@many
@given(TEXTS | st.text(max_size=60))
def test_plain_text_survives_markdown(text: str) -> None:
    shown = plain_to_markdown(text)
    assert markdown_to_plain(shown) == cleaned(text)
    assert normal_markdown(shown) == shown
    assert cleaned(cleaned(text)) == cleaned(text)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
_KINDS = st.sampled_from(
    [
        *("doc", "paragraph", "heading", "bulletList", "orderedList", "listItem", "taskList"),
        *("taskItem", "decisionList", "blockquote", "panel", "expand", "codeBlock", "table"),
        *("tableRow", "tableCell", "mediaSingle", "media", "caption", "layoutSection", "blockCard"),
        *("extension", "bodiedExtension", "text", "hardBreak", "mention", "emoji", "date"),
        *("status", "inlineCard", "mediaInline", "placeholder", "inlineExtension", "whatever"),
    ]
)
_ATTRS = st.dictionaries(
    st.sampled_from(["level", "order", "text", "url", "href", "id", "timestamp", "state", "title", "colspan", "data"]),
    _JSON | st.sampled_from(["http://a.example", "javascript:x", "TODO"]),
    max_size=4,
)
_MARK = st.fixed_dictionaries(
    {"type": st.sampled_from(["strong", "link", "code"]) | _JSON}, optional={"attrs": _ATTRS | _JSON}
)
_ODD = st.recursive(
    _JSON,
    lambda inner: st.fixed_dictionaries(
        {"type": _KINDS | _JSON},
        optional={
            "attrs": _ATTRS | _JSON,
            "marks": st.lists(_MARK | _JSON, max_size=3) | _JSON,
            "text": st.text(max_size=6) | _JSON,
            "content": st.lists(inner, max_size=4) | _JSON,
        },
    ),
    max_leaves=12,
)


@many
@given(_ODD)
def test_odd_documents_are_read_without_an_error(node: Any) -> None:
    for document in (node, {"type": "doc", "content": [node]}, {"type": "doc", "content": node}):
        shown, losses = adf_to_markdown(document)
        assert shown is None or isinstance(shown, str)
        assert all(loss.field and loss.why for loss in losses)
        if not isinstance(document, str):
            assert normal_markdown(shown) == shown
        markdown_to_adf("something else", document if isinstance(document, dict) else None)


def test_every_recorded_document_comes_back_whole() -> None:
    documents = recorded()
    if not documents:
        pytest.skip(f"recorded payloads are not there: KEEPSTEP_SHARED={SHARED}")
    assert len(documents) >= 31
    for name, document in documents:
        shown, _ = adf_to_markdown(document)
        assert markdown_to_adf(shown or "", document) == document, name
        assert normal_markdown(shown) == shown, name
        more = markdown_to_adf(f"{shown or ''}\n\nOne line more.", document)
        assert more["content"][: len(document["content"])] == document["content"], name
        assert more["content"][-1] == {"type": "paragraph", "content": [{"type": "text", "text": "One line more."}]}, (
            name
        )
