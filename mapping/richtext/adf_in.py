"""Atlassian Document Format -> tree. Never raises: what is odd, or cannot be said in Markdown, is a loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from mapping.model import Loss
from mapping.richtext.tree import (
    CODE,
    DEPTH,
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
    clean_text,
    language,
    plain,
    safe_href,
    tidy,
)

_MARKS: Final = {"strong": STRONG, "em": EM, "strike": STRIKE, "code": CODE}
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


class AdfReader:
    """Reads one document and gathers its losses, each distinct one once."""

    def __init__(self) -> None:
        self._losses: dict[tuple[str, str, str], Loss] = {}

    @property
    def losses(self) -> list[Loss]:
        return list(self._losses.values())

    def lose(self, field: str, why: str, value: Any = None) -> None:
        key = (field, why, str(value))
        if key not in self._losses:
            self._losses[key] = Loss(field, why, value)

    # -- blocks

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
        level = _attrs(node).get("level")
        if type(level) is not int or not 1 <= level <= 6:
            self.lose("heading", "malformed", str(level)[:40])
            level = min(6, max(1, level)) if type(level) is int else 1
        if spans := tidy(self.spans(node.get("content"), depth), single=True):
            out.append(Heading(level, spans))

    def _list(self, node: Mapping[str, Any], depth: int, out: list[Block]) -> None:
        start: int | None = None
        if node["type"] == "orderedList":
            order = _attrs(node).get("order", 1)
            start = int(order) if isinstance(order, int | float) and 0 <= order <= 900_000_000 else 1
        items: list[list[Block]] = []
        for item in _children(node):
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
        for item in _children(node):
            if item.get("type") == kind:
                nested = self.blocks([item], depth + 2)
                if items:
                    items[-1] += nested
                else:
                    items.append(nested)
                continue
            box = "[x] " if _attrs(item).get("state") == done else "[ ] "
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
        self.lose("panel", "shown_as_quote", _short(_attrs(node).get("panelType")))
        self._quote(node, depth, out)

    def _expand(self, node: Mapping[str, Any], depth: int, out: list[Block]) -> None:
        self.lose(node["type"], "shown_as_quote")
        title = tidy([(clean_text(_string(_attrs(node).get("title"))), STRONG, None)], single=True)
        blocks = self.blocks(node.get("content"), depth + 1)
        if title:
            blocks.insert(0, Para(title))
        if blocks:
            out.append(Quote(blocks))

    def _code(self, node: Mapping[str, Any], depth: int, out: list[Block]) -> None:
        text = clean_text("".join(flat_text(child) for child in _children(node)))
        out.append(Code(language(_string(_attrs(node).get("language"))), text))

    def _rule(self, node: Mapping[str, Any], depth: int, out: list[Block]) -> None:
        out.append(Rule())

    def _table(self, node: Mapping[str, Any], depth: int, out: list[Block]) -> None:
        rows: list[list[list[Span]]] = []
        headed = True
        for number, row in enumerate(_children(node)):
            cells: list[list[Span]] = []
            for cell in _children(row):
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
        attrs = _attrs(cell)
        for name in ("colspan", "rowspan"):
            if attrs.get(name) not in (None, 1):
                self.lose(name, "merged_cells", _short(attrs[name]))
        if attrs.get("background"):
            self.lose("background", "colour", _short(attrs["background"]))
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
        for child in _children(node) if node["type"] != "media" else [node]:
            if spans:
                spans.append(("\n", 0, None))
            if child.get("type") == "caption":
                spans += self.spans(child.get("content"), depth)
            else:
                spans += self._medium(child)
        if tidied := tidy(spans):
            out.append(Para(tidied))

    def _medium(self, node: Mapping[str, Any]) -> list[Span]:
        attrs = _attrs(node)
        alt = clean_text(_string(attrs.get("alt"))).strip()
        self.lose("media", "not_carried", _short(attrs.get("id") or attrs.get("url")))
        source = safe_href(_string(attrs.get("url"))) if attrs.get("type") == "external" or "url" in attrs else None
        if source:
            return [(alt, IMAGE, source)]
        return [(f"[{alt or 'attachment'}]", 0, None)]

    def _layout(self, node: Mapping[str, Any], depth: int, out: list[Block]) -> None:
        self.lose(node["type"], "layout")
        out += self.blocks(node.get("content"), depth + 1)

    def _card(self, node: Mapping[str, Any], depth: int, out: list[Block]) -> None:
        if spans := tidy(self._inline_card(node)):
            out.append(Para(spans))

    def _extension(self, node: Mapping[str, Any], depth: int, out: list[Block]) -> None:
        attrs = _attrs(node)
        self.lose(node["type"], "extension", _short(attrs.get("extensionKey")))
        blocks = self.blocks(node.get("content"), depth + 1)
        if not blocks and (spans := tidy(self._extension_text(node))):
            blocks = [Para(spans)]
        out += blocks

    def _unknown(self, node: Mapping[str, Any], depth: int, out: list[Block]) -> None:
        self.lose(node["type"][:60], "unknown_node")
        blocks = self.blocks(node.get("content"), depth + 1)
        if not blocks and (spans := tidy(self._own_text(node))):
            blocks = [Para(spans)]
        out += blocks

    def _block_marks(self, node: Mapping[str, Any]) -> None:
        for mark in node.get("marks") or ():
            if isinstance(mark, (dict, Mapping)):
                self.lose(_short(mark.get("type")) or "mark", "mark_dropped")

    # -- inline

    def spans(self, nodes: Any, depth: int) -> list[Span]:
        out: list[Span] = []
        if nodes is None:
            return out
        if not isinstance(nodes, list | tuple):
            self.lose("content", "malformed", type(nodes).__name__)
            return out
        for node in nodes:
            if not isinstance(node, (dict, Mapping)):
                self.lose("node", "malformed", type(node).__name__)
                continue
            kind = node.get("type")
            if kind == "text":
                text = node.get("text")
                if not isinstance(text, str):
                    self.lose("text", "malformed", type(text).__name__)
                    continue
                marks = node.get("marks")
                flags, href = self._marks(marks) if marks else (0, None)
                out.append((clean_text(text), flags, href))
            elif kind == "hardBreak":
                out.append(("\n", 0, None))
            elif isinstance(kind, str) and kind in _SPANS:
                shown = _SPANS[kind](self, node)
                flags, href = self._marks(node["marks"]) if node.get("marks") else (0, None)
                out += [(text, own | flags if not own & IMAGE else own, link or href) for text, own, link in shown]
            else:
                self._odd_inline(node, kind, depth, out)
        return out

    def _odd_inline(self, node: Mapping[str, Any], kind: Any, depth: int, out: list[Span]) -> None:
        name = kind[:60] if isinstance(kind, str) else "node"
        if depth >= DEPTH:
            self.lose(name, "nested_too_deep")
            out.append((clean_text(flat_text(node)), 0, None))
            return
        if name in _BLOCKS:
            self.lose(name, "structure_flattened")
            _flatten(self.blocks([node], depth + 1), out)
            return
        self.lose(name, "unknown_node")
        inner = self.spans(node.get("content"), depth + 1)
        out += inner or self._own_text(node)

    def _marks(self, marks: Any) -> tuple[int, str | None]:
        flags = 0
        href: str | None = None
        for mark in marks if isinstance(marks, list | tuple) else ():
            kind = mark.get("type") if isinstance(mark, (dict, Mapping)) else None
            bit = _MARKS.get(kind) if isinstance(kind, str) else None
            if bit:
                flags |= bit
            elif kind == "link":
                address = _string(_attrs(mark).get("href"))
                href = safe_href(address)
                if href is None:
                    self.lose("link", "link_refused", address[:200])
            else:
                attrs = _attrs(mark) if isinstance(mark, (dict, Mapping)) else {}
                value = attrs.get("color") or attrs.get("type") or attrs.get("id")
                self.lose(_short(kind) or "mark", "mark_dropped", _short(value))
        return flags, href

    def _mention(self, node: Mapping[str, Any]) -> list[Span]:
        attrs = _attrs(node)
        name = clean_text(_string(attrs.get("text"))).strip() or _string(attrs.get("id"))
        self.lose("mention", "shown_as_text", _short(attrs.get("id")))
        return [(name if name.startswith("@") else f"@{name}", 0, None)]

    def _emoji(self, node: Mapping[str, Any]) -> list[Span]:
        attrs = _attrs(node)
        self.lose("emoji", "shown_as_text", _short(attrs.get("shortName")))
        return [(clean_text(_string(attrs.get("text")) or _string(attrs.get("shortName"))), 0, None)]

    def _date(self, node: Mapping[str, Any]) -> list[Span]:
        stamp = _attrs(node).get("timestamp")
        self.lose("date", "shown_as_text", _short(stamp))
        try:
            moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(stamp))  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            return [(clean_text(_string(stamp)), 0, None)]
        return [(moment.date().isoformat(), 0, None)]

    def _status(self, node: Mapping[str, Any]) -> list[Span]:
        attrs = _attrs(node)
        self.lose("status", "shown_as_text", _short(attrs.get("color")))
        return [(clean_text(_string(attrs.get("text"))), 0, None)]

    def _inline_card(self, node: Mapping[str, Any]) -> list[Span]:
        attrs = _attrs(node)
        self.lose(_short(node.get("type")) or "card", "shown_as_link")
        data = attrs.get("data")
        url = _string(attrs.get("url")) or _string(data.get("url") if isinstance(data, Mapping) else None)
        href = safe_href(url)
        if href is None:
            if url:
                self.lose("link", "link_refused", url[:200])
            return [(clean_text(url), 0, None)]
        name = clean_text(_string(data.get("name"))) if isinstance(data, Mapping) else ""
        return [(name.strip() or href, 0, href)]

    def _placeholder(self, node: Mapping[str, Any]) -> list[Span]:
        self.lose("placeholder", "shown_as_text")
        return [(clean_text(_string(_attrs(node).get("text"))), 0, None)]

    def _inline_extension(self, node: Mapping[str, Any]) -> list[Span]:
        self.lose("inlineExtension", "extension", _short(_attrs(node).get("extensionKey")))
        return self._extension_text(node)

    def _extension_text(self, node: Mapping[str, Any]) -> list[Span]:
        attrs = _attrs(node)
        text = clean_text(_string(attrs.get("text"))).strip() or clean_text(_string(attrs.get("extensionKey"))).strip()
        return [(f"[{text or 'extension'}]", 0, None)]

    def _own_text(self, node: Mapping[str, Any]) -> list[Span]:
        text = node.get("text") or _attrs(node).get("text")
        return [(clean_text(text), 0, None)] if isinstance(text, str) else []


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

_SPANS: Final[dict[str, Callable[[AdfReader, Mapping[str, Any]], list[Span]]]] = {
    "mention": AdfReader._mention,
    "emoji": AdfReader._emoji,
    "date": AdfReader._date,
    "status": AdfReader._status,
    "inlineCard": AdfReader._inline_card,
    "mediaInline": AdfReader._medium,
    "image": AdfReader._medium,
    "placeholder": AdfReader._placeholder,
    "inlineExtension": AdfReader._inline_extension,
}


def flat_text(node: Any) -> str:
    """All the text below a node, however deep, in order."""
    out: list[str] = []
    stack = [node]
    while stack:
        here = stack.pop()
        if not isinstance(here, Mapping):
            continue
        if isinstance(here.get("text"), str):
            out.append(here["text"])
        elif here.get("type") == "hardBreak":
            out.append("\n")
        content = here.get("content")
        if isinstance(content, list | tuple):
            stack.extend(reversed(content))
    return "".join(out)


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


def _attrs(node: Mapping[str, Any]) -> Mapping[str, Any]:
    attrs = node.get("attrs")
    return attrs if isinstance(attrs, (dict, Mapping)) else {}


def _children(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = node.get("content")
    return (
        [child for child in content if isinstance(child, (dict, Mapping))] if isinstance(content, list | tuple) else []
    )


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _short(value: Any) -> str | None:
    return None if value is None else clean_text(str(value))[:200]
