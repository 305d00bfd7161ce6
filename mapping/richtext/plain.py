"""Systems that only know plain text.

Promise: ``plain_to_markdown`` keeps every word and line break; characters that Markdown would read as markup are
escaped, so they stand for themselves, and a text without such characters passes through unchanged.
``markdown_to_plain`` undoes exactly that, and shows real markup readably: signs of lists and quotes, ``name (address)``
for links, table cells parted by ``|``. For every plain text ``markdown_to_plain(plain_to_markdown(text))`` is
``cleaned(text)``: line ends as ``\\n``, no white space at the edges of lines, at most one empty line in a row, no
control characters.
"""

from __future__ import annotations

import re

from mapping.richtext.parsing import parse
from mapping.richtext.tree import CODE, IMAGE, Block, Code, Heading, Listing, Para, Quote, Rule, Span, clean_text, tidy
from mapping.richtext.writer import render

_MANY = re.compile(r"\n{3,}")


def cleaned(text: str | None) -> str | None:
    """A plain text in the form that survives a round trip through Markdown."""
    if text is None:
        return None
    lines = "\n".join(line.strip() for line in clean_text(text).split("\n"))
    return _MANY.sub("\n\n", lines).strip() or None


def plain_to_markdown(text: str | None) -> str | None:
    """Plain text as Markdown that reads the same."""
    text = cleaned(text)
    if text is None:
        return None
    blocks: list[Block] = [Para(spans) for part in text.split("\n\n") if (spans := tidy([(part, 0, None)]))]
    return render(blocks) or None


def markdown_to_plain(text: str | None) -> str | None:
    """Markdown as a person would type it where only plain text is known."""
    if text is None:
        return None
    return cleaned("\n".join(_lines(parse(text))))


def _lines(blocks: list[Block], tight: bool = False) -> list[str]:
    out: list[str] = []
    for block in blocks:
        if out and not (tight and isinstance(block, Listing)):
            out.append("")
        if isinstance(block, Para | Heading):
            out += _text(block.spans).split("\n")
        elif isinstance(block, Code):
            out += block.text.split("\n")
        elif isinstance(block, Quote):
            out += [f"> {line}".rstrip() for line in _lines(block.blocks)]
        elif isinstance(block, Listing):
            for number, item in enumerate(block.items):
                sign = "-" if block.start is None else f"{block.start + number}."
                lines = _lines(item, True) or [""]
                out.append(f"{sign} {lines[0]}".rstrip())
                out += [" " * (len(sign) + 1) + line if line else "" for line in lines[1:]]
        elif isinstance(block, Rule):
            out.append("---")
        else:
            out += [" | ".join(_text(cell) for cell in row) for row in block.rows if any(row)]
    return out


def _text(spans: list[Span]) -> str:
    out: list[str] = []
    for index, (text, flags, href) in enumerate(spans):
        out.append(text)
        if href is None or (index + 1 < len(spans) and spans[index + 1][2] == href and not flags & (IMAGE | CODE)):
            continue
        if text != href and href != f"mailto:{text}":
            out.append(f" ({href})" if text else href)
    return "".join(out)
