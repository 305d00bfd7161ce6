"""Tree -> Atlassian Document Format, within what its schema allows in each place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mapping.richtext.tree import (
    CODE,
    EM,
    IMAGE,
    STRIKE,
    STRONG,
    Block,
    Code,
    Heading,
    Listing,
    Para,
    Quote,
    Rule,
    Span,
    Table,
    plain,
    tidy,
    with_addresses,
)

Node = dict[str, Any]


def document(blocks: Sequence[Block]) -> Node:
    """A document of the format's version 1."""
    return {"type": "doc", "version": 1, "content": nodes(blocks)}


def nodes(blocks: Sequence[Block], place: str = "doc") -> list[Node]:
    """Blocks as nodes. ``place``: where they will stand; a list item or a quote takes fewer kinds than the document."""
    out: list[Node] = []
    for block in blocks:
        if isinstance(block, Para):
            out += _paragraphs(block.spans)
        elif isinstance(block, Heading):
            if place == "doc":
                out.append({"type": "heading", "attrs": {"level": block.level}, "content": inline(block.spans)})
            else:
                out.append(_paragraph([(text, flags | STRONG, href) for text, flags, href in block.spans]))
        elif isinstance(block, Code):
            node: Node = {"type": "codeBlock", "content": [{"type": "text", "text": block.text}] if block.text else []}
            if block.language:
                node["attrs"] = {"language": block.language}
            out.append(node)
        elif isinstance(block, Quote):
            inner = nodes(block.blocks, "quote")
            out += [{"type": "blockquote", "content": inner}] if place == "doc" else inner
        elif isinstance(block, Listing):
            out.append(_list(block))
        elif isinstance(block, Rule):
            out.append({"type": "rule"} if place == "doc" else _paragraph([("---", 0, None)]))
        elif place == "doc":
            out.append(_table(block))
        else:
            out += [_paragraph(_row_text(row)) for row in block.rows if any(row)]
    return out


def _list(block: Listing) -> Node:
    items = []
    for item in block.items:
        content = nodes(item, "item")
        if not content or content[0]["type"] in ("bulletList", "orderedList"):
            content.insert(0, {"type": "paragraph", "content": []})
        items.append({"type": "listItem", "content": content})
    if block.start is None:
        return {"type": "bulletList", "content": items}
    return {"type": "orderedList", "attrs": {"order": block.start}, "content": items}


def _table(block: Table) -> Node:
    rows = []
    width = max((len(row) for row in block.rows), default=0)
    headed = any(block.rows[0]) or len(block.rows) == 1
    for number, row in enumerate(block.rows):
        if number == 0 and not headed:
            continue
        kind = "tableHeader" if number == 0 else "tableCell"
        cells = [*row, *([] for _ in range(width - len(row)))]
        rows.append(
            {
                "type": "tableRow",
                "content": [{"type": kind, "attrs": {}, "content": [_paragraph(cell)]} for cell in cells],
            }
        )
    return {"type": "table", "content": rows}


def _row_text(row: list[list[Span]]) -> list[Span]:
    spans: list[Span] = []
    for cell in row:
        if spans:
            spans.append((" | ", 0, None))
        spans += cell
    return spans


def _paragraph(spans: list[Span]) -> Node:
    return {"type": "paragraph", "content": inline(tidy(spans))}


def _paragraphs(spans: list[Span]) -> list[Node]:
    """A paragraph; an image that stands alone on its line is a node of its own."""
    if not any(span[1] & IMAGE for span in spans):
        return [{"type": "paragraph", "content": inline(spans)}]
    out: list[Node] = []
    text: list[Span] = []
    for line in _split_lines(spans):
        if len(line) == 1 and line[0][1] & IMAGE and _web(line[0][2]):
            if any(plain(text).strip() or span[1] & IMAGE for span in text):
                out.append(_paragraph(text))
            text = []
            attrs = {"type": "external", "url": line[0][2]} | ({"alt": line[0][0]} if line[0][0] else {})
            out.append(
                {"type": "mediaSingle", "attrs": {"layout": "center"}, "content": [{"type": "media", "attrs": attrs}]}
            )
        else:
            text += [("\n", 0, None), *line] if text else line
    if text:
        out.append(_paragraph(text))
    return out


def _web(href: str | None) -> bool:
    return bool(href) and str(href).lower().startswith(("http://", "https://"))


def _split_lines(spans: list[Span]) -> list[list[Span]]:
    lines: list[list[Span]] = [[]]
    for text, flags, href in spans:
        if flags & IMAGE:
            lines[-1].append((text, flags, href))
            continue
        for number, part in enumerate(text.split("\n")):
            if number:
                lines.append([])
            if part:
                lines[-1].append((part, flags, href))
    return lines


def inline(spans: Sequence[Span]) -> list[Node]:
    """Spans as text nodes and hard breaks. Addresses become links: here nothing makes them such by itself."""
    out: list[Node] = []
    for text, flags, href in _linked(spans):
        if flags & IMAGE:
            text, flags = text or href or "", 0
        marks: list[Node] = []
        if href is not None:
            marks.append({"type": "link", "attrs": {"href": href}})
        if flags & CODE:
            # The format allows code only together with a link.
            marks.append({"type": "code"})
        else:
            for bit, name in ((STRONG, "strong"), (EM, "em"), (STRIKE, "strike")):
                if flags & bit:
                    marks.append({"type": name})
        for number, part in enumerate(text.split("\n")):
            if number:
                out.append({"type": "hardBreak"})
            if part:
                out.append({"type": "text", "text": part, "marks": marks} if marks else {"type": "text", "text": part})
    return out


def _linked(spans: Sequence[Span]) -> Iterator[Span]:
    """With links where running text holds an address."""
    for span, place, found in with_addresses(spans):
        text, flags, href = span
        within = [(start - place, end - place) for start, end in found if place <= start and end <= place + len(text)]
        at = 0
        for start, end in within if href is None else ():
            if start > at:
                yield text[at:start], flags, None
            yield text[start:end], flags, text[start:end]
            at = end
        if at < len(text) or not at:
            yield text[at:], flags, href
