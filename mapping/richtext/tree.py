"""The tree between the spellings: what Markdown can say, and nothing more.

Inline content is a list of spans ``(text, flags, href)``. A line break is a ``\\n`` in a span's text; an image is a
span whose text is the description and whose ``href`` is the source. ``tidy`` brings spans into the one form in which
two equal texts are equal lists.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from mapping.richtext.addresses import addresses

STRONG: Final = 1
EM: Final = 2
STRIKE: Final = 4
CODE: Final = 8
IMAGE: Final = 16

DEPTH: Final = 100
"""How many levels of nesting are read; what lies deeper is kept as flat text."""

Span = tuple[str, int, str | None]


@dataclass(slots=True)
class Para:
    spans: list[Span]


@dataclass(slots=True)
class Heading:
    level: int
    spans: list[Span]


@dataclass(slots=True)
class Code:
    language: str
    text: str


@dataclass(slots=True)
class Quote:
    blocks: list[Block]


@dataclass(slots=True)
class Listing:
    start: int | None
    """The first number; None: bullets."""
    items: list[list[Block]]


@dataclass(slots=True)
class Rule:
    pass


@dataclass(slots=True)
class Table:
    rows: list[list[list[Span]]]
    """The first is the header; a header of empty cells is none."""
    aligned: list[str] = field(default_factory=list)


Block = Para | Heading | Code | Quote | Listing | Rule | Table

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufeff]")
_LANGUAGE = re.compile(r"[A-Za-z0-9_+#.\-]{1,40}")
_SCHEME = re.compile(r"([^/?#:]*):")
_SAFE = frozenset({"http", "https", "ftp", "ftps", "sftp", "mailto", "tel", "sms"})
_BROKEN = re.compile(r"[\t\n]")
_SPACES = re.compile(r"\s+")
_AROUND_BREAK = re.compile(r"[^\S\n]*\n[^\S\n]*")


def clean_text(text: str) -> str:
    """Line ends as ``\\n``; no control character but tab and line end, no half of a character."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("", text) if _CONTROL.search(text) else text


def safe_href(href: str) -> str | None:
    """The address if it may stand in a link (a web, mail or phone address, or a relative one), else None."""
    href = _SPACES.sub("%20", _BROKEN.sub("", _CONTROL.sub("", href)).strip())
    if not href:
        return None
    scheme = _SCHEME.match(href)
    if scheme and scheme[1].lower() not in _SAFE:
        return None
    return href


def language(name: str) -> str:
    """The language of a code block as far as a fence can name it."""
    found = _LANGUAGE.match(name.strip())
    return found[0] if found else ""


def plain(spans: Iterable[Span]) -> str:
    """The text alone."""
    return "".join(span[0] for span in spans)


def tidy(spans: list[Span], *, single: bool = False) -> list[Span]:
    """The one form of equal spans: neighbours of one kind are joined, no white space at the edges of lines or marks.

    ``single``: for places that have no line breaks; they become spaces.
    """
    if len(spans) == 1 and not spans[0][1] and spans[0][2] is None:
        text = spans[0][0]
        if "\n" in text:
            text = text.replace("\n", " ") if single else _AROUND_BREAK.sub("\n", text)
        text = text.strip()
        return [(text, 0, None)] if text else []
    out: list[Span] = []
    for text, flags, href in spans:
        if flags & (CODE | IMAGE) or single:
            text = text.replace("\n", " ")
        if flags & IMAGE:
            out.append((text.strip(), IMAGE, href))
            continue
        if text:
            out.append((text, flags, href))
    if any(span[1] != CODE and (span[0][:1].isspace() or span[0][-1:].isspace()) for span in out if span[1] or span[2]):
        for bit in (STRONG, EM, STRIKE, 0):
            out = _trim(out, bit)
    out = _join(_unlinked(_join(_unlinked(out))))
    if not any("\n" in span[0] for span in out):
        return _trim_ends(out)
    return _trim_lines(out)


def _unlinked(spans: list[Span]) -> list[Span]:
    """Links of addresses to themselves as the text that they are, where it would be read as just that address."""
    if not any(href is not None and href == text for text, _, href in spans):
        return spans
    out: list[Span] = []
    for span, at, found in with_addresses(spans):
        text, flags, href = span
        out.append((text, flags, None) if href == text and (at, at + len(text)) in found else span)
    return out


def with_addresses(spans: Iterable[Span]) -> Iterator[tuple[Span, int, list[tuple[int, int]]]]:
    """Each span with its place in the running text around it, and where addresses stand in that. In what is code, an
    image or a link to elsewhere stand none."""
    for (flags, apart), run in groupby(spans, lambda span: (span[1], span[2] not in (None, span[0]))):
        pieces, at = list(run), 0
        found = [] if apart or flags & (CODE | IMAGE) else list(addresses(plain(pieces)))
        for span in pieces:
            yield span, at, found
            at += len(span[0])


def _join(spans: list[Span]) -> list[Span]:
    out: list[Span] = []
    for span in spans:
        if not span[0] and not span[1] & IMAGE:
            continue
        if out and out[-1][1] == span[1] and out[-1][2] == span[2] and not span[1] & IMAGE:
            out[-1] = (out[-1][0] + span[0], span[1], span[2])
        else:
            out.append(span)
    return out


def _trim(spans: list[Span], bit: int) -> list[Span]:
    """Takes a mark (0: a link) off the white space at both ends of each stretch that carries it."""
    for _ in range(2):
        out: list[Span] = []
        inside: int | str | None = None
        for span in spans:
            text, flags, href = span
            mark = None if flags & IMAGE else (flags & bit or None) if bit else href
            if mark is None or mark == inside or flags & CODE:
                inside = mark
                out.append(span)
                continue
            rest = text.lstrip()
            if len(rest) < len(text):
                out.append((text[: len(text) - len(rest)], flags & ~bit, href if bit else None))
            if rest:
                inside = mark
                out.append((rest, flags, href))
        # The second round sees everything from the other end.
        spans = [span if span[1] & (IMAGE | CODE) else (span[0][::-1], span[1], span[2]) for span in reversed(out)]
    return spans


def _trim_ends(spans: list[Span]) -> list[Span]:
    """No white space at the edges of a single line."""
    while spans and not spans[0][1] & (CODE | IMAGE):
        text = spans[0][0].lstrip()
        if text:
            spans[0] = (text, spans[0][1], spans[0][2])
            break
        del spans[0]
    while spans and not spans[-1][1] & (CODE | IMAGE):
        text = spans[-1][0].rstrip()
        if text:
            spans[-1] = (text, spans[-1][1], spans[-1][2])
            break
        spans.pop()
    return spans


def _trim_lines(spans: list[Span]) -> list[Span]:
    """No white space at the edges of lines, no empty first or last line."""
    out: list[Span] = []
    at_start = True
    for text, flags, href in spans:
        if flags & (CODE | IMAGE):
            at_start = False
            out.append((text, flags, href))
            continue
        if "\n" in text:
            text = _AROUND_BREAK.sub("\n", text)
        if at_start:
            text = text.lstrip() if not out else text.lstrip(" \t")
        if text:
            if text[0] == "\n":
                _strip_end(out)
            out.append((text, flags, href))
            at_start = text[-1] == "\n"
    while out and not out[-1][1] & (CODE | IMAGE):
        text = out[-1][0].rstrip()
        if text:
            out[-1] = (text, out[-1][1], out[-1][2])
            break
        out.pop()
    return _join(out)


def _strip_end(out: list[Span]) -> None:
    while out and not out[-1][1] & (CODE | IMAGE) and not out[-1][0].endswith("\n"):
        text = re.sub(r"[^\S\n]+\Z", "", out[-1][0])
        if text:
            out[-1] = (text, out[-1][1], out[-1][2])
            return
        out.pop()
