"""The documents that most people write, read fast: paragraphs and flat lists of plain words, some of them bold.

Gives what the full reader and writer would give, or leaves the document to them. Nothing is lost in such a document.
"""

from __future__ import annotations

import re
from typing import Any, Final

# No sign that Markdown reads, no line break, no control character.
_WORDS = re.compile(r"[^\\`*_~<&\[\]!\x00-\x1f\x7f-\x9f\ud800-\udfff\ufeff]*")
_BLOCK_SIGNS: Final = frozenset("#>+-:|=0123456789")
"""With these at its start a line might be taken for a list or a heading."""
_EMPHASIS: Final = {"strong": "**", "em": "*"}


def plain_document(nodes: Any) -> str | None:
    """The Markdown of a document's content; None if it is not of the plain kind."""
    if type(nodes) is not list:
        return None
    blocks: list[str] = []
    listed = False
    for node in nodes:
        if type(node) is not dict:
            return None
        kind = node.get("type")
        if kind == "paragraph":
            text = _paragraph(node)
            if text is None:
                return None
            if text:
                listed = False
                blocks.append(text)
        elif kind == "bulletList" and not listed:
            items = _items(node.get("content"))
            if items is None:
                return None
            listed = True
            blocks.append(items)
        else:
            return None
    return "\n\n".join(blocks)


def _items(nodes: Any) -> str | None:
    if type(nodes) is not list or not nodes:
        return None
    lines = []
    for node in nodes:
        if type(node) is not dict or node.get("type") != "listItem":
            return None
        content = node.get("content")
        if type(content) is not list or len(content) != 1:
            return None
        only = content[0]
        text = _paragraph(only) if type(only) is dict and only.get("type") == "paragraph" else None
        if not text:
            return None
        lines.append(f"- {text}")
    return "\n".join(lines)


def _paragraph(node: dict[str, Any]) -> str | None:
    nodes = node.get("content", [])
    if type(nodes) is not list or "marks" in node:
        return None
    parts: list[str] = []
    marked = False
    for each in nodes:
        if type(each) is not dict or each.get("type") != "text":
            return None
        text = each.get("text")
        if type(text) is not str or not _WORDS.fullmatch(text):
            return None
        marks = each.get("marks")
        if not marks:
            if text:
                marked = False
                parts.append(text)
            continue
        sign = _sign(marks)
        if sign is None or marked or not (text and text[0].isalnum() and text[-1].isalnum()):
            return None
        marked = True
        parts.append(f"{sign}{text}{sign}")
    line = "".join(parts).strip()
    return None if line and line[0] in _BLOCK_SIGNS else line


def _sign(marks: Any) -> str | None:
    if type(marks) is not list or len(marks) != 1 or type(marks[0]) is not dict:
        return None
    kind = marks[0].get("type")
    return _EMPHASIS.get(kind) if type(kind) is str else None
