"""Edited inline content over the nodes it came from: mentions, dates, colours and the like are put back in place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mapping.richtext.adf_in import AdfReader
from mapping.richtext.adf_out import inline
from mapping.richtext.tree import IMAGE, Span, plain, tidy

_SAID: Final = frozenset({"strong", "em", "strike", "code", "link"})


def inline_over(spans: list[Span], base: Sequence[Any]) -> list[Any]:
    """Inline nodes that say ``spans``. A node of ``base`` that says more than Markdown can is put back where its text
    stands, in the order of ``base``; coloured and the like only if the text occurs as often as before."""
    out: list[Any] = []
    rest = list(spans)
    before = Counter[str]()
    pieces: list[tuple[Mapping[str, Any], Span, bool]] = []
    for node in base:
        if not isinstance(node, Mapping):
            continue
        shown = tidy(AdfReader().spans([node], 0))
        if len(shown) != 1 or "\n" in shown[0][0] or shown[0][1] & IMAGE:
            continue
        if node.get("type") == "text":
            before[shown[0][0]] += 1
            if _says_more(node):
                pieces.append((node, shown[0], True))
        elif node.get("type") != "hardBreak":
            pieces.append((node, shown[0], False))
    whole = plain(spans)
    for node, shown_span, marked in pieces:
        text = shown_span[0]
        if marked and (len(text) < 2 or whole.count(text) != before[text]):
            continue
        found = _find(rest, shown_span, marked)
        if found is None:
            continue
        index, at = found
        own, flags, href = rest[index]
        out += inline([*rest[:index], *([(own[:at], flags, href)] if at else [])])
        out.append(_bare(node, text))
        end = at + len(text)
        rest = [*([(own[end:], flags, href)] if end < len(own) else []), *rest[index + 1 :]]
    return out + inline(rest)


def _says_more(node: Mapping[str, Any]) -> bool:
    marks = node.get("marks")
    return isinstance(marks, list) and any(
        isinstance(mark, Mapping) and mark.get("type") not in _SAID for mark in marks
    )


def _find(spans: Sequence[Span], wanted: Span, marked: bool) -> tuple[int, int] | None:
    text, flags, href = wanted
    for index, span in enumerate(spans):
        if span[1] & IMAGE or span[2] != href or (marked and span[1] != flags):
            continue
        at = span[0].find(text)
        if at >= 0:
            return index, at
    return None


def _bare(node: Mapping[str, Any], text: str) -> Mapping[str, Any]:
    """The node; a text node without the white space that the spans around it hold."""
    return {**node, "text": text} if node.get("type") == "text" else node
