"""Atlassian Document Format -> tree. Never raises: what is odd, or cannot be said in Markdown, is a loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from mapping.richtext.adf_inline import InlineReader, attrs_of, children_of, flat_text, short, string
from mapping.richtext.tree import (
    CODE,
    DEPTH,
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
    clean_text,
    language,
    plain,
    tidy,
)

_INLINE: Final = frozenset(
    {
        "text",
        "hardBreak",
        "mention",
        "emoji",
        "date",
        "status",
        "inlineCard",
        "mediaInline",
        "placeholder",
        "inlineExtension",
        "image",
    }
)


class AdfReader(InlineReader):
    """Reads one document."""

    def blocks(self, nodes: Any, depth: int = 0) -> list[Block]:
        out: list[Block] = []
        if not isinstance(nodes, list | tuple):
            if nodes is not None:
                self.lose("content", "malformed", type(nodes).__name__)
            return out
        loose: list[Any] = []
        for node in nodes:
            kind = node.get("type") if isinstance(node, (dict, Mapping)) else None
            if not isinstance(kind, str):
                self.lose("node", "malformed", type(node).__name__)
                continue
            if kind in _INLINE:
                loose.append(node)
                continue
            if loose:
                self._paragraph(loose, depth, out)
                loose = []
            if depth >= DEPTH:
                self.lose(kind, "nested_too_deep")
                text = flat_text(node)
                if spans := tidy([(text, 0, None)]):
                    out.append(Para(spans))
                continue
            _BLOCKS.get(kind, AdfReader._unknown)(self, node, depth, out)
        if loose:
            self._paragraph(loose, depth, out)
        return out

    def _paragraph(self, nodes: Any, depth: int, out: list[Block]) -> None:
        if spans := tidy(self.spans(nodes, depth)):
            out.append(Para(spans))

    def _para(self, node: Mapping[str, Any], depth: int, out: list[Block]) -> None:
        self._block_marks(node)
        if spans := tidy(self.spans(node.get("content"), depth)):
            out.append(Para(spans))

    def _heading(self, node: Mapping[str, Any], depth: int, out: list[Block]) -> None:
        self._block_marks(node)
        level = attrs_of(node).get("level")
        if type(level) is not int or not 1 <= level <= 6:
            self.lose("heading", "malformed", short(level))
            level = min(6, max(1, level)) if type(level) is int else 1
        if spans := tidy(self.spans(node.get("content"), depth), single=True):
            out.append(Heading(level, spans))

    def _list(self, node: Mapping[str, Any], depth: int, out: list[Block]) -> None:
        start: int | None = None
        if node["type"] == "orderedList":
            order = attrs_of(node).get("order", 1)
            start = int(order) if isinstance(order, int | float) and 0 <= order <= 900_000_000 else 1
        items: list[list[Block]] = []
        for item in children_of(node):
            if item.get("type") == "listItem":
                items.append(self.blocks(item.get("content"), depth + 2))
            else:
                items.append(self.blocks([item], depth + 2))
        if items:
            out.append(Listing(start, items))

    def _tasks(self, node: Mapping[str, Any], depth: int, out: list[Block]) -> None:
        kind = node["type"]
        self.lose(kind, "shown_as_text")
        done = "DONE" if kind == "taskList" else "DECIDED"
        items: list[list[Block]] = []
        for item in children_of(node):
            if item.get("type") == kind:
                nested = self.blocks([item], depth + 2)
                if items:
                    items[-1] += nested
                else:
                    items.append(nested)
                continue
            box = "[x] " if attrs_of(item).get("state") == done else "[ ] "
            content = self.blocks(item.get("content"), depth + 2)
            if content and isinstance(content[0], Para):
                content[0] = Para(tidy([(box, 0, None), *content[0].spans]))
            else:
                content.insert(0, Para([(box.strip(), 0, None)]))
            items.append(content)
        if items:
            out.append(Listing(None, items))

    def _quote(self, node: Mapping[str, Any], depth: int, out: list[Block]) -> None:
        if blocks := self.blocks(node.get("content"), depth + 1):
            out.append(Quote(blocks))

    def _panel(self, node: Mapping[str, Any], depth: int, out: list[Block]) -> None:
        self.lose("panel", "shown_as_quote", short(attrs_of(node).get("panelType")))
        self._quote(node, depth, out)

    def _expand(self, node: Mapping[str, Any], depth: int, out: list[Block]) -> None:
        self.lose(node["type"], "shown_as_quote")
        title = tidy([(clean_text(string(attrs_of(node).get("title"))), STRONG, None)], single=True)
        blocks = self.blocks(node.get("content"), depth + 1)
        if title:
            blocks.insert(0, Para(title))
        if blocks:
            out.append(Quote(blocks))

    def _code(self, node: Mapping[str, Any], depth: int, out: list[Block]) -> None:
        text = clean_text("".join(flat_text(child) for child in children_of(node)))
        out.append(Code(language(string(attrs_of(node).get("language"))), text))

    def _rule(self, node: Mapping[str, Any], depth: int, out: list[Block]) -> None:
        out.append(Rule())

    def _table(self, node: Mapping[str, Any], depth: int, out: list[Block]) -> None:
        rows: list[list[list[Span]]] = []
        headed = True
        for number, row in enumerate(children_of(node)):
            cells: list[list[Span]] = []
            for cell in children_of(row):
                header = cell.get("type") == "tableHeader"
                if number == 0:
                    headed = headed and header
                elif header:
                    self.lose("tableHeader", "header_column")
                cells.append(self._cell(cell, depth))
            rows.append(cells)
        width = max((len(line) for line in rows), default=0)
        if not width:
            return
        for line in rows:
            line += [[] for _ in range(width - len(line))]
        if not headed:
            rows.insert(0, [[] for _ in range(width)])
        out.append(Table(rows, [""] * width))

    def _cell(self, cell: Mapping[str, Any], depth: int) -> list[Span]:
        attrs = attrs_of(cell)
        for name in ("colspan", "rowspan"):
            if attrs.get(name) not in (None, 1):
                self.lose(name, "merged_cells", short(attrs[name]))
        if attrs.get("background"):
            self.lose("background", "colour", short(attrs["background"]))
        blocks = self.blocks(cell.get("content"), depth + 3)
        if len(blocks) == 1 and isinstance(blocks[0], Para):
            return tidy(blocks[0].spans, single=True)
        if blocks:
            self.lose("tableCell", "structure_flattened")
        spans: list[Span] = []
        _flatten(blocks, spans)
        return tidy(spans, single=True)

    def _media(self, node: Mapping[str, Any], depth: int, out: list[Block]) -> None:
        spans: list[Span] = []
        for child in children_of(node) if node["type"] != "media" else [node]:
            if spans:
                spans.append(("\n", 0, None))
            if child.get("type") == "caption":
                spans += self.spans(child.get("content"), depth)
            else:
                spans += self.medium(child)
        if tidied := tidy(spans):
            out.append(Para(tidied))

    def _layout(self, node: Mapping[str, Any], depth: int, out: list[Block]) -> None:
        self.lose(node["type"], "layout")
        out += self.blocks(node.get("content"), depth + 1)

    def _card(self, node: Mapping[str, Any], depth: int, out: list[Block]) -> None:
        if spans := tidy(self._inline_card(node)):
            out.append(Para(spans))

    def _extension(self, node: Mapping[str, Any], depth: int, out: list[Block]) -> None:
        attrs = attrs_of(node)
        self.lose(node["type"], "extension", short(attrs.get("extensionKey")))
        blocks = self.blocks(node.get("content"), depth + 1)
        if not blocks and (spans := tidy(self._extension_text(node))):
            blocks = [Para(spans)]
        out += blocks

    def _unknown(self, node: Mapping[str, Any], depth: int, out: list[Block]) -> None:
        self.lose(node["type"][:60], "unknown_node")
        wrapped = attrs_of(node).get("originalValue")  # what an editor met that did not know it either
        blocks = self.blocks(node.get("content") or ([wrapped] if wrapped else None), depth + 1)
        if not blocks and (spans := tidy(self._own_text(node))):
            blocks = [Para(spans)]
        out += blocks

    def _block_marks(self, node: Mapping[str, Any]) -> None:
        marks = node.get("marks")
        for mark in marks if isinstance(marks, list | tuple) else ():
            if isinstance(mark, (dict, Mapping)):
                self.lose(short(mark.get("type")) or "mark", "mark_dropped")

    def misplaced(self, node: Mapping[str, Any], depth: int) -> list[Span] | None:
        kind = node.get("type")
        if not isinstance(kind, str) or kind not in _BLOCKS:
            return None
        spans: list[Span] = []
        _flatten(self.blocks([node], depth), spans)
        return spans


_BLOCKS: Final[dict[str, Callable[[AdfReader, Mapping[str, Any], int, list[Block]], None]]] = {
    "paragraph": AdfReader._para,
    "heading": AdfReader._heading,
    "bulletList": AdfReader._list,
    "orderedList": AdfReader._list,
    "taskList": AdfReader._tasks,
    "decisionList": AdfReader._tasks,
    "blockquote": AdfReader._quote,
    "panel": AdfReader._panel,
    "expand": AdfReader._expand,
    "nestedExpand": AdfReader._expand,
    "codeBlock": AdfReader._code,
    "rule": AdfReader._rule,
    "table": AdfReader._table,
    "mediaSingle": AdfReader._media,
    "mediaGroup": AdfReader._media,
    "media": AdfReader._media,
    "layoutSection": AdfReader._layout,
    "layoutColumn": AdfReader._layout,
    "blockCard": AdfReader._card,
    "embedCard": AdfReader._card,
    "extension": AdfReader._extension,
    "bodiedExtension": AdfReader._extension,
    "multiBodiedExtension": AdfReader._extension,
    "extensionFrame": AdfReader._layout,
    "syncBlock": AdfReader._extension,
    "bodiedSyncBlock": AdfReader._extension,
}


def _flatten(blocks: list[Block], out: list[Span]) -> None:
    """The spans of blocks one after the other, parted by line breaks."""
    for block in blocks:
        if out:
            out.append(("\n", 0, None))
        if isinstance(block, Para | Heading):
            out += block.spans
        elif isinstance(block, Code):
            out.append((block.text, CODE, None))
        elif isinstance(block, Quote):
            _flatten(block.blocks, out)
        elif isinstance(block, Listing):
            for item in block.items:
                _flatten(item, out)
        elif isinstance(block, Table):
            for row in block.rows:
                out.append((" | ".join(plain(cell) for cell in row), 0, None))
                out.append(("\n", 0, None))
