"""The inline half of reading Atlassian Document Format: text with marks, and what is shown in its place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from mapping.model import Loss
from mapping.richtext.tree import CODE, DEPTH, EM, IMAGE, STRIKE, STRONG, Span, clean_text, safe_href

_SAID: Final = ("text", "title", "alt", "label", "name", "url")
"""Where nodes that nobody here knows keep what people see of them, the best first."""
_MARKS: Final = {"strong": STRONG, "em": EM, "strike": STRIKE, "code": CODE}


class InlineReader(ABC):
    """Reads inline nodes and gathers losses, each distinct one once."""

    def __init__(self) -> None:
        self._losses: dict[tuple[str, str, str], Loss] = {}

    @property
    def losses(self) -> list[Loss]:
        return list(self._losses.values())

    def lose(self, field: str, why: str, value: Any = None) -> None:
        key = (field, why, str(value))
        if key not in self._losses:
            self._losses[key] = Loss(field or "node", why, value)

    @abstractmethod
    def misplaced(self, node: Mapping[str, Any], depth: int) -> list[Span] | None:
        """A block where inline content belongs, as spans; None if it is no known block."""

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
        inside = self.misplaced(node, depth + 1)
        if inside is not None:
            self.lose(name, "structure_flattened")
            out += inside
            return
        self.lose(name, "unknown_node")
        wrapped = attrs_of(node).get("originalValue")  # what an editor met that did not know it either
        inner = self.spans(node.get("content") or ([wrapped] if wrapped else None), depth + 1)
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
                address = string(attrs_of(mark).get("href"))
                href = safe_href(address)
                if href is None:
                    self.lose("link", "link_refused", address[:200])
            else:
                attrs = attrs_of(mark) if isinstance(mark, (dict, Mapping)) else {}
                value = attrs.get("color") or attrs.get("type") or attrs.get("id")
                self.lose(short(kind) or "mark", "mark_dropped", short(value))
        return flags, href

    def _mention(self, node: Mapping[str, Any]) -> list[Span]:
        attrs = attrs_of(node)
        name = clean_text(string(attrs.get("text"))).strip() or string(attrs.get("id"))
        self.lose("mention", "shown_as_text", short(attrs.get("id")))
        return [(name if name.startswith("@") else f"@{name}", 0, None)]

    def _emoji(self, node: Mapping[str, Any]) -> list[Span]:
        attrs = attrs_of(node)
        self.lose("emoji", "shown_as_text", short(attrs.get("shortName")))
        return [(clean_text(string(attrs.get("text")) or string(attrs.get("shortName"))), 0, None)]

    def _date(self, node: Mapping[str, Any]) -> list[Span]:
        stamp = attrs_of(node).get("timestamp")
        self.lose("date", "shown_as_text", short(stamp))
        try:
            moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(stamp))  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            return [(clean_text(string(stamp)), 0, None)]
        return [(moment.date().isoformat(), 0, None)]

    def _status(self, node: Mapping[str, Any]) -> list[Span]:
        attrs = attrs_of(node)
        self.lose("status", "shown_as_text", short(attrs.get("color")))
        return [(clean_text(string(attrs.get("text"))), 0, None)]

    def _inline_card(self, node: Mapping[str, Any]) -> list[Span]:
        attrs = attrs_of(node)
        self.lose(short(node.get("type")) or "card", "shown_as_link")
        data = attrs.get("data")
        url = string(attrs.get("url")) or string(data.get("url") if isinstance(data, Mapping) else None)
        href = safe_href(url)
        if href is None:
            if url:
                self.lose("link", "link_refused", url[:200])
            return [(clean_text(url), 0, None)]
        name = clean_text(string(data.get("name"))) if isinstance(data, Mapping) else ""
        return [(name.strip() or href, 0, href)]

    def medium(self, node: Mapping[str, Any]) -> list[Span]:
        attrs = attrs_of(node)
        alt = clean_text(string(attrs.get("alt"))).strip()
        self.lose("media", "not_carried", short(attrs.get("id") or attrs.get("url")))
        source = safe_href(string(attrs.get("url"))) if attrs.get("type") == "external" or "url" in attrs else None
        if source:
            return [(alt, IMAGE, source)]
        return [(f"[{alt or 'attachment'}]", 0, None)]

    def _placeholder(self, node: Mapping[str, Any]) -> list[Span]:
        self.lose("placeholder", "shown_as_text")
        return [(clean_text(string(attrs_of(node).get("text"))), 0, None)]

    def _inline_extension(self, node: Mapping[str, Any]) -> list[Span]:
        self.lose("inlineExtension", "extension", short(attrs_of(node).get("extensionKey")))
        return self._extension_text(node)

    def _extension_text(self, node: Mapping[str, Any]) -> list[Span]:
        attrs = attrs_of(node)
        text = clean_text(string(attrs.get("text"))).strip() or clean_text(string(attrs.get("extensionKey"))).strip()
        return [(f"[{text or 'extension'}]", 0, None)]

    def _own_text(self, node: Mapping[str, Any]) -> list[Span]:
        attrs = attrs_of(node)
        shown = next(filter(None, (string(attrs.get(name)).strip() for name in _SAID)), "")
        text = string(node.get("text")) or shown
        return [(clean_text(text), 0, None)] if text else []


_SPANS: Final[dict[str, Callable[[InlineReader, Mapping[str, Any]], list[Span]]]] = {
    "mention": InlineReader._mention,
    "emoji": InlineReader._emoji,
    "date": InlineReader._date,
    "status": InlineReader._status,
    "inlineCard": InlineReader._inline_card,
    "mediaInline": InlineReader.medium,
    "image": InlineReader.medium,
    "placeholder": InlineReader._placeholder,
    "inlineExtension": InlineReader._inline_extension,
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


def attrs_of(node: Mapping[str, Any]) -> Mapping[str, Any]:
    attrs = node.get("attrs")
    return attrs if isinstance(attrs, (dict, Mapping)) else {}


def children_of(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = node.get("content")
    return (
        [child for child in content if isinstance(child, (dict, Mapping))] if isinstance(content, list | tuple) else []
    )


def string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def short(value: Any) -> str | None:
    """A value as it may stand in a loss: brief, and never a structure."""
    if value is None:
        return None
    return clean_text(str(value))[:200] if isinstance(value, str | int | float) else type(value).__name__
