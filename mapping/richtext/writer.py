"""Tree -> Markdown: one spelling per tree, and one that reads back as the same tree.

Emphasis is the hard part: whether ``**`` opens or closes depends on its neighbours. Plain cases are written straight;
where a run of delimiters could be read in another way, the text is read back and, if it differs, marks are taken off
step by step until it reads as written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from mapping.richtext.addresses import addresses
from mapping.richtext.parsing import parse_spans
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
    Span,
    Table,
    plain,
    tidy,
)

_ODD = re.compile(r"[\\`*_~<&\[\]!]")
_ESCAPE = re.compile(
    r"[`*]|\\(?=[!-/:-@\[-`{-~\n]|\Z)|(?<![^\W_])_|_(?![^\W_])|~(?=~|\Z)|(?<=~)~|\A~"
    r"|<(?=(?>[^\s<>:@]*[:@])[^\s<>]*(?:>|\Z))|&(?=#?[0-9A-Za-z]{1,40};)"
)
_BRACKETS = re.compile(r"[\[\]]")
_LINE = re.compile(
    r"^(?:#(?=#{0,5}(?:[ \t]|$))|>|\+(?=[ \t]|$)|[-:|](?=[-:| \t]|$)|=(?==*[ \t]*$)|(\d{1,9})(?=[.)](?:[ \t]|$)))",
    re.MULTILINE,
)
_CLOSING_HASHES = re.compile(r"(\A|[ \t])(#+)\Z")
_AUTOLINK = re.compile(r"https?://[^\s<>\x00-\x20]+\Z", re.IGNORECASE)
_RULE = re.compile(r"(?:-[ \t]*){3,}\Z|(?:\*[ \t]*){3,}\Z")
_TICKS = re.compile(r"`+")
_BLANKS: Final = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_LINK: Final = -1
_MARKS: Final = (STRIKE, STRONG, EM)


def render(blocks: Sequence[Block]) -> str:
    """The Markdown of a tree, without outer white space."""
    return "\n".join(_lines(blocks, False))


def _lines(blocks: Sequence[Block], tight: bool) -> list[str]:
    out: list[str] = []
    previous: Block | None = None
    sign = ""
    for block in blocks:
        if isinstance(block, Para):
            lines = paragraph(block.spans).split("\n")
        elif isinstance(block, Listing):
            lines, sign = _list(block, sign if _same_list(previous, block) else "")
        elif isinstance(block, Heading):
            lines = ["#" * block.level + " " + _CLOSING_HASHES.sub(r"\1\\\2", inline(block.spans))]
        elif isinstance(block, Code):
            lines = _code(block)
        elif isinstance(block, Quote):
            lines = [f"> {line}" if line else ">" for line in _lines(block.blocks, False)]
        elif isinstance(block, Table):
            lines = _table(block)
        else:
            lines = ["___" if tight and previous is None else "---"]
        if previous is not None and not (tight and isinstance(previous, Para) and _interrupts(block)):
            out.append("")
        out += lines
        previous = block
    return out


def _same_list(previous: Block | None, block: Block) -> bool:
    return (
        isinstance(previous, Listing)
        and isinstance(block, Listing)
        and (previous.start is None) == (block.start is None)
    )


def _interrupts(block: Block) -> bool:
    """Whether a list may follow a paragraph without an empty line."""
    return (
        isinstance(block, Listing)
        and block.start in (None, 1)
        and bool(block.items)
        and bool(block.items[0])
        and isinstance(block.items[0][0], Para)
    )


def _list(block: Listing, before: str) -> tuple[list[str], str]:
    """The lines, and the sign used: another than that of a list directly before, or the two would be one."""
    items = [_lines(item, True) for item in block.items]
    start = block.start
    if start is not None:
        sign = ")" if before == "." else "."
        start = start if 0 <= start <= 900_000_000 else 1
        markers = [f"{start + index}{sign}" for index in range(len(items))]
    else:
        # Signs alone on a line would be a rule.
        sign = next(
            sign
            for sign in "-*+"
            if sign != before and not any(lines and _RULE.match(f"{sign} {lines[0]}") for lines in items)
        )
        markers = [sign] * len(items)
    out: list[str] = []
    for marker, lines in zip(markers, items, strict=True):
        if not lines:
            out.append(marker)
            continue
        indent = " " * (len(marker) + 1)
        out.append(f"{marker} {lines[0]}")
        out += [indent + line if line else "" for line in lines[1:]]
    return out, sign


def _code(block: Code) -> list[str]:
    longest = max((len(run) for run in _TICKS.findall(block.text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence + block.language, *(block.text.split("\n") if block.text else ()), fence]


def _table(block: Table) -> list[str]:
    width = max((len(row) for row in block.rows), default=0) or 1
    lines = []
    for number, row in enumerate(block.rows):
        cells = [inline(cell).replace("|", "\\|") for cell in row] + [""] * (width - len(row))
        lines.append("| " + " | ".join(cells) + " |")
        if number == 0:
            ways = [*block.aligned, *[""] * width][:width]
            lines.append("| " + " | ".join(_ALIGNED.get(way, "---") for way in ways) + " |")
    return lines


_ALIGNED: Final = {"left": ":---", "center": ":---:", "right": "---:"}


def paragraph(spans: list[Span]) -> str:
    """Spans as lines that no block construct is read from."""
    text = inline(spans)
    if "\n\n" in text:
        text = re.sub(r"\n(?=\n)", "\n\\\\", text)
    return _LINE.sub(_escape_line, text)


def _escape_line(match: re.Match[str]) -> str:
    return f"{match[1]}\\" if match[1] else f"\\{match[0]}"


def inline(spans: list[Span]) -> str:
    """Spans as inline Markdown that reads back as the same spans, if need be with fewer marks."""
    text, sure = _inline(spans)
    if sure or parse_spans(text) == spans:
        return text
    for weaker in (_off_punctuation, _without_em, _without_strike, _without_marks):
        spans = tidy(weaker(spans))
        text, sure = _inline(spans)
        if sure or parse_spans(text) == spans:
            return text
    return escape(plain(spans))


def _without_em(spans: list[Span]) -> list[Span]:
    return [(text, flags & ~EM, href) for text, flags, href in spans]


def _without_strike(spans: list[Span]) -> list[Span]:
    return [(text, flags & ~STRIKE, href) for text, flags, href in spans]


def _without_marks(spans: list[Span]) -> list[Span]:
    return [(text, flags & (CODE | IMAGE), href) for text, flags, href in spans]


def _off_punctuation(spans: list[Span]) -> list[Span]:
    """Takes marks off the punctuation at their edges, where a letter follows outside."""
    for bit in (STRONG, EM, STRIKE):
        for _ in range(2):
            out: list[Span] = []
            for span in spans:
                text, flags, href = span
                before = out[-1] if out else ("", 0, None)
                if flags & bit and not before[1] & bit and _is_word(before[0][-1:]) and not flags & (CODE | IMAGE):
                    size = next((i for i, char in enumerate(text) if _is_word(char)), len(text))
                    if size:
                        out.append((text[:size], flags & ~bit, href))
                    if size < len(text):
                        out.append((text[size:], flags, href))
                else:
                    out.append(span)
            spans = [(text[::-1], flags, href) for text, flags, href in reversed(out)]
    return spans


def _is_word(char: str) -> bool:
    """Neither white space nor punctuation, as emphasis is read."""
    if char.isalnum():
        return True
    return bool(char) and char not in "\t\n" and unicodedata.category(char)[0] not in "PS" and char not in _BLANKS


def escape(text: str, brackets: bool = False) -> str:
    """Text whose characters stand for themselves."""
    if not _ODD.search(text):
        return text
    text = _ESCAPE.sub(r"\\\g<0>", text)
    if brackets or "](" in text or "]:" in text:
        text = _BRACKETS.sub(r"\\\g<0>", text)
    return text


def _spelled(text: str) -> str:
    """Running text; an address with signs in it that would have to be escaped stands in angle brackets."""
    if "://" not in text:
        return escape(text)
    out, at = [], 0
    brackets = "](" in text or "]:" in text
    for start, end in addresses(text):
        address = text[start:end]
        if escape(address) != address:
            out += [escape(text[at:start], brackets), f"<{address}>"]
            at = end
    return "".join([*out, escape(text[at:], brackets)])


def _code_span(text: str) -> str:
    longest = max((len(run) for run in _TICKS.findall(text)), default=0)
    ticks = "`" * (longest + 1) if longest else "`"
    if text[0] == "`" or text[-1] == "`" or (text[0] == " " == text[-1] and text.strip(" ")):
        text = f" {text} "
    return f"{ticks}{text}{ticks}"


def _address(href: str) -> str:
    href = re.sub(r"\\(?=[!-/:-@\[-`{-~]|\Z)|[<>]|&(?=#?[0-9A-Za-z]{1,40};)", r"\\\g<0>", href)
    return re.sub(r"[()]", r"\\\g<0>", href)


def _inline(spans: list[Span]) -> tuple[str, bool]:
    """The spelling, and whether it surely reads back."""
    if len(spans) == 1 and not spans[0][1] and spans[0][2] is None:
        return _spelled(spans[0][0]), True
    out: list[str] = []
    marks: list[int] = []
    """Open ones, outermost first; a link among them as ``_LINK``."""
    link: str | None = None
    for index, (text, flags, href) in enumerate(spans):
        source = None
        if flags & IMAGE:
            flags, href, source = 0, None, href
        if link is not None and href != link:
            _close(out, marks, set(marks[marks.index(_LINK) + 1 :]))
            marks.remove(_LINK)
            out.append(f"]({_address(link)})")
            link = None
        _close(out, marks, {bit for bit in marks if bit != _LINK and not flags & bit})
        if href is not None and link is None:
            end = _extent(spans, index, 0, href)
            if end == index + 1 and text == href and flags == 0 and _AUTOLINK.match(text):
                out.append(f"<{text}>")
                continue
            # A mark that ends inside the link is opened anew inside it.
            _close(out, marks, {bit for bit in marks if _extent(spans, index, bit) < end})
            _open(out, marks, spans, index, end)
            if out and out[-1].endswith("!"):
                out[-1] = out[-1][:-1] + "\\!"
            out.append("[")
            marks.append(_LINK)
            link = href
        _open(out, marks, spans, index, 0)
        if source is not None:
            out.append(f"![{escape(text, True)}]({_address(source)})")
        elif flags & CODE:
            out.append(_code_span(text))
        elif flags or link is not None:
            out.append(escape(text, link is not None))
        else:
            out.append(_spelled(text))
    for bit in reversed(marks):
        out.append(f"]({_address(link or '')})" if bit == _LINK else _sign(bit))
    return "".join(out), all(_clear(spans, index) for index in range(len(spans)))


def _close(out: list[str], marks: list[int], ending: set[int]) -> None:
    """Closes marks and, for the time being, those opened after them."""
    while ending:
        bit = marks.pop()
        out.append(_sign(bit))
        ending.discard(bit)


def _open(out: list[str], marks: list[int], spans: list[Span], index: int, end: int) -> None:
    """Opens the marks of a span that reach to ``end``, the longest first."""
    flags = spans[index][1] & (STRONG | EM | STRIKE)
    if not flags:
        return
    found = [(_extent(spans, index, bit), bit) for bit in _MARKS if flags & bit and bit not in marks]
    for reach, bit in sorted(found, key=lambda pair: -pair[0]):
        if reach >= end:
            out.append(_sign(bit))
            marks.append(bit)


def _extent(spans: list[Span], index: int, bit: int, href: str | None = None) -> int:
    """Where the stretch ends that has a mark, or an address."""
    while index < len(spans) and (
        spans[index][1] & bit if bit else spans[index][2] == href and not spans[index][1] & IMAGE
    ):
        index += 1
    return index


def _sign(bit: int) -> str:
    return "**" if bit == STRONG else "*" if bit == EM else "~~"


def _clear(spans: list[Span], index: int) -> bool:
    """Whether a span's marks stand alone and their delimiters can be read in one way only."""
    text, flags, href = spans[index]
    marks = flags & (STRONG | EM | STRIKE)
    if not marks:
        return True
    if marks & (marks - 1) or flags & (CODE | IMAGE) or href is not None:
        return False
    before = spans[index - 1] if index else None
    after = spans[index + 1] if index + 1 < len(spans) else None
    for near in (before, after):
        if near is not None and (near[1] or near[2] is not None):
            return False
    left = before[0][-1] if before else " "
    right = after[0][0] if after else " "
    first, last = _is_word(text[0]), _is_word(text[-1])
    return (first or not _is_word(left)) and (last or not _is_word(right)) and left != "~" and right != "~"
