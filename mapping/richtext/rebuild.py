"""Writing edited Markdown back over the document it came from."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Any

from mapping.richtext.adf_in import AdfReader
from mapping.richtext.adf_out import nodes
from mapping.richtext.tree import Block
from mapping.richtext.writer import render


def rebuilt(blocks: list[Block], base: list[Any]) -> list[Any]:
    """The nodes of ``base`` where a block reads the same, new ones where it does not.

    A node that shows nothing (an empty paragraph) stays with the node before it.
    """
    units: list[tuple[list[Any], list[str]]] = []
    lead: list[Any] = []
    for node in base:
        texts = [render([block]) for block in AdfReader().blocks([node])]
        if texts:
            units.append(([node], texts))
        elif units:
            units[-1][0].append(node)
        else:
            lead.append(node)
    old = [(text, number) for number, (_, texts) in enumerate(units) for text in texts]
    new = [render([block]) for block in blocks]
    taken: dict[int, int] = {}
    matcher = SequenceMatcher(None, [text for text, _ in old], new, autojunk=False)
    for start, at, size in matcher.get_matching_blocks():
        for offset in range(size):
            taken[start + offset] = at + offset
    first: dict[int, int] = {}
    covered: dict[int, int] = {}
    position = 0
    for number, (_, texts) in enumerate(units):
        places = [taken.get(position + offset) for offset in range(len(texts))]
        if None not in places and places == list(range(places[0] or 0, (places[0] or 0) + len(texts))):
            first[places[0] or 0] = number
            covered.update((place or 0, number) for place in places)
        position += len(texts)
    out: list[Any] = copy.deepcopy(lead)
    for at, block in enumerate(blocks):
        if at in first:
            out += copy.deepcopy(units[first[at]][0])
        elif at not in covered:
            out += nodes([block])
    return out


def content_of(doc: Mapping[str, Any]) -> list[Any]:
    content = doc.get("content")
    return list(content) if isinstance(content, list | tuple) else []
