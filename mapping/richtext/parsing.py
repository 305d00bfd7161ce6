"""Markdown read as a tree, by a parser that is drawn in when there is something to read: it is most of this package's
weight, and a round in which nothing changed reads nothing."""

from __future__ import annotations

from mapping.richtext.tree import Block, Span


def parse(text: str) -> list[Block]:
    """The blocks of a text."""
    from mapping.richtext import reader

    return reader.parse(text)


def parse_spans(text: str) -> list[Span]:
    """A text that is one paragraph, as spans."""
    from mapping.richtext import reader

    return reader.parse_spans(text)
