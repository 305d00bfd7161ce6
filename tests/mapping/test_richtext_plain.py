"""The fast way through plain documents says what the full way says, or nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapping.richtext import adf_to_markdown
from mapping.richtext.adf_in import AdfReader
from mapping.richtext.adf_plain import plain_document
from mapping.richtext.writer import render

WORDS = st.text(st.sampled_from("ab 中。.1-#>+|=:!*_~é\u00a0\u2028\t\n)("), max_size=8)
MARKS = st.sampled_from([[], [{"type": "strong"}], [{"type": "em"}], [{"type": "code"}], [{"type": "strong"}] * 2])


def _text(text: str, marks: list[dict[str, str]]) -> dict[str, Any]:
    return {"type": "text", "text": text} | ({"marks": marks} if marks else {})


PARAGRAPH = st.lists(st.builds(_text, WORDS, MARKS), max_size=4).map(
    lambda nodes: {"type": "paragraph", "content": nodes}
)
ITEM = st.lists(PARAGRAPH, max_size=2).map(lambda content: {"type": "listItem", "content": content})
LIST = st.lists(ITEM, max_size=3).map(lambda items: {"type": "bulletList", "content": items})
CONTENT = st.lists(PARAGRAPH | LIST | st.just({"type": "rule"}), max_size=4)


@settings(max_examples=1500, deadline=None)
@given(CONTENT)
def test_the_fast_way_says_what_the_full_way_says(content: list[Any]) -> None:
    quick = plain_document(content)
    if quick is not None:
        reader = AdfReader()
        assert quick == render(reader.blocks(content))
        assert reader.losses == []


def test_plain_documents_do_go_the_fast_way() -> None:
    content = [
        {
            "type": "paragraph",
            "content": [_text("Please ", []), _text("look", [{"type": "strong"}]), _text(" at it. ", [])],
        },
        {"type": "paragraph"},
        {
            "type": "bulletList",
            "content": [{"type": "listItem", "content": [{"type": "paragraph", "content": [_text("one", [])]}]}],
        },
    ]
    assert plain_document(content) == "Please **look** at it.\n\n- one"
    assert adf_to_markdown({"type": "doc", "content": content}) == ("Please **look** at it.\n\n- one", [])


@pytest.mark.parametrize("text", ["# no heading", "1. no list", "a*b", "a\nb", "[a](b)"])
def test_what_markdown_would_read_otherwise_goes_the_full_way(text: str) -> None:
    assert plain_document([{"type": "paragraph", "content": [_text(text, [])]}]) is None
