"""Markdown -> tree. Every line break of a paragraph counts as one, as the services show it."""

from __future__ import annotations

import re
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.parser_block import ParserBlock
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token

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
    safe_href,
    tidy,
)

_LEVELS: Final = 2 * DEPTH + 4


class _TooDeep(Exception):
    pass


class _BoundedBlocks(ParserBlock):
    """The block parser, saying so where it would otherwise leave out what is nested too deep."""

    def tokenize(self, state: StateBlock, startLine: int, endLine: int) -> None:
        if state.level >= _LEVELS:
            raise _TooDeep
        super().tokenize(state, startLine, endLine)


def _parser(*, references: bool) -> MarkdownIt:
    md = MarkdownIt("commonmark", {"html": False, "maxNesting": 10_000}).enable(["table", "strikethrough"])
    if not references:
        md.disable("reference")
    blocks = _BoundedBlocks()
    blocks.ruler = md.block.ruler
    md.block = blocks
    md.validateLink = lambda url: safe_href(url) is not None  # type: ignore[method-assign]
    md.normalizeLink = lambda url: url  # type: ignore[method-assign]
    md.normalizeLinkText = lambda link: link  # type: ignore[method-assign]
    return md


_MARKDOWN: Final = _parser(references=False)
_REFERRING: Final = _parser(references=True)
_DEFINITION: Final = re.compile(r"^[ >]*\[[^\]\n]+\]:", re.MULTILINE)


def parse(text: str) -> list[Block]:
    """The tree of a Markdown text. What is nested deeper than can be read makes the whole text plain paragraphs.

    A link's address may stand elsewhere (``[1]: address``); a line of that shape to which nothing refers is text.
    """
    text = clean_text(text)
    try:
        tokens = _MARKDOWN.parse(text)
        if _DEFINITION.search(text):
            env: dict[str, Any] = {}
            referring = _REFERRING.parse(text, env)
            defined = {safe_href(str(each["href"])) for each in env.get("references", {}).values()}
            if defined and not env.get("duplicate_refs") and defined <= _addresses(referring):
                tokens = referring
    except (_TooDeep, RecursionError):
        return [Para(spans) for part in text.split("\n\n") if (spans := tidy([(part, 0, None)]))]
    return _blocks(tokens)


def _addresses(tokens: list[Token]) -> set[str | None]:
    found: set[str | None] = set()
    for token in tokens:
        for child in token.children or ():
            if child.type in ("link_open", "image"):
                found.add(safe_href(str(child.attrs.get("href") or child.attrs.get("src") or "")))
    return found


def parse_spans(text: str) -> list[Span]:
    """The spans of inline Markdown."""
    tokens = _MARKDOWN.parseInline(text)
    return tidy(_spans(tokens[0].children or []))


def _blocks(tokens: list[Token]) -> list[Block]:
    root: list[Block] = []
    places: list[list[Any]] = [root]
    rows: list[list[list[Span]]] = []
    aligned: list[str] = []
    level = 0
    for token in tokens:
        kind = token.type
        if kind == "inline":
            content = _spans(token.children or [])
            if level < 0:
                rows[-1].append(tidy(content, single=True))
            elif level:
                if spans := tidy(content, single=True):
                    places[-1].append(Heading(level, spans))
            elif spans := tidy(content):
                places[-1].append(Para(spans))
        elif kind == "heading_open":
            level = int(token.tag[1])
        elif kind in ("heading_close", "table_close"):
            level = 0
            if kind == "table_close":
                places[-1].append(Table(rows, aligned))
        elif kind == "blockquote_open":
            quote = Quote([])
            places[-1].append(quote)
            places.append(quote.blocks)
        elif kind in ("bullet_list_open", "ordered_list_open"):
            start = None if kind[0] == "b" else int(token.attrs.get("start", 1))
            listing = Listing(start, [])
            places[-1].append(listing)
            places.append(listing.items)
        elif kind == "list_item_open":
            item: list[Block] = []
            places[-1].append(item)
            places.append(item)
        elif kind in ("blockquote_close", "bullet_list_close", "ordered_list_close", "list_item_close"):
            places.pop()
        elif kind in ("fence", "code_block"):
            places[-1].append(Code(language(token.info), token.content.removesuffix("\n")))
        elif kind == "hr":
            places[-1].append(Rule())
        elif kind == "table_open":
            rows, aligned, level = [], [], -1
        elif kind == "tr_open":
            rows.append([])
        elif kind == "th_open":
            aligned.append(str(token.attrs.get("style", "")).removeprefix("text-align:"))
    return _pruned(root)


def _pruned(blocks: list[Block]) -> list[Block]:
    """Without quotes that hold nothing."""
    kept: list[Block] = []
    for block in blocks:
        if isinstance(block, Quote):
            block.blocks = _pruned(block.blocks)
            if not block.blocks:
                continue
        elif isinstance(block, Listing):
            block.items = [_pruned(item) for item in block.items]
        kept.append(block)
    return kept


_BITS: Final = {"strong": STRONG, "em": EM, "s": STRIKE}


def _spans(tokens: list[Token]) -> list[Span]:
    out: list[Span] = []
    flags = 0
    counts = {STRONG: 0, EM: 0, STRIKE: 0}
    href: str | None = None
    opened = 0
    for token in tokens:
        kind = token.type
        if kind == "text":
            if token.content:
                out.append((token.content, flags, href))
        elif kind in ("softbreak", "hardbreak"):
            out.append(("\n", flags, href))
        elif kind == "code_inline":
            out.append((token.content, flags | CODE, href))
        elif kind == "link_open":
            href = safe_href(str(token.attrs.get("href", "")))
            opened = len(out)
        elif kind == "link_close":
            if len(out) == opened and href is not None:
                out.append((href, flags, href))
            href = None
        elif kind == "image":
            alt = "".join(span[0] for span in _spans(token.children or []))
            source = safe_href(str(token.attrs.get("src", "")))
            out.append((alt, IMAGE, source) if source else (alt, flags, href))
        else:
            name, _, end = kind.rpartition("_")
            bit = _BITS.get(name, 0)
            if bit:
                counts[bit] += 1 if end == "open" else -1
                flags = (flags | bit) if counts[bit] else (flags & ~bit)
    return out
